//! The machines of one shard, lines and a queue. Whatever two machines have to do with each other travels, and takes its time; what happens at
//! one moment happens in an order that only those it comes from decide. So one machine's day never depends on how others are simulated, nor on
//! who else is in its shard: a shard may go on for the least delay of a line before it must hear what the others did.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::ops::Range;
use std::sync::Arc;

use super::event::{Event, Step, What};
use super::measure::{Away, Post, Tally, Work};
use super::realm::Realm;
use super::shelf::{Cards, Shelf};
use super::{Progress, Who, dice, purpose};
use crate::proto::{Command, CommandError, Input, Node, Output, Reply, Settings, Topic};
use crate::types::limits::{NEIGHBOUR_INBOX_BYTES_MAX, RELAY_INBOX_BYTES_MAX};
use crate::types::time::DAY;
use crate::types::{Address, MessageId, Millis, Now, PeerId, RoomId};
use crate::wire::frame::Frame;

/// Wall time at the beginning: some day in the year 2024.
const EPOCH: Millis = 20_000 * DAY;

/// The machines of one shard.
pub(super) struct Town<'a> {
    pub(super) now: Millis,
    pub(super) realm: &'a Realm<'a>,
    pub(super) part: Part,
    pub(super) tally: Tally,
    pub(super) post: Post,
    /// The cards that machines keep which are off.
    pub(super) cards: Cards,
    /// While people meet, everybody can be dialled.
    pub(super) is_fair: bool,
    /// People first, then relays.
    houses: Vec<House>,
    plans: Plans,
    reply: Option<Result<Reply, CommandError>>,
    /// Inputs handled so far.
    inputs: u64,
}

/// Who is in a shard.
pub(super) struct Part {
    pub(super) shard: usize,
    pub(super) people: Range<Who>,
    pub(super) relays: Range<Who>,
}

/// What will happen.
struct Plans {
    queue: BinaryHeap<Reverse<Event>>,
    /// For each other shard, what happens at its machines.
    outgoing: Vec<Vec<Event>>,
    /// Up to here, and not beyond, all is in the queue that will happen.
    known: Millis,
    /// Machines that went off and are not packed yet.
    to_pack: VecDeque<Who>,
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
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    Dialling(u64),
    Up(u64),
}

/// How long a proof of work takes.
const WORK_MS: Millis = 1_000;
/// So many machines that went off wait to be packed until there is nothing else to do.
const TO_PACK_MAX: usize = 64;

impl<'a> Town<'a> {
    /// The machines of a shard, all off.
    pub(super) fn new(realm: &'a Realm<'a>, shard: usize) -> Self {
        let part = Part { shard, people: realm.people(shard), relays: realm.relays(shard) };
        let attic = realm.attic(shard);
        let people = part.people.clone().map(|_| House::default());
        let relays = part.relays.clone().map(|_| House { shelf: Shelf::with_attic(attic), ..House::default() });
        let outgoing = (0..realm.gate.shards()).map(|_| Vec::new()).collect();
        Self {
            now: DAY,
            realm,
            tally: Tally::default(),
            post: Post::default(),
            cards: Cards::new(Arc::clone(attic)),
            is_fair: true,
            houses: people.chain(relays).collect(),
            part,
            plans: Plans { queue: BinaryHeap::new(), outgoing, known: DAY, to_pack: VecDeque::new() },
            reply: None,
            inputs: 0,
        }
    }

    /// Whether a machine is in this shard.
    pub(super) fn has(&self, who: Who) -> bool {
        self.part.people.contains(&who) || self.part.relays.contains(&who)
    }

    fn at(&self, who: Who) -> usize {
        let Part { people, relays, .. } = &self.part;
        if who < people.end { (who - people.start) as usize } else { people.len() + (who - relays.start) as usize }
    }

    /// A machine of this shard.
    pub(super) fn house(&self, who: Who) -> &House {
        &self.houses[self.at(who)]
    }

    /// The same, to be changed.
    pub(super) fn house_mut(&mut self, who: Who) -> &mut House {
        let at = self.at(who);
        &mut self.houses[at]
    }

    /// All machines of this shard.
    pub(super) fn houses(&self) -> &[House] {
        &self.houses
    }

    pub(super) fn is_up(&self, who: Who) -> bool {
        self.house(who).node.is_some()
    }

    /// When somebody came last.
    pub(super) fn came(&self, who: Who) -> Millis {
        self.house(who).started
    }

    /// Has an address of its own from the next start on.
    pub(super) fn move_house(&mut self, who: Who) {
        self.house_mut(who).address += 1;
    }

    fn work(&mut self, who: Who) -> &mut Work {
        if self.realm.is_relay(who) { &mut self.tally.relays } else { &mut self.tally.people }
    }

    /// Switches a machine on.
    pub(super) fn start(&mut self, who: Who) {
        if self.is_up(who) {
            return;
        }
        let (is_relay, keys, now) = (self.realm.is_relay(who), self.realm.keys(who), self.now);
        let at = self.at(who);
        let house = &mut self.houses[at];
        house.life += 1;
        house.started = now;
        house.shelf.open(&mut self.cards);
        house.wake = None;
        let settings = Settings {
            name: format!("{} {who}", if is_relay { "relay" } else { "person" }),
            relay: is_relay,
            neighbour: true,
            relay_inbox_bytes: RELAY_INBOX_BYTES_MAX,
            neighbour_inbox_bytes: NEIGHBOUR_INBOX_BYTES_MAX,
        };
        let seed = dice(self.realm.plan.seed, who, purpose::LIFE + u64::from(house.life)).bytes();
        house.node = Some(Box::new(Node::open(keys, settings, house.shelf.rows(), seed, Now { mono: 0, wall: EPOCH + now })));
        let address = format!("/ip4/10.{}.{}.{}/udp/{}/quic-v1", who >> 16, who >> 8 & 255, who & 255, 4001 + house.address);
        if !is_relay {
            self.tally.crowd.note(now, 1);
        }
        self.perform(who);
        self.input(who, Input::Listening(Address::new(&address).into_iter().collect()));
    }

    /// Switches a machine off: its lines are closed, its rows stay.
    pub(super) fn stop(&mut self, who: Who) {
        if !self.is_up(who) {
            return;
        }
        let lines = std::mem::take(&mut self.house_mut(who).lines);
        for (other, line) in lines {
            if let Line::Up(link) = line {
                self.send_off(who, other, What::Close(link));
            }
        }
        let now = self.now;
        let house = self.house_mut(who);
        house.node = None;
        house.life += 1;
        self.tally.online_ms += now - house.started;
        self.tally.crowd.note(now, -1);
        self.plans.to_pack.push_back(who);
        if self.plans.to_pack.len() > TO_PACK_MAX {
            self.pack_one();
        }
    }

    /// Packs the rows of one that went off; whether there was one.
    fn pack_one(&mut self) -> bool {
        let Some(who) = self.plans.to_pack.pop_front() else { return false };
        let at = self.at(who);
        let house = &mut self.houses[at];
        if house.node.is_none() {
            house.shelf.pack(&mut self.cards);
        }
        true
    }

    /// Packs the rows of all that went off.
    pub(super) fn pack(&mut self) {
        while self.pack_one() {}
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
        self.plans.queue.retain(|Reverse(event)| !matches!(event.what, What::Step(_)));
    }

    /// One tells another what to do.
    pub(super) fn tell(&mut self, from: Who, to: Who, command: Command) {
        self.send_off(from, to, What::Told(Box::new(command)));
    }

    /// A message to several is going to be sent: what is noted of it with [`sent`](Self::sent) comes before all that the node sends.
    pub(super) fn sending(&mut self, who: Who, to: usize) -> u32 {
        let house = self.house_mut(who);
        house.sent += to as u32;
        house.sent - to as u32
    }

    /// It was sent.
    pub(super) fn sent(&mut self, sending: u32, to: &[Who], message: MessageId, away: Away) {
        self.tally.mail.sent += to.len() as u64;
        for (to, number) in to.iter().zip(sending + 1..) {
            let what = What::Sent(Box::new((message, away)));
            self.push(Event { at: self.now + self.realm.delay_min(), source: away.from, number, to: *to, what });
        }
    }

    fn queue(&mut self, source: Who, to: Who, at: Millis, what: What) {
        let at = at.max(self.now);
        let house = self.house_mut(source);
        house.sent += 1;
        let number = house.sent;
        self.push(Event { at, source, number, to, what });
    }

    fn push(&mut self, event: Event) {
        if self.has(event.to) {
            self.plans.queue.push(Reverse(event));
        } else {
            self.plans.outgoing[self.realm.shard(event.to)].push(event);
        }
    }

    /// What one machine sends another arrives after the delay of the two.
    fn send_off(&mut self, from: Who, to: Who, what: What) {
        let at = self.now + self.realm.delay(from, to);
        self.queue(from, to, at, what);
    }

    fn input(&mut self, who: Who, input: Input) {
        self.work(who).note_input(&input);
        self.inputs += 1;
        let at = self.at(who);
        let house = &mut self.houses[at];
        let Some(node) = &mut house.node else { return };
        let is_wake = matches!(input, Input::Deadline) && house.busy < self.now;
        house.busy = self.now;
        let now = Now { mono: self.now - house.started, wall: EPOCH + self.now };
        node.handle(now, input, house.shelf.rows());
        self.work(who).wakes += u64::from(is_wake);
        self.perform(who);
        self.schedule(who);
    }

    fn schedule(&mut self, who: Who) {
        let now = self.now;
        let house = self.house_mut(who);
        let Some(due) = house.node.as_ref().and_then(|node| node.next_deadline()) else { return };
        let at = (due + house.started).max(now);
        if house.wake.is_none_or(|wake| at < wake) {
            house.wake = Some(at);
            let life = house.life;
            self.queue(who, who, at, What::Wake(life));
        }
    }

    fn perform(&mut self, who: Who) {
        while let Some(output) = self.house_mut(who).node.as_mut().and_then(|node| node.poll()) {
            match output {
                Output::Persist(batch) => {
                    self.note_batch(who, &batch);
                    self.house_mut(who).shelf.rows().keep(&batch);
                }
                Output::Transmit { to, frame } => self.transmit(who, &to, &frame),
                Output::Publish { topic: Topic::Relays, bytes } => self.publish(who, &bytes),
                Output::Dial { peer, .. } => self.dial(who, &peer),
                Output::Disconnect { peer, .. } => {
                    if let Some((other, link)) = self.line_to(who, &peer) {
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
                // And nobody sends more than texts.
                Output::Fetch { .. } | Output::Forget(_) => {}
                Output::Publish { .. } | Output::Subscribe { .. } | Output::Emit(_) => {}
            }
        }
    }

    /// The line to a peer, if it is up.
    fn line_to(&self, who: Who, peer: &PeerId) -> Option<(Who, u64)> {
        let other = self.realm.who(peer)?;
        match self.house(who).lines.get(&other) {
            Some(Line::Up(link)) => Some((other, *link)),
            Some(Line::Dialling(_)) | None => None,
        }
    }

    fn transmit(&mut self, who: Who, to: &PeerId, frame: &Frame) {
        let Some((other, link)) = self.line_to(who, to) else { return };
        let bytes = frame.encode();
        self.work(who).note_frame(&bytes);
        self.send_off(who, other, What::Frame(link, bytes));
    }

    fn dial(&mut self, who: Who, peer: &PeerId) {
        let Some(other) = self.realm.who(peer) else { return };
        self.work(who).dials.0 += 1;
        let house = self.house_mut(who);
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
        for ear in self.realm.ears().filter(|ear| *ear != who) {
            let at = self.now + 3 * self.realm.delay(who, ear);
            self.queue(who, ear, at, What::Gossip(Arc::clone(&bytes)));
        }
    }

    /// Lets things happen until then, or until somebody of this shard does something. All shards must ask for the same time.
    pub(super) fn run(&mut self, until: Millis) -> Option<(Who, Step)> {
        loop {
            while self.plans.queue.peek().is_some_and(|Reverse(next)| next.at < self.plans.known && next.at <= until) {
                let Some(Reverse(event)) = self.plans.queue.pop() else { break };
                self.now = self.now.max(event.at);
                if let What::Step(step) = event.what {
                    return Some((event.to, step));
                }
                self.happen(event);
            }
            if self.plans.known > until {
                self.now = self.now.max(until);
                return None;
            }
            self.learn(until);
        }
    }

    /// Learns what the other shards did, and so for how long there is nothing else to learn.
    fn learn(&mut self, until: Millis) {
        let gate = &self.realm.gate;
        if gate.shards() == 1 {
            self.plans.known = until + 1;
            return;
        }
        let mut next = self.plans.queue.peek().map_or(Millis::MAX, |Reverse(next)| next.at);
        for (to, events) in self.plans.outgoing.iter_mut().enumerate().filter(|(_, events)| !events.is_empty()) {
            next = events.iter().map(|event| event.at).fold(next, Millis::min);
            gate.bring(to, events);
        }
        let next = gate.meet(self.part.shard, next, || self.pack_one());
        gate.take(self.part.shard, |event| self.plans.queue.push(Reverse(event)));
        self.plans.known = next.saturating_add(self.realm.delay_min()).min(until + 1);
    }

    /// Waits until all shards are as far.
    pub(super) fn meet(&self) {
        self.realm.gate.meet(self.part.shard, self.now, || false);
    }

    /// Shows how far this shard is; `progress` hears of all.
    pub(super) fn show(&self, phase: &'static str, done: f64, progress: &dyn Fn(Progress)) {
        let inputs = self.realm.gate.show_inputs(self.part.shard, self.inputs);
        progress(Progress { phase, done, inputs });
    }

    fn happen(&mut self, Event { at, source, to, what, .. }: Event) {
        let peer = self.realm.peer(source);
        let house = self.house_mut(to);
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
                self.input(to, Input::PeerDown(self.realm.peer(other)));
            }
            What::Gossip(bytes) if house.node.is_some() => {
                let gossip = &mut self.tally.gossip;
                let count = if self.realm.is_relay(to) { &mut gossip.relays } else { &mut gossip.people };
                *count = (count.0 + 1, count.1 + bytes.len() as u64);
                self.input(to, Input::Gossip { topic: Topic::Relays, bytes: bytes.to_vec() });
            }
            What::Worked(paid) if house.node.is_some() => self.input(to, Input::Worked { text: paid.0, number: paid.1 }),
            What::Wake(life) if house.life == life && house.wake == Some(at) => {
                house.wake = None;
                let due = house.node.as_ref().and_then(|node| node.next_deadline()).map(|due| due + house.started);
                if due.is_some_and(|due| due <= at) { self.input(to, Input::Deadline) } else { self.schedule(to) }
            }
            What::Told(command) => self.input(to, Input::Command { id: 0, command: *command }),
            What::Sent(sent) => {
                let was_online = house.node.is_some();
                self.post.insert((sent.0, to), Away { was_online, ..sent.1 });
            }
            _ => {}
        }
    }

    fn can_be_dialled(&self, who: Who) -> bool {
        self.is_fair || !self.realm.is_hidden(who)
    }

    fn connect(&mut self, from: Who, to: Who, link: u64, line: Option<Line>) {
        // When both dial, the lower one's dial counts, if it can.
        let is_second = matches!(line, Some(Line::Dialling(_))) && to < from && self.can_be_dialled(from);
        if !self.is_up(to) || !self.can_be_dialled(to) || is_second {
            let at = self.now + self.realm.plan.people.net.no_answer_ms;
            self.queue(to, from, at, What::NoAnswer(link));
            return;
        }
        match line {
            Some(Line::Up(_)) => {
                self.input(to, Input::PeerDown(self.realm.peer(from)));
            }
            Some(Line::Dialling(_)) | None => {}
        }
        self.house_mut(to).lines.insert(from, Line::Up(link));
        self.send_off(to, from, What::Answer(link));
        self.input(to, Input::PeerUp(self.realm.peer(from)));
    }
}
