//! Relays tell who they are.

use super::world::Mailbox;
use tidings::crypto::keys::Keys;
use tidings::proto::{Misbehaviour, Outcome, Refusal};
use tidings::types::limits::{
    RELAY_ANNOUNCE_FIRST_MS, RELAY_ANNOUNCE_MS, RELAY_ANNOUNCE_MS_MIN, RELAY_PAUSE_MS_MAX, RELAY_SHARE_MS, RELAYS_HEARD_MAX, RELAYS_MAX,
};
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
    greta.restart();
    listening(&mut greta, "/ip4/192.0.2.9/tcp/4001");
    greta.up(PeerId([9; 32]));
    greta.published.clear();
    greta.wait(RELAY_ANNOUNCE_MS - MINUTE);
    assert!(greta.published.is_empty(), "a restart is no news");
    let known = bob.rows.all(Table::Relay);
    let stored: Announcement = tidings::wire::row::decode(&known[0].1).unwrap();
    assert_eq!(stored.addresses[0].as_str(), "/ip4/192.0.2.9/tcp/4001");
    bob.wait(3 * RELAY_ANNOUNCE_MS + HOUR);
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

/// A relay of that number tells of itself.
fn announced(bob: &Mailbox, relay: u32, pause: u64) -> Vec<u8> {
    let mut seed = [0x5a; 32];
    seed[..4].copy_from_slice(&relay.to_be_bytes());
    let keys = Keys::new(&[1; 32], &[2; 32], &seed);
    let limits = tidings::wire::mailbox::Limits { envelope_bytes: 1, ttl_ms: DAY, work_bits: 1 };
    let (addresses, name) = (Vec::new(), format!("relay {relay}"));
    let said = Announcement { peer: keys.peer_id(), addresses, name, limits, at: bob.now.wall, pause, signature: [0; 64] };
    codec::encode(&said.sign(&keys.transport))
}

#[test]
fn the_more_relays_there_are_the_less_each_says() {
    let (mut greta, relays) = (Mailbox::new(), 3_000);
    listening(&mut greta, "/ip4/192.0.2.1/tcp/4001");
    greta.up(PeerId([9; 32]));
    greta.wait(RELAY_ANNOUNCE_FIRST_MS);
    greta.published.clear();
    let pause = RELAY_SHARE_MS * relays;
    // In two days, each when it is its turn.
    for turn in 0..4_000 {
        let said = announced(&greta, turn % relays as u32, pause);
        assert_eq!(gossip(&mut greta, &said), Outcome::Accepted);
        greta.wait(DAY / 2_000);
    }
    let said: Announcement = codec::decode(greta.published.last().unwrap()).unwrap();
    assert!((pause - pause / 20..pause + pause / 20).contains(&said.pause), "{} for {pause}", said.pause);
    assert_eq!(greta.rows.all(Table::Relay).len(), RELAYS_MAX + 1, "some of the others, and what it said itself");
}

#[test]
fn who_invents_relays_drives_nobody_out_and_is_not_passed_on_for_ever() {
    let mut bob = Mailbox::new();
    let honest = announced(&bob, 0, RELAY_ANNOUNCE_MS);
    gossip(&mut bob, &honest);
    let mut passed_on = 0;
    for relay in 1..2_000 {
        let invented = announced(&bob, relay, RELAY_PAUSE_MS_MAX);
        passed_on += usize::from(gossip(&mut bob, &invented) == Outcome::Accepted);
    }
    assert_eq!(passed_on + 1, RELAYS_HEARD_MAX as usize);
    assert_eq!(bob.rows.all(Table::Relay).len(), RELAYS_MAX);
    bob.restart();
    assert_eq!(bob.rows.all(Table::Relay).len(), RELAYS_MAX);
}
