//! Forgetting: what expired, what a removed reader kept, what a leaving owner leaves behind. Always in bounded steps.

use crate::proto::ctx::Ctx;
use crate::types::limits::{ENVELOPE_TTL_MS, EXPIRY_CHECK_MS, FORGET_ROWS_MAX, RECEIPT_STEP_MS};
use crate::types::time::HOUR;
use crate::types::{InboxId, Millis, Now, Scan, Table, View};
use crate::wire::row as rows;

use super::Service;
use super::acked::Acked;
use super::row::{CLOCK, Due, Hold, JobId, due_of, due_parts, held_key, run_key, sequence_of, task_key};

/// The clock by which a mailbox promises and forgets, and when it looks next.
///
/// A receipt promises custody until a moment on the wall clock, and a wall clock may be set wrong. This one follows the wall
/// clock, but never goes back, and never runs more than twice as fast as the monotonic clock; so a wall clock that jumps
/// ahead by a year does not make a year's promises void. When the node starts, the wall clock is believed, unless it is more than half
/// a [`ENVELOPE_TTL_MS`] ahead of where this clock was left: then it is approached as above.
pub(super) struct Expiry {
    clock: Millis,
    seen: Option<Millis>,
    written: Millis,
    check: Millis,
}

impl Expiry {
    /// As the store has it.
    pub(super) fn open(view: &dyn View) -> Self {
        let clock = view.get(Table::Meta, CLOCK).and_then(|bytes| rows::decode(&bytes).ok()).unwrap_or(0);
        Self { clock, seen: None, written: clock, check: 0 }
    }

    /// Time went on.
    pub(super) fn observe(&mut self, now: Now) {
        let believed = match self.seen {
            Some(seen) => now.wall.min(self.clock + 2 * now.mono.saturating_sub(seen)),
            None if self.clock == 0 || now.wall <= self.clock + ENVELOPE_TTL_MS / 2 => now.wall,
            None => self.clock,
        };
        self.clock = self.clock.max(believed);
        self.seen = Some(now.mono);
    }

    /// What time it is, for whoever is about to forget something.
    pub(super) fn clock(&mut self, now: Now) -> Millis {
        self.observe(now);
        self.clock
    }

    /// Until when something is held that is taken now.
    pub(super) fn promise(&self) -> Millis {
        (self.clock + ENVELOPE_TTL_MS) / RECEIPT_STEP_MS * RECEIPT_STEP_MS
    }

    /// There is something to forget at this time, on the monotonic clock.
    pub(super) fn check_at(&mut self, mono: Millis) {
        self.check = self.check.min(mono);
    }

    /// When to look next.
    pub(super) fn next(&self) -> Millis {
        self.check
    }
}

impl Service {
    /// One step of forgetting.
    pub(super) fn forget_step(&mut self, ctx: &mut Ctx) {
        let clock = self.expiry.clock;
        if clock >= self.expiry.written + HOUR {
            self.expiry.written = clock;
            ctx.put(Table::Meta, CLOCK, &clock);
        }
        self.expiry.check = ctx.now.mono;
        let mut budget = FORGET_ROWS_MAX;
        while budget > 0 {
            budget -= 1;
            let rows = ctx.scan(&Scan::prefix(Table::Expiry, []).limit(1));
            let first = rows.first().and_then(|(key, value)| due_parts(key).map(|(due, inbox)| (key, value, due, inbox)));
            let Some((key, value, due, inbox)) = first.filter(|(_, _, due, _)| *due <= clock) else {
                self.expiry.check = ctx.now.mono + EXPIRY_CHECK_MS;
                return;
            };
            let is_done = match rows::decode(value) {
                Ok(Due::Run(first)) => self.forget_run(ctx, inbox, due, first, &mut budget),
                Ok(Due::Sweep(after)) => self.sweep(ctx, inbox, after, &mut budget),
                Ok(Due::Leave) => self.forget_inbox(ctx, inbox, &mut budget),
                Ok(Due::Handover(envelope, to)) => {
                    self.expire_handover(ctx, &JobId { owner: inbox, envelope, to });
                    true
                }
                Err(_) => true,
            };
            if is_done {
                ctx.delete(Table::Expiry, key.clone());
            }
        }
    }

    /// Entries that were put in one after the other and are due at the same time.
    fn forget_run(&mut self, ctx: &mut Ctx, id: InboxId, due: Millis, first: u64, budget: &mut usize) -> bool {
        if self.inboxes.served(ctx, &id).is_none() {
            return true;
        }
        let (entries, is_end) = entries(ctx, &id, first.saturating_sub(1), budget);
        let is_last = is_end || entries.iter().any(|(_, hold)| due_of(hold.until) != due);
        for (sequence, hold) in entries.iter().take_while(|(_, hold)| due_of(hold.until) == due) {
            self.release(ctx, &id, *sequence, hold);
        }
        let Some(inbox) = self.inboxes.served(ctx, &id) else { return true };
        if is_last && inbox.tally.run == Some((due, first)) {
            inbox.tally.run = None;
            inbox.save_tally(ctx);
        }
        is_last
    }

    /// Releases what every reader that is left has acknowledged.
    fn sweep(&mut self, ctx: &mut Ctx, id: InboxId, after: u64, budget: &mut usize) -> bool {
        let Some(inbox) = self.inboxes.served(ctx, &id) else { return true };
        let readers: Vec<Acked> = inbox.registration.readers.iter().map(|reader| inbox.acked(ctx, reader)).collect();
        let (entries, is_end) = entries(ctx, &id, after, budget);
        for (sequence, hold) in &entries {
            if readers.iter().all(|acked| acked.has(*sequence)) {
                self.release(ctx, &id, *sequence, hold);
            }
        }
        if let Some((last, _)) = entries.last().filter(|_| !is_end) {
            ctx.put(Table::Expiry, task_key(&id, 0), &Due::Sweep(*last));
        }
        is_end
    }

    /// Everything of an inbox whose owner left; the registration goes last, so that nobody can take the id before.
    fn forget_inbox(&mut self, ctx: &mut Ctx, id: InboxId, budget: &mut usize) -> bool {
        if self.inboxes.find(ctx, &id).is_none() {
            return true;
        }
        let (held, is_end) = entries(ctx, &id, 0, budget);
        held.iter().for_each(|(sequence, hold)| self.release(ctx, &id, *sequence, hold));
        if !is_end {
            return false;
        }
        let Some(inbox) = self.inboxes.find(ctx, &id) else { return true };
        if let Some((due, first)) = inbox.tally.run.take() {
            ctx.delete(Table::Expiry, run_key(due, &id, first));
            inbox.save_tally(ctx);
        }
        if self.forget_handovers(ctx, id) {
            *budget = 0;
            return false;
        }
        let rows = ctx.scan(&Scan::prefix(Table::Inbox, id.0).after(id.0).limit(FORGET_ROWS_MAX));
        let is_done = rows.len() < FORGET_ROWS_MAX;
        rows.into_iter().for_each(|(key, _)| ctx.delete(Table::Inbox, key));
        if is_done {
            ctx.delete(Table::Inbox, id.0);
        }
        self.inboxes.forget(&id);
        *budget = 0;
        is_done
    }
}

/// The next entries of an inbox within the budget of this step, and whether they are the last.
fn entries(ctx: &Ctx, inbox: &InboxId, after: u64, budget: &mut usize) -> (Vec<(u64, Hold)>, bool) {
    let limit = (*budget).max(1);
    let rows = ctx.scan(&Scan::prefix(Table::Held, inbox.0).after(held_key(inbox, after)).limit(limit));
    *budget -= rows.len().min(*budget);
    let is_end = rows.len() < limit;
    (rows.iter().filter_map(|(key, value)| Some((sequence_of(key)?, rows::decode(value).ok()?))).collect(), is_end)
}
