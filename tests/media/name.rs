//! Names of files, and what they say.

use proptest::prelude::*;
use tidings::media::safe_name;
use tidings::types::limits::FILE_NAME_BYTES_MAX;
use tidings::wire::media::MediaKind;

use super::{golden, sent};

#[test]
fn a_name_is_no_path_and_hides_nothing() {
    let names = [
        ("holiday.jpg", "holiday.jpg"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Windows\\evil.exe", "evil.exe"),
        ("a/b\\c.txt", "c.txt"),
        ("photo\u{202e}gpj.exe", "photogpj.exe"),
        ("line\nbreak\t\u{7}.txt", "linebreak.txt"),
        ("\u{feff}\u{200b}.bashrc", "bashrc"),
        ("...", "file"),
        ("..", "file"),
        (".", "file"),
        ("", "file"),
        ("/", "file"),
        ("folder/", "folder"),
        ("  spaced  .txt. ", "spaced  .txt"),
        ("CON.txt", "_CON.txt"),
        ("nul", "_nul"),
        ("lpt1.pdf", "_lpt1.pdf"),
        ("compass.pdf", "compass.pdf"),
        ("what? \"this\" <is>|it*:.txt", "what_ _this_ _is__it__.txt"),
        ("пляж в июне.jpg", "пляж в июне.jpg"),
        ("假期 照片.png", "假期 照片.png"),
        ("\u{200f}عطلة.jpg", "عطلة.jpg"),
        ("👩‍👩‍👧.webp", "👩‍👩‍👧.webp"),
    ];
    for (name, safe) in names {
        assert_eq!(safe_name(name), safe, "{name:?}");
    }
    let long = format!("{}.jpeg", "ä".repeat(1_000));
    let short = safe_name(&long);
    assert!(short.ends_with("ä.jpeg") && short.len() <= FILE_NAME_BYTES_MAX && short.len() > FILE_NAME_BYTES_MAX - 8, "{short}");
}

proptest! {
    #[test]
    fn any_name_becomes_one_that_can_be_saved(name in "\\PC{0,300}|[./\\\\ \u{202e}a-c\n]{0,40}") {
        let safe = safe_name(&name);
        prop_assert!(!safe.is_empty() && safe.len() <= FILE_NAME_BYTES_MAX);
        let is_plain = !safe.contains(['/', '\\', '\0', '\n', ':', '\u{202e}']) && !safe.starts_with(['.', ' ']) && !safe.ends_with(['.', ' ']);
        prop_assert!(is_plain, "{:?}", safe);
        prop_assert_eq!(safe_name(&safe), safe);
    }
}

#[test]
fn a_file_that_lies_about_its_kind_is_a_file_and_says_so() {
    let photo = golden("photo.jpg");
    let png_name = sent(&photo, "photo.png").0;
    assert_eq!(
        (png_name.kind, png_name.mime.as_str(), png_name.misnamed),
        (MediaKind::Photo, "image/jpeg", false),
        "another photo is no lie"
    );
    for name in ["photo", "photo.xyz", "photo.JPG", ""] {
        assert_eq!((sent(&photo, name).0.kind, sent(&photo, name).0.misnamed), (MediaKind::Photo, false), "{name}");
    }
    let lies = [
        ("invoice.pdf", photo.clone()),
        ("song.mp3", photo.clone()),
        ("photo\u{202e}.jpg.mp4", photo),
        ("photo.jpg", b"#!/bin/sh\n".to_vec()),
        ("photo.jpg", Vec::new()),
        ("song.mp3", golden("film.mp4")),
        ("film.m4v", golden("song.mp3")),
        ("film.mkv", b"PK\x03\x04".to_vec()),
        ("notes.txt", golden("voice.ogg")),
    ];
    for (name, bytes) in lies {
        let preview = sent(&bytes, name).0;
        assert_eq!((preview.kind, preview.misnamed), (MediaKind::File, true), "{name}");
        assert!(preview.picture.is_empty() && preview.waveform.is_empty() && preview.width == 0 && preview.duration_ms == 0, "{name}");
    }
    for (name, bytes, mime) in [
        ("paper.pdf", &b"%PDF-1.7"[..], "application/pdf"),
        ("notes.txt", b"hello", "application/octet-stream"),
        ("a.zip", b"PK\x03\x04", "application/zip"),
    ] {
        let preview = sent(bytes, name).0;
        assert_eq!((preview.kind, preview.mime.as_str(), preview.misnamed), (MediaKind::File, mime, false), "{name}");
    }
    for (name, bytes) in [("voice.webm", golden("voice.webm")), ("voice.mp4", golden("song.m4a"))] {
        assert_eq!((sent(&bytes, name).0.kind, sent(&bytes, name).0.misnamed), (MediaKind::Audio, false), "{name}");
    }
}
