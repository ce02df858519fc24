//! Taking envelopes in: tokens, lanes, quotas, receipts.

use std::collections::{BTreeMap, BTreeSet};

use crate::crypto::work::is_paid;
use crate::proto::ctx::Ctx;
use crate::proto::seam::{Misbehaviour, Outcome};
use crate::types::limits::{ENVELOPE_BYTES_MAX, FRAME_IDS_MAX, STRANGER_BYTES_MAX, STRANGER_WORK_BITS};
use crate::types::{EnvelopeId, InboxId, Millis, PeerId, Table};
use crate::wire::frame::Frame;
use crate::wire::mailbox::{Deposit, Held, Lane, OpenToken, Reason, work_text};

use super::body::Body;
use super::row::{Hold, Part, revoked_key};
use super::{Service, refuse};

impl Service {
    pub(super) fn handle_open_token(&mut self, ctx: &mut Ctx, from: PeerId, open: &OpenToken) -> Outcome {
        let token = &open.token;
        let until = open.until.min(token.not_after);
        let Some(inbox) = self.inboxes.served(ctx, &token.inbox) else {
            return refuse(ctx, from, None, token.inbox, Reason::UnknownInbox);
        };
        if ctx.now.wall > until || ctx.get(Table::Inbox, &revoked_key(&token.inbox, &token.id)).is_some() {
            return refuse(ctx, from, None, token.inbox, Reason::NoToken);
        }
        if !open.is_signed(&from, &ctx.keys.peer_id()) {
            refuse(ctx, from, None, token.inbox, Reason::Signature);
            return Outcome::Misbehaved(Misbehaviour::Signature);
        }
        // A mailbox that opens a lent token cannot know the owner's key: a token that the owner did not sign is not its fault.
        if !token.is_signed_by(&inbox.registration.owner) {
            return refuse(ctx, from, None, token.inbox, Reason::Signature);
        }
        self.sessions.entry(from).or_default().open_token(token.inbox, token.id, until);
        Outcome::Accepted
    }

    pub(super) fn handle_deposit(&mut self, ctx: &mut Ctx, from: PeerId, deposit: &Deposit) -> Outcome {
        if !(1..=FRAME_IDS_MAX).contains(&deposit.inboxes.len()) || deposit.envelope.is_empty() {
            return Outcome::Misbehaved(Misbehaviour::Malformed);
        }
        let mut body = Body::new(ctx, &deposit.envelope);
        let mut result = Outcome::Duplicate;
        for (inbox, lane) in &deposit.inboxes {
            let became = match self.deposit_into(ctx, from, *inbox, *lane, deposit.work, &mut body) {
                Ok((until, is_new)) => {
                    self.receipts.add(ctx, from, until, (body.id, *inbox));
                    if is_new { Outcome::Accepted } else { Outcome::Duplicate }
                }
                Err(reason) => refuse(ctx, from, Some(body.id), *inbox, reason),
            };
            result = worse(result, became);
        }
        result
    }

    /// Until when the inbox holds it, and whether it does so from here on. What is refused leaves no trace.
    fn deposit_into(
        &mut self,
        ctx: &mut Ctx,
        from: PeerId,
        id: InboxId,
        lane: Lane,
        work: u64,
        body: &mut Body,
    ) -> Result<(Millis, bool), Reason> {
        let inbox = self.inboxes.served(ctx, &id).ok_or(Reason::UnknownInbox)?;
        let bytes_max = if lane == Lane::Stranger { STRANGER_BYTES_MAX } else { ENVELOPE_BYTES_MAX };
        if body.bytes.len() > bytes_max {
            return Err(Reason::TooLarge);
        }
        let token = match lane {
            Lane::Chat | Lane::Control => {
                let opened = self.sessions.get(&from).and_then(|session| session.token(&id, ctx.now.wall));
                Some(opened.ok_or(Reason::NoToken)?)
            }
            Lane::Stranger if is_paid(&work_text(&id, &body.id), work, STRANGER_WORK_BITS) => None,
            Lane::Stranger => return Err(Reason::Work),
        };
        if let Some(held) = body.held_by(ctx, &id) {
            return Ok((held.until, false));
        }
        if self.disk_full {
            return Err(Reason::Disk);
        }
        let part = match lane {
            Lane::Chat => Part::Chat,
            Lane::Control => Part::Control,
            Lane::Stranger => Part::Stranger,
        };
        let until = self.expiry.promise();
        let entry = Hold { envelope: body.id, bytes: body.bytes.len() as u64, part, token, until };
        if !inbox.has_room(ctx, self.settings.quota_bytes(&inbox.registration), &entry) {
            return Err(Reason::Full);
        }
        let sequence = inbox.hold(ctx, body, &entry);
        self.push(ctx, id, sequence, &entry, body.bytes);
        Ok((until, true))
    }
}

/// Of several results, the one that its sender has to look at.
fn worse(one: Outcome, other: Outcome) -> Outcome {
    let rank = |outcome: &Outcome| match outcome {
        Outcome::Duplicate => 0,
        Outcome::Accepted | Outcome::Deferred => 1,
        Outcome::Refused(_) => 2,
        Outcome::Misbehaved(_) => 3,
    };
    if rank(&other) > rank(&one) { other } else { one }
}

/// Receipts that wait for one signature over many.
#[derive(Default)]
pub(super) struct Receipts {
    waiting: BTreeMap<(PeerId, Millis), BTreeSet<(EnvelopeId, InboxId)>>,
    since: Option<Millis>,
}

impl Receipts {
    /// One more; a full frame goes at once.
    pub(super) fn add(&mut self, ctx: &mut Ctx, to: PeerId, until: Millis, entry: (EnvelopeId, InboxId)) {
        let entries = self.waiting.entry((to, until)).or_default();
        entries.insert(entry);
        self.since.get_or_insert(ctx.now.mono);
        if entries.len() >= FRAME_IDS_MAX {
            let entries = std::mem::take(entries).into_iter().collect();
            self.waiting.remove(&(to, until));
            ctx.transmit(to, Frame::Held(Held { entries, until, signature: [0; 64] }.sign(&ctx.keys.transport)));
        }
    }

    /// All that wait. Their entries were written by earlier inputs, so they are durable before this is said.
    pub(super) fn send(&mut self, ctx: &mut Ctx) {
        self.since = None;
        for ((to, until), entries) in std::mem::take(&mut self.waiting) {
            let held = Held { entries: entries.into_iter().collect(), until, signature: [0; 64] };
            ctx.transmit(to, Frame::Held(held.sign(&ctx.keys.transport)));
        }
    }

    /// Since when any waits, on the monotonic clock.
    pub(super) fn since(&self) -> Option<Millis> {
        self.since
    }

    /// The peer is gone.
    pub(super) fn close(&mut self, peer: &PeerId) {
        self.waiting.retain(|(to, _), _| to != peer);
    }

    /// It was let go before anybody was told that it is held.
    pub(super) fn withdraw(&mut self, entry: &(EnvelopeId, InboxId)) {
        self.waiting.values_mut().for_each(|entries| _ = entries.remove(entry));
        self.waiting.retain(|_, entries| !entries.is_empty());
    }

    /// Nothing is promised any more for an inbox whose owner left.
    pub(super) fn forget(&mut self, inbox: &InboxId) {
        self.waiting.values_mut().for_each(|entries| entries.retain(|(_, of)| of != inbox));
        self.waiting.retain(|_, entries| !entries.is_empty());
    }
}
