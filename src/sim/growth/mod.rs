//! How cost grows with people: a virtual day of a population of real nodes and relays in one process, and what each of them
//! sends, holds and is woken for.
//!
//! | file | holds |
//! |---|---|
//! | [`people`] | what people are like: every assumption, in one place |
//! | [`graph`] | who knows whom, and which relay is whose |
//! | `realm` | what all shards know: each plays some communities, on a thread of its own |
//! | `town`, `event` | the machines of a shard, lines and a queue, without what the hunting world needs |
//! | `gate` | where shards wait for each other |
//! | `rows`, `shelf`, `squeeze` | the rows of a machine that is on, and of one that is off, packed |
//! | `attic` | where what is packed lies: in memory or in a file |
//! | `setup` | everybody joins two relays and meets their friends |
//! | `day` | sessions, messages, reading |
//! | [`measure`] | what is counted |
//! | [`report`] | what it comes to at each size, how it grows, and what that means elsewhere |

mod attic;
mod day;
mod event;
mod gate;
pub mod graph;
pub mod measure;
pub mod people;
mod realm;
pub mod report;
mod rows;
mod setup;
mod shelf;
mod squeeze;
mod town;

use std::io;
use std::path::PathBuf;

use self::day::{Day, Told};
use self::graph::Graph;
use self::measure::{Shares, Tally};
use self::people::People;
use self::realm::Realm;
use self::report::Row;
use self::town::Town;
use crate::crypto::fake;
use crate::types::{Millis, Rng};

/// The number of a machine in its town: people first, then relays.
pub type Who = u32;

/// One population to be played.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where all chance comes from.
    pub seed: u64,
    /// How many people.
    pub accounts: u32,
    /// What they are like.
    pub people: People,
    /// How long the day is; 24 hours, but for tests.
    pub day: Millis,
    /// How often everybody looks once more afterwards, those who were away included; nobody writes then.
    pub mornings: u32,
    /// How many threads play it, as far as there are communities; the row does not depend on it.
    pub shards: usize,
    /// A directory for files with what machines keep that are off, and what relays hold, when that does not fit into memory.
    pub scratch: Option<PathBuf>,
}

/// How far a population is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// What is going on.
    pub phase: &'static str,
    /// The share of it that is done, of 1.
    pub done: f64,
    /// Inputs handled so far, in all phases.
    pub inputs: u64,
}

/// Plays one population; the same plan gives the same row.
///
/// # Errors
/// When no file can be made in `scratch`.
pub fn run(plan: &Plan, progress: &dyn Fn(Progress)) -> io::Result<Row> {
    fake::within(|| {
        let graph = Graph::new(plan.seed, plan.accounts, &plan.people);
        let realm = Realm::new(plan, &graph)?;
        let realm = &realm;
        let played = std::thread::scope(|scope| {
            let others: Vec<_> = (1..realm.gate.shards())
                .map(|shard| scope.spawn(move || fake::within(|| realm.gate.guard(|| play(realm, shard, &|_| {})))))
                .collect();
            let mut played = vec![realm.gate.guard(|| play(realm, 0, progress))];
            // A shard that panicked has said why.
            played.extend(others.into_iter().filter_map(|other| other.join().ok()));
            played
        });
        Ok(Row::new(realm, played))
    })
}

/// What was played in one shard.
struct Played<'a> {
    town: Town<'a>,
    met: Tally,
    day: Tally,
    shares: Shares,
    told: Told,
}

fn play<'a>(realm: &'a Realm<'a>, shard: usize, progress: &dyn Fn(Progress)) -> Played<'a> {
    let mut town = Town::new(realm, shard);
    let rooms = setup::meet(&mut town, progress);
    let met = town.tally.clone();
    town.tally.clear();
    let mut day = Day::new(&mut town, rooms);
    day.play(progress);
    let told = day.told;
    town.pack();
    let day = town.tally.clone();
    let shares = Shares::of(&town);
    for morning in 0..realm.plan.mornings {
        day::morning(&mut town, morning, progress);
    }
    town.pack();
    Played { town, met, day, shares, told }
}

/// Chance of its own for each person and purpose: what one does never moves what happens to another.
fn dice(seed: u64, who: Who, purpose: u64) -> Rng {
    let mut bytes = *b"tidings growth                  ";
    bytes[14..20].copy_from_slice(&purpose.to_be_bytes()[2..]);
    bytes[20..28].copy_from_slice(&seed.to_be_bytes());
    bytes[28..].copy_from_slice(&who.to_be_bytes());
    Rng::from_seed(bytes)
}

/// Purposes of [`dice`]; those that count something begin at a place of their own.
mod purpose {
    pub(super) const KEYS: u64 = 1;
    pub(super) const CIRCLES: u64 = 2;
    pub(super) const FRIENDS: u64 = 3;
    pub(super) const HIDDEN: u64 = 4;
    pub(super) const DAY: u64 = 5;
    pub(super) const MORNING: u64 = 1 << 20;
    pub(super) const LIFE: u64 = 1 << 24;
    pub(super) const SAY: u64 = 1 << 40;
}
