//! The peers that hand-overs go to: which is dialled when, what is in flight to it. What is owed to each stands in
//! `Table::Handover`; here is only what is in motion.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::proto::ctx::Ctx;
use crate::proto::seam::Output;
use crate::types::limits::{HANDOVER_ANSWER_MS, HANDOVER_DIALS_MAX, RETRY_MS_MAX, RETRY_MS_MIN, WINDOW_BYTES_MAX, WINDOW_ENVELOPES_MAX};
use crate::types::{Address, EnvelopeId, InboxId, Millis, PeerId, Scan, Table, View};
use crate::wire::frame::Frame;
use crate::wire::mailbox::{Deposit, Target};
use crate::wire::row as rows;

use super::row::{JOBS, Job, JobId, goal_parts, goals_prefix, job_body_key, job_key};

/// All peers that something is to be handed over to.
pub(super) struct Courier {
    /// Hand-overs kept, of all inboxes.
    pub(super) jobs: u64,
    peers: BTreeMap<PeerId, Round>,
    due: BTreeSet<(Millis, PeerId)>,
    queue: VecDeque<PeerId>,
    dialling: usize,
}

/// One hand-over in flight.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flight {
    /// Which.
    pub(super) job: JobId,
    bytes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Until its time comes.
    Resting,
    /// For a free dial.
    Queued,
    /// For the connection.
    Dialling,
    /// For answers.
    Sending,
}

/// One peer, and how far the round of everything owed to it has come.
struct Round {
    phase: Phase,
    failures: u32,
    due: Option<Millis>,
    /// The last row looked at in this round.
    after: Option<Vec<u8>>,
    /// Something was added behind it.
    again: bool,
    /// By envelope and inbox there, which none is for a device.
    flight: BTreeMap<(EnvelopeId, Option<InboxId>), Flight>,
    bytes: u64,
    /// Tokens opened on this connection.
    tokens: BTreeMap<InboxId, [u8; 16]>,
}

impl Courier {
    /// As the store has it: one seek for each peer.
    pub(super) fn open(view: &dyn View) -> Self {
        let jobs = view.get(Table::Meta, JOBS).and_then(|bytes| rows::decode(&bytes).ok()).unwrap_or(0);
        let mut courier = Self { jobs, peers: BTreeMap::new(), due: BTreeSet::new(), queue: VecDeque::new(), dialling: 0 };
        let mut scan = Scan::prefix(Table::Handover, [3]).limit(1);
        while let Some((peer, _)) = view.scan(&scan).first().and_then(|(key, _)| goal_parts(key)) {
            courier.peers.insert(peer, Round::new());
            courier.rest(peer, 0);
            scan = scan.after([goals_prefix(&peer), vec![0xff; 105]].concat());
        }
        courier
    }

    /// Writes how many hand-overs there are.
    pub(super) fn change_jobs(&mut self, ctx: &mut Ctx, by: i64) {
        self.jobs = self.jobs.saturating_add_signed(by);
        ctx.put(Table::Meta, JOBS, &self.jobs);
    }

    /// There is something more for this peer.
    pub(super) fn wanted(&mut self, ctx: &Ctx, peer: PeerId, is_up: bool) {
        let round = self.peers.entry(peer).or_insert_with(Round::new);
        match round.phase {
            // A new peer is tried at once; one that refused something a moment ago is not asked for everything again at each new one.
            Phase::Resting if round.failures == 0 => self.rest(peer, ctx.now.mono),
            Phase::Resting if is_up => {
                let due = round.due.unwrap_or(Millis::MAX).min(ctx.now.mono + RETRY_MS_MIN);
                self.rest(peer, due);
            }
            Phase::Sending => round.again = true,
            _ => {}
        }
    }

    /// Whether anything is in flight to it.
    pub(super) fn awaits(&self, peer: &PeerId) -> bool {
        self.peers.get(peer).is_some_and(|round| !round.flight.is_empty())
    }

    /// What is in flight to this peer of this envelope, for this inbox there or for the device itself; it no longer is.
    pub(super) fn take_flight(&mut self, peer: &PeerId, envelope: &EnvelopeId, inbox: Option<&InboxId>) -> Option<Flight> {
        let round = self.peers.get_mut(peer)?;
        let flight = round.flight.remove(&(*envelope, inbox.copied()))?;
        round.bytes -= flight.bytes;
        Some(flight)
    }

    /// It took something: the next pause is short again.
    pub(super) fn succeeded(&mut self, peer: &PeerId) {
        if let Some(round) = self.peers.get_mut(peer) {
            round.failures = 0;
        }
    }

    /// The stream is open.
    pub(super) fn on_up(&mut self, ctx: &mut Ctx, peer: PeerId) {
        let Some(round) = self.peers.get_mut(&peer) else { return };
        round.restart();
        round.tokens.clear();
        if round.phase == Phase::Dialling {
            self.dialling -= 1;
        }
        self.set(peer, Phase::Resting, Some(ctx.now.mono));
        self.step(ctx, peer, true);
    }

    /// The stream is gone, or could not be opened: what was in flight is tried again after a pause.
    pub(super) fn on_down(&mut self, ctx: &mut Ctx, peer: PeerId) {
        let Some(round) = self.peers.get_mut(&peer) else { return };
        round.restart();
        round.tokens.clear();
        match round.phase {
            Phase::Dialling => self.dialling -= 1,
            // It waits for a time or a dial already.
            Phase::Resting | Phase::Queued => return,
            Phase::Sending => {}
        }
        self.pause(ctx, peer);
    }

    /// Everything that is due.
    pub(super) fn on_deadline(&mut self, ctx: &mut Ctx, is_up: impl Fn(&PeerId) -> bool) {
        for _ in 0..STEPS {
            let Some((_, peer)) = self.due.first().copied().filter(|(due, _)| *due <= ctx.now.mono) else { break };
            let Some(round) = self.peers.get(&peer) else {
                self.due.pop_first();
                continue;
            };
            match round.phase {
                Phase::Resting if is_up(&peer) => self.step(ctx, peer, true),
                Phase::Resting | Phase::Queued => {
                    self.set(peer, Phase::Queued, None);
                    self.queue.push_back(peer);
                }
                // No answer.
                Phase::Dialling => {
                    self.dialling -= 1;
                    self.pause(ctx, peer);
                }
                Phase::Sending => self.pass_over(ctx, peer),
            }
        }
        self.dial(ctx, is_up);
    }

    /// When something is due.
    pub(super) fn next(&self) -> Option<Millis> {
        self.due.first().map(|(due, _)| *due)
    }

    fn dial(&mut self, ctx: &mut Ctx, is_up: impl Fn(&PeerId) -> bool) {
        while self.dialling < HANDOVER_DIALS_MAX {
            let Some(peer) = self.queue.pop_front() else { return };
            if self.peers.get(&peer).is_none_or(|round| round.phase != Phase::Queued) {
                continue;
            }
            if is_up(&peer) {
                self.step(ctx, peer, true);
            } else if let Some(addresses) = addresses_of(ctx, &peer) {
                self.dialling += 1;
                self.set(peer, Phase::Dialling, Some(ctx.now.mono + HANDOVER_ANSWER_MS));
                ctx.speak(Output::Dial { peer, addresses });
            } else {
                self.forget(&peer);
            }
        }
    }

    /// Sends on to a connected peer, or ends the round when all of it is answered.
    pub(super) fn step(&mut self, ctx: &mut Ctx, peer: PeerId, is_up: bool) {
        let Some(round) = self.peers.get_mut(&peer).filter(|_| is_up) else { return };
        if round.send(ctx, peer) {
            self.set(peer, Phase::Sending, Some(ctx.now.mono + HANDOVER_ANSWER_MS));
            return;
        }
        if ctx.scan(&Scan::prefix(Table::Handover, goals_prefix(&peer)).limit(1)).is_empty() {
            self.forget(&peer);
        } else if std::mem::take(&mut round.again) {
            round.after = None;
            self.rest(peer, ctx.now.mono + RETRY_MS_MIN);
        } else {
            self.pause(ctx, peer);
        }
    }

    /// It is there and says nothing of what it was sent (whom it blocked hears nothing): that is tried again in the next round, and
    /// what other owners have for it is not held up.
    fn pass_over(&mut self, ctx: &mut Ctx, peer: PeerId) {
        let Some(round) = self.peers.get_mut(&peer) else { return };
        round.flight.clear();
        round.bytes = 0;
        self.rest(peer, ctx.now.mono);
    }

    fn pause(&mut self, ctx: &mut Ctx, peer: PeerId) {
        let Some(round) = self.peers.get_mut(&peer) else { return };
        round.restart();
        let longest = RETRY_MS_MIN.saturating_mul(1 << round.failures.min(20)).min(RETRY_MS_MAX);
        round.failures = round.failures.saturating_add(1);
        let due = ctx.now.mono + ctx.rng.jitter(longest / 2);
        self.rest(peer, due);
    }

    fn rest(&mut self, peer: PeerId, due: Millis) {
        self.set(peer, Phase::Resting, Some(due));
    }

    fn set(&mut self, peer: PeerId, phase: Phase, due: Option<Millis>) {
        let Some(round) = self.peers.get_mut(&peer) else { return };
        if let Some(old) = round.due {
            self.due.remove(&(old, peer));
        }
        round.phase = phase;
        round.due = due;
        due.map(|due| self.due.insert((due, peer)));
    }

    fn forget(&mut self, peer: &PeerId) {
        if let Some(due) = self.peers.remove(peer).and_then(|round| round.due) {
            self.due.remove(&(due, *peer));
        }
    }
}

impl Round {
    fn new() -> Self {
        Self {
            phase: Phase::Resting,
            failures: 0,
            due: None,
            after: None,
            again: false,
            flight: BTreeMap::new(),
            bytes: 0,
            tokens: BTreeMap::new(),
        }
    }

    fn restart(&mut self) {
        self.after = None;
        self.again = false;
        self.flight.clear();
        self.bytes = 0;
    }

    /// Fills the window; `false` when nothing is in flight and nothing more is to be tried in this round. Hand-overs of two owners are never in
    /// flight together: a receipt that one owner is shown names nothing of another's.
    fn send(&mut self, ctx: &mut Ctx, peer: PeerId) -> bool {
        while self.flight.len() < WINDOW_ENVELOPES_MAX {
            let prefix = goals_prefix(&peer);
            let after = self.after.clone().unwrap_or_else(|| prefix.clone());
            let rows = ctx.scan(&Scan::prefix(Table::Handover, prefix).after(after).limit(STEPS));
            if rows.is_empty() {
                break;
            }
            for (key, _) in rows {
                let Some((_, id)) = goal_parts(&key) else { continue };
                if self.flight.values().next().is_some_and(|other| other.job.owner != id.owner) {
                    return true;
                }
                match ctx.row::<Job>(Table::Handover, &job_key(&id)) {
                    Some(job) if !self.send_one(ctx, peer, id, &job) => return true,
                    Some(_) => {}
                    None => ctx.delete(Table::Handover, key.clone()),
                }
                self.after = Some(key);
            }
        }
        !self.flight.is_empty()
    }

    /// `false` when the window is full.
    fn send_one(&mut self, ctx: &mut Ctx, peer: PeerId, id: JobId, job: &Job) -> bool {
        let Some((target, _)) = job.goals.iter().find(|(target, _)| target.peer == peer) else { return true };
        let place = (id.envelope, target.inbox.as_ref().map(|(inbox, _)| *inbox));
        // The same for another receiver, which an answer could not be told apart from: in the next round.
        if self.flight.contains_key(&place) {
            return true;
        }
        let is_full = self.flight.len() >= WINDOW_ENVELOPES_MAX || self.bytes + job.bytes > WINDOW_BYTES_MAX as u64;
        if is_full && !self.flight.is_empty() {
            return false;
        }
        let Some(bytes) = ctx.get(Table::Handover, &job_body_key(&id.owner, &id.envelope)) else { return true };
        match &target.inbox {
            None => ctx.transmit(peer, Frame::Deliver(bytes)),
            Some((inbox, open)) => {
                if self.tokens.insert(*inbox, open.token.id) != Some(open.token.id) {
                    ctx.transmit(peer, Frame::OpenToken(open.clone()));
                }
                ctx.transmit(peer, Frame::Deposit(Deposit { inboxes: vec![(*inbox, job.lane)], work: 0, envelope: bytes }));
            }
        }
        self.flight.insert(place, Flight { job: id, bytes: job.bytes });
        self.bytes += job.bytes;
        true
    }
}

/// Where the hand-overs to this peer say that it can be dialled: the first one's word counts, the next round asks anew.
fn addresses_of(ctx: &Ctx, peer: &PeerId) -> Option<Vec<Address>> {
    let rows = ctx.scan(&Scan::prefix(Table::Handover, goals_prefix(peer)).limit(1));
    let (_, id) = goal_parts(&rows.first()?.0)?;
    let job: Job = ctx.row(Table::Handover, &job_key(&id))?;
    job.goals.into_iter().find(|(target, _)| target.peer == *peer).map(|(Target { addresses, .. }, _)| addresses)
}

/// Rows or peers in one step.
const STEPS: usize = 64;
