//! Stories about Alice, Bob, Carol and Mallory; `mod.rs` has each told in both suites.

use tidings::crypto::aead;
use tidings::crypto::keys::{Keys, direct_room, notes_room};
use tidings::crypto::label::{Label, derive};
use tidings::crypto::mls::bag::Bag;
use tidings::crypto::mls::{Engine, Group, package::Package};
use tidings::proto::room::{Effect, Opened, RoomError, RoomInfo, Rooms};
use tidings::types::time::{DAY, HOUR, MINUTE};
use tidings::types::{GroupId, Rng, RoomId, Scan, Table, View};
use tidings::wire::envelope::{Envelope, Kind};
use tidings::wire::row::RoomKind;

use super::world::{Disk, Mail, Packet, World};

const GROUP: RoomId = RoomId([9; 32]);

/// Alice and Bob, and a room of the two.
fn direct() -> (World, usize, usize, RoomId) {
    let mut world = World::new();
    let (alice, bob) = (world.device(1, 0), world.device(2, 0));
    let info = direct_info(&world, alice, bob);
    let room = info.room;
    world.create(alice, info, &[bob]).expect("a room");
    world.drain();
    (world, alice, bob, room)
}

fn direct_info(world: &World, one: usize, other: usize) -> RoomInfo {
    let (one, other) = (world.account(one), world.account(other));
    RoomInfo { room: direct_room(&one, &other), kind: RoomKind::Direct, generation: 1, admins: vec![one, other] }
}

/// A group of Alice, who is its admin, Bob and Carol.
fn group() -> (World, usize, usize, usize) {
    let mut world = World::new();
    let (alice, bob, carol) = (world.device(1, 0), world.device(2, 0), world.device(3, 0));
    let info = RoomInfo { room: GROUP, kind: RoomKind::Group, generation: 1, admins: vec![world.account(alice)] };
    world.create(alice, info, &[bob, carol]).expect("a room");
    world.drain();
    (world, alice, bob, carol)
}

fn agree(world: &World, room: &RoomId, all: &[usize]) {
    for at in all {
        assert_eq!(world.devices[*at].rooms.epoch(room), world.devices[all[0]].rooms.epoch(room), "{at} is elsewhere");
        assert!(world.devices[*at].rooms.has(room));
    }
}

fn got(world: &World, at: usize, id: u32) -> u32 {
    world.devices[at].got.get(&id).copied().unwrap_or_default()
}

fn update(world: &mut World, at: usize, room: &RoomId) {
    world.attempt(at, |rooms, ctx| rooms.update(ctx, room)).expect("fresh keys");
}

/// Takes what is on the way to somebody.
fn intercept(world: &mut World, to: usize) -> Vec<Packet> {
    let (mine, others) = std::mem::take(&mut world.net).into_iter().partition(|packet: &Packet| packet.to == to);
    world.net = others;
    mine
}

pub(super) fn alice_and_bob_write_to_each_other() {
    let (mut world, alice, bob, room) = direct();
    agree(&world, &room, &[alice, bob]);
    assert_eq!(world.devices[alice].rooms.topic(&room), world.devices[bob].rooms.topic(&room));
    let hello = world.send(alice, &room).expect("sent");
    world.drain();
    world.restart(bob);
    let back = world.send(bob, &room).expect("sent");
    world.drain();
    assert_eq!((got(&world, bob, hello), got(&world, alice, back)), (1, 1));
}

pub(super) fn bob_opens_each_envelope_once_and_alice_knows_her_own() {
    let (mut world, alice, bob, room) = direct();
    world.send(alice, &room);
    let packet = intercept(&mut world, bob).remove(0);
    assert!(matches!(world.deliver(packet.clone()), Some(Opened::Content { .. })));
    assert_eq!(world.deliver(packet.clone()), Some(Opened::Duplicate(room)));
    world.restart(bob);
    assert_eq!(world.deliver(packet.clone()), Some(Opened::Duplicate(room)));
    assert_eq!(world.deliver(Packet { to: alice, ..packet }), Some(Opened::Own));
}

pub(super) fn a_changed_envelope_is_no_content_and_does_no_harm() {
    let (mut world, alice, bob, room) = direct();
    let id = world.send(alice, &room).expect("sent");
    let packet = intercept(&mut world, bob).remove(0);
    let Mail::Envelope { bytes, .. } = &packet.mail else { panic!("an envelope") };
    for at in (2..bytes.len()).step_by(7) {
        let mut changed = bytes[2..].to_vec();
        changed[at - 2] ^= 0x20;
        let opened = world.act(bob, |rooms, ctx| rooms.open_envelope(ctx, &changed));
        assert!(matches!(opened, Opened::Misbehaved(_) | Opened::Deferred), "{opened:?}");
        let cut = bytes[2..at].to_vec();
        let opened = world.act(bob, |rooms, ctx| rooms.open_envelope(ctx, &cut));
        assert!(matches!(opened, Opened::Misbehaved(_) | Opened::Deferred), "{opened:?}");
    }
    world.deliver(packet);
    assert_eq!(got(&world, bob, id), 1);
}

pub(super) fn a_late_message_opens_in_the_epoch_it_was_sealed_in() {
    let (mut world, alice, bob, room) = direct();
    let late = world.send(alice, &room).expect("sent");
    let packet = intercept(&mut world, bob).remove(0);
    for _ in 0..5 {
        update(&mut world, bob, &room);
        world.drain();
    }
    world.restart(bob);
    world.deliver(packet.clone());
    assert_eq!(got(&world, bob, late), 1);
    assert_eq!(world.deliver(packet), Some(Opened::Duplicate(room)));
}

pub(super) fn a_message_of_an_epoch_that_is_gone_is_too_old() {
    let (mut world, alice, bob, room) = direct();
    world.send(alice, &room);
    let first = intercept(&mut world, bob).remove(0);
    for _ in 0..6 {
        update(&mut world, alice, &room);
        world.drain();
    }
    assert_eq!(world.deliver(first), Some(Opened::Expired(room)));
    world.send(alice, &room);
    let second = intercept(&mut world, bob).remove(0);
    update(&mut world, alice, &room);
    world.drain();
    world.pass(8 * DAY);
    world.drain();
    world.restart(bob);
    assert_eq!(world.deliver(second), Some(Opened::Expired(room)));
    let bags = world.devices[bob].disk.0.keys().filter(|(table, _)| *table == Table::Bag).count();
    assert!(bags < 40, "the secrets of old epochs are deleted: {bags}");
}

pub(super) fn two_commits_at_once_leave_one_epoch_and_no_message_unread() {
    let (mut world, alice, bob, carol) = group();
    update(&mut world, alice, &GROUP);
    update(&mut world, bob, &GROUP);
    let from_alice = world.send(alice, &GROUP).expect("sent");
    let from_bob = world.send(bob, &GROUP).expect("sent");
    world.drain();
    agree(&world, &GROUP, &[alice, bob, carol]);
    assert!(got(&world, carol, from_alice) >= 1 && got(&world, carol, from_bob) >= 1);
    assert!(got(&world, bob, from_alice) >= 1 && got(&world, alice, from_bob) >= 1);
    let gave_up = |at: usize| world.devices[at].effects.iter().any(|effect| matches!(effect, Effect::Abandoned { .. }));
    assert!(gave_up(alice) != gave_up(bob), "one of the two gave up its branch and sealed its message again");
}

pub(super) fn what_a_lost_commit_was_for_is_done_anew() {
    let (mut world, alice, bob, carol) = group();
    let dave = world.device(4, 0);
    let tablet = world.device(2, 1);
    world.add(alice, &GROUP, &[dave]).expect("Alice may");
    world.add(bob, &GROUP, &[tablet]).expect("Bob may, it is his");
    world.drain();
    world.pass(MINUTE);
    world.drain();
    agree(&world, &GROUP, &[alice, bob, carol, dave, tablet]);
    let hello = world.send(carol, &GROUP).expect("sent");
    world.drain();
    assert!([alice, bob, dave, tablet].iter().all(|at| got(&world, *at, hello) == 1));
}

pub(super) fn a_removal_goes_before_other_commits() {
    for _ in 0..3 {
        let (mut world, alice, bob, carol) = group();
        let device = world.id(bob);
        update(&mut world, carol, &GROUP);
        update(&mut world, bob, &GROUP);
        world.attempt(alice, |rooms, ctx| rooms.remove(ctx, &GROUP, &[device])).expect("Alice may");
        world.drain();
        agree(&world, &GROUP, &[alice, carol]);
        assert!(!world.devices[bob].rooms.has(&GROUP));
        assert!(world.devices[bob].effects.contains(&Effect::Removed { room: GROUP }));
    }
}

pub(super) fn who_is_out_cannot_read_on() {
    let (mut world, alice, bob, carol) = group();
    let device = world.id(bob);
    world.attempt(alice, |rooms, ctx| rooms.remove(ctx, &GROUP, &[device])).expect("Alice may");
    world.drain();
    world.send(alice, &GROUP);
    let packet = intercept(&mut world, carol).remove(0);
    assert_eq!(world.deliver(Packet { to: bob, ..packet }), Some(Opened::Deferred));
    assert_eq!(world.attempt(bob, |rooms, ctx| rooms.seal(ctx, &GROUP, b"hello?").map(|_| Vec::new())), Err(RoomError::NoGroup));
    world.add(alice, &GROUP, &[bob]).expect("Alice may");
    world.drain();
    agree(&world, &GROUP, &[alice, bob, carol]);
}

pub(super) fn only_admins_change_who_is_in() {
    let (mut world, alice, bob, carol) = group();
    let dave = world.device(4, 0);
    assert_eq!(world.add(bob, &GROUP, &[dave]), Err(RoomError::NotAllowed));
    let device = world.id(carol);
    assert_eq!(world.attempt(bob, |rooms, ctx| rooms.remove(ctx, &GROUP, &[device])), Err(RoomError::NotAllowed));
    let own = world.id(alice);
    assert_eq!(world.attempt(alice, |rooms, ctx| rooms.remove(ctx, &GROUP, &[own])), Err(RoomError::NotAllowed));
    agree(&world, &GROUP, &[alice, bob, carol]);
}

/// The group of a device as a changed program would read it from its own disk.
fn stolen(world: &World, at: usize, engine: &Engine, rng: &mut Rng) -> Group {
    let (_, epoch) = world.devices[at].rooms.epoch(&GROUP).expect("an epoch");
    let rows = world.devices[at].disk.scan(&Scan::prefix(Table::Bag, []));
    let of_epoch = rows.into_iter().filter(|(key, _)| key[32..48] == epoch);
    let of_epoch: Vec<_> = of_epoch.collect();
    let group = GroupId::from_slice(&of_epoch[0].0[..32]).expect("a group");
    let bag = Bag::stored(of_epoch.into_iter().map(|(key, value)| (key[48..].to_vec(), value)));
    Group::load(engine, rng, &group, bag).expect("whole")
}

fn outer(secret: &[u8; 32], message: &[u8]) -> Vec<u8> {
    let hint = derive(Label::RoomHint, &[secret]);
    let sealed = aead::seal(&derive(Label::RoomOuter, &[secret]), &[3; 12], &hint[..8], &aead::pad(message));
    Envelope::encode(Kind::Room, &[&hint[..8], &[3; 12], &sealed].concat())
}

pub(super) fn a_commit_by_someone_who_may_not_is_not_taken() {
    let (mut world, alice, bob, carol) = group();
    let dave = world.device(4, 0);
    let (_, package) = world.package(dave);
    let (engine, mut rng) = (Engine::default(), Rng::from_seed([5; 32]));
    let before = world.devices[alice].rooms.epoch(&GROUP);
    let (alices, carols) = (world.id(alice), world.id(carol));
    for (adds, removes) in [(vec![package], vec![]), (vec![], vec![carols]), (vec![], vec![alices])] {
        let mut mallory = stolen(&world, bob, &engine, &mut rng);
        let secret = mallory.export(&engine).expect("a secret");
        let adds: Vec<Package> = adds.iter().map(|bytes| Package::open(&engine, bytes).expect("a package")).collect();
        let made = mallory.commit(&engine, &mut rng, &world.devices[bob].keys, &adds, &removes).expect("MLS allows it");
        let bytes = outer(&secret, &made.commit);
        for at in [alice, carol] {
            let mail = Mail::Envelope { bytes: bytes.clone(), of: None };
            assert_eq!(world.deliver(Packet { from: bob, to: at, mail }), Some(Opened::Misbehaved(GROUP)));
            assert_eq!(world.devices[at].rooms.epoch(&GROUP), before);
        }
    }
    let hello = world.send(carol, &GROUP).expect("sent");
    world.drain();
    assert_eq!(got(&world, alice, hello), 1, "the room goes on");
}

pub(super) fn a_forged_certificate_opens_no_door() {
    let mut world = World::new();
    let (alice, bob, mallory) = (world.device(1, 0), world.device(2, 0), world.device(6, 0));
    // Mallory's device says that it is Alice's; the certificate is of her own account.
    let mut forged: Keys = world.devices[mallory].keys.clone();
    forged.account = tidings::crypto::keys::Signing::from_seed(&world.devices[alice].keys.account.seed());
    let disk = Disk::default();
    world.devices[mallory].rooms = Rooms::open(&disk, &forged);
    world.devices[mallory].keys = forged;
    let (claims, package) = world.package(mallory);
    assert_eq!(claims, world.account(alice));
    assert!(world.act(bob, |rooms, _| (rooms.check_key_package(&claims, &package, 0).is_err(), Vec::new())));
    assert!(world.act(bob, |rooms, ctx| (rooms.create(ctx, info_of(&claims, ctx.keys), &[(claims, package)]).is_err(), Vec::new())));
    let info = direct_info(&world, mallory, bob);
    let room = info.room;
    world.create(mallory, info, &[bob]).expect("a group of her own making");
    let welcome = intercept(&mut world, bob).remove(0);
    world.deliver(welcome);
    assert!(!world.devices[bob].rooms.has(&room), "Bob does not come in");
}

fn info_of(other: &tidings::types::AccountId, keys: &Keys) -> RoomInfo {
    let own = keys.account_id();
    RoomInfo { room: direct_room(other, &own), kind: RoomKind::Direct, generation: 1, admins: vec![*other, own] }
}

pub(super) fn a_direct_room_is_of_its_two_people_only() {
    let mut world = World::new();
    let (alice, bob, carol) = (world.device(1, 0), world.device(2, 0), world.device(3, 0));
    let info = direct_info(&world, alice, bob);
    assert!(world.create(alice, info.clone(), &[carol]).is_err());
    let foreign = RoomInfo { room: GROUP, ..info.clone() };
    assert!(world.create(alice, foreign, &[bob]).is_err());
    world.create(alice, info.clone(), &[bob]).expect("a room");
    world.drain();
    assert_eq!(world.add(alice, &info.room, &[carol]), Err(RoomError::NotAllowed));
    agree(&world, &info.room, &[alice, bob]);
}

pub(super) fn two_who_make_a_room_at_once_end_in_one() {
    let mut world = World::new();
    let (alice, bob) = (world.device(1, 0), world.device(2, 0));
    let info = direct_info(&world, alice, bob);
    world.create(alice, info.clone(), &[bob]).expect("a room");
    world.create(bob, info.clone(), &[alice]).expect("a room");
    let from_alice = world.send(alice, &info.room).expect("sent");
    let from_bob = world.send(bob, &info.room).expect("sent");
    world.net.reverse();
    world.drain();
    agree(&world, &info.room, &[alice, bob]);
    assert!(got(&world, bob, from_alice) >= 1 && got(&world, alice, from_bob) >= 1);
}

pub(super) fn only_an_admin_can_put_another_group_in_the_place_of_the_room() {
    let (mut world, alice, bob, carol) = group();
    let before = world.devices[carol].rooms.epoch(&GROUP);
    let forger = world.devices[bob].keys.clone();
    world.devices[bob].rooms = Rooms::open(&Disk::default(), &forger);
    let info = RoomInfo { room: GROUP, kind: RoomKind::Group, generation: 2, admins: vec![world.account(bob)] };
    world.create(bob, info.clone(), &[carol]).expect("on his own");
    world.drain();
    assert_eq!(world.devices[carol].rooms.epoch(&GROUP), before, "Carol stays");
    world.create(alice, RoomInfo { admins: vec![world.account(alice)], ..info }, &[carol]).expect("she may");
    world.drain();
    agree(&world, &GROUP, &[alice, carol]);
    assert_ne!(world.devices[carol].rooms.epoch(&GROUP), before);
}

pub(super) fn notes_reach_the_other_devices_of_alice() {
    let mut world = World::new();
    let (phone, laptop) = (world.device(1, 0), world.device(1, 1));
    let account = world.account(phone);
    let room = notes_room(&account);
    let info = RoomInfo { room, kind: RoomKind::Notes, generation: 1, admins: vec![account] };
    world.create(phone, info, &[]).expect("alone");
    world.add(phone, &room, &[laptop]).expect("her own");
    world.drain();
    let note = world.send(laptop, &room).expect("sent");
    world.drain();
    assert_eq!(got(&world, phone, note), 1);
    let device = world.id(laptop);
    world.attempt(phone, |rooms, ctx| rooms.remove(ctx, &room, &[device])).expect("her own");
    world.drain();
    assert!(!world.devices[laptop].rooms.has(&room));
}

pub(super) fn bob_who_lost_his_state_is_added_again() {
    let (mut world, alice, bob, room) = direct();
    world.lose(bob);
    assert!(!world.devices[bob].rooms.has(&room));
    world.meet(alice, bob, &room);
    world.drain();
    agree(&world, &room, &[alice, bob]);
    assert_eq!(world.members(alice, &room).len(), 2, "the stale leaf is gone");
    let hello = world.send(alice, &room).expect("sent");
    let back = world.send(bob, &room).expect("sent");
    world.drain();
    assert_eq!((got(&world, bob, hello), got(&world, alice, back)), (1, 1));
}

pub(super) fn bob_whose_keys_are_damaged_asks_by_himself() {
    let (mut world, alice, bob, room) = direct();
    world.devices[bob].disk.0.retain(|(table, key), _| *table != Table::Bag || key[..32] == [0; 32]);
    world.restart(bob);
    world.send(alice, &room);
    world.drain();
    world.pass(1);
    world.drain();
    agree(&world, &room, &[alice, bob]);
    let hello = world.send(alice, &room).expect("sent");
    world.drain();
    assert_eq!(got(&world, bob, hello), 1);
}

pub(super) fn alice_the_only_admin_who_lost_her_state_is_brought_back_by_anybody() {
    let (mut world, alice, bob, carol) = group();
    world.lose(alice);
    for _ in 0..3 {
        world.meet(bob, alice, &GROUP);
        world.drain();
        world.pass(HOUR);
    }
    agree(&world, &GROUP, &[alice, bob, carol]);
    assert_eq!(world.members(bob, &GROUP).len(), 3, "the stale leaf is gone");
    let dave = world.device(4, 0);
    world.add(alice, &GROUP, &[dave]).expect("she is still the admin");
    world.drain();
    let hello = world.send(dave, &GROUP).expect("sent");
    world.drain();
    assert_eq!((got(&world, alice, hello), got(&world, bob, hello), got(&world, carol, hello)), (1, 1, 1));
}

pub(super) fn keys_are_renewed_when_they_are_old_and_the_room_is_quiet() {
    let (mut world, alice, bob, room) = direct();
    let first = world.devices[alice].rooms.epoch(&room);
    world.pass(6 * DAY);
    world.drain();
    assert_eq!(world.devices[alice].rooms.epoch(&room), first);
    for _ in 0..8 {
        world.pass(HOUR);
        world.drain();
    }
    world.pass(DAY);
    world.drain();
    let (number, _) = world.devices[alice].rooms.epoch(&room).expect("an epoch");
    let (from, _) = first.expect("an epoch");
    assert!((from + 1..=from + 3).contains(&number), "each renewed about once: {from} {number}");
    world.pass(MINUTE);
    world.drain();
    agree(&world, &room, &[alice, bob]);
}

pub(super) fn a_key_package_is_handed_out_for_a_month_and_taken_for_three() {
    let (mut world, alice, bob, _) = direct();
    let (account, first) = world.package(bob);
    world.pass(29 * DAY);
    assert_eq!(world.package(bob).1, first);
    world.pass(2 * DAY);
    assert_ne!(world.package(bob).1, first);
    // By Bob's clock, which shows in his card; what Alice's clock says does not matter.
    let check = |world: &mut World, card| world.act(alice, |rooms, _| (rooms.check_key_package(&account, &first, card), Vec::new()));
    let now = world.now.wall;
    world.pass(2_000 * DAY);
    assert_eq!(check(&mut world, now), Ok(()));
    assert_eq!(check(&mut world, now + 60 * DAY), Err(RoomError::OutOfDate));
}
