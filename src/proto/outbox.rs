//! What we owe: one row for each envelope and account, until receipts say that it arrived.

use super::ctx::Ctx;
use super::lane::{Other, row_key};
use super::node::State;
use super::seam::Event;
use super::timer::Timer;
use crate::types::limits::{ENVELOPE_TTL_MS, OUTBOX_PAGE};
use crate::types::{AccountId, DeviceId, EnvelopeId, Millis, PeerId, Scan, Table};
use crate::wire::content::Content;
use crate::wire::row::{self, Cargo};
use crate::wire::{codec, envelope};

fn ref_key(envelope: &EnvelopeId, account: &AccountId) -> Vec<u8> {
    [&envelope.0[..], &account.0[..]].concat()
}

/// Keeps the sealed bytes of an envelope, with whom they are owed to. An account that is owed them alone stands before the bytes, those
/// that share them in rows of their own.
fn keep(ctx: &mut Ctx, envelope: &EnvelopeId, bytes: &[u8], account: &AccountId, order: u64, shared: bool) {
    let known = ctx.get(Table::Envelope, &envelope.0);
    let sole = known.as_deref().and_then(row::sealed).and_then(|(sole, _)| sole);
    let other = sole.filter(|(other, _)| other != account);
    if (known.is_none() && !shared) || (sole.is_some() && other.is_none()) {
        return ctx.put_raw(Table::Envelope, envelope.0, row::sealed_row(Some((*account, order)), bytes));
    }
    if known.is_none() || other.is_some() {
        ctx.put_raw(Table::Envelope, envelope.0, row::sealed_row(None, bytes));
    }
    for (account, order) in other.iter().chain([&(*account, order)]) {
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

/// The accounts that are owed an envelope, with their order.
fn sharers(ctx: &Ctx, envelope: &EnvelopeId) -> Vec<(AccountId, u64)> {
    let rows = ctx.scan(&Scan::prefix(Table::Envelope, envelope.0).after(envelope.0)).into_iter();
    let listed = rows.filter_map(|(key, order)| Some((AccountId::from_slice(key.get(32..)?)?, u64::from_be_bytes(order.try_into().ok()?))));
    sole(ctx, envelope).into_iter().chain(listed).collect()
}

/// An account is owed an envelope no more; its sealed bytes go with the last one that was.
fn let_go(ctx: &mut Ctx, envelope: &EnvelopeId, account: &AccountId) {
    let is_alone = sole(ctx, envelope).is_some_and(|(other, _)| other == *account);
    if !is_alone {
        ctx.delete(Table::Envelope, ref_key(envelope, account));
    }
    if is_alone || sharers(ctx, envelope).is_empty() {
        ctx.delete(Table::Envelope, envelope.0);
    }
}

/// The id of an envelope.
pub(super) fn id_of(bytes: &[u8]) -> EnvelopeId {
    EnvelopeId(*blake3::hash(bytes).as_bytes())
}

impl State {
    /// Owes an account an envelope, or (without bytes) a message that is sealed once its room is there. Gives its order. The caller has
    /// asked whether there is room.
    pub(super) fn owe(
        &mut self,
        ctx: &mut Ctx,
        account: &AccountId,
        cargo: Cargo,
        bytes: Option<&[u8]>,
        epoch: [u8; 16],
        shared: bool,
    ) -> u64 {
        let order = self.outbox.add(account, &cargo, ctx.now.mono);
        let envelope = bytes.map(id_of);
        if let (Some(id), Some(bytes)) = (envelope, bytes) {
            keep(ctx, &id, bytes, account, order, shared);
        }
        // By the clock that it expires by: the other one may have been set since.
        let since = self.service.clock(ctx.now);
        let row = row::Outbox { cargo, envelope, epoch, shared, since, held: Vec::new(), delivered: Vec::new() };
        ctx.put(Table::Outbox, row_key(account, order), &row);
        order
    }

    /// Up to so many rows of what an account is owed, after an order.
    pub(super) fn owed_page(&self, ctx: &Ctx, account: &AccountId, after: u64, limit: usize) -> Vec<(u64, row::Outbox)> {
        // Most often nothing has come since, and that is known without looking.
        if after + 1 >= self.outbox.next_order(account) {
            return Vec::new();
        }
        let scan = Scan::prefix(Table::Outbox, account.0).after(row_key(account, after)).limit(limit);
        let rows = ctx.scan(&scan).into_iter();
        rows.filter_map(|(key, value)| Some((super::lane::order_of(&key)?, row::decode(&value).ok()?))).collect()
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
        sharers(ctx, envelope)
    }

    /// Nothing is owed any more by this row.
    pub(super) fn settle(&mut self, ctx: &mut Ctx, account: &AccountId, order: u64, row: &row::Outbox) {
        ctx.delete(Table::Outbox, row_key(account, order));
        self.release(ctx, account, row);
        let was_full = !self.outbox.takes_aside(account);
        self.outbox.remove(account, order);
        if !self.outbox.is_busy(account) {
            self.forget_former_member(ctx, account);
        }
        // Receipts that had no place wait in their table.
        if was_full && self.outbox.takes_aside(account) {
            self.timers.sooner(Timer::Receipts, ctx.now.mono);
        }
    }

    /// Forgets the sealed bytes of a row, when no other account is owed them.
    fn release(&mut self, ctx: &mut Ctx, account: &AccountId, row: &row::Outbox) {
        let Some(envelope) = row.envelope else { return };
        self.forget_work(&envelope);
        let_go(ctx, &envelope, account);
        self.outbox.ways(account).for_each(|way| _ = way.land(&envelope, ctx.now.mono));
    }

    /// A device has it, by its signed receipt, which our own mailbox may have brought.
    pub(super) fn settle_delivered(&mut self, ctx: &mut Ctx, account: &AccountId, order: u64, device: DeviceId, via: Option<PeerId>) {
        let Some(mut row) = self.owed_row(ctx, account, order) else { return };
        row.held.retain(|(peer, _)| Some(*peer) != via);
        if !row.delivered.contains(&device) {
            row.delivered.push(device);
        }
        let now = ctx.now.wall;
        self.change_custody(ctx, account, &row.cargo, |custody| {
            custody.delivered.get_or_insert(now);
            custody.expired = false;
            custody.held.retain(|(peer, _)| Some(*peer) != via);
        });
        let is_everywhere = self.contacts.devices(account).iter().all(|(device, _)| row.delivered.contains(device));
        if is_everywhere {
            self.withdraw(ctx, account, &row);
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
        // It may go on trying for a second copy.
        row.held.extend(instead_of.map(|own| (own, 0)));
        self.change_custody(ctx, account, &row.cargo, |custody| put(&mut custody.held));
        // Receipts, cards and questions may get lost: copies in the receiver's mailboxes are enough. All else is owed until the receiver
        // answers.
        let is_answered = !matches!(row.cargo, Cargo::Content { .. } | Cargo::Copy | Cargo::Rejoin { .. });
        let copies = self.contacts.card(account).map_or(0, |card| {
            let is_theirs = |peer: &PeerId| card.mailboxes.iter().any(|mailbox| mailbox.peer == *peer);
            row.holders().filter(|(peer, _)| is_theirs(peer)).count()
        });
        if !is_answered && copies >= self.copies_wanted(account) {
            self.withdraw(ctx, account, &row);
            self.settle(ctx, account, order, &row);
        } else {
            ctx.put(Table::Outbox, row_key(account, order), &row);
        }
    }

    /// A mailbox no longer holds it.
    pub(super) fn settle_unheld(&mut self, ctx: &mut Ctx, account: &AccountId, order: u64, mailbox: &PeerId) {
        let Some(mut row) = self.owed_row(ctx, account, order) else { return };
        row.held.retain(|(peer, _)| peer != mailbox);
        self.change_custody(ctx, account, &row.cargo, |custody| custody.held.retain(|(peer, _)| peer != mailbox));
        ctx.put(Table::Outbox, row_key(account, order), &row);
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

    /// Gives up what is owed for too long, some of it at a time; whether there may be more.
    pub(super) fn expire_owed(&mut self, ctx: &mut Ctx, account: &AccountId) -> bool {
        // A clock that jumped ahead gives nothing up before that is sure.
        let clock = self.service.clock(ctx.now);
        let page = self.owed_page(ctx, account, 0, OUTBOX_PAGE);
        let expired = page.iter().take_while(|(_, row)| row.since.saturating_add(ENVELOPE_TTL_MS) <= clock).count();
        for (order, row) in &page[..expired] {
            self.give_up(ctx, account, *order, row);
        }
        expired == OUTBOX_PAGE
    }

    /// It can no longer arrive; it is shown as expired.
    pub(super) fn give_up(&mut self, ctx: &mut Ctx, account: &AccountId, order: u64, row: &row::Outbox) {
        self.change_custody(ctx, account, &row.cargo, |custody| custody.expired = custody.delivered.is_none());
        self.settle(ctx, account, order, row);
    }

    /// Drops requests, and welcomes that answer them, which newer ones replace.
    pub(super) fn drop_knocks(&mut self, ctx: &mut Ctx, account: &AccountId) {
        self.drop_such(ctx, account, |other| *other == Other::Knock);
    }

    /// Drops rows that carry no message, which newer ones replace, or which were answered.
    pub(super) fn drop_such(&mut self, ctx: &mut Ctx, account: &AccountId, such: impl Fn(&Other) -> bool) {
        for order in self.outbox.orders(account, such) {
            if let Some(row) = self.owed_row(ctx, account, order) {
                self.withdraw(ctx, account, &row);
                self.settle(ctx, account, order, &row);
            }
        }
    }

    /// Owes other bytes in the place of what a row owed.
    pub(super) fn replace(&mut self, ctx: &mut Ctx, account: &AccountId, order: u64, row: row::Outbox, bytes: &[u8], epoch: [u8; 16]) {
        self.withdraw(ctx, account, &row);
        self.release(ctx, account, &row);
        if !row.held.is_empty() {
            self.change_custody(ctx, account, &row.cargo, |custody| custody.held.clear());
        }
        let id = id_of(bytes);
        keep(ctx, &id, bytes, account, order, row.shared);
        let fresh = row::Outbox { envelope: Some(id), epoch, held: Vec::new(), ..row };
        ctx.put(Table::Outbox, row_key(account, order), &fresh);
    }

    /// Owes what a row owed as if it had not been sealed yet: it is when the room has a group again.
    pub(super) fn unseal(&mut self, ctx: &mut Ctx, account: &AccountId, order: u64, row: row::Outbox) {
        self.withdraw(ctx, account, &row);
        self.release(ctx, account, &row);
        if !row.held.is_empty() {
            self.change_custody(ctx, account, &row.cargo, |custody| custody.held.clear());
        }
        let fresh = row::Outbox { envelope: None, epoch: [0; 16], shared: false, held: Vec::new(), ..row };
        ctx.put(Table::Outbox, row_key(account, order), &fresh);
    }

    /// The content behind a row, to seal it.
    pub(super) fn content_of(&self, ctx: &Ctx, cargo: &Cargo) -> Option<Content> {
        match cargo {
            Cargo::Message { message, .. } => self.stored_content(ctx, message),
            Cargo::Content { content, .. } => codec::decode(content).ok(),
            Cargo::Commit { .. } | Cargo::Knock | Cargo::Copy | Cargo::Welcome { .. } | Cargo::Rejoin { .. } => None,
        }
    }

    /// Whether a row belongs into the control lane of a mailbox.
    pub(super) fn is_control(cargo: &Cargo) -> bool {
        matches!(cargo, Cargo::Commit { .. } | Cargo::Knock | Cargo::Welcome { .. } | Cargo::Rejoin { .. })
    }
}

/// The kind byte of an envelope tells sealed ones, which a stranger may deposit.
pub(super) fn is_sealed(bytes: &[u8]) -> bool {
    envelope::Envelope::decode(bytes).is_ok_and(|envelope| envelope.kind == envelope::Kind::Sealed)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // A test that fails says where.
mod tests {
    use super::{id_of, keep, let_go, sealed, sharers};
    use crate::crypto::keys::Keys;
    use crate::proto::ctx::Ctx;
    use crate::types::{AccountId, Now, Rng, Row, Scan, Table, View};

    struct Nothing;

    impl View for Nothing {
        fn get(&self, _: Table, _: &[u8]) -> Option<Vec<u8>> {
            None
        }

        fn scan(&self, _: &Scan) -> Vec<Row> {
            Vec::new()
        }
    }

    /// Bob is owed an envelope alone, and then somebody else is owed the same one, and is done with it first, or last.
    #[test]
    fn sealed_bytes_stay_until_nobody_is_owed_them() {
        let (bob, carol) = (AccountId([2; 32]), AccountId([3; 32]));
        let (mut rng, keys) = (Rng::from_seed([1; 32]), Keys::new(&[1; 32], &[2; 32], &[3; 32]));
        for (first, last) in [(bob, carol), (carol, bob)] {
            for (bob_shares, carol_shares) in [(false, true), (false, false), (true, true), (true, false)] {
                let mut ctx = Ctx::new(Now { mono: 0, wall: 0 }, &mut rng, &keys, &Nothing);
                let id = id_of(b"sealed");
                keep(&mut ctx, &id, b"sealed", &bob, 5, bob_shares);
                keep(&mut ctx, &id, b"sealed", &carol, 7, carol_shares);
                assert_eq!(sharers(&ctx, &id), [(bob, 5), (carol, 7)]);
                let_go(&mut ctx, &id, &first);
                assert_eq!(sealed(&ctx, &id).unwrap(), b"sealed");
                assert_eq!(sharers(&ctx, &id).len(), 1);
                let_go(&mut ctx, &id, &last);
                assert!(ctx.scan(&Scan::prefix(Table::Envelope, b"")).is_empty());
            }
        }
    }
}
