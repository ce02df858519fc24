//! What takes long and touches no state of the node: proofs of work, the store's housekeeping. Off the loop, bounded, and broken off when
//! the node ends.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::JoinSet;

use crate::crypto::work;
use crate::store::Store;
use crate::types::limits::{WORK_WAITING_MAX, WORKERS_MAX};

/// What was done.
#[derive(Debug)]
pub(super) enum Done {
    /// The number that pays for this text.
    Paid { text: Vec<u8>, number: u64 },
    /// The proof was broken off.
    Unpaid,
    /// The housekeeping.
    Tended,
}

/// The jobs under way, and the proofs that wait.
#[derive(Default)]
pub(super) struct Jobs {
    running: JoinSet<Done>,
    proofs: usize,
    waiting: VecDeque<(Vec<u8>, u8)>,
    is_tending: bool,
    is_over: Arc<AtomicBool>,
}

impl Jobs {
    /// Seeks the number that pays; beyond `WORK_WAITING_MAX` the request is forgotten, and whoever needs it asks again.
    pub(super) fn pay(&mut self, text: Vec<u8>, bits: u8) {
        if self.waiting.len() < WORK_WAITING_MAX {
            self.waiting.push_back((text, bits));
            self.start();
        }
    }

    /// Lets the store do its housekeeping, unless it is still at it.
    pub(super) fn tend(&mut self, store: &Store) {
        if !std::mem::replace(&mut self.is_tending, true) {
            let store = store.clone();
            self.running.spawn_blocking(move || {
                if let Some(Err(error)) = store.tend() {
                    tracing::warn!(%error, "no snapshot was written");
                }
                Done::Tended
            });
        }
    }

    /// The next job that is done; waits for ever when there is none.
    pub(super) async fn next(&mut self) -> Option<(Vec<u8>, u64)> {
        let Some(done) = self.running.join_next().await else { return std::future::pending().await };
        match done {
            Ok(Done::Tended) => self.is_tending = false,
            Ok(Done::Paid { .. } | Done::Unpaid) => self.proofs -= 1,
            // A panic in a job: which one is not known, so both counts start anew.
            Err(_) => (self.proofs, self.is_tending) = (0, false),
        }
        self.start();
        if let Ok(Done::Paid { text, number }) = done { Some((text, number)) } else { None }
    }

    fn start(&mut self) {
        while self.proofs < WORKERS_MAX {
            let Some((text, bits)) = self.waiting.pop_front() else { return };
            self.proofs += 1;
            let is_over = Arc::clone(&self.is_over);
            self.running.spawn_blocking(move || {
                let found =
                    (0..u64::MAX).take_while(|_| !is_over.load(Ordering::Relaxed)).find(|number| work::is_paid(&text, *number, bits));
                found.map_or(Done::Unpaid, |number| Done::Paid { text, number })
            });
        }
    }
}

impl Drop for Jobs {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}
