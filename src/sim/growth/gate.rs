//! Where shards meet: a barrier after each window of time, at which each is given what others sent its machines, and all learn when something
//! happens next. Waiting is short as a rule, so who comes first spins for a moment before they sleep.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

use super::event::Event;
use crate::types::Millis;

/// The barrier of some shards.
pub(super) struct Gate {
    shards: Vec<Shard>,
    arrived: AtomicUsize,
    /// How often all have met.
    round: AtomicU64,
    /// When something happens next, as of the last meeting.
    next: AtomicU64,
    /// A shard panicked: nobody waits for it.
    is_broken: AtomicBool,
    asleep: AtomicUsize,
    bed: Mutex<()>,
    bell: Condvar,
}

/// What one shows to the others.
#[derive(Default)]
struct Shard {
    next: AtomicU64,
    inputs: AtomicU64,
    mail: Mutex<Vec<Event>>,
}

/// How often somebody who waits looks before they sleep: some ten microseconds.
const LOOKS: u32 = 500;

impl Gate {
    pub(super) fn new(shards: usize) -> Self {
        Self {
            shards: (0..shards).map(|_| Shard::default()).collect(),
            arrived: AtomicUsize::new(0),
            round: AtomicU64::new(0),
            next: AtomicU64::new(0),
            is_broken: AtomicBool::new(false),
            asleep: AtomicUsize::new(0),
            bed: Mutex::new(()),
            bell: Condvar::new(),
        }
    }

    pub(super) fn shards(&self) -> usize {
        self.shards.len()
    }

    /// Brings events to another shard, which takes them after the next meeting.
    pub(super) fn bring(&self, to: usize, events: &mut Vec<Event>) {
        self.shards[to].mail.lock().unwrap_or_else(PoisonError::into_inner).append(events);
    }

    /// What was brought to a shard.
    pub(super) fn take(&self, shard: usize, mut take: impl FnMut(Event)) {
        self.shards[shard].mail.lock().unwrap_or_else(PoisonError::into_inner).drain(..).for_each(&mut take);
    }

    /// Shows how much a shard has handled; how much all have.
    pub(super) fn show_inputs(&self, shard: usize, inputs: u64) -> u64 {
        self.shards[shard].inputs.store(inputs, Ordering::Relaxed);
        self.shards.iter().map(|shard| shard.inputs.load(Ordering::Relaxed)).sum()
    }

    /// Waits until all shards are here, and says when something happens next anywhere: the least of what they say. Meanwhile does what can be
    /// done at any time, until that says that there is nothing left.
    pub(super) fn meet(&self, shard: usize, next: Millis, mut meanwhile: impl FnMut() -> bool) -> Millis {
        self.shards[shard].next.store(next, Ordering::Relaxed);
        let round = self.round.load(Ordering::SeqCst);
        if self.arrived.fetch_add(1, Ordering::AcqRel) + 1 == self.shards.len() {
            let next = self.shards.iter().map(|shard| shard.next.load(Ordering::Relaxed)).min().unwrap_or(next);
            self.next.store(next, Ordering::Relaxed);
            self.arrived.store(0, Ordering::Relaxed);
            self.round.store(round + 1, Ordering::SeqCst);
            if self.asleep.load(Ordering::SeqCst) > 0 {
                self.wake_all();
            }
            return next;
        }
        let is_open = || self.round.load(Ordering::SeqCst) != round || self.is_broken.load(Ordering::SeqCst);
        let mut looks = 0;
        while !is_open() && looks < LOOKS {
            if !meanwhile() {
                looks += 1;
                std::hint::spin_loop();
            }
        }
        if !is_open() {
            let mut bed = self.bed.lock().unwrap_or_else(PoisonError::into_inner);
            self.asleep.fetch_add(1, Ordering::SeqCst);
            while !is_open() {
                bed = self.bell.wait(bed).unwrap_or_else(PoisonError::into_inner);
            }
            self.asleep.fetch_sub(1, Ordering::SeqCst);
        }
        assert!(!self.is_broken.load(Ordering::SeqCst), "another shard panicked");
        self.next.load(Ordering::Relaxed)
    }

    /// Does a shard's part. If it panics, the others do not wait for it.
    pub(super) fn guard<R>(&self, part: impl FnOnce() -> R) -> R {
        struct Broken<'a>(&'a Gate);
        impl Drop for Broken<'_> {
            fn drop(&mut self) {
                if std::thread::panicking() {
                    self.0.is_broken.store(true, Ordering::SeqCst);
                    self.0.wake_all();
                }
            }
        }
        let _broken = Broken(self);
        part()
    }

    fn wake_all(&self) {
        let _bed = self.bed.lock().unwrap_or_else(PoisonError::into_inner);
        self.bell.notify_all();
    }
}
