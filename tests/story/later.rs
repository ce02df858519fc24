//! What a later release says is kept by an earlier one, and read after an update.

use tidings::crypto::keys::message_id;
use tidings::proto::{Input, Outcome};
use tidings::store::reader::view::{Kind, Message};
use tidings::store::reader::{Page, Reader};
use tidings::types::time::{DAY, HOUR, MINUTE, SECOND};
use tidings::types::{MessageId, RoomId, Table, View as _};
use tidings::wire::codec;
use tidings::wire::content::{Body, Clock, Content};
use tidings::wire::frame::Frame;
use tidings::wire::row::{self, META_LATER};

use super::world::{Rows, World};

fn shown(world: &World, name: &str, room: &RoomId) -> Vec<Message> {
    let person = world.person(name);
    Reader::new(&person.rows, person.account(), 0).messages(room, Page { limit: 9, ..Page::default() }).unwrap()
}

/// Alice's node is of a later release: it says something of a kind that is not known yet.
fn say_later(world: &mut World, number: u64) -> (MessageId, Outcome) {
    let (room, keys) = (world.room("alice", "bob"), world.person("alice").keys.clone());
    world.kill("alice");
    let clock = Clock { ms: 20_000 * DAY + world.now, count: 0 };
    let body = [codec::encode(&(Body::KINDS + 60)), vec![9; 40]].concat();
    let content = Content { proof: [0; 16], device: None, number, clock, is_back: false, body }.prove(&room, &keys.device_id(), &keys);
    let envelope = world.seal_as("alice", &room, &content);
    let frame = Frame::Deliver(envelope).encode();
    let outcome = world.input("bob", Input::Frame { from: keys.peer_id(), bytes: frame }).unwrap();
    (message_id(&room, &keys.account_id(), &content.proof), outcome)
}

#[test]
fn what_is_not_understood_is_kept_shown_as_such_and_given_back() {
    let mut world = World::new(41);
    world.add("alice");
    world.add("bob");
    world.meet("alice", "bob");
    let room = world.room("alice", "bob");
    world.say("alice", "bob", "look at this:").unwrap();
    world.run(SECOND);
    let (message, outcome) = say_later(&mut world, 2);
    assert_eq!(outcome, Outcome::Accepted);
    world.run(SECOND);
    let seen = shown(&world, "bob", &room);
    assert_eq!(seen.iter().map(|message| message.kind).collect::<Vec<_>>(), [Kind::Text, Kind::Later]);
    assert_eq!((seen[1].message, seen[1].text.as_str()), (message, ""));
    assert_eq!(serde_json::to_value(&seen[1]).unwrap()["kind"], "later");
    let row: row::Message =
        row::decode(&world.person("bob").rows.scan(&tidings::types::Scan::prefix(Table::Message, room.0))[1].1).unwrap();
    assert_eq!(row.body.len(), 41, "every byte of it");
    // Somebody can react to it, and Alice, who lost it with her machine, gets it back as it was.
    world.command("bob", tidings::proto::Command::Send { room, body: Body::Reaction { target: message, emoji: "?".into() } }).unwrap();
    world.people.get_mut("alice").unwrap().rows = Rows::default();
    world.replace_device("alice");
    world.meet("bob", "alice");
    world.run(HOUR);
    let back = shown(&world, "alice", &room);
    assert!(back.len() == 2 && back[1].kind == Kind::Later && back[1].mine && back[1].reactions.len() == 1, "{back:?}");
}

#[test]
fn after_an_update_it_is_read() {
    let mut world = World::new(42);
    world.add("alice");
    world.add("bob");
    world.meet("alice", "bob");
    let room = world.room("alice", "bob");
    let target = world.say("alice", "bob", "hello").unwrap();
    world.run(SECOND);
    world.command("bob", tidings::proto::Command::Send { room, body: Body::Reaction { target, emoji: "!".into() } }).unwrap();
    world.run(MINUTE);
    // As if Alice's release had known nothing of reactions: it stands among the messages.
    world.kill("alice");
    let rows = &mut world.people.get_mut("alice").unwrap().rows;
    let (key, mark) = rows.all::<row::Mark>(Table::Mark).remove(0);
    let index: row::Index = row::decode(&rows.get(Table::Index, &mark.message.0).unwrap()).unwrap();
    rows.remove(Table::Mark, key);
    rows.put(Table::Index, mark.message.0.to_vec(), &row::Index { target: None, ..index.clone() });
    let stored = row::Message { device: mark.device, number: mark.number, body: mark.body, arrived: 1, late: false };
    rows.put(Table::Message, index.place.key(), &stored);
    rows.put(Table::Meta, [META_LATER, &index.place.key()].concat(), &());
    rows.put(Table::Meta, b"kinds".to_vec(), &1_u32);
    world.start("alice");
    let seen = shown(&world, "alice", &room);
    assert_eq!((seen.len(), seen[0].reactions.len()), (1, 1));
    assert_eq!(world.shown("alice", &room), world.shown("bob", &room));
    world.kill("alice");
    world.start("alice");
    assert_eq!(world.shown("alice", &room), world.shown("bob", &room));
}
