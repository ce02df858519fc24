//! A small world for stories: people with real nodes and real cryptography, rows in memory, a network and a clock that the
//! story owns. Everything in it follows from one seed.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tidings::crypto::keys::{Keys, direct_room, message_id};
use tidings::proto::ctx::Ctx;
use tidings::proto::room::Rooms;
use tidings::proto::{Command, CommandError, Event, Fetched, Input, Node, Outcome, Output, Reply, Settings};
use tidings::types::limits::CLOCK_DRIFT_MS_MAX;
use tidings::types::time::{DAY, HOUR, SECOND};
use tidings::types::{AccountId, Address, Batch, BlobId, EnvelopeId, MessageId, Millis, Now, PeerId, Rng, RoomId, Row, Scan, Table, View};
use tidings::wire::blob::{Bits, bits_key};
use tidings::wire::content::{Body, Clock, Content};
use tidings::wire::frame::Frame;
use tidings::wire::{codec, row};

/// Rows in memory, and how many of them were read.
#[derive(Clone, Default)]
pub(super) struct Rows(BTreeMap<(Table, Vec<u8>), Vec<u8>>, Cell<usize>);

impl Rows {
    pub(super) fn apply(&mut self, batch: &Batch) {
        for (table, key, value) in batch.iter() {
            match value {
                Some(value) => self.0.insert((table, key.to_vec()), value.to_vec()),
                None => self.0.remove(&(table, key.to_vec())),
            };
        }
    }

    /// Writes a row behind the node's back.
    pub(super) fn put<T: bincode::Encode>(&mut self, table: Table, key: Vec<u8>, value: &T) {
        self.0.insert((table, key), row::encode(value));
    }

    /// Takes a row away behind the node's back.
    pub(super) fn remove(&mut self, table: Table, key: Vec<u8>) {
        self.0.remove(&(table, key));
    }

    /// All rows of a table, decoded.
    pub(super) fn all<T: bincode::Decode<()>>(&self, table: Table) -> Vec<(Vec<u8>, T)> {
        self.scan(&Scan::prefix(table, [])).into_iter().map(|(key, value)| (key, row::decode(&value).unwrap())).collect()
    }
}

impl View for Rows {
    fn get(&self, table: Table, key: &[u8]) -> Option<Vec<u8>> {
        self.1.set(self.1.get() + 1);
        self.0.get(&(table, key.to_vec())).cloned()
    }

    fn scan(&self, scan: &Scan) -> Vec<Row> {
        let rows = self.rows(scan);
        self.1.set(self.1.get() + rows.len());
        rows
    }
}

impl Rows {
    fn rows(&self, scan: &Scan) -> Vec<Row> {
        let start = scan.after.clone().filter(|after| !scan.reverse && *after > scan.prefix).unwrap_or_else(|| scan.prefix.clone());
        let range = self.0.range((scan.table, start)..);
        let rows = range.take_while(|((table, key), _)| *table == scan.table && key.starts_with(&scan.prefix));
        let beyond = |key: &[u8]| scan.after.as_deref().is_none_or(|after| if scan.reverse { key < after } else { key > after });
        let rows = rows.filter(|((_, key), _)| beyond(key)).map(|((_, key), value)| (key.clone(), value.clone()));
        if scan.reverse {
            let mut rows: Vec<Row> = rows.collect();
            rows.reverse();
            rows.truncate(scan.limit);
            rows
        } else {
            rows.take(scan.limit).collect()
        }
    }
}

/// One person and their node.
pub(super) struct Person {
    pub(super) keys: Keys,
    pub(super) rows: Rows,
    pub(super) node: Option<Node>,
    pub(super) events: Vec<Event>,
    /// How many inputs this node answered with `Misbehaved`.
    pub(super) blamed: u32,
    /// What for.
    pub(super) blames: Vec<String>,
    /// How far the clock of this person's machine is ahead of the world's.
    pub(super) ahead: Millis,
    /// What the node is started with.
    pub(super) settings: Settings,
    /// Connected peers, each with the number of the connection.
    peers: BTreeMap<PeerId, u64>,
    replies: BTreeMap<u64, Result<Reply, CommandError>>,
    started: Millis,
    life: u64,
}

impl Person {
    pub(super) fn account(&self) -> AccountId {
        self.keys.account_id()
    }
}

/// What a device seals that is no message; `chance` tells one from another.
pub(super) fn aside(chance: u64, body: &Body) -> Content {
    let proof = std::array::from_fn(|at| (chance >> (8 * (at % 8))) as u8);
    Content { proof, device: None, number: 0, clock: Clock { ms: 1, count: 0 }, is_back: false, body: codec::encode(body) }
}

/// A message with a number, sealed by the device that numbered it. Its proof is none.
pub(super) fn numbered(proof: [u8; 16], number: u64, clock: Clock, body: &Body) -> Content {
    Content { proof, device: None, number, clock, is_back: false, body: codec::encode(body) }
}

enum Happening {
    Input { to: String, life: u64, link: u64, input: Box<Input> },
    Connect { from: String, to: PeerId },
}

/// The world of a story.
pub(super) struct World {
    pub(super) now: Millis,
    pub(super) people: BTreeMap<String, Person>,
    /// Chance in a thousand of a crash before each output.
    pub(super) crash_permille: u64,
    pub(super) crashes: u64,
    /// Frames that were sent, up to a bound: for replays.
    pub(super) overheard: Vec<Vec<u8>>,
    /// Outputs, bytes written and rows read of the input that caused most of each.
    pub(super) most: (usize, usize, usize),
    /// How many frames of each kind a node sent, also to peers that are not there.
    pub(super) spoken: BTreeMap<(String, u16), usize>,
    /// After so many there are no more: with a long window and a short life nothing would ever move.
    pub(super) crashes_max: u64,
    /// Frames take up to so much longer, each connection for itself.
    pub(super) jitter: Millis,
    /// Chance in a thousand that a frame arrives twice.
    pub(super) twice_permille: u64,
    pub(super) bodies: Bodies,
    queue: BTreeMap<(Millis, u64), Happening>,
    links: Links,
    rng: Rng,
    sequence: u64,
}

/// Bodies of media on their way, without their bytes.
#[derive(Default)]
pub(super) struct Bodies {
    /// Who answers questions for pieces otherwise than an honest node.
    pub(super) holders: BTreeMap<String, Holder>,
    /// How many pieces each person gave.
    pub(super) given: BTreeMap<String, usize>,
    /// Chance in a thousand that the answer to a question for pieces is lost.
    pub(super) lost_permille: u64,
    /// Files that nodes had removed.
    pub(super) forgotten: Vec<(String, BlobId)>,
}

/// How somebody answers questions for pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    /// With what is not of the blob.
    Lies,
    /// Never.
    Stalls,
}

/// What is between people.
#[derive(Default)]
struct Links {
    cut: BTreeSet<(String, String)>,
    /// Connections that ended, of which the node does not know yet.
    ending: BTreeSet<(String, PeerId)>,
    /// When the last frame of a connection arrives.
    arrives: BTreeMap<(u64, PeerId), Millis>,
}

/// Frames kept for replays.
const OVERHEARD_MAX: usize = 2_000;

/// A Monday in November.
const EPOCH: Millis = 20_000 * DAY;

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_be_bytes());
        Self {
            now: HOUR,
            people: BTreeMap::new(),
            bodies: Bodies::default(),
            crash_permille: 0,
            crashes: 0,
            overheard: Vec::new(),
            most: (0, 0, 0),
            spoken: BTreeMap::new(),
            crashes_max: u64::MAX,
            jitter: 0,
            twice_permille: 0,
            queue: BTreeMap::new(),
            links: Links::default(),
            rng: Rng::from_seed(bytes),
            sequence: 0,
        }
    }

    /// A person with a node of their own, online.
    pub(super) fn add(&mut self, name: &str) {
        self.add_as(name, false);
    }

    /// A relay, online.
    pub(super) fn add_relay(&mut self, name: &str) {
        self.add_as(name, true);
    }

    fn add_as(&mut self, name: &str, relay: bool) {
        let keys = Keys::new(&self.rng.bytes(), &self.rng.bytes(), &self.rng.bytes());
        let settings =
            Settings { name: name.to_owned(), relay, neighbour: true, relay_inbox_bytes: 64 << 20, neighbour_inbox_bytes: 16 << 20 };
        let person = Person {
            keys,
            rows: Rows::default(),
            node: None,
            events: Vec::new(),
            blamed: 0,
            blames: Vec::new(),
            ahead: 0,
            settings,
            peers: BTreeMap::new(),
            replies: BTreeMap::new(),
            started: 0,
            life: 0,
        };
        self.people.insert(name.to_owned(), person);
        self.start(name);
    }

    pub(super) fn person(&self, name: &str) -> &Person {
        &self.people[name]
    }

    fn now_of(&self, name: &str) -> Now {
        Now { mono: self.now - self.people[name].started, wall: EPOCH + self.now + self.people[name].ahead }
    }

    /// Starts a node from its rows.
    pub(super) fn start(&mut self, name: &str) {
        let seed = self.rng.bytes();
        let now = self.now;
        let person = self.people.get_mut(name).unwrap();
        assert!(person.node.is_none(), "{name} is running");
        person.started = now;
        person.life += 1;
        let at = Now { mono: 0, wall: EPOCH + now + person.ahead };
        person.node = Some(Node::open(person.keys.clone(), person.settings.clone(), &person.rows, seed, at));
        self.perform(name);
        let address = Address::new(&format!("/ip4/127.0.0.1/tcp/{}", 4000 + self.people.keys().position(|k| k == name).unwrap())).unwrap();
        self.input(name, Input::Listening(vec![address]));
    }

    /// Starts a node that does not run.
    pub(super) fn start_if_down(&mut self, name: &str) {
        if self.people[name].node.is_none() {
            self.start(name);
        }
    }

    /// Ends a node as SIGKILL does; its rows stay.
    pub(super) fn kill(&mut self, name: &str) {
        let person = self.people.get_mut(name).unwrap();
        person.node = None;
        person.life += 1;
        self.links.ending.retain(|(other, _)| other != name);
        let person = self.people.get_mut(name).unwrap();
        let peer = person.keys.peer_id();
        for other in std::mem::take(&mut person.peers).into_keys() {
            if let Some(other) = self.name_of(&other) {
                self.disconnect(&other, &peer);
            }
        }
    }

    /// The device's rows are taken by another device of the account, as from a backup.
    pub(super) fn replace_device(&mut self, name: &str) {
        self.kill(name);
        let (device, transport) = (self.rng.bytes(), self.rng.bytes());
        let person = self.people.get_mut(name).unwrap();
        person.keys = Keys::new(person.keys.entropy(), &device, &transport);
        self.start(name);
    }

    fn disconnect(&mut self, name: &str, peer: &PeerId) {
        let person = self.people.get_mut(name).unwrap();
        if person.peers.remove(peer).is_some() && person.node.is_some() {
            self.links.ending.insert((name.to_owned(), *peer));
            self.later(name, 1, Input::PeerDown(*peer));
        }
    }

    /// A frame that somebody's node did not send, but whoever holds their keys.
    pub(super) fn forge(&mut self, from: &str, to: &str, frame: &Frame) -> Outcome {
        let from = self.people[from].keys.peer_id();
        self.input(to, Input::Frame { from, bytes: frame.encode() }).expect("a node that runs")
    }

    fn name_of(&self, peer: &PeerId) -> Option<String> {
        self.people.iter().find(|(_, person)| person.keys.peer_id() == *peer).map(|(name, _)| name.clone())
    }

    /// Two people cannot reach each other.
    pub(super) fn cut(&mut self, one: &str, other: &str) {
        self.links.cut.insert((one.to_owned(), other.to_owned()));
        self.links.cut.insert((other.to_owned(), one.to_owned()));
        self.drop_connection(one, other);
    }

    /// The one cannot dial the other; the other way works.
    pub(super) fn cut_one_way(&mut self, from: &str, to: &str) {
        self.links.cut.insert((from.to_owned(), to.to_owned()));
        self.drop_connection(from, to);
    }

    /// The connection of two people breaks, with what is in flight on it.
    pub(super) fn drop_connection(&mut self, one: &str, other: &str) {
        let (a, b) = (self.people[one].keys.peer_id(), self.people[other].keys.peer_id());
        self.disconnect(one, &b);
        self.disconnect(other, &a);
    }

    /// They can again.
    pub(super) fn heal(&mut self) {
        self.links.cut.clear();
    }

    fn later(&mut self, to: &str, delay: Millis, input: Input) {
        self.at(to, self.now + delay, 0, input);
    }

    fn at(&mut self, to: &str, at: Millis, link: u64, input: Input) {
        self.sequence += 1;
        let life = self.people[to].life;
        self.queue.insert((at, self.sequence), Happening::Input { to: to.to_owned(), life, link, input: Box::new(input) });
    }

    /// Asks a person for pieces. There are no bytes in this world: what the other one's rows say is there comes.
    fn fetch(&mut self, name: &str, from: PeerId, blob: BlobId, asked: Vec<u32>) {
        let Some(other) = self.name_of(&from) else { return };
        let is_up = self.people[name].peers.contains_key(&from) && self.people[&other].node.is_some();
        let (mut got, mut is_false) = (Vec::new(), false);
        match self.bodies.holders.get(&other).filter(|_| is_up) {
            Some(Holder::Stalls) => return,
            Some(Holder::Lies) => is_false = true,
            None if is_up && self.rng.below(1000) >= self.bodies.lost_permille => {
                let bits = Bits(self.people[&other].rows.get(Table::Blob, &bits_key(&blob)).unwrap_or_default());
                got.extend(asked.iter().copied().filter(|piece| bits.has(*piece)));
            }
            None => {}
        }
        *self.bodies.given.entry(other).or_default() += got.len();
        let took = 40 + 5 * asked.len() as u64;
        self.later(name, took, Input::Fetched(Fetched { from, blob, asked, got, is_false, waited_ms: 40 }));
    }

    /// Puts a frame on its way: in order on each connection.
    fn carry(&mut self, from: &str, to: &PeerId, bytes: &[u8]) {
        let Some((link, other)) = self.people[from].peers.get(to).copied().zip(self.name_of(to)) else { return };
        let jitter = if self.jitter > 0 { self.rng.below(self.jitter) } else { 0 };
        let last = self.links.arrives.entry((link, *to)).or_default();
        let at = (*last).max(self.now + 5 + jitter);
        *last = at;
        let times = if self.rng.below(1000) < self.twice_permille { 2 } else { 1 };
        let from = self.people[from].keys.peer_id();
        for _ in 0..times {
            self.at(&other, at, link, Input::Frame { from, bytes: bytes.to_vec() });
        }
    }

    /// Gives a node one input and performs what follows.
    pub(super) fn input(&mut self, name: &str, input: Input) -> Option<Outcome> {
        let now = self.now_of(name);
        let person = self.people.get_mut(name)?;
        let kind = if let Input::Frame { bytes, .. } = &input { bytes.get(1).copied() } else { None };
        let from = if let Input::Frame { from, .. } = &input { Some(*from) } else { None };
        person.rows.1.set(0);
        let outcome = person.node.as_mut()?.handle(now, input, &person.rows);
        self.most.2 = self.most.2.max(person.rows.1.get());
        if let (Ok(who), Some(kind)) = (std::env::var("TIDINGS_WATCH"), kind)
            && who.contains(name)
        {
            println!("{} {name} {outcome:?} frame {kind} from {from:?}", self.now);
        }
        if matches!(outcome, Outcome::Misbehaved(_)) {
            person.blamed += 1;
            person.blames.push(format!("{outcome:?} by frame kind {kind:?}"));
        }
        self.perform(name);
        Some(outcome)
    }

    fn perform(&mut self, name: &str) {
        let (mut outputs, mut written) = (0, 0);
        loop {
            self.most = (self.most.0.max(outputs), self.most.1.max(written), self.most.2);
            outputs += 1;
            let crash = self.rng.below(1000) < self.crash_permille && self.crashes < self.crashes_max;
            let person = self.people.get_mut(name).unwrap();
            let Some(output) = person.node.as_mut().and_then(Node::poll) else { return };
            if crash {
                self.crashes += 1;
                self.kill(name);
                return self.start(name);
            }
            match output {
                Output::Persist(batch) => {
                    written += batch.iter().map(|(_, key, value)| key.len() + value.map_or(0, <[u8]>::len)).sum::<usize>();
                    person.rows.apply(&batch);
                }
                Output::Transmit { to, frame } => {
                    let bytes = frame.encode();
                    *self.spoken.entry((name.to_owned(), frame.kind().0)).or_default() += 1;
                    if person.peers.contains_key(&to) && self.overheard.len() < OVERHEARD_MAX {
                        self.overheard.push(bytes.clone());
                    }
                    self.carry(name, &to, &bytes);
                }
                Output::Dial { peer, .. } => {
                    self.sequence += 1;
                    self.queue.insert((self.now + 10, self.sequence), Happening::Connect { from: name.to_owned(), to: peer });
                }
                Output::Disconnect { peer, .. } => {
                    let me = person.keys.peer_id();
                    if let Some(other) = self.name_of(&peer) {
                        self.disconnect(&other, &me);
                    }
                    self.disconnect(name, &peer);
                }
                Output::Work { text, bits } => {
                    let number = tidings::crypto::work::pay(&text, bits);
                    self.later(name, 400, Input::Worked { text, number });
                }
                Output::Reply { id, result } => {
                    person.replies.insert(id, result);
                }
                Output::Emit(event) => person.events.push(event),
                Output::Fetch { from, blob, pieces } => self.fetch(name, from, blob, pieces),
                Output::Forget(blob) => self.bodies.forgotten.push((name.to_owned(), blob)),
                Output::Publish { .. } | Output::Subscribe { .. } => {}
            }
        }
    }

    fn connect(&mut self, from: &str, to: &PeerId) {
        let target = self.name_of(to).filter(|other| !self.links.cut.contains(&(from.to_owned(), other.clone())));
        let is_there = target.as_ref().is_some_and(|other| self.people[other].node.is_some());
        if self.people[from].node.is_none() {
            return;
        }
        let Some(other) = target.filter(|_| is_there) else {
            self.input(from, Input::PeerDown(*to));
            return;
        };
        let me = self.people[from].keys.peer_id();
        if !self.people[from].peers.contains_key(to) {
            self.end(from, to);
            self.end(&other, &me);
            if self.people[from].keys.peer_id() != me || self.people[from].node.is_none() || self.people[&other].node.is_none() {
                return;
            }
            self.sequence += 1;
            let link = self.sequence;
            self.people.get_mut(from).unwrap().peers.insert(*to, link);
            self.people.get_mut(&other).unwrap().peers.insert(me, link);
            self.input(from, Input::PeerUp(*to));
            // The other may have ended while the first looked at it.
            if self.people[&other].peers.get(&me) == Some(&link) {
                self.input(&other, Input::PeerUp(me));
            }
        }
    }

    /// A node hears that a connection ended, if it does not know yet.
    fn end(&mut self, name: &str, peer: &PeerId) {
        if self.links.ending.remove(&(name.to_owned(), *peer)) {
            self.input(name, Input::PeerDown(*peer));
        }
    }

    /// One happening, or one deadline.
    pub(super) fn step(&mut self, until: Millis) -> bool {
        let deadline = self
            .people
            .iter()
            .filter_map(|(name, person)| Some((person.node.as_ref()?.next_deadline()? + person.started, name.clone())))
            .min();
        let next = self.queue.first_key_value().map(|((at, _), _)| *at);
        let deadline = deadline.map(|(at, name)| (at.max(self.now), name));
        match (next, deadline) {
            (Some(at), Some((due, name))) if due < at && due <= until => {
                self.now = due;
                self.input(&name, Input::Deadline);
            }
            (None, Some((due, name))) if due <= until => {
                self.now = due;
                self.input(&name, Input::Deadline);
            }
            (Some(at), _) if at <= until => {
                let (_, happening) = self.queue.pop_first().unwrap();
                self.now = self.now.max(at);
                match happening {
                    Happening::Input { to, life, link, input } => {
                        let person = &self.people[&to];
                        let is_from_gone = matches!(&*input, Input::Frame { from, .. } if person.peers.get(from) != Some(&link));
                        match *input {
                            _ if person.life != life || is_from_gone => {}
                            Input::PeerDown(peer) => self.end(&to, &peer),
                            input => {
                                self.input(&to, input);
                            }
                        }
                    }
                    Happening::Connect { from, to } => self.connect(&from, &to),
                }
            }
            _ => {
                self.now = until;
                return false;
            }
        }
        true
    }

    /// Lets time pass.
    pub(super) fn run(&mut self, duration: Millis) -> u64 {
        let until = self.now + duration;
        let mut steps = 0u64;
        while self.step(until) {
            steps += 1;
            assert!(steps < 3_000_000, "the world does not come to rest");
        }
        steps
    }

    /// Has a command done.
    pub(super) fn command(&mut self, name: &str, command: Command) -> Result<Reply, CommandError> {
        self.sequence += 1;
        let id = self.sequence;
        self.input(name, Input::Command { id, command });
        let reply = self.people.get_mut(name).unwrap().replies.remove(&id);
        reply.unwrap_or(Err(CommandError::Internal))
    }

    pub(super) fn invite(&mut self, name: &str) -> String {
        match self.command(name, Command::Invite { ttl_ms: DAY, public: false }) {
            Ok(Reply::Link(link)) => link,
            other => panic!("no invite: {other:?}"),
        }
    }

    /// `guest` adds `host` by an invite.
    pub(super) fn meet(&mut self, host: &str, guest: &str) {
        let link = self.invite(host);
        let added = self.command(guest, Command::ContactAdd { link, name: Some(host.to_owned()), greeting: String::new() });
        assert_eq!(added, Ok(Reply::Contact(self.people[host].account())));
        self.run(5 * SECOND);
    }

    /// `name` joins a relay.
    pub(super) fn join(&mut self, name: &str, relay: &str) {
        let Ok(Reply::Link(link)) = self.command(relay, Command::RelayInvite) else { panic!("no relay link") };
        self.command(name, Command::RelayJoin(link)).unwrap();
        self.run(5 * SECOND);
    }

    pub(super) fn room(&self, one: &str, other: &str) -> RoomId {
        direct_room(&self.people[one].account(), &self.people[other].account())
    }

    /// `from` writes to `to`.
    pub(super) fn say(&mut self, from: &str, to: &str, text: &str) -> Option<MessageId> {
        let room = self.room(from, to);
        match self.command(from, Command::Send { room, body: Body::Text { text: text.to_owned(), reply: None } }) {
            Ok(Reply::Sent { message, .. }) => Some(message),
            _ => None,
        }
    }

    /// The texts of a room on one person's device, in its order.
    pub(super) fn transcript(&self, name: &str, room: &RoomId) -> Vec<String> {
        let rows = self.people[name].rows.scan(&Scan::prefix(Table::Message, room.0));
        let texts = rows.into_iter().map(|(_, value)| match row::decode::<row::Message>(&value).unwrap().body() {
            Some(Body::Text { text, .. }) => text,
            other => panic!("not a text: {other:?}"),
        });
        texts.collect()
    }

    /// All that is shown of a room: messages and what was said about them, in order.
    pub(super) fn shown(&self, name: &str, room: &RoomId) -> Vec<(Vec<u8>, Vec<u8>)> {
        let rows = &self.people[name].rows;
        let mut shown = Vec::new();
        for (key, value) in rows.scan(&Scan::prefix(Table::Message, room.0)) {
            let place = row::Place::from_key(&key).unwrap();
            shown.push((key, row::decode::<row::Message>(&value).unwrap().body));
            for (key, value) in rows.scan(&Scan::prefix(Table::Mark, row::marks_of(&place))) {
                shown.push((key, row::decode::<row::Mark>(&value).unwrap().body));
            }
        }
        shown
    }

    /// The text of a message on a person's device.
    pub(super) fn text_of(&self, name: &str, message: &MessageId) -> Option<String> {
        let rows = &self.people[name].rows;
        let index: row::Index = row::decode(&rows.get(Table::Index, &message.0)?).ok()?;
        let stored: row::Message = row::decode(&rows.get(Table::Message, &index.place.key())?).ok()?;
        if let Some(Body::Text { text, .. }) = stored.body() { Some(text) } else { None }
    }

    /// The custody of a message to its one recipient.
    pub(super) fn custody(&self, name: &str, message: &MessageId) -> row::Custody {
        let index: row::Index = row::decode(&self.people[name].rows.get(Table::Index, &message.0).unwrap()).unwrap();
        index.custody[0].1.clone()
    }

    /// What somebody whose node was changed to lie can seal in a room; the node must not run.
    pub(super) fn seal_as(&mut self, name: &str, room: &RoomId, content: &Content) -> Vec<u8> {
        let now = self.now_of(name);
        let person = self.people.get_mut(name).unwrap();
        assert!(person.node.is_none(), "{name} runs");
        let (mut rooms, mut out) = (Rooms::open(&person.rows, &person.keys), VecDeque::new());
        let mut ctx = Ctx::new(now, &mut self.rng, &person.keys, &person.rows);
        let sealed = rooms.seal(&mut ctx, room, &codec::encode(content)).unwrap();
        ctx.finish(&mut out);
        for output in out {
            if let Output::Persist(batch) = output {
                person.rows.apply(&batch);
            }
        }
        sealed.envelope
    }

    /// Somebody's node was of a later release for a moment, and said something in a room that this one does not know. Whether it could.
    pub(super) fn say_later(&mut self, name: &str, room: RoomId) -> bool {
        let now = self.now_of(name);
        let person = &self.people[name];
        let (keys, rooms) = (person.keys.clone(), Rooms::open(&person.rows, &person.keys));
        let Some((mut row, (_, epoch))) = self.room_row(name, &room).zip(rooms.epoch(&room)) else { return false };
        if !row.members.contains(&keys.account_id()) || person.rows.get(Table::Meta, &[b"reseal/", &room.0[..]].concat()).is_some() {
            return false;
        }
        // The first one after a clock was set back does more than can be written here.
        if row.clock.ms > now.wall + 2 * CLOCK_DRIFT_MS_MAX {
            return false;
        }
        let is_next = now.wall > row.clock.ms;
        let clock = if is_next { Clock { ms: now.wall, count: 0 } } else { Clock { count: row.clock.count + 1, ..row.clock } };
        let was_up = person.node.is_some();
        if was_up {
            self.kill(name);
        }
        (row.clock, row.number) = (clock, row.number + 1);
        let body = [codec::encode(&(Body::KINDS + 60)), row.number.to_be_bytes().to_vec()].concat();
        let content = Content { proof: [0; 16], device: None, number: row.number, clock, is_back: false, body };
        let content = content.prove(&room, &keys.device_id(), &keys);
        let bytes = self.seal_as(name, &room, &content);
        let (id, message) = (*blake3::hash(&bytes).as_bytes(), message_id(&room, &keys.account_id(), &content.proof));
        let series = row::Series { room, account: keys.account_id(), device: keys.device_id() };
        let place = row::Place { room, clock, sender: keys.account_id(), message };
        let rows = &mut self.people.get_mut(name).unwrap().rows;
        let mut custody = Vec::new();
        for account in row.members.iter().filter(|account| **account != keys.account_id()) {
            let last = rows
                .scan(&Scan::prefix(Table::Outbox, account.0))
                .last()
                .map_or(0, |(key, _)| u64::from_be_bytes(*key.last_chunk().unwrap()));
            let cargo = row::Cargo::Message { room, message };
            let (since, envelope) = (now.wall, Some(EnvelopeId(id)));
            let owed =
                row::Outbox { cargo, envelope, epoch, shared: row.members.len() > 2, since, held: Vec::new(), delivered: Vec::new() };
            rows.put(Table::Outbox, [&account.0[..], &(last + 1).to_be_bytes()].concat(), &owed);
            rows.0.insert((Table::Envelope, [&id[..], &account.0].concat()), (last + 1).to_be_bytes().to_vec());
            custody.push((*account, row::Custody { order: last + 1, ..row::Custody::default() }));
        }
        rows.0.insert((Table::Envelope, id.to_vec()), row::sealed_row(None, &bytes));
        let stored = row::Message { device: series.device, number: row.number, body: content.body, arrived: now.wall, late: false };
        rows.put(Table::Message, place.key(), &stored);
        let numbered = row::Numbered { message, proof: content.proof, stamp: None, is_back: false, envelope: Vec::new() };
        rows.put(Table::Numbered, series.numbered(row.number), &numbered);
        rows.put(Table::Index, message.0.to_vec(), &row::Index { place, target: None, custody, read_at: None });
        rows.0.insert((Table::Meta, [row::META_LATER, &place.key()].concat()), Vec::new());
        rows.put(Table::Room, room.0.to_vec(), &row);
        if was_up {
            self.start(name);
        }
        true
    }

    fn room_row(&self, name: &str, room: &RoomId) -> Option<row::Room> {
        row::decode(&self.people[name].rows.get(Table::Room, &room.0)?).ok()
    }

    /// Says in which epoch of a room everybody is, for whoever reads a failed test.
    pub(super) fn compare(&self, room: &RoomId) {
        for (name, person) in &self.people {
            let rooms = Rooms::open(&person.rows, &person.keys);
            if rooms.info(room).is_some() {
                println!("{name}, {:?}, is in {:?} with {:?}", person.account(), rooms.epoch(room), rooms.members(room));
            }
        }
    }

    /// Says where an envelope is, for whoever reads a failed test.
    pub(super) fn find(&self, envelope: &EnvelopeId) {
        for (name, person) in &self.people {
            for table in [Table::Seen, Table::Held, Table::Body, Table::Handover, Table::Outbox] {
                let is_in = |bytes: &[u8]| bytes.windows(32).any(|part| part == envelope.0);
                let rows = person.rows.scan(&Scan::prefix(table, []));
                let count = rows.iter().filter(|(key, value)| is_in(key) || is_in(value)).count();
                if count > 0 {
                    println!("{envelope:?} is in {count} rows of {table:?} at {name}, {:?}", person.keys.peer_id());
                }
            }
        }
    }

    pub(super) fn owed(&self, name: &str) -> usize {
        self.people[name].rows.scan(&Scan::prefix(Table::Outbox, [])).len()
    }
}
