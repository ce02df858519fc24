//! Stories about Alice, Bob and Carol.

use tidings::crypto::keys::direct_room;
use tidings::proto::room::RoomInfo;
use tidings::types::RoomId;
use tidings::wire::row::RoomKind;

use super::world::World;

/// Alice and Bob with a room of two.
fn direct() -> (World, usize, usize, RoomId) {
    let mut world = World::new();
    let (alice, bob) = (world.device(1, 0), world.device(2, 0));
    let (one, other) = (world.account(alice), world.account(bob));
    let room = direct_room(&one, &other);
    let info = RoomInfo { room, kind: RoomKind::Direct, generation: 1, admins: vec![one, other] };
    world.create(alice, info, &[bob]).expect("a room");
    world.drain();
    (world, alice, bob, room)
}

#[test]
fn alice_and_bob_write_to_each_other() {
    let (mut world, alice, bob, room) = direct();
    assert_eq!(world.devices[alice].rooms.epoch(&room), world.devices[bob].rooms.epoch(&room));
    assert_eq!(world.devices[alice].rooms.topic(&room), world.devices[bob].rooms.topic(&room));
    let hello = world.send(alice, &room).expect("sent");
    world.drain();
    world.restart(bob);
    let back = world.send(bob, &room).expect("sent");
    world.drain();
    assert_eq!(world.devices[bob].got.get(&hello), Some(&1));
    assert_eq!(world.devices[alice].got.get(&back), Some(&1));
}
