//! Sealing again what is owed in a room, when its group or its branch changed: some rows at a time, in the order in which they are owed.

use std::collections::BTreeMap;

use super::ctx::Ctx;
use super::lane::{order_of, row_key};
use super::node::State;
use super::timer::Timer;
use crate::types::limits::RESEAL_ROWS_MAX;
use crate::types::{AccountId, EnvelopeId, RoomId, Scan, Table};
use crate::wire::codec;
use crate::wire::row::{self, Cargo, RoomKind};

/// Rooms whose owed contents are being sealed again.
#[derive(Debug, Default)]
pub(super) struct Reseals {
    rooms: BTreeMap<RoomId, Reseal>,
}

/// How far it is in one room.
#[derive(Debug)]
struct Reseal {
    /// What was sealed in these epochs; `None` for all but the present one.
    epochs: Option<Vec<[u8; 16]>>,
    /// Whose lanes are left, the next one last, each with the order from which on all is sealed as it should be.
    lanes: Vec<(AccountId, u64)>,
    /// How far the next one is.
    after: u64,
    /// By the hash of their contents: what was sealed, and in which epoch. Several accounts may be owed the same.
    sealed: BTreeMap<[u8; 32], (EnvelopeId, [u8; 16])>,
    /// Whether it is written down that this is to be done.
    is_noted: bool,
}

/// `Table::Meta`: `reseal/ | room`: what is to be sealed again: epochs and accounts, as in [`State::reseal_to`].
type Noted = (Option<Vec<[u8; 16]>>, Vec<AccountId>);

const PREFIX: &[u8] = b"reseal/";

fn noted_key(room: &RoomId) -> Vec<u8> {
    [PREFIX, &room.0[..]].concat()
}

impl State {
    /// Goes on where the process ended.
    pub(super) fn resume_reseals(&mut self, ctx: &mut Ctx) {
        for (key, value) in ctx.scan(&Scan::prefix(Table::Meta, PREFIX)) {
            let Some(room) = key.strip_prefix(PREFIX).and_then(RoomId::from_slice) else { continue };
            match row::decode::<Noted>(&value) {
                Ok((epochs, accounts)) if self.rooms.has(&room) => self.reseal_to(ctx, &room, &accounts, epochs.as_deref()),
                _ => ctx.delete(Table::Meta, key),
            }
        }
    }

    /// Whether what is owed in a room is being sealed again: what is new waits for its turn.
    pub(super) fn is_resealing(&self, room: &RoomId) -> bool {
        self.reseals.rooms.contains_key(room)
    }

    /// Seals again what is owed in a room: everything not sealed yet, and what was sealed in these epochs (`None`: in any but the present
    /// one). A message keeps its id, number and place; who has it already drops the copy.
    pub(super) fn reseal(&mut self, ctx: &mut Ctx, room: &RoomId, epochs: Option<&[[u8; 16]]>) {
        let row = ctx.row::<row::Room>(Table::Room, &room.0).filter(|row| row.kind == RoomKind::Direct);
        let accounts = row.map_or_else(|| self.outbox.busy_accounts(), |row| row.members);
        self.reseal_to(ctx, room, &accounts, epochs);
    }

    /// The same for some accounts.
    pub(super) fn reseal_to(&mut self, ctx: &mut Ctx, room: &RoomId, accounts: &[AccountId], epochs: Option<&[[u8; 16]]>) {
        if !self.rooms.has(room) {
            return;
        }
        let mut accounts: Vec<AccountId> = accounts.iter().copied().filter(|account| self.outbox.is_busy(account)).collect();
        let mut epochs = epochs.map(<[_]>::to_vec);
        let mut is_noted = false;
        // What is under way begins again, with both.
        if let Some(before) = self.reseals.rooms.remove(room) {
            accounts.extend(before.lanes.iter().map(|(account, _)| *account));
            epochs = epochs.zip(before.epochs).map(|(mut one, other)| {
                one.extend(other);
                one
            });
            is_noted = before.is_noted;
        }
        accounts.sort_unstable();
        accounts.dedup();
        let lanes = accounts.into_iter().map(|account| (account, self.outbox.next_order(&account))).rev().collect();
        self.reseals.rooms.insert(*room, Reseal { epochs, lanes, after: 0, sealed: BTreeMap::new(), is_noted });
        self.reseal_some(ctx, room);
    }

    /// Goes on with one room.
    pub(super) fn on_reseal(&mut self, ctx: &mut Ctx) {
        let room = self.reseals.rooms.keys().next().copied();
        if let Some(room) = room {
            self.reseal_some(ctx, &room);
        }
        if !self.reseals.rooms.is_empty() {
            self.timers.sooner(Timer::Reseal, ctx.now.mono);
        }
    }

    fn reseal_some(&mut self, ctx: &mut Ctx, room: &RoomId) {
        let Some(mut work) = self.reseals.rooms.remove(room) else { return };
        let mut budget = RESEAL_ROWS_MAX;
        while let Some((account, until)) = work.lanes.last().copied() {
            let first = work.after;
            let is_done = self.reseal_lane(ctx, room, &account, until, &mut work, &mut budget);
            self.outbox.rewind_to(&account, first + 1);
            self.pump(ctx, &account);
            if !is_done {
                break;
            }
            work.lanes.pop();
            work.after = 0;
        }
        if work.lanes.is_empty() || !self.rooms.has(room) {
            if work.is_noted {
                ctx.delete(Table::Meta, noted_key(room));
            }
            return;
        }
        if !work.is_noted {
            let noted: Noted = (work.epochs.clone(), work.lanes.iter().map(|(account, _)| *account).collect());
            ctx.put(Table::Meta, noted_key(room), &noted);
            work.is_noted = true;
        }
        self.reseals.rooms.insert(*room, work);
        self.timers.sooner(Timer::Reseal, ctx.now.mono);
    }

    /// Seals some of what one account is owed; whether that was all of it.
    fn reseal_lane(
        &mut self,
        ctx: &mut Ctx,
        room: &RoomId,
        account: &AccountId,
        until: u64,
        work: &mut Reseal,
        budget: &mut usize,
    ) -> bool {
        loop {
            let limit = (*budget).min(SCAN_ROWS);
            if limit == 0 {
                return false;
            }
            let scan = Scan::prefix(Table::Outbox, account.0).after(row_key(account, work.after)).limit(limit);
            let rows = ctx.scan(&scan);
            let is_end = rows.len() < limit;
            *budget -= rows.len();
            for (key, value) in rows {
                let Some(order) = order_of(&key) else { continue };
                work.after = order;
                if let Ok(row) = row::decode::<row::Outbox>(&value)
                    && !self.reseal_row(ctx, room, account, (order, until), row, work)
                {
                    return true;
                }
            }
            if is_end {
                return true;
            }
        }
    }

    /// `false` when nothing can be sealed.
    fn reseal_row(
        &mut self,
        ctx: &mut Ctx,
        room: &RoomId,
        account: &AccountId,
        (order, until): (u64, u64),
        row: row::Outbox,
        work: &mut Reseal,
    ) -> bool {
        let present = self.rooms.epoch(room).map(|(_, id)| id);
        let is_of_room = row.cargo.room() == Some(*room);
        let is_left = match &work.epochs {
            Some(epochs) => epochs.contains(&row.epoch),
            None => Some(row.epoch) != present,
        };
        if !is_of_room || !(row.envelope.is_none() || (order < until && is_left)) {
            return true;
        }
        if matches!(row.cargo, Cargo::Commit { .. }) {
            // Members of the losing branch still need it to know that it lost; another group's commits mean nothing.
            if work.epochs.is_none() {
                self.withdraw(ctx, account, &row);
                self.settle(ctx, account, order, &row);
            }
            return true;
        }
        let content = self.content_of(ctx, &row.cargo).filter(|_| self.rooms.has_member(room, account));
        let Some(content) = content else {
            // What was sealed before they were taken out may be there, or arrive yet: they say so, or that they cannot open it.
            if row.envelope.is_none() || !matches!(row.cargo, Cargo::Message { .. }) {
                self.give_up(ctx, account, order, &row);
            }
            return true;
        };
        let content = codec::encode(&content);
        let hash = *blake3::hash(&content).as_bytes();
        let known = work.sealed.get(&hash).filter(|(_, epoch)| Some(*epoch) == present);
        let known = known.and_then(|(envelope, epoch)| Some((super::outbox::sealed(ctx, envelope)?, *epoch)));
        let (bytes, epoch) = match known {
            Some(known) => known,
            None => match self.rooms.seal(ctx, room, &content) {
                Ok(fresh) => (fresh.envelope, fresh.epoch),
                Err(error) => {
                    tracing::error!(?error, "a message could not be sealed again; it stays in the outbox");
                    return false;
                }
            },
        };
        if row.shared {
            work.sealed.insert(hash, (super::outbox::id_of(&bytes), epoch));
        }
        self.replace(ctx, account, order, row, &bytes, epoch);
        true
    }
}

/// Rows read at a time.
const SCAN_ROWS: usize = 64;
