//! Somebody comes back with a new device: from a backup, from the phrase, after their database was damaged. What others have of
//! them comes back too, and nothing else does.

use tidings::crypto::keys::message_id;
use tidings::proto::{Command, Input, Misbehaviour, Outcome, Reply};
use tidings::store::reader::Reader;
use tidings::store::reader::view::State;
use tidings::types::time::{DAY, HOUR, MINUTE, SECOND};
use tidings::types::{DeviceId, RoomId, Scan, Table, View as _};
use tidings::wire::codec;
use tidings::wire::content::{Body, Clock, Content, Head};
use tidings::wire::frame::Frame;
use tidings::wire::row::{self, Series};

use super::world::World;

fn alice_and_bob() -> World {
    let mut world = World::new(21);
    world.add("alice");
    world.add("bob");
    world.meet("alice", "bob");
    world
}

/// Goes back to rows of an earlier time, as a new device.
pub(super) fn restore(world: &mut World, name: &str, rows: super::world::Rows) {
    world.kill(name);
    world.people.get_mut(name).unwrap().rows = rows;
    world.replace_device(name);
}

/// Missing, and lost for good, as a person sees it.
fn missing(world: &World, name: &str, room: &RoomId) -> (u64, u64) {
    let person = world.person(name);
    Reader::new(&person.rows, person.account(), 0).missing(room)
}

#[test]
fn own_messages_that_a_backup_forgot_come_back_from_the_contact_who_has_them() {
    let mut world = alice_and_bob();
    let room = world.room("alice", "bob");
    world.say("bob", "alice", "before").unwrap();
    world.run(SECOND);
    let backup = world.person("bob").rows.clone();
    let said = world.say("bob", "alice", "after the backup").unwrap();
    world.run(SECOND);
    world.command("bob", Command::Send { room, body: Body::Edit { target: said, text: "after the backup, corrected".into() } }).unwrap();
    world.command("bob", Command::Send { room, body: Body::Reaction { target: said, emoji: "!".into() } }).unwrap();
    world.say("bob", "alice", "and more").unwrap();
    world.run(MINUTE);
    restore(&mut world, "bob", backup);
    world.run(20 * MINUTE);
    assert_eq!(world.shown("bob", &room), world.shown("alice", &room));
    let person = world.person("bob");
    let shown = Reader::new(&person.rows, person.account(), 0).message(&said).unwrap();
    assert!(shown.mine && shown.edited && shown.text == "after the backup, corrected");
    assert_eq!(shown.custody.state, State::Delivered, "she gave it back, so she has it");
    world.say("bob", "alice", "it is me again").unwrap();
    world.run(MINUTE);
    assert_eq!(world.transcript("alice", &room), ["before", "after the backup", "and more", "it is me again"]);
    assert_eq!((world.owed("alice"), world.owed("bob")), (0, 0));
    assert_eq!((missing(&world, "alice", &room), missing(&world, "bob", &room)), ((0, 0), (0, 0)));
    assert_eq!((world.person("alice").blamed, world.person("bob").blamed), (0, 0));
}

/// They are never online together: all of it goes by mailboxes.
#[test]
fn they_come_back_through_mailboxes_too() {
    let mut world = World::new(22);
    for name in ["alice", "bob"] {
        world.add(name);
    }
    world.add_relay("relay");
    world.join("alice", "relay");
    world.join("bob", "relay");
    world.meet("alice", "bob");
    world.run(MINUTE);
    let backup = world.person("bob").rows.clone();
    for number in 0..5 {
        world.say("bob", "alice", &number.to_string()).unwrap();
    }
    world.run(MINUTE);
    world.cut("alice", "bob");
    restore(&mut world, "bob", backup);
    let room = world.room("alice", "bob");
    for _ in 0..8 {
        world.run(5 * MINUTE);
        world.kill("bob");
        world.start_if_down("alice");
        world.run(5 * MINUTE);
        world.kill("alice");
        world.start("bob");
    }
    assert_eq!(world.transcript("bob", &room), ["0", "1", "2", "3", "4"]);
}

#[test]
fn the_phrase_brings_both_sides_of_a_conversation_back() {
    let mut world = World::new(23);
    for name in ["alice", "bob"] {
        world.add(name);
    }
    world.add_relay("relay");
    world.join("bob", "relay");
    world.meet("alice", "bob");
    for number in 0..1_100 {
        world.say(["alice", "bob"][number % 2], ["bob", "alice"][number % 2], &number.to_string()).unwrap();
        world.run(100);
    }
    world.run(MINUTE);
    restore(&mut world, "bob", super::world::Rows::default());
    world.meet("alice", "bob");
    world.run(HOUR);
    let room = world.room("alice", "bob");
    let all: Vec<String> = (0..1_100).map(|number| number.to_string()).collect();
    assert_eq!(world.transcript("bob", &room), all);
    assert_eq!(world.shown("alice", &room), world.shown("bob", &room));
    let relays = world.person("bob").rows.all::<row::Mailbox>(Table::Mailbox);
    assert!(relays.len() == 1 && relays[0].1.registered, "the relay serves on, without a link");
    world.kill("bob");
    world.run(MINUTE);
    let message = world.say("alice", "bob", "while you are away").unwrap();
    world.run(MINUTE);
    assert_eq!(world.custody("alice", &message).held.len(), 1);
}

#[test]
fn a_mailbox_that_a_backup_does_not_know_is_found_again_with_what_waits_there() {
    let mut world = World::new(24);
    for name in ["alice", "bob", "carol"] {
        world.add(name);
    }
    world.add_relay("relay");
    world.meet("alice", "bob");
    world.meet("carol", "bob");
    let backup = world.person("bob").rows.clone();
    world.join("bob", "relay");
    let carol = world.person("carol").account();
    world.command("bob", Command::NeighbourAsk(carol)).unwrap();
    world.run(MINUTE);
    world.kill("bob");
    world.run(MINUTE);
    let waiting = world.say("alice", "bob", "waits at the relay").unwrap();
    world.run(MINUTE);
    assert_eq!(world.custody("alice", &waiting).held.len(), 2);
    restore(&mut world, "bob", backup);
    world.run(30 * MINUTE);
    let mailboxes = world.person("bob").rows.all::<row::Mailbox>(Table::Mailbox);
    assert!(mailboxes.len() == 2 && mailboxes.iter().all(|(_, row)| row.registered), "{mailboxes:?}");
    assert_eq!(world.transcript("bob", &world.room("alice", "bob")), ["waits at the relay"]);
    let peer = world.person("relay").keys.peer_id();
    world.command("bob", Command::MailboxLeave(peer)).unwrap();
    world.run(HOUR);
    assert_eq!(world.person("bob").rows.all::<row::Mailbox>(Table::Mailbox).len(), 1, "what was left stays left");
}

/// What Alice's node would have to say if somebody changed it to lie.
fn as_alice(world: &mut World, room: &RoomId, body: &Body) -> Outcome {
    world.kill("alice");
    let content =
        Content { proof: [1; 16], device: None, number: 0, clock: Clock { ms: 1, count: 0 }, is_back: false, body: codec::encode(body) };
    let envelope = world.seal_as("alice", room, &content);
    let from = world.person("alice").keys.peer_id();
    world.input("bob", Input::Frame { from, bytes: Frame::Deliver(envelope).encode() }).unwrap()
}

#[test]
fn a_contact_cannot_put_words_into_the_mouth_of_who_comes_back() {
    let mut world = alice_and_bob();
    let room = world.room("alice", "bob");
    world.say("bob", "alice", "I owe you 10").unwrap();
    world.run(MINUTE);
    let (bob, device) = (world.person("bob").account(), world.person("bob").keys.device_id());
    let series = Series { room, account: bob, device };
    let numbered: row::Numbered = row::decode(&world.person("alice").rows.get(Table::Numbered, &series.numbered(1)).unwrap()).unwrap();
    restore(&mut world, "bob", super::world::Rows::default());
    world.meet("alice", "bob");
    world.run(MINUTE);
    let index: row::Index =
        row::decode(&world.person("bob").rows.get(Table::Index, &message_id(&room, &bob, &numbered.proof).0).unwrap()).unwrap();
    let forge = |number, device, text: &str| {
        let body = codec::encode(&Body::Text { text: text.into(), reply: None });
        let content = Content { proof: numbered.proof, device: Some(device), number, clock: index.place.clock, is_back: false, body };
        Body::Copy { content: codec::encode(&content) }
    };
    for body in [forge(1, device, "I owe you 1000"), forge(2, device, "I owe you 10"), forge(1, DeviceId([7; 32]), "I owe you 10")] {
        assert_eq!(as_alice(&mut world, &room, &body), Outcome::Misbehaved(Misbehaviour::Signature));
    }
    assert_eq!(as_alice(&mut world, &room, &forge(1, device, "I owe you 10")), Outcome::Duplicate);
    let far = Body::Heads { heads: vec![Head { account: bob, device, number: 1 << 40 }], card: None, asks: false };
    assert_eq!(as_alice(&mut world, &room, &far), Outcome::Accepted);
    world.run(MINUTE);
    assert_eq!(missing(&world, "bob", &room), (0, 0), "what never was is not missed");
    assert_eq!(world.transcript("bob", &room), ["I owe you 10"]);
}

#[test]
fn what_nobody_has_any_more_is_shown_as_lost_and_not_asked_for_again() {
    let mut world = alice_and_bob();
    let room = world.room("alice", "bob");
    world.say("bob", "alice", "one").unwrap();
    world.run(SECOND);
    let backup = world.person("bob").rows.clone();
    world.cut("alice", "bob");
    world.say("bob", "alice", "two").unwrap();
    world.run(MINUTE);
    // Alice hears of it, and does not get it.
    let (bob, device) = (world.person("bob").account(), world.person("bob").keys.device_id());
    let (alice, bytes) = (world.person("bob").keys.peer_id(), {
        let frame =
            tidings::wire::frame::Heads { room, epoch: 1, epoch_id: [0; 16], heads: vec![Head { account: bob, device, number: 2 }] };
        Frame::Heads(frame).encode()
    });
    world.input("alice", Input::PeerUp(alice));
    world.input("alice", Input::Frame { from: alice, bytes });
    world.input("alice", Input::PeerDown(alice));
    assert_eq!(missing(&world, "alice", &room), (1, 0));
    world.heal();
    restore(&mut world, "bob", backup);
    world.run(30 * MINUTE);
    assert_eq!(missing(&world, "alice", &room), (0, 1), "he has said that he has not got it either");
    let steps = world.run(DAY);
    assert!(steps < 2_000, "{steps} steps in a day in which nothing happens");
    assert_eq!(world.person("alice").rows.scan(&Scan::prefix(Table::Outbox, [])).len(), 0);
}

#[test]
fn who_comes_back_twice_and_to_somebody_who_came_back_gets_all_that_either_has() {
    let mut world = World::new(27);
    for name in ["alice", "bob"] {
        world.add(name);
    }
    // Two who are new at once know nothing of each other's nodes: their mailboxes stay where they were.
    world.add_relay("relay");
    world.join("alice", "relay");
    world.join("bob", "relay");
    world.meet("alice", "bob");
    let room = world.room("alice", "bob");
    world.say("bob", "alice", "one").unwrap();
    world.run(SECOND);
    let first = world.person("bob").rows.clone();
    world.say("bob", "alice", "two").unwrap();
    world.run(SECOND);
    world.say("alice", "bob", "three").unwrap();
    world.run(SECOND);
    let hers = world.person("alice").rows.clone();
    world.say("bob", "alice", "four").unwrap();
    world.run(SECOND);
    world.say("alice", "bob", "five").unwrap();
    world.run(MINUTE);
    restore(&mut world, "bob", first);
    world.say("bob", "alice", "six").unwrap();
    world.run(20 * MINUTE);
    let second = world.person("bob").rows.clone();
    world.say("bob", "alice", "seven").unwrap();
    world.run(MINUTE);
    restore(&mut world, "alice", hers);
    world.run(20 * MINUTE);
    restore(&mut world, "bob", second);
    world.run(20 * MINUTE);
    for name in ["alice", "bob"] {
        assert_eq!(world.transcript(name, &room), ["one", "two", "three", "four", "five", "six", "seven"], "{name}");
        assert_eq!(missing(&world, name, &room), (0, 0), "{name}");
        let custody = world.person(name).rows.all::<row::Index>(Table::Index).into_iter().flat_map(|(_, index)| index.custody);
        assert!(custody.into_iter().all(|(_, custody)| custody.delivered.is_some()), "{name}");
    }
    assert_eq!((world.owed("alice"), world.owed("bob")), (0, 0));
}

/// What a mailbox held all the while is sealed for rooms that are gone; who can still open it has what its author forgot.
#[test]
fn what_reaches_a_contact_only_after_its_author_came_back_comes_back_as_well() {
    let mut world = World::new(25);
    for name in ["alice", "bob"] {
        world.add(name);
    }
    world.add_relay("relay");
    world.join("alice", "relay");
    world.meet("alice", "bob");
    world.run(MINUTE);
    let backup = world.person("bob").rows.clone();
    world.kill("alice");
    world.run(MINUTE);
    world.say("bob", "alice", "on its way").unwrap();
    world.run(MINUTE);
    world.cut("alice", "relay");
    restore(&mut world, "bob", backup);
    world.start("alice");
    world.run(20 * MINUTE);
    world.heal();
    world.run(30 * MINUTE);
    world.drop_connection("alice", "bob");
    world.run(20 * MINUTE);
    let room = world.room("alice", "bob");
    assert_eq!(world.transcript("alice", &room), ["on its way"]);
    assert_eq!(world.transcript("bob", &room), ["on its way"]);
}

fn three_in_a_group() -> (World, RoomId) {
    let mut world = World::new(26);
    for name in ["alice", "bob", "carol"] {
        world.add(name);
    }
    for (one, other) in [("alice", "bob"), ("alice", "carol"), ("bob", "carol")] {
        world.meet(one, other);
    }
    let members = vec![world.person("bob").account(), world.person("carol").account()];
    let Ok(Reply::Room(room)) = world.command("alice", Command::RoomCreate { name: "us".into(), members }) else { panic!("no room") };
    world.run(MINUTE);
    (world, room)
}

fn say_in(world: &mut World, name: &str, room: RoomId, text: &str) {
    world.command(name, Command::Send { room, body: Body::Text { text: text.into(), reply: None } }).unwrap();
}

#[test]
fn in_a_group_too_own_messages_come_back() {
    let (mut world, room) = three_in_a_group();
    say_in(&mut world, "bob", room, "one");
    world.run(MINUTE);
    let backup = world.person("bob").rows.clone();
    say_in(&mut world, "bob", room, "two");
    world.run(SECOND);
    say_in(&mut world, "carol", room, "three");
    world.run(MINUTE);
    restore(&mut world, "bob", backup);
    world.run(3 * HOUR);
    say_in(&mut world, "bob", room, "four");
    world.run(MINUTE);
    for name in ["alice", "bob", "carol"] {
        assert_eq!(world.transcript(name, &room), ["one", "two", "three", "four"], "{name}");
        assert_eq!(missing(&world, name, &room), (0, 0), "{name}");
        assert_eq!((world.owed(name), world.person(name).blamed), (0, 0), "{name}");
    }
}

#[test]
fn what_a_removed_member_took_along_is_shown_as_lost_once_the_others_have_said_so() {
    let (mut world, room) = three_in_a_group();
    world.cut("bob", "carol");
    world.cut("alice", "carol");
    say_in(&mut world, "carol", room, "nobody will see this");
    world.run(MINUTE);
    let (carol, device) = (world.person("carol").account(), world.person("carol").keys.device_id());
    let series = Series { room, account: carol, device };
    let heads = row::Heads { high: 1, holes: vec![(1, 1)], ..row::Heads::default() };
    world.kill("bob");
    world.people.get_mut("bob").unwrap().rows.put(Table::Heads, series.key(), &heads);
    world.start("bob");
    world.run(HOUR);
    assert_eq!(missing(&world, "bob", &room), (1, 0), "Carol may still come back");
    let owed = world.owed("bob");
    world.run(5 * DAY);
    assert!(world.owed("bob") <= owed, "and until then nothing piles up for her");
    world.command("alice", Command::RoomRemove { room, account: carol }).unwrap();
    world.run(2 * DAY);
    assert_eq!(missing(&world, "bob", &room), (0, 1));
}

#[test]
fn a_backup_and_then_the_phrase() {
    let mut world = alice_and_bob();
    let room = world.room("alice", "bob");
    world.say("bob", "alice", "before").unwrap();
    world.run(SECOND);
    let backup = world.person("bob").rows.clone();
    world.say("bob", "alice", "after").unwrap();
    world.run(MINUTE);
    restore(&mut world, "bob", backup);
    world.run(2 * MINUTE);
    restore(&mut world, "bob", super::world::Rows::default());
    world.meet("alice", "bob");
    world.run(2 * MINUTE);
    assert_eq!(world.transcript("bob", &room), ["before", "after"]);
}
