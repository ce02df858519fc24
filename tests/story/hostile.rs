//! Hostile frames straight into a node: nothing breaks, nothing grows, and friends go on talking.

use tidings::proto::{Command, Input, Outcome, Reply};
use tidings::types::limits::{DEFERRED_MAX, FRAME_IDS_MAX};
use tidings::types::time::{MINUTE, SECOND};
use tidings::types::{EnvelopeId, MessageId, PeerId, Scan, Table, View as _};
use tidings::wire::card::{Invite, Signed};
use tidings::wire::frame::{Delivered, Frame};
use tidings::wire::mailbox::Mail;
use tidings::wire::row;

use super::flood::{Mallory, Victim, corpus};
use super::world::World;

const FRAMES: u64 = 50_000;
/// Outputs of one frame: an answer for each id or inbox that it may name, and what a contact makes this node say to everybody.
const OUTPUTS_MAX: usize = 2 * FRAME_IDS_MAX + 64;
/// Bytes written for one frame: as much as a frame may bring, and the rows around it.
const BATCH_BYTES_MAX: usize = 1024 * 1024;

/// Alice and Bob are friends, Carol is a friend of Bob who goes bad, and so is Bob's relay.
fn world() -> World {
    let mut world = World::new(11);
    for name in ["alice", "bob", "carol"] {
        world.add(name);
    }
    world.add_relay("relay");
    world.join("bob", "relay");
    world.meet("bob", "alice");
    world.meet("bob", "carol");
    world.run(MINUTE);
    world
}

fn victim(world: &mut World) -> Victim {
    let Ok(Reply::Link(link)) = world.command("bob", Command::Invite { ttl_ms: 0, public: true }) else { panic!("no link") };
    let card = Signed::open(&Invite::from_link(&link).unwrap().card).unwrap();
    let mut overheard = corpus();
    overheard.extend(world.overheard.drain(..));
    Victim { peer: world.person("bob").keys.peer_id(), card, overheard }
}

/// The rows of the tables that a stranger's frames could make grow.
fn rows(world: &World) -> usize {
    let tables = [Table::Contact, Table::Room, Table::Message, Table::Index, Table::Outbox, Table::Inbox, Table::Held, Table::Handover];
    tables.into_iter().map(|table| world.person("bob").rows.scan(&Scan::prefix(table, [])).len()).sum()
}

#[test]
fn fifty_thousand_hostile_frames_change_nothing_between_friends() {
    let mut world = world();
    for number in 0..20 {
        world.say("alice", "bob", &format!("before {number}")).unwrap();
        world.say("bob", "alice", &format!("before {number}")).unwrap();
    }
    world.run(10 * SECOND);
    let victim = victim(&mut world);
    assert!(victim.overheard.len() > 100, "there is something to mutate: {}", victim.overheard.len());
    let before = rows(&world);
    let (mut blamed, mut refused, mut taken) = (0, 0, 0);
    let carol = world.person("carol").keys.clone();
    let relay = world.person("relay").keys.clone();
    let mut strangers: Vec<Mallory> = (0..6).map(|seed| Mallory::new(seed, &victim)).collect();
    for stranger in &strangers {
        world.input("bob", Input::PeerUp(PeerId(stranger.keys.transport.public())));
    }
    strangers.push(Mallory::with_keys(7, &victim, carol));
    strangers.push(Mallory::with_keys(8, &victim, relay));
    for turn in 0..FRAMES {
        let mallory = &mut strangers[(turn % 8) as usize];
        let bytes = if turn % 5 == 0 { mallory.patient() } else { mallory.rude() };
        let from = PeerId(mallory.keys.transport.public());
        world.most = (0, 0);
        match world.input("bob", Input::Frame { from, bytes }).unwrap() {
            Outcome::Misbehaved(_) => blamed += 1,
            Outcome::Refused(_) => refused += 1,
            Outcome::Accepted | Outcome::Duplicate | Outcome::Deferred => taken += 1,
        }
        let (outputs, bytes) = world.most;
        assert!(outputs <= OUTPUTS_MAX, "{outputs} outputs for frame {turn}");
        assert!(bytes <= BATCH_BYTES_MAX, "{bytes} bytes written for frame {turn}");
        if turn % 1_000 == 0 {
            world.say("alice", "bob", &format!("during {turn}")).unwrap();
            world.say("bob", "alice", &format!("during {turn}")).unwrap();
            world.run(SECOND);
        }
    }
    assert!(blamed > FRAMES / 10 && refused > FRAMES / 10 && taken > 0, "{blamed} blamed, {refused} refused, {taken} taken");
    world.run(MINUTE);
    let said = 100;
    // A message is a row and its index, on each side.
    assert!(rows(&world) <= before + 2 * said + DEFERRED_MAX, "rows grew from {before} to {}", rows(&world));
    // Carol and the relay are honest again, and the refused connections are made anew.
    world.kill("bob");
    world.start("bob");
    world.say("alice", "bob", "after").unwrap();
    world.say("bob", "alice", "after").unwrap();
    world.run(20 * MINUTE);
    let room = world.room("alice", "bob");
    let (here, there) = (world.transcript("alice", &room), world.transcript("bob", &room));
    assert_eq!(here, there);
    assert_eq!(here.len(), 40 + said + 2);
    assert_eq!((world.owed("alice"), world.owed("bob")), (0, 0));
    assert_eq!(world.person("alice").blamed, 0);
}
