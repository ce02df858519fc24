//! What fits a frame in bytes can still be more than anyone should act on.

use tidings::types::limits::*;
use tidings::types::{EnvelopeId, MessageId};
use tidings::wire::bound::Bounded;
use tidings::wire::codec::{self, DecodeError};
use tidings::wire::content::{Body, Content, Head, Knock};
use tidings::wire::frame::Frame;
use tidings::wire::mailbox::*;
use tidings::wire::{card, content};

use super::sample;

/// The most that is taken, and one more, which is not.
fn at_most<T: bincode::Encode + bincode::Decode<()> + Bounded>(max: usize, make: impl Fn(usize) -> T) {
    assert!(codec::open::<T>(&codec::encode(&make(max))).is_ok(), "{max} of them");
    assert!(matches!(codec::open::<T>(&codec::encode(&make(max + 1))), Err(DecodeError::Malformed)), "one more than {max}");
}

#[test]
fn lists_in_frames_are_bounded() {
    let ids = |count| vec![sample::ENVELOPE; count];
    at_most(FRAME_IDS_MAX, ids);
    at_most(FRAME_IDS_MAX, |count| tidings::wire::frame::Delivered { envelopes: ids(count), ..sample::delivered() });
    at_most(FRAME_IDS_MAX, |count| Held { entries: vec![(sample::ENVELOPE, sample::INBOX); count], ..sample::held() });
    at_most(FRAME_IDS_MAX, |count| MailAck { inbox: sample::INBOX, sequences: vec![9; count] });
    at_most(FRAME_IDS_MAX, |count| Deposit { inboxes: vec![(sample::INBOX, Lane::Chat); count], work: 0, envelope: Vec::new() });
    at_most(FRAME_IDS_MAX, |count| Revoke { tokens: vec![[1; 16]; count], ..sample::revoke() });
    at_most(DEVICES_MAX, |count| Register { readers: vec![[1; 32]; count], ..sample::register() });
    at_most(ENVELOPE_BYTES_MAX, |length| Mail { inbox: sample::INBOX, sequence: 1, envelope: vec![0; length] });
    at_most(ADDRESSES_MAX, |count| Announcement { addresses: vec![sample::address(); count], ..sample::announcement() });
    at_most(NAME_BYTES_MAX, |length| Announcement { name: "n".repeat(length), ..sample::announcement() });
    let (_, Frame::Handover(handover)) = sample::frames().into_iter().find(|(name, _)| *name == "handover").unwrap() else { panic!() };
    at_most(HANDOVER_TARGETS_MAX, |count| Handover { targets: vec![handover.targets[0].clone(); count], ..handover.clone() });
    let report = |count| HandoverDone::Held {
        by: sample::relay_peer(),
        held: Held { entries: vec![(EnvelopeId([1; 32]), sample::INBOX); count], ..sample::held() },
    };
    at_most(FRAME_IDS_MAX, |count| Report { inbox: sample::INBOX, sequence: 1, done: report(count) });
}

#[test]
fn cards_and_invites_are_bounded() {
    let card = sample::card;
    at_most(DEVICES_MAX, |count| card::Card { devices: vec![card().devices[0].clone(); count], ..card() });
    at_most(MAILBOXES_MAX, |count| card::Card { mailboxes: vec![card().mailboxes[0].clone(); count], ..card() });
    at_most(NAME_BYTES_MAX, |length| card::Card { name: "n".repeat(length), ..card() });
    let addresses = |count| vec![sample::address(); count];
    at_most(ADDRESSES_MAX, |count| card::Card {
        devices: vec![card::Device { addresses: addresses(count), ..card().devices[0].clone() }],
        ..card()
    });
    at_most(ADDRESSES_MAX, |count| card::Card {
        mailboxes: vec![card::Mailbox { addresses: addresses(count), ..card().mailboxes[0].clone() }],
        ..card()
    });
    at_most(ADDRESSES_MAX, |count| card::RelayInvite { addresses: addresses(count), ..sample::relay_invite() });
    let invite = sample::invites()[1].1.clone();
    at_most(MAILBOXES_MAX, |count| card::Invite { grants: vec![invite.grants[0].clone(); count], ..invite.clone() });
    at_most(CARD_BYTES_MAX, |length| card::Invite { card: vec![0; length], ..invite.clone() });
}

#[test]
fn contents_and_knocks_are_bounded() {
    let (account, device) = (sample::bob().account_id(), sample::bob().device_id());
    let target = MessageId([1; 16]);
    at_most(PADDED_BYTES_MAX, |length| Content { body: vec![0; length], ..sample::contents()[0].1.clone() });
    at_most(TEXT_BYTES_MAX, |length| Body::Text { text: "t".repeat(length), reply: None });
    at_most(TEXT_BYTES_MAX, |length| Body::Edit { target, text: "t".repeat(length) });
    at_most(REACTION_BYTES_MAX, |length| Body::Reaction { target, emoji: "e".repeat(length) });
    at_most(FRAME_IDS_MAX, |count| Body::Receipt { delivered: vec![target; count - 1], read: vec![target] });
    at_most(FRAME_IDS_MAX, |count| Body::Ask { account, device, numbers: vec![1; count] });
    at_most(FRAME_IDS_MAX, |count| Body::Gone { account, device, numbers: vec![1; count] });
    at_most(FRAME_IDS_MAX, |count| Body::Heads { heads: vec![Head { account, device, number: 1 }; count], card: None, asks: false });
    at_most(CARD_BYTES_MAX, |length| Body::Heads { heads: Vec::new(), card: Some(vec![1; length]), asks: false });
    at_most(COPY_BYTES_MAX, |length| Body::Copy { content: vec![1; length] });
    at_most(KEY_PACKAGES_MAX, |count| Body::Card { card: Vec::new(), grants: Vec::new(), key_packages: vec![vec![1]; count] });
    let request = |greeting: usize, packages: Vec<Vec<u8>>| Knock::Request {
        secret: None,
        key_packages: packages,
        grants: Vec::new(),
        greeting: "g".repeat(greeting),
    };
    at_most(GREETING_BYTES_MAX, |length| request(length, vec![vec![1]]));
    at_most(KEY_PACKAGES_MAX, |count| request(0, vec![vec![1]; count]));
    assert!(!request(0, Vec::new()).is_bounded(), "nobody can be answered without a key package");
}

#[test]
fn a_request_is_small_however_it_is_filled() {
    let (alice, bob) = (sample::alice(), sample::bob().account_id());
    let open = |bytes: usize| {
        let knock = Knock::Request { secret: None, key_packages: vec![vec![1; bytes]], grants: Vec::new(), greeting: String::new() };
        let signed = content::Signed::new(&sample::signed_card(), &bob, &knock, &alice.account);
        content::Signed::open(&codec::encode(&signed), &bob)
    };
    assert!(open(REQUEST_BYTES_MAX - 2_000).is_ok());
    assert!(open(REQUEST_BYTES_MAX - 100).is_err());
}
