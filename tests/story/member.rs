//! Bob and Carol do not know each other; Alice knows both, and brings them together in a group.

use tidings::proto::{Command, Reply};
use tidings::types::time::{HOUR, MINUTE, SECOND};
use tidings::types::{AccountId, MessageId, RoomId, Scan, Table, View as _};
use tidings::wire::content::Body;
use tidings::wire::row;

use super::world::World;

fn group() -> (World, RoomId) {
    let mut world = World::new(51);
    for name in ["alice", "bob", "carol"] {
        world.add(name);
    }
    world.add_relay("relay");
    world.join("bob", "relay");
    world.join("carol", "relay");
    world.meet("alice", "bob");
    world.meet("alice", "carol");
    world.run(MINUTE);
    let members = vec![world.person("bob").account(), world.person("carol").account()];
    let Ok(Reply::Room(room)) = world.command("alice", Command::RoomCreate { name: "us".into(), members }) else { panic!("no room") };
    world.run(MINUTE);
    (world, room)
}

fn write(world: &mut World, from: &str, room: RoomId, text: &str) -> MessageId {
    let body = Body::Text { text: text.into(), reply: None };
    let Ok(Reply::Sent { message, .. }) = world.command(from, Command::Send { room, body }) else { panic!("not sent") };
    message
}

fn custody(world: &World, of: &str, message: &MessageId, to: AccountId) -> row::Custody {
    let index: row::Index = row::decode(&world.person(of).rows.get(Table::Index, &message.0).unwrap()).unwrap();
    index.custody.into_iter().find(|(account, _)| *account == to).unwrap().1
}

#[test]
fn members_who_do_not_know_each_other_reach_each_other() {
    let (mut world, room) = group();
    let (bob, carol) = (world.person("bob").account(), world.person("carol").account());
    world.cut("alice", "bob");
    world.cut("alice", "carol");
    let hers = write(&mut world, "carol", room, "who are you?");
    world.run(10 * SECOND);
    let his = write(&mut world, "bob", room, "a friend of Alice");
    world.run(10 * SECOND);
    for name in ["bob", "carol"] {
        assert_eq!(world.transcript(name, &room), ["who are you?", "a friend of Alice"]);
    }
    assert!(custody(&world, "bob", &his, carol).delivered.is_some());
    assert!(custody(&world, "carol", &hers, bob).delivered.is_some());
    let contacts = world.person("bob").rows.all::<row::Contact>(Table::Contact);
    assert_eq!(contacts.len(), 1, "they are no contacts for that");
}

#[test]
fn also_when_they_are_never_there_together() {
    let (mut world, room) = group();
    let (bob, carol) = (world.person("bob").account(), world.person("carol").account());
    world.kill("alice");
    world.kill("carol");
    world.run(MINUTE);
    let message = write(&mut world, "bob", room, "while you were away");
    world.run(MINUTE);
    assert_eq!(custody(&world, "bob", &message, carol).held.len(), 1, "her relay holds it");
    world.kill("bob");
    world.start("carol");
    world.run(MINUTE);
    assert_eq!(world.transcript("carol", &room), ["while you were away"]);
    let answer = write(&mut world, "carol", room, "I am back");
    world.run(MINUTE);
    world.kill("carol");
    world.start("bob");
    world.run(MINUTE);
    assert_eq!(world.transcript("bob", &room).last().map(String::as_str), Some("I am back"));
    assert!(custody(&world, "bob", &message, carol).delivered.is_some(), "with her answer came her receipt");
    assert_eq!(custody(&world, "carol", &answer, bob).held.len(), 1);
    // Nothing of it is lost for who was away all the time.
    world.start("alice");
    world.start("carol");
    world.run(HOUR);
    assert_eq!(world.transcript("alice", &room), ["while you were away", "I am back"]);
}

#[test]
fn who_is_taken_out_loses_the_key_to_the_others_mailboxes() {
    let (mut world, room) = group();
    let inbox = world.person("bob").rows.all::<row::Mailbox>(Table::Mailbox)[0].1.inbox;
    let revoked = |world: &World| {
        let rows = world.person("relay").rows.scan(&Scan::prefix(Table::Inbox, inbox.0));
        rows.iter().filter(|(key, _)| key.get(32) == Some(&4)).count()
    };
    assert_eq!(revoked(&world), 0);
    let carol = world.person("carol").account();
    world.command("alice", Command::RoomRemove { room, account: carol }).unwrap();
    world.run(MINUTE);
    assert_eq!(revoked(&world), 1);
    write(&mut world, "bob", room, "just the two of us");
    world.run(MINUTE);
    assert_eq!(world.transcript("alice", &room), ["just the two of us"]);
    assert!(world.transcript("carol", &room).is_empty());
}
