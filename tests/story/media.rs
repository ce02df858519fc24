//! Photos and files between people who are rarely there together: held whole by a mailbox, fetched from whoever has them, forgotten when
//! nobody needs them. There are no bytes in this world: what travels is which pieces are where.

use tidings::proto::{Command, CommandError, Reply};
use tidings::types::limits::{
    ASKS_MAX, CHUNK_BYTES, FETCH_AT_ONCE_BYTES, FRAME_IDS_MAX, LISTING_DIGESTS_MAX, PAGE_DIGESTS, RELAY_MEDIA_BYTES_MAX,
};
use tidings::types::time::{DAY, HOUR, MINUTE, SECOND};
use tidings::types::{Batch, BlobId, MessageId, RoomId, Scan, Table, View as _};
use tidings::wire::blob::{Bits, Carriage, Listing, Manifest, Media, Stored, bits_key, carriage_key};
use tidings::wire::content::Body;
use tidings::wire::media::{MediaKind, Preview};
use tidings::wire::row;

use super::back::restore;
use super::world::{Holder, World};

/// A file of so many bytes, which nobody ever looks into.
fn file(size: u64, nth: u8) -> Media {
    let shape = Listing { size, digests: Vec::new() };
    let count = if shape.pages() > 0 { shape.pages() } else { shape.chunks() };
    let preview = Preview {
        kind: MediaKind::File,
        mime: "application/octet-stream".into(),
        width: 0,
        height: 0,
        duration_ms: 0,
        picture: Vec::new(),
        waveform: Vec::new(),
        misnamed: false,
    };
    let listing = Listing { size, digests: vec![[nth; 32]; count as usize] };
    Media { preview, name: "a.bin".into(), caption: "look".into(), reply: None, manifest: Manifest { key: [nth; 32], listing } }
}

fn send(world: &mut World, from: &str, room: RoomId, media: &Media) -> MessageId {
    match world.command(from, Command::Send { room, body: Body::Media(Box::new(media.clone())) }) {
        Ok(Reply::Sent { message, .. }) => message,
        other => panic!("not sent: {other:?}"),
    }
}

fn have(world: &World, name: &str, blob: &BlobId) -> u32 {
    Bits(world.person(name).rows.get(Table::Blob, &bits_key(blob)).unwrap_or_default()).count()
}

fn carriage(world: &World, from: &str, to: &str, message: &MessageId) -> Carriage {
    let key = carriage_key(message, &world.person(to).account());
    row::decode(&world.person(from).rows.get(Table::Carriage, &key).unwrap()).unwrap()
}

/// Bob has a relay; Alice and he know each other.
fn two_and_a_relay(seed: u64) -> (World, RoomId) {
    let mut world = World::new(seed);
    world.add("alice");
    world.add("bob");
    world.add_relay("relay");
    world.join("bob", "relay");
    world.meet("alice", "bob");
    world.run(MINUTE);
    let room = world.room("alice", "bob");
    (world, room)
}

#[test]
fn alice_sends_a_video_while_bob_is_away_and_leaves_before_he_comes() {
    let (mut world, room) = two_and_a_relay(80);
    world.kill("bob");
    world.run(MINUTE);
    // Large enough for pages, small enough to be fetched at once.
    let media = file((LISTING_DIGESTS_MAX as u64 + 40) * CHUNK_BYTES - 5, 1);
    let (listing, blob) = (&media.manifest.listing, media.manifest.listing.id());
    assert_eq!((listing.pages(), listing.pieces()), (1, LISTING_DIGESTS_MAX as u32 + 41));
    let policy = Command::MediaPolicy { room: None, kind: None, at_once_bytes: Some(listing.size) };
    let message = send(&mut world, "alice", room, &media);
    world.run(2 * MINUTE);
    assert_eq!(have(&world, "relay", &blob), listing.pieces(), "the relay has all of it");
    let held = carriage(&world, "alice", "bob", &message);
    assert!(held.held.len() == 1 && held.held[0].1 > world.now && held.had.is_none(), "{held:?}");
    world.kill("alice");
    world.start("bob");
    world.command("bob", policy).unwrap();
    world.run(MINUTE);
    assert_eq!(have(&world, "bob", &blob), listing.pieces(), "and Bob has it from there");
    world.run(MINUTE);
    assert!(world.person("relay").rows.get(Table::Blob, &blob.0).is_none(), "nobody needs it there any more");
    assert!(world.bodies.forgotten.contains(&("relay".to_owned(), blob)));
    world.start("alice");
    world.run(5 * MINUTE);
    assert!(carriage(&world, "alice", "bob", &message).had.is_some());
    for name in ["alice", "bob", "relay"] {
        assert_eq!(world.person(name).blamed, 0, "{name}: {:?}", world.person(name).blames);
    }
}

#[test]
fn a_photo_that_a_backup_forgot_is_fetched_from_the_friend_who_has_it() {
    let mut world = World::new(84);
    world.add("alice");
    world.add("bob");
    world.meet("alice", "bob");
    let room = world.room("alice", "bob");
    let backup = world.person("alice").rows.clone();
    let media = file(3 * CHUNK_BYTES, 7);
    let (blob, pieces) = (media.manifest.listing.id(), media.manifest.listing.pieces());
    let message = send(&mut world, "alice", room, &media);
    world.run(MINUTE);
    assert_eq!(have(&world, "bob", &blob), pieces);
    restore(&mut world, "alice", backup);
    world.run(20 * MINUTE);
    assert_eq!(have(&world, "alice", &blob), 0, "the message came back, and its body is there when she asks for it");
    world.command("alice", Command::MediaFetch(message)).unwrap();
    world.run(MINUTE);
    assert_eq!(have(&world, "alice", &blob), pieces);
}

#[test]
fn of_three_holders_one_lies_and_one_stalls_and_it_comes_whole() {
    let mut world = World::new(81);
    for name in ["alice", "bob", "carol", "dave"] {
        world.add(name);
    }
    for other in ["bob", "carol", "dave"] {
        world.meet("alice", other);
    }
    world.meet("carol", "bob");
    world.meet("dave", "bob");
    let members = ["bob", "carol", "dave"].map(|name| world.person(name).account()).to_vec();
    let Ok(Reply::Room(room)) = world.command("alice", Command::RoomCreate { name: "us".into(), members }) else { panic!("no room") };
    world.run(2 * MINUTE);
    let media = file(60 * CHUNK_BYTES, 2);
    let blob = media.manifest.listing.id();
    // Bob sees the message, and not yet the file.
    world.command("bob", Command::MediaPolicy { room: Some(room), kind: None, at_once_bytes: Some(0) }).unwrap();
    let message = send(&mut world, "alice", room, &media);
    world.run(2 * MINUTE);
    assert_eq!(["bob", "carol", "dave"].map(|name| have(&world, name, &blob)), [0, 60, 60]);
    world.bodies.holders.insert("alice".into(), Holder::Stalls);
    world.bodies.holders.insert("carol".into(), Holder::Lies);
    world.bodies.given.clear();
    world.command("bob", Command::MediaFetch(message)).unwrap();
    world.run(2 * MINUTE);
    assert_eq!(have(&world, "bob", &blob), 60);
    assert_eq!(world.bodies.given.get("dave"), Some(&60), "each piece once, from the one who is honest");
    let blamed = world.person("bob").blamed as usize;
    assert!((1..=ASKS_MAX).contains(&blamed), "a liar is blamed, and not asked again: {:?}", world.person("bob").blames);
}

#[test]
fn a_file_crosses_losses_and_crashes_and_few_pieces_come_twice() {
    for seed in 0..6 {
        let (mut world, room) = two_and_a_relay(900 + seed);
        world.bodies.lost_permille = 200;
        world.crash_permille = 8;
        world.crashes_max = 40;
        let media = file(120 * CHUNK_BYTES, 3);
        let blob = media.manifest.listing.id();
        let Ok(Reply::Sent { .. }) = world.command("alice", Command::Send { room, body: Body::Media(Box::new(media)) }) else { continue };
        world.run(10 * MINUTE);
        for name in ["alice", "bob", "relay"] {
            world.start_if_down(name);
        }
        world.crash_permille = 0;
        world.run(30 * MINUTE);
        assert_eq!(have(&world, "bob", &blob), 120, "seed {seed}");
        let to_bob_and_relay: usize = world.bodies.given.values().sum();
        assert!(to_bob_and_relay <= 2 * 120 + 40 * 32, "seed {seed}: {:?}", world.bodies.given);
        assert_eq!(world.person("bob").blamed, 0);
    }
}

#[test]
fn what_a_relay_does_not_take_is_said_before_any_of_it_leaves_and_goes_when_both_are_there() {
    let (mut world, room) = two_and_a_relay(83);
    world.kill("bob");
    world.run(MINUTE);
    let media = file(RELAY_MEDIA_BYTES_MAX, 4);
    let blob = media.manifest.listing.id();
    assert!(media.manifest.listing.pages() > 1 && media.manifest.listing.chunks() > PAGE_DIGESTS);
    let message = send(&mut world, "alice", room, &media);
    world.run(2 * MINUTE);
    let told = carriage(&world, "alice", "bob", &message);
    assert!(told.held.is_empty() && told.refused.len() == 1 && told.refused[0].2 == RELAY_MEDIA_BYTES_MAX / 2, "{told:?}");
    assert!(have(&world, "relay", &blob) == 0 && world.bodies.given.is_empty(), "nothing left");
    // A small one is taken all the same.
    let small = file(10, 5);
    let second = send(&mut world, "alice", room, &small);
    world.run(2 * MINUTE);
    assert_eq!(carriage(&world, "alice", "bob", &second).held.len(), 1);
    world.start("bob");
    world.run(MINUTE);
    assert_eq!(have(&world, "bob", &small.manifest.listing.id()), 1);
    assert_eq!(have(&world, "bob", &blob), 0, "{} bytes are too many to come unasked", media.manifest.listing.size);
    world.command("bob", Command::MediaFetch(message)).unwrap();
    world.run(5 * SECOND);
    assert!(have(&world, "bob", &blob) > 0 && world.bodies.given.contains_key("alice"), "from Alice herself");
}

#[test]
fn the_only_copy_of_what_somebody_waits_for_stays_and_what_is_taken_back_goes_everywhere() {
    let (mut world, room) = two_and_a_relay(84);
    world.kill("bob");
    world.run(MINUTE);
    let media = file(FETCH_AT_ONCE_BYTES / 4, 6);
    let blob = media.manifest.listing.id();
    let message = send(&mut world, "alice", room, &media);
    world.run(SECOND);
    assert_eq!(world.command("alice", Command::MediaDrop(message)), Err(CommandError::StillOwed));
    world.start("bob");
    world.run(MINUTE);
    assert_eq!(have(&world, "bob", &blob), media.manifest.listing.pieces());
    // Now she may; and has it again from Bob's copy when she wants it.
    world.run(MINUTE);
    world.command("alice", Command::MediaDrop(message)).unwrap();
    assert!(world.person("alice").rows.get(Table::Blob, &blob.0).is_none());
    world.command("alice", Command::Send { room, body: Body::Recall { target: message } }).unwrap();
    world.run(MINUTE);
    assert!(world.person("bob").rows.get(Table::Blob, &blob.0).is_none());
    assert!(world.bodies.forgotten.contains(&("bob".to_owned(), blob)));
    assert_eq!(world.command("bob", Command::MediaFetch(message)), Err(CommandError::NoMessage), "there is nothing left to fetch");
}

#[test]
fn a_mailbox_forgets_what_nobody_fetched() {
    let (mut world, room) = two_and_a_relay(85);
    world.kill("bob");
    world.run(MINUTE);
    let media = file(3 * CHUNK_BYTES, 7);
    let blob = media.manifest.listing.id();
    send(&mut world, "alice", room, &media);
    world.run(2 * MINUTE);
    assert_eq!(have(&world, "relay", &blob), 3);
    world.kill("alice");
    world.run(11 * DAY);
    world.run(HOUR);
    assert!(world.person("relay").rows.all::<Stored>(Table::Blob).is_empty());
    assert!(world.bodies.forgotten.contains(&("relay".to_owned(), blob)));
}

#[test]
fn what_comes_by_itself_is_decided_for_a_room_and_for_a_kind() {
    let (mut world, room) = two_and_a_relay(86);
    let of_kind = |kind: MediaKind, nth: u8| {
        let mut media = file(3 * CHUNK_BYTES, nth);
        media.preview.kind = kind;
        media
    };
    let set = |world: &mut World, room, kind, at_once_bytes| {
        world.command("bob", Command::MediaPolicy { room, kind, at_once_bytes }).unwrap();
    };
    let comes = |world: &mut World, media: Media| {
        send(world, "alice", room, &media);
        world.run(MINUTE);
        have(world, "bob", &media.manifest.listing.id()) == 3
    };
    set(&mut world, None, Some(MediaKind::Video), Some(0));
    assert!(!comes(&mut world, of_kind(MediaKind::Video, 1)));
    assert!(comes(&mut world, of_kind(MediaKind::File, 2)), "of another kind");
    set(&mut world, Some(room), None, Some(FETCH_AT_ONCE_BYTES));
    assert!(comes(&mut world, of_kind(MediaKind::Video, 3)), "what is said of the room goes before");
    set(&mut world, Some(room), Some(MediaKind::Video), Some(CHUNK_BYTES));
    assert!(!comes(&mut world, of_kind(MediaKind::Video, 4)), "and of a kind in the room before that");
    set(&mut world, Some(room), Some(MediaKind::Video), None);
    assert!(comes(&mut world, of_kind(MediaKind::Video, 5)), "taken back");
}

#[test]
fn nobody_waits_to_be_told_behind_those_of_whom_there_is_nothing_to_tell() {
    let (mut world, room) = two_and_a_relay(87);
    let mut stale = Batch::default();
    for nth in 0..2 * FRAME_IDS_MAX as u64 {
        // Before any id that chance makes.
        stale.put(Table::Carriage, [&[4, 0, 0, 0, 0, 0, 0, 0, 0], &nth.to_be_bytes()[..]].concat(), []);
    }
    world.people.get_mut("bob").unwrap().rows.apply(&stale);
    let media = file(3 * CHUNK_BYTES, 8);
    let message = send(&mut world, "alice", room, &media);
    world.run(2 * MINUTE);
    assert!(carriage(&world, "alice", "bob", &message).had.is_some(), "Alice hears that Bob has it");
    let left = world.person("bob").rows.scan(&Scan::prefix(Table::Carriage, [4]));
    assert!(left.is_empty(), "{} rows that say nothing", left.len());
}

#[test]
fn what_is_not_here_any_more_is_not_sent_on() {
    let (mut world, room) = two_and_a_relay(88);
    let media = file(3 * CHUNK_BYTES, 9);
    let message = send(&mut world, "alice", room, &media);
    world.run(MINUTE);
    let Ok(Reply::Sent { message: second, .. }) = world.command("bob", Command::Forward { room, message }) else { panic!("not sent on") };
    world.run(MINUTE);
    assert!(carriage(&world, "bob", "alice", &second).had.is_some());
    world.command("alice", Command::MediaDrop(message)).unwrap();
    assert_eq!(world.command("alice", Command::Forward { room, message }), Err(CommandError::NotHere));
}
