//! Peers: who is connected, who they are, and when to dial whom.

use std::collections::{BTreeMap, BTreeSet};

use super::ctx::Ctx;
use super::node::State;
use super::seam::{Event, Misbehaviour, Outcome, Output, Refusal};
use super::timer::Timer;
use crate::crypto::keys::is_certified;
use crate::types::limits::{FRAME_IDS_MAX, IDLE_DIALS_MAX, OUTBOX_PAGE, RETRY_MS_MAX, RETRY_MS_MIN};
use crate::types::time::MINUTE;
use crate::types::{AccountId, Address, DeviceId, EnvelopeId, InboxId, Millis, PeerId};
use crate::wire::frame::{Delivered, Frame, Hello};
use crate::wire::row::{self, ContactState};

/// Connected peers, and those we would like to be.
#[derive(Debug, Default)]
pub(super) struct Peers {
    up: BTreeMap<PeerId, Peer>,
    /// Envelopes that are durable here, to be told together.
    delivered: BTreeMap<PeerId, Vec<EnvelopeId>>,
    dials: BTreeMap<PeerId, Dial>,
}

/// One connected peer.
#[derive(Debug, Default)]
pub(super) struct Peer {
    /// Which contact's device it proved to be.
    pub(super) who: Option<(AccountId, DeviceId)>,
    /// Whether it has our hello.
    said_hello: bool,
    /// Inboxes for which it has our token.
    pub(super) tokens: BTreeSet<InboxId>,
    /// Envelopes it sent that nobody could open, and since when they are counted (monotonic clock).
    pub(super) junk: (Millis, u32),
    /// Since when the stream is open (monotonic clock).
    since: Millis,
    /// Whether anything that was owed, or an answer to it, came by it.
    has_moved: bool,
}

/// How dialling a peer went.
#[derive(Debug, Default)]
struct Dial {
    /// Dials in vain, and streams that broke before they were good for anything.
    failures: u32,
    busy: bool,
    /// Whether the pause is long because nothing but presence hangs on it.
    is_idle: bool,
    next_at: Millis,
}

impl Peers {
    pub(super) fn is_up(&self, peer: &PeerId) -> bool {
        self.up.contains_key(peer)
    }

    pub(super) fn get_mut(&mut self, peer: &PeerId) -> Option<&mut Peer> {
        self.up.get_mut(peer)
    }

    /// Whether dialling it was tried and failed, and is not being tried now.
    pub(super) fn is_away(&self, peer: &PeerId) -> bool {
        self.dials.get(peer).is_some_and(|dial| dial.failures > 0 && !dial.busy)
    }

    /// It may have been us who were cut off: those who were dialled in vain need not wait longer than until then.
    fn forget_idle(&mut self, latest: Millis) {
        for dial in self.dials.values_mut().filter(|dial| dial.is_idle) {
            dial.next_at = dial.next_at.min(latest);
        }
    }

    /// Something new is known about it: the next dial need not wait.
    pub(super) fn forget_failures(&mut self, peer: &PeerId) {
        if let Some(dial) = self.dials.get_mut(peer) {
            dial.next_at = 0;
            dial.failures = dial.failures.min(1);
        }
    }
}

impl State {
    /// A stream to a peer is open.
    pub(super) fn on_peer_up(&mut self, ctx: &mut Ctx, peer: PeerId) {
        // A new stream whose forerunner's end was not heard of: what that one carried is gone all the same.
        if self.peers.is_up(&peer) {
            self.on_peer_down(ctx, peer);
        }
        self.peers.up.insert(peer, Peer { since: ctx.now.mono, ..Peer::default() });
        if let Some(dial) = self.peers.dials.get_mut(&peer) {
            dial.busy = false;
        }
        self.timers.cancel(Timer::Dial(peer));
        if let Some((account, _)) = self.contacts.by_peer(&peer)
            && self.contacts.is_accepted(&account)
        {
            self.say_hello(ctx, peer, &account);
        }
        self.service.on_peer_up(ctx, peer);
        if self.mailboxes.rows.contains_key(&peer) {
            self.on_mailbox_up(ctx, peer);
            self.peers.forget_idle(ctx.now.mono + ctx.rng.jitter(MINUTE / 2));
            self.dial_everyone(ctx);
        }
        self.tell_parting(ctx, &peer);
        self.wake_lanes(ctx, &peer);
        self.on_holder_up(ctx, &peer);
    }

    /// What is owed to those whom this peer is a way to is looked at with the next deadline.
    fn wake_lanes(&mut self, ctx: &Ctx, peer: &PeerId) {
        for account in self.reached_by(peer) {
            self.timers.sooner(Timer::Lane(account), ctx.now.mono);
        }
    }

    /// Something that was owed, or an answer to it, came from a peer: if its stream breaks, it is dialled again at once.
    pub(super) fn note_moved(&mut self, peer: &PeerId) {
        if let Some(peer) = self.peers.up.get_mut(peer) {
            peer.has_moved = true;
        }
    }

    /// A stream is gone, or could not be opened.
    pub(super) fn on_peer_down(&mut self, ctx: &mut Ctx, peer: PeerId) {
        let gone = self.peers.up.remove(&peer);
        // What broke is mended soon; a device that is not there, and is owed nothing that its mailboxes lack, dials us when it comes.
        let is_idle = gone.is_none() && self.is_idle(ctx, &peer);
        let was_good = gone.as_ref().is_some_and(|gone| gone.has_moved || ctx.now.mono >= gone.since + MINUTE);
        if let Some(gone) = gone {
            if let Some((account, device)) = gone.who {
                ctx.emit(Event::Presence { account, device, on: false });
            }
            self.peers.delivered.remove(&peer);
            self.on_mailbox_down(&peer);
        }
        // Also when it could not be opened: the service dials for hand-overs.
        self.service.on_peer_down(ctx, peer);
        self.on_holder_down(ctx, &peer);
        self.forget_deferred_of(&peer);
        let dial = self.peers.dials.entry(peer).or_default();
        dial.busy = false;
        dial.failures = if was_good { 1 } else { dial.failures.saturating_add(1) };
        dial.is_idle = is_idle;
        let base = if is_idle { RETRY_MS_MAX } else { (RETRY_MS_MIN << dial.failures.saturating_sub(1).min(16)).min(RETRY_MS_MAX) };
        dial.next_at = ctx.now.mono + base / 2 + ctx.rng.below(base);
        let next_at = dial.next_at;
        if self.wanted(&peer).is_some() {
            self.timers.set(Timer::Dial(peer), next_at);
        } else {
            self.peers.dials.remove(&peer);
        }
        for account in self.reached_by(&peer) {
            self.outbox.forget_flight(&account, &peer);
        }
        self.wake_lanes(ctx, &peer);
    }

    /// The accounts that are owed something and can be reached by this peer: it is one of their devices, or holds their mail, or tries for us.
    fn reached_by(&self, peer: &PeerId) -> Vec<AccountId> {
        if self.mailboxes.rows.contains_key(peer) {
            return self.outbox.busy_accounts();
        }
        let mut accounts = self.contacts.served_at(peer);
        accounts.extend(self.contacts.claimants(peer));
        accounts.into_iter().filter(|account| self.outbox.is_busy(account)).collect()
    }

    /// Where a peer can be dialled, when there is a reason to: it is our mailbox, a contact's device, or holds mail for
    /// somebody to whom we owe something.
    fn wanted(&self, peer: &PeerId) -> Option<Vec<Address>> {
        if let Some(row) = self.mailboxes.rows.get(peer) {
            return Some(row.addresses.clone());
        }
        if let Some(parting) = self.mailboxes.partings.get(peer) {
            return Some(parting.addresses.clone());
        }
        if let Some((account, _)) = self.contacts.by_peer(peer) {
            let owed = (self.outbox.is_busy(&account) || self.bodies.owes(&account) || self.bodies.transfers.is_holder(peer))
                && self.contacts.is_reachable(&account);
            let is_idle = self.contacts.is_accepted(&account) && self.contacts.len() <= IDLE_DIALS_MAX;
            if owed || is_idle {
                return self.contacts.addresses(&account, peer);
            }
        }
        let is_owed = |account: &AccountId| self.outbox.is_busy(account) || self.bodies.owes(account);
        let account = self.contacts.served_at(peer).into_iter().find(is_owed)?;
        let mailboxes = &self.contacts.card(&account)?.mailboxes;
        mailboxes.iter().find(|mailbox| mailbox.peer == *peer).map(|mailbox| mailbox.addresses.clone())
    }

    /// Whether a peer is dialled for presence alone: a contact's device, and enough mailboxes hold all that it is owed.
    fn is_idle(&self, ctx: &Ctx, peer: &PeerId) -> bool {
        let Some((account, _)) = self.contacts.by_peer(peer).filter(|(account, _)| self.contacts.is_accepted(account)) else {
            return false;
        };
        if self.mailboxes.rows.contains_key(peer) || self.reached_by(peer).iter().any(|other| *other != account) {
            return false;
        }
        let wanted = self.copies_wanted(&account);
        let is_placed = |row: &row::Outbox| !row.delivered.is_empty() || self.valid_copies(ctx, &account, row).len() >= wanted;
        self.owed_page(ctx, &account, 0, OUTBOX_PAGE).iter().all(|(_, row)| is_placed(row))
    }

    /// Dials a peer as soon as its back-off allows.
    pub(super) fn want(&mut self, ctx: &mut Ctx, peer: PeerId) {
        if self.peers.is_up(&peer) || peer == ctx.keys.peer_id() {
            return;
        }
        let next_at = match self.peers.dials.get(&peer) {
            Some(dial) if dial.busy => return,
            Some(dial) if dial.is_idle && !self.is_idle(ctx, &peer) => 0,
            Some(dial) => dial.next_at,
            None => 0,
        };
        if next_at > ctx.now.mono {
            self.timers.sooner(Timer::Dial(peer), next_at);
        } else {
            self.dial(ctx, peer);
        }
    }

    /// Dials a peer at once: a person asked for it.
    pub(super) fn want_now(&mut self, ctx: &mut Ctx, peer: PeerId) {
        self.peers.forget_failures(&peer);
        self.want(ctx, peer);
    }

    /// Dials, if there is still a reason to.
    pub(super) fn dial(&mut self, ctx: &mut Ctx, peer: PeerId) {
        let Some(addresses) = self.wanted(&peer) else {
            self.peers.dials.remove(&peer);
            return;
        };
        if self.peers.is_up(&peer) {
            return;
        }
        self.peers.dials.entry(peer).or_default().busy = true;
        ctx.speak(Output::Dial { peer, addresses });
    }

    /// Dials all mailboxes, and the contacts that fit.
    pub(super) fn dial_everyone(&mut self, ctx: &mut Ctx) {
        let mailboxes: Vec<PeerId> = self.mailboxes.rows.keys().chain(self.mailboxes.partings.keys()).copied().collect();
        let accepted = self.contacts.iter().filter(|(_, known)| known.row.state == ContactState::Accepted);
        let devices: Vec<PeerId> = accepted.flat_map(|(_, known)| known.card.devices.iter().map(|d| d.peer)).take(IDLE_DIALS_MAX).collect();
        for peer in mailboxes.into_iter().chain(devices) {
            self.want(ctx, peer);
        }
    }

    /// Which accepted contact's device a connected peer is: it proved it, or its account's card says so.
    pub(super) fn contact_at(&self, peer: &PeerId) -> Option<(AccountId, DeviceId)> {
        let proved = self.peers.up.get(peer).and_then(|peer| peer.who);
        proved.or_else(|| self.contacts.by_peer(peer)).filter(|(account, _)| self.contacts.is_accepted(account))
    }

    /// Says hello to a new contact's devices that are connected already.
    pub(super) fn greet(&mut self, ctx: &mut Ctx, account: &AccountId) {
        for (_, peer) in self.contacts.devices(account) {
            self.say_hello(ctx, peer, account);
        }
    }

    /// Takes nobody's hello back: when there is one again it is said anew.
    pub(super) fn part(&mut self, account: &AccountId) {
        for (_, peer) in self.contacts.devices(account) {
            if let Some(there) = self.peers.up.get_mut(&peer) {
                (there.said_hello, there.who) = (false, None);
            }
        }
    }

    fn say_hello(&mut self, ctx: &mut Ctx, peer: PeerId, account: &AccountId) {
        let Some(there) = self.peers.up.get_mut(&peer).filter(|there| !there.said_hello) else { return };
        there.said_hello = true;
        let hello = Hello {
            account: ctx.keys.account_id(),
            device: ctx.keys.device_id(),
            certificate: ctx.keys.certificate,
            proof: [0; 64],
            knows_number: self.contacts.get(account).map_or(0, |known| known.card.number),
            wall: ctx.now.wall,
        };
        ctx.transmit(peer, Frame::Hello(hello.sign(&ctx.keys.peer_id(), &peer, &ctx.keys.device)));
    }

    /// A peer says who it is. Nobody but an accepted contact gets an answer.
    pub(super) fn handle_hello(&mut self, ctx: &mut Ctx, from: PeerId, hello: &Hello) -> Outcome {
        if !is_certified(&hello.account, &hello.device, &from, &hello.certificate) || !hello.is_signed(&from, &ctx.keys.peer_id()) {
            return Outcome::Misbehaved(Misbehaviour::Signature);
        }
        if !self.contacts.is_accepted(&hello.account) {
            return Outcome::Refused(Refusal::Unwanted);
        }
        let Some(peer) = self.peers.up.get_mut(&from) else { return Outcome::Refused(Refusal::Unknown) };
        peer.who = Some((hello.account, hello.device));
        // Whoever says hello takes what we send, also if it did not a moment ago.
        self.outbox.way(&hello.account, &from).into_iter().for_each(|way| way.wake(ctx.now.mono));
        ctx.emit(Event::Presence { account: hello.account, device: hello.device, on: true });
        self.say_hello(ctx, from, &hello.account);
        if hello.knows_number < self.account.card.number {
            self.change_contact(ctx, &hello.account, |row| row.card_sent = row.card_sent.min(hello.knows_number));
            self.queue_cards(ctx);
        }
        for room in self.rooms_with(ctx, &hello.account) {
            self.send_heads(ctx, from, &hello.account, &room);
        }
        self.ask_on_meeting(ctx, &hello.account);
        self.note_time(ctx, from, hello.wall);
        self.on_neighbour(ctx, from);
        self.pump(ctx, &hello.account);
        Outcome::Accepted
    }

    /// An envelope of this peer is durable here: it is told with the next deadline, together with others.
    pub(super) fn note_delivered(&mut self, ctx: &Ctx, peer: &PeerId, envelope: EnvelopeId) {
        if self.peers.is_up(peer) {
            self.peers.delivered.entry(*peer).or_default().push(envelope);
            self.timers.sooner(Timer::Acks, ctx.now.mono);
        }
    }

    /// Tells peers what of theirs is durable.
    pub(super) fn send_delivered(&mut self, ctx: &mut Ctx) {
        let device = ctx.keys.device_id();
        for (peer, envelopes) in std::mem::take(&mut self.peers.delivered) {
            for envelopes in envelopes.chunks(FRAME_IDS_MAX) {
                let delivered = Delivered { device, envelopes: envelopes.to_vec(), signature: [0; 64] };
                ctx.transmit(peer, Frame::Delivered(delivered.sign(&ctx.keys.device)));
            }
        }
    }
}

/// Whether a frame carries what is owed or an answer to it; the others only begin a conversation, or put it off.
pub(super) fn is_about_owed(frame: &Frame) -> bool {
    use Frame::{
        BlobDone, BlobHeld, Deliver, Delivered, Deposit, Handover, HandoverDone, Held, Lost, Mail, MailAck, Offer, Withdraw, Withdrawn,
    };
    matches!(
        frame,
        Deliver(_)
            | Delivered(_)
            | Lost(_)
            | Mail(_)
            | MailAck(_)
            | Deposit(_)
            | Handover(_)
            | HandoverDone(_)
            | Held(_)
            | Withdraw(_)
            | Withdrawn(_)
            | Offer(_)
            | BlobHeld(_)
            | BlobDone(_)
    )
}
