//! Worse weather than `hunt`: people who meet in the storm, groups, bursts, days of absence, mailboxes that fill up or burn down,
//! wrong clocks, backups. After each blow nothing untrue is shown; when it is over everything is where it belongs.

use std::collections::{BTreeMap, BTreeSet};

use tidings::crypto::fake;
use tidings::proto::mailbox::row::{Hold, Job, goal_parts, job_of};
use tidings::proto::{Command, Reply};
use tidings::types::time::{DAY, HOUR, MINUTE, SECOND};
use tidings::types::{AccountId, MessageId, Millis, Rng, RoomId, Scan, Table, View as _};
use tidings::wire::content::Body;
use tidings::wire::row::{self, ContactState};

use super::world::World;

/// From this seed on the group of a storm changes while it blows.
const CHANGING_GROUPS: u64 = 10_000;

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
    /// Texts that `send` took: where, from whom, when.
    sent: Vec<(RoomId, &'static str, Millis, String)>,
    counter: u64,
    burnt: BTreeSet<&'static str>,
    /// Messages that a person had at some time, so that a backup does not make a receipt a lie.
    had: BTreeSet<(String, MessageId)>,
    /// Who went back to a backup.
    restored: Option<&'static str>,
    /// Who blocked whom at some time.
    blocked: BTreeSet<(&'static str, &'static str)>,
    /// When somebody was last brought into the group, or taken out of it.
    moved: BTreeMap<&'static str, Millis>,
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
            restored: None,
            blocked: BTreeSet::new(),
            moved: BTreeMap::new(),
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

    fn say(&mut self, from: &'static str, to: &str) {
        let room = self.world.room(from, to);
        self.say_in(from, room);
    }

    fn say_in(&mut self, from: &'static str, room: RoomId) {
        let text = self.text(from);
        if self.is_up(from)
            && let Ok(Reply::Sent { .. }) =
                self.world.command(from, Command::Send { room, body: Body::Text { text: text.clone(), reply: None } })
        {
            self.sent.push((room, from, self.world.now, text));
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
        match self.rng.below(if self.seed < CHANGING_GROUPS { 24 } else { 26 }) {
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
            24 => self.change_group(from),
            _ => self.say(from, to),
        }
    }

    /// Its admin takes somebody out of the group, or brings somebody in; or somebody renews their keys.
    fn change_group(&mut self, who: &'static str) {
        let Some(room) = self.group else { return };
        let admin = self.people[0];
        let member = self.pick(&self.people[1..].to_vec());
        let account = self.world.person(member).account();
        let command = match self.rng.below(3) {
            0 => Command::RoomRemove { room, account },
            1 => Command::RoomAdd { room, account },
            _ => {
                let _ = self.world.command(who, Command::RoomUpdate(room));
                return;
            }
        };
        let is_in = self.members(admin, &room).contains(&account);
        let is_change = matches!(command, Command::RoomAdd { .. }) != is_in;
        if std::env::var("TIDINGS_TRACE").is_ok() {
            println!("at {} {admin} {command:?} {member} is_in {is_in}", self.world.now);
        }
        if self.is_up(admin) && is_change && self.world.command(admin, command).is_ok() {
            self.moved.insert(member, self.world.now);
        }
    }

    fn members(&self, name: &str, room: &RoomId) -> Vec<AccountId> {
        let row = self.world.person(name).rows.get(Table::Room, &room.0);
        row.and_then(|row| row::decode::<row::Room>(&row).ok()).map(|row| row.members).unwrap_or_default()
    }

    /// Who was in a room all the time since then.
    fn settled(&self, room: &RoomId, since: Millis) -> Vec<&'static str> {
        let everyone = self.people.iter().copied();
        if self.group == Some(*room) {
            let members = self.members(self.people[0], room);
            let stayed = |name: &&str| self.moved.get(name).is_none_or(|at| *at < since);
            return everyone.filter(|name| members.contains(&self.world.person(name).account())).filter(stayed).collect();
        }
        everyone.filter(|name| self.world.person(name).rows.get(Table::Room, &room.0).is_some()).collect()
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
        let names: BTreeMap<AccountId, &'static str> = self.people.iter().map(|name| (self.world.person(name).account(), *name)).collect();
        for person in self.world.people.values() {
            self.held += person.rows.scan(&Scan::prefix(Table::Held, [])).len() as u64;
        }
        let seed = self.seed;
        for name in &self.people {
            for (key, index) in self.world.person(name).rows.all::<row::Index>(Table::Index) {
                let message = MessageId::from_slice(&key).unwrap();
                for (account, custody) in &index.custody {
                    let other = names[account];
                    let is_there = self.world.person(other).rows.get(Table::Index, &message.0).is_some()
                        || self.had.contains(&(other.to_owned(), message));
                    assert!(
                        is_there || (custody.delivered.is_none() && custody.read.is_none()),
                        "seed {seed}: {name} is shown an arrival at {other} that never was"
                    );
                    let is_out = self.group == Some(index.place.room) && self.moved.contains_key(name);
                    assert!(is_out || !custody.expired, "seed {seed}: nothing is old enough to expire");
                    // Whom one blocks is not told that it was; and whoever went back to a backup believes what was so then.
                    let is_excused = self.blocked.contains(&(other, *name)) || self.restored == Some(*name);
                    if !is_there && !is_excused {
                        self.look_at_holders(name, other, custody);
                    }
                }
            }
        }
    }

    /// Who is shown to hold a message does: in the inbox of its receiver, or to hand it on to them.
    fn look_at_holders(&self, name: &'static str, other: &'static str, custody: &row::Custody) {
        let receiver = self.world.person(other);
        for (mailbox, _) in &custody.held {
            let (holder, mailbox) = self.world.people.iter().find(|(_, person)| person.keys.peer_id() == *mailbox).unwrap();
            if self.burnt.contains(holder.as_str()) || self.restored == Some(holder.as_str()) {
                continue;
            }
            let key = [&receiver.account().0[..], &custody.order.to_be_bytes()].concat();
            let owed = self.world.person(name).rows.get(Table::Outbox, &key).and_then(|row| row::decode::<row::Outbox>(&row).ok());
            let envelope = owed.and_then(|row| row.envelope).expect("what is held is sealed and owed");
            let inbox = row::decode::<row::Mailbox>(&receiver.rows.get(Table::Mailbox, &mailbox.keys.peer_id().0).unwrap_or_default());
            let is_held = inbox.is_ok_and(|row| {
                let held = mailbox.rows.scan(&Scan::prefix(Table::Held, row.inbox.0));
                held.iter().any(|(_, hold)| row::decode::<Hold>(hold).unwrap().envelope == envelope)
            });
            let jobs = mailbox.rows.scan(&Scan::prefix(Table::Handover, [1])).into_iter();
            let mut jobs =
                jobs.filter(|(key, _)| job_of(key).unwrap().envelope == envelope).map(|(_, job)| row::decode::<Job>(&job).unwrap());
            let is_theirs = |job: &Job| job.goals.iter().any(|(target, _)| target.peer == receiver.keys.peer_id());
            let is_handed = jobs.any(|job| self.restored == Some(other) || is_theirs(&job));
            if !is_held && !is_handed {
                self.world.find(&envelope);
            }
            assert!(is_held || is_handed, "seed {}: {name} is shown {holder} as a holder for {other}, which it is not", self.seed);
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
            self.look();
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
                self.restored = Some(name);
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
                        self.sent.retain(|(_, from, _, text)| *from != name || self.world.text_of(name, &message).as_ref() != Some(text));
                    }
                }
                self.world.people.get_mut(name).unwrap().rows = backup;
                self.world.replace_device(name);
            }
            2 => {
                let (a, b) = self.pick(&self.pairs.clone());
                let account = self.world.person(b).account();
                self.blocked.insert((a, b));
                if self.is_up(a) {
                    // The process may end before it answers: what counts is what is written.
                    let _ = self.world.command(a, Command::ContactBlock { account, on: true });
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

    /// What a person is shown of what these people said.
    fn shown_by(&self, whom: &[&str], name: &str, room: &RoomId) -> Vec<(Vec<u8>, Body)> {
        let accounts: Vec<AccountId> = whom.iter().map(|name| self.world.person(name).account()).collect();
        let mut shown = self.world.shown(name, room);
        shown.retain(|(key, _)| accounts.iter().any(|account| key.windows(32).any(|part| part == account.0)));
        shown
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
            // What was said by those who were in it from the start to the end.
            let settled = self.settled(&room, 0);
            let mut views = settled.iter().map(|name| (name, self.shown_by(&settled, name, &room)));
            let (_, first) = views.next().unwrap();
            views.for_each(|(name, view)| assert_eq!(first, view, "seed {seed}: {name} sees the same group"));
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
        for (room, from, at, text) in &self.sent {
            let settled = self.settled(room, *at);
            let shows = |name: &&str| {
                let rows = self.world.person(name).rows.all::<row::Message>(Table::Message);
                rows.into_iter().any(|(_, row)| row.body().and_then(text_in).as_ref() == Some(text))
            };
            assert!(!settled.contains(from) || settled.iter().all(|name| shows(name)), "seed {seed}: {text} is lost");
        }
        for name in &self.people {
            let person = self.world.person(name);
            for (_, index) in person.rows.all::<row::Index>(Table::Index) {
                let is_group = self.group == Some(index.place.room) && !self.moved.is_empty();
                assert!(
                    is_group || index.custody.iter().all(|(_, custody)| custody.delivered.is_some()),
                    "seed {seed}: {name} never hears of an arrival"
                );
            }
            // What somebody who was taken out of the group had sealed can arrive nowhere: it expires.
            let of = |cargo: &row::Cargo| match cargo {
                row::Cargo::Message { room, .. } | row::Cargo::Content { room, .. } | row::Cargo::Commit { room } => Some(*room),
                _ => None,
            };
            let mut owed: Vec<row::Cargo> = person.rows.all::<row::Outbox>(Table::Outbox).into_iter().map(|(_, row)| row.cargo).collect();
            owed.retain(|cargo| self.group.is_none() || of(cargo) != self.group || !self.moved.contains_key(name));
            if !owed.is_empty() {
                for (name, person) in &self.world.people {
                    println!("{name} is {:?} and sees {:?}", person.account(), self.group.map(|room| self.members(name, &room)));
                }
                for (key, row) in person.rows.all::<row::Outbox>(Table::Outbox) {
                    let account = AccountId::from_slice(&key[..32]).unwrap();
                    let whom = self.people.iter().find(|other| self.world.person(other).account() == account);
                    println!("{name} owes {whom:?} order {:?}: {row:?}; group {:?}", &key[32..], self.group);
                    self.world.find(&row.envelope.unwrap());
                }
            }
            assert!(owed.is_empty(), "seed {seed}: {name} still owes {owed:?}");
            let kept = person.rows.scan(&Scan::prefix(Table::Envelope, []));
            assert!(self.moved.contains_key(name) || kept.is_empty(), "seed {seed}: {name} keeps sealed bytes for nobody");
            assert!(person.rows.scan(&Scan::prefix(Table::Owed, [])).is_empty(), "seed {seed}: {name} owes receipts");
            let bags = person.rows.scan(&Scan::prefix(Table::Bag, [])).len();
            assert!(bags < 1_500, "seed {seed}: {name} keeps {bags} values of MLS");
        }
        for name in self.people.iter().chain(&self.relays).filter(|name| !self.burnt.contains(*name)) {
            let person = self.world.person(name);
            assert_eq!(person.blamed, 0, "seed {seed}: {name} blames an honest peer: {:?}", person.blames);
            // A device that is no more is tried until the time of what it was to get is over.
            let peers: Vec<_> = self.world.people.values().map(|person| person.keys.peer_id()).collect();
            let goals = person.rows.scan(&Scan::prefix(Table::Handover, [3])).into_iter().filter_map(|(key, _)| goal_parts(&key));
            let open: Vec<_> = goals.filter(|(peer, _)| self.restored.is_none() || peers.contains(peer)).collect();
            assert!(open.is_empty(), "seed {seed}: {name} still hands over {open:?}");
            let rest = person.rows.scan(&Scan::prefix(Table::Handover, [])).len();
            assert!(rest == 0 || self.restored.is_some(), "seed {seed}: {name} keeps {rest} rows of hand-overs");
            let held = person.rows.scan(&Scan::prefix(Table::Held, [])).len();
            assert!(held == 0 || self.restored.is_some(), "seed {seed}: {name} still holds {held}");
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

/// Storms in which something was lost or shown that was not so, before what they found was mended: hand-overs for several receivers, or
/// kept by nobody; welcomes and commits that were dropped; messages for who is out; what waits behind somebody's silence.
const FOUND: [u64; 8] = [51, 128, 206, 3013, 6011, 10_012, 10_029, 10_048];

#[test]
fn storms_that_once_did_damage_do_none() {
    FOUND.into_iter().for_each(|seed| _ = Storm::new(seed).run());
}

#[test]
fn after_the_storm_everything_is_where_it_belongs() {
    let number = |name: &str, otherwise| std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(otherwise);
    let (first, count) = (number("TIDINGS_FIRST", 0), number("TIDINGS_SEEDS", 2));
    let mut failed = Vec::new();
    let mut all = Tally::default();
    for seed in first..first + count {
        // With the suite that costs nothing many more seeds can be played; a seed tells another story in it.
        let play = || if std::env::var("TIDINGS_FAKE").is_ok() { fake::within(|| Storm::new(seed).run()) } else { Storm::new(seed).run() };
        match std::panic::catch_unwind(play) {
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
    assert!(count == 1 || (all.sent > 0 && all.crashes > 0 && all.held > 0), "a storm that moves nothing proves nothing: {all:?}");
}
