//! Alice and Bob meet, talk, go away and come back.

use tidings::proto::{Command, CommandError, Input, Outcome, Reply};
use tidings::types::Table;
use tidings::types::time::{DAY, MINUTE, SECOND};
use tidings::wire::content::Body;
use tidings::wire::frame::Frame;
use tidings::wire::row::{self, ContactState};

use super::world::World;

fn alice_and_bob() -> World {
    let mut world = World::new(1);
    world.add("alice");
    world.add("bob");
    world.meet("alice", "bob");
    world
}

fn state(world: &World, of: &str, about: &str) -> Option<ContactState> {
    let account = world.person(about).account();
    let rows = world.person(of).rows.all::<row::Contact>(Table::Contact);
    rows.into_iter().find(|(key, _)| key[..] == account.0).map(|(_, row)| row.state)
}

#[test]
fn an_invite_is_enough_for_both() {
    let world = alice_and_bob();
    assert_eq!(state(&world, "alice", "bob"), Some(ContactState::Accepted));
    assert_eq!(state(&world, "bob", "alice"), Some(ContactState::Accepted));
    assert_eq!((world.owed("alice"), world.owed("bob")), (0, 0));
}

#[test]
fn a_text_arrives_and_its_receipts_come_back() {
    let mut world = alice_and_bob();
    let message = world.say("alice", "bob", "good morning").unwrap();
    assert_eq!(world.custody("alice", &message).delivered, None, "nothing is shown before a receipt");
    world.run(2 * SECOND);
    let room = world.room("alice", "bob");
    assert_eq!(world.transcript("bob", &room), ["good morning"]);
    assert!(world.custody("alice", &message).delivered.is_some());
    assert!(world.custody("alice", &message).read.is_none());
    world.command("bob", Command::Read { room, messages: vec![message] }).unwrap();
    world.run(2 * SECOND);
    assert!(world.custody("alice", &message).read.is_some());
    assert_eq!((world.owed("alice"), world.owed("bob")), (0, 0));
}

#[test]
fn what_is_written_before_the_answer_waits_for_it() {
    let mut world = World::new(2);
    world.add("alice");
    world.add("bob");
    let link = world.invite("alice");
    world.kill("alice");
    world.command("bob", Command::ContactAdd { link, name: None, greeting: "it is me".into() }).unwrap();
    world.say("bob", "alice", "one").unwrap();
    world.run(MINUTE);
    world.kill("bob");
    world.start("bob");
    world.say("bob", "alice", "two").unwrap();
    world.run(MINUTE);
    world.start("alice");
    world.run(20 * MINUTE);
    let room = world.room("alice", "bob");
    assert_eq!(world.transcript("alice", &room), ["one", "two"]);
    assert_eq!((world.owed("alice"), world.owed("bob")), (0, 0));
}

#[test]
fn a_relay_holds_what_is_for_bob_while_he_is_away() {
    let mut world = World::new(3);
    for name in ["alice", "bob"] {
        world.add(name);
    }
    world.add_relay("relay");
    world.join("alice", "relay");
    world.join("bob", "relay");
    world.meet("alice", "bob");
    world.kill("bob");
    world.run(MINUTE);
    let sent: Vec<_> = (0..100).map(|i| world.say("alice", "bob", &format!("{i}")).unwrap()).collect();
    world.run(30 * SECOND);
    for message in &sent {
        let custody = world.custody("alice", message);
        assert_eq!((custody.held.len(), custody.delivered), (1, None));
    }
    world.kill("alice");
    world.start("bob");
    world.run(MINUTE);
    let room = world.room("alice", "bob");
    let expected: Vec<String> = (0..100).map(|i| i.to_string()).collect();
    assert_eq!(world.transcript("bob", &room), expected);
    world.start("alice");
    world.run(MINUTE);
    assert!(sent.iter().all(|message| world.custody("alice", message).delivered.is_some()));
    assert_eq!((world.owed("alice"), world.owed("bob")), (0, 0));
    assert!(world.person("relay").rows.all::<Vec<u8>>(Table::Held).is_empty(), "the relay has released everything");
}

#[test]
fn of_two_mailboxes_one_may_be_destroyed() {
    let mut world = World::new(4);
    for name in ["alice", "bob", "carol"] {
        world.add(name);
    }
    world.add_relay("relay");
    world.meet("bob", "carol");
    world.join("bob", "relay");
    let carol = world.person("carol").account();
    world.command("bob", Command::NeighbourAsk(carol)).unwrap();
    world.run(5 * SECOND);
    world.meet("bob", "alice");
    world.kill("bob");
    world.run(MINUTE);
    let message = world.say("alice", "bob", "kept twice").unwrap();
    world.run(30 * SECOND);
    assert_eq!(world.custody("alice", &message).held.len(), 2);
    world.kill("relay");
    world.kill("alice");
    world.start("bob");
    world.run(MINUTE);
    assert_eq!(world.transcript("bob", &world.room("alice", "bob")), ["kept twice"]);
    world.start("alice");
    world.run(15 * MINUTE);
    assert!(world.custody("alice", &message).delivered.is_some());
}

#[test]
fn a_stranger_pays_and_waits_for_a_decision() {
    let mut world = World::new(5);
    world.add("alice");
    world.add("mallory");
    let Ok(Reply::Link(link)) = world.command("alice", Command::Invite { ttl_ms: 0, public: true }) else { panic!() };
    world.command("mallory", Command::ContactAdd { link, name: None, greeting: "buy my things".into() }).unwrap();
    world.run(10 * SECOND);
    assert_eq!(state(&world, "alice", "mallory"), Some(ContactState::Pending));
    let mallory = world.person("mallory").account();
    world.command("alice", Command::ContactAccept(mallory)).unwrap();
    world.run(10 * SECOND);
    assert_eq!(state(&world, "mallory", "alice"), Some(ContactState::Accepted));
    world.command("alice", Command::ContactBlock { account: mallory, on: true }).unwrap();
    world.say("mallory", "alice", "hello?").unwrap();
    world.run(10 * SECOND);
    assert!(world.transcript("alice", &world.room("alice", "mallory")).is_empty());
    let refused = world.command("alice", Command::Send { room: world.room("alice", "mallory"), body: text("no") });
    assert_eq!(refused, Err(CommandError::Blocked));
}

fn text(text: &str) -> Body {
    Body::Text { text: text.into(), reply: None }
}

#[test]
fn an_invite_is_good_once_and_for_its_time() {
    let mut world = World::new(6);
    for name in ["alice", "bob", "carol"] {
        world.add(name);
    }
    let link = world.invite("alice");
    world.command("bob", Command::ContactAdd { link: link.clone(), name: None, greeting: String::new() }).unwrap();
    world.run(5 * SECOND);
    world.command("carol", Command::ContactAdd { link: link.clone(), name: None, greeting: String::new() }).unwrap();
    world.run(5 * SECOND);
    assert_eq!(state(&world, "alice", "bob"), Some(ContactState::Accepted));
    let carol = state(&world, "alice", "carol");
    assert_eq!(carol, Some(ContactState::Pending), "a used secret opens nothing: who has it asks as a stranger does, with work");
    world.add("dave");
    world.run(2 * DAY);
    let late = world.command("dave", Command::ContactAdd { link, name: None, greeting: String::new() });
    assert_eq!(late, Err(CommandError::Expired));
}

#[test]
fn both_ask_at_once_and_share_one_room() {
    let mut world = World::new(7);
    world.add("alice");
    world.add("bob");
    let (to_alice, to_bob) = (world.invite("alice"), world.invite("bob"));
    world.command("alice", Command::ContactAdd { link: to_bob, name: None, greeting: String::new() }).unwrap();
    world.command("bob", Command::ContactAdd { link: to_alice, name: None, greeting: String::new() }).unwrap();
    world.say("alice", "bob", "from alice").unwrap();
    world.say("bob", "alice", "from bob").unwrap();
    world.run(MINUTE);
    let room = world.room("alice", "bob");
    let mut seen = world.transcript("alice", &room);
    assert_eq!(seen, world.transcript("bob", &room));
    seen.sort();
    assert_eq!(seen, ["from alice", "from bob"]);
}

#[test]
fn replies_reactions_edits_and_recalls_are_about_messages_that_exist() {
    let mut world = alice_and_bob();
    let room = world.room("alice", "bob");
    let first = world.say("alice", "bob", "draft").unwrap();
    world.run(SECOND);
    let send = |world: &mut World, who: &str, body| world.command(who, Command::Send { room, body });
    assert!(send(&mut world, "bob", Body::Reaction { target: first, emoji: "👍".into() }).is_ok());
    assert_eq!(send(&mut world, "bob", Body::Edit { target: first, text: "forged".into() }), Err(CommandError::NotYours));
    assert!(send(&mut world, "alice", Body::Edit { target: first, text: "final".into() }).is_ok());
    assert!(send(&mut world, "bob", Body::Text { text: "yes".into(), reply: Some(first) }).is_ok());
    world.run(SECOND);
    assert!(send(&mut world, "alice", Body::Recall { target: first }).is_ok());
    world.run(2 * SECOND);
    for name in ["alice", "bob"] {
        let marks = world.person(name).rows.all::<row::Mark>(Table::Mark);
        assert_eq!(marks.len(), 3, "{name} has the reaction, the edit and the recall");
    }
    let unknown = tidings::types::MessageId([9; 16]);
    assert_eq!(send(&mut world, "alice", Body::Recall { target: unknown }), Err(CommandError::NoMessage));
    assert_eq!(send(&mut world, "alice", text("  ")), Err(CommandError::Empty));
    assert!(matches!(send(&mut world, "alice", text(&"x".repeat(20_000))), Err(CommandError::TooLong { .. })));
}

#[test]
fn a_device_from_a_backup_begins_anew_and_loses_nothing() {
    let mut world = alice_and_bob();
    world.say("alice", "bob", "before").unwrap();
    world.run(SECOND);
    let backup = world.person("bob").rows.clone();
    world.say("alice", "bob", "after the backup").unwrap();
    world.run(SECOND);
    world.people.get_mut("bob").unwrap().rows = backup;
    world.replace_device("bob");
    world.say("alice", "bob", "meanwhile").unwrap();
    world.run(20 * MINUTE);
    let room = world.room("alice", "bob");
    assert_eq!(world.transcript("bob", &room), ["before", "after the backup", "meanwhile"]);
    world.say("bob", "alice", "it is me again").unwrap();
    world.run(MINUTE);
    assert_eq!(world.transcript("alice", &room).last().map(String::as_str), Some("it is me again"));
    assert_eq!((world.owed("alice"), world.owed("bob")), (0, 0));
}

#[test]
fn what_a_mailbox_holds_is_not_overtaken_beyond_what_can_be_opened() {
    let mut world = World::new(8);
    for name in ["alice", "bob"] {
        world.add(name);
    }
    world.add_relay("relay");
    world.join("bob", "relay");
    world.meet("bob", "alice");
    world.kill("bob");
    world.run(MINUTE);
    for i in 0..400 {
        world.say("alice", "bob", &format!("{i}")).unwrap();
    }
    world.run(30 * SECOND);
    world.cut("bob", "relay");
    world.start("bob");
    world.run(SECOND);
    for i in 400..410 {
        world.say("alice", "bob", &format!("{i}")).unwrap();
    }
    world.run(10 * MINUTE);
    let expected: Vec<String> = (0..410).map(|i| i.to_string()).collect();
    assert_eq!(world.transcript("bob", &world.room("alice", "bob")), expected);
    assert_eq!((world.owed("alice"), world.person("bob").blamed), (0, 0));
}

#[test]
fn what_can_never_be_opened_is_sealed_anew() {
    let mut world = alice_and_bob();
    world.kill("bob");
    world.run(MINUTE);
    world.say("alice", "bob", "sealed twice").unwrap();
    let envelope = |world: &World| {
        let rows = world.person("alice").rows.all::<row::Outbox>(Table::Outbox);
        rows[0].1.envelope.unwrap()
    };
    let first = envelope(&world);
    let lost = Frame::Lost(vec![first]).encode();
    let from = world.person("bob").keys.peer_id();
    assert_eq!(world.input("alice", Input::Frame { from, bytes: lost }), Some(Outcome::Accepted));
    assert_ne!(envelope(&world), first);
    world.start("bob");
    world.run(20 * MINUTE);
    assert_eq!(world.transcript("bob", &world.room("alice", "bob")), ["sealed twice"]);
    assert_eq!(world.owed("alice"), 0);
}

#[test]
fn a_request_that_is_renewed_is_not_held_up_by_what_waits_for_its_answer() {
    let mut world = World::new(9);
    world.add("alice");
    world.add("bob");
    let link = world.invite("alice");
    world.kill("alice");
    world.command("bob", Command::ContactAdd { link, name: None, greeting: String::new() }).unwrap();
    world.say("bob", "alice", "one").unwrap();
    world.run(MINUTE);
    world.command("bob", Command::SetName("Robert".into())).unwrap();
    world.run(MINUTE);
    world.start("alice");
    world.run(20 * MINUTE);
    assert_eq!(world.transcript("alice", &world.room("alice", "bob")), ["one"]);
    assert_eq!((world.owed("alice"), world.owed("bob")), (0, 0));
}

#[test]
fn what_was_refused_is_not_shown_as_delivered() {
    let mut world = alice_and_bob();
    let bob = world.person("bob").account();
    world.command("alice", Command::ContactBlock { account: bob, on: true }).unwrap();
    let message = world.say("bob", "alice", "are you there?").unwrap();
    world.run(10 * MINUTE);
    assert_eq!(world.custody("bob", &message).delivered, None);
    world.command("alice", Command::ContactBlock { account: bob, on: false }).unwrap();
    world.run(30 * MINUTE);
    assert_eq!(world.transcript("alice", &world.room("alice", "bob")), ["are you there?"]);
    assert!(world.custody("bob", &message).delivered.is_some());
}

#[test]
fn what_came_while_the_disk_was_full_comes_once_there_is_room() {
    let mut world = World::new(10);
    for name in ["alice", "bob"] {
        world.add(name);
    }
    world.add_relay("relay");
    world.join("bob", "relay");
    world.meet("bob", "alice");
    world.kill("bob");
    world.run(MINUTE);
    world.say("alice", "bob", "kept").unwrap();
    world.run(30 * SECOND);
    world.kill("alice");
    world.start("bob");
    world.input("bob", Input::DiskFull(true));
    world.run(MINUTE);
    let room = world.room("alice", "bob");
    assert!(world.transcript("bob", &room).is_empty());
    world.input("bob", Input::DiskFull(false));
    world.run(MINUTE);
    assert_eq!(world.transcript("bob", &room), ["kept"]);
}
