//! Our own mailboxes go on trying for us: what is handed over, where to, and what they tell of it.

use super::account::receiver_at;
use super::ctx::Ctx;
use super::deliver::use_of;
use super::node::State;
use super::outbox::sealed;
use super::timer::Timer;
use crate::types::limits::{FRAME_IDS_MAX, HANDOVER_AFTER_MS, INBOX_HANDOVERS_MAX, MAILBOXES_MAX, PUMP_ROWS_MAX, STUCK_MS};
use crate::types::{AccountId, EnvelopeId, InboxId, Millis, PeerId};
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
                self.outbox.way(account, &own).into_iter().for_each(|way| way.take_off(envelope, order, bytes.len(), now));
                *next = (*next).min(now + STUCK_MS);
                let lane = if Self::is_control(&row.cargo) { Lane::Control } else { Lane::Chat };
                ctx.transmit(own, Frame::Handover(Handover { inbox, to, targets: targets.clone(), lane, envelope: bytes }));
            }
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

    /// What our own mailboxes were to try need not be tried any more. They are told when there is a connection; one that is never told
    /// forgets it in time.
    pub(super) fn withdraw(&mut self, ctx: &Ctx, account: &AccountId, row: &row::Outbox) {
        let Some(envelope) = row.envelope else { return };
        for (mailbox, _) in &row.held {
            self.withdraw_at(ctx, mailbox, envelope, receiver_at(ctx.keys, mailbox, account));
        }
    }

    /// The same at one of them, which others are not asked to do.
    pub(super) fn withdraw_at(&mut self, ctx: &Ctx, mailbox: &PeerId, envelope: EnvelopeId, to: InboxId) {
        if !self.mailboxes.rows.contains_key(mailbox) {
            return;
        }
        let withdrawn = self.mailboxes.withdrawn.entry(*mailbox).or_default();
        if withdrawn.len() < INBOX_HANDOVERS_MAX as usize {
            withdrawn.push((envelope, to));
            self.timers.sooner(Timer::Acks, ctx.now.mono);
        }
    }

    /// Tells our mailboxes what need not be tried any more.
    pub(super) fn send_withdrawn(&mut self, ctx: &mut Ctx) {
        for mailbox in self.mailboxes.open.clone() {
            let Some(row) = self.mailboxes.rows.get(&mailbox) else { continue };
            let withdrawn = self.mailboxes.withdrawn.remove(&mailbox).unwrap_or_default();
            for handovers in withdrawn.chunks(FRAME_IDS_MAX) {
                ctx.transmit(mailbox, Frame::Withdraw(Withdraw { inbox: row.inbox, handovers: handovers.to_vec() }));
            }
        }
    }
}
