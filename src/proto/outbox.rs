//! What we owe: one row for each envelope and account, until receipts say that it arrived.

use std::collections::{BTreeMap, BTreeSet};

use super::ctx::Ctx;
use super::node::State;
use super::seam::Event;
use crate::types::limits::{ENVELOPE_TTL_MS, OUTBOX_PAGE, RETRY_MS_MIN};
use crate::types::{AccountId, DeviceId, EnvelopeId, Millis, PeerId, RoomId, Scan, Table, View};
use crate::wire::content::{Body, Content};
use crate::wire::row::{self, Cargo, RoomKind};
use crate::wire::{codec, envelope};

/// Which accounts are owed something, and what of it is on its way.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    lanes: BTreeMap<AccountId, Lane>,
}

/// What is owed to one account, in order.
#[derive(Debug, Default)]
pub(super) struct Lane {
    /// The order that the next row gets.
    next: u64,
    /// Rows there are.
    pub(super) rows: u64,
    /// Those that a newer one replaces: requests and welcomes, and own cards.
    knocks: BTreeSet<u64>,
    cards: BTreeSet<u64>,
    /// Since when there has been no way that took it all, on the monotonic clock.
    pub(super) waiting_since: Millis,
    /// What is on its way, by the peer that it went to.
    pub(super) flights: BTreeMap<PeerId, Flight>,
}

/// What one peer was sent of a lane and has not answered.
#[derive(Debug, Default)]
pub(super) struct Flight {
    /// When it began.
    pub(super) since: Millis,
    /// The highest order looked at.
    pub(super) cursor: u64,
    /// Envelopes without an answer: their order and size.
    pub(super) inflight: BTreeMap<EnvelopeId, (u64, usize)>,
    /// Their size together.
    pub(super) bytes: usize,
    /// When the last answer came, or the first of these was sent.
    pub(super) progress_at: Millis,
    /// After a refusal: not before then.
    pub(super) paused_until: Millis,
    /// What the device cannot open yet goes again then, and how often that was so.
    pub(super) again_at: Millis,
    pub(super) deferrals: u32,
}

impl Flight {
    /// An answer came; gives the order it is about.
    pub(super) fn land(&mut self, envelope: &EnvelopeId, now: Millis) -> Option<u64> {
        let (order, size) = self.inflight.remove(envelope)?;
        self.bytes = self.bytes.saturating_sub(size);
        self.progress_at = now;
        Some(order)
    }

    /// The device cannot open something yet; gives when to try again: later each time.
    pub(super) fn defer(&mut self, now: Millis) -> Millis {
        if self.again_at <= now {
            self.again_at = now + (RETRY_MS_MIN << self.deferrals.min(DEFERRALS_MAX));
            self.deferrals += 1;
        }
        self.again_at
    }

    /// The device takes what it is sent.
    pub(super) fn accept(&mut self) {
        (self.again_at, self.deferrals) = (0, 0);
    }

    /// Looks at every row again, when nothing is on its way and no wait was asked for.
    pub(super) fn look_again(&mut self, now: Millis) {
        if self.inflight.is_empty() && self.again_at <= now {
            self.cursor = 0;
        }
    }

    /// Everything in it may be sent again.
    pub(super) fn rewind(&mut self) {
        self.cursor = 0;
        self.inflight.clear();
        self.bytes = 0;
    }
}

impl Lane {
    fn note(&mut self, order: u64, cargo: &Cargo) {
        match cargo {
            Cargo::Knock => _ = self.knocks.insert(order),
            Cargo::Content { content, .. } => {
                if codec::decode::<Content>(content).is_ok_and(|content| matches!(content.body, Body::Card { .. })) {
                    self.cards.insert(order);
                }
            }
            Cargo::Message { .. } | Cargo::Commit { .. } | Cargo::Copy => {}
        }
    }
}

impl Outbox {
    /// As the store has it: one look for each account that is owed something.
    pub(super) fn open(view: &dyn View) -> Self {
        let mut outbox = Self::default();
        let mut after: Option<Vec<u8>> = None;
        loop {
            let scan = Scan { after: after.clone(), ..Scan::prefix(Table::Outbox, []).limit(1) };
            let Some(account) = view.scan(&scan).first().and_then(|(key, _)| AccountId::from_slice(key.get(..32)?)) else { break };
            let mut lane = Lane { next: 1, ..Lane::default() };
            for (key, value) in view.scan(&Scan::prefix(Table::Outbox, account.0)) {
                let Some(order) = order_of(&key) else { continue };
                lane.next = order + 1;
                lane.rows += 1;
                if let Ok(row) = row::decode::<row::Outbox>(&value) {
                    lane.note(order, &row.cargo);
                }
            }
            outbox.lanes.insert(account, lane);
            after = Some([&account.0[..], &[0xff; 9]].concat());
        }
        outbox
    }

    pub(super) fn get_mut(&mut self, account: &AccountId) -> Option<&mut Lane> {
        self.lanes.get_mut(account)
    }

    pub(super) fn is_busy(&self, account: &AccountId) -> bool {
        self.lanes.get(account).is_some_and(|lane| lane.rows > 0)
    }

    /// Whether an account is owed a request or welcome.
    pub(super) fn has_knocks(&self, account: &AccountId) -> bool {
        self.lanes.get(account).is_some_and(|lane| !lane.knocks.is_empty())
    }

    /// How many rows an account is owed.
    pub(super) fn owed(&self, account: &AccountId) -> u64 {
        self.lanes.get(account).map_or(0, |lane| lane.rows)
    }

    /// The accounts that are owed something.
    pub(super) fn busy_accounts(&self) -> Vec<AccountId> {
        self.lanes.iter().filter(|(_, lane)| lane.rows > 0).map(|(account, _)| *account).collect()
    }

    /// The peer is gone: what it was sent goes again, by whatever way. Whether there was something.
    pub(super) fn forget_flight(&mut self, account: &AccountId, peer: &PeerId) -> bool {
        self.lanes.get_mut(account).is_some_and(|lane| lane.flights.remove(peer).is_some())
    }

    /// Looks at every row of an account again.
    pub(super) fn rewind(&mut self, account: &AccountId) {
        for flight in self.lanes.get_mut(account).into_iter().flat_map(|lane| lane.flights.values_mut()) {
            flight.cursor = 0;
        }
    }

    /// The accounts whose flight to this peer has the envelope, with its order there.
    pub(super) fn land(&mut self, peer: &PeerId, envelope: &EnvelopeId, now: Millis) -> Vec<(AccountId, u64)> {
        let lanes = self.lanes.iter_mut();
        lanes.filter_map(|(account, lane)| Some((*account, lane.flights.get_mut(peer)?.land(envelope, now)?))).collect()
    }
}

/// `account | order`.
pub(super) fn row_key(account: &AccountId, order: u64) -> Vec<u8> {
    [&account.0[..], &order.to_be_bytes()].concat()
}

/// The order in such a key.
pub(super) fn order_of(key: &[u8]) -> Option<u64> {
    key.get(32..).and_then(|order| order.try_into().ok()).map(u64::from_be_bytes)
}

fn ref_key(envelope: &EnvelopeId, account: &AccountId) -> Vec<u8> {
    [&envelope.0[..], &account.0[..]].concat()
}

/// Keeps the sealed bytes of an envelope, with whom they are owed to. An account that is owed them alone stands before the bytes, those
/// that share them in rows of their own.
fn keep(ctx: &mut Ctx, envelope: &EnvelopeId, bytes: &[u8], (account, order): (&AccountId, u64), shared: bool) {
    ctx.put_raw(Table::Envelope, envelope.0, row::sealed_row((!shared).then_some((*account, order)), bytes));
    if shared {
        ctx.put_raw(Table::Envelope, ref_key(envelope, account), order.to_be_bytes());
    }
}

/// The sealed bytes of an envelope.
pub(super) fn sealed(ctx: &Ctx, envelope: &EnvelopeId) -> Option<Vec<u8>> {
    let mut row = ctx.get(Table::Envelope, &envelope.0)?;
    let head = row.len() - row::sealed(&row)?.1.len();
    row.drain(..head);
    Some(row)
}

/// The account that is owed an envelope alone, with its order.
fn sole(ctx: &Ctx, envelope: &EnvelopeId) -> Option<(AccountId, u64)> {
    row::sealed(&ctx.get(Table::Envelope, &envelope.0)?)?.0
}

/// The id of an envelope.
pub(super) fn id_of(bytes: &[u8]) -> EnvelopeId {
    EnvelopeId(*blake3::hash(bytes).as_bytes())
}

impl State {
    /// Owes an account an envelope, or (without bytes) a message that is sealed once its room is there. Gives its order.
    pub(super) fn owe(
        &mut self,
        ctx: &mut Ctx,
        account: &AccountId,
        cargo: Cargo,
        bytes: Option<&[u8]>,
        epoch: [u8; 16],
        shared: bool,
    ) -> u64 {
        let lane = self.outbox.lanes.entry(*account).or_insert_with(|| Lane { next: 1, ..Lane::default() });
        let order = lane.next;
        lane.next += 1;
        if lane.rows == 0 {
            lane.waiting_since = ctx.now.mono;
        }
        lane.rows += 1;
        lane.note(order, &cargo);
        let envelope = bytes.map(id_of);
        if let (Some(id), Some(bytes)) = (envelope, bytes) {
            keep(ctx, &id, bytes, (account, order), shared);
        }
        let row = row::Outbox { cargo, envelope, epoch, shared, since: ctx.now.wall, held: Vec::new(), delivered: Vec::new() };
        ctx.put(Table::Outbox, row_key(account, order), &row);
        order
    }

    /// Up to a page of what an account is owed, after an order.
    pub(super) fn owed_after(&self, ctx: &Ctx, account: &AccountId, after: u64) -> Vec<(u64, row::Outbox)> {
        self.owed_page(ctx, account, after, OUTBOX_PAGE)
    }

    /// Up to so many rows of what an account is owed, after an order.
    pub(super) fn owed_page(&self, ctx: &Ctx, account: &AccountId, after: u64, limit: usize) -> Vec<(u64, row::Outbox)> {
        // Most often nothing has come since, and that is known without looking.
        if self.outbox.lanes.get(account).is_none_or(|lane| after + 1 >= lane.next) {
            return Vec::new();
        }
        let scan = Scan::prefix(Table::Outbox, account.0).after(row_key(account, after)).limit(limit);
        let rows = ctx.scan(&scan).into_iter();
        rows.filter_map(|(key, value)| Some((order_of(&key)?, row::decode(&value).ok()?))).collect()
    }

    pub(super) fn owed_row(&self, ctx: &Ctx, account: &AccountId, order: u64) -> Option<row::Outbox> {
        ctx.row(Table::Outbox, &row_key(account, order))
    }

    /// The order of an envelope in an account's lane, from the store.
    pub(super) fn order_in(&self, ctx: &Ctx, account: &AccountId, envelope: &EnvelopeId) -> Option<u64> {
        match sole(ctx, envelope) {
            Some((other, order)) => (other == *account).then_some(order),
            None => ctx.get(Table::Envelope, &ref_key(envelope, account)).and_then(|order| order.try_into().ok()).map(u64::from_be_bytes),
        }
    }

    /// The accounts that are owed an envelope, with their order.
    pub(super) fn sharers(&self, ctx: &Ctx, envelope: &EnvelopeId) -> Vec<(AccountId, u64)> {
        let rows = ctx.scan(&Scan::prefix(Table::Envelope, envelope.0).after(envelope.0)).into_iter();
        let listed =
            rows.filter_map(|(key, order)| Some((AccountId::from_slice(key.get(32..)?)?, u64::from_be_bytes(order.try_into().ok()?))));
        sole(ctx, envelope).into_iter().chain(listed).collect()
    }

    /// Nothing is owed any more by this row.
    pub(super) fn settle(&mut self, ctx: &mut Ctx, account: &AccountId, order: u64, row: &row::Outbox) {
        ctx.delete(Table::Outbox, row_key(account, order));
        self.release(ctx, account, row);
        let Some(lane) = self.outbox.lanes.get_mut(account) else { return };
        lane.rows = lane.rows.saturating_sub(1);
        lane.knocks.remove(&order);
        lane.cards.remove(&order);
        if lane.rows == 0 {
            self.outbox.lanes.remove(account);
        }
    }

    /// Forgets the sealed bytes of a row, when no other account is owed them.
    pub(super) fn release(&mut self, ctx: &mut Ctx, account: &AccountId, row: &row::Outbox) {
        let Some(envelope) = row.envelope else { return };
        self.forget_work(&envelope);
        if row.shared {
            ctx.delete(Table::Envelope, ref_key(&envelope, account));
        }
        if !row.shared || self.sharers(ctx, &envelope).is_empty() {
            ctx.delete(Table::Envelope, envelope.0);
        }
        for flight in self.outbox.lanes.get_mut(account).into_iter().flat_map(|lane| lane.flights.values_mut()) {
            flight.land(&envelope, ctx.now.mono);
        }
    }

    /// A device has it, by its signed receipt.
    pub(super) fn settle_delivered(&mut self, ctx: &mut Ctx, account: &AccountId, order: u64, device: DeviceId) {
        let Some(mut row) = self.owed_row(ctx, account, order) else { return };
        if !row.delivered.contains(&device) {
            row.delivered.push(device);
        }
        let now = ctx.now.wall;
        self.change_custody(ctx, account, &row.cargo, |custody| {
            custody.delivered.get_or_insert(now);
            custody.expired = false;
        });
        let is_everywhere = self.contacts.devices(account).iter().all(|(device, _)| row.delivered.contains(device));
        if is_everywhere {
            self.settle(ctx, account, order, &row);
        } else {
            ctx.put(Table::Outbox, row_key(account, order), &row);
        }
    }

    /// A mailbox holds it, by its signed receipt.
    pub(super) fn settle_held(
        &mut self,
        ctx: &mut Ctx,
        account: &AccountId,
        order: u64,
        (mailbox, until): (PeerId, Millis),
        instead_of: Option<PeerId>,
    ) {
        let Some(mut row) = self.owed_row(ctx, account, order) else { return };
        let put = |held: &mut Vec<(PeerId, Millis)>| {
            held.retain(|(peer, _)| *peer != mailbox && Some(*peer) != instead_of);
            held.push((mailbox, until));
        };
        put(&mut row.held);
        self.change_custody(ctx, account, &row.cargo, |custody| put(&mut custody.held));
        // Messages and knocks are owed until their receiver answers; of the rest, copies in mailboxes are enough.
        let is_answered = matches!(row.cargo, Cargo::Message { .. } | Cargo::Knock);
        if !is_answered && row.held.len() >= self.copies_wanted(account) {
            self.settle(ctx, account, order, &row);
        } else {
            ctx.put(Table::Outbox, row_key(account, order), &row);
        }
    }

    /// Changes the custody of the message in a row, and says so.
    fn change_custody(&mut self, ctx: &mut Ctx, account: &AccountId, cargo: &Cargo, change: impl FnOnce(&mut row::Custody)) {
        let Cargo::Message { room, message } = cargo else { return };
        let Some(mut index) = ctx.row::<row::Index>(Table::Index, &message.0) else { return };
        let Some((_, custody)) = index.custody.iter_mut().find(|(other, _)| other == account) else { return };
        change(custody);
        ctx.put(Table::Index, message.0, &index);
        ctx.emit(Event::Custody { room: *room, message: *message });
    }

    /// Gives up what is owed for too long; it is shown as expired.
    pub(super) fn expire_owed(&mut self, ctx: &mut Ctx, account: &AccountId) {
        for (order, row) in self.owed_after(ctx, account, 0) {
            if row.since + ENVELOPE_TTL_MS > ctx.now.wall {
                break;
            }
            self.change_custody(ctx, account, &row.cargo, |custody| custody.expired = custody.delivered.is_none());
            self.settle(ctx, account, order, &row);
        }
    }

    /// Drops requests and welcomes that newer ones replace.
    pub(super) fn drop_knocks(&mut self, ctx: &mut Ctx, account: &AccountId) {
        self.drop_rows(ctx, account, |lane| &lane.knocks);
    }

    /// Drops own cards that a newer one replaces.
    pub(super) fn drop_older_cards(&mut self, ctx: &mut Ctx, account: &AccountId) {
        self.drop_rows(ctx, account, |lane| &lane.cards);
    }

    fn drop_rows(&mut self, ctx: &mut Ctx, account: &AccountId, which: impl Fn(&Lane) -> &BTreeSet<u64>) {
        let orders: Vec<u64> = self.outbox.lanes.get(account).into_iter().flat_map(|lane| which(lane).iter().copied()).collect();
        for order in orders {
            if let Some(row) = self.owed_row(ctx, account, order) {
                self.settle(ctx, account, order, &row);
            }
        }
    }

    /// Seals again what is owed in a room: everything not sealed yet, and what was sealed in these epochs (`None`: in any).
    /// A message keeps its id, number and place; who has it already drops the copy.
    pub(super) fn reseal(&mut self, ctx: &mut Ctx, room: &RoomId, epochs: Option<&[[u8; 16]]>) {
        if !self.rooms.has(room) {
            return;
        }
        let mut sealed: BTreeMap<Vec<u8>, (Vec<u8>, [u8; 16])> = BTreeMap::new();
        let row = ctx.row::<row::Room>(Table::Room, &room.0).filter(|row| row.kind == RoomKind::Direct);
        let accounts = row.map_or_else(|| self.outbox.busy_accounts(), |row| row.members);
        for account in accounts.into_iter().filter(|account| *account != ctx.keys.account_id()) {
            for (key, value) in ctx.scan(&Scan::prefix(Table::Outbox, account.0)) {
                let (Some(order), Ok(row)) = (order_of(&key), row::decode::<row::Outbox>(&value)) else { continue };
                let is_of_room = matches!(&row.cargo, Cargo::Message { room: other, .. } | Cargo::Content { room: other, .. } | Cargo::Commit { room: other } if other == room);
                let is_stale = row.envelope.is_none() || epochs.is_none_or(|epochs| epochs.contains(&row.epoch));
                if !is_of_room || !is_stale {
                    continue;
                }
                if matches!(row.cargo, Cargo::Commit { .. }) {
                    // Members of the losing branch still need it to know that it lost; another group's commits mean nothing.
                    if epochs.is_none() {
                        self.settle(ctx, &account, order, &row);
                    }
                    continue;
                }
                let Some(content) = self.content_of(ctx, &row.cargo) else {
                    self.settle(ctx, &account, order, &row);
                    continue;
                };
                let bytes = codec::encode(&content);
                let entry = match sealed.get(&bytes) {
                    Some(entry) => entry.clone(),
                    None => match self.rooms.seal(ctx, room, &bytes) {
                        Ok(fresh) => sealed.entry(bytes).or_insert((fresh.envelope, fresh.epoch)).clone(),
                        Err(error) => {
                            tracing::error!(?error, "a message could not be sealed again; it stays in the outbox");
                            return;
                        }
                    },
                };
                self.replace(ctx, &account, order, row, &entry.0, entry.1);
            }
            self.outbox.rewind(&account);
            self.pump(ctx, &account);
        }
    }

    /// Owes other bytes in the place of what a row owed.
    pub(super) fn replace(&mut self, ctx: &mut Ctx, account: &AccountId, order: u64, row: row::Outbox, bytes: &[u8], epoch: [u8; 16]) {
        self.release(ctx, account, &row);
        if !row.held.is_empty() {
            self.change_custody(ctx, account, &row.cargo, |custody| custody.held.clear());
        }
        let id = id_of(bytes);
        keep(ctx, &id, bytes, (account, order), row.shared);
        let fresh = row::Outbox { envelope: Some(id), epoch, held: Vec::new(), ..row };
        ctx.put(Table::Outbox, row_key(account, order), &fresh);
    }

    /// The content behind a row, to seal it.
    pub(super) fn content_of(&self, ctx: &Ctx, cargo: &Cargo) -> Option<Content> {
        match cargo {
            Cargo::Message { message, .. } => self.stored_content(ctx, message),
            Cargo::Content { content, .. } => codec::decode(content).ok(),
            Cargo::Commit { .. } | Cargo::Knock | Cargo::Copy => None,
        }
    }

    /// Whether a row belongs into the control lane of a mailbox.
    pub(super) fn is_control(cargo: &Cargo) -> bool {
        matches!(cargo, Cargo::Commit { .. } | Cargo::Knock)
    }
}

/// Doublings of the wait for a device that cannot open something yet: a minute at most.
const DEFERRALS_MAX: u32 = 5;

/// The kind byte of an envelope tells sealed ones, which a stranger may deposit.
pub(super) fn is_sealed(bytes: &[u8]) -> bool {
    envelope::Envelope::decode(bytes).is_ok_and(|envelope| envelope.kind == envelope::Kind::Sealed)
}
