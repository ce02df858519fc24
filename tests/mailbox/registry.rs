//! Who is served, and who leaves.

use super::world::{Mailbox, Owner, Sender, chat, secret};
use tidings::proto::{Misbehaviour, Outcome, Refusal};
use tidings::types::limits::{DEVICES_MAX, NEIGHBOURS_MAX};
use tidings::types::time::HOUR;
use tidings::types::{AccountId, InboxId, Table};
use tidings::wire::frame::Frame;
use tidings::wire::mailbox::{Claim, Reason};

#[test]
fn a_relay_serves_who_has_its_link() {
    let mut mailbox = Mailbox::new();
    let bob = Owner::new(10, 2, &mailbox);
    assert_eq!(mailbox.receive(bob.peer(), bob.register(Claim::Secret([0; 32]), &[0])), Outcome::Refused(Refusal::Unwanted), "no link yet");
    let right = secret(&mut mailbox);
    mailbox.restart();
    assert_eq!(secret(&mut mailbox), right, "the link stays good");
    let mut wrong = right;
    wrong[31] ^= 1;
    assert_eq!(mailbox.receive(bob.peer(), bob.register(Claim::Secret(wrong), &[0])), Outcome::Refused(Refusal::Unwanted));
    mailbox.take(bob.peer());
    assert_eq!(mailbox.receive(bob.peer(), bob.register(Claim::Secret(right), &[0])), Outcome::Accepted);
    let frames = mailbox.take(bob.peer());
    assert!(
        matches!(frames.as_slice(), [Frame::MailLimits(_), Frame::Registered(registered)] if registered.quota_bytes == mailbox.settings.relay_inbox_bytes)
    );
    assert_eq!(mailbox.receive(bob.peer(), bob.register(Claim::Secret(right), &[0])), Outcome::Duplicate, "asked again, told again");
    assert_eq!(mailbox.take(bob.peer()), frames);

    let Frame::Register(mut forged) = bob.register(Claim::Secret(right), &[0]) else { unreachable!() };
    forged.readers = vec![[9; 32]];
    assert_eq!(mailbox.receive(bob.peer(), Frame::Register(forged)), Outcome::Refused(Refusal::Unwanted), "not what Bob signed");
    let mut eve = Owner::new(20, 1, &mailbox);
    eve.inbox = bob.inbox;
    assert_eq!(
        mailbox.receive(eve.peer(), eve.register(Claim::Secret(right), &[0])),
        Outcome::Misbehaved(Misbehaviour::Right),
        "Bob's inbox"
    );
    let many = Owner::new(30, DEVICES_MAX as u8 + 1, &mailbox);
    assert_eq!(many.join(&mut mailbox), Outcome::Misbehaved(Misbehaviour::Malformed));
    assert_eq!(mailbox.receive(many.peer(), many.register(Claim::Secret(right), &[])), Outcome::Misbehaved(Misbehaviour::Malformed));
    mailbox.audit();
}

#[test]
fn a_node_that_is_no_relay_and_no_neighbour_serves_nobody() {
    let mut mailbox = Mailbox::new();
    let right = secret(&mut mailbox);
    mailbox.settings.relay = false;
    mailbox.settings.neighbour = false;
    mailbox.restart();
    let bob = Owner::new(10, 1, &mailbox);
    for (contact, claim) in [(None, Claim::Secret(right)), (Some(AccountId([1; 32])), Claim::Contact)] {
        let asked = bob.register(claim, &[0]);
        assert_eq!(mailbox.receive_from(bob.peer(), contact, asked), Outcome::Refused(Refusal::Unwanted));
        assert_eq!(mailbox.refusals(bob.peer()), [Reason::NotServed]);
    }
}

#[test]
fn a_person_serves_contacts_a_few_with_two_inboxes_each_at_most() {
    let mut mailbox = Mailbox::new();
    let bob = Owner::new(10, 1, &mailbox);
    let ask = |mailbox: &mut Mailbox, contact: Option<u8>, inbox: u8| {
        let mut owner = Owner::new(10, 1, mailbox);
        owner.inbox = InboxId([inbox; 32]);
        mailbox.receive_from(owner.peer(), contact.map(|contact| AccountId([contact; 32])), owner.register(Claim::Contact, &[0]))
    };
    assert_eq!(ask(&mut mailbox, None, 1), Outcome::Refused(Refusal::Unwanted));
    assert_eq!(ask(&mut mailbox, Some(1), 1), Outcome::Accepted);
    assert_eq!(ask(&mut mailbox, Some(1), 2), Outcome::Accepted);
    assert_eq!(ask(&mut mailbox, Some(1), 3), Outcome::Refused(Refusal::Limit));
    for nth in 3..=NEIGHBOURS_MAX as u8 {
        assert_eq!(ask(&mut mailbox, Some(nth), 100 + nth), Outcome::Accepted);
    }
    mailbox.restart();
    assert_eq!(ask(&mut mailbox, Some(90), 90), Outcome::Refused(Refusal::Limit));
    let mut leaving = Owner::new(10, 1, &mailbox);
    leaving.inbox = InboxId([1; 32]);
    assert_eq!(mailbox.receive(bob.peer(), leaving.leave()), Outcome::Accepted);
    assert_eq!(ask(&mut mailbox, Some(90), 90), Outcome::Accepted, "a place is free");
    mailbox.audit();
}

#[test]
fn who_leaves_leaves_nothing_behind_even_through_crashes() {
    let mut mailbox = Mailbox::new();
    let (bob, dora, alice) = (Owner::new(10, 2, &mailbox), Owner::new(20, 1, &mailbox), Sender::new(40));
    bob.join(&mut mailbox);
    dora.join(&mut mailbox);
    mailbox.receive(alice.peer, alice.open(&bob, &mailbox));
    mailbox.receive(alice.peer, alice.open(&dora, &mailbox));
    for nth in 0..700u32 {
        assert_eq!(mailbox.receive(alice.peer, chat(&bob, &nth.to_be_bytes())), Outcome::Accepted);
    }
    mailbox.receive(alice.peer, chat(&dora, &5u32.to_be_bytes()));
    mailbox.receive(bob.peer(), bob.revoke(&[1, 2, 3]));
    bob.collect(1, &mut mailbox);
    mailbox.take(bob.peer());

    let mut forged = bob.leave();
    if let Frame::LeaveInbox(leave) = &mut forged {
        leave.inbox = dora.inbox;
    }
    assert_eq!(mailbox.receive(bob.peer(), forged), Outcome::Refused(Refusal::Unwanted));
    assert_eq!(mailbox.receive(bob.peer(), bob.leave()), Outcome::Accepted);
    assert_eq!(mailbox.refusals(bob.peer()), [Reason::Signature, Reason::UnknownInbox], "the answer to who left: no such inbox");
    assert_eq!(mailbox.receive(alice.peer, chat(&bob, b"late")), Outcome::Refused(Refusal::Unknown));
    assert_eq!(bob.join(&mut mailbox), Outcome::Refused(Refusal::Unwanted), "not before all is forgotten");
    for _ in 0..3 {
        mailbox.input(|service, ctx| service.on_deadline(ctx));
        mailbox.audit();
        mailbox.restart();
    }
    mailbox.settle();
    mailbox.audit();
    assert_eq!(mailbox.rows.all(Table::Inbox).iter().filter(|(key, _)| key.starts_with(&bob.inbox.0)).count(), 0);
    assert_eq!(mailbox.rows.all(Table::Held).len(), 1, "Dora's letter is still there");
    assert_eq!(bob.join(&mut mailbox), Outcome::Accepted);
    mailbox.wait(HOUR);
    assert!(bob.collect(0, &mut mailbox).is_empty());
    assert_eq!(dora.collect(0, &mut mailbox), [5u32.to_be_bytes()]);
    mailbox.audit();
}
