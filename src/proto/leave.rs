//! Mailboxes that the person gave up. Nobody is shown them as holders any more; then they are told, as soon as they are there, until they say that
//! they have forgotten us: what they still have of ours they would keep, and try to deliver, for a month.

use super::account::inbox_at;
use super::ctx::Ctx;
use super::node::State;
use super::timer::Timer;
use crate::types::limits::{ENVELOPE_TTL_MS, MAILBOXES_MAX, OUTBOX_PAGE, PUMP_ROWS_MAX};
use crate::types::{AccountId, Address, Millis, PeerId, Scan, Table};
use crate::wire::frame::Frame;
use crate::wire::mailbox::{LeaveInbox, Reason, Refused};
use crate::wire::row;

/// A mailbox that was given up and has not confirmed it.
#[derive(Debug)]
pub(super) struct Parting {
    /// Where it can be dialled.
    pub(super) addresses: Vec<Address>,
    /// Until when it is worth telling it: then it has forgotten us by itself.
    until: Millis,
    /// Who may be owed something that it is shown to hold, the next one last, and how far that one was looked at.
    lanes: Vec<(AccountId, u64)>,
}

/// `Table::Meta`: `leave/ | peer`: where, and until when.
type Noted = (Vec<Address>, Millis);

const PREFIX: &[u8] = b"leave/";

fn noted_key(peer: &PeerId) -> Vec<u8> {
    [PREFIX, &peer.0[..]].concat()
}

impl State {
    /// Begins to leave a mailbox.
    pub(super) fn part_from(&mut self, ctx: &mut Ctx, peer: PeerId, addresses: Vec<Address>) {
        while self.mailboxes.partings.len() >= MAILBOXES_MAX {
            let Some(first) = self.mailboxes.partings.iter().min_by_key(|(_, parting)| parting.until).map(|(peer, _)| *peer) else { break };
            self.forget_parting(ctx, &first);
        }
        let until = self.service.clock(ctx.now).saturating_add(ENVELOPE_TTL_MS);
        let noted: Noted = (addresses, until);
        ctx.put(Table::Meta, noted_key(&peer), &noted);
        self.begin_parting(ctx, peer, noted);
    }

    /// Goes on where the process ended.
    pub(super) fn resume_partings(&mut self, ctx: &mut Ctx) {
        for (key, value) in ctx.scan(&Scan::prefix(Table::Meta, PREFIX)) {
            let peer = key.strip_prefix(PREFIX).and_then(|peer| Some(PeerId(peer.try_into().ok()?)));
            match (peer, row::decode::<Noted>(&value)) {
                (Some(peer), Ok(noted)) if !self.mailboxes.rows.contains_key(&peer) => self.begin_parting(ctx, peer, noted),
                _ => ctx.delete(Table::Meta, key),
            }
        }
    }

    fn begin_parting(&mut self, ctx: &mut Ctx, peer: PeerId, (addresses, until): Noted) {
        let lanes = self.outbox.busy_accounts().into_iter().map(|account| (account, 0)).collect();
        self.mailboxes.partings.insert(peer, Parting { addresses, until, lanes });
        self.go_on_parting(ctx, &peer);
    }

    /// A time has come to go on with those that were given up.
    pub(super) fn on_partings(&mut self, ctx: &mut Ctx) {
        let under_way = self.mailboxes.partings.iter().filter(|(_, parting)| !parting.lanes.is_empty());
        for peer in under_way.map(|(peer, _)| *peer).collect::<Vec<_>>() {
            self.go_on_parting(ctx, &peer);
        }
    }

    /// Shows it as a holder of nothing, some rows at a time, and then tells it.
    fn go_on_parting(&mut self, ctx: &mut Ctx, peer: &PeerId) {
        let mut budget = PUMP_ROWS_MAX;
        while let Some((account, after)) = self.mailboxes.partings.get(peer).and_then(|parting| parting.lanes.last().copied()) {
            let limit = budget.min(OUTBOX_PAGE);
            if limit == 0 {
                self.timers.sooner(Timer::Partings, ctx.now.mono);
                return;
            }
            let page = self.owed_page(ctx, &account, after, limit);
            budget -= page.len();
            for (order, _) in page.iter().filter(|(_, row)| row.held.iter().any(|(holder, _)| holder == peer)) {
                self.settle_unheld(ctx, &account, *order, peer);
                self.outbox.rewind_to(&account, *order);
                self.timers.sooner(Timer::Lane(account), ctx.now.mono);
            }
            let Some(parting) = self.mailboxes.partings.get_mut(peer) else { return };
            match page.last() {
                Some((order, _)) if page.len() == limit => parting.lanes.last_mut().into_iter().for_each(|(_, after)| *after = *order),
                _ => _ = parting.lanes.pop(),
            }
        }
        if self.peers.is_up(peer) {
            self.tell_parting(ctx, peer);
        } else {
            self.want_now(ctx, *peer);
        }
    }

    /// A mailbox that was given up is there: it is told, once on each connection.
    pub(super) fn tell_parting(&mut self, ctx: &mut Ctx, peer: &PeerId) {
        if self.mailboxes.partings.get(peer).is_some_and(|parting| parting.lanes.is_empty()) {
            let leave = LeaveInbox { inbox: inbox_at(ctx.keys, peer), signature: [0; 64] };
            ctx.transmit(*peer, Frame::LeaveInbox(leave.sign(peer, &ctx.keys.inbox_owner(peer))));
        }
    }

    /// A mailbox has nothing of ours any more, or never will hear us.
    pub(super) fn on_parted(&mut self, ctx: &mut Ctx, from: &PeerId, refused: &Refused) {
        let is_over = matches!(refused.reason, Reason::UnknownInbox | Reason::Signature);
        if is_over && refused.inbox == inbox_at(ctx.keys, from) {
            self.forget_parting(ctx, from);
        }
    }

    /// It is told no more.
    pub(super) fn forget_parting(&mut self, ctx: &mut Ctx, peer: &PeerId) {
        if self.mailboxes.partings.remove(peer).is_some() {
            ctx.delete(Table::Meta, noted_key(peer));
        }
    }

    /// Those that have forgotten us by themselves by now need no more be told.
    pub(super) fn forget_partings(&mut self, ctx: &mut Ctx) {
        let clock = self.service.clock(ctx.now);
        let over = self.mailboxes.partings.iter().filter(|(_, parting)| parting.until <= clock);
        for peer in over.map(|(peer, _)| *peer).collect::<Vec<_>>() {
            self.forget_parting(ctx, &peer);
        }
    }
}
