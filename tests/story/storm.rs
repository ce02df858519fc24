//! Worse weather than `hunt`: people who meet in the storm, groups, bursts, days of absence, mailboxes that fill up or burn down,
//! wrong clocks, backups. After each blow nothing untrue is shown; when it is over everything is where it belongs.

use std::collections::{BTreeMap, BTreeSet};

use tidings::proto::mailbox::row::Hold;
use tidings::proto::{Command, Reply};
use tidings::types::time::{DAY, HOUR, MINUTE, SECOND};
use tidings::types::{AccountId, MessageId, Millis, Rng, RoomId, Scan, Table, View as _};
use tidings::wire::content::Body;
use tidings::wire::row::{self, ContactState};

use super::world::World;

const PEOPLE: [&str; 4] = ["alice", "bob", "carol", "dave"];

/// What one storm went through.
#[derive(Debug, Default)]
struct Tally {
    sent: u64,
    crashes: u64,
    held: u64,
    steps: u64,
}

struct Storm {
    seed: u64,
    world: World,
    rng: Rng,
    /// Who takes part.
    people: Vec<&'static str>,
    relays: Vec<&'static str>,
    /// Pairs that talk.
    pairs: Vec<(&'static str, &'static str)>,
    group: Option<RoomId>,
    /// Texts that `send` took, by their room.
    sent: Vec<(RoomId, String)>,
    counter: u64,
    burnt: BTreeSet<&'static str>,
    /// Messages that a person had at some time, so that a backup does not make a receipt a lie.
    had: BTreeSet<(String, MessageId)>,
    restored: bool,
    blocked: bool,
    held: u64,
}

impl Storm {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::from_seed(std::array::from_fn(|i| seed.to_le_bytes()[i % 8]));
        let mut world = World::new(seed ^ 0x5707);
        let people: Vec<&'static str> = PEOPLE[..2 + rng.below(3) as usize].to_vec();
        for name in &people {
            world.add(name);
            if rng.below(4) == 0 {
                world.people.get_mut(*name).unwrap().ahead = rng.below(50 * MINUTE);
            }
        }
        let relays = ["one", "two"][..rng.below(3) as usize].to_vec();
        for name in &relays {
            world.add_relay(name);
            if rng.below(4) == 0 {
                world.kill(name);
                world.people.get_mut(*name).unwrap().settings.relay_inbox_bytes = 40_000;
                world.start(name);
            }
        }
        world.crash_permille = [0, 5, 30][rng.below(3) as usize];
        world.crashes_max = 100;
        world.jitter = [0, 50, 2_000][rng.below(3) as usize];
        world.twice_permille = [0, 20][rng.below(2) as usize];
        let pairs = people.iter().enumerate().flat_map(|(i, a)| people[i + 1..].iter().map(move |b| (*a, *b))).collect();
        Self {
            seed,
            world,
            rng,
            people,
            relays,
            pairs,
            group: None,
            sent: Vec::new(),
            counter: 0,
            burnt: BTreeSet::new(),
            had: BTreeSet::new(),
            restored: false,
            blocked: false,
            held: 0,
        }
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.rng.below(of.len() as u64) as usize]
    }

    fn is_up(&self, name: &str) -> bool {
        self.world.person(name).node.is_some()
    }

    fn wait(&mut self, most: Millis) {
        let time = self.rng.below(most);
        self.world.run(time);
    }

    fn state(&self, of: &str, about: &str) -> Option<ContactState> {
        let about = self.world.person(about).account();
        let row = self.world.person(of).rows.get(Table::Contact, &about.0)?;
        row::decode::<row::Contact>(&row).ok().map(|row| row.state)
    }

    /// Everybody gets to know everybody, by links, at once or one after the other, restarting as they do.
    fn meet(&mut self) {
        for round in 0..40 {
            let missing: Vec<_> = self
                .pairs
                .iter()
                .filter(|(a, b)| self.state(a, b) != Some(ContactState::Accepted) || self.state(b, a) != Some(ContactState::Accepted))
                .copied()
                .collect();
            if missing.is_empty() {
                return;
            }
            for (a, b) in missing {
                for (host, guest) in [(a, b), (b, a)] {
                    if self.rng.below(3) > 0 && self.is_up(host) && self.is_up(guest) && self.state(guest, host).is_none() {
                        let public = self.seed % 8 == 7 && self.rng.below(8) == 0;
                        if let Ok(Reply::Link(link)) = self.world.command(host, Command::Invite { ttl_ms: DAY, public }) {
                            let _ = self.world.command(guest, Command::ContactAdd { link, name: None, greeting: "hi".into() });
                            if self.rng.below(3) == 0 {
                                self.say(guest, host);
                            }
                        }
                    }
                    if self.is_up(guest) && self.state(guest, host) == Some(ContactState::Pending) {
                        let host = self.world.person(host).account();
                        let _ = self.world.command(guest, Command::ContactAccept(host));
                    }
                }
                self.wait(3 * SECOND);
                if self.rng.below(4) == 0 {
                    let name = self.pick(&[a, b]);
                    self.toggle(name);
                }
                if self.rng.below(6) == 0 && self.is_up(a) {
                    let _ = self.world.command(a, Command::SetName(format!("{a} {round}")));
                }
            }
            for name in self.people.clone() {
                if !self.is_up(name) {
                    self.world.start(name);
                }
            }
            self.wait(if round > 4 { 20 * MINUTE } else { 20 * SECOND });
        }
        panic!("seed {}: they never meet", self.seed);
    }

    fn toggle(&mut self, name: &str) {
        match self.is_up(name) {
            true => self.world.kill(name),
            false => self.world.start(name),
        }
    }

    fn mailboxes(&mut self) {
        for name in self.people.clone() {
            for relay in self.relays.clone() {
                if self.rng.below(2) == 0
                    && let Ok(Reply::Link(link)) = self.world.command(relay, Command::RelayInvite)
                {
                    let _ = self.world.command(name, Command::RelayJoin(link));
                }
            }
            if self.rng.below(3) == 0 {
                let other = self.pick(&self.people.clone());
                let account = self.world.person(other).account();
                let _ = self.world.command(name, Command::NeighbourAsk(account));
            }
        }
        self.wait(20 * SECOND);
    }

    fn text(&mut self, from: &str) -> String {
        self.counter += 1;
        format!("{from} {}", self.counter)
    }

    fn say(&mut self, from: &str, to: &str) {
        let room = self.world.room(from, to);
        self.say_in(from, room);
    }

    fn say_in(&mut self, from: &str, room: RoomId) {
        let text = self.text(from);
        if self.is_up(from)
            && let Ok(Reply::Sent { .. }) =
                self.world.command(from, Command::Send { room, body: Body::Text { text: text.clone(), reply: None } })
        {
            self.sent.push((room, text));
        }
    }

    /// A reaction, edit or recall, or a look at what came.
    fn mark(&mut self, from: &str, room: RoomId) {
        let rows = self.world.person(from).rows.scan(&Scan::prefix(Table::Message, room.0));
        let Some((key, _)) = rows.get(self.rng.below(rows.len().max(1) as u64) as usize) else { return };
        let target = row::Place::from_key(key).unwrap().message;
        let body = match self.rng.below(4) {
            0 => Body::Reaction { target, emoji: "x".into() },
            1 => Body::Edit { target, text: self.text(from) },
            2 => Body::Recall { target },
            _ => {
                let messages = rows.iter().map(|(key, _)| row::Place::from_key(key).unwrap().message).collect();
                let _ = self.world.command(from, Command::Read { room, messages });
                return;
            }
        };
        let _ = self.world.command(from, Command::Send { room, body });
    }

    fn blow(&mut self, day: &mut bool) {
        if std::env::var("TIDINGS_TRACE").is_ok() {
            println!("at {} of {:?}: {} sent", self.world.now, self.people, self.counter);
        }
        let (a, b) = self.pick(&self.pairs.clone());
        let (from, to) = if self.rng.below(2) == 0 { (a, b) } else { (b, a) };
        let everyone: Vec<&'static str> =
            self.people.iter().chain(&self.relays).copied().filter(|name| !self.burnt.contains(name)).collect();
        match self.rng.below(24) {
            0 => self.world.cut(a, b),
            1 => {
                let (one, other) = (self.pick(&everyone), self.pick(&everyone));
                if one != other {
                    self.world.cut(one, other);
                }
            }
            2 => self.world.cut_one_way(from, to),
            3 => self.world.heal(),
            4 => {
                let one = self.pick(&everyone);
                for other in everyone.iter().filter(|other| **other != one) {
                    self.world.drop_connection(one, other);
                }
            }
            5..=8 => {
                let name = self.pick(&everyone);
                self.toggle(name);
            }
            9 => {
                for _ in 0..self.rng.below(300) {
                    self.say(from, to);
                }
            }
            10 => {
                let time = self.rng.below(5 * HOUR);
                self.world.run(time);
            }
            11 if !*day => {
                *day = true;
                let time = self.rng.below(3 * DAY);
                self.world.run(time);
            }
            12 => {
                let name = self.pick(&everyone);
                self.world.people.get_mut(name).unwrap().ahead = self.rng.below(50 * MINUTE);
            }
            13 if self.is_up(from) => {
                let _ = self.world.command(from, Command::SetName(format!("{from} {}", self.counter)));
            }
            14..=16 => self.mark(from, self.world.room(from, to)),
            17 | 18 => {
                if let Some(room) = self.group {
                    for _ in 0..self.rng.below(20) {
                        self.say_in(from, room);
                    }
                    self.mark(from, room);
                }
            }
            _ => self.say(from, to),
        }
    }

    fn group(&mut self) {
        let admin = self.people[0];
        let members: Vec<AccountId> = self.people[1..].iter().map(|name| self.world.person(name).account()).collect();
        if let Ok(Reply::Room(room)) = self.world.command(admin, Command::RoomCreate { name: "us".into(), members }) {
            self.group = Some(room);
        }
    }

    /// Nothing is shown that a mailbox or a receiver lacks.
    fn look(&mut self) {
        let names: BTreeMap<AccountId, String> =
            self.people.iter().map(|name| (self.world.person(name).account(), (*name).to_owned())).collect();
        let mut holds: BTreeMap<&str, BTreeSet<[u8; 32]>> = BTreeMap::new();
        for (name, person) in &self.world.people {
            let held: BTreeSet<[u8; 32]> = person.rows.all::<Hold>(Table::Held).into_iter().map(|(_, hold)| hold.envelope.0).collect();
            self.held += held.len() as u64;
            holds.insert(name, held);
        }
        let peers: BTreeMap<_, &str> = self.world.people.iter().map(|(name, person)| (person.keys.peer_id(), name.as_str())).collect();
        for name in &self.people {
            let rows = &self.world.person(name).rows;
            for (key, index) in rows.all::<row::Index>(Table::Index) {
                let message = MessageId::from_slice(&key).unwrap();
                for (account, custody) in &index.custody {
                    let other = &names[account];
                    let is_there = self.world.person(other).rows.get(Table::Index, &message.0).is_some()
                        || self.had.contains(&(other.clone(), message));
                    let seed = self.seed;
                    assert!(
                        is_there || (custody.delivered.is_none() && custody.read.is_none()),
                        "seed {seed}: {name} is shown an arrival at {other} that never was"
                    );
                    assert!(!custody.expired, "seed {seed}: nothing is old enough to expire");
                    if is_there || self.restored || self.blocked || custody.held.is_empty() {
                        continue;
                    }
                    let owed: row::Outbox =
                        row::decode(&rows.get(Table::Outbox, &[&account.0[..], &custody.order.to_be_bytes()].concat()).unwrap()).unwrap();
                    let envelope = owed.envelope.unwrap().0;
                    for (mailbox, _) in &custody.held {
                        let mailbox = peers[mailbox];
                        let job = self.world.person(mailbox).rows.scan(&Scan::prefix(Table::Handover, [1]));
                        let is_held = holds[mailbox].contains(&envelope) || job.iter().any(|(key, _)| key.ends_with(&envelope));
                        assert!(
                            self.burnt.contains(mailbox) || is_held,
                            "seed {seed}: {name} is shown {mailbox} as a holder for {other}, which it is not"
                        );
                    }
                }
            }
        }
    }

    fn run(mut self) -> Tally {
        let is_mailbox_first = self.rng.below(2) == 0;
        if is_mailbox_first {
            self.mailboxes();
        }
        self.meet();
        self.mailboxes();
        if self.people.len() > 2 {
            self.group();
        }
        let mut day = false;
        let blows = 40 + self.rng.below(60);
        for at in 0..blows {
            self.blow(&mut day);
            self.wait(40 * SECOND);
            if at % 4 == 0 {
                self.look();
            }
            if at == blows / 2 {
                self.middle();
            }
        }
        self.calm()
    }

    /// Once in a storm: a mailbox burns, a backup is restored, somebody is blocked for a while.
    fn middle(&mut self) {
        let name = self.pick(&self.people.clone());
        match self.rng.below(4) {
            0 if !self.relays.is_empty() => {
                let relay = self.pick(&self.relays.clone());
                if self.is_up(relay) {
                    self.world.kill(relay);
                }
                self.burnt.insert(relay);
            }
            // A group whose only admin lost it cannot take anybody back.
            1 if self.group.is_none() || name != self.people[0] => {
                let backup = self.world.person(name).rows.clone();
                let ours: Vec<_> = self.world.person(name).rows.all::<row::Index>(Table::Index);
                self.restored = true;
                for _ in 0..5 {
                    let mut day = true;
                    self.blow(&mut day);
                    self.wait(20 * SECOND);
                    self.look();
                }
                // What it sent since then is gone with the machine, but for what others have of it.
                let rows = self.world.person(name).rows.all::<row::Index>(Table::Index);
                let me = self.world.person(name).account();
                let before: BTreeSet<Vec<u8>> = ours.into_iter().map(|(key, _)| key).collect();
                for (key, index) in rows {
                    let message = MessageId::from_slice(&key).unwrap();
                    self.had.insert((name.to_owned(), message));
                    let others = self.people.iter().filter(|other| **other != name);
                    let is_known = others.map(|other| self.world.person(other)).any(|other| other.rows.get(Table::Index, &key).is_some());
                    if index.place.sender == me && !before.contains(&key) && !is_known {
                        self.sent.retain(|(_, text)| !text.starts_with(name) || self.world.text_of(name, &message).as_ref() != Some(text));
                    }
                }
                self.world.people.get_mut(name).unwrap().rows = backup;
                self.world.replace_device(name);
            }
            2 => {
                let (a, b) = self.pick(&self.pairs.clone());
                let account = self.world.person(b).account();
                self.blocked = true;
                if self.is_up(a) && self.world.command(a, Command::ContactBlock { account, on: true }).is_ok() {
                    for _ in 0..self.rng.below(20) {
                        self.say(b, a);
                    }
                    self.wait(10 * MINUTE);
                    self.look();
                    if !self.is_up(a) {
                        self.world.start(a);
                    }
                    self.world.crash_permille = 0;
                    self.world.command(a, Command::ContactBlock { account, on: false }).unwrap();
                }
            }
            _ => {}
        }
    }

    fn calm(mut self) -> Tally {
        let seed = self.seed;
        self.world.crash_permille = 0;
        self.world.heal();
        for name in self.people.iter().chain(&self.relays) {
            if !self.is_up(name) && !self.burnt.contains(name) {
                self.world.start(name);
            }
        }
        let mut steps = self.world.run(4 * HOUR);
        self.look();
        for (a, b) in &self.pairs {
            let room = self.world.room(a, b);
            assert_eq!(self.world.shown(a, &room), self.world.shown(b, &room), "seed {seed}: {a} and {b} see the same");
        }
        if let Some(room) = self.group {
            let first = self.world.shown(self.people[0], &room);
            for name in &self.people[1..] {
                assert_eq!(first, self.world.shown(name, &room), "seed {seed}: {name} sees the same group");
            }
        }
        for name in &self.people {
            let shown: Vec<String> = self
                .world
                .person(name)
                .rows
                .all::<row::Message>(Table::Message)
                .into_iter()
                .filter_map(|(_, row)| text_in(row.body()?))
                .collect();
            assert_eq!(shown.iter().collect::<BTreeSet<_>>().len(), shown.len(), "seed {seed}: nothing twice");
        }
        for (room, text) in &self.sent {
            let is_there = self.people.iter().filter(|name| self.world.person(name).rows.get(Table::Room, &room.0).is_some());
            let shows = |name: &&&str| {
                self.world
                    .person(name)
                    .rows
                    .all::<row::Message>(Table::Message)
                    .iter()
                    .any(|(_, row)| row.body().and_then(text_in).as_ref() == Some(text))
            };
            assert!(is_there.clone().count() >= 2 && is_there.clone().all(|name| shows(&name)), "seed {seed}: {text} is lost");
        }
        for name in &self.people {
            let person = self.world.person(name);
            for (_, index) in person.rows.all::<row::Index>(Table::Index) {
                assert!(
                    index.custody.iter().all(|(_, custody)| custody.delivered.is_some()),
                    "seed {seed}: {name} never hears of an arrival"
                );
            }
            let owed: Vec<row::Cargo> = person.rows.all::<row::Outbox>(Table::Outbox).into_iter().map(|(_, row)| row.cargo).collect();
            assert!(owed.is_empty(), "seed {seed}: {name} still owes {owed:?}");
            assert!(person.rows.scan(&Scan::prefix(Table::Envelope, [])).is_empty(), "seed {seed}: {name} keeps sealed bytes for nobody");
            assert!(person.rows.scan(&Scan::prefix(Table::Owed, [])).is_empty(), "seed {seed}: {name} owes receipts");
            let bags = person.rows.scan(&Scan::prefix(Table::Bag, [])).len();
            assert!(bags < 1_500, "seed {seed}: {name} keeps {bags} values of MLS");
        }
        for name in self.people.iter().chain(&self.relays).filter(|name| !self.burnt.contains(*name)) {
            let person = self.world.person(name);
            assert_eq!(person.blamed, 0, "seed {seed}: {name} blames an honest peer: {:?}", person.blames);
            // What was for a device that is gone is tried until it expires.
            let jobs = person.rows.scan(&Scan::prefix(Table::Handover, [])).len();
            assert!(jobs == 0 || self.restored, "seed {seed}: {name} still hands over");
            let held = person.rows.scan(&Scan::prefix(Table::Held, [])).len();
            assert!(held == 0 || self.restored, "seed {seed}: {name} still holds {held}");
        }
        let idle = self.world.run(HOUR);
        assert!(idle < 1_000, "seed {seed}: {idle} steps in an hour in which nothing happens");
        steps += idle;
        Tally { sent: self.counter, crashes: self.world.crashes, held: self.held, steps }
    }
}

fn text_in(body: Body) -> Option<String> {
    if let Body::Text { text, .. } = body { Some(text) } else { None }
}

#[test]
fn after_the_storm_everything_is_where_it_belongs() {
    let number = |name: &str, otherwise| std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(otherwise);
    let (first, count) = (number("TIDINGS_FIRST", 0), number("TIDINGS_SEEDS", 2));
    let mut failed = Vec::new();
    let mut all = Tally::default();
    for seed in first..first + count {
        match std::panic::catch_unwind(|| Storm::new(seed).run()) {
            Ok(one) => {
                println!("seed {seed}: {one:?}");
                all.sent += one.sent;
                all.crashes += one.crashes;
                all.held += one.held;
                all.steps += one.steps;
            }
            Err(_) => failed.push(seed),
        }
    }
    println!("{all:?}");
    assert!(failed.is_empty(), "seeds {failed:?}");
    assert!(all.sent > 0 && all.crashes > 0 && all.held > 0, "a storm that moves nothing proves nothing: {all:?}");
}
