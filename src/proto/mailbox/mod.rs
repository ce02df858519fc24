//! The mailbox service: holding envelopes for the inboxes it serves, and trying for owners who went offline (hand-over).
//! It knows inboxes by opaque ids and keys, never accounts.

use super::ctx::Ctx;
use super::node::Settings;
use super::seam::Outcome;
use crate::types::{AccountId, Address, Millis, PeerId, View};
use crate::wire::frame::{Delivered, Frame};
use crate::wire::mailbox::{Held, Limits, Refused};

/// The mailboxes that this node offers to others.
pub struct Service {}

impl Service {
    /// What the store holds.
    pub fn open(_view: &dyn View, _settings: &Settings) -> Self {
        todo!()
    }

    /// What this mailbox takes; said to a peer first, when it may have business here.
    pub fn limits(&self) -> Limits {
        todo!()
    }

    /// Handles Register, OpenInbox, MailAck, Deferred (of mail it sent), OpenToken, Deposit, Handover, Revoke, LeaveInbox. `contact` is the
    /// account that an earlier hello on this connection proved, when it is an accepted contact.
    pub fn handle_frame(&mut self, _ctx: &mut Ctx, _from: PeerId, _contact: Option<AccountId>, _frame: Frame) -> Outcome {
        todo!()
    }

    /// A custody receipt of another mailbox, for something that was handed over; `false` when it is not about that.
    pub fn handle_held(&mut self, _ctx: &mut Ctx, _from: PeerId, _held: &Held) -> bool {
        todo!()
    }

    /// A device's receipt, for something that was handed over.
    pub fn handle_delivered(&mut self, _ctx: &mut Ctx, _from: PeerId, _delivered: &Delivered) -> bool {
        todo!()
    }

    /// A refusal by another mailbox, for something that was handed over.
    pub fn handle_refused(&mut self, _ctx: &mut Ctx, _from: PeerId, _refused: &Refused) -> bool {
        todo!()
    }

    /// Another relay tells who it is.
    pub fn handle_gossip(&mut self, _ctx: &mut Ctx, _bytes: &[u8]) -> Outcome {
        todo!()
    }

    /// A stream is open.
    pub fn on_peer_up(&mut self, _ctx: &mut Ctx, _peer: PeerId) {
        todo!()
    }

    /// A stream is gone.
    pub fn on_peer_down(&mut self, _ctx: &mut Ctx, _peer: PeerId) {
        todo!()
    }

    /// Whether the disk takes new work.
    pub fn on_disk_full(&mut self, _full: bool) {
        todo!()
    }

    /// Where this node can be reached, for links and announcements.
    pub fn on_listening(&mut self, _ctx: &mut Ctx, _addresses: &[Address]) {
        todo!()
    }

    /// A link with which accounts join this relay.
    pub fn invite(&mut self, _ctx: &mut Ctx, _addresses: &[Address]) -> String {
        todo!()
    }

    /// Sends receipts that wait, goes on with hand-overs, forgets what expired, announces the relay.
    pub fn on_deadline(&mut self, _ctx: &mut Ctx) {
        todo!()
    }

    /// When [`on_deadline`](Self::on_deadline) has something to do, on the monotonic clock. Batched receipts are due at once.
    pub fn next_deadline(&self) -> Option<Millis> {
        todo!()
    }
}
