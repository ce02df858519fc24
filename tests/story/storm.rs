//! Worse weather than `hunt`: people who meet in the storm, groups, bursts, days of absence, mailboxes that fill up or burn down,
//! wrong clocks, backups. After each blow nothing untrue is shown; when it is over everything is where it belongs.

use std::collections::{BTreeMap, BTreeSet};

use tidings::crypto::fake;
use tidings::proto::{Command, Reply};
use tidings::types::time::{DAY, HOUR, MINUTE, SECOND};
use tidings::types::{AccountId, MessageId, Millis, Rng, RoomId, Scan, Table, View as _};
use tidings::wire::content::Body;
use tidings::wire::row::{self, ContactState};

use super::world::World;

/// From this seed on the group of a storm changes while it blows.
const CHANGING_GROUPS: u64 = 10_000;
/// From this seed on all know the first one, and nobody else: they meet in the group.
const STRANGERS: u64 = 20_000;

/// From this seed on clocks are days and years ahead for a while, nodes of a later release say something, and a backup is restored.
const WILD_CLOCKS: u64 = 50_000;

const PEOPLE: [&str; 4] = ["alice", "bob", "carol", "dave"];

/// What one storm went through.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) sent: u64,
    pub(super) crashes: u64,
    pub(super) held: u64,
    pub(super) steps: u64,
}

/// A text that `send` took: from whom, and to whom as far as they knew.
pub(super) struct Sent {
    pub(super) room: RoomId,
    pub(super) from: &'static str,
    pub(super) to: Vec<AccountId>,
    pub(super) at: Millis,
    pub(super) text: String,
}

pub(super) struct Storm {
    pub(super) seed: u64,
    pub(super) world: World,
    pub(super) rng: Rng,
    /// Who takes part.
    pub(super) people: Vec<&'static str>,
    pub(super) relays: Vec<&'static str>,
    /// Pairs that talk.
    pub(super) pairs: Vec<(&'static str, &'static str)>,
    pub(super) group: Option<RoomId>,
    /// Texts that `send` took.
    pub(super) sent: Vec<Sent>,
    pub(super) counter: u64,
    pub(super) burnt: BTreeSet<&'static str>,
    /// Messages that a person had at some time, so that a backup does not make a receipt a lie.
    pub(super) had: BTreeSet<(String, MessageId)>,
    /// Who went back to a backup.
    pub(super) restored: Option<&'static str>,
    /// Who blocked whom at some time.
    pub(super) blocked: BTreeSet<(&'static str, &'static str)>,
    /// When somebody was last brought into the group, or taken out of it.
    pub(super) moved: BTreeMap<&'static str, Millis>,
    pub(super) held: u64,
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
        let mut pairs: Vec<_> = people.iter().enumerate().flat_map(|(i, a)| people[i + 1..].iter().map(move |b| (*a, *b))).collect();
        if seed >= STRANGERS {
            pairs.retain(|(one, _)| *one == people[0]);
        }
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

    pub(super) fn is_up(&self, name: &str) -> bool {
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
            let to = self.members(from, &room);
            self.sent.push(Sent { room, from, to, at: self.world.now, text });
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
        let kinds = match self.seed {
            ..CHANGING_GROUPS => 24,
            CHANGING_GROUPS..WILD_CLOCKS => 26,
            _ => 32,
        };
        match self.rng.below(kinds) {
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
            26..=28 => {
                let name = self.pick(&everyone);
                let most = self.pick(&[1, 50 * MINUTE, 3 * DAY, 40 * DAY, 800 * DAY]);
                self.world.people.get_mut(name).unwrap().ahead = self.rng.below(most);
            }
            29 | 30 => {
                let room = self.group.filter(|_| self.rng.below(2) == 0).unwrap_or(self.world.room(from, to));
                self.world.say_later(from, room);
            }
            _ => self.say(from, to),
        }
    }

    /// Its admin takes somebody out of the group, or brings somebody in; or somebody renews their keys.
    fn change_group(&mut self, who: &'static str) {
        let Some(room) = self.group else { return };
        let admin = self.people[0];
        let member = self.pick(&self.people.clone()[1..]);
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

    pub(super) fn members(&self, name: &str, room: &RoomId) -> Vec<AccountId> {
        let row = self.world.person(name).rows.get(Table::Room, &room.0);
        row.and_then(|row| row::decode::<row::Room>(&row).ok()).map(|row| row.members).unwrap_or_default()
    }

    /// Who was in a room all the time since then.
    pub(super) fn settled(&self, room: &RoomId, since: Millis) -> Vec<&'static str> {
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
        let what = if self.seed < WILD_CLOCKS { self.rng.below(4) } else { 1 };
        match what {
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
                for _ in 0..if self.seed < WILD_CLOCKS { 5 } else { 15 } {
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
                        self.sent.retain(|sent| sent.from != name || self.world.text_of(name, &message).as_ref() != Some(&sent.text));
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
}

/// Storms in which something was lost or shown that was not so, before what they found was mended: hand-overs for several receivers, or
/// kept by nobody; welcomes and commits that were dropped; messages for who is out; what waits behind somebody's silence.
const FOUND: [u64; 9] = [51, 128, 206, 3013, 6011, 10_012, 10_029, 10_048, 20_117];

/// The same with the suite that costs nothing.
const FOUND_WITH_FAKE: [u64; 5] = [30_115, 50_000, 50_012, 50_039, 50_058];

#[test]
fn storms_that_once_did_damage_do_none() {
    FOUND.into_iter().for_each(|seed| _ = Storm::new(seed).run());
    FOUND_WITH_FAKE.into_iter().for_each(|seed| _ = fake::within(|| Storm::new(seed).run()));
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
