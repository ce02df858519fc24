//! One inbox: its counters, what is put in, what is taken out. The busy ones are kept in memory, and every change is written
//! with what caused it, so that forgetting one here costs nothing.

use std::collections::BTreeMap;

use crate::proto::ctx::Ctx;
use crate::types::limits::{
    CONTROL_ENVELOPES_MAX, CONTROL_LANE_BYTES_MAX, INBOX_ENVELOPES_MAX, INBOXES_CACHED_MAX, STRANGER_ENVELOPES_MAX, TOKEN_SHARE_PERCENT,
};
use crate::types::{InboxId, Millis, Scan, Table, View};
use crate::wire::row as rows;

use super::acked::Acked;
use super::body::{self, Body};
use super::row::{
    COUNTS, Counts, Due, Hold, Part, Registration, Sum, Tally, Usage, due_of, held_key, reader_key, run_key, sequence_of, tally_key,
    usage_key,
};

/// One inbox.
pub(super) struct Inbox {
    /// Its id.
    pub(super) id: InboxId,
    /// Who owns and reads it.
    pub(super) registration: Registration,
    /// Its counters.
    pub(super) tally: Tally,
    usage: BTreeMap<[u8; 16], Usage>,
}

impl Inbox {
    /// A fresh one.
    pub(super) fn new(id: InboxId, registration: Registration) -> Self {
        Self { id, registration, tally: Tally::default(), usage: BTreeMap::new() }
    }

    fn load(ctx: &Ctx, id: &InboxId) -> Option<Self> {
        let registration = ctx.row(Table::Inbox, &id.0)?;
        let tally = ctx.row(Table::Inbox, &tally_key(id)).unwrap_or_default();
        Some(Self { id: *id, registration, tally, usage: BTreeMap::new() })
    }

    /// Writes the registration.
    pub(super) fn save_registration(&self, ctx: &mut Ctx) {
        ctx.put(Table::Inbox, self.id.0, &self.registration);
    }

    /// Writes the counters.
    pub(super) fn save_tally(&self, ctx: &mut Ctx) {
        ctx.put(Table::Inbox, tally_key(&self.id), &self.tally);
    }

    /// Whether one more entry fits, of `quota` bytes in all for messages and hand-overs.
    pub(super) fn has_room(&mut self, ctx: &Ctx, quota: u64, entry: &Hold) -> bool {
        let share = |limit: u64| limit / 100 * TOKEN_SHARE_PERCENT + limit % 100 * TOKEN_SHARE_PERCENT / 100;
        let fits = |sum: Sum, bytes: u64, count: u64| sum.bytes + entry.bytes <= bytes && sum.count < count;
        let usage = entry.token.map(|token| *self.usage(ctx, &token)).unwrap_or_default();
        match entry.part {
            Part::Chat => {
                fits(self.tally.chat, quota.saturating_sub(self.tally.handover.bytes), INBOX_ENVELOPES_MAX)
                    && fits(usage.chat, share(quota), share(INBOX_ENVELOPES_MAX))
            }
            Part::Control => {
                fits(self.tally.control, CONTROL_LANE_BYTES_MAX, CONTROL_ENVELOPES_MAX)
                    && fits(usage.control, share(CONTROL_LANE_BYTES_MAX), share(CONTROL_ENVELOPES_MAX))
            }
            Part::Stranger => self.tally.stranger.count < STRANGER_ENVELOPES_MAX,
            Part::Report => true,
        }
    }

    /// Puts an entry at the end, and gives its place. The caller knows that there is room and that it is not held yet.
    pub(super) fn hold(&mut self, ctx: &mut Ctx, body: &mut Body, entry: &Hold) -> u64 {
        let sequence = self.tally.next;
        self.tally.next += 1;
        ctx.put(Table::Held, held_key(&self.id, sequence), entry);
        body.add(ctx, &self.id, sequence);
        self.expire_later(ctx, due_of(entry.until), sequence);
        self.tally.part(entry.part).add(entry.bytes);
        self.use_token(ctx, entry, Sum::add);
        self.save_tally(ctx);
        sequence
    }

    /// Takes an entry out; the sealed bytes go with their last holder.
    pub(super) fn release(&mut self, ctx: &mut Ctx, sequence: u64, entry: &Hold) {
        ctx.delete(Table::Held, held_key(&self.id, sequence));
        body::release(ctx, &entry.envelope, &self.id);
        self.tally.part(entry.part).sub(entry.bytes);
        self.use_token(ctx, entry, Sum::sub);
        self.save_tally(ctx);
    }

    /// What a reader acknowledged.
    pub(super) fn acked(&self, ctx: &Ctx, reader: &[u8; 32]) -> Acked {
        ctx.row(Table::Inbox, &reader_key(&self.id, reader)).unwrap_or_default()
    }

    /// The first place that is still held, or the next one.
    pub(super) fn first(&self, ctx: &Ctx) -> u64 {
        let rows = ctx.scan(&Scan::prefix(Table::Held, self.id.0).limit(1));
        rows.first().and_then(|(key, _)| sequence_of(key)).unwrap_or(self.tally.next)
    }

    /// Entries that expire at one time and follow each other share a row. An empty inbox needs no earlier one.
    fn expire_later(&mut self, ctx: &mut Ctx, due: Millis, sequence: u64) {
        if self.tally.run.is_some_and(|(latest, _)| latest == due) {
            return;
        }
        if let Some((latest, first)) = self.tally.run.filter(|_| self.tally.entries() == 0) {
            ctx.delete(Table::Expiry, run_key(latest, &self.id, first));
        }
        self.tally.run = Some((due, sequence));
        ctx.put(Table::Expiry, run_key(due, &self.id, sequence), &Due::Run(sequence));
    }

    fn use_token(&mut self, ctx: &mut Ctx, entry: &Hold, change: fn(&mut Sum, u64)) {
        let Some(token) = entry.token else { return };
        let key = usage_key(&self.id, &token);
        let usage = self.usage(ctx, &token);
        match entry.part {
            Part::Control => change(&mut usage.control, entry.bytes),
            Part::Chat | Part::Stranger | Part::Report => change(&mut usage.chat, entry.bytes),
        }
        if *usage == Usage::default() {
            ctx.delete(Table::Inbox, key);
        } else {
            ctx.put(Table::Inbox, key, usage);
        }
    }

    fn usage(&mut self, ctx: &Ctx, token: &[u8; 16]) -> &mut Usage {
        if self.usage.len() >= USAGES_CACHED_MAX && !self.usage.contains_key(token) {
            self.usage.clear();
        }
        self.usage.entry(*token).or_insert_with(|| ctx.row(Table::Inbox, &usage_key(&self.id, token)).unwrap_or_default())
    }
}

/// All inboxes served: their number, and the busy ones. When one generation of the cache is full, it replaces the older one.
pub(super) struct Inboxes {
    /// How many there are.
    pub(super) counts: Counts,
    young: BTreeMap<InboxId, Inbox>,
    old: BTreeMap<InboxId, Inbox>,
}

impl Inboxes {
    /// As the store has them.
    pub(super) fn open(view: &dyn View) -> Self {
        let counts = view.get(Table::Meta, COUNTS).and_then(|bytes| rows::decode(&bytes).ok()).unwrap_or_default();
        Self { counts, young: BTreeMap::new(), old: BTreeMap::new() }
    }

    /// An inbox, whether it is being left or not.
    pub(super) fn find(&mut self, ctx: &Ctx, id: &InboxId) -> Option<&mut Inbox> {
        if !self.young.contains_key(id) {
            let inbox = match self.old.remove(id) {
                Some(inbox) => inbox,
                None => Inbox::load(ctx, id)?,
            };
            self.insert(inbox);
        }
        self.young.get_mut(id)
    }

    /// An inbox that is served.
    pub(super) fn served(&mut self, ctx: &Ctx, id: &InboxId) -> Option<&mut Inbox> {
        self.find(ctx, id).filter(|inbox| !inbox.registration.leaving)
    }

    /// Keeps an inbox in memory.
    pub(super) fn insert(&mut self, inbox: Inbox) {
        if self.young.len() >= INBOXES_CACHED_MAX / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(inbox.id, inbox);
    }

    /// Forgets what is in memory of an inbox.
    pub(super) fn forget(&mut self, id: &InboxId) {
        self.young.remove(id);
        self.old.remove(id);
    }

    /// Writes the number of inboxes.
    pub(super) fn save_counts(&self, ctx: &mut Ctx) {
        ctx.put(Table::Meta, COUNTS, &self.counts);
    }
}

/// Tokens whose counters are in memory for each inbox.
const USAGES_CACHED_MAX: usize = 64;
