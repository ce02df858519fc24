//! Who may put how much where.

use super::world::{Mailbox, Owner, Sender, chat, deposit, mails};
use tidings::crypto::work;
use tidings::proto::{Misbehaviour, Outcome, Refusal};
use tidings::types::limits::{
    ENVELOPE_BYTES_MAX, FRAME_IDS_MAX, STRANGER_BYTES_MAX, STRANGER_ENVELOPES_MAX, STRANGER_WORK_BITS, TOKENS_OPEN_MAX,
};
use tidings::types::time::DAY;
use tidings::types::{InboxId, PeerId};
use tidings::wire::frame::Frame;
use tidings::wire::mailbox::{Deposit, Lane, Reason};

const KIB: usize = 1024;

fn letter(nth: u32, bytes: usize) -> Vec<u8> {
    let mut letter = vec![0; bytes];
    letter[..4].copy_from_slice(&nth.to_be_bytes());
    letter
}

/// A mailbox with 64 KiB for Bob, and people who hold his tokens.
fn small(senders: &[u8]) -> (Mailbox, Owner, Vec<Sender>) {
    let mut mailbox = Mailbox::new();
    mailbox.settings.relay_inbox_bytes = 64 * KIB as u64;
    mailbox.restart();
    let bob = Owner::new(10, 1, &mailbox);
    bob.join(&mut mailbox);
    let senders: Vec<Sender> = senders.iter().map(|seed| Sender::new(*seed)).collect();
    for sender in &senders {
        assert_eq!(mailbox.receive(sender.peer, sender.open(&bob, &mailbox)), Outcome::Accepted);
    }
    (mailbox, bob, senders)
}

#[test]
fn one_contact_cannot_fill_the_box_for_the_others_and_a_full_one_keeps_what_it_has() {
    let (mut mailbox, bob, senders) = small(&[40, 50, 60, 70, 80]);
    let mut taken = 0;
    for (sender, base) in senders.iter().zip([0, 1_000, 2_000, 3_000, 4_000]) {
        let accepted =
            (base..base + 40).filter(|nth| mailbox.receive(sender.peer, chat(&bob, &letter(*nth, KIB))) == Outcome::Accepted).count();
        taken += accepted;
        assert_eq!(accepted, if base < 4_000 { 16 } else { 0 }, "a quarter each, until it is full");
        let refusals = mailbox.refusals(sender.peer);
        assert!(refusals.len() == 40 - accepted && refusals.iter().all(|reason| *reason == Reason::Full));
    }
    mailbox.audit();
    assert_eq!(bob.collect(0, &mut mailbox).len(), taken, "nothing that got a receipt was dropped");
    assert_eq!(mailbox.receive(senders[0].peer, chat(&bob, &letter(9_000, KIB))), Outcome::Accepted, "there is room again");
}

#[test]
fn chat_cannot_fill_the_lane_of_commits_and_welcomes() {
    let (mut mailbox, bob, senders) = small(&[40]);
    let alice = &senders[0];
    while mailbox.receive(alice.peer, chat(&bob, &letter(mailbox.tally(&bob.inbox).next as u32, KIB))) == Outcome::Accepted {}
    let commit = |nth: u32| deposit(&[(bob.inbox, Lane::Control)], &letter(10_000 + nth, 64 * KIB));
    let taken = (0..100).take_while(|nth| mailbox.receive(alice.peer, commit(*nth)) == Outcome::Accepted).count();
    assert_eq!(taken, 32, "a quarter of the lane for each token");
    mailbox.audit();
}

#[test]
fn strangers_pay_and_stay_few() {
    let (mut mailbox, bob, _) = small(&[]);
    let eve = PeerId([200; 32]);
    let knock =
        |nth: u32, work: u64| Frame::Deposit(Deposit { inboxes: vec![(bob.inbox, Lane::Stranger)], work, envelope: letter(nth, KIB) });
    assert_eq!(mailbox.receive(eve, knock(0, 0)), Outcome::Misbehaved(Misbehaviour::Work));
    assert_eq!(mailbox.refusals(eve), [Reason::Work]);
    assert_eq!(mailbox.receive(eve, chat(&bob, &letter(0, KIB))), Outcome::Refused(Refusal::Unwanted), "without work only with a token");
    let large = Deposit { inboxes: vec![(bob.inbox, Lane::Stranger)], work: 0, envelope: letter(0, STRANGER_BYTES_MAX + 1) };
    assert_eq!(mailbox.receive(eve, Frame::Deposit(large)), Outcome::Refused(Refusal::Limit));
    mailbox.take(eve);
    for (nth, work) in PAID.iter().enumerate() {
        let text = [&bob.inbox.0[..], &super::world::id(&letter(nth as u32, KIB)).0].concat();
        assert!(work::is_paid(&text, *work, STRANGER_WORK_BITS), "`work::pay` finds another number for letter {nth}");
        let expected = if nth < STRANGER_ENVELOPES_MAX as usize { Outcome::Accepted } else { Outcome::Refused(Refusal::Limit) };
        assert_eq!(mailbox.receive(eve, knock(nth as u32, *work)), expected);
    }
    assert_eq!(mailbox.refusals(eve), [Reason::Full], "the 33rd");
    assert_eq!(mailbox.receive(eve, knock(0, PAID[0])), Outcome::Duplicate);
    mailbox.audit();
    mailbox.receive(bob.peer(), bob.open(0));
    assert_eq!(mails(mailbox.take(bob.peer())).len(), STRANGER_ENVELOPES_MAX as usize);
}

/// What pays for the letters 0 to 32 of 1 KiB to Bob's inbox; finding them (`work::pay`) takes minutes, checking them nothing.
const PAID: [u64; 33] = [
    5_052_588, 512_519, 915_960, 879_872, 6_834_173, 4_284_777, 5_337_879, 10_547_087, 6_707_479, 3_067_320, 2_289_819, 9_794_408,
    18_809_580, 4_612_502, 4_897_255, 592_130, 6_849_922, 1_712_568, 1_396_094, 12_851_242, 6_260_170, 3_017_783, 2_209_359, 3_045_227,
    726_699, 2_280_340, 4_068_272, 899_192, 4_645_224, 1_773_942, 7_863_921, 7_121_938, 4_518_720,
];

#[test]
fn a_token_works_for_whom_it_is_lent_to_until_it_ends_or_is_revoked() {
    let (mut mailbox, bob, senders) = small(&[40]);
    let (alice, eve) = (&senders[0], PeerId([200; 32]));
    let wall = mailbox.now.wall;
    assert_eq!(mailbox.receive(eve, alice.open(&bob, &mailbox)), Outcome::Misbehaved(Misbehaviour::Signature), "replayed by another");
    assert_eq!(mailbox.receive(eve, chat(&bob, b"x")), Outcome::Refused(Refusal::Unwanted));

    let mut forged = bob.token(7, &alice.holder, wall + DAY);
    forged.id = [8; 16];
    let forged = alice.lend(forged, wall + DAY, eve, mailbox.peer());
    assert_eq!(mailbox.receive(eve, forged), Outcome::Refused(Refusal::Unwanted), "not signed by Bob, but perhaps not its fault");

    let lent = alice.lend(bob.token(7, &alice.holder, wall + 2 * DAY), wall + DAY, eve, mailbox.peer());
    assert_eq!(mailbox.receive(eve, lent.clone()), Outcome::Accepted, "lent for a day");
    assert_eq!(mailbox.receive(eve, chat(&bob, b"x")), Outcome::Accepted);
    mailbox.wait(DAY + 1);
    assert_eq!(mailbox.receive(eve, chat(&bob, b"y")), Outcome::Refused(Refusal::Unwanted), "the day is over");
    mailbox.take(eve);
    assert_eq!(mailbox.receive(eve, lent), Outcome::Refused(Refusal::Unwanted));
    assert_eq!(mailbox.refusals(eve), [Reason::NoToken]);

    assert_eq!(mailbox.receive(alice.peer, chat(&bob, b"z")), Outcome::Accepted);
    assert_eq!(mailbox.receive(eve, bob.revoke(&[40])), Outcome::Accepted, "whoever carries it, Bob signed it");
    assert_eq!(mailbox.receive(eve, bob.revoke(&[40])), Outcome::Duplicate);
    assert_eq!(mailbox.receive(alice.peer, chat(&bob, b"w")), Outcome::Refused(Refusal::Unwanted), "also on an open connection");
    mailbox.restart();
    assert_eq!(mailbox.receive(alice.peer, alice.open(&bob, &mailbox)), Outcome::Refused(Refusal::Unwanted), "also after a restart");
    assert_eq!(bob.collect(0, &mut mailbox).len(), 2, "what was taken before stays");
    mailbox.audit();
}

#[test]
fn senseless_deposits_are_cheap() {
    let (mut mailbox, bob, senders) = small(&[40]);
    let alice = &senders[0];
    let misbehaved = Outcome::Misbehaved(Misbehaviour::Malformed);
    assert_eq!(mailbox.receive(alice.peer, deposit(&[], b"x")), misbehaved);
    assert_eq!(mailbox.receive(alice.peer, chat(&bob, b"")), misbehaved);
    let many: Vec<(InboxId, Lane)> = (0..=FRAME_IDS_MAX).map(|_| (bob.inbox, Lane::Chat)).collect();
    assert_eq!(mailbox.receive(alice.peer, deposit(&many, b"x")), misbehaved);
    assert_eq!(mailbox.receive(alice.peer, chat(&bob, &vec![1; ENVELOPE_BYTES_MAX + 1])), Outcome::Refused(Refusal::Limit));
    assert_eq!(mailbox.refusals(alice.peer), [Reason::TooLarge]);
    assert_eq!(mailbox.receive(alice.peer, Frame::Heads(heads())), Outcome::Misbehaved(Misbehaviour::Unexpected));
    assert!(mailbox.entries(&bob.inbox).is_empty());
}

fn heads() -> tidings::wire::frame::Heads {
    tidings::wire::frame::Heads { room: tidings::types::RoomId([1; 32]), epoch: 1, epoch_id: [0; 16], heads: Vec::new() }
}

#[test]
fn of_too_many_open_tokens_the_first_must_be_opened_again() {
    let mut mailbox = Mailbox::new();
    let (alice, bob) = (Sender::new(40), Owner::new(10, 1, &mailbox));
    bob.join(&mut mailbox);
    mailbox.receive(alice.peer, alice.open(&bob, &mailbox));
    for nth in 0..TOKENS_OPEN_MAX as u16 {
        let mut other = Owner::new(10, 1, &mailbox);
        other.inbox.0[..2].copy_from_slice(&nth.to_be_bytes());
        other.inbox.0[2] = 77;
        other.devices[0].1.0[..2].copy_from_slice(&nth.to_be_bytes());
        other.join(&mut mailbox);
        assert_eq!(mailbox.receive(alice.peer, alice.open(&other, &mailbox)), Outcome::Accepted);
    }
    assert_eq!(mailbox.receive(alice.peer, chat(&bob, b"x")), Outcome::Refused(Refusal::Unwanted));
    mailbox.receive(alice.peer, alice.open(&bob, &mailbox));
    assert_eq!(mailbox.receive(alice.peer, chat(&bob, b"x")), Outcome::Accepted);
}
