//! Keys: labels keep signatures apart, certificates tie a device to its account, secrets do not print.

use tidings::crypto::keys::{Keys, Signing, direct_room, is_certified, notes_room, verify};
use tidings::crypto::label::Label;
use tidings::crypto::rest::RowKeys;
use tidings::crypto::{label, work};
use tidings::types::PeerId;

fn alice() -> Keys {
    Keys::new(&[0xa1; 32], &[0xa2; 32], &[0xa3; 32])
}

#[test]
fn a_signature_for_one_purpose_is_none_for_another() {
    let alice = alice();
    let signature = alice.account.sign(Label::Card, b"bytes");
    assert!(verify(&alice.account_id().0, Label::Card, b"bytes", &signature));
    assert!(!verify(&alice.account_id().0, Label::Knock, b"bytes", &signature));
    assert!(!verify(&alice.account_id().0, Label::Card, b"bytez", &signature));
    assert!(!verify(&alice.device_id().0, Label::Card, b"bytes", &signature));
}

#[test]
fn signatures_of_weak_keys_and_with_a_second_form_are_refused() {
    // With a key of small order, this signature would fit any message (RFC 8032 section 5.1.7 without a strict check).
    let mut identity = [0; 32];
    identity[0] = 1;
    let mut forged = [0; 64];
    forged[0] = 1;
    assert!(!verify(&identity, Label::Card, b"anything", &forged));
    // S and S + L sign alike in a lax verifier.
    let alice = alice();
    let mut signature = alice.account.sign(Label::Card, b"bytes");
    let order = super::hex32("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    let mut carry = 0;
    for (byte, add) in signature[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        (*byte, carry) = ((sum & 0xff) as u8, sum >> 8);
    }
    assert!(!verify(&alice.account_id().0, Label::Card, b"bytes", &signature));
}

#[test]
fn labels_are_all_different_and_none_begins_another_with_its_separator() {
    let labels = Label::ALL;
    for (at, one) in labels.iter().enumerate() {
        assert!(one.text().starts_with("tidings v1 ") && one.text().bytes().all(|byte| byte != 0));
        assert!(labels[at + 1..].iter().all(|other| other.text() != one.text()), "{one:?}");
    }
}

#[test]
fn derived_keys_do_not_run_together() {
    assert_ne!(label::derive(Label::RowKey, &[b"ab", b"c"]), label::derive(Label::RowKey, &[b"a", b"bc"]));
    assert_ne!(label::derive(Label::RowKey, &[b"ab"]), label::derive(Label::FileKey, &[b"ab"]));
    assert_ne!(label::derive(Label::RowKey, &[b""]), label::derive(Label::RowKey, &[]));
}

#[test]
fn a_certificate_holds_for_one_account_device_and_peer() {
    let alice = alice();
    let (account, device, peer) = (alice.account_id(), alice.device_id(), alice.peer_id());
    assert!(is_certified(&account, &device, &peer, &alice.certificate));
    assert!(!is_certified(&account, &device, &PeerId([9; 32]), &alice.certificate));
    let other = Keys::new(&[0xb0; 32], &[0xa2; 32], &[0xa3; 32]);
    assert!(!is_certified(&other.account_id(), &device, &peer, &alice.certificate));
    assert!(is_certified(&other.account_id(), &device, &peer, &other.certificate));
}

#[test]
fn keys_at_different_mailboxes_cannot_be_linked() {
    let alice = alice();
    let (one, two) = (PeerId([1; 32]), PeerId([2; 32]));
    assert_ne!(alice.inbox_owner(&one).public(), alice.inbox_owner(&two).public());
    assert_ne!(alice.inbox_reader(&one).public(), alice.inbox_reader(&two).public());
    assert_eq!(alice.inbox_owner(&one).public(), self::alice().inbox_owner(&one).public(), "they come back after a restore");
}

#[test]
fn rooms_of_two_are_the_same_from_both_sides() {
    let (alice, bob) = (alice().account_id(), Keys::new(&[0xb0; 32], &[0; 32], &[0; 32]).account_id());
    assert_eq!(direct_room(&alice, &bob), direct_room(&bob, &alice));
    assert_ne!(direct_room(&alice, &bob), notes_room(&alice));
    assert_ne!(direct_room(&alice, &alice), notes_room(&alice));
}

#[test]
fn secrets_do_not_print() {
    let alice = alice();
    let shown = format!("{alice:?} {:?} {:?}", Signing::from_seed(&[0xa2; 32]), RowKeys::new(&[0xa4; 32]));
    for secret in ["161, 161", "162, 162", "163, 163", "164, 164", "a1a1", "a2a2", "a3a3", "a4a4"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn a_stranger_pays_and_another_text_is_not_paid_by_it() {
    let number = work::pay(b"inbox | envelope", 10);
    assert!(work::is_paid(b"inbox | envelope", number, 10));
    assert!(work::is_paid(b"anything", 0, 0));
    assert!((0..number).all(|lower| !work::is_paid(b"inbox | envelope", lower, 10)), "the lowest that pays");
    assert!(!work::is_paid(b"inbox | envelope", number, 64));
    assert!(!work::is_paid(b"another", number, 10));
}
