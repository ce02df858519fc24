//! Untrusted bytes go in here: what the fuzz targets call, and the fast tests with the corpus. Each says whether the bytes were taken
//! for something; what must hold for all bytes is asserted inside.
#![allow(unreachable_pub)] // A library for the fuzz targets, a module for the fast tests.
#![allow(clippy::unwrap_used)] // A failed check is what a fuzzer looks for.

use tidings::crypto::keys::Keys;
use tidings::crypto::{aead, phrase, seal};
use tidings::media::{self, MediaError, Wants};
use tidings::proto::{Input, Node, Outcome, Output, Settings, Topic};
use tidings::store::Store;
use tidings::types::limits::FRAME_BYTES_MAX;
use tidings::types::{AccountId, Now, PeerId};
use tidings::wire::blob;
use tidings::wire::bound::Bounded;
use tidings::wire::card::{self, Card, Invite, RelayInvite};
use tidings::wire::content::{Body, Content, Knock, Signed};
use tidings::wire::envelope::Envelope;
use tidings::wire::frame::Frame;
use tidings::wire::mailbox::Announcement;
use tidings::wire::media::Preview;
use tidings::wire::{codec, row};

/// Where bytes go in.
pub type Entry = fn(&[u8]) -> bool;

/// Name and entry of every target.
pub const TARGETS: &[(&str, Entry)] = &[
    ("frame", frame),
    ("envelope", envelope),
    ("card", card),
    ("link", link),
    ("content", content),
    ("knock", knock),
    ("announcement", announcement),
    ("row", row),
    ("node", node),
    ("media", media),
];

/// A frame from a stream.
pub fn frame(bytes: &[u8]) -> bool {
    let Ok(frame) = Frame::decode(bytes) else { return false };
    assert!(bytes.len() <= FRAME_BYTES_MAX);
    assert_eq!(frame.encode(), bytes, "a frame has one encoding");
    let _ = format!("{frame:?}");
    true
}

/// The outside of an envelope.
pub fn envelope(bytes: &[u8]) -> bool {
    let Ok(envelope) = Envelope::decode(bytes) else { return false };
    assert_eq!(Envelope::encode(envelope.kind, envelope.body), bytes);
    true
}

/// A signed card; and, without signatures in the way, a bare one.
pub fn card(bytes: &[u8]) -> bool {
    canonical::<Card>(bytes);
    canonical::<card::Signed>(bytes);
    card::Signed::open(bytes).is_ok()
}

/// The link of an invite as a person pastes it; and, without the checksum in the way, what is inside. Words too.
pub fn link(bytes: &[u8]) -> bool {
    canonical::<Invite>(bytes);
    canonical::<RelayInvite>(bytes);
    let text = String::from_utf8_lossy(bytes);
    if let Ok(entropy) = phrase::from_words(&text) {
        assert_eq!(*phrase::from_words(&phrase::to_words(&entropy)).unwrap(), *entropy);
    }
    let _ = text.parse::<PeerId>().map(|peer| assert_eq!(peer.to_string().parse::<PeerId>().unwrap(), peer));
    if let Ok(invite) = Invite::from_link(&text) {
        assert_eq!(Invite::from_link(&invite.to_link()).unwrap(), invite);
        return true;
    }
    RelayInvite::from_link(&text).is_ok_and(|invite| RelayInvite::from_link(&invite.to_link()).is_ok_and(|again| again == invite))
}

/// What a member of a room says, after MLS opened it.
pub fn content(bytes: &[u8]) -> bool {
    aead::unpad(bytes).inspect(|inside| assert!(inside.len() < bytes.len()));
    canonical::<Body>(bytes);
    canonical::<Content>(bytes) && codec::open::<Content>(bytes).is_ok_and(|content| Body::open(&content.body).is_ok())
}

/// What someone outside a room says, after HPKE opened it.
pub fn knock(bytes: &[u8]) -> bool {
    canonical::<Knock>(bytes);
    assert!(seal::open(&[0xb9; 32], b"", bytes).is_err());
    let receiver: AccountId = Keys::new(&[0xb1; 32], &[0xb2; 32], &[0xb3; 32]).account_id();
    Signed::open(bytes, &receiver).is_ok()
}

/// What a relay tells by gossip.
pub fn announcement(bytes: &[u8]) -> bool {
    canonical::<Announcement>(bytes) && codec::open::<Announcement>(bytes).is_ok_and(|heard| heard.is_signed())
}

/// A stored value, as any of the rows: an export may come from somebody else's disk.
pub fn row(bytes: &[u8]) -> bool {
    fn one<T: bincode::Decode<()> + bincode::Encode + PartialEq + std::fmt::Debug>(bytes: &[u8]) -> bool {
        let Ok(value) = row::decode::<T>(bytes) else { return false };
        assert!(row::decode::<T>(&row::encode(&value)).unwrap() == value);
        true
    }
    let _ = row::Place::from_key(bytes).map(|place| assert_eq!(place.key(), bytes));
    let taken = [
        one::<row::Contact>(bytes),
        one::<row::Invite>(bytes),
        one::<row::Room>(bytes),
        one::<row::Message>(bytes),
        one::<row::Index>(bytes),
        one::<row::Mark>(bytes),
        one::<row::Heads>(bytes),
        one::<blob::Stored>(bytes),
        one::<blob::Lodging>(bytes),
        one::<blob::Carriage>(bytes),
        one::<row::Numbered>(bytes),
        one::<row::Seen>(bytes),
        one::<row::Owed>(bytes),
        one::<row::Outbox>(bytes),
        one::<row::Mailbox>(bytes),
        one::<row::Skew>(bytes),
        one::<row::Member>(bytes),
    ];
    taken.contains(&true)
}

/// Frames (each behind its length in two bytes, big endian) and one gossip message at a whole relay, from a peer that it does not
/// know. Taken when any of them was accepted.
pub fn node(bytes: &[u8]) -> bool {
    let keys = Keys::new(&[0xc1; 32], &[0xc2; 32], &[0xc3; 32]);
    let settings =
        Settings { name: "relay".to_owned(), relay: true, neighbour: true, relay_inbox_bytes: 1 << 20, neighbour_inbox_bytes: 1 << 20 };
    let from = Keys::new(&[0xa1; 32], &[0xa2; 32], &[0xa3; 32]).peer_id();
    let rows = Store::memory();
    let mut now = Now { mono: 0, wall: 1_764_000_000_000 };
    let mut node = Node::open(keys, settings, &rows, [7; 32], now);
    drain(&mut node, &rows);
    let mut taken = false;
    let mut inputs = vec![Input::PeerUp(from), Input::Gossip { topic: Topic::Relays, bytes: bytes.to_vec() }];
    let mut rest = bytes;
    while let Some((length, behind)) = rest.split_first_chunk::<2>() {
        let (frame, behind) = behind.split_at(behind.len().min(usize::from(u16::from_be_bytes(*length))));
        inputs.push(Input::Frame { from, bytes: frame.to_vec() });
        rest = behind;
    }
    for (at, input) in inputs.into_iter().enumerate() {
        now = Now { mono: now.mono + 10, wall: now.wall + 10 };
        let outcome = node.handle(now, input, &rows);
        taken |= at > 0 && outcome == Outcome::Accepted;
        drain(&mut node, &rows);
    }
    taken
}

/// A file that a person sends, or forwards; and a preview that a peer sent. Taken when it was cleaned.
pub fn media(bytes: &[u8]) -> bool {
    canonical::<Preview>(bytes);
    let look = |wants| {
        let mut file = std::io::Cursor::new(bytes);
        let examined = media::examine(&mut file, "", wants)?;
        assert!(examined.preview.is_bounded(), "{:?}", examined.preview);
        let mut sent = Vec::new();
        examined.cleaned.copy(&mut file, &mut sent)?;
        assert_eq!(sent.len() as u64, examined.cleaned.bytes());
        Ok::<_, MediaError>(sent)
    };
    assert_eq!(look(Wants { keep_metadata: true, as_voice: false }).unwrap(), bytes);
    match look(Wants::default()) {
        Ok(sent) => sent != bytes,
        Err(MediaError::Metadata { .. }) => false,
        Err(error) => panic!("{error}"),
    }
}

/// Performs what can be performed here: writing.
fn drain(node: &mut Node, rows: &Store) {
    while let Some(output) = node.poll() {
        if let Output::Persist(batch) = output {
            rows.apply(&batch).unwrap();
        }
    }
}

/// Whether a value opens; if so, its bytes are the only ones that stand for it.
fn canonical<T: bincode::Decode<()> + bincode::Encode + Bounded>(bytes: &[u8]) -> bool {
    codec::open::<T>(bytes).is_ok_and(|value| {
        assert_eq!(codec::encode(&value), bytes);
        true
    })
}
