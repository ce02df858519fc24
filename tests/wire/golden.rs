//! The bytes on the wire and on disk, as they are for ever. A change here breaks nodes that are out there: it needs a new version or a
//! new kind. `TIDINGS_WRITE_GOLDEN=1 cargo test --test main wire::golden` writes the files anew.

use std::fs;
use std::path::PathBuf;

use tidings::proto::mailbox::acked::Acked;
use tidings::proto::mailbox::row::{Counts, Due, Hold, Job, Registration, Tally, Usage};
use tidings::wire::frame::Frame;
use tidings::wire::{codec, content, row};

use super::sample;

fn file(group: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/wire/golden/{group}.hex"))
}

/// A line for each: name, then hex.
fn lines(entries: &[(&str, Vec<u8>)]) -> String {
    entries.iter().map(|(name, bytes)| format!("{name} {}\n", data_encoding::HEXLOWER.encode(bytes))).collect()
}

#[test]
fn every_encoding_is_the_one_written_down() {
    let previews = sample::previews().iter().map(|(name, preview)| (*name, codec::encode(preview))).collect();
    let apart = [("mailbox-row", sample::mailbox_rows()), ("media", previews)];
    for (group, entries) in sample::all().into_iter().chain(apart) {
        let made = lines(&entries);
        if std::env::var_os("TIDINGS_WRITE_GOLDEN").is_some() {
            fs::write(file(group), made).unwrap();
            continue;
        }
        let written = fs::read_to_string(file(group)).unwrap();
        for (made, written) in made.lines().zip(written.lines()) {
            let name = made.split(' ').next().unwrap();
            assert_eq!(made, written, "{group}: the bytes of `{name}` changed: it needs a new version or kind");
        }
        assert_eq!(made.lines().count(), written.lines().count(), "{group}: another number of examples than in the file");
    }
}

#[test]
fn every_kind_body_and_knock_has_an_example() {
    let frames = sample::frames();
    for (number, name) in Frame::DECODED {
        assert!(frames.iter().any(|(_, frame)| frame.kind() == (*number, name)), "no example of frame kind {name}");
    }
    // The encoding of a choice begins with its number: all of them, without a gap, and the next one is not there.
    let bodies: Vec<u8> = sample::contents().iter().map(|(_, content)| content.body[0]).collect();
    let knocks: Vec<u8> = sample::knocks().iter().map(|(_, knock)| codec::encode(knock)[0]).collect();
    let complete = |mut seen: Vec<u8>| {
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen, (0..seen.len() as u8).collect::<Vec<_>>());
        seen.len() as u8
    };
    let next = |number: u8| [&[number][..], &[0; 200]].concat();
    let known = complete(bodies);
    assert_eq!(u32::from(known), content::Body::KINDS);
    assert!(codec::decode::<content::Body>(&next(known)).is_err());
    assert_eq!(content::Body::open(&next(known)), Err(codec::DecodeError::Kind(u16::from(known))));
    assert!(codec::decode::<content::Knock>(&next(complete(knocks))).is_err());
}

#[test]
fn what_is_written_down_is_what_was_meant() {
    for (name, frame) in sample::frames() {
        assert_eq!(Frame::decode(&frame.encode()).as_ref(), Ok(&frame), "{name}");
    }
    for (name, content) in sample::contents() {
        assert_eq!(codec::open(&codec::encode(&content)).as_ref(), Ok(&content), "{name}");
        let body = content::Body::open(&content.body).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(codec::encode(&body), content.body, "{name}");
    }
    for (name, preview) in sample::previews() {
        assert_eq!(codec::open(&codec::encode(&preview)).as_ref(), Ok(&preview), "{name}");
    }
    for (name, knock) in sample::knocks() {
        assert_eq!(codec::open(&codec::encode(&knock)).as_ref(), Ok(&knock), "{name}");
    }
    for (name, invite) in sample::invites() {
        assert_eq!(tidings::wire::card::Invite::from_link(&invite.to_link()).as_ref(), Ok(&invite), "{name}");
    }
    for (name, bytes) in sample::rows() {
        assert!(name.ends_with("-key") || super::entry::row(&bytes), "{name}");
    }
    for (name, bytes) in sample::mailbox_rows() {
        let is_same: fn(&[u8]) -> bool = match name.split('-').next().unwrap() {
            "counts" => is_same::<Counts>,
            "registration" => is_same::<Registration>,
            "tally" => is_same::<Tally>,
            "usage" => is_same::<Usage>,
            "acked" => is_same::<Acked>,
            "hold" => is_same::<Hold>,
            "due" => is_same::<Due>,
            "job" => is_same::<Job>,
            _ => panic!("{name} has no type"),
        };
        assert!(is_same(&bytes), "{name}");
    }
    let (_, key) = sample::rows().into_iter().find(|(name, _)| *name == "place-key").unwrap();
    assert_eq!(row::Place::from_key(&key).unwrap().key(), key);
}

/// Whether a stored row reads as this type, and is written as the same bytes again.
fn is_same<T: bincode::Encode + bincode::Decode<()>>(bytes: &[u8]) -> bool {
    row::decode::<T>(bytes).is_ok_and(|value| row::encode(&value) == bytes)
}
