//! Hostile frames straight into a node: nothing breaks, nothing grows, and friends go on talking.

use tidings::crypto::aead::pad;
use tidings::crypto::label::Label;
use tidings::crypto::seal::seal;
use tidings::proto::{Command, Input, Misbehaviour, Outcome, Reply};
use tidings::store::reader::Reader;
use tidings::types::limits::{DEFERRED_MAX, FRAME_IDS_MAX};
use tidings::types::time::{DAY, MINUTE, SECOND};
use tidings::types::{EnvelopeId, GroupId, PeerId, Rng, RoomId, Scan, Table, View as _};
use tidings::wire::card::{Card, Device, Invite, Signed};
use tidings::wire::codec;
use tidings::wire::content::{self, Body, Clock, Knock};
use tidings::wire::envelope::{Envelope, Kind};
use tidings::wire::frame::{Delivered, Frame};
use tidings::wire::row;

use super::flood::{Mallory, Victim, corpus};
use super::world::{World, aside, numbered};

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
    overheard.append(&mut world.overheard);
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
    assert!(victim.overheard.len() > 50, "there is something to mutate: {}", victim.overheard.len());
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
        world.most = (0, 0, 0);
        match world.input("bob", Input::Frame { from, bytes }).unwrap() {
            Outcome::Misbehaved(_) => blamed += 1,
            Outcome::Refused(_) => refused += 1,
            Outcome::Accepted | Outcome::Duplicate | Outcome::Deferred => taken += 1,
        }
        let (outputs, bytes, _) = world.most;
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

/// A frame of Carol's, whose node does not run: somebody else holds her keys.
fn from_carol(world: &mut World, to: &str, frame: &Frame) -> Outcome {
    let from = world.person("carol").keys.peer_id();
    world.input(to, Input::Frame { from, bytes: frame.encode() }).unwrap()
}

fn three_friends() -> World {
    let mut world = World::new(12);
    for name in ["alice", "bob", "carol"] {
        world.add(name);
    }
    world.meet("bob", "alice");
    world.meet("bob", "carol");
    world.meet("alice", "carol");
    world.run(MINUTE);
    world
}

/// Something that Carol says to Bob from outside a room, with a card that she signed.
fn knock(world: &mut World, device: Device, knock: &Knock) -> Frame {
    let carol = world.person("carol").keys.clone();
    let bob = world.person("bob").keys.clone();
    let own = Device { device: carol.device_id(), peer: carol.peer_id(), addresses: Vec::new(), certificate: carol.certificate };
    let card = Card {
        account: carol.account_id(),
        number: u64::MAX / 2,
        name: "Carol".into(),
        seal: carol.seal_public(),
        devices: if device == own { vec![own] } else { vec![own, device] },
        mailboxes: Vec::new(),
    };
    let card = card.sign(&carol.account);
    let signed = content::Signed::new(&card, &bob.account_id(), knock, &carol.account);
    let padded = pad(&codec::encode(&signed));
    let sealed = seal(&bob.seal_public(), b"tidings v1 knock", &padded, &mut Rng::from_seed([3; 32])).unwrap();
    Frame::Deliver(Envelope::encode(Kind::Sealed, &sealed))
}

#[test]
fn a_card_that_claims_the_device_of_another_takes_nothing_from_its_owner() {
    let mut world = three_friends();
    world.kill("carol");
    let (alice, carol) = (world.person("alice").keys.clone(), world.person("carol").keys.clone());
    let certificate = carol.account.sign(Label::DeviceCertificate, &[alice.device_id().0, alice.peer_id().0].concat());
    let stolen = Device { device: alice.device_id(), peer: alice.peer_id(), addresses: Vec::new(), certificate };
    let welcome = Knock::Welcome { room: RoomId([1; 32]), group: GroupId([1; 32]), generation: 1, welcome: vec![1], grants: Vec::new() };
    let frame = knock(&mut world, stolen, &welcome);
    from_carol(&mut world, "bob", &frame);
    let message = world.say("bob", "alice", "is it still you?").unwrap();
    world.run(MINUTE);
    assert!(world.custody("bob", &message).delivered.is_some(), "Alice's receipts count as before");
    world.kill("alice");
    world.start("alice");
    let message = world.say("alice", "bob", "it is").unwrap();
    world.run(MINUTE);
    assert!(world.custody("alice", &message).delivered.is_some());
    let owed = world.person("bob").rows.scan(&Scan::prefix(Table::Outbox, alice.account_id().0));
    assert_eq!(owed.len(), 0, "nothing is owed to Alice any more");
}

/// Whoever saw a message knows all that its id is made from, but for who sent it where.
#[test]
fn nobody_can_send_under_the_id_of_anothers_message() {
    let mut world = three_friends();
    let members = vec![world.person("bob").account(), world.person("carol").account()];
    let Ok(Reply::Room(room)) = world.command("alice", Command::RoomCreate { name: "us".into(), members }) else { panic!("no room") };
    world.run(MINUTE);
    world.cut("alice", "bob");
    world.cut("carol", "bob");
    let body = Body::Text { text: "the real one".into(), reply: None };
    let Ok(Reply::Sent { message: stolen, .. }) = world.command("alice", Command::Send { room, body }) else { panic!("not sent") };
    world.run(MINUTE);
    let rows = world.person("carol").rows.all::<row::Numbered>(Table::Numbered);
    let proof = rows.into_iter().find(|(_, row)| row.message == stolen).unwrap().1.proof;
    world.kill("carol");
    let clock = Clock { ms: 20_000 * DAY + world.now, count: 0 };
    let body = Body::Text { text: "the other one".into(), reply: None };
    let envelope = world.seal_as("carol", &room, &numbered(proof, 1, clock, &body));
    assert_eq!(from_carol(&mut world, "bob", &Frame::Deliver(envelope)), Outcome::Accepted);
    // About Alice's message, which Bob does not have yet.
    let direct = world.room("carol", "bob");
    let body = Body::Reaction { target: stolen, emoji: "x".into() };
    let envelope = world.seal_as("carol", &direct, &numbered(proof, 1, clock, &body));
    assert_eq!(from_carol(&mut world, "bob", &Frame::Deliver(envelope)), Outcome::Accepted);
    world.heal();
    world.run(20 * MINUTE);
    let mut shown = world.transcript("bob", &room);
    shown.sort();
    assert_eq!(shown, ["the other one", "the real one"]);
    assert_eq!(world.text_of("bob", &stolen).as_deref(), Some("the real one"), "the id leads to Alice's message");
    assert!(world.custody("alice", &stolen).delivered.is_some());
    let reader = Reader::new(&world.person("bob").rows, world.person("bob").account(), 0);
    assert!(reader.message(&stolen).unwrap().reactions.is_empty(), "what is said elsewhere is not said about it");
}

#[test]
fn who_asks_again_and_again_is_owed_each_message_once() {
    let mut world = three_friends();
    let members = vec![world.person("bob").account(), world.person("carol").account()];
    let Ok(Reply::Room(room)) = world.command("alice", Command::RoomCreate { name: "us".into(), members }) else { panic!("no room") };
    world.run(MINUTE);
    for number in 0..10 {
        let body = Body::Text { text: number.to_string(), reply: None };
        world.command("alice", Command::Send { room, body }).unwrap();
    }
    world.run(MINUTE);
    world.kill("carol");
    world.run(MINUTE);
    let (account, device) = (world.person("alice").account(), world.person("alice").keys.device_id());
    for number in 0..10 {
        let body = Body::Ask { account, device, numbers: (1..=10).collect() };
        let envelope = world.seal_as("carol", &room, &aside(number, &body));
        from_carol(&mut world, "bob", &Frame::Deliver(envelope));
    }
    assert!((1..=20).contains(&world.owed("bob")), "{} rows are owed", world.owed("bob"));
}

/// Each answer is a step of Alice's ratchet that Bob does not see.
#[test]
fn who_asks_for_everything_again_and_again_does_not_lock_others_out() {
    let mut world = three_friends();
    let members = vec![world.person("bob").account(), world.person("carol").account()];
    let Ok(Reply::Room(room)) = world.command("alice", Command::RoomCreate { name: "us".into(), members }) else { panic!("no room") };
    world.run(MINUTE);
    for number in 0..FRAME_IDS_MAX {
        let body = Body::Text { text: number.to_string(), reply: None };
        world.command("alice", Command::Send { room, body }).unwrap();
        world.run(100);
    }
    world.run(MINUTE);
    world.kill("carol");
    world.cut("alice", "bob");
    let (account, device) = (world.person("alice").account(), world.person("alice").keys.device_id());
    for number in 0..11 {
        let body = Body::Ask { account, device, numbers: (1..=FRAME_IDS_MAX as u64).collect() };
        let envelope = world.seal_as("carol", &room, &aside(number, &body));
        assert_eq!(from_carol(&mut world, "alice", &Frame::Deliver(envelope)), Outcome::Accepted);
        world.run(SECOND);
    }
    world.heal();
    let body = Body::Text { text: "are you still with us?".into(), reply: None };
    world.command("alice", Command::Send { room, body }).unwrap();
    world.run(20 * MINUTE);
    assert_eq!(world.transcript("bob", &room).last().map(String::as_str), Some("are you still with us?"));
}

/// A mailbox that kept an envelope plays it again as if it were a bearer.
#[test]
fn a_stranger_who_replays_an_envelope_causes_no_receipts() {
    let mut world = three_friends();
    world.overheard.clear();
    world.say("alice", "bob", "once").unwrap();
    world.run(MINUTE);
    let replay = world.overheard.iter().find(|frame| matches!(Frame::decode(frame), Ok(Frame::Deliver(_)))).unwrap().clone();
    world.kill("alice");
    let stranger = PeerId([9; 32]);
    world.input("bob", Input::PeerUp(stranger));
    for _ in 0..20 {
        let outcome = world.input("bob", Input::Frame { from: stranger, bytes: replay.clone() });
        assert_eq!(outcome, Some(Outcome::Duplicate));
        world.run(SECOND);
    }
    assert_eq!(world.owed("bob"), 0, "nothing more is owed to Alice");
}

#[test]
fn lists_longer_than_a_frame_may_have_are_not_worked_through() {
    let mut world = three_friends();
    let carol = world.person("carol").keys.clone();
    let delivered = Delivered { device: carol.device_id(), envelopes: vec![EnvelopeId([1; 32]); FRAME_IDS_MAX + 1], signature: [0; 64] };
    let outcome = from_carol(&mut world, "bob", &Frame::Delivered(delivered.sign(&carol.device)));
    assert_eq!(outcome, Outcome::Misbehaved(Misbehaviour::Malformed));
}

/// One proof of work opens one request: what follows it unpaid is not even looked at.
#[test]
fn a_request_that_waits_for_an_answer_does_not_open_the_door_for_unpaid_ones() {
    let mut world = World::new(13);
    world.add("bob");
    world.add("carol");
    let Ok(Reply::Link(link)) = world.command("bob", Command::Invite { ttl_ms: 0, public: true }) else { panic!("no link") };
    world.command("carol", Command::ContactAdd { link, name: None, greeting: "hello".into() }).unwrap();
    world.run(MINUTE);
    world.kill("carol");
    let carol = world.person("carol").keys.clone();
    let own = Device { device: carol.device_id(), peer: carol.peer_id(), addresses: Vec::new(), certificate: carol.certificate };
    let request = Knock::Request { secret: None, key_packages: vec![vec![1; 300]], grants: Vec::new(), greeting: "hello again".into() };
    let frame = knock(&mut world, own, &request);
    world.input("bob", Input::PeerUp(carol.peer_id()));
    assert_eq!(from_carol(&mut world, "bob", &frame), Outcome::Misbehaved(Misbehaviour::Work));
}
