//! Machines whose clocks are wrong: people meet and talk all the same, see whose clock it is, and lose nothing when it is set.

use tidings::proto::{Command, Reply};
use tidings::store::reader::Reader;
use tidings::store::reader::view::{Message, Skew};
use tidings::types::time::{DAY, HOUR, MINUTE, SECOND};
use tidings::types::{Millis, RoomId, Table};
use tidings::wire::content::Body;
use tidings::wire::row::{self, ContactState};

use super::world::World;

const FAR: Millis = 800 * DAY;

/// Alice, Bob and Carol, and Bob's relay; some with a clock that is years ahead.
fn world(ahead: &[&str]) -> World {
    let mut world = World::new(31);
    for name in ["alice", "bob", "carol"] {
        world.add(name);
    }
    world.add_relay("relay");
    for name in ahead {
        world.kill(name);
        world.people.get_mut(*name).unwrap().ahead = FAR;
        world.start(name);
    }
    world.join("bob", "relay");
    world
}

fn skew(world: &World, name: &str) -> Option<Skew> {
    let person = world.person(name);
    Reader::new(&person.rows, person.account(), 0).skew()
}

fn set(world: &mut World, name: &str) {
    world.people.get_mut(name).unwrap().ahead = 0;
}

fn shown(world: &World, name: &str, room: &RoomId) -> Vec<Message> {
    let person = world.person(name);
    Reader::new(&person.rows, person.account(), 0)
        .messages(room, tidings::store::reader::Page { limit: 100, ..Default::default() })
        .unwrap()
}

fn meet_somehow(world: &mut World, host: &str, guest: &str) {
    let link = match world.command(host, Command::Invite { ttl_ms: FAR + DAY, public: false }) {
        Ok(Reply::Link(link)) => link,
        other => panic!("{other:?}"),
    };
    world.command(guest, Command::ContactAdd { link, name: None, greeting: String::new() }).unwrap();
    world.run(MINUTE);
}

#[test]
fn who_is_years_ahead_meets_people_and_is_told() {
    let mut world = world(&["alice"]);
    meet_somehow(&mut world, "bob", "alice");
    meet_somehow(&mut world, "alice", "carol");
    for (one, other) in [("alice", "bob"), ("alice", "carol")] {
        for (of, about) in [(one, other), (other, one)] {
            let contact: row::Contact =
                row::decode(&tidings::types::View::get(&world.person(of).rows, Table::Contact, &world.person(about).account().0).unwrap())
                    .unwrap();
            assert_eq!(contact.state, ContactState::Accepted, "{of} and {about}");
        }
    }
    for name in ["alice", "bob", "carol", "relay"] {
        assert_eq!(world.person(name).blamed, 0, "{name} blames nobody for a clock: {:?}", world.person(name).blames);
    }
    let told = skew(&world, "alice").unwrap();
    assert_eq!((told.ahead_ms.unsigned_abs() / DAY, told.nodes), (800, 2));
    assert!(told.sentence().contains("800 days ahead"), "{}", told.sentence());
    assert_eq!(skew(&world, "bob"), None, "of two clocks that he knows one is right as his is");
    set(&mut world, "alice");
    world.run(HOUR);
    assert_eq!(skew(&world, "alice"), None);
}

#[test]
fn who_is_years_behind_meets_people_too() {
    let mut world = world(&["bob", "carol", "relay"]);
    meet_somehow(&mut world, "alice", "bob");
    meet_somehow(&mut world, "carol", "alice");
    world.say("alice", "bob", "from long ago").unwrap();
    world.say("bob", "alice", "from now").unwrap();
    world.run(MINUTE);
    assert_eq!(world.transcript("alice", &world.room("alice", "bob")).len(), 2);
    let told = skew(&world, "alice").unwrap();
    assert!(told.ahead_ms < -799 * DAY as i64 && told.sentence().contains("days behind"), "{}", told.sentence());
    assert_eq!((world.person("bob").blamed, world.person("carol").blamed), (0, 0));
}

#[test]
fn once_a_clock_is_set_what_was_stamped_ahead_is_where_it_belongs_for_everybody() {
    let mut world = world(&["alice"]);
    meet_somehow(&mut world, "bob", "alice");
    let room = world.room("alice", "bob");
    let say = |world: &mut World, name: &str, other: &str, text: &str| {
        let message = world.say(name, other, text).unwrap();
        world.run(2 * SECOND);
        message
    };
    say(&mut world, "alice", "bob", "hello");
    let mistake = say(&mut world, "alice", "bob", "how are yuo");
    world.command("alice", Command::Send { room, body: Body::Edit { target: mistake, text: "how are yu".into() } }).unwrap();
    say(&mut world, "bob", "alice", "fine");
    assert_eq!(world.transcript("bob", &room), ["fine", "hello", "how are yuo"], "by her clock they come last");
    assert!(shown(&world, "bob", &room)[1].ahead, "which he sees");
    // Two of hers wait at the relay, out of order with what comes after.
    world.kill("bob");
    world.run(MINUTE);
    say(&mut world, "alice", "bob", "are you there");
    world.run(MINUTE);
    set(&mut world, "alice");
    world.command("alice", Command::Send { room, body: Body::Edit { target: mistake, text: "how are you".into() } }).unwrap();
    say(&mut world, "alice", "bob", "my clock was wrong");
    world.start("bob");
    world.run(5 * MINUTE);
    say(&mut world, "bob", "alice", "it happens");
    let order = ["fine", "hello", "how are you", "are you there", "my clock was wrong", "it happens"];
    for name in ["alice", "bob"] {
        let shown = shown(&world, name, &room);
        assert_eq!(shown.iter().map(|message| message.text.as_str()).collect::<Vec<_>>(), order, "{name}");
        assert!(!shown.iter().any(|message| message.ahead), "{name}");
        let now = 20_000 * DAY + world.now;
        assert!(shown.iter().all(|message| message.at <= now), "{name}: nothing is from the future");
    }
    assert_eq!(world.shown("alice", &room), world.shown("bob", &room));
    assert_eq!((world.owed("alice"), world.owed("bob")), (0, 0));
    // And so it stays for who comes back.
    world.kill("alice");
    world.people.get_mut("alice").unwrap().rows = super::world::Rows::default();
    world.replace_device("alice");
    world.meet("bob", "alice");
    world.run(20 * MINUTE);
    assert_eq!(world.shown("alice", &room), world.shown("bob", &room));
}

#[test]
fn a_clock_that_jumps_ahead_for_an_hour_gives_nothing_up() {
    let mut world = world(&[]);
    meet_somehow(&mut world, "bob", "alice");
    world.kill("bob");
    world.kill("relay");
    world.run(MINUTE);
    let message = world.say("alice", "bob", "can wait").unwrap();
    world.people.get_mut("alice").unwrap().ahead = FAR;
    world.run(HOUR);
    world.kill("alice");
    world.start("alice");
    world.run(HOUR);
    set(&mut world, "alice");
    world.start("bob");
    world.run(HOUR);
    assert_eq!(world.transcript("bob", &world.room("alice", "bob")), ["can wait"]);
    let custody = world.custody("alice", &message);
    assert!(custody.delivered.is_some() && !custody.expired);
}
