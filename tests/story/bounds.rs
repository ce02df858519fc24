//! What a contact, a neighbour or one's own relay can make a node do has an end, and costs friends nothing.

use tidings::proto::{Command, CommandError, Event, Input, Outcome, Refusal, Reply};
use tidings::types::limits::{
    ASIDES_MAX, CARDS_AT_ONCE_MAX, FRAME_IDS_MAX, GROUPS_OF_ADMIN_MAX, PUMP_ROWS_MAX, RELAY_INBOXES_OF_PEER_MAX, RESEAL_ROWS_MAX,
};
use tidings::types::time::{DAY, HOUR, MINUTE, SECOND};
use tidings::types::{InboxId, Scan, Table, View as _};
use tidings::wire::card;
use tidings::wire::content::{Body, Clock};
use tidings::wire::frame::Frame;
use tidings::wire::mailbox::{Claim, Deposit, LeaveInbox, Limits, Reason, Refused, Register, Registered};
use tidings::wire::row;

use super::world::{World, aside, numbered};

fn text(text: &str) -> Body {
    Body::Text { text: text.into(), reply: None }
}

/// Alice has a mailbox at the relay; Bob is her friend.
fn alice_at_a_relay() -> World {
    let mut world = World::new(31);
    world.add("alice");
    world.add("bob");
    world.add_relay("relay");
    world.join("alice", "relay");
    world.meet("alice", "bob");
    world.run(MINUTE);
    world
}

fn inbox(world: &World, name: &str, relay: &str) -> InboxId {
    let row = world.person(name).rows.get(Table::Mailbox, &world.person(relay).keys.peer_id().0).unwrap();
    row::decode::<row::Mailbox>(&row).unwrap().inbox
}

/// What one person's node has of another's card.
fn card_of(world: &World, of: &str, at: &str) -> card::Card {
    let row = world.person(at).rows.get(Table::Contact, &world.person(of).account().0).unwrap();
    card::Signed::open(&row::decode::<row::Contact>(&row).unwrap().card).unwrap()
}

#[test]
fn a_relay_that_changes_its_mind_does_not_make_alice_tell_everybody_each_time() {
    let mut world = alice_at_a_relay();
    let inbox = inbox(&world, "alice", "relay");
    let alice = world.person("alice").account();
    world.people.get_mut("bob").unwrap().events.clear();
    for turn in 0..400u64 {
        let limits = Limits { envelope_bytes: 1_000 + turn, ttl_ms: 0, work_bits: 22 };
        world.forge("relay", "alice", &Frame::MailLimits(limits));
        world.forge("relay", "alice", &Frame::Refused(Refused { envelope: None, inbox, reason: Reason::Disk }));
        world.forge("relay", "alice", &Frame::Registered(Registered { inbox, quota_bytes: turn, ttl_ms: 0, wall: 0 }));
        world.run(50);
    }
    let told = world.person("bob").events.iter().filter(|event| **event == Event::Contact(alice)).count();
    assert!((1..=2 * CARDS_AT_ONCE_MAX as usize).contains(&told), "Bob was told {told} times");
    world.run(10 * MINUTE);
    assert_eq!(card_of(&world, "alice", "bob").mailboxes[0].envelope_bytes, 1_399, "and what is so in the end");
}

#[test]
fn a_contact_can_put_bob_into_so_many_groups() {
    let mut world = World::new(32);
    for name in ["alice", "bob", "carol"] {
        world.add(name);
    }
    world.meet("bob", "alice");
    world.meet("bob", "carol");
    world.run(MINUTE);
    let bob = world.person("bob").account();
    let create = |world: &mut World, who: &str| world.command(who, Command::RoomCreate { name: "us".into(), members: vec![bob] });
    for _ in 0..GROUPS_OF_ADMIN_MAX + 5 {
        assert!(matches!(create(&mut world, "carol"), Ok(Reply::Room(_))));
        world.run(100);
    }
    world.run(MINUTE);
    let rooms = |world: &World| {
        let rooms = world.person("bob").rows.all::<row::Room>(Table::Room).into_iter();
        rooms.filter(|(_, room)| room.kind == row::RoomKind::Group).count()
    };
    assert_eq!(rooms(&world), GROUPS_OF_ADMIN_MAX);
    let Ok(Reply::Room(room)) = create(&mut world, "alice") else { panic!("no room") };
    world.run(MINUTE);
    assert_eq!(rooms(&world), GROUPS_OF_ADMIN_MAX + 1, "a friend can still add him");
    world.command("alice", Command::Send { room, body: text("welcome") }).unwrap();
    world.say("carol", "bob", "are you there?").unwrap();
    world.run(MINUTE);
    assert_eq!(world.transcript("bob", &room), ["welcome"]);
    assert_eq!(world.transcript("bob", &world.room("bob", "carol")), ["are you there?"], "what waits for a place holds up nothing else");
    assert_eq!(world.person("bob").blamed, 0);
}

/// Carol's node does not run: somebody else seals in her name, and takes nothing.
#[test]
fn who_asks_without_end_and_takes_nothing_is_owed_so_many_answers_and_receipts_are_not_lost() {
    let mut world = World::new(33);
    world.add("bob");
    world.add("carol");
    world.meet("bob", "carol");
    world.run(MINUTE);
    world.kill("carol");
    let room = world.room("bob", "carol");
    let (account, device) = (world.person("bob").account(), world.person("bob").keys.device_id());
    for turn in 0..ASIDES_MAX as u64 + 200 {
        let envelope = world.seal_as("carol", &room, &aside(turn, &Body::Ask { account, device, numbers: vec![1_000 + turn] }));
        assert_eq!(world.forge("carol", "bob", &Frame::Deliver(envelope)), Outcome::Accepted);
    }
    assert!(world.owed("bob") <= ASIDES_MAX + 2, "{} rows are owed", world.owed("bob"));
    // A message of hers comes by another hand, so that its receipt has to be sealed; there is no room for it now.
    let clock = Clock { ms: 20_000 * DAY + world.now, count: 0 };
    let envelope = world.seal_as("carol", &room, &numbered([7; 16], 1, clock, &text("and this?")));
    world.input("bob", Input::Gossip { topic: tidings::proto::Topic::Room([0; 32]), bytes: envelope });
    world.run(MINUTE);
    let waiting = |world: &World| world.person("bob").rows.scan(&Scan::prefix(Table::Owed, [])).len();
    assert_eq!(waiting(&world), 1, "the receipt waits");
    world.start("carol");
    world.run(30 * MINUTE);
    assert_eq!((waiting(&world), world.owed("bob")), (0, 0), "everything is taken, the receipt too");
}

#[test]
fn an_envelope_that_is_too_large_for_a_mailbox_holds_up_no_other() {
    let mut world = World::new(34);
    world.add("alice");
    world.add("bob");
    world.add_relay("relay");
    world.join("bob", "relay");
    world.meet("bob", "alice");
    world.kill("bob");
    world.run(MINUTE);
    world.overheard.clear();
    let large = world.say("alice", "bob", "too large").unwrap();
    let deposit = |world: &World| {
        let frames = world.overheard.iter().filter_map(|bytes| Frame::decode(bytes).ok());
        frames.filter_map(|frame| if let Frame::Deposit(Deposit { envelope, .. }) = frame { Some(envelope) } else { None }).next()
    };
    let until = world.now + MINUTE;
    while deposit(&world).is_none() {
        assert!(world.step(until), "nothing is deposited");
    }
    let envelope = tidings::types::EnvelopeId(*blake3::hash(&deposit(&world).unwrap()).as_bytes());
    let inbox = inbox(&world, "bob", "relay");
    world.forge("relay", "alice", &Frame::Refused(Refused { envelope: Some(envelope), inbox, reason: Reason::TooLarge }));
    assert!(world.custody("alice", &large).held.is_empty(), "it is shown as waiting");
    let small = world.say("alice", "bob", "small").unwrap();
    world.run(MINUTE);
    assert_eq!(world.custody("alice", &small).held.len(), 1);
}

#[test]
fn no_input_walks_a_long_outbox_from_end_to_end() {
    let mut world = World::new(35);
    world.add("alice");
    world.add("bob");
    world.add_relay("relay");
    world.join("bob", "relay");
    let link = world.invite("bob");
    world.kill("bob");
    // Unsealed until Bob answers; then all of it is sealed.
    world.command("alice", Command::ContactAdd { link, name: None, greeting: String::new() }).unwrap();
    let count = 3 * PUMP_ROWS_MAX;
    for number in 0..count {
        world.say("alice", "bob", &number.to_string()).unwrap();
    }
    world.most = (0, 0, 0);
    world.start("bob");
    world.run(MINUTE);
    world.kill("bob");
    world.run(30 * MINUTE);
    for number in count..2 * count {
        world.say("alice", "bob", &number.to_string()).unwrap();
    }
    world.run(10 * MINUTE);
    let held = world.person("relay").rows.scan(&Scan::prefix(Table::Held, [])).len();
    assert!(held > count / 2, "the relay holds {held}");
    // Whatever there is to look at again and again, an hour long.
    world.run(HOUR);
    let rows = 8 * PUMP_ROWS_MAX.max(RESEAL_ROWS_MAX);
    assert!(world.most.2 <= rows, "{} rows read for one input", world.most.2);
    assert!(world.most.1 <= 4 * 1024 * RESEAL_ROWS_MAX, "{} bytes written for one input", world.most.1);
    world.start("bob");
    world.run(HOUR);
    let expected: Vec<String> = (0..2 * count).map(|number| number.to_string()).collect();
    assert_eq!(world.transcript("bob", &world.room("alice", "bob")), expected);
    assert_eq!((world.owed("alice"), world.person("bob").blamed), (0, 0));
}

/// Each answer is a step of Alice's ratchet that Bob does not see; her node starts anew between them, again and again.
#[test]
fn steps_of_a_ratchet_are_counted_across_restarts() {
    let mut world = World::new(36);
    for name in ["alice", "bob", "carol"] {
        world.add(name);
    }
    world.meet("bob", "alice");
    world.meet("bob", "carol");
    world.meet("alice", "carol");
    world.run(MINUTE);
    let members = vec![world.person("bob").account(), world.person("carol").account()];
    let Ok(Reply::Room(room)) = world.command("alice", Command::RoomCreate { name: "us".into(), members }) else { panic!("no room") };
    world.run(MINUTE);
    for number in 0..FRAME_IDS_MAX {
        world.command("alice", Command::Send { room, body: text(&number.to_string()) }).unwrap();
        world.run(100);
    }
    world.run(MINUTE);
    world.kill("carol");
    world.cut("alice", "bob");
    let (account, device) = (world.person("alice").account(), world.person("alice").keys.device_id());
    for number in 0..11 {
        let body = Body::Ask { account, device, numbers: (1..=FRAME_IDS_MAX as u64).collect() };
        let envelope = world.seal_as("carol", &room, &aside(number, &body));
        assert_eq!(world.forge("carol", "alice", &Frame::Deliver(envelope)), Outcome::Accepted);
        world.run(SECOND);
        world.kill("alice");
        world.start("alice");
    }
    world.heal();
    world.command("alice", Command::Send { room, body: text("are you still with us?") }).unwrap();
    world.run(20 * MINUTE);
    assert_eq!(world.transcript("bob", &room).last().map(String::as_str), Some("are you still with us?"));
}

#[test]
fn one_node_gets_so_many_inboxes_at_a_relay() {
    let mut world = World::new(37);
    world.add("mallory");
    world.add_relay("relay");
    world.join("mallory", "relay");
    let keys = world.person("mallory").keys.clone();
    let relay = world.person("relay").keys.peer_id();
    let Ok(Reply::Link(link)) = world.command("relay", Command::RelayInvite) else { panic!("no link") };
    let secret = card::RelayInvite::from_link(&link).unwrap().secret;
    let owner = |nth: u8| tidings::crypto::keys::Signing::from_seed(&[nth; 32]);
    let register = |world: &mut World, nth: u8| {
        let register = Register {
            inbox: InboxId([nth; 32]),
            owner: owner(nth).public(),
            readers: vec![keys.inbox_reader(&relay).public()],
            claim: Claim::Secret(secret),
            signature: [0; 64],
        };
        world.forge("mallory", "relay", &Frame::Register(register.sign(&relay, &owner(nth))))
    };
    for nth in 1..RELAY_INBOXES_OF_PEER_MAX as u8 {
        assert_eq!(register(&mut world, nth), Outcome::Accepted);
    }
    assert_eq!(register(&mut world, 90), Outcome::Refused(Refusal::Limit), "beside the one that she has");
    assert_eq!(register(&mut world, 1), Outcome::Duplicate, "what is there stays");
    let leave = LeaveInbox { inbox: InboxId([1; 32]), signature: [0; 64] }.sign(&relay, &owner(1));
    world.forge("mallory", "relay", &Frame::LeaveInbox(leave));
    assert_eq!(register(&mut world, 90), Outcome::Accepted, "who leaves one may have another");
    world.add("alice");
    world.join("alice", "relay");
    world.run(SECOND);
    let row = world.person("alice").rows.get(Table::Mailbox, &relay.0).unwrap();
    assert!(row::decode::<row::Mailbox>(&row).unwrap().registered, "others are served as before");
}

#[test]
fn a_mailbox_that_can_remember_no_more_revoked_tokens_still_serves() {
    let mut world = alice_at_a_relay();
    let inbox = inbox(&world, "alice", "relay");
    world.forge("relay", "alice", &Frame::Refused(Refused { envelope: None, inbox, reason: Reason::Full }));
    world.run(MINUTE);
    assert_eq!(card_of(&world, "alice", "bob").mailboxes.len(), 1);
    let row = world.person("alice").rows.get(Table::Mailbox, &world.person("relay").keys.peer_id().0).unwrap();
    let row: row::Mailbox = row::decode(&row).unwrap();
    assert_eq!((row.registered, row.refused), (true, Some(Reason::Full)), "and Alice can see what it refused");
}

/// How often a node sent an envelope to a device.
fn deliveries(world: &World, name: &str) -> usize {
    world.spoken.get(&(name.to_owned(), 2)).copied().unwrap_or_default()
}

#[test]
fn who_is_blocked_tries_less_and_less_and_is_heard_at_once_when_unblocked() {
    let mut world = World::new(38);
    world.add("alice");
    world.add("bob");
    world.meet("alice", "bob");
    world.run(MINUTE);
    let bob = world.person("bob").account();
    world.command("alice", Command::ContactBlock { account: bob, on: true }).unwrap();
    world.say("bob", "alice", "are you there?").unwrap();
    world.spoken.clear();
    world.run(6 * HOUR);
    let tried = deliveries(&world, "bob");
    assert!((2..=60).contains(&tried), "{tried} times in six hours");
    world.command("alice", Command::ContactBlock { account: bob, on: false }).unwrap();
    world.run(5 * SECOND);
    assert_eq!(world.transcript("alice", &world.room("alice", "bob")), ["are you there?"]);
    assert_eq!(world.command("bob", Command::ContactBlock { account: bob, on: true }), Err(CommandError::NoContact));
}

#[test]
fn a_device_that_says_later_for_ever_is_asked_less_and_less() {
    let mut world = World::new(39);
    world.add("alice");
    world.add("bob");
    world.meet("alice", "bob");
    world.run(MINUTE);
    world.kill("bob");
    world.run(10);
    let bob = world.person("bob").keys.peer_id();
    world.spoken.clear();
    world.input("alice", Input::PeerUp(bob));
    world.say("alice", "bob", "open it").unwrap();
    let envelope = world.person("alice").rows.all::<row::Outbox>(Table::Outbox)[0].1.envelope.unwrap();
    let mut tried = 0;
    let mut wait = |world: &mut World, time| {
        let end = world.now + time;
        while world.now < end {
            world.run(100);
            if deliveries(world, "alice") > tried {
                tried += 1;
                world.forge("bob", "alice", &Frame::Deferred(vec![envelope]));
            }
        }
        tried
    };
    let soon = wait(&mut world, 5 * MINUTE);
    assert!((7..=10).contains(&soon), "{soon} times in five minutes: what it waits for may come any moment");
    let tried = wait(&mut world, 6 * HOUR);
    assert!((10..=80).contains(&tried), "{tried} times in six hours");
    world.input("alice", Input::PeerDown(bob));
    world.start("bob");
    world.run(20 * MINUTE);
    assert_eq!(world.transcript("bob", &world.room("alice", "bob")), ["open it"]);
}

/// Bob, whose mail is held at a relay, and Alice, his contact.
fn bob_at_a_relay(seed: u64) -> World {
    let mut world = World::new(seed);
    for name in ["alice", "bob"] {
        world.add(name);
    }
    world.add_relay("relay");
    world.join("bob", "relay");
    world.meet("bob", "alice");
    world.run(MINUTE);
    world
}

/// Alice writes fifty texts; what is spoken in the six hours after the first minutes is counted.
fn write_for_hours(world: &mut World) {
    for number in 0..50 {
        world.say("alice", "bob", &format!("text {number}")).unwrap();
    }
    world.run(5 * MINUTE);
    world.spoken.clear();
    world.run(6 * HOUR);
}

#[test]
fn a_mailbox_without_room_is_asked_with_one_envelope_and_gets_all_once_there_is_some() {
    let mut world = bob_at_a_relay(40);
    world.kill("bob");
    world.input("relay", Input::DiskFull(true));
    write_for_hours(&mut world);
    let sent = |world: &World, kind| world.spoken.get(&("alice".to_owned(), kind)).copied().unwrap_or_default();
    let (deposits, tokens) = (sent(&world, 23), sent(&world, 22));
    assert!((12..=800).contains(&deposits), "{deposits} deposits in six hours");
    assert!(tokens <= 10, "{tokens} tokens in six hours");
    world.input("relay", Input::DiskFull(false));
    world.run(MINUTE);
    assert_eq!(world.person("relay").rows.scan(&Scan::prefix(Table::Held, [])).len(), 50);
}

#[test]
fn a_line_that_breaks_before_it_is_good_for_anything_is_dialled_less_and_less() {
    let mut world = World::new(41);
    world.add("alice");
    world.add("bob");
    world.meet("alice", "bob");
    world.run(10 * MINUTE);
    world.drop_connection("alice", "bob");
    world.spoken.clear();
    let end = world.now + 6 * HOUR;
    let mut lines = 0;
    while world.now < end {
        world.run(100);
        let hellos = world.spoken.get(&("alice".to_owned(), 1)).copied().unwrap_or_default();
        if hellos > lines {
            lines = hellos;
            world.drop_connection("alice", "bob");
        }
    }
    assert!((20..=300).contains(&lines), "{lines} times in six hours");
    world.say("alice", "bob", "now it holds").unwrap();
    world.run(20 * MINUTE);
    assert_eq!(world.transcript("bob", &world.room("alice", "bob")), ["now it holds"]);
}

#[test]
fn whoever_blocked_somebody_is_not_flooded_at_their_mailbox() {
    let mut world = bob_at_a_relay(42);
    let alice = world.person("alice").account();
    world.command("bob", Command::ContactBlock { account: alice, on: true }).unwrap();
    world.run(MINUTE);
    world.kill("bob");
    write_for_hours(&mut world);
    let deposits = world.spoken.get(&("alice".to_owned(), 23)).copied().unwrap_or_default();
    assert!((6..=800).contains(&deposits), "{deposits} deposits in six hours");
}
