//! Photos.

use std::io::Cursor;

use image::codecs::gif::GifEncoder;
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, Frame, GenericImageView, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};
use tidings::wire::media::MediaKind;

use super::{golden, keeping, looked, sent, tells};

/// Red at the top left, green at the top right, blue at the bottom left, black at the bottom right.
fn corners(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| match (x < width / 2, y < height / 2) {
        (true, true) => Rgb([250, 0, 0]),
        (false, true) => Rgb([0, 250, 0]),
        (true, false) => Rgb([0, 0, 250]),
        (false, false) => Rgb([0, 0, 0]),
    })
}

fn encoded(picture: &RgbImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::ImageRgb8(picture.clone()).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn segment(marker: u8, inside: &[u8]) -> Vec<u8> {
    [&[0xff, marker], &u16::try_from(inside.len() + 2).unwrap().to_be_bytes()[..], inside].concat()
}

/// An Exif block as a camera writes it, with its orientation, its maker and a place.
fn exif(orientation: u8) -> Vec<u8> {
    let entry = |tag: u16, kind: u16, count: u32, value: [u8; 4]| {
        [&tag.to_le_bytes()[..], &kind.to_le_bytes(), &count.to_le_bytes(), &value].concat()
    };
    let entries = [entry(0x010f, 2, 6, 38_u32.to_le_bytes()), entry(0x0112, 3, 1, [orientation, 0, 0, 0])].concat();
    [b"II\x2a\0\x08\0\0\0\x02\0", &entries[..], &[0; 4], b"Lumen\0 47.3769"].concat()
}

/// After the start of a JPEG.
fn with_segments(jpeg: &[u8], segments: &[Vec<u8>]) -> Vec<u8> {
    [&jpeg[..2], &segments.concat(), &jpeg[2..]].concat()
}

fn pixels(bytes: &[u8]) -> DynamicImage {
    image::load_from_memory(bytes).unwrap()
}

/// The colours in the four corners, by name, as they are read.
fn shown(jpeg: &[u8]) -> String {
    let picture = pixels(jpeg).to_rgb8();
    let (width, height) = picture.dimensions();
    let name = |x: u32, y: u32| match picture.get_pixel(x, y).0.map(|part| part > 128) {
        [true, false, false] => 'r',
        [false, true, false] => 'g',
        [false, false, true] => 'b',
        _ => '-',
    };
    let (x, y) = (width - 1 - width / 4, height - 1 - height / 4);
    [name(width / 4, height / 4), name(x, height / 4), name(width / 4, y), name(x, y)].iter().collect()
}

#[test]
fn what_a_phone_wrote_about_alice_is_not_in_what_bob_gets() {
    let photo = golden("photo.jpg");
    assert_eq!(tells(&photo).len(), 3, "the photo tells a lot");
    let (preview, sent) = sent(&photo, "IMG_0001.JPG");
    assert!(tells(&sent).is_empty());
    assert_eq!(pixels(&sent), pixels(&photo), "the same pixels");
    assert_eq!((preview.kind, preview.mime.as_str()), (MediaKind::Photo, "image/jpeg"));
    assert_eq!((preview.width, preview.height), (48, 64), "turned");
    assert!(tells(&preview.picture).is_empty());
    let (_, kept) = looked(&photo, "IMG_0001.JPG", keeping()).unwrap();
    assert_eq!(kept, photo, "a person may want to keep it");
}

#[test]
fn a_preview_is_turned_as_the_photo_says() {
    let jpeg = encoded(&corners(80, 40), ImageFormat::Jpeg);
    let expected = ["rgb-", "gr-b", "-bgr", "b-rg", "rbg-", "br-g", "-gbr", "g-rb"];
    for (orientation, corners) in (1..=8).zip(expected) {
        let photo = with_segments(&jpeg, &[segment(0xe1, &[b"Exif\0\0", &exif(orientation)[..]].concat())]);
        let (preview, sent) = sent(&photo, "a.jpg");
        assert_eq!(shown(&preview.picture), corners, "{orientation}");
        let size = if orientation < 5 { (80, 40) } else { (40, 80) };
        assert_eq!((preview.width, preview.height), size, "{orientation}");
        assert_eq!(pixels(&preview.picture).dimensions(), size, "{orientation}");
        assert!(tells(&sent).is_empty());
        let stays = sent.windows(6).filter(|window| window == b"Exif\0\0").count();
        assert_eq!(stays, usize::from(orientation > 1), "the orientation stays, so that Bob sees it the right way up");
    }
}

#[test]
fn a_large_photo_has_a_small_preview() {
    let noise = RgbImage::from_fn(1_500, 900, |x, y| {
        let hash = (x * 7_919 + y * 104_729).wrapping_mul(2_654_435_761);
        Rgb([(hash >> 8) as u8, (hash >> 16) as u8, (hash >> 24) as u8])
    });
    let (preview, _) = sent(&encoded(&noise, ImageFormat::Jpeg), "noise.jpg");
    assert!((1..=16 * 1024).contains(&preview.picture.len()), "{}", preview.picture.len());
    let (width, height) = pixels(&preview.picture).dimensions();
    assert!(width <= 400 && width * 3 / 5 == height, "{width} x {height}");
    let (thin, _) = sent(&encoded(&RgbImage::new(3_000, 1), ImageFormat::Png), "line.png");
    assert_eq!((thin.width, thin.height), (3_000, 1));
    assert_eq!(pixels(&thin.picture).dimensions(), (400, 1));
}

#[test]
fn every_other_segment_of_a_jpeg_goes() {
    let jpeg = encoded(&corners(80, 40), ImageFormat::Jpeg);
    let profile = segment(0xe2, b"ICC_PROFILE\0\x01\x01profile");
    let thumbnail = segment(0xe0, b"JFXX\0\x10 Lumen");
    let telling = [
        segment(0xe1, b"http://ns.adobe.com/xap/1.0/\0 Zurich"),
        segment(0xe2, b"MPF\0 Lumen"),
        segment(0xed, b"Photoshop 3.0\0 Zurich"),
        segment(0xeb, b"never heard of, from Zurich"),
        segment(0xfe, b"taken at home"),
        thumbnail,
    ];
    let film_behind = golden("film.mp4");
    let photo = [with_segments(&jpeg, &[&telling[..], std::slice::from_ref(&profile)].concat()), film_behind].concat();
    let (_, sent) = sent(&photo, "a.jpg");
    assert!(tells(&sent).is_empty());
    assert_eq!(pixels(&sent), pixels(&photo));
    assert!(sent.windows(profile.len()).any(|window| window == profile), "colours need the profile");
    assert_eq!(sent.len(), jpeg.len() + profile.len(), "and nothing else is there");
}

#[test]
fn a_scan_in_several_parts_is_kept_whole() {
    // Restart markers and stuffed bytes look like segments, and are none.
    let noise = RgbImage::from_fn(64, 64, |x, y| Rgb([((x * 37) ^ (y * 91)) as u8; 3]));
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, 100).encode_image(&noise).unwrap();
    assert!(jpeg.windows(2).any(|window| window == [0xff, 0]), "there are stuffed bytes in it");
    let (_, whole) = sent(&jpeg, "a.jpg");
    assert_eq!(whole, jpeg);
}

#[test]
fn a_png_tells_how_it_looks_and_nothing_else() {
    let png = encoded(&corners(40, 30), ImageFormat::Png);
    let chunk =
        |kind: &[u8; 4], inside: &[u8]| [&u32::try_from(inside.len()).unwrap().to_be_bytes()[..], kind, inside, &[1, 2, 3, 4]].concat();
    let telling =
        [chunk(b"tEXt", b"Comment\0at home"), chunk(b"tIME", &[7; 7]), chunk(b"zzZz", b"Zurich"), chunk(b"gAMA", &[0, 0, 0xb1, 0x8f])];
    let (header, rest) = png.split_at(33);
    let photo = [header, &telling.concat(), rest, b"Lumen"].concat();
    let (preview, sent) = sent(&photo, "a.png");
    assert_eq!(sent, [header, &telling[3], rest].concat());
    assert_eq!(shown(&preview.picture), "rgb-");
    let turned = [header, &chunk(b"eXIf", &exif(6)), rest].concat();
    let (preview, sent) = super::sent(&turned, "a.png");
    assert_eq!((preview.width, preview.height, shown(&preview.picture).as_str()), (30, 40, "br-g"));
    assert!(tells(&sent).is_empty());
    assert_eq!(pixels(&sent), pixels(&png), "with a right check behind its orientation");
}

#[test]
fn a_webp_tells_how_it_looks_and_nothing_else() {
    let webp = encoded(&corners(40, 30), ImageFormat::WebP);
    let chunk = |kind: &[u8; 4], inside: &[u8]| {
        [&kind[..], &u32::try_from(inside.len()).unwrap().to_le_bytes(), inside, &[0][..inside.len() & 1]].concat()
    };
    let coded = &webp[12..];
    let extended = chunk(b"VP8X", &[0x0c, 0, 0, 0, 39, 0, 0, 29, 0, 0]);
    let inside =
        [b"WEBP", &extended[..], coded, &chunk(b"EXIF", &exif(1)), &chunk(b"XMP ", b"Zurich!"), &chunk(b"ZZZZ", b"Lumen")].concat();
    let photo = [&chunk(b"RIFF", &inside)[..], b"at home"].concat();
    let (preview, sent) = sent(&photo, "a.webp");
    assert_eq!((preview.mime.as_str(), preview.width, preview.height), ("image/webp", 40, 30));
    assert_eq!(shown(&preview.picture), "rgb-");
    assert!(tells(&sent).is_empty());
    assert_eq!(sent, chunk(b"RIFF", &[b"WEBP", &chunk(b"VP8X", &[0, 0, 0, 0, 39, 0, 0, 29, 0, 0])[..], coded].concat()));
    assert_eq!(pixels(&sent), pixels(&webp));
    let turned =
        chunk(b"RIFF", &[b"WEBP", &chunk(b"VP8X", &[0x08, 0, 0, 0, 39, 0, 0, 29, 0, 0])[..], coded, &chunk(b"EXIF", &exif(8))].concat());
    let (preview, _) = super::sent(&turned, "a.webp");
    assert_eq!((preview.width, preview.height, shown(&preview.picture).as_str()), (30, 40, "g-rb"));
}

#[test]
fn a_gif_goes_on_moving() {
    let mut gif = Vec::new();
    let mut encoder = GifEncoder::new(&mut gif);
    encoder.set_repeat(image::codecs::gif::Repeat::Infinite).unwrap();
    for colour in [[250, 0, 0, 255], [0, 0, 250, 255]] {
        encoder.encode_frame(Frame::new(RgbaImage::from_pixel(20, 10, Rgba(colour)))).unwrap();
    }
    drop(encoder);
    let head = 13 + if gif[10] & 0x80 == 0 { 0 } else { 3 << ((gif[10] & 7) + 1) };
    let comment = b"\x21\xfe\x07at home\0";
    let xmp = b"\x21\xff\x0bXMP DataXMP\x06Zurich\0";
    let photo = [&gif[..head], comment, xmp, &gif[head..], b"Lumen"].concat();
    let (preview, sent) = sent(&photo, "a.gif");
    assert_eq!(sent, gif);
    assert_eq!((preview.mime.as_str(), preview.width, preview.height), ("image/gif", 20, 10));
    assert_eq!(shown(&preview.picture), "rrrr");
}

#[test]
fn what_is_transparent_shows_white() {
    let clear = RgbaImage::from_fn(40, 40, |x, _| if x < 20 { Rgba([0, 0, 0, 0]) } else { Rgba([250, 0, 0, 255]) });
    let mut png = Cursor::new(Vec::new());
    clear.write_to(&mut png, ImageFormat::Png).unwrap();
    let (preview, _) = sent(png.get_ref(), "a.png");
    let small = pixels(&preview.picture).to_rgb8();
    assert!(small.get_pixel(5, 20).0.iter().all(|part| *part > 245), "{:?}", small.get_pixel(5, 20));
    assert!(small.get_pixel(35, 20).0[1] < 30);
}

#[test]
fn an_avif_has_its_size_and_loses_its_place() {
    let photo = golden("photo.avif");
    assert!(!tells(&photo).is_empty());
    let (preview, sent) = sent(&photo, "a.avif");
    assert_eq!((preview.kind, preview.mime.as_str(), preview.width, preview.height), (MediaKind::Photo, "image/avif", 64, 48));
    assert!(preview.picture.is_empty(), "nobody here decodes it");
    assert!(tells(&sent).is_empty());
    assert_eq!(sent.len(), photo.len(), "nothing moved");
}
