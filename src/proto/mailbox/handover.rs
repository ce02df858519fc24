//! Trying for owners who went offline: what is handed over is kept, tried at each of its targets until one took it, and what
//! became of it is told to the owner as an entry of the owner's inbox, which waits there until it is acknowledged. Only then is the
//! envelope forgotten: as long as the owner is not told otherwise, it is shown this mailbox as its holder.

use std::collections::BTreeSet;

use crate::proto::ctx::Ctx;
use crate::proto::seam::{Misbehaviour, Outcome};
use crate::types::limits::{
    ADDRESSES_MAX, COPIES_WANTED, ENVELOPE_BYTES_MAX, FORGET_ROWS_MAX, FRAME_IDS_MAX, HANDOVER_TARGETS_MAX, HANDOVERS_MAX,
    INBOX_HANDOVERS_MAX,
};
use crate::types::{EnvelopeId, InboxId, PeerId, Scan, Table};
use crate::wire::codec;
use crate::wire::frame::{Delivered, Frame};
use crate::wire::mailbox::{Handover, HandoverDone, Held, Lane, Reason, Refused, Target, Withdraw};
use crate::wire::row as rows;

use super::body::{self, Body};
use super::courier::Flight;
use super::row::{
    Due, Goal, Hold, Job, JobId, Part, due_of, goal_key, handover_due_key, job_body_key, job_key, job_of, jobs_prefix, told_key,
};
use super::{Service, refuse};

impl Service {
    pub(super) fn handle_handover(&mut self, ctx: &mut Ctx, from: PeerId, handover: Handover) -> Outcome {
        if !is_bounded(&handover) {
            return Outcome::Misbehaved(Misbehaviour::Malformed);
        }
        let job = JobId { owner: handover.inbox, envelope: body::id_of(&handover.envelope), to: handover.to };
        if !self.sessions.get(&from).is_some_and(|session| session.readings.contains_key(&job.owner)) {
            return refuse(ctx, from, Some(job.envelope), job.to, Reason::NotServed);
        }
        if handover.envelope.len() > ENVELOPE_BYTES_MAX {
            return refuse(ctx, from, Some(job.envelope), job.to, Reason::TooLarge);
        }
        let me = ctx.keys.peer_id();
        let mut peers = BTreeSet::from([me]);
        let goals: Vec<Target> = handover.targets.into_iter().filter(|target| peers.insert(target.peer)).collect();
        if goals.is_empty() {
            return refuse(ctx, from, Some(job.envelope), job.to, Reason::NotServed);
        }
        if !goals.iter().all(|target| target.inbox.as_ref().is_none_or(|(_, open)| open.is_signed(&me, &target.peer))) {
            refuse(ctx, from, Some(job.envelope), job.to, Reason::Signature);
            return Outcome::Misbehaved(Misbehaviour::Signature);
        }
        let goals: Vec<(Target, Goal)> = goals.into_iter().map(|target| (target, Goal::Open)).collect();
        if let Some(known) = ctx.row::<Job>(Table::Handover, &job_key(&job)) {
            if known.is_done() && self.courier.jobs >= HANDOVERS_MAX {
                return refuse(ctx, from, Some(job.envelope), job.to, Reason::Full);
            }
            self.receipts.add(ctx, from, known.until, (job.envelope, job.to));
            return self.aim_anew(ctx, &job, known, goals);
        }
        if self.disk_full {
            return refuse(ctx, from, Some(job.envelope), job.to, Reason::Disk);
        }
        let until = self.expiry.promise();
        let fresh = Job { order: 0, lane: handover.lane, bytes: handover.envelope.len() as u64, until, goals, untold: 0 };
        if !self.keep_job(ctx, &job, fresh, handover.envelope) {
            return refuse(ctx, from, Some(job.envelope), job.to, Reason::Full);
        }
        self.receipts.add(ctx, from, until, (job.envelope, job.to));
        Outcome::Accepted
    }

    /// Writes a hand-over, unless its inbox or this node has too many.
    fn keep_job(&mut self, ctx: &mut Ctx, id: &JobId, mut job: Job, bytes: Vec<u8>) -> bool {
        let Some(inbox) = self.inboxes.served(ctx, &id.owner) else { return false };
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
        ctx.put_raw(Table::Handover, job_body_key(&id.owner, &id.envelope), bytes);
        ctx.put(Table::Expiry, handover_due_key(due_of(job.until), id), &Due::Handover(id.envelope, id.to));
        self.try_job(ctx, id, &job);
        true
    }

    fn try_job(&mut self, ctx: &mut Ctx, id: &JobId, job: &Job) {
        self.courier.change_jobs(ctx, 1);
        ctx.put(Table::Handover, job_key(id), job);
        for (target, _) in job.goals.iter().filter(|(_, goal)| *goal == Goal::Open) {
            ctx.put(Table::Handover, goal_key(&target.peer, job.order, id), &());
            let is_up = self.sessions.contains_key(&target.peer);
            self.courier.wanted(ctx, target.peer, is_up);
        }
    }

    /// What is here already is handed over once more: its receiver may be elsewhere since then. A target that took it stays so.
    fn aim_anew(&mut self, ctx: &mut Ctx, id: &JobId, mut job: Job, mut goals: Vec<(Target, Goal)>) -> Outcome {
        let is_same = job.goals.iter().map(|(target, _)| target).eq(goals.iter().map(|(target, _)| target));
        if self.disk_full || (is_same && (job.is_open() || job.is_taken())) {
            return Outcome::Duplicate;
        }
        let taken: BTreeSet<PeerId> = job.goals.iter().filter(|(_, goal)| *goal == Goal::Taken).map(|(target, _)| target.peer).collect();
        goals.iter_mut().filter(|(target, _)| taken.contains(&target.peer)).for_each(|(_, goal)| *goal = Goal::Taken);
        if !job.is_done() {
            self.rest_job(ctx, id, &job);
        }
        job.goals = goals;
        if job.is_done() {
            ctx.put(Table::Handover, job_key(id), &job);
        } else {
            self.try_job(ctx, id, &job);
        }
        Outcome::Accepted
    }

    /// Its owner needs these no more: the receivers have them by other ways, or cannot be reached by this one.
    pub(super) fn handle_withdraw(&mut self, ctx: &mut Ctx, from: PeerId, withdraw: &Withdraw) -> Outcome {
        if withdraw.handovers.len() > FRAME_IDS_MAX {
            return Outcome::Misbehaved(Misbehaviour::Malformed);
        }
        if !self.sessions.get(&from).is_some_and(|session| session.readings.contains_key(&withdraw.inbox)) {
            return refuse(ctx, from, None, withdraw.inbox, Reason::NotServed);
        }
        let mut outcome = Outcome::Duplicate;
        for (envelope, to) in &withdraw.handovers {
            let id = JobId { owner: withdraw.inbox, envelope: *envelope, to: *to };
            if let Some(job) = ctx.row::<Job>(Table::Handover, &job_key(&id)) {
                self.forget_job(ctx, &id, &job);
                outcome = Outcome::Accepted;
            }
        }
        ctx.transmit(from, Frame::Withdrawn(withdraw.clone()));
        outcome
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
            self.on_failed(ctx, from, &flight.job);
        }
        self.courier_step(ctx, from);
        true
    }

    /// A device that can never open what was handed over is not asked again; `true` when something was.
    pub fn handle_lost(&mut self, ctx: &mut Ctx, from: PeerId, envelopes: &[EnvelopeId]) -> bool {
        let lost: Vec<Flight> = envelopes.iter().filter_map(|envelope| self.courier.take_flight(&from, envelope, None)).collect();
        for flight in &lost {
            self.on_failed(ctx, from, &flight.job);
        }
        if !lost.is_empty() {
            self.courier_step(ctx, from);
        }
        !lost.is_empty()
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
        let Some(owner) = taken.first().map(|flight| flight.job.owner) else { return false };
        let mut about = Vec::new();
        for flight in taken {
            let Some(mut job) = ctx.row::<Job>(Table::Handover, &job_key(&flight.job)) else { continue };
            let was_done = job.is_done();
            job.settle(&from, Goal::Taken);
            ctx.delete(Table::Handover, goal_key(&from, job.order, &flight.job));
            if job.is_done() && !was_done {
                self.rest_job(ctx, &flight.job, &job);
            }
            ctx.put(Table::Handover, job_key(&flight.job), &job);
            about.push(flight.job);
        }
        if !about.is_empty() {
            self.report(ctx, owner, done, &about);
        }
        self.courier.succeeded(&from);
        self.courier_step(ctx, from);
        true
    }

    fn on_failed(&mut self, ctx: &mut Ctx, from: PeerId, id: &JobId) {
        let Some(mut job) = ctx.row::<Job>(Table::Handover, &job_key(id)).filter(|job| !job.is_done()) else { return };
        job.settle(&from, Goal::Failed);
        ctx.delete(Table::Handover, goal_key(&from, job.order, id));
        ctx.put(Table::Handover, job_key(id), &job);
        if !job.is_done() {
            return;
        }
        self.rest_job(ctx, id, &job);
        if !job.is_taken() {
            self.report(ctx, id.owner, &HandoverDone::Expired { envelope: id.envelope, to: id.to }, &[*id]);
        } else if job.untold == 0 {
            self.forget_job(ctx, id, &job);
        }
    }

    /// Its time is over.
    pub(super) fn expire_handover(&mut self, ctx: &mut Ctx, id: &JobId) {
        let Some(job) = ctx.row::<Job>(Table::Handover, &job_key(id)) else { return };
        self.forget_job(ctx, id, &job);
        if !job.is_taken() && !job.is_done() {
            self.report(ctx, id.owner, &HandoverDone::Expired { envelope: id.envelope, to: id.to }, &[*id]);
        }
    }

    /// The owner knows what the result at this place says: what is done is forgotten.
    pub(super) fn on_told(&mut self, ctx: &mut Ctx, owner: &InboxId, sequence: u64) {
        let key = told_key(owner, sequence);
        let about: Vec<JobId> = ctx.row(Table::Handover, &key).unwrap_or_default();
        ctx.delete(Table::Handover, key);
        for id in about {
            let Some(mut job) = ctx.row::<Job>(Table::Handover, &job_key(&id)) else { continue };
            job.untold = job.untold.saturating_sub(1);
            if job.untold == 0 && job.is_done() {
                self.forget_job(ctx, &id, &job);
            } else {
                ctx.put(Table::Handover, job_key(&id), &job);
            }
        }
    }

    /// It is tried no more.
    fn rest_job(&mut self, ctx: &mut Ctx, id: &JobId, job: &Job) {
        for (target, _) in job.goals.iter().filter(|(_, goal)| *goal == Goal::Open) {
            ctx.delete(Table::Handover, goal_key(&target.peer, job.order, id));
        }
        self.courier.change_jobs(ctx, -1);
    }

    fn forget_job(&mut self, ctx: &mut Ctx, id: &JobId, job: &Job) {
        self.receipts.withdraw(&(id.envelope, id.to));
        ctx.delete(Table::Handover, job_key(id));
        if ctx.scan(&Scan::prefix(Table::Handover, jobs_prefix(&id.owner, &id.envelope)).limit(1)).is_empty() {
            ctx.delete(Table::Handover, job_body_key(&id.owner, &id.envelope));
        }
        ctx.delete(Table::Expiry, handover_due_key(due_of(job.until), id));
        if !job.is_done() {
            self.rest_job(ctx, id, job);
        }
        if let Some(inbox) = self.inboxes.find(ctx, &id.owner) {
            inbox.tally.handover.sub(job.bytes);
            inbox.save_tally(ctx);
        }
    }

    /// Hand-overs of an owner who left; `true` when there may be more.
    pub(super) fn forget_handovers(&mut self, ctx: &mut Ctx, owner: InboxId) -> bool {
        let rows = ctx.scan(&Scan::prefix(Table::Handover, [&[1], &owner.0[..]].concat()).limit(FORGET_ROWS_MAX));
        for (key, value) in &rows {
            match (job_of(key), rows::decode::<Job>(value)) {
                (Some(id), Ok(job)) => self.forget_job(ctx, &id, &job),
                _ => ctx.delete(Table::Handover, key.clone()),
            }
        }
        rows.len() >= FORGET_ROWS_MAX
    }

    /// Puts what became of hand-overs into the owner's inbox.
    fn report(&mut self, ctx: &mut Ctx, owner: InboxId, done: &HandoverDone, about: &[JobId]) {
        let bytes = codec::encode(done);
        let Some(inbox) = self.inboxes.served(ctx, &owner) else { return };
        let mut body = Body::new(ctx, &bytes);
        if body.held_by(ctx, &owner).is_some() {
            return;
        }
        let until = self.expiry.promise();
        let entry = Hold { envelope: body.id, bytes: bytes.len() as u64, part: Part::Report, token: None, until };
        let sequence = inbox.hold(ctx, &mut body, &entry);
        let mut told = Vec::new();
        for id in about {
            if let Some(job) = ctx.row::<Job>(Table::Handover, &job_key(id)) {
                ctx.put(Table::Handover, job_key(id), &Job { untold: job.untold + 1, ..job });
                told.push(*id);
            }
        }
        if !told.is_empty() {
            ctx.put(Table::Handover, told_key(&owner, sequence), &told);
        }
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
