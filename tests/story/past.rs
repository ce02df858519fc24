//! Clocks that were wrong, and backups from before or from then: who comes back is let in, and nothing is given up because of a clock.

use tidings::proto::{Command, Reply};
use tidings::types::time::{DAY, HOUR, MINUTE};
use tidings::types::{Millis, Table, View as _};
use tidings::wire::row::{self, ContactState};

use super::world::{Rows, World};

const FAR: Millis = 800 * DAY;

fn world(names: &[&str]) -> World {
    let mut world = World::new(63);
    names.iter().for_each(|name| world.add(name));
    world
}

/// Somebody's clock is so far ahead, and they start anew with it.
fn set(world: &mut World, name: &str, ahead: Millis) {
    world.kill(name);
    world.people.get_mut(name).unwrap().ahead = ahead;
    world.start(name);
    world.run(2 * MINUTE);
}

fn restore(world: &mut World, name: &str, rows: Rows) {
    world.kill(name);
    world.people.get_mut(name).unwrap().rows = rows;
    world.replace_device(name);
}

fn state(world: &World, of: &str, about: &str) -> Option<ContactState> {
    let row = world.person(of).rows.get(Table::Contact, &world.person(about).account().0)?;
    Some(row::decode::<row::Contact>(&row).unwrap().state)
}

#[test]
fn who_was_years_ahead_meets_people_once_the_clock_is_set() {
    let mut world = world(&["alice", "bob", "carol"]);
    set(&mut world, "alice", FAR);
    world.command("alice", Command::SetName("Alice of the future".into())).unwrap();
    world.run(MINUTE);
    set(&mut world, "alice", 0);
    world.run(2 * HOUR);
    for (host, guest) in [("bob", "alice"), ("alice", "carol")] {
        let Ok(Reply::Link(link)) = world.command(host, Command::Invite { ttl_ms: DAY, public: false }) else { panic!("no link") };
        world.command(guest, Command::ContactAdd { link, name: None, greeting: String::new() }).unwrap();
        world.run(5 * MINUTE);
        for (of, about) in [(host, guest), (guest, host)] {
            assert_eq!(state(&world, of, about), Some(ContactState::Accepted), "{of} and {about}");
        }
    }
    let members = vec![world.person("bob").account(), world.person("carol").account()];
    let Ok(Reply::Room(room)) = world.command("alice", Command::RoomCreate { name: "us".into(), members }) else { panic!("no room") };
    world.run(20 * MINUTE);
    assert!(world.person("bob").rows.get(Table::Room, &room.0).is_some());
}

#[test]
fn a_backup_from_before_a_clock_was_years_ahead_brings_its_person_back() {
    let mut world = world(&["alice", "bob"]);
    world.meet("alice", "bob");
    let room = world.room("alice", "bob");
    world.say("bob", "alice", "one").unwrap();
    world.run(MINUTE);
    let backup = world.person("bob").rows.clone();
    set(&mut world, "bob", FAR);
    world.command("bob", Command::SetName("Bob of the future".into())).unwrap();
    world.run(5 * MINUTE);
    world.say("bob", "alice", "two").unwrap();
    world.run(MINUTE);
    set(&mut world, "bob", 0);
    for rows in [backup, Rows::default()] {
        let is_phrase = rows.scan(&tidings::types::Scan::prefix(Table::Contact, [])).is_empty();
        restore(&mut world, "bob", rows);
        if is_phrase {
            world.meet("alice", "bob");
        }
        world.run(HOUR);
        let text = if is_phrase { "four" } else { "three" };
        world.say("bob", "alice", text).unwrap();
        world.run(10 * MINUTE);
        assert!(world.transcript("alice", &room).contains(&text.to_owned()), "{text}");
        assert_eq!(world.shown("alice", &room), world.shown("bob", &room));
        assert_eq!((world.owed("alice"), world.owed("bob")), (0, 0));
    }
    assert_eq!((world.person("alice").blamed, world.person("bob").blamed), (0, 0));
}

/// As a board without a battery: until it hears what time it is, it believes to live years ago.
#[test]
fn what_is_sent_before_a_slow_clock_is_set_is_not_given_up_when_it_is() {
    let mut world = world(&["alice", "bob"]);
    for name in ["alice", "bob"] {
        set(&mut world, name, FAR);
    }
    world.meet("alice", "bob");
    world.run(2 * HOUR);
    world.kill("bob");
    set(&mut world, "alice", 0);
    let message = world.say("alice", "bob", "good morning").unwrap();
    world.run(MINUTE);
    set(&mut world, "alice", FAR);
    world.run(2 * HOUR);
    assert!(!world.custody("alice", &message).expired);
    world.start("bob");
    world.run(20 * MINUTE);
    assert_eq!(world.transcript("bob", &world.room("alice", "bob")), ["good morning"]);
}
