//! Many seeds, on all cores.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::play;
use super::scenario::Scenario;
use super::world::Tally;

/// What to hunt through.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The first seed.
    pub first: u64,
    /// How many.
    pub seeds: u64,
    /// How long at most.
    pub time: Option<Duration>,
    /// On how many threads.
    pub jobs: usize,
    /// After so many failing seeds no new one is begun.
    pub faults_max: usize,
}

/// What a hunt came to.
#[derive(Clone, Debug, Default)]
pub struct Bag {
    /// Seeds played to their end.
    pub seeds: u64,
    /// Messages that `send` took.
    pub sent: u64,
    /// How much happened.
    pub tally: Tally,
    /// The seeds that failed, and what they found.
    pub faults: Vec<(u64, String)>,
}

/// Plays the seeds of a plan; `progress` is told now and then, from any thread.
pub fn hunt(plan: &Plan, progress: &(dyn Fn(&Bag) + Sync)) -> Bag {
    let (next, is_over) = (AtomicU64::new(plan.first), AtomicBool::new(false));
    let bag = Mutex::new(Bag::default());
    let begin = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..plan.jobs.max(1) {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) && plan.time.is_none_or(|time| begin.elapsed() < time) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= plan.first.saturating_add(plan.seeds) {
                        return;
                    }
                    let verdict = play::play(&Scenario::of_seed(seed));
                    let mut bag = bag.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    bag.seeds += 1;
                    bag.sent += verdict.sent;
                    bag.tally.add(&verdict.tally);
                    if let Some(fault) = verdict.fault {
                        bag.faults.push((seed, fault));
                        is_over.fetch_or(bag.faults.len() >= plan.faults_max, Ordering::Relaxed);
                    }
                    progress(&bag);
                }
            });
        }
    });
    bag.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
}
