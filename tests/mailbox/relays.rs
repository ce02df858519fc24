//! Relays tell who they are.

use super::world::Mailbox;
use tidings::proto::{Misbehaviour, Outcome, Refusal};
use tidings::types::limits::{RELAY_ANNOUNCE_FIRST_MS, RELAY_ANNOUNCE_MS, RELAY_ANNOUNCE_MS_MIN, RELAY_TTL_MS};
use tidings::types::time::{DAY, HOUR, MINUTE};
use tidings::types::{Address, PeerId, Table};
use tidings::wire::codec;
use tidings::wire::mailbox::Announcement;

fn gossip(mailbox: &mut Mailbox, bytes: &[u8]) -> Outcome {
    mailbox.input(|service, ctx| service.handle_gossip(ctx, bytes))
}

fn listening(mailbox: &mut Mailbox, address: &str) {
    let addresses = [Address::new(address).unwrap()];
    mailbox.input(|service, ctx| service.on_listening(ctx, &addresses));
}

#[test]
fn a_relay_is_heard_of_and_forgotten_when_it_is_silent() {
    let mut greta = Mailbox::new();
    let mut bob = Mailbox::with(tidings::proto::Settings { relay: false, ..greta.settings.clone() }, 7);
    listening(&mut greta, "/ip4/192.0.2.1/tcp/4001");
    listening(&mut bob, "/ip4/192.0.2.2/tcp/4001");
    greta.settle();
    bob.settle();
    assert!(bob.published.is_empty(), "Bob is no relay");
    assert!(greta.published.is_empty(), "nobody listens yet");
    greta.up(PeerId([9; 32]));
    greta.wait(RELAY_ANNOUNCE_FIRST_MS);
    let first = greta.published.pop().unwrap();
    listening(&mut greta, "/ip4/192.0.2.9/tcp/4001");
    greta.wait(RELAY_ANNOUNCE_MS_MIN);
    let second = greta.published.pop().unwrap();
    greta.wait(RELAY_ANNOUNCE_MS);
    assert_eq!(greta.published.len(), 1, "every six hours");

    bob.now.wall = greta.now.wall - RELAY_ANNOUNCE_MS;
    assert_eq!(gossip(&mut bob, &first), Outcome::Accepted);
    assert_eq!(gossip(&mut bob, &first), Outcome::Duplicate);
    assert_eq!(gossip(&mut bob, &second), Outcome::Accepted, "newer replaces older");
    bob.restart();
    assert_eq!(gossip(&mut bob, &first), Outcome::Duplicate, "older never replaces newer");
    assert_eq!(gossip(&mut greta, &second), Outcome::Duplicate, "its own");
    let known = bob.rows.all(Table::Relay);
    let stored: Announcement = tidings::wire::row::decode(&known[0].1).unwrap();
    assert_eq!(stored.addresses[0].as_str(), "/ip4/192.0.2.9/tcp/4001");
    bob.wait(RELAY_TTL_MS + HOUR);
    assert!(bob.rows.all(Table::Relay).is_empty());
    assert_eq!(gossip(&mut bob, &second), Outcome::Refused(Refusal::Expired));
}

#[test]
fn false_announcements_change_nothing() {
    let (mut greta, mut bob) = (Mailbox::new(), Mailbox::new());
    bob.keys = tidings::crypto::keys::Keys::new(&[1; 32], &[2; 32], &[3; 32]);
    listening(&mut greta, "/ip4/192.0.2.1/tcp/4001");
    greta.up(PeerId([9; 32]));
    greta.wait(RELAY_ANNOUNCE_FIRST_MS);
    let bytes = greta.published.pop().unwrap();
    let genuine: Announcement = codec::decode(&bytes).unwrap();
    let changed = |change: fn(&mut Announcement)| {
        let mut announcement = genuine.clone();
        change(&mut announcement);
        codec::encode(&announcement)
    };
    assert_eq!(gossip(&mut bob, &changed(|relay| relay.name.push('!'))), Outcome::Misbehaved(Misbehaviour::Signature));
    assert_eq!(gossip(&mut bob, &changed(|relay| relay.at += DAY)), Outcome::Refused(Refusal::Limit), "from the future");
    assert_eq!(gossip(&mut bob, &changed(|relay| relay.name = "x".repeat(129))), Outcome::Misbehaved(Misbehaviour::Malformed));
    assert_eq!(gossip(&mut bob, &bytes[..bytes.len() - 1]), Outcome::Misbehaved(Misbehaviour::Malformed));
    assert!(bob.rows.all(Table::Relay).is_empty());
    assert_eq!(gossip(&mut bob, &bytes), Outcome::Accepted);
    assert_eq!(gossip(&mut bob, &changed(|relay| relay.at += MINUTE / 2)), Outcome::Refused(Refusal::Limit), "too soon after the last");
}
