//! Sealed bytes that somebody can never open, or would not be able to if they came too late or by nobody: everybody is told, and what was said
//! arrives all the same.

use tidings::proto::{Command, Reply};
use tidings::types::time::{HOUR, MINUTE, SECOND};
use tidings::types::{RoomId, Table, View as _};
use tidings::wire::content::Body;
use tidings::wire::row;

use super::world::World;

fn say_in(world: &mut World, name: &str, room: RoomId, text: &str) {
    world.command(name, Command::Send { room, body: Body::Text { text: text.into(), reply: None } }).unwrap();
}

/// Alice makes a group with Bob and Carol, who know each other only from there.
fn strangers_in_a_group() -> (World, RoomId) {
    let mut world = World::new(61);
    for name in ["alice", "bob", "carol"] {
        world.add(name);
    }
    world.meet("alice", "bob");
    world.meet("alice", "carol");
    let members = vec![world.person("bob").account(), world.person("carol").account()];
    let Ok(Reply::Room(room)) = world.command("alice", Command::RoomCreate { name: "us".into(), members }) else { panic!("no room") };
    world.run(2 * MINUTE);
    (world, room)
}

/// Alice and Bob have a relay each, and never meet again.
#[test]
fn who_sent_what_a_mailbox_held_in_vain_hears_of_it_and_says_it_again() {
    let mut world = World::new(60);
    for name in ["alice", "bob"] {
        world.add(name);
    }
    world.add_relay("hers");
    world.add_relay("his");
    world.join("alice", "hers");
    world.join("bob", "his");
    world.meet("alice", "bob");
    world.run(MINUTE);
    let room = world.room("alice", "bob");
    world.cut("alice", "bob");
    world.kill("bob");
    world.run(MINUTE);
    let message = world.say("alice", "bob", "for Bob").unwrap();
    world.run(MINUTE);
    let first = world.custody("alice", &message).held;
    assert_eq!(first.len(), 1);
    world.kill("alice");
    // Bob renews his keys until the ones it was sealed with are gone, and only then looks into his mailbox.
    world.cut("bob", "his");
    world.start("bob");
    world.run(MINUTE);
    for _ in 0..7 {
        world.command("bob", Command::RoomUpdate(room)).unwrap();
        world.run(MINUTE);
    }
    world.heal();
    world.cut("alice", "bob");
    world.run(20 * MINUTE);
    assert!(world.transcript("bob", &room).is_empty());
    world.start("alice");
    world.run(40 * MINUTE);
    assert_eq!(world.transcript("bob", &room), ["for Bob"]);
    let custody = world.custody("alice", &message);
    assert!(custody.delivered.is_some(), "{custody:?}");
    assert_eq!((world.owed("alice"), world.owed("bob")), (0, 0));
    assert_eq!((world.person("alice").blamed, world.person("bob").blamed), (0, 0));
}

/// Bob's mailbox has the first of very many messages, and Alice the others.
#[test]
fn what_a_mailbox_is_sending_is_not_overtaken_beyond_what_can_still_be_opened() {
    let mut world = World::new(62);
    for name in ["alice", "bob"] {
        world.add(name);
    }
    world.add_relay("relay");
    world.kill("relay");
    world.people.get_mut("relay").unwrap().settings.relay_inbox_bytes = 40_000;
    world.start("relay");
    world.join("bob", "relay");
    world.meet("alice", "bob");
    world.run(MINUTE);
    world.kill("bob");
    world.run(MINUTE);
    for number in 0..600 {
        world.say("alice", "bob", &number.to_string()).unwrap();
    }
    world.run(MINUTE);
    world.cut("bob", "relay");
    world.start("bob");
    world.run(8 * SECOND);
    world.heal();
    world.run(20 * MINUTE);
    let room = world.room("alice", "bob");
    assert_eq!(world.transcript("bob", &room).len(), 600);
    let lost = world.spoken.get(&("bob".to_owned(), 6)).copied();
    assert_eq!(lost, None, "all of it could be opened");
    assert_eq!((world.owed("alice"), world.owed("bob")), (0, 0));
}

#[test]
fn what_was_sealed_for_a_device_that_is_gone_is_sealed_again_by_every_member() {
    let (mut world, room) = strangers_in_a_group();
    let backup = world.person("carol").rows.clone();
    say_in(&mut world, "carol", room, "hello");
    world.run(MINUTE);
    world.cut("bob", "carol");
    world.cut("alice", "carol");
    say_in(&mut world, "bob", room, "hello Carol");
    let name = Command::SetName("Bob".into());
    world.command("bob", name).unwrap();
    world.run(MINUTE);
    // Carol's machine is gone. Alice brings the next one in; Bob has something for the one before.
    world.people.get_mut("carol").unwrap().rows = backup;
    world.replace_device("carol");
    world.heal();
    world.run(HOUR);
    for name in ["alice", "bob", "carol"] {
        assert_eq!(world.transcript(name, &room), ["hello", "hello Carol"], "{name}");
        assert_eq!((world.owed(name), world.person(name).blamed), (0, 0), "{name}");
    }
}

#[test]
fn who_is_taken_out_hears_of_it_though_a_change_before_that_came_from_a_stranger() {
    let (mut world, room) = strangers_in_a_group();
    let carol = world.person("carol").account();
    world.kill("carol");
    world.run(MINUTE);
    world.command("bob", Command::RoomUpdate(room)).unwrap();
    world.run(MINUTE);
    world.command("alice", Command::RoomRemove { room, account: carol }).unwrap();
    world.run(MINUTE);
    // Bob's node, too, forgets nothing in its sleep.
    world.kill("bob");
    world.start("bob");
    world.start("carol");
    world.run(HOUR);
    let row: row::Room = row::decode(&world.person("carol").rows.get(Table::Room, &room.0).unwrap()).unwrap();
    assert!(!row.members.contains(&carol), "she sees that she is out");
    for name in ["alice", "bob", "carol"] {
        assert_eq!((world.owed(name), world.person(name).blamed), (0, 0), "{name}");
    }
    let known = world.person("bob").rows.all::<row::Member>(Table::Member);
    assert!(known.iter().all(|(key, _)| !key.ends_with(&carol.0)), "and he has forgotten how to reach her");
}
