//! Bytes from someone who means harm: never a panic, never a second form, nothing claimed that is not there.

use tidings::types::limits::{ENVELOPE_BYTES_MAX, FRAME_BYTES_MAX, LINK_BYTES_MAX};
use tidings::wire::card::{Invite, LinkError, RelayInvite};
use tidings::wire::codec::{self, DecodeError};
use tidings::wire::envelope::Envelope;
use tidings::wire::frame::Frame;
use tidings::wire::{mailbox, row};

use super::{entry, sample};

fn entry_of(group: &str) -> fn(&[u8]) -> bool {
    entry::TARGETS.iter().find(|(name, _)| *name == group).unwrap().1
}

/// Whether any change of the bytes must be noticed: not those of an envelope, whose body is sealed, nor rows, which are sealed
/// on disk and tried here as every type at once.
fn is_strict(group: &str) -> bool {
    !["envelope", "row"].contains(&group)
}

#[test]
fn cut_and_extended_bytes_are_refused() {
    for (group, entries) in sample::all() {
        let taken = entry_of(group);
        for (name, bytes) in entries {
            assert!(taken(&bytes) || name.ends_with("-key"), "{group} {name}");
            for cut in 0..bytes.len() {
                assert!(!(taken(&bytes[..cut]) && is_strict(group)), "{group} {name} cut at {cut}");
            }
            // A link may have spaces around it, and nothing else.
            for more in [&b"\0"[..], b"A", &[0xff; 300]] {
                assert!(!(taken(&[&bytes, more].concat()) && is_strict(group)), "{group} {name} with {} more", more.len());
            }
        }
    }
}

/// What must hold of every changed input (one form for each value, and no panic) is asserted in the entries. Where a signature
/// covers every byte, no change is taken.
#[test]
fn every_flipped_bit_is_survived_and_noticed_where_it_is_signed() {
    for (group, entries) in sample::all() {
        let taken = entry_of(group);
        for (name, bytes) in entries {
            // Long signed examples cost a signature check for each change: one bit of each byte will do there.
            let bits = if bytes.len() > 700 { 1 } else { 8 };
            for at in 0..bytes.len() {
                for bit in 0..bits {
                    let mut changed = bytes.clone();
                    changed[at] ^= 1 << ((bit + at) % 8);
                    let is_signed = ["card", "announcement", "link"].contains(&group);
                    assert!(!(taken(&changed) && is_signed), "{group} {name} byte {at}");
                }
            }
        }
    }
}

#[test]
fn unknown_kinds_and_versions_are_told_apart_from_nonsense() {
    assert_eq!(Frame::decode(&[0, 15, 1]), Err(DecodeError::Kind(15)));
    assert_eq!(Frame::decode(&[0xff, 0xff, 1, 0, 0]), Err(DecodeError::Kind(0xffff)));
    assert_eq!(Frame::decode(&[0, 1, 2]), Err(DecodeError::Version(2)));
    assert_eq!(Frame::decode(&[0, 1, 0]), Err(DecodeError::Version(0)));
    assert_eq!(Frame::decode(&[0, 1]), Err(DecodeError::Malformed));
    assert_eq!(Envelope::decode(&[2, 1, 0]), Err(DecodeError::Version(2)));
    assert_eq!(Envelope::decode(&[1, 3, 0]), Err(DecodeError::Kind(3)));
    assert_eq!(Envelope::decode(&[1]), Err(DecodeError::Malformed));
    assert_eq!(row::decode::<row::Heads>(&[2, 0, 0, 0]), Err(DecodeError::Version(2)));
    assert_eq!(row::decode::<row::Heads>(&[]), Err(DecodeError::Malformed));
}

#[test]
fn what_is_too_long_is_refused_before_it_is_read() {
    let deliver = |length: usize| Frame::Deliver(vec![1; length]).encode();
    assert!(Frame::decode(&deliver(ENVELOPE_BYTES_MAX)).is_ok());
    assert_eq!(Frame::decode(&deliver(ENVELOPE_BYTES_MAX + 1)), Err(DecodeError::Malformed));
    let mut huge = vec![0, 4, 1];
    huge.resize(FRAME_BYTES_MAX + 1, 0);
    assert_eq!(Frame::decode(&huge), Err(DecodeError::Malformed));
    assert!(Envelope::decode(&[&[1, 1][..], &vec![0; ENVELOPE_BYTES_MAX - 2]].concat()).is_ok());
    assert!(Envelope::decode(&[&[1, 1][..], &vec![0; ENVELOPE_BYTES_MAX - 1]].concat()).is_err());
    assert_eq!(Invite::from_link(&format!("tidings:{}", "A".repeat(LINK_BYTES_MAX + 1))), Err(LinkError::Damaged));
}

/// A length says how much memory to take: each list and each text of each frame claims to be larger than all memory.
#[test]
fn huge_claims_take_no_memory() {
    let claims: [&[u8]; 4] =
        [&[0xfb, 0xff, 0xff], &[0xfc, 0xff, 0xff, 0xff, 0x7f], &[0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f], &[0xfd; 9]];
    let (inbox, entry, id, key) = (&[7; 32][..], &[8; 64][..], &[9; 16][..], &[6; 32][..]);
    let cases: Vec<(&[u8], Vec<&[u8]>)> = vec![
        (&[0, 2, 1], vec![]),
        (&[0, 3, 1], vec![inbox]),
        (&[0, 4, 1], vec![]),
        (&[0, 5, 1], vec![inbox, &[5], id]),
        (&[0, 17, 1], vec![inbox, key]),
        (&[0, 20, 1], vec![inbox, &[5]]),
        (&[0, 21, 1], vec![inbox]),
        (&[0, 23, 1], vec![]),
        (&[0, 23, 1], vec![&[1], inbox, &[0, 0]]),
        (&[0, 24, 1], vec![]),
        (&[0, 26, 1], vec![inbox]),
        (&[0, 26, 1], vec![inbox, &[1], key]),
        (&[0, 27, 1], vec![inbox, &[1, 0], key]),
        (&[0, 28, 1], vec![inbox]),
    ];
    for (head, before) in cases {
        for claim in claims {
            let bytes = [head, &before.concat(), claim, entry, entry].concat();
            assert_eq!(Frame::decode(&bytes), Err(DecodeError::Malformed), "kind {}", head[1]);
        }
    }
}

#[test]
fn a_number_in_a_longer_form_is_no_second_encoding() {
    let ack = |sequence: &[u8]| [&[0, 21, 1][..], &[7; 32], &[1], sequence].concat();
    assert!(Frame::decode(&ack(&[5])).is_ok());
    assert!(Frame::decode(&ack(&[0xfb, 0xfb, 0])).is_ok(), "251 is the first that takes three bytes");
    assert_eq!(Frame::decode(&ack(&[0xfb, 5, 0])), Err(DecodeError::Form));
    assert_eq!(Frame::decode(&ack(&[0xfd, 5, 0, 0, 0, 0, 0, 0, 0])), Err(DecodeError::Form));
    // The same for a choice: `Refused` with reason 1 as a long number.
    let refused = |reason: &[u8]| [&[0, 25, 1, 0][..], &[7; 32], reason].concat();
    assert!(Frame::decode(&refused(&[1])).is_ok());
    assert_eq!(Frame::decode(&refused(&[0xfb, 1, 0])), Err(DecodeError::Form));
    assert!(codec::decode::<mailbox::Refused>(&refused(&[0xfb, 1, 0])[3..]).is_ok(), "the codec alone does not see it");
}

#[test]
fn a_person_is_told_what_is_wrong_with_a_link() {
    let invite = sample::invites()[1].1.clone();
    let (link, relay) = (invite.to_link(), sample::relay_invite().to_link());
    assert_eq!(Invite::from_link(&format!("  {link}\n")), Ok(invite));
    assert_eq!(Invite::from_link(&relay), Err(LinkError::Scheme("tidings")));
    assert_eq!(RelayInvite::from_link(&link), Err(LinkError::Scheme("tidings-relay")));
    assert_eq!(Invite::from_link("https://example.org"), Err(LinkError::Scheme("tidings")));
    assert_eq!(Invite::from_link(""), Err(LinkError::Scheme("tidings")));
    assert_eq!(Invite::from_link("tidings:"), Err(LinkError::Damaged));
    assert_eq!(Invite::from_link(&link.replace('A', "B")), Err(LinkError::Damaged));
    assert_eq!(Invite::from_link(&link[..link.len() / 2]), Err(LinkError::Damaged));
    assert_eq!(Invite::from_link("tidings:ünïcode"), Err(LinkError::Damaged));
}
