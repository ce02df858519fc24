//! Bob is away; what waits for him.

use super::world::{Mailbox, Owner, Sender, chat, deposit, id, mails};
use tidings::proto::{Misbehaviour, Outcome, Refusal};
use tidings::types::limits::{ENVELOPE_TTL_MS, EXPIRY_SPAN_MS, WINDOW_BYTES_MAX, WINDOW_ENVELOPES_MAX};
use tidings::types::time::{DAY, HOUR};
use tidings::types::{InboxId, PeerId, Table};
use tidings::wire::frame::Frame;
use tidings::wire::mailbox::{Lane, MailEnd, Reason};

fn text(nth: u64) -> Vec<u8> {
    format!("sealed text {nth:05}").into_bytes()
}

fn texts(range: std::ops::Range<u64>) -> Vec<Vec<u8>> {
    range.map(text).collect()
}

/// Bob with an inbox, Alice with an open token for it.
fn bob_and_alice(devices: u8) -> (Mailbox, Owner, Sender) {
    let mut mailbox = Mailbox::new();
    let (bob, alice) = (Owner::new(10, devices, &mailbox), Sender::new(40));
    assert_eq!(bob.join(&mut mailbox), Outcome::Accepted);
    assert_eq!(mailbox.receive(alice.peer, alice.open(&bob, &mailbox)), Outcome::Accepted);
    (mailbox, bob, alice)
}

fn send(mailbox: &mut Mailbox, alice: &Sender, bob: &Owner, range: std::ops::Range<u64>) {
    for nth in range {
        assert_eq!(mailbox.receive(alice.peer, chat(bob, &text(nth))), Outcome::Accepted);
    }
}

#[test]
fn a_hundred_wait_through_a_restart_and_come_once_and_in_order() {
    let (mut mailbox, bob, alice) = bob_and_alice(1);
    send(&mut mailbox, &alice, &bob, 0..100);
    let receipts = mailbox.receipts(alice.peer);
    assert_eq!(receipts.len(), 100, "one receipt for each");
    assert!((0..100).all(|nth| receipts.contains(&(id(&text(nth)), bob.inbox))));
    mailbox.audit();

    mailbox.restart();
    assert_eq!(bob.collect(0, &mut mailbox), texts(0..100));
    mailbox.audit();
    assert!(mailbox.entries(&bob.inbox).is_empty() && mailbox.rows.all(Table::Body).is_empty(), "everything is released");
    assert!(bob.collect(0, &mut mailbox).is_empty());
}

#[test]
fn many_deposits_share_one_signature() {
    let (mut mailbox, bob, alice) = bob_and_alice(1);
    send(&mut mailbox, &alice, &bob, 0..300);
    assert!(mailbox.take(alice.peer).is_empty(), "nothing is said before the deadline");
    mailbox.settle();
    let frames = mailbox.take(alice.peer);
    assert!(matches!(frames.as_slice(), [Frame::Held(held)] if held.entries.len() == 300));
}

#[test]
fn what_is_not_acknowledged_comes_again_and_nothing_else() {
    let (mut mailbox, bob, alice) = bob_and_alice(1);
    send(&mut mailbox, &alice, &bob, 0..10);
    mailbox.receive(bob.peer(), bob.open(0));
    let first = mailbox.take(bob.peer());
    assert!(matches!(first.last(), Some(Frame::MailEnd(MailEnd { inbox })) if *inbox == bob.inbox), "it is told that this was all");
    let sequences: Vec<u64> = mails(first).iter().map(|(sequence, _)| *sequence).collect();
    assert_eq!(sequences.len(), 10);
    assert_eq!(mailbox.receive(bob.peer(), bob.ack(sequences[..4].to_vec())), Outcome::Accepted);
    assert_eq!(mailbox.receive(bob.peer(), bob.ack(sequences[..4].to_vec())), Outcome::Duplicate);
    assert_eq!(mailbox.receive(bob.peer(), bob.ack([7_777, 0, u64::MAX])), Outcome::Duplicate);
    mailbox.down(bob.peer());
    mailbox.restart();
    assert_eq!(bob.collect(0, &mut mailbox), texts(4..10));
}

#[test]
fn a_reader_who_is_there_gets_each_at_once_and_is_held_to_the_window() {
    let (mut mailbox, bob, alice) = bob_and_alice(1);
    mailbox.take(bob.peer());
    mailbox.receive(bob.peer(), bob.open(0));
    assert!(matches!(mailbox.take(bob.peer()).as_slice(), [Frame::MailEnd(_)]));
    send(&mut mailbox, &alice, &bob, 0..WINDOW_ENVELOPES_MAX as u64 + 50);
    let mail = mails(mailbox.take(bob.peer()));
    assert_eq!(mail.len(), WINDOW_ENVELOPES_MAX, "the rest waits for acknowledgements");
    mailbox.receive(bob.peer(), Frame::Deferred(vec![id(&text(0)), id(&text(1))]));
    assert_eq!(mails(mailbox.take(bob.peer())).len(), 2, "what is deferred makes room");
    mailbox.receive(bob.peer(), bob.ack(mail.iter().skip(2).map(|(sequence, _)| *sequence)));
    assert_eq!(bob.drain(0, &mut mailbox).len(), 48);
    assert_eq!(bob.collect(0, &mut mailbox), [texts(0..2), texts(256..258)].concat(), "deferred ones are still there");
}

#[test]
fn large_envelopes_fill_the_window_by_bytes() {
    let (mut mailbox, bob, alice) = bob_and_alice(1);
    mailbox.settings.relay_inbox_bytes = 64 * 1024 * 1024;
    mailbox.restart();
    mailbox.receive(alice.peer, alice.open(&bob, &mailbox));
    let large = |nth: u8| vec![nth; 200 * 1024];
    for nth in 0..12 {
        mailbox.receive(alice.peer, chat(&bob, &large(nth)));
    }
    mailbox.receive(bob.peer(), bob.open(0));
    assert_eq!(mails(mailbox.take(bob.peer())).len(), WINDOW_BYTES_MAX / (200 * 1024));
    assert_eq!(bob.collect(0, &mut mailbox), (0..12).map(large).collect::<Vec<_>>());
}

#[test]
fn two_devices_each_get_everything_and_only_then_it_is_released() {
    let (mut mailbox, bob, alice) = bob_and_alice(2);
    send(&mut mailbox, &alice, &bob, 0..20);
    assert_eq!(bob.collect(0, &mut mailbox), texts(0..20));
    assert_eq!(mailbox.entries(&bob.inbox).len(), 20, "the laptop has not been there");
    mailbox.restart();
    assert!(bob.collect(0, &mut mailbox).is_empty(), "the phone has them");
    mailbox.receive(alice.peer, alice.open(&bob, &mailbox));
    send(&mut mailbox, &alice, &bob, 20..25);
    assert_eq!(bob.drain(0, &mut mailbox), texts(20..25));
    assert_eq!(bob.collect(1, &mut mailbox), texts(0..25));
    assert!(mailbox.entries(&bob.inbox).is_empty());
    mailbox.audit();
}

#[test]
fn a_lost_device_holds_nothing_up_once_it_is_taken_off_the_list() {
    let (mut mailbox, bob, alice) = bob_and_alice(2);
    send(&mut mailbox, &alice, &bob, 0..600);
    assert_eq!(bob.collect(0, &mut mailbox).len(), 600);
    send(&mut mailbox, &alice, &bob, 600..603);
    let claim = tidings::wire::mailbox::Claim::Secret(super::world::secret(&mut mailbox));
    assert_eq!(mailbox.receive(bob.peer(), bob.register(claim.clone(), &[0])), Outcome::Accepted);
    mailbox.input(|service, ctx| service.on_deadline(ctx));
    mailbox.restart();
    mailbox.settle();
    assert_eq!(mailbox.entries(&bob.inbox).len(), 3, "what the lost one alone had not acknowledged is gone");
    assert_eq!(mailbox.receive(bob.devices[1].1, bob.open(1)), Outcome::Refused(Refusal::Unwanted));
    assert_eq!(mailbox.receive(bob.peer(), bob.register(claim, &[0, 1])), Outcome::Accepted);
    assert_eq!(bob.collect(1, &mut mailbox), texts(600..603), "a new device gets what waits");
    mailbox.audit();
}

#[test]
fn acknowledgements_count_only_from_a_reader() {
    let (mut mailbox, bob, alice) = bob_and_alice(1);
    send(&mut mailbox, &alice, &bob, 0..3);
    assert_eq!(mailbox.receive(alice.peer, bob.ack([1, 2, 3])), Outcome::Refused(Refusal::Unwanted));
    let eve = PeerId([200; 32]);
    assert_eq!(mailbox.receive(eve, bob.open(0)), Outcome::Misbehaved(Misbehaviour::Signature), "Bob's proof, sent by another");
    assert_eq!(mailbox.refusals(eve), [Reason::Signature]);
    assert_eq!(mailbox.receive(eve, bob.ack([1, 2, 3])), Outcome::Refused(Refusal::Unwanted));
    let too_many = bob.ack(0..513);
    assert_eq!(mailbox.receive(bob.peer(), too_many), Outcome::Misbehaved(Misbehaviour::Malformed));
    assert_eq!(mailbox.entries(&bob.inbox).len(), 3);
}

#[test]
fn the_same_envelope_again_gives_the_same_receipt_and_no_second_copy() {
    let (mut mailbox, bob, alice) = bob_and_alice(1);
    send(&mut mailbox, &alice, &bob, 0..1);
    mailbox.settle();
    let first = mailbox.take(alice.peer);
    mailbox.wait(5 * DAY);
    mailbox.restart();
    mailbox.receive(alice.peer, alice.open(&bob, &mailbox));
    assert_eq!(mailbox.receive(alice.peer, chat(&bob, &text(0))), Outcome::Duplicate);
    mailbox.settle();
    assert_eq!(mailbox.take(alice.peer), first, "also what it promises");
    assert_eq!(bob.collect(0, &mut mailbox), texts(0..1));
}

#[test]
fn one_body_serves_many_inboxes() {
    let (mut mailbox, bob, alice) = bob_and_alice(1);
    let dora = Owner::new(20, 1, &mailbox);
    dora.join(&mut mailbox);
    mailbox.receive(alice.peer, alice.open(&dora, &mailbox));
    let both = [(bob.inbox, Lane::Chat), (dora.inbox, Lane::Control), (InboxId([99; 32]), Lane::Chat), (bob.inbox, Lane::Chat)];
    assert_eq!(mailbox.receive(alice.peer, deposit(&both, &text(0))), Outcome::Refused(Refusal::Unknown));
    mailbox.audit();
    assert_eq!(mailbox.receipts(alice.peer).len(), 2);
    assert_eq!(bob.collect(0, &mut mailbox), texts(0..1));
    mailbox.audit();
    assert_eq!(mailbox.receive(alice.peer, chat(&bob, &text(0))), Outcome::Accepted, "released there, so it is taken again");
    mailbox.audit();
    assert_eq!(dora.collect(0, &mut mailbox), texts(0..1));
    assert_eq!(bob.collect(0, &mut mailbox), texts(0..1));
    assert!(mailbox.rows.all(Table::Body).is_empty());
    mailbox.audit();
}

#[test]
fn mail_expires_after_its_promise_and_not_before() {
    let (mut mailbox, bob, alice) = bob_and_alice(1);
    send(&mut mailbox, &alice, &bob, 0..700);
    mailbox.wait(DAY);
    send(&mut mailbox, &alice, &bob, 700..701);
    mailbox.wait(ENVELOPE_TTL_MS - DAY - HOUR);
    assert_eq!(mailbox.entries(&bob.inbox).len(), 701);
    mailbox.restart();
    mailbox.wait(HOUR + EXPIRY_SPAN_MS + HOUR);
    assert_eq!(mailbox.entries(&bob.inbox).len(), 1);
    mailbox.audit();
    mailbox.wait(DAY);
    assert!(mailbox.entries(&bob.inbox).is_empty() && mailbox.rows.all(Table::Expiry).is_empty());
    mailbox.audit();
}

#[test]
fn a_clock_that_jumps_ahead_breaks_no_promise() {
    let (mut mailbox, bob, alice) = bob_and_alice(1);
    send(&mut mailbox, &alice, &bob, 0..5);
    mailbox.wait(DAY);
    mailbox.now.wall += 365 * DAY;
    mailbox.wait(DAY);
    assert_eq!(mailbox.entries(&bob.inbox).len(), 5, "a year by the wall, a day in truth");
    mailbox.restart();
    mailbox.wait(DAY);
    assert_eq!(mailbox.entries(&bob.inbox).len(), 5, "a restart makes no difference");
    mailbox.now.wall -= 365 * DAY;
    mailbox.wait(HOUR);
    mailbox.receive(alice.peer, alice.open(&bob, &mailbox));
    send(&mut mailbox, &alice, &bob, 5..6);
    mailbox.settle();
    let until =
        mailbox.take(alice.peer).iter().filter_map(|frame| if let Frame::Held(held) = frame { Some(held.until) } else { None }).max();
    assert!(until.unwrap() < mailbox.now.wall + ENVELOPE_TTL_MS + 4 * DAY, "nothing is promised for the wrong year");
    mailbox.wait(ENVELOPE_TTL_MS + 5 * DAY);
    assert!(mailbox.entries(&bob.inbox).is_empty());
    mailbox.audit();
}

#[test]
fn a_full_disk_takes_nothing_new_and_still_gives_out() {
    let (mut mailbox, bob, alice) = bob_and_alice(1);
    send(&mut mailbox, &alice, &bob, 0..3);
    mailbox.disk_full(true);
    assert_eq!(mailbox.receive(alice.peer, chat(&bob, &text(3))), Outcome::Refused(Refusal::Disk));
    assert_eq!(mailbox.receive(alice.peer, chat(&bob, &text(0))), Outcome::Duplicate, "a receipt for what is there needs no room");
    assert_eq!(bob.collect(0, &mut mailbox), texts(0..3));
    mailbox.disk_full(false);
    assert_eq!(mailbox.receive(alice.peer, chat(&bob, &text(3))), Outcome::Accepted, "what was refused is not remembered");
}
