//! What the service writes: rows and their keys.
//!
//! | table | key | value |
//! |---|---|---|
//! | `Meta` | [`COUNTS`], [`SECRET`], [`CLOCK`], [`JOBS`] | [`Counts`], the secret of the relay link, the expiry clock, the number of hand-overs |
//! | `Meta` | [`neighbour_key`], [`peer_key`] | the inboxes of one neighbour, and those that one node registered at a relay |
//! | `Inbox` | `inbox` | [`Registration`] |
//! | `Inbox` | `inbox`, 1 | [`Tally`] |
//! | `Inbox` | `inbox`, 2, `reader` | [`Acked`](super::acked::Acked) |
//! | `Inbox` | `inbox`, 3, `token` | [`Usage`] |
//! | `Inbox` | `inbox`, 4, `token` | revoked |
//! | `Held` | `inbox`, `sequence` | [`Hold`] |
//! | `Body` | `envelope` | raw: the first holder (`inbox`, `sequence`), the sealed bytes |
//! | `Body` | `envelope`, 0 | number of entries that hold it, once there were two |
//! | `Body` | `envelope`, `inbox` | sequence of each holder but the first |
//! | `Expiry` | `due`, `inbox`, … | [`Due`] |
//! | `Handover` | 1, `inbox`, `envelope`, `to` | [`Job`] |
//! | `Handover` | 2, `inbox`, `envelope` | raw: the sealed bytes |
//! | `Handover` | 3, `peer`, `inbox`, `order`, `envelope`, `to` | this target is still to be tried |
//! | `Handover` | 4, `inbox`, `sequence` | the hand-overs that the result at this place is about |
//! | `Relay` | `peer` | [`Announcement`](crate::wire::mailbox::Announcement) |

use bincode::{Decode, Encode};

use crate::types::limits::EXPIRY_SPAN_MS;
use crate::types::{AccountId, EnvelopeId, InboxId, Millis, PeerId};
use crate::wire::mailbox::{Lane, Target};

/// Key of [`Counts`] in `Table::Meta`.
pub const COUNTS: &[u8] = b"mailbox/counts";
/// Key of the secret of the relay link in `Table::Meta`.
pub const SECRET: &[u8] = b"mailbox/secret";
/// Key of the expiry clock in `Table::Meta`.
pub const CLOCK: &[u8] = b"mailbox/clock";

/// Key of the number of hand-overs in `Table::Meta`.
pub const JOBS: &[u8] = b"mailbox/handovers";

/// Inboxes served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Counts {
    /// Of accounts that showed the secret of the relay link.
    pub relayed: u64,
    /// Of contacts.
    pub neighbours: u64,
}

/// Who owns an inbox and who reads it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Registration {
    /// The key that owns it.
    pub owner: [u8; 32],
    /// The keys that must acknowledge.
    pub readers: Vec<[u8; 32]>,
    /// The contact it is for; none when the secret of the relay link was shown.
    pub neighbour: Option<AccountId>,
    /// The node that registered it first.
    pub by: PeerId,
    /// Whether its owner left and its rows are being forgotten.
    pub leaving: bool,
}

/// Bytes and number of entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Sum {
    /// Bytes.
    pub bytes: u64,
    /// Entries.
    pub count: u64,
}

impl Sum {
    /// One more entry.
    pub(super) fn add(&mut self, bytes: u64) {
        self.bytes += bytes;
        self.count += 1;
    }

    /// One entry less.
    pub(super) fn sub(&mut self, bytes: u64) {
        self.bytes = self.bytes.saturating_sub(bytes);
        self.count = self.count.saturating_sub(1);
    }
}

/// The counters of an inbox.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Tally {
    /// The next place.
    pub next: u64,
    /// Held from contacts: messages.
    pub chat: Sum,
    /// Held from contacts: commits and welcomes.
    pub control: Sum,
    /// Held from strangers.
    pub stranger: Sum,
    /// Results of hand-overs that were not acknowledged.
    pub report: Sum,
    /// Hand-overs being tried.
    pub handover: Sum,
    /// Hand-overs so far: their order.
    pub handed: u64,
    /// Tokens revoked.
    pub revoked: u64,
    /// The latest row in `Table::Expiry`: its due time and its first sequence.
    pub run: Option<(Millis, u64)>,
}

impl Default for Tally {
    fn default() -> Self {
        let none = Sum::default();
        Self { next: 1, chat: none, control: none, stranger: none, report: none, handover: none, handed: 0, revoked: 0, run: None }
    }
}

impl Tally {
    pub(super) fn part(&mut self, part: Part) -> &mut Sum {
        match part {
            Part::Chat => &mut self.chat,
            Part::Control => &mut self.control,
            Part::Stranger => &mut self.stranger,
            Part::Report => &mut self.report,
        }
    }

    /// Entries in `Table::Held`.
    pub fn entries(&self) -> u64 {
        self.chat.count + self.control.count + self.stranger.count + self.report.count
    }
}

/// What one token has in an inbox; the row goes when nothing is left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Usage {
    /// Messages.
    pub chat: Sum,
    /// Commits and welcomes.
    pub control: Sum,
}

/// The part of an inbox that an entry counts in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub enum Part {
    /// Messages.
    Chat,
    /// Commits and welcomes.
    Control,
    /// From strangers.
    Stranger,
    /// Results of hand-overs, made by this node: the body is an encoded `HandoverDone`.
    Report,
}

/// One entry of an inbox.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Hold {
    /// What is held.
    pub envelope: EnvelopeId,
    /// Its length.
    pub bytes: u64,
    /// Where it counts.
    pub part: Part,
    /// The token it came with.
    pub token: Option<[u8; 16]>,
    /// Until when, as the receipt promised.
    pub until: Millis,
}

/// What is due at a time; 0 is at once.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Due {
    /// Entries from this sequence on expire, as long as they are due at the same time.
    Run(u64),
    /// A reader is gone: release what all others acknowledged, beyond this sequence.
    Sweep(u64),
    /// The owner left: forget everything.
    Leave,
    /// This hand-over expires: what, and for whom.
    Handover(EnvelopeId, InboxId),
}

/// A hand-over.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Job {
    /// Its place among those of its inbox: they are tried in order.
    pub order: u64,
    /// Where it goes at mailboxes.
    pub lane: Lane,
    /// Length of the envelope.
    pub bytes: u64,
    /// Until when it is tried.
    pub until: Millis,
    /// Where it goes, and what became of that.
    pub goals: Vec<(Target, Goal)>,
    /// Results about it that its owner has not acknowledged.
    pub untold: u32,
}

/// What became of one target of a hand-over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Goal {
    /// To be tried.
    Open,
    /// It took the envelope.
    Taken,
    /// It never will.
    Failed,
}

/// When entries with this promise expire: at the end of their span.
pub fn due_of(until: Millis) -> Millis {
    (until / EXPIRY_SPAN_MS + 1) * EXPIRY_SPAN_MS
}

/// In `Table::Meta`: the inboxes of a neighbour.
pub fn neighbour_key(account: &AccountId) -> Vec<u8> {
    [b"mailbox/neighbour/", &account.0[..]].concat()
}

/// In `Table::Meta`: the inboxes that a node registered at a relay.
pub fn peer_key(peer: &PeerId) -> Vec<u8> {
    [b"mailbox/peer/", &peer.0[..]].concat()
}

/// In `Table::Inbox`: the counters.
pub fn tally_key(inbox: &InboxId) -> Vec<u8> {
    [&inbox.0[..], &[1]].concat()
}

/// In `Table::Inbox`: what a reader acknowledged.
pub fn reader_key(inbox: &InboxId, reader: &[u8; 32]) -> Vec<u8> {
    [&inbox.0[..], &[2], reader].concat()
}

/// In `Table::Inbox`: what a token has there.
pub fn usage_key(inbox: &InboxId, token: &[u8; 16]) -> Vec<u8> {
    [&inbox.0[..], &[3], token].concat()
}

/// In `Table::Inbox`: a revoked token.
pub fn revoked_key(inbox: &InboxId, token: &[u8; 16]) -> Vec<u8> {
    [&inbox.0[..], &[4], token].concat()
}

/// In `Table::Held`.
pub fn held_key(inbox: &InboxId, sequence: u64) -> Vec<u8> {
    [&inbox.0[..], &sequence.to_be_bytes()].concat()
}

/// The sequence in such a key.
pub fn sequence_of(key: &[u8]) -> Option<u64> {
    key.last_chunk::<8>().map(|bytes| u64::from_be_bytes(*bytes))
}

/// In `Table::Body`: the number of holders.
pub fn count_key(envelope: &EnvelopeId) -> Vec<u8> {
    [&envelope.0[..], &[0]].concat()
}

/// In `Table::Body`: a further holder.
pub fn holder_key(envelope: &EnvelopeId, inbox: &InboxId) -> Vec<u8> {
    [&envelope.0[..], &inbox.0[..]].concat()
}

/// In `Table::Expiry`: a run of entries.
pub fn run_key(due: Millis, inbox: &InboxId, first: u64) -> Vec<u8> {
    [&due.to_be_bytes()[..], &inbox.0, &first.to_be_bytes()].concat()
}

/// In `Table::Expiry`: something to be done at once for an inbox, one of each kind.
pub fn task_key(inbox: &InboxId, kind: u8) -> Vec<u8> {
    [&[0; 8][..], &inbox.0, &[kind]].concat()
}

/// A hand-over: the inbox that pays, what, and what stands for the receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub struct JobId {
    /// The inbox that pays.
    pub owner: InboxId,
    /// The sealed bytes.
    pub envelope: EnvelopeId,
    /// The receiver.
    pub to: InboxId,
}

impl JobId {
    fn bytes(&self) -> Vec<u8> {
        [&self.owner.0[..], &self.envelope.0, &self.to.0].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (owner, rest) = bytes.split_first_chunk::<32>()?;
        let (envelope, to) = rest.split_first_chunk::<32>()?;
        Some(Self { owner: InboxId(*owner), envelope: EnvelopeId(*envelope), to: InboxId::from_slice(to)? })
    }
}

/// In `Table::Expiry`: a hand-over.
pub fn handover_due_key(due: Millis, job: &JobId) -> Vec<u8> {
    [&due.to_be_bytes()[..], &job.bytes()].concat()
}

/// Due time and inbox of a key in `Table::Expiry`.
pub fn due_parts(key: &[u8]) -> Option<(Millis, InboxId)> {
    let (due, rest) = key.split_first_chunk::<8>()?;
    let (inbox, _) = rest.split_first_chunk::<32>()?;
    Some((u64::from_be_bytes(*due), InboxId(*inbox)))
}

/// In `Table::Handover`: the job.
pub fn job_key(job: &JobId) -> Vec<u8> {
    [&[1][..], &job.bytes()].concat()
}

/// The job of such a key.
pub fn job_of(key: &[u8]) -> Option<JobId> {
    JobId::from_bytes(key.strip_prefix(&[1])?)
}

/// In `Table::Handover`: all jobs of an inbox with the same sealed bytes.
pub fn jobs_prefix(inbox: &InboxId, envelope: &EnvelopeId) -> Vec<u8> {
    [&[1], &inbox.0[..], &envelope.0].concat()
}

/// In `Table::Handover`: the sealed bytes, once for all receivers.
pub fn job_body_key(inbox: &InboxId, envelope: &EnvelopeId) -> Vec<u8> {
    [&[2], &inbox.0[..], &envelope.0].concat()
}

/// In `Table::Handover`: everything to be tried at one peer starts so.
pub fn goals_prefix(peer: &PeerId) -> Vec<u8> {
    [&[3], &peer.0[..]].concat()
}

/// In `Table::Handover`: a target to be tried.
pub fn goal_key(peer: &PeerId, order: u64, job: &JobId) -> Vec<u8> {
    [&[3], &peer.0[..], &job.owner.0, &order.to_be_bytes(), &job.envelope.0, &job.to.0].concat()
}

/// Peer and job of such a key.
pub fn goal_parts(key: &[u8]) -> Option<(PeerId, JobId)> {
    let rest = key.strip_prefix(&[3])?;
    let (peer, rest) = rest.split_first_chunk::<32>()?;
    let (owner, rest) = rest.split_first_chunk::<32>()?;
    let (_, rest) = rest.split_first_chunk::<8>()?;
    let (envelope, to) = rest.split_first_chunk::<32>()?;
    Some((PeerId(*peer), JobId { owner: InboxId(*owner), envelope: EnvelopeId(*envelope), to: InboxId::from_slice(to)? }))
}

/// In `Table::Handover`: what a result is about.
pub fn told_key(inbox: &InboxId, sequence: u64) -> Vec<u8> {
    [&[4], &inbox.0[..], &sequence.to_be_bytes()].concat()
}
