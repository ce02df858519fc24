//! One seed with real MLS and with the fake suite: the same happens to the same people.
//!
//! Between rival commits the rooms choose by hashes of keys, which the two suites have different ones of, so here everybody has a commit
//! before the next one is made; the hunt has the rivals. Messages are late, repeated and out of order, across epochs.

use tidings::crypto::fake;
use tidings::proto::room::{Opened, RoomInfo};
use tidings::types::time::MINUTE;
use tidings::types::{Rng, RoomId};
use tidings::wire::row::RoomKind;

use super::world::{Mail, Packet, World};

const SEEDS: u64 = 20;
const STEPS: usize = 120;
const ROOM: RoomId = RoomId([7; 32]);

/// What happened, step by step: nothing in it depends on keys.
fn trace(seed: u64) -> Vec<String> {
    let mut bytes = [0xa1; 32];
    bytes[..8].copy_from_slice(&seed.to_be_bytes());
    let mut rng = Rng::from_seed(bytes);
    let mut world = World::new();
    let count = 4 + rng.below(6) as usize;
    (0..count).for_each(|at| {
        world.device(1 + at as u8 / 2, at as u8);
    });
    let info = RoomInfo { room: ROOM, kind: RoomKind::Group, generation: 1, admins: vec![world.account(0)] };
    let with: Vec<usize> = (1..count - 1).collect();
    world.create(0, info, &with).expect("a room");
    let mut story = Vec::new();
    settle(&mut world, &mut story);
    for _ in 0..STEPS {
        let at = rng.below(count as u64) as usize;
        let other = rng.below(count as u64) as usize;
        let told = match rng.below(20) {
            0 => format!("{at} adds {other}: {:?}", world.add(at, &ROOM, &[other])),
            1 => {
                let device = world.id(other);
                format!("{at} removes {other}: {:?}", world.attempt(at, |rooms, ctx| rooms.remove(ctx, &ROOM, &[device])))
            }
            2 | 3 => format!("{at} renews its keys: {:?}", world.attempt(at, |rooms, ctx| rooms.update(ctx, &ROOM))),
            4 => {
                world.restart(at);
                format!("{at} starts again")
            }
            5 => {
                world.pass(rng.below(10 * MINUTE));
                "time passes".to_owned()
            }
            6..=12 => format!("{at} sends {:?}", world.send(at, &ROOM)),
            _ => carry(&mut world, &mut rng),
        };
        story.push(told);
        settle(&mut world, &mut story);
    }
    while !world.net.is_empty() {
        story.push(carry(&mut world, &mut rng));
    }
    for (at, device) in world.devices.iter().enumerate() {
        story.push(format!("in the end {at} has {:?}, too late {:?}, misbehaved {}", device.got, device.expired, device.misbehaved));
    }
    story
}

/// A message arrives, perhaps again later.
fn carry(world: &mut World, rng: &mut Rng) -> String {
    if world.net.is_empty() {
        return "nothing is on the way".to_owned();
    }
    let which = rng.below(world.net.len() as u64) as usize;
    let packet = world.net.swap_remove(which);
    if rng.below(8) == 0 && world.net.len() < 200 {
        world.net.push(packet.clone());
    }
    let of = match &packet.mail {
        Mail::Envelope { bytes, of } => format!("{of:?} ({} bytes)", bytes.len()),
        _ => "a knock".to_owned(),
    };
    let to = packet.to;
    format!("{to} is brought {of}: {}", told(world.deliver(packet)))
}

/// All commits and welcomes arrive, person by person, for rooms send to accounts in the order of their keys; then who is where.
fn settle(world: &mut World, story: &mut Vec<String>) {
    let is_content = |packet: &Packet| matches!(packet.mail, Mail::Envelope { of: Some(_), .. });
    let next = |world: &World| {
        let control = world.net.iter().enumerate().filter(|(_, packet)| !is_content(packet));
        control.min_by_key(|(_, packet)| packet.to).map(|(which, _)| which)
    };
    while let Some(which) = next(world) {
        let packet = world.net.remove(which);
        let (from, to) = (packet.from, packet.to);
        let bytes = match &packet.mail {
            Mail::Envelope { bytes, .. } => bytes.len(),
            Mail::Welcome { welcome, .. } => welcome.len(),
            Mail::Rejoin { key_package, .. } => key_package.len(),
        };
        story.push(format!("{to} hears of {from} ({bytes} bytes): {}", told(world.deliver(packet))));
    }
    let place = |at: usize| (world.devices[at].rooms.epoch(&ROOM).map(|(number, _)| number), world.members(at, &ROOM));
    story.push(format!("{:?}", (0..world.devices.len()).map(place).collect::<Vec<_>>()));
}

fn told(opened: Option<Opened>) -> String {
    match opened {
        Some(Opened::Content { content, .. }) => format!("content {content:?}"),
        Some(Opened::Commit(_)) => "a commit".to_owned(),
        other => format!("{other:?}"),
    }
}

#[test]
fn one_seed_tells_one_story_in_both_suites() {
    let seeds = std::env::var("TIDINGS_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(SEEDS);
    let mut all = String::new();
    for seed in 0..seeds {
        let (real, fake) = (trace(seed), fake::within(|| trace(seed)));
        for (number, (real, fake)) in real.iter().zip(&fake).enumerate() {
            assert_eq!(real, fake, "seed {seed}: real (left) and fake part at step {number}");
        }
        assert_eq!(real.len(), fake.len());
        all += &real.join("\n");
    }
    for word in ["content", "a commit", "Duplicate", "Expired", "Deferred", "NotAllowed", "adds", "removes"] {
        assert!(all.contains(word), "no seed tells of {word}");
    }
}
