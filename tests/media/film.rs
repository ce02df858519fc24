//! Videos.

use tidings::media::MediaError;
use tidings::wire::media::MediaKind;

use super::{golden, keeping, looked, sent, tells};

fn boxed(kind: &[u8; 4], inside: &[&[u8]]) -> Vec<u8> {
    let inside = inside.concat();
    [&u32::try_from(inside.len() + 8).unwrap().to_be_bytes()[..], kind, &inside].concat()
}

/// The boxes at the top of a film, with what is in them.
fn boxes(film: &[u8]) -> Vec<(&[u8], &[u8])> {
    let (mut found, mut rest) = (Vec::new(), film);
    while let Some(head) = rest.first_chunk::<4>() {
        let (this, next) = rest.split_at(u32::from_be_bytes(*head) as usize);
        found.push((&this[4..8], &this[8..]));
        rest = next;
    }
    found
}

/// A track of a handler whose samples, of these sizes, lie one in each chunk at these places.
fn track(handler: &[u8; 4], samples: &[(u32, u32)]) -> Vec<u8> {
    let list = |numbers: &[u32]| numbers.iter().flat_map(|number| number.to_be_bytes()).collect::<Vec<u8>>();
    let count = u32::try_from(samples.len()).unwrap();
    let sizes: Vec<u32> = samples.iter().map(|(_, size)| *size).collect();
    let places: Vec<u32> = samples.iter().map(|(place, _)| *place).collect();
    let tables = boxed(
        b"stbl",
        &[
            &boxed(b"stsd", &[&[0; 8]]),
            &boxed(b"stsc", &[&list(&[0, 1, 1, 1, 1])]),
            &boxed(b"stsz", &[&list(&[0, 0, count]), &list(&sizes)]),
            &boxed(b"stco", &[&list(&[0, count]), &list(&places)]),
        ],
    );
    let handler = boxed(b"hdlr", &[&[0; 8], handler, &[0; 12], b"Lumen\0"]);
    let media = boxed(b"mdia", &[&boxed(b"mdhd", &[&[0; 24]]), &handler, &boxed(b"minf", &[&tables])]);
    boxed(b"trak", &[&boxed(b"tkhd", &[&[0; 84]]), &media])
}

#[test]
fn a_film_from_a_phone_loses_its_place_and_nothing_of_it_moves() {
    let film = golden("film.mp4");
    assert!(!tells(&film).is_empty());
    let (preview, clean) = sent(&film, "film.mp4");
    assert_eq!((preview.kind, preview.mime.as_str()), (MediaKind::Video, "video/mp4"));
    assert_eq!((preview.width, preview.height), (48, 64), "turned");
    assert!((990..=1_100).contains(&preview.duration_ms), "{} ms", preview.duration_ms);
    assert!(tells(&clean).is_empty());
    assert_eq!(clean.len(), film.len());
    let data = |bytes: &[u8]| boxes(bytes).into_iter().find(|(kind, _)| kind == b"mdat").map(|(_, inside)| inside.to_vec());
    assert_eq!(data(&clean), data(&film), "the same pictures and sounds");
    for table in [b"stco", b"stsz", b"stts", b"avcC", b"esds"] {
        let at = film.windows(4).position(|window| window == table).unwrap();
        let size = u32::from_be_bytes(*film[at - 4..].first_chunk::<4>().unwrap()) as usize;
        assert_eq!(clean[at - 4..at - 4 + size], film[at - 4..at - 4 + size], "{}", String::from_utf8_lossy(table));
    }
    assert_eq!(looked(&film, "film.mp4", keeping()).unwrap().1, film);
}

#[test]
fn a_track_of_places_goes_with_its_samples() {
    let start = boxed(b"ftyp", &[b"isom\0\0\0\0isom"]);
    let data_from = u32::try_from(start.len() + 8).unwrap();
    // A picture, a place, a picture, a place.
    let data = boxed(b"mdat", &[b"PICTURE1", b"47.37,8.54", b"PICTURE2", b"47.38,8.54"]);
    let movie = |handler: &[u8; 4]| {
        let pictures = track(b"vide", &[(data_from, 8), (data_from + 18, 8)]);
        let places = track(handler, &[(data_from + 8, 10), (data_from + 26, 10)]);
        boxed(b"moov", &[&boxed(b"mvhd", &[&[0; 100]]), &pictures, &places])
    };
    for handler in [b"meta", b"camm", b"tmcd", b"????"] {
        let film = [&start[..], &data, &movie(handler)].concat();
        let (_, clean) = sent(&film, "a.mp4");
        assert_eq!(clean.len(), film.len());
        let blank = [0; 10];
        assert_eq!(boxes(&clean)[1].1, [&b"PICTURE1"[..], &blank, b"PICTURE2", &blank].concat());
        assert!(tells(&clean).is_empty(), "and the names of handlers");
    }
    let film = [&start[..], &data, &movie(b"text")].concat();
    assert_eq!(boxes(&sent(&film, "a.mp4").1)[1].1, &data[8..], "words are part of a film");
    // In fragments, the samples lie in more places than the tables say.
    let film = [&start[..], &data, &movie(b"meta"), &boxed(b"moof", &[])].concat();
    assert!(matches!(looked(&film, "a.mp4", Default::default()), Err(MediaError::Metadata { format: "MP4", .. })));
    assert_eq!(looked(&film, "a.mp4", keeping()).unwrap().1, film, "the way out");
}

#[test]
fn a_film_in_fragments_says_how_long_it_plays() {
    let list = |numbers: &[u32]| numbers.iter().flat_map(|number| number.to_be_bytes()).collect::<Vec<u8>>();
    let header = boxed(b"tkhd", &[&list(&[0, 0, 0, 7]), &[0; 68]]);
    let handler = boxed(b"hdlr", &[&[0; 8], b"vide", &[0; 12], b"\0"]);
    // A thousand ticks in a second; how many of them there are is not known.
    let media = boxed(b"mdia", &[&boxed(b"mdhd", &[&list(&[0, 0, 0, 1_000, 0, 0])]), &handler]);
    let extends = boxed(b"mvex", &[&boxed(b"trex", &[&list(&[0, 7, 1, 40, 0, 0])])]);
    let movie = boxed(b"moov", &[&boxed(b"mvhd", &[&[0; 100]]), &boxed(b"trak", &[&header, &media]), &extends]);
    let fragment =
        |track: u32, parts: &[&[u8]]| boxed(b"moof", &[&boxed(b"traf", &[&boxed(b"tfhd", &[&list(&[0, track])]), &parts.concat()])]);
    let defaults = fragment(7, &[&boxed(b"tfdt", &[&list(&[0, 0])]), &boxed(b"trun", &[&list(&[0, 25])])]);
    let each = boxed(b"trun", &[&list(&[0x301, 2, 0, 500, 9, 250, 9])]);
    let later = fragment(7, &[&boxed(b"tfdt", &[&list(&[0x0100_0000, 0, 2_000])]), &each]);
    let stranger = fragment(8, &[&boxed(b"trun", &[&list(&[0, u32::MAX])])]);
    let start = boxed(b"ftyp", &[b"isom\0\0\0\0isom"]);
    let duration = |fragments: &[&[u8]]| sent(&[&start[..], &movie, &fragments.concat()].concat(), "a.mp4").0.duration_ms;
    assert_eq!(duration(&[&defaults]), 1_000, "25 samples of 40 ms");
    assert_eq!(duration(&[&defaults, &later, &stranger]), 2_750, "from two seconds on, 500 and 250 ms");
    let claims = fragment(7, &[&boxed(b"trun", &[&list(&[0x101, u32::MAX, 0, 500])])]);
    assert_eq!(duration(&[&claims]), 500, "not more samples than are there");
}

#[test]
fn boxes_that_nobody_knows_are_emptied() {
    let film = golden("film.mp4");
    let telling = [boxed(b"uuid", &[b"XXXXXXXXXXXXXXXX at home"]), boxed(b"free", &[b"Lumen"]), boxed(b"abcd", &[b"Zurich"])].concat();
    let behind = b"\0\0\0\x03no box: Lumen";
    let (_, clean) = sent(&[&film[..], &telling, behind].concat(), "a.mp4");
    assert!(tells(&clean).is_empty());
    assert_eq!(clean.len(), film.len() + telling.len(), "what is no box at all is cut off");
    let kinds: Vec<&[u8]> = boxes(&clean).into_iter().rev().take(3).map(|(kind, _)| kind).collect();
    assert_eq!(kinds, [b"free"; 3]);
}

#[test]
fn a_film_from_a_browser_has_a_poster() {
    let film = golden("film.webm");
    assert!(!tells(&film).is_empty());
    let (preview, clean) = sent(&film, "film.webm");
    assert_eq!((preview.kind, preview.mime.as_str(), preview.width, preview.height), (MediaKind::Video, "video/webm", 64, 48));
    assert!((990..=1_100).contains(&preview.duration_ms), "{} ms", preview.duration_ms);
    let poster = image::load_from_memory(&preview.picture).unwrap();
    assert_eq!((poster.width(), poster.height()), (64, 48));
    assert!(tells(&clean).is_empty());
    assert_eq!(clean.len(), film.len(), "nothing moved");
    let cluster = film.windows(4).position(|window| window == [0x1f, 0x43, 0xb6, 0x75]).unwrap();
    let end = film.windows(4).rposition(|window| window == [0x1c, 0x53, 0xbb, 0x6b]).unwrap_or(film.len());
    assert_eq!(clean[cluster..end], film[cluster..end]);
}
