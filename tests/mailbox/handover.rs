//! Alice goes offline; her mailbox goes on trying.

use super::world::{Mailbox, Owner, Sender, chat, delivered, id, mails, reports};
use tidings::crypto::keys::Signing;
use tidings::proto::{Misbehaviour, Outcome, Refusal};
use tidings::types::limits::{ENVELOPE_TTL_MS, HANDOVER_ANSWER_MS, RETRY_MS_MAX};
use tidings::types::time::{DAY, HOUR, SECOND};
use tidings::types::{Address, InboxId, PeerId, Table};
use tidings::wire::frame::Frame;
use tidings::wire::mailbox::{Handover, HandoverDone, Lane, Reason, Refused, Target, Withdraw};

/// What stands for Bob and Carol at Alice's mailbox.
const BOB: InboxId = InboxId([201; 32]);
const CAROL: InboxId = InboxId([202; 32]);

/// Alice with an inbox at the mailbox, reading it.
fn alice() -> (Mailbox, Owner) {
    let mut mailbox = Mailbox::new();
    let alice = Owner::new(30, 1, &mailbox);
    alice.join(&mut mailbox);
    mailbox.up(alice.peer());
    mailbox.receive(alice.peer(), alice.open(0));
    mailbox.take(alice.peer());
    (mailbox, alice)
}

fn device(peer: PeerId) -> Target {
    Target { peer, addresses: vec![Address::new("/ip4/192.0.2.1/tcp/1").unwrap()], inbox: None }
}

fn handover(owner: &Owner, targets: Vec<Target>, envelope: &[u8]) -> Frame {
    Frame::Handover(Handover { inbox: owner.inbox, to: BOB, targets, lane: Lane::Chat, envelope: envelope.to_vec() })
}

/// Mail from one mailbox's frames into another, and back: they are connected.
fn exchange(one: &mut Mailbox, other: &mut Mailbox) {
    for _ in 0..10 {
        one.settle();
        other.settle();
        let (there, back) = (one.take(other.peer()), other.take(one.peer()));
        if there.is_empty() && back.is_empty() {
            return;
        }
        let (from, to) = (one.peer(), other.peer());
        there.into_iter().for_each(|frame| answer(other, from, frame));
        back.into_iter().for_each(|frame| answer(one, to, frame));
    }
}

fn answer(mailbox: &mut Mailbox, from: PeerId, frame: Frame) {
    match frame {
        Frame::Held(held) => assert!(mailbox.input(|service, ctx| service.handle_held(ctx, from, &held))),
        Frame::Refused(refused) => {
            mailbox.input(|service, ctx| service.handle_refused(ctx, from, &refused));
        }
        frame => {
            mailbox.receive(from, frame);
        }
    }
}

#[test]
fn a_device_gets_it_when_it_comes_back_and_alice_is_told_after_a_crash() {
    let (mut mailbox, alice) = alice();
    let (bob, key) = (PeerId([77; 32]), Signing::from_seed(&[78; 32]));
    assert_eq!(mailbox.receive(alice.peer(), handover(&alice, vec![device(bob)], b"sealed")), Outcome::Accepted);
    assert_eq!(mailbox.receipts(alice.peer()), [(id(b"sealed"), BOB)]);
    assert_eq!(mailbox.receive(alice.peer(), handover(&alice, vec![device(bob)], b"sealed")), Outcome::Duplicate);
    mailbox.down(alice.peer());
    mailbox.settle();
    assert_eq!(mailbox.dialled, [bob], "one dial at a time");
    mailbox.down(bob);
    mailbox.wait(6 * HOUR);
    assert!((20..80).contains(&mailbox.dialled.len()), "with pauses that grow: {}", mailbox.dialled.len());

    mailbox.restart();
    mailbox.up(bob);
    mailbox.settle();
    assert_eq!(mailbox.take(bob), [Frame::Deliver(b"sealed".to_vec())]);
    mailbox.audit();
    // The process ends before anything but the writes is performed.
    let receipt = delivered(&key, &[id(b"sealed")]);
    let mut forged = receipt.clone();
    forged.signature[0] ^= 1;
    assert!(!mailbox.input(|service, ctx| service.handle_delivered(ctx, bob, &forged)));
    assert!(!mailbox.input(|service, ctx| service.handle_delivered(ctx, PeerId([66; 32]), &receipt)), "nothing was sent to that one");
    mailbox.fuel = Some(1);
    assert!(mailbox.input(|service, ctx| service.handle_delivered(ctx, bob, &receipt)));
    mailbox.restart();
    mailbox.audit();

    mailbox.receive(alice.peer(), alice.open(0));
    let told = reports(mailbox.take(alice.peer()));
    assert_eq!(told.iter().map(|report| &report.done).collect::<Vec<_>>(), [&HandoverDone::Delivered(receipt)]);
    mailbox.restart();
    mailbox.receive(alice.peer(), alice.open(0));
    assert_eq!(reports(mailbox.take(alice.peer())), told, "until she acknowledges");
    mailbox.receive(alice.peer(), alice.ack([told[0].sequence]));
    assert!(mailbox.entries(&alice.inbox).is_empty());
    assert!(mailbox.rows.all(Table::Handover).is_empty());
    mailbox.audit();
}

/// Sequences of results, acknowledged.
fn know(mailbox: &mut Mailbox, alice: &Owner) {
    let told = reports(mailbox.take(alice.peer()));
    mailbox.receive(alice.peer(), alice.ack(told.iter().map(|report| report.sequence)));
}

#[test]
fn what_was_handed_on_is_kept_until_its_owner_knows_who_has_it() {
    let (mut mailbox, alice) = alice();
    let (bob, key) = (PeerId([77; 32]), Signing::from_seed(&[78; 32]));
    mailbox.receive(alice.peer(), handover(&alice, vec![device(bob)], b"sealed"));
    mailbox.up(bob);
    let receipt = delivered(&key, &[id(b"sealed")]);
    mailbox.input(|service, ctx| service.handle_delivered(ctx, bob, &receipt));
    mailbox.audit();
    assert!(!mailbox.rows.all(Table::Handover).is_empty(), "Alice still believes that it is here");
    know(&mut mailbox, &alice);
    assert!(mailbox.rows.all(Table::Handover).is_empty());
    mailbox.audit();
}

#[test]
fn one_envelope_for_two_receivers_is_tried_for_each() {
    let (mut mailbox, alice) = alice();
    let (bob, carol) = (PeerId([77; 32]), PeerId([79; 32]));
    let key = Signing::from_seed(&[78; 32]);
    let to = |receiver, peer| {
        Frame::Handover(Handover {
            inbox: alice.inbox,
            to: receiver,
            targets: vec![device(peer)],
            lane: Lane::Chat,
            envelope: b"us".to_vec(),
        })
    };
    assert_eq!(mailbox.receive(alice.peer(), to(BOB, bob)), Outcome::Accepted);
    assert_eq!(mailbox.receive(alice.peer(), to(CAROL, carol)), Outcome::Accepted);
    assert_eq!(mailbox.receipts(alice.peer()), [(id(b"us"), BOB), (id(b"us"), CAROL)]);
    mailbox.up(bob);
    mailbox.input(|service, ctx| service.handle_delivered(ctx, bob, &delivered(&key, &[id(b"us")])));
    know(&mut mailbox, &alice);
    mailbox.audit();
    mailbox.up(carol);
    assert_eq!(mailbox.take(carol), [Frame::Deliver(b"us".to_vec())]);
}

#[test]
fn a_receiver_who_moved_is_found_where_the_last_hand_over_says() {
    let (mut mailbox, alice) = alice();
    let (old, new) = (PeerId([77; 32]), PeerId([87; 32]));
    mailbox.receive(alice.peer(), handover(&alice, vec![device(old)], b"sealed"));
    assert_eq!(mailbox.receive(alice.peer(), handover(&alice, vec![device(new)], b"sealed")), Outcome::Accepted);
    mailbox.audit();
    mailbox.up(old);
    assert!(mailbox.take(old).is_empty());
    mailbox.up(new);
    assert_eq!(mailbox.take(new), [Frame::Deliver(b"sealed".to_vec())]);
}

#[test]
fn what_is_withdrawn_is_tried_no_more() {
    let (mut mailbox, alice) = alice();
    let bob = PeerId([77; 32]);
    mailbox.receive(alice.peer(), handover(&alice, vec![device(bob)], b"sealed"));
    let what = Withdraw { inbox: alice.inbox, handovers: vec![(id(b"sealed"), BOB)] };
    let (withdraw, answer) = (Frame::Withdraw(what.clone()), Frame::Withdrawn(what));
    mailbox.take(alice.peer());
    let eve = PeerId([200; 32]);
    assert_eq!(mailbox.receive(eve, withdraw.clone()), Outcome::Refused(Refusal::Unwanted));
    assert!(!mailbox.take(eve).contains(&answer));
    assert_eq!(mailbox.receive(alice.peer(), withdraw.clone()), Outcome::Accepted);
    assert_eq!(mailbox.receive(alice.peer(), withdraw), Outcome::Duplicate);
    assert_eq!(mailbox.take(alice.peer()), [answer.clone(), answer], "she asks until she hears that it is gone, and then it is already");
    assert!(mailbox.rows.all(Table::Handover).is_empty());
    mailbox.audit();
    mailbox.up(bob);
    assert!(mailbox.take(bob).is_empty());
}

#[test]
fn a_device_that_never_opens_it_is_not_asked_again_and_alice_is_told() {
    let (mut mailbox, alice) = alice();
    let bob = PeerId([77; 32]);
    mailbox.receive(alice.peer(), handover(&alice, vec![device(bob)], b"sealed"));
    mailbox.up(bob);
    mailbox.take(alice.peer());
    assert!(mailbox.input(|service, ctx| service.handle_lost(ctx, bob, &[id(b"sealed")])));
    let told = reports(mailbox.take(alice.peer()));
    assert_eq!(told[0].done, HandoverDone::Expired { envelope: id(b"sealed"), to: BOB });
    mailbox.audit();
    mailbox.receive(alice.peer(), alice.ack([told[0].sequence]));
    assert!(mailbox.rows.all(Table::Handover).is_empty());
}

#[test]
fn who_says_nothing_to_one_owner_is_tried_for_the_others() {
    let (mut mailbox, alice) = alice();
    let dora = Owner::new(50, 1, &mailbox);
    dora.join(&mut mailbox);
    mailbox.receive(dora.peer(), dora.open(0));
    let bob = PeerId([77; 32]);
    mailbox.receive(alice.peer(), handover(&alice, vec![device(bob)], b"of Alice, whom Bob blocked"));
    mailbox.receive(dora.peer(), handover(&dora, vec![device(bob)], b"of Dora"));
    mailbox.up(bob);
    assert_eq!(mailbox.take(bob), [Frame::Deliver(b"of Alice, whom Bob blocked".to_vec())]);
    mailbox.wait(HANDOVER_ANSWER_MS);
    assert_eq!(mailbox.take(bob), [Frame::Deliver(b"of Dora".to_vec())]);
}

#[test]
fn two_mailboxes_get_a_copy_with_a_lent_token_and_each_receipt_is_told() {
    let (mut mailbox, alice) = alice();
    let mut relays = [5, 15, 25].map(|seed| Mailbox::with(mailbox.settings.clone(), seed));
    let holder = Sender::new(60);
    let targets: Vec<Target> = relays
        .iter_mut()
        .map(|relay| {
            let bob = Owner::new(10, 1, relay);
            bob.join(relay);
            let lent = holder.lent(bob.token(9, &holder.holder, relay.now.wall + DAY), relay.now.wall + DAY, mailbox.peer(), relay.peer());
            Target { peer: relay.peer(), addresses: Vec::new(), inbox: Some((bob.inbox, lent)) }
        })
        .collect();
    for nth in 0..20u8 {
        assert_eq!(mailbox.receive(alice.peer(), handover(&alice, targets.clone(), &[nth; 9])), Outcome::Accepted);
    }
    mailbox.settle();
    mailbox.take(alice.peer());
    assert_eq!(mailbox.dialled.len(), 3);
    for relay in &mut relays[..2] {
        relay.up(mailbox.peer());
        mailbox.up(relay.peer());
        exchange(&mut mailbox, relay);
        mailbox.audit();
    }
    mailbox.up(relays[2].peer());
    assert!(mailbox.take(relays[2].peer()).is_empty(), "two copies are enough");
    let told = reports(mailbox.take(alice.peer()));
    mailbox.receive(alice.peer(), alice.ack(told.iter().map(|report| report.sequence)));
    assert!(mailbox.rows.all(Table::Handover).is_empty());
    for relay in &relays[..2] {
        let of = |report: &&tidings::wire::mailbox::Report| matches!(&report.done, HandoverDone::Held { by, held } if *by == relay.peer() && held.is_signed_by(by));
        let entries: usize = told
            .iter()
            .filter(of)
            .map(|report| if let HandoverDone::Held { held, .. } = &report.done { held.entries.len() } else { 0 })
            .sum();
        assert_eq!(entries, 20);
    }
    let bob = Owner::new(10, 1, &relays[0]);
    let collected = bob.collect(0, &mut relays[0]);
    assert_eq!(collected, (0..20u8).map(|nth| vec![nth; 9]).collect::<Vec<_>>(), "in the order in which they were handed over");
}

#[test]
fn a_full_mailbox_is_asked_again_and_one_that_will_never_take_it_is_told() {
    let (mut mailbox, alice) = alice();
    let relay = PeerId([88; 32]);
    let holder = Sender::new(60);
    let bob = Owner::new(10, 1, &mailbox);
    let lent = holder.lent(bob.token(9, &holder.holder, u64::MAX), u64::MAX, mailbox.peer(), relay);
    let target = Target { peer: relay, addresses: Vec::new(), inbox: Some((bob.inbox, lent)) };
    mailbox.receive(alice.peer(), handover(&alice, vec![target], b"sealed"));
    mailbox.up(relay);
    assert!(matches!(mailbox.take(relay).as_slice(), [Frame::OpenToken(_), Frame::Deposit(_)]));
    let refuse = |mailbox: &mut Mailbox, reason| {
        let refused = Refused { envelope: Some(id(b"sealed")), inbox: bob.inbox, reason };
        mailbox.input(|service, ctx| service.handle_refused(ctx, relay, &refused))
    };
    assert!(refuse(&mut mailbox, Reason::Full));
    assert!(!refuse(&mut mailbox, Reason::Full), "nothing is in flight");
    mailbox.settle();
    assert!(mailbox.take(relay).is_empty(), "not at once");
    mailbox.wait(10 * SECOND);
    assert!(matches!(mailbox.take(relay).as_slice(), [Frame::Deposit(_)]), "but soon");
    mailbox.wait(HANDOVER_ANSWER_MS);
    let pauses = (0..).take_while(|_| {
        mailbox.wait(SECOND);
        mailbox.take(relay).is_empty()
    });
    assert!(pauses.count() < RETRY_MS_MAX as usize / 1_000, "no answer: again");
    mailbox.take(alice.peer());
    assert!(refuse(&mut mailbox, Reason::UnknownInbox));
    let told = reports(mailbox.take(alice.peer()));
    assert_eq!(told[0].done, HandoverDone::Expired { envelope: id(b"sealed"), to: BOB });
    mailbox.receive(alice.peer(), alice.ack([told[0].sequence]));
    assert!(mailbox.rows.all(Table::Handover).is_empty());
    mailbox.audit();
}

#[test]
fn what_nobody_took_in_time_expires_and_is_told() {
    let (mut mailbox, alice) = alice();
    mailbox.receive(alice.peer(), handover(&alice, vec![device(PeerId([77; 32]))], b"sealed"));
    mailbox.down(alice.peer());
    mailbox.wait(ENVELOPE_TTL_MS + 3 * HOUR);
    assert!(mailbox.rows.all(Table::Handover).is_empty());
    mailbox.audit();
    mailbox.receive(alice.peer(), alice.open(0));
    assert_eq!(reports(mailbox.take(alice.peer()))[0].done, HandoverDone::Expired { envelope: id(b"sealed"), to: BOB });
}

#[test]
fn only_readers_hand_over_and_within_their_quota() {
    let (mut mailbox, alice) = alice();
    let (eve, bob) = (PeerId([200; 32]), PeerId([77; 32]));
    assert_eq!(mailbox.receive(eve, handover(&alice, vec![device(bob)], b"x")), Outcome::Refused(Refusal::Unwanted));
    let malformed = Outcome::Misbehaved(Misbehaviour::Malformed);
    assert_eq!(mailbox.receive(alice.peer(), handover(&alice, vec![], b"x")), malformed);
    assert_eq!(mailbox.receive(alice.peer(), handover(&alice, vec![device(bob)], b"")), malformed);
    assert_eq!(mailbox.receive(alice.peer(), handover(&alice, (0..15).map(|nth| device(PeerId([nth; 32]))).collect(), b"x")), malformed);
    let itself = device(mailbox.peer());
    assert_eq!(mailbox.receive(alice.peer(), handover(&alice, vec![itself], b"x")), Outcome::Refused(Refusal::Unwanted));
    let other = Owner::new(10, 1, &mailbox);
    let holder = Sender::new(60);
    let lent = holder.lent(other.token(9, &holder.holder, u64::MAX), u64::MAX, eve, bob);
    let lent_to_eve = Target { peer: bob, addresses: Vec::new(), inbox: Some((other.inbox, lent)) };
    assert_eq!(mailbox.receive(alice.peer(), handover(&alice, vec![lent_to_eve], b"x")), Outcome::Misbehaved(Misbehaviour::Signature));

    let large = |nth: u8| vec![nth; 200 * 1024];
    let taken =
        (0..10).filter(|nth| mailbox.receive(alice.peer(), handover(&alice, vec![device(bob)], &large(*nth))) == Outcome::Accepted).count();
    assert_eq!(taken, 5, "what waits to be handed over takes the room of what waits to be read");
    let dora = Sender::new(40);
    mailbox.receive(dora.peer, dora.open(&alice, &mailbox));
    assert_eq!(mailbox.receive(dora.peer, chat(&alice, &large(100))), Outcome::Refused(Refusal::Limit));
    mailbox.audit();
    assert_eq!(mailbox.receive(alice.peer(), alice.leave()), Outcome::Accepted);
    mailbox.settle();
    assert!(mailbox.rows.all(Table::Handover).is_empty() && mailbox.rows.all(Table::Expiry).is_empty());
    mailbox.up(bob);
    assert!(mails(mailbox.take(bob)).is_empty());
    mailbox.audit();
}

#[test]
fn a_receipt_shown_to_one_owner_names_nothing_of_another() {
    let (mut mailbox, alice) = alice();
    let dora = Owner::new(50, 1, &mailbox);
    dora.join(&mut mailbox);
    mailbox.receive(dora.peer(), dora.open(0));
    let bob = PeerId([77; 32]);
    mailbox.receive(alice.peer(), handover(&alice, vec![device(bob)], b"of Alice"));
    mailbox.receive(dora.peer(), handover(&dora, vec![device(bob)], b"of Dora"));
    mailbox.up(bob);
    assert_eq!(mailbox.take(bob), [Frame::Deliver(b"of Alice".to_vec())], "hers first, alone");
    let key = Signing::from_seed(&[78; 32]);
    mailbox.input(|service, ctx| service.handle_delivered(ctx, bob, &delivered(&key, &[id(b"of Alice"), id(b"of Dora")])));
    assert_eq!(mailbox.take(bob), [Frame::Deliver(b"of Dora".to_vec())]);
}
