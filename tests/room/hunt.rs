//! The convergence hunt: rooms of three to eight devices, commits and messages at once through partitions, lost packets,
//! repeats, crashes and lost states; then everything heals, and all must agree and have read everything.

use std::collections::{BTreeMap, BTreeSet};

use tidings::crypto::fake;
use tidings::proto::room::RoomInfo;
use tidings::types::time::SECOND;
use tidings::types::{Rng, RoomId};
use tidings::wire::row::RoomKind;

use super::world::{Id, World};

/// Rounds of meeting and waiting after which everything must be settled: several requests to be added again.
const ROUNDS_MAX: usize = 60;
/// Seeds of the fast run; `TIDINGS_SEEDS` asks for more.
const SEEDS: u64 = 24;
const FAKE_SEEDS: u64 = 100;

/// How wild a seed is.
struct Weather {
    /// Out of a hundred steps, how many commit.
    commits: u64,
    /// Whether devices lose their state.
    losses: bool,
    /// How many steps.
    steps: u64,
}

struct Hunt {
    seed: u64,
    rng: Rng,
    world: World,
    room: RoomId,
    /// Which side of the partition a device is on.
    side: Vec<u64>,
    admins: BTreeSet<usize>,
    people: Vec<u8>,
}

impl Hunt {
    fn new(seed: u64) -> Self {
        let mut bytes = [0x5e; 32];
        bytes[..8].copy_from_slice(&seed.to_be_bytes());
        let mut rng = Rng::from_seed(bytes);
        let mut world = World::new();
        let count = 3 + rng.below(6) as usize;
        let persons = 2 + rng.below(3) as u8;
        let people: Vec<u8> = (0..count).map(|at| 1 + at as u8 % persons).collect();
        people.iter().enumerate().for_each(|(at, person)| {
            world.device(*person, at as u8);
        });
        let admin_people = 1 + rng.below(u64::from(persons)) as u8;
        let admins: BTreeSet<usize> = (0..count).filter(|at| people[*at] <= admin_people).collect();
        let room = RoomId([7; 32]);
        let mut accounts: Vec<_> = admins.iter().map(|at| world.account(*at)).collect();
        accounts.sort_unstable();
        accounts.dedup();
        let info = RoomInfo { room, kind: RoomKind::Group, generation: 1, admins: accounts };
        let with: Vec<usize> = (1..count.max(4) - 1).filter(|at| *at < count).collect();
        world.create(0, info, &with).expect("a room");
        world.drain();
        Self { seed, rng, room, side: vec![0; count], admins, people, world }
    }

    fn pick(&mut self) -> usize {
        self.rng.below(self.world.devices.len() as u64) as usize
    }

    fn step(&mut self, weather: &Weather) {
        let at = self.pick();
        let dice = self.rng.below(100);
        if dice < weather.commits {
            return self.commit(at);
        }
        match self.rng.below(20) {
            0 => self.side.iter_mut().for_each(|side| *side = self.rng.below(2)),
            1 => self.side.fill(0),
            2 => self.world.restart(at),
            3 => {
                let ms = self.rng.below(3 * SECOND);
                self.world.pass(ms);
            }
            4 if weather.losses && self.rng.below(12) == 0 => self.lose(at),
            5..=9 => {
                self.world.send(at, &self.room.clone());
            }
            _ => (0..4).for_each(|_| self.carry()),
        }
    }

    /// A device loses its state, if there is another one that may add it again: that of an only admin is lost for good.
    fn lose(&mut self, at: usize) {
        let rooms = |other: usize| &self.world.devices[other].rooms;
        let may_help = |other: &usize| self.admins.contains(other) || self.people[*other] == self.people[at];
        let can_help = |other: usize| other != at && may_help(&other) && self.world.members(other, &self.room).contains(&at);
        let all_well = (0..self.people.len()).all(|other| !self.world.devices[other].lost || rooms(other).has(&self.room));
        if all_well && (0..self.people.len()).any(can_help) {
            self.world.lose(at);
        }
    }

    /// One of the things that end in a commit; not all are allowed, and then must be refused.
    fn commit(&mut self, at: usize) {
        let room = self.room;
        let members = self.world.members(at, &room);
        let other = self.pick();
        let may = self.admins.contains(&at) || self.people[at] == self.people[other];
        match self.rng.below(5) {
            0 | 1 if !members.contains(&other) && self.world.devices[at].rooms.has(&room) => {
                let added = self.world.add(at, &room, &[other]);
                assert_eq!(added.is_ok(), may, "seed {}: who may add is who adds", self.seed);
            }
            2 if members.contains(&other) && members.contains(&at) && other != at && members.len() > 2 => {
                let device = self.world.id(other);
                let removed = self.world.attempt(at, |rooms, ctx| rooms.remove(ctx, &room, &[device]));
                assert_eq!(removed.is_ok(), may, "seed {}: who may remove is who removes", self.seed);
            }
            _ => {
                let _ = self.world.attempt(at, |rooms, ctx| rooms.update(ctx, &room));
            }
        }
    }

    /// A packet arrives, or is repeated, or has to wait.
    fn carry(&mut self) {
        if self.world.net.is_empty() {
            return;
        }
        let which = self.rng.below(self.world.net.len() as u64) as usize;
        let packet = self.world.net.swap_remove(which);
        let is_cut = self.side[packet.from] != self.side[packet.to];
        match self.rng.below(20) {
            _ if is_cut => self.world.net.push(packet),
            0 => self.world.net.push(packet),
            1 => {
                self.world.net.push(packet.clone());
                self.world.deliver(packet);
            }
            _ => {
                self.world.deliver(packet);
            }
        }
    }

    /// The net heals; devices meet and wait until nothing changes any more.
    fn heal(&mut self) {
        self.side.fill(0);
        let count = self.world.devices.len();
        let mut quiet = 0;
        for _ in 0..ROUNDS_MAX {
            self.settle();
            let before: Vec<_> = self.world.devices.iter().map(|device| device.rooms.epoch(&self.room)).collect();
            self.world.pass(40 * SECOND);
            for one in 0..count {
                for other in 0..one {
                    self.world.meet(one, other, &self.room.clone());
                }
            }
            self.settle();
            let after: Vec<_> = self.world.devices.iter().map(|device| device.rooms.epoch(&self.room)).collect();
            quiet = if before == after && self.agreed().is_ok() { quiet + 1 } else { 0 };
            if quiet > 2 {
                return;
            }
        }
        assert!(quiet > 0, "seed {}: the room does not come to rest: {:?}", self.seed, self.agreed());
    }

    /// Everything on the way arrives.
    fn settle(&mut self) {
        while !self.world.net.is_empty() {
            self.carry();
        }
    }

    /// All who are in the room are in one epoch, which they see alike. Sides that took each other out while apart for longer
    /// than the parked epochs reach back are two rooms; anybody else outside has been taken out, or in by a branch that lost.
    fn agreed(&self) -> Result<Vec<BTreeSet<usize>>, String> {
        let rooms = |at: usize| &self.world.devices[at].rooms;
        let mut tips: BTreeMap<_, BTreeSet<usize>> = BTreeMap::new();
        for at in 0..self.world.devices.len() {
            if let Some(tip) = rooms(at).epoch(&self.room) {
                tips.entry(tip).or_default().insert(at);
            }
        }
        let is_whole = |held: &&BTreeSet<usize>| held.iter().all(|at| self.world.members(*at, &self.room) == **held);
        let whole: Vec<BTreeSet<usize>> = tips.values().filter(is_whole).cloned().collect();
        if !whole.is_empty() {
            return Ok(whole);
        }
        let seen = |held: &BTreeSet<usize>| held.first().map(|at| self.world.members(*at, &self.room));
        let story = tips.iter().map(|((number, id), held)| format!("{number} {:02x}: {held:?} of {:?}", id[0], seen(held)));
        Err(story.collect::<Vec<_>>().join("; "))
    }

    /// Everything that was sent has been read by all who were members then and still are. What came too late for its epoch, and what
    /// was sent before a device came in again, is asked for once, as the node does.
    fn read(&mut self, members: &BTreeSet<usize>) -> (usize, usize) {
        let mut asked: BTreeSet<(usize, Id)> = BTreeSet::new();
        let missing = |world: &World| -> Vec<(usize, Id, usize)> {
            let sent = members.iter().flat_map(|from| world.devices[*from].sent.iter().map(move |(id, sent)| (*from, *id, sent)));
            let all = sent.flat_map(|(from, id, sent)| sent.to.iter().map(move |to| (from, id, *to)));
            all.filter(|(_, id, to)| members.contains(to) && !world.devices[*to].got.contains_key(id)).collect()
        };
        let total = members.iter().map(|at| self.world.devices[*at].sent.len()).sum();
        for (from, id, to) in missing(&self.world) {
            let device = &self.world.devices[to];
            let has_reason = device.expired.contains(&id) || device.before.contains(&id) || device.waits_for(id);
            assert!(has_reason, "seed {}: {to} never had message {id} of {from}, and for no reason", self.seed);
            asked.insert((from, id));
        }
        for (from, id) in &asked {
            self.world.seal(*from, &self.room.clone(), *id);
        }
        self.settle();
        assert_eq!(missing(&self.world), vec![], "seed {}: messages are lost", self.seed);
        for device in &self.world.devices {
            assert_eq!(device.misbehaved, 0, "seed {}: honest devices are taken for dishonest", self.seed);
        }
        (total, asked.len())
    }
}

/// Messages sent, those asked for again, and in how many rooms the room ended.
fn hunt(seed: u64) -> (usize, usize, usize) {
    let mut hunt = Hunt::new(seed);
    let weather = Weather { commits: [6, 12, 25][seed as usize % 3], losses: seed % 4 == 3, steps: 80 + hunt.rng.below(120) };
    for _ in 0..weather.steps {
        hunt.step(&weather);
    }
    hunt.heal();
    let sides = hunt.agreed().unwrap_or_else(|story| panic!("seed {seed}: {story}"));
    let read: Vec<(usize, usize)> = sides.iter().map(|members| hunt.read(members)).collect();
    (read.iter().map(|(sent, _)| sent).sum(), read.iter().map(|(_, asked)| asked).sum(), sides.len())
}

#[test]
fn every_room_converges_and_nothing_is_lost() {
    hunt_all(SEEDS);
}

/// The same with the fake suite, in which a seed costs little.
#[test]
fn every_room_of_the_fake_suite_converges_and_nothing_is_lost() {
    fake::within(|| hunt_all(FAKE_SEEDS));
}

fn hunt_all(seeds: u64) {
    let seeds = std::env::var("TIDINGS_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(seeds);
    let (mut sent, mut asked, mut split) = (0, 0, 0);
    for seed in 0..seeds {
        let result = std::panic::catch_unwind(|| hunt(seed));
        let Ok((more, again, sides)) = result else { panic!("the hunt fails at seed {seed}") };
        sent += more;
        asked += again;
        split += sides - 1;
    }
    println!("{seeds} seeds, {sent} messages, {asked} asked for again, {split} rooms whose sides took each other out");
    assert!(split <= 1 + seeds as usize / 50, "sides take each other out in rare worlds only: {split} of {seeds}");
}

/// Seeds that found something, each in the rules that stood then.
#[test]
fn what_the_hunt_has_found_stays_found() {
    // Two devices of an account both added a third again, each anew for ever.
    hunt(20);
    // A device was taken out by a branch that lost, and never came back.
    hunt(47);
    // A branch had grown longer than the parked epochs reach back, and the others waited for it.
    hunt(74);
    hunt(145);
    // Two devices on a losing branch added each other again, instead of asking the winning one.
    hunt(233);
}

#[test]
#[ignore = "for one seed at a time: TIDINGS_SEED"]
fn one_seed() {
    let seed = std::env::var("TIDINGS_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0);
    println!("{:?}", hunt(seed));
    println!("{:?} with the fake suite", fake::within(|| hunt(seed)));
}
