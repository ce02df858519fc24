//! The ways out of the outbox, cheapest first: a stream to a device, the recipient's mailboxes, our own mailbox.

use super::ctx::Ctx;
use super::node::State;
use super::outbox::{Flight, is_sealed, sealed};
use super::seam::{Misbehaviour, Outcome, Output, Refusal};
use super::timer::Timer;
use crate::crypto::keys::Signing;
use crate::types::limits::{
    COPIES_WANTED, DIRECT_GRACE_MS, FRAME_IDS_MAX, HANDOVER_AFTER_MS, MAILBOXES_MAX, OUT_OF_ORDER_MAX, OUTBOX_PAGE, RETRY_MS_MAX,
    RETRY_MS_MIN, STALL_MS, STUCK_MS, WINDOW_BYTES_MAX, WINDOW_ENVELOPES_MAX,
};
use crate::types::time::{DAY, MINUTE};
use crate::types::{AccountId, DeviceId, EnvelopeId, InboxId, Millis, PeerId};
use crate::wire::frame::{Delivered, Frame};
use crate::wire::mailbox::{Deposit, Grant, Handover, Held, Lane, OpenToken, Reason, Refused, Target};
use crate::wire::row::{self, Cargo, ContactState};
use crate::wire::{card, codec};

impl State {
    /// Moves what an account is owed as far as it goes.
    pub(super) fn pump(&mut self, ctx: &mut Ctx, account: &AccountId) {
        let is_reachable = matches!(self.contacts.state(account), Some(ContactState::Accepted | ContactState::Requested));
        if !self.outbox.is_busy(account) || !is_reachable {
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

    /// Fills the window of a device; whether it answers.
    fn pump_direct(&mut self, ctx: &mut Ctx, account: &AccountId, device: &DeviceId, peer: &PeerId, next: &mut Millis) -> bool {
        let now = ctx.now.mono;
        let Some(lane) = self.outbox.get_mut(account) else { return true };
        let flight = lane.flights.entry(*peer).or_insert_with(|| Flight { since: now, ..Flight::default() });
        let since = flight.since;
        if !flight.inflight.is_empty() {
            let silent = now.saturating_sub(flight.progress_at);
            if silent >= STUCK_MS {
                flight.rewind();
                flight.progress_at = now;
                ctx.speak(Output::Disconnect { peer: *peer, refuse_ms: 0 });
                return false;
            }
            *next = (*next).min(flight.progress_at + if silent >= STALL_MS { STUCK_MS } else { STALL_MS });
            if silent >= STALL_MS {
                return false;
            }
        }
        let mut overtaken = 0;
        loop {
            let Some(flight) = self.outbox.get_mut(account).and_then(|lane| lane.flights.get_mut(peer)) else { return true };
            if flight.inflight.len() >= WINDOW_ENVELOPES_MAX || flight.bytes >= WINDOW_BYTES_MAX {
                return true;
            }
            let (cursor, room) = (flight.cursor, WINDOW_ENVELOPES_MAX - flight.inflight.len());
            let page = self.owed_page(ctx, account, cursor, room.min(OUTBOX_PAGE));
            if page.is_empty() {
                return true;
            }
            for (order, row) in page {
                let Some(flight) = self.outbox.get_mut(account).and_then(|lane| lane.flights.get_mut(peer)) else { return true };
                if flight.inflight.len() >= WINDOW_ENVELOPES_MAX || flight.bytes >= WINDOW_BYTES_MAX {
                    return true;
                }
                flight.cursor = order;
                // Not sealed before its room is there; a request that is renewed meanwhile stands behind it.
                let Some(envelope) = row.envelope else { continue };
                if row.delivered.contains(device) || flight.inflight.contains_key(&envelope) {
                    continue;
                }
                // What a mailbox holds comes from there first: a device that is back is being sent it already. It is not
                // overtaken by more than the ratchet's window for what is out of order.
                if !row.held.is_empty() && now < since + STALL_MS {
                    *next = (*next).min(since + STALL_MS);
                    overtaken += 1;
                    if overtaken >= OUT_OF_ORDER_MAX / 2 {
                        flight.cursor = 0;
                        return true;
                    }
                    continue;
                }
                let Some(bytes) = sealed(ctx, &envelope) else { continue };
                if flight.inflight.is_empty() {
                    flight.progress_at = now;
                    *next = (*next).min(now + STALL_MS);
                }
                flight.inflight.insert(envelope, (order, bytes.len()));
                flight.bytes += bytes.len();
                ctx.transmit(*peer, Frame::Deliver(bytes));
            }
        }
    }

    /// How many mailboxes should hold what this account is owed.
    pub(super) fn copies_wanted(&self, account: &AccountId) -> usize {
        self.contacts.get(account).map_or(1, |known| known.card.mailboxes.len().clamp(1, COPIES_WANTED))
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
        let Some(known) = self.contacts.get(account) else { return };
        let mailboxes: Vec<card::Mailbox> = known.card.mailboxes.iter().filter(|mailbox| mailbox.peer != me).cloned().collect();
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
        let now = ctx.now.mono;
        let wanted = self.copies_wanted(account);
        let has_token = self.open_token(ctx, account, mailbox);
        let Some(lane) = self.outbox.get_mut(account) else { return true };
        let flight = lane.flights.entry(mailbox.peer).or_default();
        if flight.paused_until > now {
            *next = (*next).min(flight.paused_until);
            return false;
        }
        if !flight.inflight.is_empty() && now >= flight.progress_at + STUCK_MS {
            flight.rewind();
            ctx.speak(Output::Disconnect { peer: mailbox.peer, refuse_ms: 0 });
            return false;
        }
        loop {
            let Some(flight) = self.outbox.get_mut(account).and_then(|lane| lane.flights.get_mut(&mailbox.peer)) else { return true };
            if !flight.inflight.is_empty() {
                *next = (*next).min(flight.progress_at + STUCK_MS);
            }
            if flight.inflight.len() >= WINDOW_ENVELOPES_MAX || flight.bytes >= WINDOW_BYTES_MAX {
                return true;
            }
            let cursor = flight.cursor;
            let page = self.owed_after(ctx, account, cursor);
            if page.is_empty() {
                return true;
            }
            for (order, row) in page {
                let Some(flight) = self.outbox.get_mut(account).and_then(|lane| lane.flights.get_mut(&mailbox.peer)) else { return true };
                if flight.inflight.len() >= WINDOW_ENVELOPES_MAX || flight.bytes >= WINDOW_BYTES_MAX {
                    return true;
                }
                flight.cursor = order;
                let Some(envelope) = row.envelope else { continue };
                let held = self.valid_copies(ctx, account, &row);
                let is_done = held.contains(&mailbox.peer) || held.len() >= wanted || !row.delivered.is_empty();
                if is_done || self.is_inflight(account, &mailbox.peer, &envelope) {
                    continue;
                }
                let Some(bytes) = sealed(ctx, &envelope) else { continue };
                if bytes.len() as u64 > mailbox.envelope_bytes {
                    continue;
                }
                if !self.deposit(ctx, account, mailbox, has_token, (order, &row), bytes) {
                    // Waits for a proof of work: what comes after it is not sent before it.
                    if let Some(flight) = self.outbox.get_mut(account).and_then(|lane| lane.flights.get_mut(&mailbox.peer)) {
                        flight.cursor = order.saturating_sub(1);
                    }
                    return true;
                }
            }
        }
    }

    fn is_inflight(&mut self, account: &AccountId, peer: &PeerId, envelope: &EnvelopeId) -> bool {
        let flight = self.outbox.get_mut(account).and_then(|lane| lane.flights.get(peer));
        flight.is_some_and(|flight| flight.inflight.contains_key(envelope))
    }

    /// The mailboxes that hold a row and still serve the account (or us).
    fn valid_copies(&self, ctx: &Ctx, account: &AccountId, row: &row::Outbox) -> Vec<PeerId> {
        let Some(known) = self.contacts.get(account) else { return Vec::new() };
        let serves =
            |peer: &PeerId| known.card.mailboxes.iter().any(|mailbox| mailbox.peer == *peer) || self.mailboxes.rows.contains_key(peer);
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
                let listed =
                    self.contacts.get(&other).and_then(|known| known.card.mailboxes.iter().find(|m| m.peer == mailbox.peer)).cloned();
                let Some(listed) = listed.filter(|_| other != *account) else { continue };
                if self.is_inflight(&other, &mailbox.peer, &envelope) || !self.open_token(ctx, &other, &listed) {
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
            if let Some(lane) = self.outbox.get_mut(&taker) {
                let flight = lane.flights.entry(mailbox.peer).or_default();
                if flight.inflight.is_empty() {
                    flight.progress_at = now;
                }
                flight.inflight.insert(envelope, (order, bytes.len()));
                flight.bytes += bytes.len();
                self.timers.sooner(Timer::Lane(taker), now + STUCK_MS);
            }
        }
        ctx.transmit(mailbox.peer, Frame::Deposit(Deposit { inboxes, work, envelope: bytes }));
        true
    }

    /// The token for an account's inbox at a mailbox, if we hold one that is good.
    fn grant_of(&self, ctx: &Ctx, account: &AccountId, mailbox: &card::Mailbox) -> Option<&Grant> {
        let grants = &self.contacts.get(account)?.row.grants;
        let fits = |grant: &&Grant| {
            grant.mailbox == mailbox.peer && grant.token.inbox == mailbox.inbox && grant.token.not_after > ctx.now.wall + MINUTE
        };
        grants.iter().find(fits)
    }

    /// Shows the token on this connection, once. Whether there is one.
    fn open_token(&mut self, ctx: &mut Ctx, account: &AccountId, mailbox: &card::Mailbox) -> bool {
        let Some(grant) = self.grant_of(ctx, account, mailbox).cloned() else { return false };
        let Some(peer) = self.peers.get_mut(&mailbox.peer) else { return false };
        if peer.tokens.insert(mailbox.inbox) {
            let open = use_of(&grant, &ctx.keys.peer_id());
            ctx.transmit(mailbox.peer, Frame::OpenToken(open));
        }
        true
    }

    /// Asks our own mailboxes to deliver what cannot be delivered from here.
    fn pump_handover(&mut self, ctx: &mut Ctx, account: &AccountId, mailboxes: &[card::Mailbox], since: Millis, next: &mut Millis) {
        let now = ctx.now.mono;
        let own: Option<(PeerId, InboxId)> = self.mailboxes.registered().find(|(peer, _)| self.mailboxes.open.contains(peer));
        let Some((own, inbox)) = own else { return };
        if now < since + HANDOVER_AFTER_MS {
            *next = (*next).min(since + HANDOVER_AFTER_MS);
            return;
        }
        let targets = self.targets(ctx, account, mailboxes, &own);
        if targets.is_empty() {
            return;
        }
        let Some(lane) = self.outbox.get_mut(account) else { return };
        let flight = lane.flights.entry(own).or_default();
        if flight.paused_until > now {
            *next = (*next).min(flight.paused_until);
            return;
        }
        let (mut after, mut room) = (flight.cursor, WINDOW_ENVELOPES_MAX.saturating_sub(flight.inflight.len()));
        while room > 0 {
            let page = self.owed_after(ctx, account, after);
            if page.is_empty() {
                break;
            }
            for (order, row) in page {
                after = order;
                let Some(envelope) = row.envelope else { continue };
                if self.is_inflight(account, &own, &envelope) {
                    continue;
                }
                if !self.valid_copies(ctx, account, &row).is_empty() || !row.delivered.is_empty() || room == 0 {
                    continue;
                }
                let Some(bytes) = sealed(ctx, &envelope) else { continue };
                let Some(lane) = self.outbox.get_mut(account) else { return };
                let flight = lane.flights.entry(own).or_default();
                flight.cursor = order;
                if flight.inflight.is_empty() {
                    flight.progress_at = now;
                }
                flight.inflight.insert(envelope, (order, bytes.len()));
                flight.bytes += bytes.len();
                room -= 1;
                let lane = if Self::is_control(&row.cargo) { Lane::Control } else { Lane::Chat };
                ctx.transmit(own, Frame::Handover(Handover { inbox, targets: targets.clone(), lane, envelope: bytes }));
            }
        }
    }

    /// Where our own mailbox can try: the recipient's devices, and its mailboxes with our token lent to it.
    fn targets(&self, ctx: &Ctx, account: &AccountId, mailboxes: &[card::Mailbox], own: &PeerId) -> Vec<Target> {
        let devices = self.contacts.get(account).into_iter().flat_map(|known| &known.card.devices);
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

    /// A mailbox says what it holds.
    /// `via` is our own mailbox, when it passed the envelope on and tells of it: it keeps no copy of its own.
    pub(super) fn handle_held(&mut self, ctx: &mut Ctx, by: PeerId, held: &Held, via: Option<PeerId>) -> Outcome {
        if held.entries.len() > FRAME_IDS_MAX {
            return Outcome::Misbehaved(Misbehaviour::Malformed);
        }
        if !held.is_signed_by(&by) {
            return Outcome::Misbehaved(Misbehaviour::Signature);
        }
        let mut touched = Vec::new();
        for (envelope, inbox) in &held.entries {
            let landed = self.outbox.land(&by, envelope, ctx.now.mono);
            let holders = if landed.is_empty() { self.orders_at(ctx, &by, inbox, envelope) } else { landed };
            for (account, order) in holders {
                let is_theirs = self
                    .contacts
                    .get(&account)
                    .is_some_and(|known| known.card.mailboxes.iter().any(|mailbox| mailbox.peer == by && mailbox.inbox == *inbox));
                let is_own = self.mailboxes.rows.get(&by).is_some_and(|row| row.inbox == *inbox);
                if is_theirs || is_own {
                    self.settle_held(ctx, &account, order, (by, held.until), via);
                    touched.push(account);
                }
            }
        }
        touched.sort();
        touched.dedup();
        for account in touched {
            self.pump(ctx, &account);
        }
        Outcome::Accepted
    }

    /// Rows that a late receipt is about, by the inbox that it names.
    fn orders_at(&self, ctx: &Ctx, by: &PeerId, inbox: &InboxId, envelope: &EnvelopeId) -> Vec<(AccountId, u64)> {
        let at = |account: &AccountId| {
            self.contacts.get(account).is_some_and(|known| known.card.mailboxes.iter().any(|m| m.peer == *by && m.inbox == *inbox))
        };
        self.sharers(ctx, envelope).into_iter().filter(|(account, _)| at(account)).collect()
    }

    /// A device says what is durable there. The signature counts, not who passed it on.
    pub(super) fn handle_delivered(&mut self, ctx: &mut Ctx, delivered: &Delivered) -> Outcome {
        if delivered.envelopes.len() > FRAME_IDS_MAX {
            return Outcome::Misbehaved(Misbehaviour::Malformed);
        }
        let claims = self.contacts.by_device(&delivered.device);
        if claims.is_empty() {
            return Outcome::Refused(Refusal::Unknown);
        }
        if !delivered.is_signed() {
            return Outcome::Misbehaved(Misbehaviour::Signature);
        }
        for (account, peer) in claims {
            for envelope in &delivered.envelopes {
                let flight = self.outbox.get_mut(&account).and_then(|lane| lane.flights.get_mut(&peer));
                let landed = flight.and_then(|flight| {
                    flight.accept();
                    flight.land(envelope, ctx.now.mono)
                });
                if let Some(order) = landed.or_else(|| self.order_in(ctx, &account, envelope)) {
                    self.settle_delivered(ctx, &account, order, delivered.device);
                }
            }
            self.pump(ctx, &account);
        }
        Outcome::Accepted
    }

    /// A device keeps nothing of what it cannot open yet: it goes again after a while, and the window goes on.
    pub(super) fn handle_deferred(&mut self, ctx: &mut Ctx, from: PeerId, envelopes: &[EnvelopeId]) -> Outcome {
        for envelope in envelopes {
            for (account, _) in self.outbox.land(&from, envelope, ctx.now.mono) {
                let flight = self.outbox.get_mut(&account).and_then(|lane| lane.flights.get_mut(&from));
                let again = flight.map_or(ctx.now.mono + RETRY_MS_MIN, |flight| flight.defer(ctx.now.mono));
                self.timers.sooner(Timer::Lane(account), again);
            }
        }
        Outcome::Accepted
    }

    /// A device will never open these: what they carry is sealed anew.
    pub(super) fn handle_lost(&mut self, ctx: &mut Ctx, from: PeerId, envelopes: &[EnvelopeId]) -> Outcome {
        let Some((account, _)) = self.contact_at(&from) else { return Outcome::Refused(Refusal::Unwanted) };
        for envelope in envelopes {
            let flight = self.outbox.get_mut(&account).and_then(|lane| lane.flights.get_mut(&from));
            let landed = flight.and_then(|flight| flight.land(envelope, ctx.now.mono));
            let Some(order) = landed.or_else(|| self.order_in(ctx, &account, envelope)) else { continue };
            let Some(row) = self.owed_row(ctx, &account, order).filter(|row| row.envelope == Some(*envelope)) else { continue };
            match &row.cargo {
                Cargo::Message { room, .. } | Cargo::Content { room, .. } => {
                    let content = self.content_of(ctx, &row.cargo).map(|content| codec::encode(&content));
                    if let Some(Ok(sealed)) = content.map(|content| self.rooms.seal(ctx, room, &content)) {
                        self.note_apart(ctx, room);
                        self.replace(ctx, &account, order, row, &sealed.envelope, sealed.epoch);
                    }
                }
                // Nothing else can be made anew; what it was good for is asked for again by whoever lacks it.
                Cargo::Commit { .. } | Cargo::Knock | Cargo::Copy => self.settle(ctx, &account, order, &row),
            }
        }
        self.outbox.rewind(&account);
        self.pump(ctx, &account);
        Outcome::Accepted
    }

    /// A mailbox does not take something: pauses, longer the less it helps to try again.
    pub(super) fn handle_refused(&mut self, ctx: &mut Ctx, from: PeerId, refused: &Refused) -> Outcome {
        let Some(envelope) = refused.envelope else {
            // A token for somebody else's inbox there says nothing about ours.
            if self.mailboxes.rows.get(&from).is_some_and(|row| row.inbox == refused.inbox) {
                self.on_register_refused(ctx, from, refused.reason);
            }
            return Outcome::Accepted;
        };
        let pause = match refused.reason {
            Reason::Full | Reason::Disk => RETRY_MS_MAX,
            Reason::TooLarge => DAY,
            Reason::UnknownInbox | Reason::NotServed | Reason::Signature => RETRY_MS_MAX,
            Reason::NoToken | Reason::Work => MINUTE,
        };
        for (account, order) in self.outbox.land(&from, &envelope, ctx.now.mono) {
            if let Some(peer) = self.peers.get_mut(&from) {
                peer.tokens.remove(&refused.inbox);
            }
            if let Some(flight) = self.outbox.get_mut(&account).and_then(|lane| lane.flights.get_mut(&from)) {
                flight.cursor = flight.cursor.min(order.saturating_sub(1));
                flight.paused_until = ctx.now.mono + pause;
            }
            self.pump(ctx, &account);
        }
        Outcome::Accepted
    }

    /// A lane's time has come: looks at every row again, so that what was lost on the way goes once more.
    pub(super) fn on_lane(&mut self, ctx: &mut Ctx, account: &AccountId) {
        self.expire_owed(ctx, account);
        if let Some(lane) = self.outbox.get_mut(account) {
            lane.flights.values_mut().for_each(|flight| flight.look_again(ctx.now.mono));
        }
        self.pump(ctx, account);
    }
}

/// A token's use by a peer (ourselves, or our mailbox).
fn use_of(grant: &Grant, user: &PeerId) -> OpenToken {
    let open = OpenToken { token: grant.token.clone(), until: grant.token.not_after, proof: [0; 64] };
    open.sign(user, &grant.mailbox, &Signing::from_seed(&grant.seed))
}
