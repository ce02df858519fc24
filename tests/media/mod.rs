//! Tests of `media`: Alice sends what her phone made; what Bob sees at once is true, what he gets looks and sounds the same, and where she was is not in it.
//!
//! `golden/` holds small real files: `scripts/media-files` makes larger ones. They were made with ffmpeg, ImageMagick and exiftool, with a place (47.3769, 8.5417), a town, a
//! camera (Lumen) and a comment in them.

mod film;
mod hostile;
mod name;
mod photo;
mod sound;

use std::io::Cursor;

use tidings::media::{Examined, MediaError, Wants, examine};
use tidings::wire::bound::Bounded;
use tidings::wire::media::Preview;

/// What Alice's files tell, and nobody should learn.
const SECRETS: &[&[u8]] = &[b"47.37", b"Lumen", b"Zurich", b"at home", b"Exif\0\0II", b"\xa9xyz"];

fn golden(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/media/golden/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn looked(bytes: &[u8], name: &str, wants: Wants) -> Result<(Preview, Vec<u8>), MediaError> {
    let mut file = Cursor::new(bytes);
    let Examined { preview, cleaned } = examine(&mut file, name, wants)?;
    let mut sent = Vec::new();
    cleaned.copy(&mut file, &mut sent)?;
    assert_eq!(sent.len() as u64, cleaned.bytes(), "the size is told before it is sent");
    assert!(!cleaned.is_whole() || sent == bytes);
    assert!(preview.is_bounded(), "{preview:?}");
    Ok((preview, sent))
}

/// What Bob sees and gets.
fn sent(bytes: &[u8], name: &str) -> (Preview, Vec<u8>) {
    let (preview, sent) = looked(bytes, name, Wants::default()).unwrap();
    if let Ok((again, twice)) = looked(&sent, name, Wants::default()) {
        assert_eq!((again, &twice), (preview.clone(), &sent), "a clean file stays as it is");
    } else {
        panic!("what was sent cannot be sent again");
    }
    (preview, sent)
}

fn tells(bytes: &[u8]) -> Vec<&'static [u8]> {
    SECRETS.iter().filter(|secret| bytes.windows(secret.len()).any(|window| window == **secret)).copied().collect()
}

fn keeping() -> Wants {
    Wants { keep_metadata: true, ..Wants::default() }
}

fn as_voice() -> Wants {
    Wants { as_voice: true, ..Wants::default() }
}
