//! Trying for owners who went offline: what is handed over is kept, tried at each of its targets until one took it, and what
//! became of it is told to the owner as an entry of the owner's inbox, which waits there until it is acknowledged.

use std::collections::BTreeSet;

use crate::proto::ctx::Ctx;
use crate::proto::seam::{Misbehaviour, Outcome};
use crate::types::limits::{
    ADDRESSES_MAX, COPIES_WANTED, ENVELOPE_BYTES_MAX, FORGET_ROWS_MAX, FRAME_IDS_MAX, HANDOVER_TARGETS_MAX, HANDOVERS_MAX,
    INBOX_HANDOVERS_MAX,
};
use crate::types::{EnvelopeId, InboxId, PeerId, Scan, Table};
use crate::wire::codec;
use crate::wire::frame::Delivered;
use crate::wire::mailbox::{Handover, HandoverDone, Held, Lane, Reason, Refused, Target};
use crate::wire::row as rows;

use super::body::{self, Body};
use super::courier::Flight;
use super::row::{Due, Goal, Hold, Job, Part, due_of, goal_key, handover_due_key, job_body_key, job_key};
use super::{Service, refuse};

impl Service {
    pub(super) fn handle_handover(&mut self, ctx: &mut Ctx, from: PeerId, handover: Handover) -> Outcome {
        if !is_bounded(&handover) {
            return Outcome::Misbehaved(Misbehaviour::Malformed);
        }
        let (id, envelope) = (handover.inbox, body::id_of(&handover.envelope));
        if !self.sessions.get(&from).is_some_and(|session| session.readings.contains_key(&id)) {
            return refuse(ctx, from, Some(envelope), id, Reason::NotServed);
        }
        if handover.envelope.len() > ENVELOPE_BYTES_MAX {
            return refuse(ctx, from, Some(envelope), id, Reason::TooLarge);
        }
        if let Some(job) = ctx.row::<Job>(Table::Handover, &job_key(&id, &envelope)) {
            self.receipts.add(ctx, from, job.until, (envelope, id));
            return Outcome::Duplicate;
        }
        let me = ctx.keys.peer_id();
        let mut peers = BTreeSet::from([me]);
        let goals: Vec<Target> = handover.targets.into_iter().filter(|target| peers.insert(target.peer)).collect();
        if goals.is_empty() {
            return refuse(ctx, from, Some(envelope), id, Reason::NotServed);
        }
        if !goals.iter().all(|target| target.inbox.as_ref().is_none_or(|(_, open)| open.is_signed(&me, &target.peer))) {
            refuse(ctx, from, Some(envelope), id, Reason::Signature);
            return Outcome::Misbehaved(Misbehaviour::Signature);
        }
        if self.disk_full {
            return refuse(ctx, from, Some(envelope), id, Reason::Disk);
        }
        let until = self.expiry.promise();
        let goals = goals.into_iter().map(|target| (target, Goal::Open)).collect();
        let job = Job { order: 0, lane: handover.lane, bytes: handover.envelope.len() as u64, until, goals };
        if !self.keep_job(ctx, id, envelope, job, handover.envelope) {
            return refuse(ctx, from, Some(envelope), id, Reason::Full);
        }
        self.receipts.add(ctx, from, until, (envelope, id));
        Outcome::Accepted
    }

    /// Writes a hand-over, unless its inbox or this node has too many.
    fn keep_job(&mut self, ctx: &mut Ctx, id: InboxId, envelope: EnvelopeId, mut job: Job, bytes: Vec<u8>) -> bool {
        let Some(inbox) = self.inboxes.served(ctx, &id) else { return false };
        let quota = self.settings.quota_bytes(&inbox.registration);
        let tally = &mut inbox.tally;
        if tally.handover.count + tally.report.count >= INBOX_HANDOVERS_MAX
            || tally.chat.bytes + tally.handover.bytes + job.bytes > quota
            || self.courier.jobs >= HANDOVERS_MAX
        {
            return false;
        }
        tally.handover.add(job.bytes);
        job.order = tally.handed;
        tally.handed += 1;
        inbox.save_tally(ctx);
        self.courier.change_jobs(ctx, 1);
        ctx.put(Table::Handover, job_key(&id, &envelope), &job);
        ctx.put_raw(Table::Handover, job_body_key(&id, &envelope), bytes);
        ctx.put(Table::Expiry, handover_due_key(due_of(job.until), &id, &envelope), &Due::Handover(envelope));
        for (target, _) in &job.goals {
            ctx.put(Table::Handover, goal_key(&target.peer, &id, job.order, &envelope), &());
            let is_up = self.sessions.contains_key(&target.peer);
            self.courier.wanted(ctx, target.peer, is_up);
        }
        true
    }

    /// A custody receipt of another mailbox; `true` when some of it is about what was handed over. The rest may be about
    /// this node's own envelopes.
    pub fn handle_held(&mut self, ctx: &mut Ctx, from: PeerId, held: &Held) -> bool {
        if held.entries.len() > FRAME_IDS_MAX || !self.courier.awaits(&from) || !held.is_signed_by(&from) {
            return false;
        }
        let taken: Vec<Flight> =
            held.entries.iter().filter_map(|(envelope, inbox)| self.courier.take_flight(&from, envelope, Some(inbox))).collect();
        self.on_taken(ctx, from, &taken, &HandoverDone::Held { by: from, held: held.clone() })
    }

    /// A device's receipt; `true` when some of it is about what was handed over. Whether the device is one of the recipient's is for
    /// the owner to judge, who knows the recipient.
    pub fn handle_delivered(&mut self, ctx: &mut Ctx, from: PeerId, delivered: &Delivered) -> bool {
        if delivered.envelopes.len() > FRAME_IDS_MAX || !self.courier.awaits(&from) || !delivered.is_signed() {
            return false;
        }
        let taken: Vec<Flight> =
            delivered.envelopes.iter().filter_map(|envelope| self.courier.take_flight(&from, envelope, None)).collect();
        self.on_taken(ctx, from, &taken, &HandoverDone::Delivered(delivered.clone()))
    }

    /// A refusal by another mailbox; `true` when it is about what was handed over.
    pub fn handle_refused(&mut self, ctx: &mut Ctx, from: PeerId, refused: &Refused) -> bool {
        let Some(envelope) = refused.envelope else { return false };
        let Some(flight) = self.courier.take_flight(&from, &envelope, Some(&refused.inbox)) else { return false };
        // A full mailbox is asked again later; everything else stays as it is.
        if !matches!(refused.reason, Reason::Full | Reason::Disk) {
            self.on_failed(ctx, from, flight.owner, envelope);
        }
        self.courier_step(ctx, from);
        true
    }

    /// A device that cannot open what was handed over yet is asked again later.
    pub(super) fn defer_handovers(&mut self, ctx: &mut Ctx, from: PeerId, envelopes: &BTreeSet<EnvelopeId>) -> bool {
        let deferred = envelopes.iter().filter(|envelope| self.courier.take_flight(&from, envelope, None).is_some()).count();
        if deferred > 0 {
            self.courier_step(ctx, from);
        }
        deferred > 0
    }

    /// One receipt of one target, for hand-overs of one owner (only those of one are in flight to a peer).
    fn on_taken(&mut self, ctx: &mut Ctx, from: PeerId, taken: &[Flight], done: &HandoverDone) -> bool {
        let Some(owner) = taken.first().map(|flight| flight.owner) else { return false };
        let mut is_news = false;
        for flight in taken {
            let key = job_key(&owner, &flight.envelope);
            let Some(mut job) = ctx.row::<Job>(Table::Handover, &key) else { continue };
            is_news = true;
            job.settle(&from, Goal::Taken);
            ctx.delete(Table::Handover, goal_key(&from, &owner, job.order, &flight.envelope));
            if job.is_done() {
                self.forget_job(ctx, owner, flight.envelope, &job);
            } else {
                ctx.put(Table::Handover, key, &job);
            }
        }
        if is_news {
            self.report(ctx, owner, done);
        }
        self.courier.succeeded(&from);
        self.courier_step(ctx, from);
        true
    }

    fn on_failed(&mut self, ctx: &mut Ctx, from: PeerId, owner: InboxId, envelope: EnvelopeId) {
        let key = job_key(&owner, &envelope);
        let Some(mut job) = ctx.row::<Job>(Table::Handover, &key) else { return };
        job.settle(&from, Goal::Failed);
        ctx.delete(Table::Handover, goal_key(&from, &owner, job.order, &envelope));
        if job.is_open() {
            ctx.put(Table::Handover, key, &job);
            return;
        }
        self.forget_job(ctx, owner, envelope, &job);
        if !job.is_taken() {
            self.report(ctx, owner, &HandoverDone::Expired(envelope));
        }
    }

    /// Its time is over.
    pub(super) fn expire_handover(&mut self, ctx: &mut Ctx, owner: InboxId, envelope: EnvelopeId) {
        let Some(job) = ctx.row::<Job>(Table::Handover, &job_key(&owner, &envelope)) else { return };
        self.forget_job(ctx, owner, envelope, &job);
        if !job.is_taken() {
            self.report(ctx, owner, &HandoverDone::Expired(envelope));
        }
    }

    fn forget_job(&mut self, ctx: &mut Ctx, owner: InboxId, envelope: EnvelopeId, job: &Job) {
        ctx.delete(Table::Handover, job_key(&owner, &envelope));
        ctx.delete(Table::Handover, job_body_key(&owner, &envelope));
        ctx.delete(Table::Expiry, handover_due_key(due_of(job.until), &owner, &envelope));
        for (target, _) in job.goals.iter().filter(|(_, goal)| *goal == Goal::Open) {
            ctx.delete(Table::Handover, goal_key(&target.peer, &owner, job.order, &envelope));
        }
        self.courier.change_jobs(ctx, -1);
        if let Some(inbox) = self.inboxes.find(ctx, &owner) {
            inbox.tally.handover.sub(job.bytes);
            inbox.save_tally(ctx);
        }
    }

    /// Hand-overs of an owner who left; `true` when there may be more.
    pub(super) fn forget_handovers(&mut self, ctx: &mut Ctx, owner: InboxId) -> bool {
        let rows = ctx.scan(&Scan::prefix(Table::Handover, [&[1], &owner.0[..]].concat()).limit(FORGET_ROWS_MAX));
        for (key, value) in &rows {
            match (key.last_chunk::<32>(), rows::decode::<Job>(value)) {
                (Some(envelope), Ok(job)) => self.forget_job(ctx, owner, EnvelopeId(*envelope), &job),
                _ => ctx.delete(Table::Handover, key.clone()),
            }
        }
        rows.len() >= FORGET_ROWS_MAX
    }

    /// Puts what became of hand-overs into the owner's inbox.
    fn report(&mut self, ctx: &mut Ctx, owner: InboxId, done: &HandoverDone) {
        let bytes = codec::encode(done);
        let Some(inbox) = self.inboxes.served(ctx, &owner) else { return };
        let mut body = Body::new(ctx, &bytes);
        if body.held_by(ctx, &owner).is_some() {
            return;
        }
        let until = self.expiry.promise();
        let entry = Hold { envelope: body.id, bytes: bytes.len() as u64, part: Part::Report, token: None, until };
        let sequence = inbox.hold(ctx, &mut body, &entry);
        self.push(ctx, owner, sequence, &entry, &bytes);
    }

    /// Goes on with one peer, as far as its window goes.
    pub(super) fn courier_step(&mut self, ctx: &mut Ctx, peer: PeerId) {
        let is_up = self.sessions.contains_key(&peer);
        self.courier.step(ctx, peer, is_up);
    }
}

impl Job {
    fn settle(&mut self, peer: &PeerId, became: Goal) {
        self.goals.iter_mut().filter(|(target, _)| target.peer == *peer).for_each(|(_, goal)| *goal = became);
    }

    fn is_open(&self) -> bool {
        self.goals.iter().any(|(_, goal)| *goal == Goal::Open)
    }

    fn is_taken(&self) -> bool {
        self.goals.iter().any(|(_, goal)| *goal == Goal::Taken)
    }

    /// A device that has it is enough; of mailboxes, as many as are wanted, or as there are.
    fn is_done(&self) -> bool {
        let count = |is_counted: fn(&(Target, Goal)) -> bool| self.goals.iter().filter(|goal| is_counted(goal)).count();
        let devices = count(|(target, goal)| target.inbox.is_none() && *goal == Goal::Taken);
        let copies = count(|(target, goal)| target.inbox.is_some() && *goal == Goal::Taken);
        let mailboxes = count(|(target, goal)| target.inbox.is_some() && *goal != Goal::Failed);
        devices > 0 || (copies > 0 && copies >= COPIES_WANTED.min(mailboxes)) || !self.is_open()
    }
}

fn is_bounded(handover: &Handover) -> bool {
    (1..=HANDOVER_TARGETS_MAX).contains(&handover.targets.len())
        && handover.targets.iter().all(|target| target.addresses.len() <= ADDRESSES_MAX)
        && handover.targets.iter().all(|target| target.inbox.as_ref().is_none_or(|(inbox, open)| open.token.inbox == *inbox))
        && handover.lane != Lane::Stranger
        && !handover.envelope.is_empty()
}
