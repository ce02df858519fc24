//! What a signature says, nobody else can say, nor say elsewhere.

use tidings::crypto::keys::Keys;
use tidings::types::{InboxId, PeerId};
use tidings::wire::card::{self, Card};
use tidings::wire::codec::{self, DecodeError};
use tidings::wire::content::{Knock, Signed};
use tidings::wire::frame::{Delivered, Hello};
use tidings::wire::mailbox::*;

use super::sample::{self, alice, bob, relay_peer};

const STRANGER: PeerId = PeerId([0x66; 32]);

#[test]
fn bob_opens_alices_card() {
    assert_eq!(card::Signed::open(&sample::signed_card()), Ok(sample::card()));
}

#[test]
fn mallory_cannot_make_or_mend_a_card_of_alice() {
    let mallory = Keys::new(&[0x66; 32], &[0x67; 32], &[0x68; 32]);
    assert_eq!(card::Signed::open(&sample::card().sign(&mallory.account)), Err(DecodeError::Signature), "signed by another account");
    // Her own card, with a device that is not hers: its certificate is another account's.
    let device = sample::card().devices[0].clone();
    let stolen = Card { account: mallory.account_id(), devices: vec![device], ..sample::card() };
    assert_eq!(card::Signed::open(&stolen.sign(&mallory.account)), Err(DecodeError::Signature));
    // Alice's device under another transport key.
    let mut moved = sample::card();
    moved.devices[0].peer = mallory.peer_id();
    assert_eq!(card::Signed::open(&moved.sign(&alice().account)), Err(DecodeError::Signature));
}

#[test]
fn a_card_names_each_device_and_mailbox_once() {
    let twice = |change: fn(&mut Card)| {
        let mut card = sample::card();
        change(&mut card);
        assert_eq!(card::Signed::open(&card.sign(&alice().account)), Err(DecodeError::Malformed));
    };
    twice(|card| card.devices.push(card.devices[0].clone()));
    twice(|card| card.mailboxes.push(card.mailboxes[0].clone()));
    twice(|card| card.devices.clear());
}

#[test]
fn a_knock_is_for_one_receiver() {
    let (alice, bob) = (alice(), bob());
    let (_, bytes) = sample::signed_knocks().remove(0);
    let (_, card, knock) = Signed::open(&bytes, &bob.account_id()).unwrap();
    assert_eq!((card, knock), (sample::card(), sample::knocks().remove(0).1));
    let carol = Keys::new(&[0xca; 32], &[0xcb; 32], &[0xcc; 32]);
    assert_eq!(Signed::open(&bytes, &carol.account_id()), Err(DecodeError::Signature), "Bob cannot pass it on to Carol");
    // Bob's card around Alice's knock.
    let bobs = Card { account: bob.account_id(), devices: own_device(&bob), ..sample::card() }.sign(&bob.account);
    let signed: Signed = codec::decode(&bytes).unwrap();
    let swapped = codec::encode(&Signed { card: bobs, ..signed });
    assert_eq!(Signed::open(&swapped, &bob.account_id()), Err(DecodeError::Signature));
    let rejoin = Knock::Rejoin { room: tidings::types::RoomId([1; 32]), key_package: Vec::new(), generation: 0 };
    let bare = Signed::new(b"no card", &bob.account_id(), &rejoin, &alice.account);
    assert!(Signed::open(&codec::encode(&bare), &bob.account_id()).is_err());
}

fn own_device(keys: &Keys) -> Vec<card::Device> {
    vec![card::Device { device: keys.device_id(), peer: keys.peer_id(), addresses: Vec::new(), certificate: keys.certificate }]
}

#[test]
fn a_hello_cannot_be_passed_on() {
    let (alice, bob) = (alice().peer_id(), bob().peer_id());
    let hello = sample::hello();
    assert!(hello.is_signed(&alice, &bob));
    assert!(!hello.is_signed(&bob, &alice), "not back to its sender");
    assert!(!hello.is_signed(&alice, &STRANGER), "not to someone else");
    assert!(!hello.is_signed(&STRANGER, &bob), "not from someone else");
    assert!(!Hello { wall: 1, ..hello.clone() }.is_signed(&alice, &bob));
    assert!(!Hello { knows_number: 8, ..hello.clone() }.is_signed(&alice, &bob));
    assert!(!Hello { device: sample::bob().device_id(), ..hello }.is_signed(&alice, &bob));
}

#[test]
fn receipts_say_what_was_signed() {
    let delivered = sample::delivered();
    assert!(delivered.is_signed());
    let (mut more, mut fewer, mut swapped) = (delivered.clone(), delivered.clone(), delivered.clone());
    more.envelopes.push(sample::ENVELOPE);
    fewer.envelopes.pop();
    swapped.envelopes.swap(0, 1);
    assert!(![more, fewer, swapped].iter().any(Delivered::is_signed));
    assert!(!Delivered { device: alice().device_id(), ..delivered }.is_signed());

    let held = sample::held();
    assert!(held.is_signed_by(&relay_peer()) && !held.is_signed_by(&STRANGER));
    assert!(!Held { until: held.until + 1, ..held.clone() }.is_signed_by(&relay_peer()), "no longer promise than was given");
    assert!(!Held { entries: vec![(held.entries[0].0, InboxId([9; 32]))], ..held }.is_signed_by(&relay_peer()));
}

#[test]
fn requests_to_a_mailbox_hold_there_only() {
    let owner = alice().inbox_owner(&relay_peer()).public();
    let register = sample::register();
    assert!(register.is_signed(&relay_peer()) && !register.is_signed(&STRANGER));
    assert!(!Register { readers: vec![[9; 32]], ..register.clone() }.is_signed(&relay_peer()));
    assert!(!Register { claim: Claim::Contact, ..register.clone() }.is_signed(&relay_peer()));
    assert!(!Register { owner: [9; 32], ..register }.is_signed(&relay_peer()));
    let revoke = sample::revoke();
    assert!(revoke.is_signed_by(&relay_peer(), &owner) && !revoke.is_signed_by(&STRANGER, &owner));
    assert!(!Revoke { tokens: vec![[2; 16]], ..revoke }.is_signed_by(&relay_peer(), &owner));
    let leave = sample::leave();
    assert!(leave.is_signed_by(&relay_peer(), &owner) && !leave.is_signed_by(&STRANGER, &owner));
    assert!(!LeaveInbox { inbox: InboxId([9; 32]), ..leave }.is_signed_by(&relay_peer(), &owner));
}

#[test]
fn a_token_is_used_by_whom_its_holder_names() {
    let (bob, mailbox) = (bob().peer_id(), relay_peer());
    let owner = alice().inbox_owner(&mailbox).public();
    let token = sample::token();
    assert!(token.is_signed_by(&owner));
    assert!(!Token { not_after: token.not_after + 1, ..token.clone() }.is_signed_by(&owner), "it cannot be prolonged");
    assert!(!Token { holder: [9; 32], ..token.clone() }.is_signed_by(&owner), "nor given a new holder");
    assert!(!token.is_signed_by(&token.holder));
    let open = sample::open_token();
    assert!(open.is_signed(&bob, &mailbox));
    assert!(!open.is_signed(&STRANGER, &mailbox) && !open.is_signed(&bob, &STRANGER));
    assert!(!OpenToken { until: open.until + 1, ..open.clone() }.is_signed(&bob, &mailbox));
    assert!(!OpenToken { token: Token { id: [2; 16], ..token }, ..open }.is_signed(&bob, &mailbox));
}

#[test]
fn an_inbox_is_read_by_its_reader_on_one_connection() {
    let open = sample::open_inbox();
    assert!(open.is_signed(&alice().peer_id(), &relay_peer()));
    assert!(!open.is_signed(&STRANGER, &relay_peer()) && !open.is_signed(&alice().peer_id(), &STRANGER));
    assert!(!OpenInbox { inbox: InboxId([9; 32]), ..open }.is_signed(&alice().peer_id(), &relay_peer()));
}

#[test]
fn a_relay_speaks_for_itself() {
    let heard = sample::announcement();
    assert!(heard.is_signed());
    assert!(!Announcement { peer: STRANGER, ..heard.clone() }.is_signed());
    assert!(!Announcement { at: heard.at + 1, ..heard.clone() }.is_signed());
    assert!(!Announcement { name: "villagf".to_owned(), ..heard }.is_signed());
}
