//! Broken files and files that are made to hurt.

use std::io::{self, Cursor, Read, Seek, SeekFrom};

use tidings::media::{MediaError, Wants, examine};
use tidings::wire::bound::Bounded;
use tidings::wire::media::MediaKind;

use super::{golden, looked, sent, tells};

const GOLDEN: &[&str] = &["film.mp4", "film.webm", "photo.avif", "photo.jpg", "song.m4a", "song.mp3", "voice.ogg", "voice.webm"];

/// Whatever happens, what is sent of a damaged file is no more than there was, and its preview keeps its bounds.
fn survives(bytes: &[u8], name: &str) -> bool {
    match looked(bytes, name, Wants::default()) {
        Ok((_, sent)) => {
            assert!(sent.len() <= bytes.len() + 64, "{name}");
            true
        }
        Err(MediaError::Metadata { .. }) => {
            let (_, kept) = looked(bytes, name, super::keeping()).unwrap();
            assert_eq!(kept, bytes, "{name}: the way out");
            false
        }
        Err(error) => panic!("{name}: {error}"),
    }
}

#[test]
fn files_that_are_cut_off_go_as_far_as_they_go() {
    for name in GOLDEN {
        let whole = golden(name);
        for part in 0..24 {
            let cut = &whole[..whole.len() * part / 24];
            if survives(cut, name) && part < 23 {
                let told = tells(&looked(cut, name, Wants::default()).unwrap().1);
                assert!(told.is_empty(), "{name}, {part} of 24 parts: {told:?}");
            }
        }
    }
}

#[test]
fn damaged_files_are_survived() {
    for name in GOLDEN {
        let whole = golden(name);
        let step = whole.len().min(900) / 60;
        for at in (0..whole.len().min(900)).step_by(step.max(1)) {
            for damage in [0xff, 0x80] {
                let mut damaged = whole.clone();
                damaged[at] ^= damage;
                survives(&damaged, name);
            }
        }
    }
}

#[test]
fn a_header_of_many_pixels_takes_no_memory() {
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\x01\x86\xa0\0\x01\x86\xa0\x08\x02\0\0\0\xd0\x92\x1f\xfb\0\0\0\0IDAT\x35\xaf\x06\x1e";
    let (preview, _) = sent(png, "huge.png");
    assert_eq!((preview.kind, preview.width, preview.height), (MediaKind::Photo, 100_000, 100_000));
    assert!(preview.picture.is_empty());
    let mut beyond = png.to_vec();
    beyond[16..24].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]);
    assert_eq!(sent(&beyond, "huge.png").0.width, 0, "no picture has so many");
    let mut jpeg = golden("photo.jpg");
    let frame = jpeg.windows(2).rposition(|window| window == [0xff, 0xc0]).unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0xff; 4]);
    let (preview, _) = sent(&jpeg, "huge.jpg");
    assert_eq!((preview.width, preview.height, preview.picture.len()), (65_535, 65_535, 0));
}

#[test]
fn a_few_bytes_that_claim_a_photo_are_not_decoded() {
    // One pixel, on a canvas of forty million.
    let mut gif = b"GIF89a\x40\x1f\x88\x13\x80\0\0\xff\xff\xff\0\0\0\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0\x3b".to_vec();
    let (preview, _) = sent(&gif, "a.gif");
    assert_eq!((preview.width, preview.height, preview.picture.len()), (8_000, 5_000, 0));
    gif[6..10].copy_from_slice(&[100, 0, 100, 0]);
    assert!(!sent(&gif, "a.gif").0.picture.is_empty(), "of a size that fits its bytes it is");
}

#[test]
fn sizes_that_overflow_are_refused() {
    let huge = [0xff; 8];
    let film = |kind: &[u8; 4]| [&b"\0\0\0\x10ftypisom\0\0\0\0\0\0\0\x01"[..], kind, &huge].concat();
    for kind in [b"moov", b"moof"] {
        assert!(!survives(&film(kind), "a.mp4"), "{}", String::from_utf8_lossy(kind));
    }
    let webm = |size: &[u8]| {
        [&b"\x1a\x45\xdf\xa3\x87\x42\x82\x84webm\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff\x12\x54\xc3\x67"[..], size].concat()
    };
    for size in [&b"\x01\xff\xff\xff\xff\xff\xff\xfe"[..], b"\x01\xff\xff\xff\xff\xff\xff\xff", b"\x00"] {
        survives(&webm(size), "a.webm");
    }
    let png = b"\x89PNG\r\n\x1a\n\xff\xff\xff\xffIHDR";
    assert!(!survives(png, "a.png"));
    let webp = b"RIFF\xff\xff\xff\xffWEBPVP8X\xff\xff\xff\xff";
    assert!(!survives(webp, "a.webp"));
    let gif = b"GIF89a\xff\xff\xff\xff\xff\0\0";
    survives(gif, "a.gif");
}

#[test]
fn what_is_not_understood_is_not_sent() {
    let photo = golden("photo.jpg");
    let between = [&photo[..20], b"between its segments", &photo[20..]].concat();
    let error = looked(&between, "a.jpg", Wants::default()).unwrap_err();
    assert!(matches!(error, MediaError::Metadata { format: "JPEG", .. }));
    assert!(error.to_string().contains("send it with its metadata"), "{error}");
    assert!(!survives(&between, "a.jpg"));
    let deep = (0..4_000).fold(b"\0\0\0\x08free".to_vec(), |inside, _| {
        [&u32::try_from(inside.len() + 8).unwrap().to_be_bytes()[..], b"moov", &inside].concat()
    });
    survives(&[&b"\0\0\0\x10ftypisom\0\0\0\0"[..], &deep].concat(), "deep.mp4");
}

/// A file that has no end that anybody will see: the same piece again and again.
struct Endless {
    head: Vec<u8>,
    piece: Vec<u8>,
    length: u64,
    at: u64,
    read: u64,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.length - self.at.min(self.length)).unwrap_or(usize::MAX);
        let count = buffer.len().min(left);
        let mut filled = 0;
        while filled < count {
            let at = usize::try_from(self.at).unwrap();
            let here = self
                .head
                .get(at..)
                .filter(|here| !here.is_empty())
                .unwrap_or_else(|| &self.piece[(at - self.head.len()) % self.piece.len()..]);
            let taken = here.len().min(count - filled);
            buffer[filled..filled + taken].copy_from_slice(&here[..taken]);
            (filled, self.at) = (filled + taken, self.at + taken as u64);
        }
        self.read += count as u64;
        Ok(count)
    }
}

impl Seek for Endless {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.at = match to {
            SeekFrom::Start(at) => at,
            SeekFrom::End(back) => self.length.saturating_add_signed(back),
            SeekFrom::Current(on) => self.at.saturating_add_signed(on),
        };
        Ok(self.at)
    }
}

#[test]
fn an_endless_recording_ends() {
    let voice = golden("voice.ogg");
    let second = voice.windows(4).enumerate().filter(|(_, window)| window == b"OggS").map(|(at, _)| at).nth(2).unwrap();
    let pages = Endless { head: voice[..second].to_vec(), piece: voice[second..].to_vec(), length: 1 << 50, at: 0, read: 0 };
    let frame = golden("song.mp3").split_off(45);
    let frames = Endless { head: Vec::new(), piece: frame, length: 1 << 50, at: 0, read: 0 };
    for (mut file, name) in [(pages, "a.ogg"), (frames, "a.mp3")] {
        let examined = examine(&mut file, name, Wants::default()).unwrap();
        assert!(examined.preview.is_bounded());
        assert!(file.read < 70 << 20, "{name}: {} MiB were read", file.read >> 20);
    }
}

#[test]
fn a_file_that_shrinks_is_noticed() {
    let photo = golden("photo.jpg");
    let examined = examine(&mut Cursor::new(&photo), "a.jpg", Wants::default()).unwrap();
    let shorter = &photo[..photo.len() - 10];
    let copied = examined.cleaned.copy(&mut Cursor::new(shorter), &mut Vec::new());
    assert!(matches!(copied, Err(MediaError::Changed)));
}
