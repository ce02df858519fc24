//! How far this machine's clock is from those of the nodes it meets. It decides nothing: a clock that is wrong puts messages in the wrong
//! place, and the person whose clock it is should hear of it.

use std::collections::BTreeMap;

use super::ctx::Ctx;
use super::node::State;
use crate::types::limits::{CLOCK_NOTICE_MS, WITNESSES_MAX};
use crate::types::time::MINUTE;
use crate::types::{Millis, Now, PeerId, Table};
use crate::wire::row;

/// What the nodes that were met said the time is.
#[derive(Debug, Default)]
pub(super) struct Skew {
    /// How far our clock is ahead of theirs, in milliseconds.
    ahead: BTreeMap<PeerId, i64>,
    /// Our wall clock less our monotonic one, when these were last true.
    base: Option<i64>,
    told: Option<row::Skew>,
}

impl Skew {
    /// This machine's clock may have been set meanwhile: then the differences are others.
    fn observe(&mut self, now: Now) {
        let base = signed(now.wall).saturating_sub(signed(now.mono));
        let moved = base.saturating_sub(self.base.replace(base).unwrap_or(base));
        self.ahead.values_mut().for_each(|ahead| *ahead = ahead.saturating_add(moved));
    }

    /// The one in the middle, when that is worth a word: a single wrong clock among several does not decide. Of two in the middle the
    /// nearer one.
    fn notice(&self) -> Option<row::Skew> {
        let mut all: Vec<i64> = self.ahead.values().copied().collect();
        all.sort_unstable();
        let middle = all.get((all.len().saturating_sub(1)) / 2..=all.len() / 2)?;
        let ahead = middle.iter().copied().min_by_key(|ahead| ahead.unsigned_abs())?;
        // Whole minutes, so that it is not written for every second.
        let minute = signed(MINUTE);
        let is_far = ahead.unsigned_abs() >= CLOCK_NOTICE_MS;
        is_far.then(|| row::Skew { ahead_ms: ahead / minute * minute, witnesses: all.len() as u64 })
    }
}

fn signed(ms: Millis) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}

impl State {
    /// A node said what time it is there, on a stream.
    pub(super) fn note_time(&mut self, ctx: &mut Ctx, peer: PeerId, theirs: Millis) {
        self.skew.observe(ctx.now);
        if self.skew.ahead.len() >= WITNESSES_MAX && !self.skew.ahead.contains_key(&peer) {
            self.skew.ahead.pop_first();
        }
        self.skew.ahead.insert(peer, signed(ctx.now.wall).saturating_sub(signed(theirs)));
        self.tell_skew(ctx);
    }

    /// Writes down what a person should know of the clock, and that it is over.
    pub(super) fn tell_skew(&mut self, ctx: &mut Ctx) {
        self.skew.observe(ctx.now);
        let notice = self.skew.notice();
        if notice == self.skew.told {
            return;
        }
        match &notice {
            Some(notice) => ctx.put(Table::Meta, row::META_SKEW, notice),
            None => ctx.delete(Table::Meta, row::META_SKEW),
        }
        self.skew.told = notice;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::time::HOUR;

    #[test]
    fn the_clock_in_the_middle_counts_until_ours_is_set() {
        let mut skew = Skew::default();
        let now = |mono, wall| Now { mono, wall };
        skew.observe(now(0, 100 * HOUR));
        let hour = signed(HOUR);
        skew.ahead = [(1, 2 * hour), (2, 2 * hour + 5), (3, -900 * hour)].map(|(at, ahead)| (PeerId([at; 32]), ahead)).into();
        assert_eq!(skew.notice(), Some(row::Skew { ahead_ms: 2 * hour, witnesses: 3 }));
        skew.observe(now(HOUR, 101 * HOUR));
        assert_eq!(skew.notice().map(|notice| notice.ahead_ms), Some(2 * hour), "time went on");
        skew.observe(now(HOUR, 99 * HOUR));
        assert_eq!(skew.notice(), None, "it was set back by two hours");
    }
}
