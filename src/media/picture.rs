//! The small JPEG of a picture, and its orientation.

use std::io::{BufReader, Cursor, Read, Seek};
use std::sync::Mutex;

use fast_image_resize::images::Image;
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::codecs::jpeg::JpegEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, ExtendedColorType, ImageDecoder, ImageEncoder, ImageFormat, ImageReader, Limits, RgbImage};

use super::input::Input;
use super::kind::Format;
use crate::types::limits::{
    PICTURE_DECODE_BYTES_MAX, PICTURE_FILE_BYTES_MAX, PICTURE_PIXELS_FREE, PICTURE_PIXELS_MAX, PICTURE_PIXELS_PER_BYTE_MAX,
    PREVIEW_PICTURE_BYTES, PREVIEW_PICTURE_SIDE, PREVIEW_PROFILE_BYTES_MAX,
};

/// A picture as it is shown at once.
pub(super) struct Shown {
    /// Of the whole picture, after its orientation was applied.
    pub(super) width: u32,
    pub(super) height: u32,
    /// Empty when it cannot be decoded within the limits.
    pub(super) jpeg: Vec<u8>,
}

/// One picture is decoded at a time: that bounds the memory of all of them.
static DECODING: Mutex<()> = Mutex::new(());

/// The small picture of a file, its orientation as the walk through it found it; 0: as the decoder finds it.
pub(super) fn shown<F: Read + Seek>(input: &mut Input<'_, F>, format: Format, orientation: u8) -> Option<Shown> {
    let format = match format {
        Format::Jpeg => ImageFormat::Jpeg,
        Format::Png => ImageFormat::Png,
        Format::Webp => ImageFormat::WebP,
        Format::Gif => ImageFormat::Gif,
        _ => return None,
    };
    if input.length() > PICTURE_FILE_BYTES_MAX {
        return None;
    }
    let bytes = input.length();
    small(BufReader::new(input.rewound().ok()?), bytes, format, orientation)
}

/// The small picture of a file that is in memory: a frame of a video, or a cover.
pub(super) fn poster(bytes: &[u8]) -> Option<Vec<u8>> {
    let format = image::guess_format(bytes).ok()?;
    small(Cursor::new(bytes), bytes.len() as u64, format, 0).map(|shown| shown.jpeg).filter(|jpeg| !jpeg.is_empty())
}

/// Whether width and height change places.
pub(super) fn is_turned(orientation: u8) -> bool {
    orientation >= 5
}

/// The orientation in an Exif block, 1 to 8; 0 when it says none.
pub(super) fn orientation(exif: &[u8]) -> u8 {
    Orientation::from_exif_chunk(exif).map_or(0, Orientation::to_exif)
}

/// An Exif block (TIFF 6.0) that says the orientation and nothing else.
pub(super) fn exif(orientation: u8) -> Vec<u8> {
    [b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0", &[orientation][..], &[0; 6]].concat()
}

fn small<R: std::io::BufRead + Seek>(reader: R, bytes: u64, format: ImageFormat, orientation: u8) -> Option<Shown> {
    let _one = DECODING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut limits = Limits::default();
    limits.max_alloc = Some(PICTURE_DECODE_BYTES_MAX);
    let mut reader = ImageReader::with_format(reader, format);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().ok()?;
    let orientation = match Orientation::from_exif(orientation) {
        Some(orientation) => orientation,
        None => decoder.orientation().unwrap_or(Orientation::NoTransforms),
    };
    let (width, height) = decoder.dimensions();
    let pixels_max = PICTURE_PIXELS_MAX.min(PICTURE_PIXELS_FREE + bytes.saturating_mul(PICTURE_PIXELS_PER_BYTE_MAX));
    let fits = u64::from(width) * u64::from(height) <= pixels_max && decoder.total_bytes() <= PICTURE_DECODE_BYTES_MAX;
    let profile = decoder.icc_profile().ok().flatten();
    let decoded = if fits { DynamicImage::from_decoder(decoder).ok() } else { None };
    let jpeg = decoded.and_then(|picture| jpeg(picture, orientation, profile)).unwrap_or_default();
    let (width, height) = if is_turned(orientation.to_exif()) { (height, width) } else { (width, height) };
    Some(Shown { width, height, jpeg })
}

/// As large and as good as fits what a preview aims at.
fn jpeg(picture: DynamicImage, orientation: Orientation, profile: Option<Vec<u8>>) -> Option<Vec<u8>> {
    // A profile of colours as screens have them; without it the small picture would look paler than the large one.
    let profile = profile.filter(|profile| profile.len() <= PREVIEW_PROFILE_BYTES_MAX && profile.get(16..20) == Some(b"RGB "));
    let picture = resized(picture, PREVIEW_PICTURE_SIDE)?;
    for (side, quality) in [(PREVIEW_PICTURE_SIDE, 75), (320, 70), (320, 55), (240, 55), (160, 50), (96, 50)] {
        let mut small = if side == PREVIEW_PICTURE_SIDE { picture.clone() } else { resized(picture.clone(), side)? };
        small.apply_orientation(orientation);
        let (mut bytes, small) = (Vec::new(), small.into_rgb8());
        let mut encoder = JpegEncoder::new_with_quality(&mut bytes, quality);
        if let Some(profile) = &profile {
            encoder.set_icc_profile(profile.clone()).ok()?;
        }
        encoder.write_image(small.as_raw(), small.width(), small.height(), ExtendedColorType::Rgb8).ok()?;
        if bytes.len() <= PREVIEW_PICTURE_BYTES {
            return Some(bytes);
        }
    }
    None
}

/// Not longer than this on either side, without transparency, which JPEG has not: white shows through.
fn resized(picture: DynamicImage, side: u32) -> Option<DynamicImage> {
    let (width, height) = (picture.width(), picture.height());
    let longer = width.max(height);
    let scaled =
        |length: u32| u32::try_from(u64::from(length) * u64::from(side.min(longer)) / u64::from(longer.max(1))).unwrap_or(side).max(1);
    let (has_alpha, pixels) = match picture.color().has_alpha() {
        true => (true, picture.into_rgba8().into_raw()),
        false => (false, picture.into_rgb8().into_raw()),
    };
    let kind = if has_alpha { PixelType::U8x4 } else { PixelType::U8x3 };
    let from = Image::from_vec_u8(width, height, pixels, kind).ok()?;
    let mut to = Image::new(scaled(width), scaled(height), kind);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3));
    Resizer::new().resize(&from, &mut to, &options).ok()?;
    let (width, height, pixels) = (to.width(), to.height(), to.into_vec());
    let on_white = |pixel: &[u8]| {
        let alpha = u32::from(pixel[3]);
        [0, 1, 2].map(|at| u8::try_from((u32::from(pixel[at]) * alpha + 255 * (255 - alpha) + 127) / 255).unwrap_or(u8::MAX))
    };
    let pixels = if has_alpha { pixels.chunks_exact(4).flat_map(on_white).collect() } else { pixels };
    RgbImage::from_raw(width, height, pixels).map(DynamicImage::ImageRgb8)
}
