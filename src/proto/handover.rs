//! Our own mailboxes go on trying for us: what is handed over, where to, and what they tell of it.

use std::collections::BTreeMap;

use super::account::receiver_at;
use super::ctx::Ctx;
use super::deliver::use_of;
use super::lane::row_key;
use super::node::State;
use super::outbox::sealed;
use super::seam::{Misbehaviour, Outcome, Refusal};
use super::timer::Timer;
use crate::types::limits::{
    ENVELOPE_TTL_MS, FRAME_IDS_MAX, HANDOVER_AFTER_MS, INBOX_HANDOVERS_MAX, MAILBOXES_MAX, PUMP_ROWS_MAX, STUCK_MS,
};
use crate::types::{AccountId, EnvelopeId, InboxId, Millis, PeerId, Scan, Table, View};
use crate::wire::card;
use crate::wire::frame::Frame;
use crate::wire::mailbox::{Handover, Lane, Target, Withdraw};
use crate::wire::row;

impl State {
    /// Asks our own mailboxes to deliver what cannot be delivered from here.
    pub(super) fn pump_handover(
        &mut self,
        ctx: &mut Ctx,
        account: &AccountId,
        mailboxes: &[card::Mailbox],
        since: Millis,
        next: &mut Millis,
    ) {
        let now = ctx.now.mono;
        let own: Option<(PeerId, InboxId)> = self.mailboxes.registered().find(|(peer, _)| self.mailboxes.open.contains(peer));
        let Some((own, inbox)) = own else { return };
        if now < since + HANDOVER_AFTER_MS {
            *next = (*next).min(since + HANDOVER_AFTER_MS);
            return;
        }
        let targets = self.targets(ctx, account, mailboxes, &own);
        let Some(way) = self.outbox.way(account, &own).filter(|_| !targets.is_empty()) else { return };
        if way.paused_until > now {
            *next = (*next).min(way.paused_until);
            return;
        }
        let chat_until = way.chat_until;
        let to = receiver_at(ctx.keys, &own, account);
        let mut budget = PUMP_ROWS_MAX;
        loop {
            let page = self.next_rows(ctx, account, &own, &mut budget, next);
            if page.is_empty() {
                return;
            }
            for (order, row) in page {
                let Some(way) = self.outbox.way(account, &own).filter(|way| !way.is_full()) else { return };
                way.cursor = order;
                let Some(envelope) = row.envelope else { continue };
                if self.outbox.is_inflight(account, &own, &envelope)
                    || !row.delivered.is_empty()
                    || !self.is_to_hand_over(ctx, account, order, &row)
                {
                    continue;
                }
                if chat_until > now && !Self::is_control(&row.cargo) {
                    *next = (*next).min(chat_until);
                    continue;
                }
                if self.is_held_back(ctx, account, &own, order, next) {
                    continue;
                }
                let Some(bytes) = sealed(ctx, &envelope) else { continue };
                let lane = if Self::is_control(&row.cargo) { Lane::Control } else { Lane::Chat };
                self.note_handed(ctx, (account, order), row, own, (envelope, to));
                self.outbox.way(account, &own).into_iter().for_each(|way| way.take_off(envelope, order, bytes.len(), now));
                *next = (*next).min(now + STUCK_MS);
                ctx.transmit(own, Frame::Handover(Handover { inbox, to, targets: targets.clone(), lane, envelope: bytes }));
            }
        }
    }

    /// From now on our mailbox may be trying it, whether it says so or not. What is passed on a second time was perhaps withdrawn after the
    /// first: it is not any more.
    fn note_handed(
        &mut self,
        ctx: &mut Ctx,
        (account, order): (&AccountId, u64),
        mut row: row::Outbox,
        own: PeerId,
        (envelope, to): (EnvelopeId, InboxId),
    ) {
        if self.mailboxes.withdrawn.get_mut(&own).is_some_and(|withdrawn| withdrawn.remove(&(envelope, to)).is_some()) {
            ctx.delete(Table::Withdrawn, withdrawn_key(&own, &envelope, &to));
        }
        if row.held.iter().all(|(peer, _)| *peer != own) {
            row.held.push((own, 0));
            ctx.put(Table::Outbox, row_key(account, order), &row);
        }
    }

    /// Whether nobody holds it, or only those of our own mailboxes that look for its receiver where they no longer are.
    fn is_to_hand_over(&mut self, ctx: &Ctx, account: &AccountId, order: u64, row: &row::Outbox) -> bool {
        let copies = self.valid_copies(ctx, account, row);
        let are_ours = copies.iter().all(|peer| self.mailboxes.rows.contains_key(peer));
        let Some(lane) = self.outbox.get_mut(account) else { return false };
        let is_moved = lane.moved.is_some_and(|(from, to)| (from + 1..=to).contains(&order));
        if is_moved && are_ours {
            lane.moved = lane.moved.map(|(_, to)| (order, to)).filter(|(from, to)| from < to);
        }
        copies.is_empty() || (is_moved && are_ours)
    }

    /// The receiver's card names other devices, mailboxes or addresses than before: what was handed over is aimed anew.
    pub(super) fn on_moved(&mut self, account: &AccountId) {
        if let Some(lane) = self.outbox.get_mut(account) {
            lane.moved = Some((0, lane.next - 1));
        }
    }

    /// Where our own mailbox can try: the recipient's devices, and its mailboxes with our token lent to it.
    fn targets(&self, ctx: &Ctx, account: &AccountId, mailboxes: &[card::Mailbox], own: &PeerId) -> Vec<Target> {
        let devices = self.contacts.card(account).into_iter().flat_map(|card| &card.devices);
        let target = |device: &card::Device| Target { peer: device.peer, addresses: device.addresses.clone(), inbox: None };
        let mut targets: Vec<Target> = devices.map(target).collect();
        for mailbox in mailboxes.iter().take(MAILBOXES_MAX) {
            if let Some(grant) = self.grant_of(ctx, account, mailbox) {
                let inbox = Some((mailbox.inbox, use_of(grant, own)));
                targets.push(Target { peer: mailbox.peer, addresses: mailbox.addresses.clone(), inbox });
            }
        }
        targets
    }

    /// Our own mailbox tried in vain and lets go: nobody is shown it as a holder any more.
    pub(super) fn on_given_up(&mut self, ctx: &mut Ctx, mailbox: PeerId, envelope: &EnvelopeId, to: &InboxId) {
        for (account, order) in self.receivers(ctx, &mailbox, to, envelope) {
            self.settle_unheld(ctx, &account, order, &mailbox);
            self.renew_lost(ctx, &account, order, Some(&mailbox), envelope);
            self.pump(ctx, &account);
        }
    }

    /// What our own mailboxes may be trying need not be tried any more. They are told when there is a connection, until they confirm it.
    pub(super) fn withdraw(&mut self, ctx: &mut Ctx, account: &AccountId, row: &row::Outbox) {
        let Some(envelope) = row.envelope else { return };
        for (mailbox, _) in &row.held {
            self.withdraw_at(ctx, mailbox, envelope, receiver_at(ctx.keys, mailbox, account));
        }
    }

    /// The same at one of them, which others are not asked to do.
    pub(super) fn withdraw_at(&mut self, ctx: &mut Ctx, mailbox: &PeerId, envelope: EnvelopeId, to: InboxId) {
        if !self.mailboxes.rows.contains_key(mailbox) {
            return;
        }
        let withdrawn = self.mailboxes.withdrawn.entry(*mailbox).or_default();
        // It keeps no more than that for us; what has no place here it forgets in time.
        if withdrawn.len() < INBOX_HANDOVERS_MAX as usize && withdrawn.insert((envelope, to), false).is_none() {
            let until = self.service.clock(ctx.now).saturating_add(ENVELOPE_TTL_MS);
            ctx.put(Table::Withdrawn, withdrawn_key(mailbox, &envelope, &to), &until);
            self.timers.sooner(Timer::Acks, ctx.now.mono);
        }
    }

    /// Tells our mailboxes what need not be tried any more. What was told on the present connection is not told again.
    pub(super) fn send_withdrawn(&mut self, ctx: &mut Ctx) {
        for mailbox in self.mailboxes.open.clone() {
            let Some(row) = self.mailboxes.rows.get(&mailbox) else { continue };
            let Some(withdrawn) = self.mailboxes.withdrawn.get_mut(&mailbox) else { continue };
            let untold = withdrawn.iter_mut().filter_map(|(handover, is_told)| (!std::mem::replace(is_told, true)).then_some(*handover));
            let untold: Vec<(EnvelopeId, InboxId)> = untold.collect();
            for handovers in untold.chunks(FRAME_IDS_MAX) {
                ctx.transmit(mailbox, Frame::Withdraw(Withdraw { inbox: row.inbox, handovers: handovers.to_vec() }));
            }
        }
    }

    /// A mailbox of ours has forgotten what was withdrawn.
    pub(super) fn handle_withdrawn(&mut self, ctx: &mut Ctx, from: PeerId, done: &Withdraw) -> Outcome {
        if done.handovers.len() > FRAME_IDS_MAX {
            return Outcome::Misbehaved(Misbehaviour::Malformed);
        }
        let Some(withdrawn) = self.mailboxes.withdrawn.get_mut(&from) else { return Outcome::Refused(Refusal::Unwanted) };
        let mut outcome = Outcome::Duplicate;
        for (envelope, to) in &done.handovers {
            if withdrawn.remove(&(*envelope, *to)).is_some() {
                ctx.delete(Table::Withdrawn, withdrawn_key(&from, envelope, to));
                outcome = Outcome::Accepted;
            }
        }
        if withdrawn.is_empty() {
            self.mailboxes.withdrawn.remove(&from);
        }
        outcome
    }

    /// Hand-overs that are over by themselves by now need no more be withdrawn.
    pub(super) fn forget_withdrawn(&mut self, ctx: &mut Ctx) {
        let clock = self.service.clock(ctx.now);
        for (mailbox, withdrawn) in &mut self.mailboxes.withdrawn {
            withdrawn.retain(|(envelope, to), _| {
                let key = withdrawn_key(mailbox, envelope, to);
                let is_over = ctx.row::<Millis>(Table::Withdrawn, &key).is_none_or(|until| until <= clock);
                if is_over {
                    ctx.delete(Table::Withdrawn, key);
                }
                !is_over
            });
        }
    }
}

fn withdrawn_key(mailbox: &PeerId, envelope: &EnvelopeId, to: &InboxId) -> Vec<u8> {
    [&mailbox.0[..], &envelope.0, &to.0].concat()
}

/// What `Table::Withdrawn` holds.
pub(super) fn withdrawn(view: &dyn View) -> Withdrawn {
    let mut all = Withdrawn::new();
    for (key, _) in view.scan(&Scan::prefix(Table::Withdrawn, [])) {
        let parts =
            || Some((key.get(..32)?.try_into().ok()?, EnvelopeId::from_slice(key.get(32..64)?)?, InboxId::from_slice(key.get(64..)?)?));
        if let Some((mailbox, envelope, to)) = parts() {
            all.entry(PeerId(mailbox)).or_default().insert((envelope, to), false);
        }
    }
    all
}

/// For each of our mailboxes the hand-overs withdrawn there that it has not confirmed: what, what stands for its receiver, and whether it was told on
/// the present connection.
pub(super) type Withdrawn = BTreeMap<PeerId, BTreeMap<(EnvelopeId, InboxId), bool>>;
