//! The ways out of the outbox, cheapest first: a stream to a device, the recipient's mailboxes, our own mailbox (`handover`). Each input
//! looks at some rows; what is left waits for the next deadline.

use super::ctx::Ctx;
use super::lane::Silence;
use super::node::State;
use super::outbox::{is_sealed, sealed};
use super::seam::Output;
use super::timer::Timer;
use crate::crypto::keys::Signing;
use crate::types::limits::{COPIES_WANTED, DIRECT_GRACE_MS, FRAME_IDS_MAX, OUTBOX_PAGE, PUMP_ROWS_MAX, RETRY_MS_MAX, STALL_MS, STUCK_MS};
use crate::types::time::MINUTE;
use crate::types::{AccountId, DeviceId, Millis, PeerId};
use crate::wire::card;
use crate::wire::frame::Frame;
use crate::wire::mailbox::{Deposit, Grant, Lane, OpenToken};
use crate::wire::row;

impl State {
    /// Moves what an account is owed as far as it goes.
    pub(super) fn pump(&mut self, ctx: &mut Ctx, account: &AccountId) {
        if !self.outbox.is_busy(account) || !self.contacts.is_reachable(account) {
            return;
        }
        let mut next = ctx.now.mono + RETRY_MS_MAX;
        let mut is_direct = false;
        for (device, peer) in self.contacts.devices(account) {
            if self.peers.is_up(&peer) {
                is_direct |= self.pump_direct(ctx, account, &device, &peer, &mut next);
            } else {
                self.want(ctx, peer);
            }
        }
        if !is_direct {
            self.pump_mailboxes(ctx, account, &mut next);
        } else if let Some(lane) = self.outbox.get_mut(account) {
            lane.waiting_since = ctx.now.mono;
        }
        if self.outbox.is_busy(account) {
            self.timers.sooner(Timer::Lane(*account), next.max(ctx.now.mono + 1));
        }
    }

    /// A lane's time has come: looks at every row again, so that what was lost on the way goes once more.
    pub(super) fn on_lane(&mut self, ctx: &mut Ctx, account: &AccountId) {
        if self.expire_owed(ctx, account) {
            self.timers.sooner(Timer::Lane(*account), ctx.now.mono);
        }
        self.outbox.ways(account).for_each(|way| way.look_again(ctx.now.mono));
        self.pump(ctx, account);
    }

    /// Whether the peer answers what it was sent, soon or at all; if not at all, its connection is made anew and it is left alone for a while.
    fn is_answering(&mut self, ctx: &mut Ctx, account: &AccountId, peer: &PeerId, is_soon: bool, next: &mut Millis) -> bool {
        let now = ctx.now.mono;
        let Some(way) = self.outbox.way(account, peer) else { return true };
        if way.paused_until > now {
            *next = (*next).min(way.paused_until);
            return false;
        }
        *next = (*next).min(way.again_after(now));
        match way.silence(now) {
            Silence::Answers(at) => {
                *next = (*next).min(at);
                true
            }
            Silence::Stalled(at) => {
                *next = (*next).min(at);
                !is_soon
            }
            Silence::Stuck => {
                way.stick(now, ctx.rng);
                *next = (*next).min(way.paused_until);
                ctx.speak(Output::Disconnect { peer: *peer, refuse_ms: 0 });
                false
            }
        }
    }

    /// The next rows for a peer, as far as there is time and room for them; whatever was there before is looked at.
    pub(super) fn next_rows(
        &mut self,
        ctx: &Ctx,
        account: &AccountId,
        peer: &PeerId,
        budget: &mut usize,
        next: &mut Millis,
    ) -> Vec<(u64, row::Outbox)> {
        let Some(way) = self.outbox.way(account, peer).filter(|way| !way.is_full()) else { return Vec::new() };
        let (cursor, limit) = (way.cursor, way.room().min(OUTBOX_PAGE).min(*budget));
        way.is_midway = limit == 0;
        if limit == 0 {
            *next = ctx.now.mono;
            return Vec::new();
        }
        let page = self.owed_page(ctx, account, cursor, limit);
        *budget -= page.len();
        page
    }

    /// Fills the window of a device; whether it answers.
    fn pump_direct(&mut self, ctx: &mut Ctx, account: &AccountId, device: &DeviceId, peer: &PeerId, next: &mut Millis) -> bool {
        let now = ctx.now.mono;
        let Some(way) = self.outbox.way(account, peer) else { return true };
        let since = *way.since.get_or_insert(now);
        // What was passed over is looked at again: it is there by now, or its time has come.
        let is_over = way.overtaken.is_some() && now >= since + STALL_MS;
        if is_over || way.cursor == 0 {
            (way.cursor, way.overtaken) = (0, None);
        }
        if !self.is_answering(ctx, account, peer, true, next) {
            return false;
        }
        let mut budget = PUMP_ROWS_MAX;
        loop {
            let page = self.next_rows(ctx, account, peer, &mut budget, next);
            if page.is_empty() {
                return true;
            }
            for (order, row) in page {
                let Some(way) = self.outbox.way(account, peer).filter(|way| !way.is_full()) else { return true };
                way.cursor = order;
                // Not sealed before its room is there; a request that is renewed meanwhile stands behind it.
                let Some(envelope) = row.envelope else { continue };
                if row.delivered.contains(device) || self.outbox.is_inflight(account, peer, &envelope) {
                    continue;
                }
                // What a mailbox holds comes from there first: a device that is back is being sent it already. It is not
                // overtaken by more than the ratchet's window for what is out of order.
                if row.holders().next().is_some() && now < since + STALL_MS {
                    *next = (*next).min(since + STALL_MS);
                    self.outbox.way(account, peer).into_iter().for_each(|way| _ = way.overtaken.get_or_insert(order));
                    continue;
                }
                if self.outbox.way(account, peer).is_some_and(|way| way.is_far_ahead(order)) {
                    return true;
                }
                if self.is_held_back(ctx, account, peer, order, next) {
                    continue;
                }
                let Some(bytes) = sealed(ctx, &envelope) else { continue };
                self.outbox.way(account, peer).into_iter().for_each(|way| way.take_off(envelope, order, bytes.len(), now));
                *next = (*next).min(now + STALL_MS);
                ctx.transmit(*peer, Frame::Deliver(bytes));
            }
        }
    }

    pub(super) fn is_held_back(&mut self, ctx: &Ctx, account: &AccountId, peer: &PeerId, order: u64, next: &mut Millis) -> bool {
        let until = self.outbox.way(account, peer).and_then(|way| way.back_until(order, ctx.now.mono));
        *next = (*next).min(until.unwrap_or(Millis::MAX));
        until.is_some()
    }

    /// How many mailboxes should hold what this account is owed.
    pub(super) fn copies_wanted(&self, account: &AccountId) -> usize {
        self.contacts.card(account).map_or(1, |card| card.mailboxes.len().clamp(1, COPIES_WANTED))
    }

    /// Deposits at the recipient's mailboxes; with none in reach, asks our own to go on trying.
    fn pump_mailboxes(&mut self, ctx: &mut Ctx, account: &AccountId, next: &mut Millis) {
        let now = ctx.now.mono;
        let me = ctx.keys.peer_id();
        let devices = self.contacts.devices(account);
        let are_away = devices.iter().all(|(_, peer)| self.peers.is_away(peer) || self.peers.is_up(peer));
        let Some(since) = self.outbox.get_mut(account).map(|lane| lane.waiting_since) else { return };
        if !are_away && now < since + DIRECT_GRACE_MS {
            *next = (*next).min(since + DIRECT_GRACE_MS);
            return;
        }
        let Some(card) = self.contacts.card(account) else { return };
        let mailboxes: Vec<card::Mailbox> = card.mailboxes.iter().filter(|mailbox| mailbox.peer != me).cloned().collect();
        let mut ways = 0;
        for mailbox in &mailboxes {
            if ways >= COPIES_WANTED {
                break;
            }
            if !self.peers.is_up(&mailbox.peer) {
                self.want(ctx, mailbox.peer);
            } else if self.pump_deposit(ctx, account, mailbox, next) {
                ways += 1;
            }
        }
        if ways == 0 {
            self.pump_handover(ctx, account, &mailboxes, since, next);
        }
    }

    /// Fills the window of a mailbox; whether it takes what it is offered.
    fn pump_deposit(&mut self, ctx: &mut Ctx, account: &AccountId, mailbox: &card::Mailbox, next: &mut Millis) -> bool {
        let wanted = self.copies_wanted(account);
        let has_token = self.open_token(ctx, account, mailbox);
        if !self.is_answering(ctx, account, &mailbox.peer, false, next) {
            return false;
        }
        let mut budget = PUMP_ROWS_MAX;
        loop {
            let page = self.next_rows(ctx, account, &mailbox.peer, &mut budget, next);
            if page.is_empty() {
                return true;
            }
            for (order, row) in page {
                let Some(way) = self.outbox.way(account, &mailbox.peer).filter(|way| !way.is_full()) else { return true };
                way.cursor = order;
                let chat_until = way.chat_until;
                let Some(envelope) = row.envelope else { continue };
                let held = self.valid_copies(ctx, account, &row);
                let is_done = held.contains(&mailbox.peer) || held.len() >= wanted || !row.delivered.is_empty();
                if is_done || self.outbox.is_inflight(account, &mailbox.peer, &envelope) {
                    continue;
                }
                if chat_until > ctx.now.mono && !Self::is_control(&row.cargo) {
                    *next = (*next).min(chat_until);
                    continue;
                }
                if self.is_held_back(ctx, account, &mailbox.peer, order, next) {
                    continue;
                }
                let Some(bytes) = sealed(ctx, &envelope) else { continue };
                if bytes.len() as u64 > mailbox.envelope_bytes {
                    continue;
                }
                if !self.deposit(ctx, account, mailbox, has_token, (order, &row), bytes) {
                    // Waits for a proof of work: what comes after it is not sent before it.
                    self.outbox.way(account, &mailbox.peer).into_iter().for_each(|way| way.cursor = order.saturating_sub(1));
                    return true;
                }
                *next = (*next).min(ctx.now.mono + STUCK_MS);
            }
        }
    }

    /// The mailboxes that hold a row and still serve the account (or us).
    pub(super) fn valid_copies(&self, ctx: &Ctx, account: &AccountId, row: &row::Outbox) -> Vec<PeerId> {
        let Some(card) = self.contacts.card(account) else { return Vec::new() };
        let serves = |peer: &PeerId| card.mailboxes.iter().any(|mailbox| mailbox.peer == *peer) || self.mailboxes.rows.contains_key(peer);
        row.held.iter().filter(|(peer, until)| *until > ctx.now.wall && serves(peer)).map(|(peer, _)| *peer).collect()
    }

    /// Sends one deposit, for all accounts that share the envelope and this mailbox. `false` when work must be paid first.
    fn deposit(
        &mut self,
        ctx: &mut Ctx,
        account: &AccountId,
        mailbox: &card::Mailbox,
        has_token: bool,
        (order, row): (u64, &row::Outbox),
        bytes: Vec<u8>,
    ) -> bool {
        let Some(envelope) = row.envelope else { return true };
        let lane = if !has_token {
            Lane::Stranger
        } else if Self::is_control(&row.cargo) {
            Lane::Control
        } else {
            Lane::Chat
        };
        let mut work = 0;
        if lane == Lane::Stranger {
            if !is_sealed(&bytes) {
                return true;
            }
            match self.work_for(ctx, account, &envelope, &mailbox.inbox, mailbox.work_bits) {
                Some(number) => work = number,
                None => return false,
            }
        }
        let mut inboxes = vec![(mailbox.inbox, lane)];
        let mut takers = vec![(*account, order)];
        if row.shared && lane != Lane::Stranger {
            for (other, order) in self.sharers(ctx, &envelope) {
                if inboxes.len() == FRAME_IDS_MAX {
                    break;
                }
                let listed = self.contacts.card(&other).and_then(|card| card.mailboxes.iter().find(|m| m.peer == mailbox.peer)).cloned();
                let Some(listed) = listed.filter(|_| other != *account) else { continue };
                let is_waiting =
                    self.outbox.way(&other, &mailbox.peer).is_none_or(|way| way.paused_until.max(way.chat_until) > ctx.now.mono);
                if is_waiting || self.outbox.is_inflight(&other, &mailbox.peer, &envelope) || !self.open_token(ctx, &other, &listed) {
                    continue;
                }
                let is_there = self.contacts.devices(&other).iter().any(|(_, peer)| self.peers.is_up(peer));
                if !is_there {
                    inboxes.push((listed.inbox, lane));
                    takers.push((other, order));
                }
            }
        }
        let now = ctx.now.mono;
        for (taker, order) in takers {
            if let Some(way) = self.outbox.way(&taker, &mailbox.peer) {
                way.take_off(envelope, order, bytes.len(), now);
                self.timers.sooner(Timer::Lane(taker), now + STUCK_MS);
            }
        }
        ctx.transmit(mailbox.peer, Frame::Deposit(Deposit { inboxes, work, envelope: bytes }));
        true
    }

    /// The token for an account's inbox at a mailbox, if we hold one that is good.
    pub(super) fn grant_of(&self, ctx: &Ctx, account: &AccountId, mailbox: &card::Mailbox) -> Option<&Grant> {
        let fits = |grant: &&Grant| {
            grant.mailbox == mailbox.peer && grant.token.inbox == mailbox.inbox && grant.token.not_after > ctx.now.wall + MINUTE
        };
        self.contacts.grants(account).find(fits)
    }

    /// Shows the token on this connection, once. Whether there is one.
    pub(super) fn open_token(&mut self, ctx: &mut Ctx, account: &AccountId, mailbox: &card::Mailbox) -> bool {
        let Some(grant) = self.grant_of(ctx, account, mailbox).cloned() else { return false };
        let Some(peer) = self.peers.get_mut(&mailbox.peer) else { return false };
        if peer.tokens.insert(mailbox.inbox) {
            let open = use_of(&grant, &ctx.keys.peer_id());
            ctx.transmit(mailbox.peer, Frame::OpenToken(open));
        }
        true
    }
}

/// A token's use by a peer (ourselves, or our mailbox).
pub(super) fn use_of(grant: &Grant, user: &PeerId) -> OpenToken {
    let open = OpenToken { token: grant.token.clone(), until: grant.token.not_after, proof: [0; 64] };
    open.sign(user, &grant.mailbox, &Signing::from_seed(&grant.seed))
}
