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
    pub(super) model: Model,
    pub(super) people: u8,
    pub(super) group: Option<RoomId>,
    /// The last link of each that somebody used.
    pub(super) used: BTreeMap<Who, String>,
    /// Who used a link of whom that another had used.
    pub(super) turned_away: BTreeSet<(Who, Who)>,
    /// The last copy of each, and whom they had taken out of the group by then.
    backups: BTreeMap<Who, (Disk, Vec<Who>)>,
    /// Who begins anew without knowing of the other, who knows of them: the other cannot find them any more.
    pub(super) strangers: BTreeSet<(Who, Who)>,
    /// Sends that were not answered yet.
    asked: BTreeMap<u64, Sent>,
    counter: u64,
    settled_ms: Millis,
    /// Whether all that is sent arrives, or breaks its line; and everybody answers.
    is_plain: bool,
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
    if scenario.real { then() } else { fake::watched(then) }
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
            used: BTreeMap::new(),
            turned_away: BTreeSet::new(),
            backups: BTreeMap::new(),
            strangers: BTreeSet::new(),
            asked: BTreeMap::new(),
            counter: 0,
            settled_ms: 0,
            is_plain: scenario.is_plain(),
        }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = Who> + use<> {
        0..self.world.machines.len()
    }

    pub(super) fn account(&self, who: Who) -> AccountId {
        self.world.machines[who].account()
    }

    pub(super) fn is_up(&self, who: Who) -> bool {
        self.world.machines[who].is_up()
    }

    pub(super) fn contact(&self, of: Who, about: Who) -> Option<ContactState> {
        let row = self.world.machines[of].disk.row::<row::Contact>(Table::Contact, &self.account(about).0)?;
        Some(row.state)
    }

    /// The room that two people share; the group, for one alone.
    pub(super) fn room(&self, one: Who, other: Who) -> Option<RoomId> {
        if one == other { self.group } else { Some(direct_room(&self.account(one), &self.account(other))) }
    }

    /// Has a command done, and waits for the answer as long as the machine lives.
    pub(super) fn ask(&mut self, who: Who, command: Command) -> Option<Result<Reply, CommandError>> {
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
        if let Some((sent, Ok(Reply::Sent { message, .. }))) = self.asked.remove(&id).map(|sent| (sent, result)) {
            self.model.send(message, sent);
        }
    }

    pub(super) fn run(&mut self, duration: Millis) -> u64 {
        let steps = self.world.run(duration);
        for (id, result) in self.world.replies() {
            self.on_reply(id, result);
        }
        steps
    }

    pub(super) fn send(&mut self, from: Who, room: RoomId, body: Body) {
        self.command(from, room, Command::Send { room, body });
    }

    /// Has something sent to a room; the answer may come later.
    pub(super) fn command(&mut self, from: Who, room: RoomId, command: Command) {
        if self.is_up(from) {
            let id = self.world.command(from, command);
            let without = if self.group == Some(room) { self.model.taken_out(from) } else { Vec::new() };
            self.asked.insert(id, Sent { room, from, without });
            for (id, result) in self.world.replies() {
                self.on_reply(id, result);
            }
        }
    }

    fn text(&mut self, from: Who) -> String {
        self.counter += 1;
        format!("{from} says {}", self.counter)
    }

    pub(super) fn say(&mut self, from: Who, room: RoomId, count: u16) {
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
            Blow::Again { host, guest } => self.again(host.into(), guest.into()),
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
            Blow::File { from, to, chunks } => self.send_file(from.into(), to.into(), chunks),
            Blow::Fetch(who, to, choice) => self.fetch(who.into(), to.into(), choice.into()),
            Blow::Forget(who, to, choice) => self.drop_body(who.into(), to.into(), choice.into()),
            Blow::Forward(who, to, choice) => self.forward(who.into(), to.into(), choice.into()),
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
            Blow::Drop(who) => self.drop(who.into()),
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
            Blow::Trick(who, trick) => self.world.machines[usize::from(who)].state.trick = trick,
            Blow::Backup(who) => {
                let mut disk = self.world.machines[usize::from(who)].disk.clone();
                disk.flush(usize::MAX);
                self.backups.insert(who.into(), (disk, self.model.taken_out(who.into())));
            }
            Blow::Restore(who) => self.restore(who.into()),
            Blow::Smuggle(to) => self.smuggle(to.into()),
            Blow::Forge(to) => self.forge(to.into()),
            Blow::Junk(from, to, count) => self.junk(from.into(), to.into(), count),
            _ => {}
        }
    }

    /// All connections of a machine break.
    fn drop(&mut self, who: Who) {
        let peers: Vec<Who> = self.world.machines[who].peers.iter().copied().collect();
        peers.into_iter().for_each(|other| self.world.snap(who, other));
    }

    fn meet(&mut self, host: Who, guest: Who, public: bool) {
        let is_known = self.contact(guest, host).is_some() && !self.turned_away.contains(&(guest, host));
        if host == guest || !self.is_up(host) || !self.is_up(guest) || is_known {
            return;
        }
        let Some(Ok(Reply::Link(link))) = self.ask(host, Command::Invite { ttl_ms: DAY, public }) else { return };
        self.agree(guest, host);
        self.turned_away.remove(&(guest, host));
        if !public {
            self.used.insert(host, link.clone());
        }
        self.ask(guest, Command::ContactAdd { link, name: None, greeting: "hello".to_owned() });
        if let Some(room) = self.room(host, guest) {
            self.model.rooms.insert(room, BTreeSet::from([host, guest]));
        }
    }

    /// Somebody says yes to somebody, or asks them.
    pub(super) fn agree(&mut self, who: Who, whom: Who) {
        let account = self.account(whom);
        self.world.watch.agreed.insert((who, account));
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
            let knows = |other: &Who| self.contact(*other, who) == Some(ContactState::Accepted) && !self.strangers.contains(&(who, *other));
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
        if !is_removal && self.strangers.contains(&(who, admin)) {
            return;
        }
        if is_removal {
            self.model.leave(&room, who);
        }
        // Who crashed before they were told may have done it: they are in, or to be in.
        match self.ask(admin, command) {
            Some(Ok(_)) => self.model.change(admin, who, !is_removal),
            None if !is_removal => self.model.change(admin, who, true),
            _ => {}
        }
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
        let Some((backup, taken_out)) = self.backups.remove(&who) else { return };
        let kept: Vec<(Vec<u8>, row::Index)> = backup.all(Table::Index);
        let kept = kept.into_iter().filter_map(|(key, _)| MessageId::from_slice(&key)).collect();
        self.model.forget(who, &kept, &taken_out);
        self.asked.retain(|_, sent| sent.from != who);
        self.world.watch.spared.absent.insert(who);
        self.world.kill(who);
        self.world.machines[who].disk = backup;
        self.world.machines[who].files.clear();
        let has_met = |other: &Who| self.contact(*other, who).is_some() && self.contact(who, *other).is_none();
        let forgotten: Vec<Who> = (0..usize::from(self.people)).filter(has_met).collect();
        forgotten.into_iter().for_each(|other| self.estrange(who, other));
        self.world.replace_device(who);
    }

    /// The copy is from before these two met: the old device is gone, and nothing tells the other of the new one, until they meet again.
    fn estrange(&mut self, who: Who, other: Who) {
        self.strangers.insert((who, other));
        if let Some(room) = self.room(who, other) {
            self.model.rooms.remove(&room);
            self.model.sent.retain(|_, sent| sent.room != room);
        }
        if let Some(group) = self.group {
            self.model.leave(&group, who);
        }
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
        let has_vanished = std::mem::take(&mut self.world.weather.vanish) > 0;
        self.world.weather.crash = 0;
        self.world.weather.snap = 0;
        self.world.links.heal();
        if has_vanished {
            // A stream that lost a frame does not live on: whoever waits for an answer to it, or never does, starts anew.
            self.all().for_each(|who| self.drop(who));
        }
        for who in self.all() {
            let state = &mut self.world.machines[who].state;
            state.hidden = false;
            if std::mem::take(&mut state.full) {
                self.world.input(who, Input::DiskFull(false));
            }
            self.world.start(who);
        }
        let begin = self.world.now;
        self.settle();
        self.settled_ms = self.world.now - begin;
        self.speak();
        self.settle();
        if self.want_all() {
            self.settle();
        }
        if self.world.watch.fault.is_none() {
            self.rest();
        }
        if self.is_plain && self.world.watch.fault.is_none() {
            self.world.watch.fault = self.world.watch.broken.first().cloned();
        }
        if let (None, Some(fault)) = (&self.world.watch.fault, self.books_fault()) {
            self.world.watch.fault = Some(fault);
        }
    }

    /// Lets time pass until everything is where it belongs.
    fn settle(&mut self) {
        let until = self.world.now + CALM_MS;
        let mut step = SECOND;
        while self.world.now < until && self.world.watch.fault.is_none() {
            self.run(step);
            step = (step * 2).min(MINUTE);
            self.decide();
            if self.unsettled().is_none() {
                return;
            }
        }
        if self.world.watch.fault.is_none() {
            self.world.watch.fault = self.unsettled();
        }
    }

    /// Everybody says something in every room they are in: that all is quiet does not mean that all is well.
    fn speak(&mut self) {
        for (room, members) in self.model.rooms.clone() {
            members.into_iter().for_each(|who| self.say(who, room, 1));
        }
    }

    /// Whoever came as a stranger is let in, whoever was blocked is not any more.
    fn decide(&mut self) {
        for who in 0..usize::from(self.people) {
            for whom in 0..usize::from(self.people) {
                let account = self.account(whom);
                match self.contact(who, whom) {
                    Some(ContactState::Pending) => {
                        self.agree(who, whom);
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
        let is_fetching = self.is_fetching();
        let steps = self.run(HOUR);
        // Whoever fetches from somebody who loses most of it, or has no one left to fetch from, goes on.
        if is_fetching {
            return;
        }
        let most = REST_STEPS * self.world.machines.len() as u64;
        self.world.watch.check(steps < most, || format!("{steps} steps in an hour in which nothing happens"));
    }
}
