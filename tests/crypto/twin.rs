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
    /// With their epochs.
    messages: Vec<(usize, Vec<u8>)>,
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

/// A step; it names epochs, commits and messages by when they were made.
#[derive(Clone, Debug)]
enum Step {
    Package { at: usize },
    Commit { at: usize, epoch: usize, adds: Vec<(usize, usize)>, removes: Vec<usize> },
    Take { at: usize, epoch: usize, commit: usize, bend: Option<u64> },
    Join { at: usize, commit: usize },
    Seal { at: usize, epoch: usize, len: usize, count: usize },
    Open { at: usize, epoch: usize, message: usize, bend: Option<u64> },
}

/// Two devices for each account.
fn keys(number: usize) -> Keys {
    let seed = |what: u8, number: usize| {
        let mut seed = [what; 32];
        seed[0] = number as u8;
        seed
    };
    Keys::new(&seed(1, number / 2), &seed(2, number), &seed(3, number))
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

    fn load(&mut self, at: usize, epoch: usize) -> (Rows, Group) {
        let rows = self.devices[at].groups[&epoch].clone();
        (rows.clone(), self.load_rows(rows))
    }

    fn load_rows(&mut self, rows: Rows) -> Group {
        Group::load(&self.engine, &mut self.rng, &GroupId([5; 32]), Bag::stored(rows)).expect("what was stored")
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
            Step::Commit { at, epoch, adds, removes } => self.commit(at, epoch, &adds, &removes),
            Step::Take { at, epoch, commit, bend } => self.take(at, epoch, commit, bend),
            Step::Join { at, commit } => self.join(at, commit),
            Step::Seal { at, epoch, len, count } => self.seal(at, epoch, len, count),
            Step::Open { at, epoch, message, bend } => self.open(at, epoch, message, bend),
        })
    }

    fn commit(&mut self, at: usize, epoch: usize, adds: &[(usize, usize)], removes: &[usize]) -> Outcome {
        let (_, mut group) = self.load(at, epoch);
        let adds = adds.iter().map(|(device, which)| &self.devices[*device].packages[*which]);
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

    fn take(&mut self, at: usize, epoch: usize, commit: usize, bend: Option<u64>) -> Outcome {
        let (commit, (_, mut group)) = (self.commits[commit].clone(), self.load(at, epoch));
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

    fn join(&mut self, at: usize, commit: usize) -> Outcome {
        let commit = self.commits[commit].clone();
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
    fn seal(&mut self, at: usize, epoch: usize, len: usize, count: usize) -> Outcome {
        let (rows, mut group) = self.load(at, epoch);
        let content = vec![at as u8; len];
        let sealed: Vec<Vec<u8>> =
            (0..count).map(|_| group.seal(&self.engine, &mut self.rng, &self.devices[at].keys, &content).unwrap()).collect();
        assert_eq!(kind(&sealed[0]), Some(Kind::Application));
        self.store(at, epoch, rows, group);
        let size = sealed[0].len();
        let kept = sealed.first().into_iter().chain(sealed.last().filter(|_| count > 1)).cloned();
        self.messages.extend(kept.map(|bytes| (epoch, bytes)));
        Outcome::Sealed(size)
    }

    fn open(&mut self, at: usize, epoch: usize, message: usize, bend: Option<u64>) -> Outcome {
        let (rows, mut group) = self.load(at, epoch);
        let (_, message) = self.messages[message].clone();
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

fn pick<T: Copy>(rng: &mut Rng, things: &[T]) -> Option<T> {
    things.get(rng.below(things.len() as u64) as usize).copied()
}

/// A step that makes sense in this world, mostly; looks at nothing that could differ in the other one.
fn step(rng: &mut Rng, world: &World) -> Option<Step> {
    let everybody: Vec<usize> = (0..world.devices.len()).collect();
    let inside: Vec<usize> = everybody.iter().copied().filter(|at| !world.devices[*at].groups.is_empty()).collect();
    let (at, anybody) = (pick(rng, &inside)?, pick(rng, &everybody)?);
    let epochs: Vec<usize> = world.devices[at].groups.keys().copied().collect();
    let epoch = if rng.below(3) == 0 { pick(rng, &epochs)? } else { *epochs.last()? };
    let bend = (rng.below(8) == 0).then(|| rng.below(1 << 40));
    let wide = rng.below(8) == 0;
    match rng.below(20) {
        0 => Some(Step::Package { at: anybody }),
        1..=4 => {
            let most = [0, 1, 3][rng.below(3) as usize];
            let adds = (0..rng.below(most + 1)).filter_map(|_| pick(rng, &everybody)).collect::<Vec<_>>();
            let adds = adds.into_iter().map(|who| (who, rng.below(world.devices[who].packages.len() as u64) as usize)).collect();
            let most = [0, 0, 2][rng.below(3) as usize];
            let removes = (0..rng.below(most + 1)).filter_map(|_| pick(rng, &everybody)).collect();
            Some(Step::Commit { at, epoch, adds, removes })
        }
        5..=9 => {
            let fits = |number: &usize| {
                let commit = &world.commits[*number];
                wide || (epochs.contains(&commit.from) && !epochs.contains(&commit.to))
            };
            let commit = pick(rng, &(0..world.commits.len()).filter(fits).collect::<Vec<_>>())?;
            let epoch = if wide { epoch } else { world.commits[commit].from };
            Some(Step::Take { at, epoch, commit, bend })
        }
        10..=12 => {
            let has = |number: &usize| world.commits[*number].welcome.is_some();
            let latest: Vec<usize> = (0..world.commits.len()).filter(has).rev().take(if wide { 100 } else { 4 }).collect();
            Some(Step::Join { at: anybody, commit: pick(rng, &latest)? })
        }
        13..=15 => {
            let len = [0, 1, 50, 70, 1_000, 17_000][rng.below(6) as usize];
            Some(Step::Seal { at, epoch, len, count: 1 + rng.below(4) as usize })
        }
        _ => {
            let fits = |number: &usize| wide || epochs.contains(&world.messages[*number].0);
            let message = pick(rng, &(0..world.messages.len()).filter(fits).collect::<Vec<_>>())?;
            let epoch = if wide { epoch } else { world.messages[message].0 };
            Some(Step::Open { at, epoch, message, bend })
        }
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
        let first: Vec<(usize, usize)> = (1..devices - 1).map(|device| (device, 0)).collect();
        alike(&mut worlds, &Step::Commit { at: 0, epoch: 0, adds: first, removes: vec![] }, &format!("in seed {seed} at first"));
        for number in 0..STEPS {
            let Some(step) = step(&mut rng, &worlds[0]) else { continue };
            let outcome = alike(&mut worlds, &step, &format!("in seed {seed}, step {number}"));
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
    let mut does = |step: Step| alike(&mut worlds, &step, "at the edge");
    does(Step::Commit { at: 0, epoch: 0, adds: vec![(1, 0)], removes: vec![] });
    does(Step::Join { at: 1, commit: 0 });
    // Of each burst only the first and the last are kept.
    let burst = |count| Step::Seal { at: 0, epoch: 1, len: 10, count };
    let open = |message| Step::Open { at: 1, epoch: 1, message, bend: None };
    let content = || Outcome::Opened(0, vec![0; 10]);
    does(burst(FORWARD_DISTANCE_MAX as usize + 2));
    assert_eq!(does(open(1)), Outcome::Unopened(OpenError::Early));
    assert_eq!(does(open(0)), content());
    assert_eq!(does(open(1)), content());
    assert_eq!(does(open(0)), Outcome::Unopened(OpenError::Old));
    does(burst(OUT_OF_ORDER_MAX as usize));
    assert_eq!(does(open(3)), content());
    assert_eq!(does(open(2)), content(), "the last that may come so late");
    assert_eq!(does(open(2)), Outcome::Unopened(OpenError::Reused));
    does(burst(OUT_OF_ORDER_MAX as usize + 1));
    assert_eq!(does(open(5)), content());
    assert_eq!(does(open(4)), Outcome::Unopened(OpenError::Old));
}

/// Rooms of all sizes, whose tree is blank at first, then filled by those who renew their keys, then has holes and new members. Each
/// step compares the bytes of the messages.
#[test]
fn both_suites_have_the_same_sizes() {
    for count in [2, 8, 32, 100] {
        let mut worlds = both(count);
        let mut does = |step: Step| alike(&mut worlds, &step, &format!("with {count} devices"));
        let commit = |at, epoch, adds, removes| Step::Commit { at, epoch, adds, removes };
        let take = |at, epoch| Step::Take { at, epoch, commit: epoch, bend: None };
        does(commit(0, 0, (1..count).map(|at| (at, 0)).collect(), vec![]));
        does(Step::Package { at: 1 });
        does(Step::Join { at: 1, commit: 0 });
        does(Step::Join { at: count - 1, commit: 0 });
        does(commit(1, 1, vec![], vec![]));
        does(take(0, 1));
        does(commit(0, 2, vec![], vec![]));
        does(take(1, 2));
        let half: Vec<usize> = (count / 2..count).filter(|at| at % 3 == 0 && *at > 1).collect();
        does(commit(1, 3, vec![], half.clone()));
        does(take(0, 3));
        does(commit(0, 4, half.iter().take(count / 8).map(|at| (*at, 0)).collect(), vec![]));
        does(take(1, 4));
        does(commit(1, 5, vec![], vec![]));
        does(Step::Seal { at: 1, epoch: 5, len: 300, count: 1 });
        assert!(matches!(does(Step::Open { at: 0, epoch: 5, message: 0, bend: None }), Outcome::Opened(1, _)));
    }
}

/// What one suite wrote is no message, and no state, to the other.
#[test]
fn neither_suite_takes_the_groups_of_the_other() {
    let mut worlds = both(3);
    alike(&mut worlds, &Step::Commit { at: 0, epoch: 0, adds: vec![(1, 0)], removes: vec![] }, "at first");
    alike(&mut worlds, &Step::Join { at: 1, commit: 0 }, "at first");
    alike(&mut worlds, &Step::Seal { at: 0, epoch: 1, len: 10, count: 1 }, "at first");
    alike(&mut worlds, &Step::Commit { at: 0, epoch: 1, adds: vec![], removes: vec![] }, "at first");
    let [real, fake] = &mut worlds;
    refuses(real, fake);
    refuses(fake, real);
}

fn refuses(here: &mut World, there: &World) {
    let is_fake = here.is_fake;
    let rows = there.devices[1].groups[&1].clone();
    let (package, welcome) = (there.devices[2].packages[0].clone(), there.commits[0].welcome.clone().unwrap());
    let (commit, message) = (there.commits[1].bytes.clone(), there.messages[0].1.clone());
    suite(is_fake, || {
        assert!(Package::open(&here.engine, &package).is_none());
        assert!(kind(&commit).is_none() && kind(&message).is_none());
        assert!(Group::load(&here.engine, &mut here.rng, &GroupId([5; 32]), Bag::stored(rows)).is_none());
        let secrets = Bag::stored(there.devices[1].secrets.clone());
        assert!(Group::join(&here.engine, &mut here.rng, &secrets, &welcome).is_err());
        let (_, mut group) = here.load(1, 1);
        assert_eq!(group.stage(&here.engine, &mut here.rng, &commit).err(), Some(MlsError::Invalid("commit")));
        assert_eq!(group.open(&here.engine, &mut here.rng, &message), Err(OpenError::Invalid));
    });
    // Nor does a group work for the other suite when it is carried there.
    let (_, mut group) = suite(is_fake, || here.load(1, 1));
    let own = suite(is_fake, || (here.commits[1].bytes.clone(), here.messages[0].1.clone()));
    suite(!is_fake, || {
        let keys = &here.devices[1].keys;
        assert!(group.seal(&here.engine, &mut here.rng, keys, b"hello").is_err());
        assert!(group.commit(&here.engine, &mut here.rng, keys, &[], &[]).is_err());
        assert!(group.stage(&here.engine, &mut here.rng, &own.0).is_err());
        assert!(group.open(&here.engine, &mut here.rng, &own.1).is_err());
    });
}
