//! Two worlds of groups side by side, one with real MLS and one with the fake suite. Whatever is done in both must have the
//! same outcome and bytes of the same length.

use std::collections::BTreeMap;

use tidings::crypto::keys::Keys;
use tidings::crypto::mls::bag::Bag;
use tidings::crypto::mls::group::{Kind, kind};
use tidings::crypto::mls::package::{self, Package};
use tidings::crypto::mls::{Engine, Group, Leaf, MlsError, OpenError};
use tidings::types::limits::{FORWARD_DISTANCE_MAX, OUT_OF_ORDER_MAX};
use tidings::types::{DeviceId, GroupId, Rng};

use super::fake::suite;

const SEEDS: u64 = 20;
const STEPS: usize = 90;

/// What was stored of an epoch.
type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

struct Device {
    keys: Keys,
    packages: Vec<Vec<u8>>,
    secrets: Rows,
    /// Its groups, by the number of the epoch in this world's history.
    groups: BTreeMap<usize, Rows>,
}

/// A commit, the epoch it leaves and the one it makes.
#[derive(Clone)]
struct Commit {
    from: usize,
    to: usize,
    bytes: Vec<u8>,
    welcome: Option<Vec<u8>>,
}

/// One of the worlds.
struct World {
    is_fake: bool,
    engine: Engine,
    rng: Rng,
    devices: Vec<Device>,
    commits: Vec<Commit>,
    messages: Vec<Vec<u8>>,
    epochs: usize,
    /// The authenticator of each epoch.
    names: BTreeMap<usize, Vec<u8>>,
}

/// What came of a step, alike in both worlds: devices by number, sizes instead of bytes.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Nothing,
    Committed {
        epoch: u64,
        members: Vec<usize>,
        commit: usize,
        welcome: Option<usize>,
    },
    Staged {
        committer: usize,
        added: Vec<usize>,
        removed: Vec<usize>,
        removes_us: bool,
        merged: Option<(u64, Vec<usize>)>,
    },
    Joined {
        by: usize,
        epoch: u64,
        members: Vec<usize>,
    },
    Sealed(usize),
    Opened(usize, Vec<u8>),
    Refused(MlsError),
    Unopened(OpenError),
    /// A bent text: how it is refused may depend on where it was bent.
    Bent,
}

/// A step, chosen without looking at any bytes.
#[derive(Clone, Debug)]
enum Step {
    Package { at: usize },
    Commit { at: usize, which: u64, adds: Vec<(usize, u64)>, removes: Vec<usize> },
    Take { at: usize, commit: u64, elsewhere: Option<u64>, bend: Option<u64> },
    Join { at: usize, commit: u64 },
    Seal { at: usize, which: u64, len: usize, count: usize },
    Open { at: usize, which: u64, message: u64, bend: Option<u64> },
}

fn keys(number: usize) -> Keys {
    // Two devices for each account.
    let number = number as u8;
    Keys::new(&[number / 2 + 1; 32], &[number + 0x40; 32], &[number + 0x80; 32])
}

fn pick<T>(things: &[T], which: u64) -> Option<&T> {
    things.get(usize::try_from(which).ok()?.checked_rem(things.len())?)
}

impl World {
    fn new(is_fake: bool, devices: usize) -> Self {
        suite(is_fake, || {
            let device = |number| Device { keys: keys(number), packages: vec![], secrets: Rows::new(), groups: BTreeMap::new() };
            let (engine, rng, names) = (Engine::default(), Rng::from_seed([9; 32]), BTreeMap::new());
            let devices = (0..devices).map(device).collect();
            let mut world = Self { is_fake, engine, rng, devices, commits: vec![], messages: vec![], epochs: 1, names };
            (0..world.devices.len()).for_each(|at| world.package(at));
            let Self { engine, rng, devices, .. } = &mut world;
            let group = Group::create(engine, rng, &devices[0].keys, &GroupId([5; 32]), b"what all agree on").unwrap();
            world.store(0, 0, Rows::new(), group);
            world
        })
    }

    fn package(&mut self, at: usize) {
        let device = &mut self.devices[at];
        let (bytes, mut bag) = package::make(&self.engine, &mut self.rng, &device.keys, 1_234).unwrap();
        device.secrets.extend(bag.take_changes().into_iter().map(|(key, value)| (key, value.unwrap())));
        let opened = Package::open(&self.engine, &bytes).expect("an own key package");
        assert_eq!((opened.leaf.device, opened.made), (device.keys.device_id(), 1_234));
        device.packages.push(bytes);
    }

    fn number(&self, device: &DeviceId) -> usize {
        self.devices.iter().position(|other| other.keys.device_id() == *device).expect("a device")
    }

    fn members(&self, group: &Group) -> Vec<usize> {
        group.leaves().iter().map(|leaf| self.number(&leaf.device)).collect()
    }

    fn load(&mut self, at: usize, which: u64) -> Option<(usize, Rows, Group)> {
        let epochs: Vec<usize> = self.devices[at].groups.keys().copied().collect();
        let epoch = *pick(&epochs, which)?;
        Some((epoch, self.devices[at].groups[&epoch].clone(), self.load_epoch(at, epoch)?))
    }

    fn load_epoch(&mut self, at: usize, epoch: usize) -> Option<Group> {
        let rows = self.devices[at].groups.get(&epoch)?.clone();
        Some(Group::load(&self.engine, &mut self.rng, &GroupId([5; 32]), Bag::stored(rows)).expect("what was stored"))
    }

    /// Writes what changed; all who have an epoch know it by one name, and agree on what it is.
    fn store(&mut self, at: usize, epoch: usize, mut rows: Rows, mut group: Group) {
        for (key, value) in group.bag().take_changes() {
            match value {
                Some(value) => rows.insert(key, value),
                None => rows.remove(&key),
            };
        }
        let name = self.names.entry(epoch).or_insert_with(|| group.authenticator());
        assert_eq!(*name, group.authenticator());
        assert_eq!(group.info(), Some(&b"what all agree on"[..]));
        assert_eq!(group.id(), Some(GroupId([5; 32])));
        self.devices[at].groups.insert(epoch, rows);
        let loaded = self.load_epoch(at, epoch).unwrap();
        assert_eq!(loaded.export(&self.engine), group.export(&self.engine));
        let names: std::collections::BTreeSet<_> = self.names.values().collect();
        assert_eq!(names.len(), self.names.len(), "two epochs never have one name");
    }

    fn step(&mut self, step: Step) -> Outcome {
        let is_fake = self.is_fake;
        suite(is_fake, || match step {
            Step::Package { at } => {
                self.package(at);
                Outcome::Nothing
            }
            Step::Commit { at, which, adds, removes } => self.commit(at, which, &adds, &removes),
            Step::Take { at, commit, elsewhere, bend } => self.take(at, commit, elsewhere, bend),
            Step::Join { at, commit } => self.join(at, commit),
            Step::Seal { at, which, len, count } => self.seal(at, which, len, count),
            Step::Open { at, which, message, bend } => self.open(at, which, message, bend),
        })
    }

    fn commit(&mut self, at: usize, which: u64, adds: &[(usize, u64)], removes: &[usize]) -> Outcome {
        let Some((epoch, _, mut group)) = self.load(at, which) else { return Outcome::Nothing };
        let adds = adds.iter().map(|(device, which)| pick(&self.devices[*device].packages, *which).unwrap());
        let adds: Vec<Package> = adds.map(|bytes| Package::open(&self.engine, bytes).unwrap()).collect();
        let removes: Vec<DeviceId> = removes.iter().map(|device| self.devices[*device].keys.device_id()).collect();
        let before = group.encryption_key(&self.devices[at].keys.device_id());
        let made = match group.commit(&self.engine, &mut self.rng, &self.devices[at].keys, &adds, &removes) {
            Ok(made) => made,
            Err(error) => return Outcome::Refused(error),
        };
        assert_ne!(before, group.encryption_key(&self.devices[at].keys.device_id()), "a commit renews the committer's key");
        assert_eq!(kind(&made.commit), Some(Kind::Commit));
        let to = self.epochs;
        self.epochs += 1;
        let outcome = Outcome::Committed {
            epoch: group.epoch(),
            members: self.members(&group),
            commit: made.commit.len(),
            welcome: made.welcome.as_ref().map(Vec::len),
        };
        self.store(at, to, Rows::new(), group);
        self.commits.push(Commit { from: epoch, to, bytes: made.commit, welcome: made.welcome });
        outcome
    }

    fn take(&mut self, at: usize, commit: u64, elsewhere: Option<u64>, bend: Option<u64>) -> Outcome {
        let Some(commit) = pick(&self.commits, commit).cloned() else { return Outcome::Nothing };
        let group = match elsewhere {
            Some(which) => self.load(at, which).map(|(_, _, group)| group),
            None => self.load_epoch(at, commit.from),
        };
        let Some(mut group) = group else { return Outcome::Nothing };
        let staged = match group.stage(&self.engine, &mut self.rng, &bent(&commit.bytes, bend)) {
            Ok(staged) => staged,
            Err(_) if bend.is_some() => return Outcome::Bent,
            Err(error) => return Outcome::Refused(error),
        };
        assert!(bend.is_none(), "a bent commit is refused");
        let sorted = |leaves: &[Leaf]| {
            let mut numbers: Vec<usize> = leaves.iter().map(|leaf| self.number(&leaf.device)).collect();
            numbers.sort_unstable();
            numbers
        };
        let (committer, removes_us) = (self.number(&staged.committer.device), staged.removes_us);
        let (added, removed) = (sorted(&staged.added), sorted(&staged.removed));
        let merged = (!removes_us).then(|| {
            group.merge(&self.engine, &mut self.rng, staged).expect("what was staged merges");
            (group.epoch(), self.members(&group))
        });
        // What is here already may have gone on.
        if merged.is_some() && !self.devices[at].groups.contains_key(&commit.to) {
            self.store(at, commit.to, Rows::new(), group);
        }
        Outcome::Staged { committer, added, removed, removes_us, merged }
    }

    fn join(&mut self, at: usize, commit: u64) -> Outcome {
        let Some(commit) = pick(&self.commits, commit).cloned() else { return Outcome::Nothing };
        let Some(welcome) = commit.welcome else { return Outcome::Nothing };
        let secrets = Bag::stored(self.devices[at].secrets.clone());
        let (group, by) = match Group::join(&self.engine, &mut self.rng, &secrets, &welcome) {
            Ok(joined) => joined,
            Err(error) => return Outcome::Refused(error),
        };
        let (by, epoch, members) = (self.number(&by.device), group.epoch(), self.members(&group));
        if !self.devices[at].groups.contains_key(&commit.to) {
            self.store(at, commit.to, Rows::new(), group);
        }
        Outcome::Joined { by, epoch, members }
    }

    /// Seals some messages, of which all but the first and the last are lost.
    fn seal(&mut self, at: usize, which: u64, len: usize, count: usize) -> Outcome {
        let Some((epoch, rows, mut group)) = self.load(at, which) else { return Outcome::Nothing };
        let content = vec![at as u8; len];
        let sealed: Vec<Vec<u8>> =
            (0..count).map(|_| group.seal(&self.engine, &mut self.rng, &self.devices[at].keys, &content).unwrap()).collect();
        assert_eq!(kind(&sealed[0]), Some(Kind::Application));
        self.store(at, epoch, rows, group);
        let size = sealed[0].len();
        self.messages.extend(sealed.first().cloned());
        self.messages.extend(sealed.last().filter(|_| count > 1).cloned());
        Outcome::Sealed(size)
    }

    fn open(&mut self, at: usize, which: u64, message: u64, bend: Option<u64>) -> Outcome {
        let Some((epoch, rows, mut group)) = self.load(at, which) else { return Outcome::Nothing };
        let Some(message) = pick(&self.messages, message).cloned() else { return Outcome::Nothing };
        let opened = group.open(&self.engine, &mut self.rng, &bent(&message, bend));
        if opened.is_err() {
            assert!(group.bag().take_changes().is_empty(), "what does not open changes nothing");
        }
        self.store(at, epoch, rows, group);
        match opened {
            Ok((leaf, content)) => {
                assert!(bend.is_none(), "a bent message is refused");
                Outcome::Opened(self.number(&leaf.device), content)
            }
            Err(_) if bend.is_some() => Outcome::Bent,
            Err(error) => Outcome::Unopened(error),
        }
    }
}

fn bent(bytes: &[u8], bend: Option<u64>) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if let Some(bend) = bend {
        let at = bend as usize % bytes.len();
        bytes[at] ^= 1 << (bend >> 32 & 7);
    }
    bytes
}

fn step(rng: &mut Rng, devices: usize) -> Step {
    let at = rng.below(devices as u64) as usize;
    let which = rng.below(1 << 40);
    let bend = (rng.below(8) == 0).then(|| rng.below(1 << 40));
    let some = |rng: &mut Rng, most: u64| {
        let count = rng.below(most + 1);
        (0..count).map(|_| rng.below(devices as u64) as usize).collect::<Vec<_>>()
    };
    match rng.below(20) {
        0 => Step::Package { at },
        1..=4 => {
            let most = [0, 1, 3][rng.below(3) as usize];
            let adds = some(rng, most).into_iter().map(|device| (device, rng.below(1 << 40))).collect();
            let most = [0, 0, 2][rng.below(3) as usize];
            Step::Commit { at, which, adds, removes: some(rng, most) }
        }
        5..=9 => Step::Take { at, commit: which, elsewhere: (rng.below(10) == 0).then(|| rng.below(1 << 40)), bend },
        10..=12 => Step::Join { at, commit: which },
        13 | 14 => {
            let len = [0, 1, 50, 70, 1_000, 17_000][rng.below(6) as usize];
            let count = [1, 1, 1, 2, 3, 300][rng.below(6) as usize];
            Step::Seal { at, which, len, count }
        }
        _ => Step::Open { at, which, message: rng.below(1 << 40), bend },
    }
}

fn both(devices: usize) -> [World; 2] {
    [World::new(false, devices), World::new(true, devices)]
}

/// Does the same in both.
fn alike(worlds: &mut [World; 2], step: &Step, at: &str) -> Outcome {
    let [real, fake] = worlds;
    let (real, fake) = (real.step(step.clone()), fake.step(step.clone()));
    assert_eq!(real, fake, "real (left) and fake differ {at}: {step:?}");
    real
}

#[test]
fn both_suites_do_the_same() {
    let seeds = std::env::var("TIDINGS_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(SEEDS);
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for seed in 0..seeds {
        let mut bytes = [0x7a; 32];
        bytes[..8].copy_from_slice(&seed.to_be_bytes());
        let mut rng = Rng::from_seed(bytes);
        let devices = 3 + rng.below(8) as usize;
        let mut worlds = both(devices);
        let first: Vec<(usize, u64)> = (1..devices - 1).map(|device| (device, 0)).collect();
        alike(&mut worlds, &Step::Commit { at: 0, which: 0, adds: first, removes: vec![] }, &format!("in seed {seed} at first"));
        for number in 0..STEPS {
            let outcome = alike(&mut worlds, &step(&mut rng, devices), &format!("in seed {seed}, step {number}"));
            let name = match &outcome {
                Outcome::Refused(error) => format!("{error:?}"),
                Outcome::Unopened(error) => format!("{error:?}"),
                other => format!("{other:?}").split([' ', '(']).next().unwrap_or_default().to_owned(),
            };
            *seen.entry(name).or_default() += 1;
        }
    }
    println!("{seen:?}");
    for outcome in ["Committed", "Staged", "Joined", "Sealed", "Opened", "OwnCommit", "NoKeyPackage", "Own", "Reused", "Old", "Bent"] {
        assert!(seen.contains_key(outcome), "no seed leads to {outcome}");
    }
}

/// How far a sender may be ahead, and how late a message may come.
#[test]
fn both_suites_have_the_same_reach() {
    let mut worlds = both(2);
    let does = |worlds: &mut [World; 2], step: Step| alike(worlds, &step, "at the edge");
    does(&mut worlds, Step::Commit { at: 0, which: 0, adds: vec![(1, 0)], removes: vec![] });
    does(&mut worlds, Step::Join { at: 1, commit: 0 });
    // Two epochs of the first device: it writes in the second.
    let count = FORWARD_DISTANCE_MAX as usize + 2;
    does(&mut worlds, Step::Seal { at: 0, which: 1, len: 10, count });
    let open = |message| Step::Open { at: 1, which: 0, message, bend: None };
    assert_eq!(does(&mut worlds, open(1)), Outcome::Unopened(OpenError::Early));
    assert_eq!(does(&mut worlds, open(0)), Outcome::Opened(0, vec![0; 10]));
    assert_eq!(does(&mut worlds, open(1)), Outcome::Opened(0, vec![0; 10]));
    assert_eq!(does(&mut worlds, open(0)), Outcome::Unopened(OpenError::Old));
    // The last two tell how late is too late.
    for (extra, opens) in [(0, true), (1, false)] {
        does(&mut worlds, Step::Seal { at: 0, which: 1, len: 10, count: OUT_OF_ORDER_MAX as usize + extra });
        let last = worlds[0].messages.len() as u64 - 1;
        assert_eq!(does(&mut worlds, open(last)), Outcome::Opened(0, vec![0; 10]));
        let late = does(&mut worlds, open(last - 1));
        assert_eq!(late == Outcome::Opened(0, vec![0; 10]), opens, "{late:?}");
    }
}
