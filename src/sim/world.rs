//! The world: machines, one clock, one queue of what happens next. Everything in it follows from one seed.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::Who;
use super::link::{Fate, Links, Weather};
use super::machine::{Machine, Waiting};
use super::oracle::Watch;
use super::trace::Trace;
use crate::crypto::keys::Keys;
use crate::proto::{Command, CommandError, Input, Misbehaviour, Node, Outcome, Output, Refusal, Reply, Settings, Topic};
use crate::types::limits::FRAME_BYTES_MAX;
use crate::types::time::{HOUR, SECOND};
use crate::types::{Address, Batch, BlobId, EnvelopeId, Millis, PeerId, Rng};
use crate::wire::frame::Frame;

/// The simulated world.
pub struct World {
    /// Milliseconds since it began.
    pub now: Millis,
    /// Everybody's machines.
    pub machines: Vec<Machine>,
    /// How bad things are.
    pub weather: Weather,
    /// What lies between the machines.
    pub links: Links,
    /// What must be true, looked at after every step.
    pub watch: Watch,
    /// What happened.
    pub trace: Trace,
    /// How much of it.
    pub tally: Tally,
    queue: BinaryHeap<Reverse<Happening>>,
    by_peer: BTreeMap<PeerId, Who>,
    /// Answers to commands, not looked at yet.
    replies: Vec<(u64, Result<Reply, CommandError>)>,
    /// What is remembered of bodies of media.
    pub(super) bodies: super::bodies::Seen,
    /// Over how many lines an envelope came to a machine.
    hops: BTreeMap<(Who, EnvelopeId), u64>,
    rng: Rng,
    sequence: u64,
}

/// How much happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Inputs that nodes handled.
    pub inputs: u64,
    /// Frames that were sent.
    pub frames: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Crashes between outputs.
    pub crashes: u64,
    /// Messages that became durable where they were to go.
    pub deliveries: u64,
    /// Envelopes that came to somebody who had them already.
    pub duplicates: u64,
    /// Envelopes that came to whom they were for.
    pub arrivals: u64,
    /// Over how many lines these came in all: straight is one, by a mailbox two.
    pub hops: u64,
}

impl Tally {
    /// Adds what happened elsewhere.
    pub fn add(&mut self, other: &Self) {
        self.inputs += other.inputs;
        self.frames += other.frames;
        self.bytes += other.bytes;
        self.crashes += other.crashes;
        self.deliveries += other.deliveries;
        self.duplicates += other.duplicates;
        self.arrivals += other.arrivals;
        self.hops += other.hops;
    }
}

struct Happening {
    at: Millis,
    sequence: u64,
    what: What,
}

enum What {
    Input { to: Who, life: u32, link: Option<u64>, input: Box<Input> },
    Connect { from: Who, life: u32, peer: PeerId },
    Wake { who: Who, life: u32 },
    Flushed { who: Who, life: u32, batches: usize },
    Start { who: Who, life: u32 },
    Forget { who: Who, life: u32, blob: BlobId },
}

impl PartialEq for Happening {
    fn eq(&self, other: &Self) -> bool {
        self.sequence == other.sequence
    }
}

impl Eq for Happening {}

impl PartialOrd for Happening {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Happening {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.sequence).cmp(&(other.at, other.sequence))
    }
}

/// How long a dial takes.
const DIAL_MS: Millis = 10;
/// How long the file of a body stays after it was forgotten.
const FORGET_MS: Millis = 20;
/// How long a proof of work takes.
const WORK_MS: Millis = 400;
/// How long a machine takes to start after a crash, at most.
const RESTART_MS: Millis = 5 * SECOND;

impl World {
    /// An empty world. With `is_kept` the lines of its trace can be read.
    pub fn new(seed: u64, weather: Weather, is_kept: bool) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_be_bytes());
        Self {
            now: HOUR,
            machines: Vec::new(),
            weather,
            links: Links::default(),
            watch: Watch::default(),
            trace: Trace::new(is_kept),
            tally: Tally::default(),
            queue: BinaryHeap::new(),
            by_peer: BTreeMap::new(),
            replies: Vec::new(),
            bodies: super::bodies::Seen::default(),
            hops: BTreeMap::new(),
            rng: Rng::from_seed(bytes),
            sequence: 0,
        }
    }

    /// A new machine, started.
    pub fn add(&mut self, settings: Settings) -> Who {
        let keys = Keys::new(&self.rng.bytes(), &self.rng.bytes(), &self.rng.bytes());
        let who = self.machines.len();
        self.by_peer.insert(keys.peer_id(), who);
        self.machines.push(Machine::new(keys, settings));
        self.start(who);
        who
    }

    /// Whose transport key this is.
    pub fn who(&self, peer: &PeerId) -> Option<Who> {
        self.by_peer.get(peer).copied()
    }

    /// A number below a bound.
    pub(super) fn chance(&mut self, bound: u64) -> u64 {
        self.rng.below(bound)
    }

    /// Fresh bytes.
    pub(super) fn chance_bytes<const N: usize>(&mut self) -> [u8; N] {
        self.rng.bytes()
    }

    /// Starts a machine from its disk; nothing happens when it runs or is gone for good.
    pub fn start(&mut self, who: Who) {
        let seed = self.rng.bytes();
        let now = self.now;
        let machine = &mut self.machines[who];
        if machine.is_up() || machine.state.gone {
            return;
        }
        machine.started = now;
        machine.life += 1;
        machine.wake = None;
        self.reconcile(who);
        let machine = &mut self.machines[who];
        let node = Node::open(machine.keys.clone(), machine.settings.clone(), &machine.disk, seed, machine.time(now));
        machine.node = Some(Box::new(node));
        self.trace.add(format_args!("{now} {who} starts"));
        self.perform(who);
        if self.machines[who].state.full {
            self.input(who, Input::DiskFull(true));
        }
        let address = format!("/ip4/127.{}.{}.{}/tcp/4001", who >> 16, who >> 8 & 255, who & 255);
        self.input(who, Input::Listening(Address::new(&address).into_iter().collect()));
    }

    /// Ends a machine as power loss does: what was not flushed may be lost from any point on.
    pub fn kill(&mut self, who: Who) {
        if !self.machines[who].is_up() {
            return;
        }
        let now = self.now;
        let unflushed = self.machines[who].disk.unflushed();
        let kept = self.rng.below(unflushed as u64 + 1) as usize;
        self.machines[who].disk.crash(kept);
        // Those that are flushed may still wait for what is said after them.
        let waiting = std::mem::take(&mut self.machines[who].waiting).into_iter().filter_map(Waiting::batch);
        let waiting: Vec<Batch> = waiting.collect();
        for batch in waiting.into_iter().rev().take(unflushed).rev().take(kept) {
            self.watch_durable(who, &batch);
        }
        let machine = &mut self.machines[who];
        machine.node = None;
        machine.life += 1;
        machine.ending.clear();
        machine.flushing = false;
        let peers = std::mem::take(&mut machine.peers);
        self.trace.add(format_args!("{now} {who} ends"));
        for set in self.links.topics.values_mut() {
            set.remove(&who);
        }
        for other in peers {
            self.hang_up(other, who);
        }
    }

    /// Another device of the same account takes over this disk, as from a backup.
    pub fn replace_device(&mut self, who: Who) {
        self.kill(who);
        let (device, transport) = (self.rng.bytes(), self.rng.bytes());
        let machine = &mut self.machines[who];
        self.by_peer.remove(&machine.keys.peer_id());
        machine.keys = Keys::new(machine.keys.entropy(), &device, &transport);
        self.by_peer.insert(machine.keys.peer_id(), who);
        self.watch.been.retain(|(other, _), _| *other != who);
        self.start(who);
    }

    /// The connection of two machines breaks, with what is in flight on it.
    pub fn snap(&mut self, one: Who, other: Who) {
        self.hang_up(one, other);
        self.hang_up(other, one);
    }

    /// `who` loses its connection to `other`.
    fn hang_up(&mut self, who: Who, other: Who) {
        self.links.close(who, other);
        let peer = self.machines[other].keys.peer_id();
        let machine = &mut self.machines[who];
        if machine.peers.remove(&other) && machine.is_up() {
            machine.ending.insert(peer);
            self.later(who, 1, None, Input::PeerDown(peer));
        }
    }

    fn queue(&mut self, at: Millis, what: What) {
        self.sequence += 1;
        self.queue.push(Reverse(Happening { at, sequence: self.sequence, what }));
    }

    pub(super) fn later(&mut self, to: Who, delay: Millis, link: Option<u64>, input: Input) {
        let life = self.machines[to].life;
        self.queue(self.now + delay, What::Input { to, life, link, input: Box::new(input) });
    }

    /// Gives a node one input and performs what follows. `None` when it does not run.
    pub fn input(&mut self, who: Who, input: Input) -> Option<Outcome> {
        let now = self.now;
        let machine = &mut self.machines[who];
        let time = machine.time(now);
        let node = machine.node.as_mut()?;
        let told = Told::of(&input);
        let carried = Carried::of(&input);
        let outcome = node.handle(time, input, &machine.disk);
        self.tally.inputs += 1;
        if let Some(carried) = carried {
            self.count_hop(who, &carried, outcome);
        }
        self.trace.add(format_args!("{now} {who} < {told} {outcome:?}"));
        if let Outcome::Misbehaved(why) = outcome {
            self.blame(who, &told, why);
        }
        self.perform(who);
        self.schedule(who);
        Some(outcome)
    }

    fn count_hop(&mut self, who: Who, carried: &Carried, outcome: Outcome) {
        self.tally.duplicates += u64::from(outcome == Outcome::Duplicate);
        if carried.is_arrival && outcome == Outcome::Refused(Refusal::Unwanted) {
            self.watch.hopeless.insert((who, carried.envelope));
        }
        if outcome != Outcome::Accepted {
            return;
        }
        let before = self.who(&carried.from).and_then(|from| self.hops.get(&(from, carried.envelope)).copied()).unwrap_or(0);
        self.hops.insert((who, carried.envelope), before + 1);
        if carried.is_arrival {
            self.tally.arrivals += 1;
            self.tally.hops += before + 1;
        }
    }

    fn blame(&mut self, who: Who, told: &Told, why: Misbehaviour) {
        // A stranger is blamed with reason.
        if told.from.is_some_and(|from| self.who(&from).is_none()) {
            return;
        }
        self.watch.blames.push(format!("{} at {}: {why:?} for {told}", who, self.now));
    }

    fn schedule(&mut self, who: Who) {
        let machine = &mut self.machines[who];
        let Some(due) = machine.node.as_ref().and_then(|node| node.next_deadline()) else { return };
        let at = (due + machine.started).max(self.now);
        if machine.wake.is_none_or(|wake| at < wake) {
            machine.wake = Some(at);
            let life = machine.life;
            self.queue(at, What::Wake { who, life });
        }
    }

    /// Performs what the node wants done, in order; behind a flush, if its disk is slow.
    fn perform(&mut self, who: Who) {
        let mut outputs = 0;
        while let Some(output) = self.machines[who].node.as_mut().and_then(|node| node.poll()) {
            outputs += 1;
            if self.crashes() {
                self.tally.crashes += 1;
                self.kill(who);
                self.restart(who);
                return;
            }
            let machine = &mut self.machines[who];
            let is_slow = machine.state.flush_ms > 0 || !machine.waiting.is_empty();
            match output {
                Output::Persist(batch) => {
                    machine.disk.apply(&batch);
                    self.watch_applied(who, &batch);
                    if is_slow {
                        self.machines[who].waiting.push_back(Waiting::Flush(batch));
                    } else {
                        self.machines[who].disk.flush(1);
                        self.watch_durable(who, &batch);
                    }
                }
                output if is_slow => machine.waiting.push_back(Waiting::Say(Box::new(output))),
                output => self.say(who, output),
            }
            if self.machines[who].node.is_none() {
                return;
            }
        }
        self.watch.most_outputs = self.watch.most_outputs.max(outputs);
        self.drain(who);
    }

    /// Says what is durable, and begins the next flush.
    fn drain(&mut self, who: Who) {
        while matches!(self.machines[who].waiting.front(), Some(Waiting::Say(_))) {
            if let Some(Waiting::Say(output)) = self.machines[who].waiting.pop_front() {
                self.say(who, *output);
            }
        }
        let machine = &mut self.machines[who];
        let batches = machine.waiting.iter().filter(|waiting| matches!(waiting, Waiting::Flush(_))).count();
        if batches > 0 && !machine.flushing && machine.is_up() {
            machine.flushing = true;
            let (life, at) = (machine.life, self.now + machine.state.flush_ms);
            self.queue(at, What::Flushed { who, life, batches });
        }
    }

    fn on_flushed(&mut self, who: Who, batches: usize) {
        self.machines[who].flushing = false;
        self.machines[who].disk.flush(batches);
        let flushed = self.machines[who].waiting.iter_mut().filter_map(|waiting| match waiting {
            Waiting::Flush(batch) => Some(std::mem::take(batch)),
            Waiting::Say(_) => None,
        });
        let flushed: Vec<Batch> = flushed.take(batches).collect();
        flushed.iter().for_each(|batch| self.watch_durable(who, batch));
        let mut left = batches;
        while left > 0 && self.machines[who].is_up() {
            match self.machines[who].waiting.pop_front() {
                Some(Waiting::Say(output)) => {
                    if self.crashes() {
                        self.tally.crashes += 1;
                        self.kill(who);
                        self.restart(who);
                        return;
                    }
                    self.say(who, *output);
                }
                Some(Waiting::Flush(_)) => left -= 1,
                None => break,
            }
        }
        self.drain(who);
    }

    fn crashes(&mut self) -> bool {
        let permille = self.weather.crash;
        permille > 0 && self.tally.crashes < self.weather.crashes_max && self.rng.below(1000) < permille
    }

    fn restart(&mut self, who: Who) {
        let delay = if self.rng.below(2) == 0 { 0 } else { self.rng.below(RESTART_MS) };
        let life = self.machines[who].life;
        self.queue(self.now + delay, What::Start { who, life });
    }

    fn say(&mut self, who: Who, output: Output) {
        match output {
            Output::Transmit { to, frame } => {
                self.watch_frame(who, &frame);
                self.watch_body_frame(who, &frame);
                for frame in self.twist(who, frame) {
                    self.carry(who, &to, &frame);
                }
            }
            Output::Publish { topic, bytes } => self.publish(who, topic, &bytes),
            Output::Subscribe { topic, on } => {
                let listeners = self.links.topics.entry(topic).or_default();
                if on {
                    listeners.insert(who)
                } else {
                    listeners.remove(&who)
                };
            }
            Output::Dial { peer, .. } => {
                let life = self.machines[who].life;
                self.queue(self.now + DIAL_MS, What::Connect { from: who, life, peer });
            }
            Output::Disconnect { peer, refuse_ms } => {
                let Some(other) = self.who(&peer) else { return };
                self.trace.add(format_args!("{} {who} disconnects {other}", self.now));
                if refuse_ms == 0 {
                    self.watch.broken.push(format!("{who} breaks off with {other} at {}, though it answers", self.now));
                }
                if refuse_ms > 0 {
                    self.links.refuse(who, other, self.now + refuse_ms);
                    self.watch.blames.push(format!("{who} refuses {other} for {refuse_ms} ms"));
                }
                self.snap(who, other);
            }
            Output::Work { text, bits } => {
                let number = crate::crypto::work::pay(&text, bits);
                self.later(who, WORK_MS, None, Input::Worked { text, number });
            }
            Output::Fetch { from, blob, pieces } => self.fetch(who, from, blob, pieces),
            Output::Forget(blob) => {
                let (life, at) = (self.machines[who].life, self.now + FORGET_MS);
                self.queue(at, What::Forget { who, life, blob });
            }
            Output::Reply { id, result } => self.replies.push((id, result)),
            Output::Emit(_) => {}
            Output::Persist(_) => {}
        }
    }

    /// What becomes of something that goes from one machine to the other.
    pub(super) fn fate(&mut self, from: Who, to: Who) -> Fate {
        self.links.fate(from, to, self.now, &self.weather, &mut self.rng)
    }

    /// Puts a frame on its way.
    fn carry(&mut self, from: Who, to: &PeerId, frame: &Frame) {
        let Some(other) = self.who(to) else { return };
        match self.fate(from, other) {
            Fate::Nowhere | Fate::Vanishes => {}
            Fate::Snaps => self.snap(from, other),
            Fate::Arrives { at, link, times } => {
                let bytes = frame.encode();
                self.watch.check(bytes.len() <= FRAME_BYTES_MAX, || format!("{from} sends a frame of {} bytes", bytes.len()));
                self.tally.frames += 1;
                self.tally.bytes += bytes.len() as u64;
                self.watch.overhear(&bytes);
                let from = self.machines[from].keys.peer_id();
                let life = self.machines[other].life;
                for _ in 0..times {
                    let input = Box::new(Input::Frame { from, bytes: bytes.clone() });
                    self.queue(at, What::Input { to: other, life, link: Some(link), input });
                }
            }
        }
    }

    fn publish(&mut self, from: Who, topic: Topic, bytes: &[u8]) {
        let listeners: Vec<Who> = self.links.topics.get(&topic).into_iter().flatten().copied().filter(|who| *who != from).collect();
        for who in listeners {
            if self.rng.below(1000) >= self.weather.gossip_loss && !self.links.is_cut(from, who) {
                let times = 1 + self.rng.below(2);
                for _ in 0..times {
                    let delay = self.weather.delay * 3 + self.rng.below(self.weather.jitter * 3 + 50);
                    self.later(who, delay, None, Input::Gossip { topic, bytes: bytes.to_vec() });
                }
            }
        }
    }

    fn connect(&mut self, from: Who, peer: PeerId) {
        let there = self.who(&peer).filter(|to| self.machines[*to].is_up() && *to != from);
        let Some(to) = there.filter(|to| {
            let is_hidden = self.machines[*to].state.hidden || self.links.is_refused(from, *to, self.now);
            self.machines[from].peers.contains(to) || !(is_hidden || self.links.is_cut(from, *to))
        }) else {
            self.input(from, Input::PeerDown(peer));
            return;
        };
        let me = self.machines[from].keys.peer_id();
        if self.machines[from].peers.contains(&to) {
            return;
        }
        let lives = (self.machines[from].life, self.machines[to].life);
        self.end(from, &peer);
        self.end(to, &me);
        if lives != (self.machines[from].life, self.machines[to].life) {
            return;
        }
        self.sequence += 1;
        let link = self.sequence;
        self.links.open(from, to, link);
        self.machines[from].peers.insert(to);
        self.machines[to].peers.insert(from);
        self.input(from, Input::PeerUp(peer));
        // The other may have ended while the first looked at it.
        if self.links.id(from, to) == Some(link) {
            self.input(to, Input::PeerUp(me));
        }
    }

    /// A node hears that a connection ended, if it does not know yet.
    fn end(&mut self, who: Who, peer: &PeerId) {
        if self.machines[who].ending.remove(peer) {
            self.input(who, Input::PeerDown(*peer));
        }
    }

    /// The next thing that happens until then; false when there is none.
    pub fn step(&mut self, until: Millis) -> bool {
        let is_due = self.queue.peek().is_some_and(|Reverse(next)| next.at <= until);
        let Some(Reverse(Happening { at, what, .. })) = is_due.then(|| self.queue.pop()).flatten() else {
            self.now = self.now.max(until);
            return false;
        };
        self.now = self.now.max(at);
        match what {
            What::Input { to, life, link, input } => self.arrive(to, life, link, *input),
            What::Connect { from, life, peer } if self.machines[from].life == life => self.connect(from, peer),
            What::Wake { who, life } if self.machines[who].life == life && self.machines[who].wake == Some(at) => {
                self.machines[who].wake = None;
                let due =
                    self.machines[who].node.as_ref().and_then(|node| node.next_deadline()).map(|due| due + self.machines[who].started);
                match due {
                    Some(due) if due <= self.now => {
                        self.input(who, Input::Deadline);
                    }
                    _ => self.schedule(who),
                }
            }
            What::Flushed { who, life, batches } if self.machines[who].life == life => self.on_flushed(who, batches),
            What::Forget { who, life, blob } if self.machines[who].life == life => self.forget_file(who, &blob),
            What::Start { who, life } if self.machines[who].life == life => self.start(who),
            _ => {}
        }
        true
    }

    fn arrive(&mut self, to: Who, life: u32, link: Option<u64>, input: Input) {
        if self.machines[to].life != life {
            return;
        }
        match input {
            Input::Frame { from, .. } if self.who(&from).and_then(|from| self.links.id(from, to)) != link => {}
            Input::PeerDown(peer) => self.end(to, &peer),
            Input::Fetched(mut fetched) => {
                self.write_pieces(to, &fetched.blob, &mut fetched.got);
                self.input(to, Input::Fetched(fetched));
            }
            input => {
                self.input(to, input);
            }
        }
    }

    /// Lets time pass; gives the number of steps. Stops early at the first thing that must not be.
    pub fn run(&mut self, duration: Millis) -> u64 {
        let until = self.now + duration;
        let mut steps = 0;
        while self.watch.fault.is_none() && self.step(until) {
            steps += 1;
            self.watch.check(steps < STEPS_MAX, || format!("{STEPS_MAX} steps in {duration} ms: the world does not come to rest"));
        }
        steps
    }

    /// Asks a node for something; the answer comes with [`replies`](Self::replies).
    pub fn command(&mut self, who: Who, command: Command) -> u64 {
        self.sequence += 1;
        let id = self.sequence;
        self.input(who, Input::Command { id, command });
        id
    }

    /// Answers since the last look.
    pub fn replies(&mut self) -> Vec<(u64, Result<Reply, CommandError>)> {
        std::mem::take(&mut self.replies)
    }
}

/// Steps after which a stretch of time counts as endless.
const STEPS_MAX: u64 = 2_000_000;

/// An envelope that a frame carries.
struct Carried {
    envelope: EnvelopeId,
    from: PeerId,
    /// Whether it is for whom it comes to.
    is_arrival: bool,
}

impl Carried {
    fn of(input: &Input) -> Option<Self> {
        let Input::Frame { from, bytes } = input else { return None };
        let (envelope, is_arrival) = match Frame::decode(bytes).ok()? {
            Frame::Deliver(envelope) => (envelope, true),
            Frame::Mail(mail) => (mail.envelope, true),
            Frame::Deposit(deposit) => (deposit.envelope, false),
            Frame::Handover(handover) => (handover.envelope, false),
            _ => return None,
        };
        Some(Self { envelope: EnvelopeId(*blake3::hash(&envelope).as_bytes()), from: *from, is_arrival })
    }
}

/// What an input was, for the trace.
struct Told {
    name: &'static str,
    from: Option<PeerId>,
    hash: u32,
}

impl Told {
    fn of(input: &Input) -> Self {
        let (name, from, bytes): (&'static str, Option<PeerId>, &[u8]) = match input {
            Input::Command { .. } => ("command", None, &[]),
            Input::Frame { from, bytes } => {
                let number = u16::from_be_bytes([bytes.first().copied().unwrap_or(0), bytes.get(1).copied().unwrap_or(0)]);
                let name = Frame::DECODED.iter().find(|(kind, _)| *kind == number).map_or("unknown frame", |(_, name)| name);
                (name, Some(*from), bytes)
            }
            Input::Gossip { bytes, .. } => ("gossip", None, bytes),
            Input::PeerUp(peer) => ("up", Some(*peer), &[]),
            Input::PeerDown(peer) => ("down", Some(*peer), &[]),
            Input::Listening(_) => ("listening", None, &[]),
            Input::DiskFull(_) => ("disk", None, &[]),
            Input::Worked { .. } => ("worked", None, &[]),
            Input::Fetched(fetched) => ("fetched", Some(fetched.from), &[]),
            Input::Deadline => ("deadline", None, &[]),
        };
        let digest = blake3::hash(bytes);
        let [a, b, c, d, ..] = *digest.as_bytes();
        Self { name, from, hash: u32::from_be_bytes([a, b, c, d]) }
    }
}

impl std::fmt::Display for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.from {
            Some(from) => write!(f, "{} {from:?} {:08x}", self.name, self.hash),
            None => write!(f, "{} {:08x}", self.name, self.hash),
        }
    }
}
