//! How cost grows with people: a virtual day of a population of real nodes and relays in one process, and what each of them
//! sends, holds and is woken for.
//!
//! | file | holds |
//! |---|---|
//! | [`people`] | what people are like: every assumption, in one place |
//! | [`graph`] | who knows whom, and which relay is whose |
//! | `town` | machines, lines and one queue, without what the hunting world needs |
//! | `shelf`, `squeeze` | the rows of a machine that is off, packed |
//! | `setup` | everybody joins two relays and meets their friends |
//! | `day` | sessions, messages, reading |
//! | [`measure`] | what is counted |
//! | [`report`] | what it comes to at each size, how it grows, and what that means elsewhere |

mod day;
pub mod graph;
pub mod measure;
pub mod people;
pub mod report;
mod setup;
mod shelf;
mod squeeze;
mod town;

use self::day::Day;
use self::graph::Graph;
use self::people::People;
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
pub fn run(plan: &Plan, progress: &dyn Fn(Progress)) -> Row {
    fake::within(|| {
        let graph = Graph::new(plan.seed, plan.accounts, &plan.people);
        let mut town = Town::new(plan.seed, &plan.people, &graph);
        let rooms = setup::meet(&mut town, &graph, progress);
        let met = town.tally.clone();
        town.tally.clear();
        let mut day = Day::new(plan, &graph, rooms, &mut town);
        day.play(progress);
        let told = std::mem::take(&mut day.told);
        drop(day);
        let after_day = town.tally.clone();
        let shares = measure::Shares::of(&town);
        for morning in 0..plan.mornings {
            day::morning(plan, &mut town, morning, progress);
        }
        Row::new(plan, &graph, &town, (&met, &after_day), (shares, told))
    })
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
