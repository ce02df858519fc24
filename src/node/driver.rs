//! The loop. One task owns the node: it waits for something, handles what waits, performs what comes out.
//!
//! In this order: a wish to stop, a finished flush, finished work and other rare things, the deadline, a command, the network. A round
//! takes up to `INPUTS_PER_TURN_MAX` waiting inputs, commands and the network in turn; a deadline that has come is handled after them, so
//! that what it gathers (receipts, above all) covers them all, and it never waits longer than that.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Interval, MissedTickBehavior, interval, sleep_until, timeout};

use super::bodies::Bodies;
use super::ledger::Ledger;
use super::perform::Word;
use super::work::Jobs;
use super::{CommandFailure, Reachable, Request, Stats, Wanted};
use crate::net::{self, Arrival, Link, Network, Verdict};
use crate::proto::guilt::Guilt;
use crate::proto::{Event, Fetched, Input, Misbehaviour, Node, Outcome, Output, Reply, Topic};
use crate::store::{Store, StoreError};
use crate::types::limits::{DISK_POLL_MS, INPUTS_PER_TURN_MAX, REFUSE_MS, STOP_MS, STREAM_DRAIN_MS, TEND_MS};
use crate::types::{Address, Batch, Millis, Now, PeerId};

/// The two clocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    start: Instant,
}

impl Clock {
    pub(super) fn new(start: Instant) -> Self {
        Self { start }
    }

    /// The wall clock is passed as it is, also when it goes back.
    pub(super) fn now(&self) -> Now {
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Now { mono: millis(self.start.elapsed()), wall: millis(wall) }
    }

    fn at(&self, mono: Millis) -> tokio::time::Instant {
        let far = Duration::from_secs(24 * 60 * 60);
        (self.start + Duration::from_millis(mono).min(self.start.elapsed() + far)).into()
    }
}

fn millis(time: Duration) -> Millis {
    Millis::try_from(time.as_millis()).unwrap_or(Millis::MAX)
}

/// Where inputs come from.
pub(super) struct Inlets {
    pub(super) requests: mpsc::Receiver<Request>,
    pub(super) arrivals: mpsc::Receiver<Arrival>,
    /// What the node is told in place of where it listens.
    pub(super) announce: Vec<Address>,
}

/// Figures that others read while the loop runs.
#[derive(Clone)]
pub(super) struct Meter {
    counts: Arc<Counts>,
    net: net::Meter,
    given: Arc<AtomicU64>,
}

#[derive(Debug, Default)]
struct Counts {
    inputs: AtomicU64,
    batches: AtomicU64,
    flushes: AtomicU64,
    waiting: AtomicU64,
    bytes: AtomicU64,
    peers: AtomicU64,
}

impl Meter {
    /// `given` counts bytes of bodies.
    pub(super) fn new(net: net::Meter, given: Arc<AtomicU64>) -> Self {
        Self { counts: Arc::default(), net, given }
    }

    pub(super) fn stats(&self) -> Stats {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let counts = &self.counts;
        Stats {
            inputs: read(&counts.inputs),
            batches: read(&counts.batches),
            flushes: read(&counts.flushes),
            outputs_waiting: read(&counts.waiting),
            bytes_unflushed: read(&counts.bytes),
            peers: read(&counts.peers),
            body_bytes_given: read(&self.given),
            net: self.net.stats(),
        }
    }
}

/// The loop's state.
pub(super) struct Driver {
    node: Node,
    store: Store,
    clock: Clock,
    pub(super) network: Network,
    inlets: Inlets,
    /// Peers with an open stream, as far as the node was told.
    links: BTreeMap<PeerId, Link>,
    ledger: Ledger<Word>,
    flush: Option<JoinHandle<Result<(), StoreError>>>,
    pub(super) jobs: Jobs,
    pub(super) bodies: Bodies,
    guilt: Guilt,
    pub(super) mouth: Mouth,
    meter: Meter,
}

/// Who is told what.
pub(super) struct Mouth {
    pub(super) answers: BTreeMap<u64, oneshot::Sender<Result<Reply, CommandFailure>>>,
    pub(super) events: broadcast::Sender<Event>,
    reachable: watch::Sender<Reachable>,
    commands: u64,
    is_disk_full: bool,
}

impl Driver {
    #[allow(clippy::too_many_arguments)] // Each is one of its fields.
    pub(super) fn new(
        node: Node,
        store: Store,
        clock: Clock,
        network: Network,
        inlets: Inlets,
        events: broadcast::Sender<Event>,
        reachable: watch::Sender<Reachable>,
        meter: Meter,
        bodies: Bodies,
    ) -> Self {
        let mouth = Mouth { answers: BTreeMap::new(), events, reachable, commands: 0, is_disk_full: false };
        Self {
            node,
            store,
            clock,
            network,
            inlets,
            links: BTreeMap::new(),
            ledger: Ledger::default(),
            flush: None,
            jobs: Jobs::default(),
            bodies,
            guilt: Guilt::default(),
            mouth,
            meter,
        }
    }

    /// Runs until it is told to stop, or the store fails.
    pub(super) async fn run(mut self, mut wanted: watch::Receiver<Wanted>) -> Result<(), StoreError> {
        let (mut disk, mut tend) = (every(DISK_POLL_MS), every(TEND_MS));
        self.drain()?;
        // Before any command: an invite made at once must say where this node is.
        let listening =
            if self.inlets.announce.is_empty() { self.mouth.reachable.borrow().listening.clone() } else { self.inlets.announce.clone() };
        if !listening.is_empty() {
            self.handle(Input::Listening(listening))?;
        }
        loop {
            self.settle().await;
            let deadline = self.node.next_deadline();
            let is_due = deadline.is_some_and(|deadline| deadline <= self.clock.now().mono);
            let is_open = !self.ledger.is_full();
            tokio::select! {
                biased;
                () = until(&mut wanted, Wanted::Stop) => break,
                flushed = flushed(&mut self.flush) => self.on_flushed(flushed)?,
                () = at(self.ledger.quiet_until()) => {}
                paid = self.jobs.next() => if let Some((text, number)) = paid {
                    self.handle(Input::Worked { text, number })?;
                },
                Some(fetched) = self.bodies.next(), if is_open => self.on_fetched(fetched).await?,
                _ = disk.tick() => self.on_disk()?,
                _ = tend.tick() => self.jobs.tend(&self.store),
                () = std::future::ready(()), if is_due && is_open => self.take_waiting().await?,
                Some(request) = self.inlets.requests.recv(), if is_open => {
                    self.on_request(request)?;
                    self.take_waiting().await?;
                }
                Some(arrival) = self.inlets.arrivals.recv(), if is_open => {
                    self.on_arrival(arrival).await?;
                    self.take_waiting().await?;
                }
                () = sleep_until(self.clock.at(deadline.unwrap_or(Millis::MAX))), if !is_due => {}
            }
            tokio::task::coop::consume_budget().await;
        }
        self.finish().await
    }

    /// Handles what waits, up to a bound; then the deadline, if it has come.
    async fn take_waiting(&mut self) -> Result<(), StoreError> {
        for _ in 0..INPUTS_PER_TURN_MAX / 2 {
            if self.ledger.is_full() {
                return Ok(());
            }
            let (request, arrival) = (self.inlets.requests.try_recv(), self.inlets.arrivals.try_recv());
            if request.is_err() && arrival.is_err() {
                break;
            }
            if let Ok(request) = request {
                self.on_request(request)?;
            }
            if let Ok(arrival) = arrival {
                self.on_arrival(arrival).await?;
            }
        }
        if self.node.next_deadline().is_some_and(|deadline| deadline <= self.clock.now().mono) {
            self.handle(Input::Deadline)?;
        }
        Ok(())
    }

    fn on_request(&mut self, request: Request) -> Result<(), StoreError> {
        self.mouth.commands += 1;
        let id = self.mouth.commands;
        self.mouth.answers.insert(id, request.answer);
        self.handle(Input::Command { id, command: request.command })?;
        Ok(())
    }

    async fn on_arrival(&mut self, arrival: Arrival) -> Result<(), StoreError> {
        match arrival {
            Arrival::Up(link) => {
                let peer = link.peer();
                self.links.insert(peer, link);
                self.show_links();
                self.handle(Input::PeerUp(peer))?;
            }
            Arrival::Down { peer, is_malformed } => {
                self.links.remove(&peer);
                self.bodies.on_down(&peer);
                self.show_links();
                self.handle(Input::PeerDown(peer))?;
                if is_malformed {
                    self.blame(peer, Misbehaviour::Malformed).await;
                }
            }
            Arrival::Frame(frame) => {
                let from = frame.from;
                if let Outcome::Misbehaved(why) = self.handle(Input::Frame { from, bytes: frame.into_bytes() })? {
                    self.blame(from, why).await;
                }
            }
            Arrival::Gossip(mut heard) => {
                let bytes = std::mem::take(&mut heard.bytes);
                let outcome = self.handle(Input::Gossip { topic: topic(heard.topic), bytes })?;
                self.network.judge(&heard, verdict(outcome)).await;
                if let Outcome::Misbehaved(why) = outcome {
                    self.blame(heard.from, why).await;
                }
            }
            Arrival::Listening(addresses) => {
                self.mouth.reachable.send_modify(|reachable| reachable.listening.clone_from(&addresses));
                if self.inlets.announce.is_empty() {
                    self.handle(Input::Listening(addresses))?;
                }
            }
        }
        Ok(())
    }

    async fn on_fetched(&mut self, fetched: Fetched) -> Result<(), StoreError> {
        let from = fetched.from;
        if let Outcome::Misbehaved(why) = self.handle(Input::Fetched(fetched))? {
            self.blame(from, why).await;
        }
        Ok(())
    }

    fn on_disk(&mut self) -> Result<(), StoreError> {
        let is_full = self.store.is_disk_full();
        if std::mem::replace(&mut self.mouth.is_disk_full, is_full) != is_full {
            if is_full {
                tracing::warn!("the disk is nearly full: nothing new is accepted until there is room");
            }
            self.handle(Input::DiskFull(is_full))?;
        }
        Ok(())
    }

    fn on_flushed(&mut self, flushed: Result<(), StoreError>) -> Result<(), StoreError> {
        self.flush = None;
        flushed?;
        self.ledger.on_flushed();
        self.meter.counts.flushes.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    async fn blame(&mut self, peer: PeerId, why: Misbehaviour) {
        tracing::debug!(?peer, ?why, "misbehaved");
        if self.guilt.add(peer, why, self.clock.now().mono) {
            tracing::warn!(?peer, "misbehaved too often; it is refused for a while");
            self.network.disconnect(peer, REFUSE_MS).await;
        }
    }

    fn show_links(&self) {
        self.meter.counts.peers.store(self.links.len() as u64, Ordering::Relaxed);
        self.mouth.reachable.send_modify(|reachable| reachable.connected = self.links.keys().copied().collect());
    }

    /// One mutation, then drain.
    fn handle(&mut self, input: Input) -> Result<Outcome, StoreError> {
        let kind = name(&input);
        let outcome = self.node.handle(self.clock.now(), input, &self.store);
        tracing::trace!(input = kind, ?outcome);
        self.meter.counts.inputs.fetch_add(1, Ordering::Relaxed);
        self.drain()?;
        Ok(outcome)
    }

    /// Applies what the node wants written, at once and visibly; queues what it wants said behind it. A read that failed while the input
    /// was handled ends the node before anything of it is applied.
    fn drain(&mut self) -> Result<(), StoreError> {
        if let Some(error) = self.store.failure() {
            return Err(error);
        }
        while let Some(output) = self.node.poll() {
            match output {
                Output::Persist(batch) => {
                    self.store.apply(&batch)?;
                    self.ledger.on_applied(size(&batch), Instant::now());
                    self.meter.counts.batches.store(self.ledger.applied(), Ordering::Relaxed);
                }
                // The stream that the node means is the one that is open while it speaks.
                Output::Transmit { to, frame } => {
                    tracing::trace!(peer = ?to, frame = frame.kind().1, "transmit");
                    if let Some(link) = self.links.get(&to) {
                        self.ledger.push(Word::Transmit(link.clone(), frame.encode()));
                    }
                }
                // Nobody may be looking.
                Output::Emit(event) if event.is_of_receipt() => _ = self.mouth.events.send(event),
                other => self.ledger.push(Word::from(other)),
            }
        }
        Ok(())
    }

    /// Says what may be said, and starts a flush for the rest.
    async fn settle(&mut self) {
        while let Some(word) = self.ledger.pop() {
            self.perform(word).await;
        }
        if self.ledger.start_flush(Instant::now()) {
            let store = self.store.clone();
            self.flush = Some(spawn_blocking(move || store.flush()));
        }
        self.meter.counts.waiting.store(self.ledger.waiting() as u64, Ordering::Relaxed);
        self.meter.counts.bytes.store(self.ledger.bytes() as u64, Ordering::Relaxed);
    }

    /// Takes nothing new, makes durable what was accepted, says it, lets it leave.
    async fn finish(mut self) -> Result<(), StoreError> {
        self.inlets.requests.close();
        while let Ok(request) = self.inlets.requests.try_recv() {
            let _ = request.answer.send(Err(CommandFailure::Stopped));
        }
        let all = async {
            loop {
                self.settle().await;
                if self.ledger.is_settled() && self.flush.is_none() {
                    return Ok(());
                }
                tokio::select! {
                    flushed = flushed(&mut self.flush) => self.on_flushed(flushed)?,
                    () = at(self.ledger.quiet_until()) => {}
                }
            }
        };
        let for_network = 2 * STREAM_DRAIN_MS;
        match timeout(Duration::from_millis(STOP_MS - for_network), all).await {
            Ok(result) => result?,
            Err(_) => tracing::warn!("the disk is slow: the node stops before all is written; nothing that was confirmed is lost"),
        }
        let _ = timeout(Duration::from_millis(for_network), self.network.stop()).await;
        Ok(())
    }
}

/// Comes when this is wanted. Every handle may be gone; the node runs on then.
pub(super) async fn until(wanted: &mut watch::Receiver<Wanted>, what: Wanted) {
    if wanted.wait_for(|wanted| *wanted == what).await.is_err() {
        std::future::pending().await
    }
}

/// Comes when the running flush has ended; never when there is none.
async fn flushed(flush: &mut Option<JoinHandle<Result<(), StoreError>>>) -> Result<(), StoreError> {
    match flush {
        Some(running) => match running.await {
            Ok(result) => result,
            Err(error) => std::panic::resume_unwind(error.try_into_panic().unwrap_or_else(|_| Box::new("the flush was aborted"))),
        },
        None => std::future::pending().await,
    }
}

/// Comes at this moment; never without one.
async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment.into()).await,
        None => std::future::pending().await,
    }
}

fn every(ms: Millis) -> Interval {
    let mut interval = interval(Duration::from_millis(ms));
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

fn size(batch: &Batch) -> usize {
    batch.iter().map(|(_, key, value)| key.len() + value.map_or(0, <[u8]>::len)).sum()
}

fn topic(topic: net::Topic) -> Topic {
    match topic {
        net::Topic::Relays => Topic::Relays,
        net::Topic::Room(name) => Topic::Room(name),
    }
}

/// What is new and good is passed on; what is known, unwanted or cannot be judged is not; what no honest node writes is held against whoever passed it.
fn verdict(outcome: Outcome) -> Verdict {
    match outcome {
        Outcome::Accepted => Verdict::Accept,
        Outcome::Duplicate | Outcome::Deferred | Outcome::Refused(_) => Verdict::Ignore,
        Outcome::Misbehaved(_) => Verdict::Reject,
    }
}

/// The kind of an input, for the trace; what is in it does not belong there.
fn name(input: &Input) -> &'static str {
    match input {
        Input::Command { .. } => "command",
        Input::Frame { .. } => "frame",
        Input::Gossip { .. } => "gossip",
        Input::PeerUp(_) => "peer up",
        Input::PeerDown(_) => "peer down",
        Input::Listening(_) => "listening",
        Input::DiskFull(_) => "disk full",
        Input::Worked { .. } => "worked",
        Input::Fetched(_) => "fetched",
        Input::Deadline => "deadline",
    }
}
