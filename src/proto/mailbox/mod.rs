//! The mailbox service: holding envelopes for the inboxes it serves, and trying for owners who went offline (hand-over).
//! It knows inboxes by opaque ids and keys, never accounts (but which contact a neighbour's inbox is for).
//!
//! | file | holds |
//! |---|---|
//! | [`row`] | what is written, and under which keys |
//! | `inbox` | one inbox: counters, putting in, taking out |
//! | `body` | sealed bytes, once for all inboxes that hold them |
//! | `session` | what a connection has proved |
//! | `registry` | registering, revoking, leaving |
//! | `deposit` | taking in: tokens, lanes, quotas, receipts |
//! | `lodge` | bodies of media: quotas of their own, a shorter life |
//! | `collect` | giving out: opening, sending in order, acknowledging |
//! | [`acked`] | what one reader has acknowledged |
//! | `expiry` | forgetting, by a clock that does not jump |
//! | `handover`, `courier` | trying for owners: what became of it; which peer is tried when |
//! | `announce` | relays tell who they are |

pub mod acked;
mod announce;
pub mod body;
mod collect;
mod courier;
mod deposit;
mod expiry;
mod handover;
mod inbox;
mod lodge;
mod registry;
pub mod row;
mod session;

use std::collections::{BTreeMap, BTreeSet};

use super::ctx::Ctx;
use super::node::Settings;
use super::seam::{Misbehaviour, Outcome, Refusal};
use crate::crypto::keys::Keys;
use crate::types::limits::{ENVELOPE_BYTES_MAX, ENVELOPE_TTL_MS, FRAME_IDS_MAX, STRANGER_WORK_BITS};
use crate::types::{AccountId, EnvelopeId, InboxId, Millis, Now, PeerId, View};
use crate::wire::frame::Frame;
use crate::wire::mailbox::{Limits, Reason, Refused};

use announce::Relays;
use courier::Courier;
use deposit::Receipts;
use expiry::Expiry;
use inbox::Inboxes;
use session::Session;

/// The mailboxes that this node offers to others.
pub struct Service {
    settings: Settings,
    inboxes: Inboxes,
    sessions: BTreeMap<PeerId, Session>,
    readers: BTreeMap<InboxId, BTreeSet<PeerId>>,
    receipts: Receipts,
    expiry: Expiry,
    courier: Courier,
    relays: Relays,
    disk_full: bool,
}

impl Service {
    /// What the store holds.
    pub fn open(view: &dyn View, keys: &Keys, settings: &Settings) -> Self {
        Self {
            settings: settings.clone(),
            inboxes: Inboxes::open(view),
            sessions: BTreeMap::new(),
            readers: BTreeMap::new(),
            receipts: Receipts::default(),
            expiry: Expiry::open(view),
            courier: Courier::open(view),
            relays: Relays::open(view, keys),
            disk_full: false,
        }
    }

    /// Whether this node serves whoever holds its link.
    pub fn is_relay(&self) -> bool {
        self.settings.relay
    }

    /// What this mailbox takes; said to a peer first, when it may have business here.
    pub fn limits(&self) -> Limits {
        Limits { envelope_bytes: ENVELOPE_BYTES_MAX as u64, ttl_ms: ENVELOPE_TTL_MS, work_bits: STRANGER_WORK_BITS }
    }

    /// Handles Register, OpenInbox, MailAck, Deferred (of mail it sent, or of what was handed over), OpenToken, Deposit, Handover, Withdraw,
    /// Revoke, LeaveInbox. `contact` is the account that an earlier hello on this connection proved, when it is an accepted contact.
    pub fn handle_frame(&mut self, ctx: &mut Ctx, from: PeerId, contact: Option<AccountId>, frame: Frame) -> Outcome {
        self.expiry.observe(ctx.now);
        match frame {
            Frame::Register(register) => self.handle_register(ctx, from, contact, &register),
            Frame::OpenInbox(open) => self.handle_open_inbox(ctx, from, &open),
            Frame::MailAck(ack) => self.handle_mail_ack(ctx, from, &ack),
            Frame::Deferred(envelopes) => self.handle_deferred(ctx, from, envelopes),
            Frame::OpenToken(open) => self.handle_open_token(ctx, from, &open),
            Frame::Deposit(deposit) => self.handle_deposit(ctx, from, &deposit),
            Frame::Handover(handover) => self.handle_handover(ctx, from, handover),
            Frame::Withdraw(withdraw) => self.handle_withdraw(ctx, from, &withdraw),
            Frame::Revoke(revoke) => self.handle_revoke(ctx, from, &revoke),
            Frame::LeaveInbox(leave) => self.handle_leave(ctx, from, &leave),
            _ => Outcome::Misbehaved(Misbehaviour::Unexpected),
        }
    }

    fn handle_deferred(&mut self, ctx: &mut Ctx, from: PeerId, envelopes: Vec<EnvelopeId>) -> Outcome {
        if envelopes.len() > FRAME_IDS_MAX {
            return Outcome::Misbehaved(Misbehaviour::Malformed);
        }
        let envelopes = envelopes.into_iter().collect();
        let is_mail = self.defer_mail(ctx, from, &envelopes);
        let is_handover = self.defer_handovers(ctx, from, &envelopes);
        if is_mail || is_handover { Outcome::Accepted } else { Outcome::Duplicate }
    }

    /// A stream is open.
    pub fn on_peer_up(&mut self, ctx: &mut Ctx, peer: PeerId) {
        self.expiry.observe(ctx.now);
        self.close_session(&peer);
        self.sessions.insert(peer, Session::default());
        self.courier.on_up(ctx, peer);
        self.announce_to_first(ctx);
    }

    /// A stream is gone.
    pub fn on_peer_down(&mut self, ctx: &mut Ctx, peer: PeerId) {
        self.expiry.observe(ctx.now);
        self.close_session(&peer);
        self.receipts.close(&peer);
        self.courier.on_down(ctx, peer);
    }

    fn close_session(&mut self, peer: &PeerId) {
        let Some(session) = self.sessions.remove(peer) else { return };
        session.readings.keys().for_each(|inbox| self.stop_reading(peer, inbox));
    }

    /// The clock by which this node forgets: behind the wall clock where that jumped ahead.
    pub fn clock(&mut self, now: Now) -> Millis {
        self.expiry.clock(now)
    }

    /// Whether the disk takes new work.
    pub fn on_disk_full(&mut self, full: bool) {
        self.disk_full = full;
    }

    /// Sends receipts that wait, goes on with hand-overs, forgets what expired, announces the relay.
    pub fn on_deadline(&mut self, ctx: &mut Ctx) {
        self.expiry.observe(ctx.now);
        self.receipts.send(ctx);
        if ctx.now.mono >= self.expiry.next() {
            self.forget_relays(ctx);
            self.forget_step(ctx);
        }
        self.courier.on_deadline(ctx, |peer| self.sessions.contains_key(peer));
        self.announce(ctx);
    }

    /// When [`on_deadline`](Self::on_deadline) has something to do, on the monotonic clock. Batched receipts are due at once.
    pub fn next_deadline(&self) -> Option<Millis> {
        [self.receipts.since(), Some(self.expiry.next()), self.courier.next(), self.relays.next()].into_iter().flatten().min()
    }
}

/// Says no, and what that is to the score of the peer.
fn refuse(ctx: &mut Ctx, to: PeerId, envelope: Option<EnvelopeId>, inbox: InboxId, reason: Reason) -> Outcome {
    ctx.transmit(to, Frame::Refused(Refused { envelope, inbox, reason }));
    match reason {
        Reason::UnknownInbox => Outcome::Refused(Refusal::Unknown),
        Reason::NoToken | Reason::NotServed | Reason::Signature => Outcome::Refused(Refusal::Unwanted),
        Reason::Full | Reason::TooLarge => Outcome::Refused(Refusal::Limit),
        Reason::Work => Outcome::Misbehaved(Misbehaviour::Work),
        Reason::Disk => Outcome::Refused(Refusal::Disk),
    }
}
