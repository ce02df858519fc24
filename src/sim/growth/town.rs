//! Machines, lines and one queue. Whatever two machines have to do with each other travels, and takes its time; what happens at one moment
//! happens in an order that only those it comes from decide. So one machine's day never depends on how others are simulated.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::sync::Arc;

use super::graph::Graph;
use super::measure::{Post, Tally, Work};
use super::people::{Net, People};
use super::shelf::{Cards, Shelf};
use super::{Who, dice, purpose};
use crate::crypto::keys::Keys;
use crate::proto::{Command, CommandError, Input, Node, Output, Reply, Settings, Topic};
use crate::types::limits::{NEIGHBOUR_INBOX_BYTES_MAX, RELAY_INBOX_BYTES_MAX};
use crate::types::time::DAY;
use crate::types::{AccountId, Address, MessageId, Millis, Now, PeerId, RoomId};
use crate::wire::frame::Frame;

/// Wall time at the beginning: some day in the year 2024.
const EPOCH: Millis = 20_000 * DAY;

/// All machines.
pub(super) struct Town {
    pub(super) now: Millis,
    pub(super) houses: Vec<House>,
    names: Names,
    pub(super) tally: Tally,
    pub(super) post: Post,
    /// The cards that machines keep which are off.
    pub(super) cards: Cards,
    /// While people meet, everybody can be dialled.
    pub(super) is_fair: bool,
    /// How many of the machines are people's; relays follow.
    pub(super) people: u32,
    seed: u64,
    net: Net,
    queue: BinaryHeap<Reverse<Event>>,
    reply: Option<Result<Reply, CommandError>>,
}

/// The account and the peer of each machine.
#[derive(Default)]
struct Names {
    all: Vec<(AccountId, PeerId)>,
    by_peer: HashMap<PeerId, Who>,
}

/// One machine.
#[derive(Default)]
pub(super) struct House {
    pub(super) shelf: Shelf,
    pub(super) node: Option<Box<Node>>,
    /// What came and was not read.
    pub(super) unread: Vec<(RoomId, MessageId)>,
    /// Held here: entries, bytes.
    pub(super) held: (u64, u64),
    lines: BTreeMap<Who, Line>,
    /// Counts starts and ends.
    life: u32,
    /// What it sent off so far: orders what happens at one moment.
    sent: u32,
    started: Millis,
    wake: Option<Millis>,
    /// When its node last had an input.
    busy: Millis,
    address: u32,
    is_hidden: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    Dialling(u64),
    Up(u64),
}

/// What people do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Come,
    Say,
    Read,
    Ask,
    Go,
}

struct Event {
    at: Millis,
    source: Who,
    number: u32,
    to: Who,
    what: What,
}

enum What {
    Connect(u64),
    Answer(u64),
    NoAnswer(u64),
    Close(u64),
    End(Who, u64),
    Frame(u64, Vec<u8>),
    Gossip(Arc<[u8]>),
    Worked(Box<(Vec<u8>, u64)>),
    Wake(u32),
    Step(Step),
}

impl Event {
    fn order(&self) -> (Millis, Who, u32) {
        (self.at, self.source, self.number)
    }
}

impl PartialEq for Event {
    fn eq(&self, other: &Self) -> bool {
        self.order() == other.order()
    }
}

impl Eq for Event {}

impl PartialOrd for Event {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Event {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.order().cmp(&other.order())
    }
}

/// How long a proof of work takes.
const WORK_MS: Millis = 1_000;

impl Town {
    /// Everybody's machines, all off.
    pub(super) fn new(seed: u64, people: &People, graph: &Graph) -> Self {
        let machines = graph.accounts + graph.relays;
        let mut town = Self {
            now: DAY,
            houses: Vec::new(),
            names: Names::default(),
            tally: Tally::default(),
            post: Post::default(),
            cards: Cards::default(),
            is_fair: true,
            people: graph.accounts,
            seed,
            net: people.net.clone(),
            queue: BinaryHeap::new(),
            reply: None,
        };
        for who in 0..machines {
            let keys = town.keys(who);
            town.names.by_peer.insert(keys.peer_id(), who);
            town.names.all.push((keys.account_id(), keys.peer_id()));
            let is_hidden = !town.is_relay(who) && dice(seed, who, purpose::HIDDEN).below(100) < u64::from(people.net.hidden_percent);
            town.houses.push(House { is_hidden, ..House::default() });
        }
        town
    }

    pub(super) fn is_relay(&self, who: Who) -> bool {
        who >= self.people
    }

    pub(super) fn is_up(&self, who: Who) -> bool {
        self.houses[who as usize].node.is_some()
    }

    /// When somebody came last.
    pub(super) fn came(&self, who: Who) -> Millis {
        self.houses[who as usize].started
    }

    /// Has an address of its own from the next start on.
    pub(super) fn move_house(&mut self, who: Who) {
        self.houses[who as usize].address += 1;
    }

    pub(super) fn account(&self, who: Who) -> AccountId {
        self.names.all[who as usize].0
    }

    fn peer(&self, who: Who) -> PeerId {
        self.names.all[who as usize].1
    }

    fn keys(&self, who: Who) -> Keys {
        let mut rng = dice(self.seed, who, purpose::KEYS);
        Keys::new(&rng.bytes(), &rng.bytes(), &rng.bytes())
    }

    fn work(&mut self, who: Who) -> &mut Work {
        if self.is_relay(who) { &mut self.tally.relays } else { &mut self.tally.people }
    }

    /// Switches a machine on.
    pub(super) fn start(&mut self, who: Who) {
        if self.is_up(who) {
            return;
        }
        let (is_relay, keys) = (self.is_relay(who), self.keys(who));
        let house = &mut self.houses[who as usize];
        house.life += 1;
        house.started = self.now;
        house.shelf.open(&mut self.cards);
        house.wake = None;
        let settings = Settings {
            name: format!("{} {who}", if is_relay { "relay" } else { "person" }),
            relay: is_relay,
            neighbour: true,
            relay_inbox_bytes: RELAY_INBOX_BYTES_MAX,
            neighbour_inbox_bytes: NEIGHBOUR_INBOX_BYTES_MAX,
        };
        let seed = dice(self.seed, who, purpose::LIFE + u64::from(house.life)).bytes();
        let now = Now { mono: 0, wall: EPOCH + self.now };
        house.node = Some(Box::new(Node::open(keys, settings, house.shelf.disk(), seed, now)));
        let address = format!("/ip4/10.{}.{}.{}/udp/{}/quic-v1", who >> 16, who >> 8 & 255, who & 255, 4001 + house.address);
        if !is_relay {
            self.tally.crowd.0 += 1;
            self.tally.crowd.1 = self.tally.crowd.1.max(self.tally.crowd.0);
        }
        self.perform(who);
        self.input(who, Input::Listening(Address::new(&address).into_iter().collect()));
    }

    /// Switches a machine off: its lines are closed, its rows stay.
    pub(super) fn stop(&mut self, who: Who) {
        if !self.is_up(who) {
            return;
        }
        let lines = std::mem::take(&mut self.houses[who as usize].lines);
        for (other, line) in lines {
            if let Line::Up(link) = line {
                self.send_off(who, other, What::Close(link));
            }
        }
        let house = &mut self.houses[who as usize];
        house.node = None;
        house.life += 1;
        house.shelf.pack(&mut self.cards);
        self.tally.online_ms += self.now - house.started;
        self.tally.crowd.0 -= 1;
    }

    /// Has a command done; the answer comes at once.
    pub(super) fn command(&mut self, who: Who, command: Command) -> Option<Result<Reply, CommandError>> {
        self.reply = None;
        self.input(who, Input::Command { id: 0, command });
        self.reply.take()
    }

    /// Somebody will do something then.
    pub(super) fn plan(&mut self, who: Who, at: Millis, step: Step) {
        self.queue(who, who, at, What::Step(step));
    }

    /// Nobody will do what they meant to.
    pub(super) fn forget_plans(&mut self) {
        self.queue.retain(|Reverse(event)| !matches!(event.what, What::Step(_)));
    }

    fn queue(&mut self, source: Who, to: Who, at: Millis, what: What) {
        let house = &mut self.houses[source as usize];
        house.sent += 1;
        let number = house.sent;
        self.queue.push(Reverse(Event { at: at.max(self.now), source, number, to, what }));
    }

    /// What one machine sends another arrives after the delay of the two.
    fn send_off(&mut self, from: Who, to: Who, what: What) {
        let at = self.now + self.delay(from, to);
        self.queue(from, to, at, what);
    }

    fn delay(&self, one: Who, other: Who) -> Millis {
        let (low, high) = self.net.delay_ms;
        let pair = u64::from(one.min(other)) << 32 | u64::from(one.max(other));
        low + (pair.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) % (high - low + 1)
    }

    fn input(&mut self, who: Who, input: Input) {
        let work = self.work(who);
        work.note_input(&input);
        let house = &mut self.houses[who as usize];
        let Some(node) = &mut house.node else { return };
        let is_wake = matches!(input, Input::Deadline) && house.busy < self.now;
        house.busy = self.now;
        let now = Now { mono: self.now - house.started, wall: EPOCH + self.now };
        node.handle(now, input, house.shelf.disk());
        self.work(who).wakes += u64::from(is_wake);
        self.perform(who);
        self.schedule(who);
    }

    fn schedule(&mut self, who: Who) {
        let house = &mut self.houses[who as usize];
        let Some(due) = house.node.as_ref().and_then(|node| node.next_deadline()) else { return };
        let at = (due + house.started).max(self.now);
        if house.wake.is_none_or(|wake| at < wake) {
            house.wake = Some(at);
            let life = house.life;
            self.queue(who, who, at, What::Wake(life));
        }
    }

    fn perform(&mut self, who: Who) {
        while let Some(output) = self.houses[who as usize].node.as_mut().and_then(|node| node.poll()) {
            match output {
                Output::Persist(batch) => {
                    self.note_batch(who, &batch);
                    self.houses[who as usize].shelf.disk().keep(&batch);
                }
                Output::Transmit { to, frame } => self.transmit(who, &to, &frame),
                Output::Publish { topic: Topic::Relays, bytes } => self.publish(who, &bytes),
                Output::Dial { peer, .. } => self.dial(who, &peer),
                Output::Disconnect { peer, .. } => {
                    if let Some(other) = self.names.by_peer.get(&peer).copied()
                        && let Some(Line::Up(link)) = self.houses[who as usize].lines.get(&other).copied()
                    {
                        self.send_off(who, other, What::Close(link));
                        self.queue(who, who, self.now, What::End(other, link));
                    }
                }
                Output::Work { text, bits } => {
                    let number = crate::crypto::work::pay(&text, bits);
                    self.queue(who, who, self.now + WORK_MS, What::Worked(Box::new((text, number))));
                }
                Output::Reply { result, .. } => self.reply = Some(result),
                // No group here is large enough for the rooms' mesh.
                Output::Publish { .. } | Output::Subscribe { .. } | Output::Emit(_) => {}
            }
        }
    }

    fn transmit(&mut self, who: Who, to: &PeerId, frame: &Frame) {
        let Some(other) = self.names.by_peer.get(to).copied() else { return };
        let Some(Line::Up(link)) = self.houses[who as usize].lines.get(&other).copied() else { return };
        let bytes = frame.encode();
        self.work(who).note_frame(&bytes);
        self.send_off(who, other, What::Frame(link, bytes));
    }

    fn dial(&mut self, who: Who, peer: &PeerId) {
        let Some(other) = self.names.by_peer.get(peer).copied() else { return };
        self.work(who).dials.0 += 1;
        let house = &mut self.houses[who as usize];
        let link = u64::from(who) << 32 | u64::from(house.sent);
        if let Some(Line::Up(_)) = house.lines.get(&other) {
            return;
        }
        house.lines.insert(other, Line::Dialling(link));
        self.send_off(who, other, What::Connect(link));
    }

    /// An announcement: to some listeners, from which the cost to all is reckoned.
    fn publish(&mut self, who: Who, bytes: &[u8]) {
        self.tally.gossip.published.0 += 1;
        self.tally.gossip.published.1 += bytes.len() as u64;
        let bytes: Arc<[u8]> = bytes.into();
        for ear in self.ears() {
            if self.is_up(ear) && ear != who {
                let at = self.now + 3 * self.delay(who, ear);
                self.queue(who, ear, at, What::Gossip(Arc::clone(&bytes)));
            }
        }
    }

    /// Those who listen for all, spread evenly.
    pub(super) fn ears(&self) -> Vec<Who> {
        let relays = self.houses.len() as u32 - self.people;
        let (some_people, some_relays) = (self.net.ears.0.min(self.people), self.net.ears.1.min(relays));
        let spread =
            |first: Who, all: u32, some: u32| (0..some).map(move |at| first + (u64::from(at) * u64::from(all) / u64::from(some)) as u32);
        spread(0, self.people, some_people).chain(spread(self.people, relays, some_relays)).collect()
    }

    /// Lets things happen until then, or until somebody does something.
    pub(super) fn run(&mut self, until: Millis) -> Option<(Who, Step)> {
        while self.queue.peek().is_some_and(|Reverse(next)| next.at <= until) {
            let Some(Reverse(event)) = self.queue.pop() else { break };
            self.now = self.now.max(event.at);
            if let What::Step(step) = event.what {
                return Some((event.to, step));
            }
            self.happen(event);
        }
        self.now = self.now.max(until);
        None
    }

    fn happen(&mut self, Event { at, source, to, what, .. }: Event) {
        let peer = self.peer(source);
        let house = &mut self.houses[to as usize];
        let line = house.lines.get(&source).copied();
        match what {
            What::Frame(link, bytes) if line == Some(Line::Up(link)) => {
                self.input(to, Input::Frame { from: peer, bytes });
            }
            What::Connect(link) => self.connect(source, to, link, line),
            What::Answer(link) if line == Some(Line::Dialling(link)) => {
                house.lines.insert(source, Line::Up(link));
                self.input(to, Input::PeerUp(peer));
            }
            // It left, or began another dial, in the meantime.
            What::Answer(link) if line != Some(Line::Up(link)) => self.send_off(to, source, What::Close(link)),
            What::NoAnswer(link) if line == Some(Line::Dialling(link)) => {
                house.lines.remove(&source);
                self.work(to).dials.1 += 1;
                self.input(to, Input::PeerDown(peer));
            }
            What::Close(link) if line == Some(Line::Up(link)) => {
                house.lines.remove(&source);
                self.input(to, Input::PeerDown(peer));
            }
            What::End(other, link) if house.lines.get(&other) == Some(&Line::Up(link)) => {
                house.lines.remove(&other);
                self.input(to, Input::PeerDown(self.peer(other)));
            }
            What::Gossip(bytes) if house.node.is_some() => {
                let count = if self.is_relay(to) { &mut self.tally.gossip.relays } else { &mut self.tally.gossip.people };
                *count = (count.0 + 1, count.1 + bytes.len() as u64);
                self.input(to, Input::Gossip { topic: Topic::Relays, bytes: bytes.to_vec() });
            }
            What::Worked(paid) if house.node.is_some() => self.input(to, Input::Worked { text: paid.0, number: paid.1 }),
            What::Wake(life) if house.life == life && house.wake == Some(at) => {
                house.wake = None;
                let due = house.node.as_ref().and_then(|node| node.next_deadline()).map(|due| due + house.started);
                if due.is_some_and(|due| due <= at) { self.input(to, Input::Deadline) } else { self.schedule(to) }
            }
            _ => {}
        }
    }

    fn can_be_dialled(&self, who: Who) -> bool {
        self.is_fair || !self.houses[who as usize].is_hidden
    }

    fn connect(&mut self, from: Who, to: Who, link: u64, line: Option<Line>) {
        // When both dial, the lower one's dial counts, if it can.
        let is_second = matches!(line, Some(Line::Dialling(_))) && to < from && self.can_be_dialled(from);
        if !self.is_up(to) || !self.can_be_dialled(to) || is_second {
            let at = self.now + self.net.no_answer_ms;
            self.queue(to, from, at, What::NoAnswer(link));
            return;
        }
        match line {
            Some(Line::Up(_)) => {
                self.input(to, Input::PeerDown(self.peer(from)));
            }
            Some(Line::Dialling(_)) | None => {}
        }
        self.houses[to as usize].lines.insert(from, Line::Up(link));
        self.send_off(to, from, What::Answer(link));
        self.input(to, Input::PeerUp(self.peer(from)));
    }
}
