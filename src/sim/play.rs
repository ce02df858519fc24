//! Plays a scenario: every blow in its turn, then calm, then the question whether everything is where it belongs.

use std::collections::{BTreeMap, BTreeSet};

use super::Who;
use super::disk::Disk;
use super::model::{Model, Sent};
use super::scenario::{Blow, Scenario};
use super::world::{Tally, World};
use crate::crypto::fake;
use crate::crypto::keys::direct_room;
use crate::proto::{Command, CommandError, Input, Reply, Settings};
use crate::types::limits::NEIGHBOUR_INBOX_BYTES_MAX;
use crate::types::time::{DAY, HOUR, MINUTE, SECOND};
use crate::types::{AccountId, MessageId, Millis, RoomId, Scan, Table, View as _};
use crate::wire::content::Body;
use crate::wire::row::{self, ContactState};

/// A scenario being played.
pub struct Play {
    /// Where.
    pub world: World,
    model: Model,
    people: u8,
    group: Option<RoomId>,
    backups: BTreeMap<Who, Disk>,
    /// Sends that were not answered yet.
    asked: BTreeMap<u64, Sent>,
    counter: u64,
    settled_ms: Millis,
}

/// What a scenario came to.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// What must not be, if anything.
    pub fault: Option<String>,
    /// How much happened.
    pub tally: Tally,
    /// Messages that `send` took.
    pub sent: u64,
    /// From fair weather until everything was where it belongs, in milliseconds.
    pub settled_ms: Millis,
    /// Over all lines of the trace.
    pub hash: blake3::Hash,
}

/// How long a command may take to be answered on a slow disk.
const ANSWER_MS: Millis = 5 * SECOND;
/// How long things may take to settle once the weather is fair.
const CALM_MS: Millis = 6 * HOUR;
/// Steps in an hour of rest that are too many for each machine: something goes round in circles.
const REST_STEPS: u64 = 400;

/// Plays a scenario to its end. Never panics: a panic of the node is a fault like any other.
pub fn play(scenario: &Scenario) -> Verdict {
    with_suite(scenario, || run(scenario, false).1)
}

/// The same, with the lines of the trace.
pub fn trace(scenario: &Scenario) -> (Verdict, Vec<String>) {
    with_suite(scenario, || {
        let (play, verdict) = run(scenario, true);
        (verdict, play.world.trace.lines().to_vec())
    })
}

fn with_suite<T>(scenario: &Scenario, then: impl FnOnce() -> T) -> T {
    if scenario.real { then() } else { fake::within(then) }
}

fn run(scenario: &Scenario, is_kept: bool) -> (Play, Verdict) {
    let mut play = Play::new(scenario, is_kept);
    let mut sent = 0;
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        for blow in &scenario.blows {
            if play.world.watch.fault.is_some() {
                return;
            }
            play.blow(blow);
        }
        play.calm();
    }));
    if let Err(panic) = outcome {
        let why = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        play.world.watch.fault = Some(format!("panic: {}", why.unwrap_or("without a word")));
    }
    sent += play.model.sent.len() as u64;
    let fault = play.world.watch.fault.clone();
    let verdict = Verdict { fault, tally: play.world.tally, sent, settled_ms: play.settled_ms, hash: play.world.trace.hash() };
    (play, verdict)
}

impl Play {
    fn new(scenario: &Scenario, is_kept: bool) -> Self {
        let mut world = World::new(scenario.seed, scenario.weather.clone(), is_kept);
        for who in 0..scenario.people + scenario.relays {
            world.add(Settings {
                name: format!("person {who}"),
                relay: who >= scenario.people,
                neighbour: true,
                relay_inbox_bytes: scenario.inbox_bytes,
                neighbour_inbox_bytes: NEIGHBOUR_INBOX_BYTES_MAX,
            });
        }
        Self {
            world,
            model: Model::default(),
            people: scenario.people,
            group: None,
            backups: BTreeMap::new(),
            asked: BTreeMap::new(),
            counter: 0,
            settled_ms: 0,
        }
    }

    fn all(&self) -> impl Iterator<Item = Who> + use<> {
        0..self.world.machines.len()
    }

    fn account(&self, who: Who) -> AccountId {
        self.world.machines[who].account()
    }

    fn is_up(&self, who: Who) -> bool {
        self.world.machines[who].is_up()
    }

    fn contact(&self, of: Who, about: Who) -> Option<ContactState> {
        let row = self.world.machines[of].disk.row::<row::Contact>(Table::Contact, &self.account(about).0)?;
        Some(row.state)
    }

    /// The room that two people share; the group, for one alone.
    fn room(&self, one: Who, other: Who) -> Option<RoomId> {
        if one == other { self.group } else { Some(direct_room(&self.account(one), &self.account(other))) }
    }

    /// Has a command done, and waits for the answer as long as the machine lives.
    fn ask(&mut self, who: Who, command: Command) -> Option<Result<Reply, CommandError>> {
        if !self.is_up(who) {
            return None;
        }
        let id = self.world.command(who, command);
        let until = self.world.now + ANSWER_MS;
        loop {
            let mut answer = None;
            for (other, result) in self.world.replies() {
                if other == id {
                    answer = Some(result);
                } else {
                    self.on_reply(other, result);
                }
            }
            if answer.is_some() || !self.is_up(who) || self.world.watch.fault.is_some() || !self.world.step(until) {
                return answer;
            }
        }
    }

    fn on_reply(&mut self, id: u64, result: Result<Reply, CommandError>) {
        if let Some((sent, Ok(Reply::Sent { message, .. }))) = self.asked.remove(&id).map(|sent| (sent, result))
            && self.model.rooms.get(&sent.room).is_some_and(|members| members.contains(&sent.from))
        {
            self.model.sent.insert(message, sent);
        }
    }

    fn run(&mut self, duration: Millis) -> u64 {
        let steps = self.world.run(duration);
        for (id, result) in self.world.replies() {
            self.on_reply(id, result);
        }
        steps
    }

    fn send(&mut self, from: Who, room: RoomId, body: Body) {
        if self.is_up(from) {
            let id = self.world.command(from, Command::Send { room, body });
            self.asked.insert(id, Sent { room, from });
            for (id, result) in self.world.replies() {
                self.on_reply(id, result);
            }
        }
    }

    fn text(&mut self, from: Who) -> String {
        self.counter += 1;
        format!("{from} says {}", self.counter)
    }

    fn say(&mut self, from: Who, room: RoomId, count: u16) {
        for _ in 0..count {
            let text = self.text(from);
            self.send(from, room, Body::Text { text, reply: None });
        }
    }

    fn blow(&mut self, blow: &Blow) {
        self.world.trace.add(format_args!("{} blow {blow:?}", self.world.now));
        match *blow {
            Blow::Wait(time) => {
                self.run(time);
            }
            Blow::Meet { host, guest, public } => self.meet(host.into(), guest.into(), public),
            Blow::Say { from, to, count } => {
                if let Some(room) = self.room(from.into(), to.into()) {
                    self.say(from.into(), room, count);
                }
            }
            Blow::Tell { from, count } => {
                if let Some(room) = self.group {
                    self.say(from.into(), room, count);
                }
            }
            Blow::Mark { from, to, choice } => self.mark(from.into(), to.into(), choice.into()),
            Blow::Look { from, to } => self.look(from.into(), to.into()),
            Blow::Rename(who) => {
                let name = self.text(who.into());
                self.ask(who.into(), Command::SetName(name));
            }
            Blow::Block(who, whom, on) => self.block(who.into(), whom.into(), on),
            Blow::Group(admin) => self.group(admin.into()),
            Blow::Add(admin, who) => self.grouping(admin.into(), who.into(), |room, account| Command::RoomAdd { room, account }),
            Blow::Remove(admin, who) => self.grouping(admin.into(), who.into(), |room, account| Command::RoomRemove { room, account }),
            Blow::Update(who) => {
                if let Some(room) = self.group {
                    self.ask(who.into(), Command::RoomUpdate(room));
                }
            }
            Blow::Join(who, relay) => self.join(who.into(), relay.into()),
            Blow::Leave(who, mailbox) => {
                let peer = self.world.machines[usize::from(mailbox)].keys.peer_id();
                self.world.watch.spared.absent.insert(who.into());
                self.ask(who.into(), Command::MailboxLeave(peer));
            }
            Blow::Ask(who, neighbour) => {
                let account = self.account(neighbour.into());
                self.ask(who.into(), Command::NeighbourAsk(account));
            }
            ref other => self.strike(other),
        }
    }

    /// What happens to machines and lines.
    fn strike(&mut self, blow: &Blow) {
        match *blow {
            Blow::Kill(who) => self.world.kill(who.into()),
            Blow::Start(who) => self.world.start(who.into()),
            Blow::Drop(who) => {
                let peers: Vec<Who> = self.world.machines[usize::from(who)].peers.iter().copied().collect();
                peers.into_iter().for_each(|other| self.world.snap(who.into(), other));
            }
            Blow::Cut(one, other) => {
                self.world.links.cut(one.into(), other.into());
                self.world.links.cut(other.into(), one.into());
                self.world.snap(one.into(), other.into());
            }
            Blow::CutOneWay(from, to) => {
                self.world.links.cut(from.into(), to.into());
                self.world.snap(from.into(), to.into());
            }
            Blow::Clog(from, to, time) => self.world.links.clog(from.into(), to.into(), self.world.now + time),
            Blow::Heal => self.world.links.heal(),
            Blow::Hide(who, on) => self.world.machines[usize::from(who)].state.hidden = on,
            Blow::Clock(who, ahead) => self.world.machines[usize::from(who)].state.ahead = ahead,
            Blow::Disk(who, time) => self.world.machines[usize::from(who)].state.flush_ms = time,
            Blow::Full(who, on) => {
                self.world.machines[usize::from(who)].state.full = on;
                self.world.input(who.into(), Input::DiskFull(on));
            }
            Blow::Burn(who) => {
                self.world.kill(who.into());
                self.world.machines[usize::from(who)].state.gone = true;
                self.world.watch.spared.liars.insert(who.into());
            }
            Blow::Lie(who, lie) => {
                self.world.watch.spared.liars.insert(who.into());
                self.world.machines[usize::from(who)].state.lie = lie;
                if lie == Some(super::liar::Lie::Forget) {
                    self.world.forget(who.into());
                }
            }
            Blow::Backup(who) => {
                let mut disk = self.world.machines[usize::from(who)].disk.clone();
                disk.flush(usize::MAX);
                self.backups.insert(who.into(), disk);
            }
            Blow::Restore(who) => self.restore(who.into()),
            Blow::Junk(from, to, count) => self.junk(from.into(), to.into(), count),
            _ => {}
        }
    }

    fn meet(&mut self, host: Who, guest: Who, public: bool) {
        if host == guest || !self.is_up(host) || !self.is_up(guest) || self.contact(guest, host).is_some() {
            return;
        }
        let Some(Ok(Reply::Link(link))) = self.ask(host, Command::Invite { ttl_ms: DAY, public }) else { return };
        self.ask(guest, Command::ContactAdd { link, name: None, greeting: "hello".to_owned() });
        if let Some(room) = self.room(host, guest) {
            self.model.rooms.insert(room, BTreeSet::from([host, guest]));
        }
    }

    fn block(&mut self, who: Who, whom: Who, on: bool) {
        let account = self.account(whom);
        self.world.watch.spared.absent.insert(who);
        self.ask(who, Command::ContactBlock { account, on });
    }

    fn group(&mut self, admin: Who) {
        if self.group.is_some() {
            return;
        }
        let mut members: Vec<Who> = Vec::new();
        for who in (0..usize::from(self.people)).filter(|who| *who != admin) {
            let knows = |other: &Who| self.contact(*other, who) == Some(ContactState::Accepted);
            if members.iter().chain([&admin]).all(knows) {
                members.push(who);
            }
        }
        let accounts = members.iter().map(|who| self.account(*who)).collect();
        if let Some(Ok(Reply::Room(room))) = self.ask(admin, Command::RoomCreate { name: "us".to_owned(), members: accounts }) {
            self.group = Some(room);
            self.model.rooms.insert(room, members.into_iter().chain([admin]).collect());
        }
    }

    fn grouping(&mut self, admin: Who, who: Who, command: impl Fn(RoomId, AccountId) -> Command) {
        let Some(room) = self.group else { return };
        let command = command(room, self.account(who));
        let is_removal = matches!(command, Command::RoomRemove { .. });
        if is_removal {
            self.model.leave(&room, who);
        }
        self.ask(admin, command);
    }

    fn join(&mut self, who: Who, relay: Who) {
        if let Some(Ok(Reply::Link(link))) = self.ask(relay, Command::RelayInvite) {
            self.ask(who, Command::RelayJoin(link));
        }
    }

    fn mark(&mut self, from: Who, to: Who, choice: usize) {
        let Some(room) = self.room(from, to) else { return };
        let shown = self.world.machines[from].disk.scan(&Scan::prefix(Table::Message, room.0));
        let Some((key, _)) = shown.get(choice % shown.len().max(1)) else { return };
        let Some(target) = row::Place::from_key(key).map(|place| place.message) else { return };
        let body = match choice % 3 {
            0 => Body::Reaction { target, emoji: "!".to_owned() },
            1 => Body::Edit { target, text: self.text(from) },
            _ => Body::Recall { target },
        };
        self.send(from, room, body);
    }

    fn look(&mut self, from: Who, to: Who) {
        let Some(room) = self.room(from, to) else { return };
        let shown = self.world.machines[from].disk.scan(&Scan::prefix(Table::Message, room.0));
        let messages = shown.iter().filter_map(|(key, _)| row::Place::from_key(key)).map(|place| place.message).collect();
        self.ask(from, Command::Read { room, messages });
    }

    fn restore(&mut self, who: Who) {
        let Some(backup) = self.backups.remove(&who) else { return };
        let kept: Vec<(Vec<u8>, row::Index)> = backup.all(Table::Index);
        let kept = kept.into_iter().filter_map(|(key, _)| MessageId::from_slice(&key)).collect();
        self.model.forget(who, &kept);
        self.asked.retain(|_, sent| sent.from != who);
        self.world.watch.spared.absent.insert(who);
        self.world.kill(who);
        self.world.machines[who].disk = backup;
        self.world.replace_device(who);
    }

    /// Frames that others sent, as they were or damaged, from somebody who did not send them.
    fn junk(&mut self, from: Who, to: Who, count: u16) {
        self.world.watch.spared.junk = true;
        let peer = self.world.machines[from].keys.peer_id();
        let frames = self.world.watch.overheard.clone();
        for _ in 0..count.min(self.world.machines.len() as u16 * 64) {
            let at = self.world.chance(frames.len().max(1) as u64) as usize;
            let Some(mut bytes) = frames.get(at).cloned() else { return };
            if self.world.chance(2) == 0 {
                let at = self.world.chance(bytes.len() as u64) as usize;
                bytes[at] ^= 1 << self.world.chance(8);
            }
            self.world.input(to, Input::Frame { from: peer, bytes });
        }
    }

    /// The weather is fair, everybody is there: everything must find its place.
    fn calm(&mut self) {
        self.world.trace.add(format_args!("{} calm", self.world.now));
        self.world.weather.crash = 0;
        self.world.weather.vanish = 0;
        self.world.weather.snap = 0;
        self.world.links.heal();
        for who in self.all() {
            let state = &mut self.world.machines[who].state;
            state.hidden = false;
            if std::mem::take(&mut state.full) {
                self.world.input(who, Input::DiskFull(false));
            }
            self.world.start(who);
        }
        let begin = self.world.now;
        let mut step = SECOND;
        while self.world.now < begin + CALM_MS && self.world.watch.fault.is_none() {
            self.run(step);
            step = (step * 2).min(MINUTE);
            self.decide();
            if self.unsettled().is_none() {
                break;
            }
        }
        self.settled_ms = self.world.now - begin;
        if self.world.watch.fault.is_none() {
            self.world.watch.fault = self.unsettled();
        }
        if self.world.watch.fault.is_none() {
            self.rest();
        }
    }

    /// Whoever came as a stranger is let in, whoever was blocked is not any more.
    fn decide(&mut self) {
        for who in 0..usize::from(self.people) {
            for whom in 0..usize::from(self.people) {
                let account = self.account(whom);
                match self.contact(who, whom) {
                    Some(ContactState::Pending) => {
                        self.ask(who, Command::ContactAccept(account));
                    }
                    Some(ContactState::Blocked) => {
                        self.ask(who, Command::ContactBlock { account, on: false });
                    }
                    _ => {}
                }
            }
        }
    }

    fn rest(&mut self) {
        let steps = self.run(HOUR);
        let most = REST_STEPS * self.world.machines.len() as u64;
        self.world.watch.check(steps < most, || format!("{steps} steps in an hour in which nothing happens"));
    }

    /// What stands in a room on somebody's machine, in order: messages, and what was said about each.
    fn shown(&self, who: Who, room: &RoomId) -> Vec<(MessageId, Body)> {
        let disk = &self.world.machines[who].disk;
        let mut shown = Vec::new();
        for (key, value) in disk.scan(&Scan::prefix(Table::Message, room.0)) {
            let Some((place, message)) = row::Place::from_key(&key).zip(row::decode::<row::Message>(&value).ok()) else { continue };
            shown.extend(message.body().map(|body| (place.message, body)));
            for (_, value) in disk.scan(&Scan::prefix(Table::Mark, row::marks_of(&place))) {
                let mark = row::decode::<row::Mark>(&value).ok();
                shown.extend(mark.and_then(|mark| Some((mark.message, mark.body()?))));
            }
        }
        shown
    }

    /// What is not yet where it belongs.
    fn unsettled(&self) -> Option<String> {
        self.people_fault().or_else(|| self.model.fault(|who, room| self.shown(who, room))).or_else(|| self.mailbox_fault())
    }

    fn people_fault(&self) -> Option<String> {
        for who in 0..usize::from(self.people) {
            let disk = &self.world.machines[who].disk;
            let owed: Vec<(Vec<u8>, row::Outbox)> = disk.all(Table::Outbox);
            if let Some((_, owed)) = owed.first() {
                return Some(format!("{who} still owes {} things, the first is {:?}", disk.count(Table::Outbox), owed.cargo));
            }
            for (table, what) in [(Table::Envelope, "sealed bytes for nobody"), (Table::Owed, "receipts that it owes")] {
                if disk.count(table) > 0 {
                    return Some(format!("{who} keeps {what}"));
                }
            }
            for (key, index) in disk.all::<row::Index>(Table::Index) {
                let is_here = self.model.rooms.get(&index.place.room).is_some_and(|members| members.contains(&who));
                let unheard = index.custody.iter().find(|(_, custody)| custody.delivered.is_none());
                if let Some((account, _)) = unheard.filter(|_| is_here) {
                    return Some(format!("{who} never hears that {:?} arrived at {account:?}", MessageId::from_slice(&key)));
                }
            }
            let bags = disk.count(Table::Bag);
            if bags > BAGS_MAX {
                return Some(format!("{who} keeps {bags} values of MLS"));
            }
        }
        self.world.watch.blames.first().filter(|_| !self.world.watch.spared.junk && self.is_honest()).cloned()
    }

    fn is_honest(&self) -> bool {
        self.world.machines.iter().all(|machine| machine.state.lie.is_none())
    }

    fn mailbox_fault(&self) -> Option<String> {
        for who in self.all() {
            let machine = &self.world.machines[who];
            if !machine.is_up() || machine.state.lie.is_some() {
                continue;
            }
            let (held, handed) = (machine.disk.count(Table::Held), machine.disk.count(Table::Handover));
            if held > 0 && self.world.watch.spared.absent.is_empty() {
                return Some(format!("{who} still holds {held}"));
            }
            if handed > 0 && self.is_honest() {
                return Some(format!("{who} still hands over {handed}"));
            }
        }
        None
    }
}

/// Values of MLS that a machine with a few rooms keeps at most.
const BAGS_MAX: usize = 2_000;
