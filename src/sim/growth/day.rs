//! The day: people come, write, read what came, and go.

use super::graph::Graph;
use super::measure::Away;
use super::people::pick;
use super::setup::Rooms;
use super::town::{Step, Town};
use super::{Plan, Progress, Who, dice, purpose};
use crate::crypto::keys::direct_room;
use crate::proto::{Command, Reply};
use crate::types::time::{DAY, HOUR, MINUTE, SECOND};
use crate::types::{MessageId, Millis, RoomId};
use crate::wire::content::Body;

/// A time of being online.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Session {
    start: Millis,
    end: Millis,
    messages: u32,
}

/// A day being played.
pub(super) struct Day<'a> {
    plan: &'a Plan,
    graph: &'a Graph,
    rooms: Rooms,
    circle_of: Vec<u32>,
    town: &'a mut Town,
    begin: Millis,
    /// Of each person: sessions begun, messages written.
    done: Vec<(u8, u16)>,
    /// What happened that the tally does not have.
    pub(super) told: Told,
}

/// What people did.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Told {
    /// Sessions.
    pub(super) sessions: u64,
    /// Messages that `send` took, whatever the number of recipients.
    pub(super) messages: u64,
    /// Messages that it did not take.
    pub(super) refused: u64,
    /// Requests of strangers.
    pub(super) strangers: u64,
}

/// Hours of a person's day, and of a hundred sessions how many begin in them.
const HOURS: [(u32, u32); 5] = [(3, 1), (12, 7), (35, 11), (30, 16), (20, 21)];
/// Longest stretch between two looks at how far the day is.
const TELL_MS: Millis = 10 * MINUTE;

impl<'a> Day<'a> {
    pub(super) fn new(plan: &'a Plan, graph: &'a Graph, rooms: Rooms, town: &'a mut Town) -> Self {
        let begin = town.now.next_multiple_of(DAY);
        town.run(begin);
        let done = vec![(0, 0); graph.accounts as usize];
        Self { plan, graph, rooms, circle_of: graph.circle_of(), town, begin, done, told: Told::default() }
    }

    pub(super) fn play(&mut self, progress: &dyn Fn(Progress)) {
        self.town.tally.clear();
        for who in 0..self.graph.accounts {
            self.plan_next(who);
        }
        let end = self.begin + self.plan.day;
        while self.town.now < end {
            let until = (self.town.now + TELL_MS).min(end);
            while let Some((who, step)) = self.town.run(until) {
                self.step(who, step);
            }
            let done = (self.town.now - self.begin) as f64 / self.plan.day as f64;
            progress(Progress { phase: "the day", done, inputs: self.town.tally.inputs() });
        }
        self.town.forget_plans();
        for who in 0..self.graph.accounts {
            self.town.stop(who);
        }
    }

    /// When somebody is online that day, in order; none for those who stay away.
    fn sessions(&self, who: Who) -> Vec<Session> {
        let people = &self.plan.people;
        let mut rng = dice(self.plan.seed, who, purpose::DAY);
        if rng.below(100) >= u64::from(people.active_percent) {
            return Vec::new();
        }
        let (fewest, most) = people.sessions;
        let zone = u64::from(self.graph.community(who) % people.zones);
        let scale = |time: Millis| time * self.plan.day / DAY;
        let mut sessions: Vec<Session> = Vec::new();
        for _ in 0..u64::from(fewest) + rng.below(u64::from(most - fewest + 1)) {
            let hour = pick(&HOURS, rng.below(100));
            let start = u64::from(hour) * HOUR + rng.below(5 * HOUR) + zone * (DAY / u64::from(people.zones));
            let (short, long) = people.session_ms;
            let start = scale(start % DAY);
            sessions.push(Session { start, end: start + short + rng.below(long - short + 1), messages: 0 });
        }
        sessions.sort_unstable();
        sessions.dedup_by(|later, earlier| later.start < earlier.end + MINUTE);
        for _ in 0..pick(&people.talk.messages, rng.below(100)) {
            let at = rng.below(sessions.len() as u64) as usize;
            if let Some(session) = sessions.get_mut(at) {
                session.messages += 1;
            }
        }
        sessions
    }

    fn plan_next(&mut self, who: Who) {
        let next = self.sessions(who).get(usize::from(self.done[who as usize].0)).copied();
        if let Some(session) = next {
            self.town.plan(who, self.begin + session.start, Step::Come);
        }
    }

    fn step(&mut self, who: Who, step: Step) {
        match step {
            Step::Come => self.come(who),
            Step::Say => self.say(who),
            Step::Read => self.read(who),
            Step::Ask => self.ask(who),
            Step::Go => {
                self.town.stop(who);
                self.plan_next(who);
            }
        }
    }

    fn come(&mut self, who: Who) {
        let Some(session) = self.sessions(who).get(usize::from(self.done[who as usize].0)).copied() else { return };
        let (people, now) = (&self.plan.people, self.town.now);
        let done = &mut self.done[who as usize].0;
        *done += 1;
        let mut rng = dice(self.plan.seed, who, purpose::DAY + (u64::from(*done) << 8));
        self.told.sessions += 1;
        if rng.below(100) < u64::from(people.net.moved_percent) {
            self.town.move_house(who);
        }
        self.town.start(who);
        let length = (session.end - session.start).max(2 * SECOND);
        for _ in 0..session.messages {
            let at = now + SECOND + rng.below(length.saturating_sub(2 * SECOND));
            self.town.plan(who, at, Step::Say);
        }
        let reads =
            std::iter::successors(Some(people.talk.read_ms), |after| Some(after + MINUTE)).take_while(|after| *after < length - SECOND);
        for after in reads.chain([length - SECOND]) {
            self.town.plan(who, now + after, Step::Read);
        }
        if *done == 1 && rng.below(1_000) < u64::from(people.talk.stranger_permille) {
            self.town.plan(who, now + 5 * SECOND, Step::Ask);
        }
        self.town.plan(who, now + length, Step::Go);
    }

    fn say(&mut self, who: Who) {
        let talk = &self.plan.people.talk;
        let count = &mut self.done[who as usize].1;
        *count += 1;
        let mut rng = dice(self.plan.seed, who, purpose::SAY + u64::from(*count));
        let contacts = &self.graph.contacts[who as usize];
        let circle = self.circle_of[who as usize] as usize;
        let group = self.rooms.groups[circle].filter(|_| rng.below(100) < u64::from(talk.group_percent));
        let (room, to): (RoomId, Vec<Who>) = match group {
            Some(room) => {
                let (first, size) = self.graph.circles[circle];
                (room, (first..first + size).filter(|other| *other != who).collect())
            }
            None if contacts.is_empty() => return,
            None => {
                let other = contacts[rng.below(contacts.len() as u64) as usize];
                (direct_room(&self.town.account(who), &self.town.account(other)), vec![other])
            }
        };
        let bytes = pick(&talk.text_bytes, rng.below(100));
        let text: String = (0..bytes).map(|_| char::from(b'a' + rng.below(26) as u8)).collect();
        let reply = self.town.command(who, Command::Send { room, body: Body::Text { text, reply: None } });
        let Some(Ok(Reply::Sent { message, .. })) = reply else {
            self.told.refused += 1;
            return;
        };
        self.told.messages += 1;
        for to in to {
            self.town.tally.mail.sent += 1;
            let away = Away { from: who, sent: self.town.now, bytes, was_online: self.town.is_up(to) };
            self.town.post.insert((message, to), away);
        }
    }

    fn read(&mut self, who: Who) {
        let mut unread: Vec<(RoomId, MessageId)> = std::mem::take(&mut self.town.houses[who as usize].unread);
        unread.sort_unstable();
        for of_room in unread.chunk_by(|one, other| one.0 == other.0) {
            let messages = of_room.iter().map(|(_, message)| *message).collect();
            self.town.command(who, Command::Read { room: of_room[0].0, messages });
        }
    }

    /// Asks a stranger to be a contact. Nobody answers.
    fn ask(&mut self, who: Who) {
        let mut rng = dice(self.plan.seed, who, purpose::SAY);
        let Some(link) = self.rooms.links.get(rng.below(self.rooms.links.len() as u64) as usize).cloned() else { return };
        self.told.strangers += 1;
        self.town.command(who, Command::ContactAdd { link, name: None, greeting: "you do not know me".to_owned() });
    }
}

/// Everybody looks once, within an hour; nobody writes.
pub(super) fn morning(plan: &Plan, town: &mut Town, number: u32, progress: &dyn Fn(Progress)) {
    let begin = town.now;
    let length = 2 * MINUTE;
    for who in 0..town.people {
        let mut rng = dice(plan.seed, who, purpose::MORNING + u64::from(number));
        let start = begin + rng.below(HOUR);
        town.plan(who, start, Step::Come);
        town.plan(who, start + length, Step::Go);
    }
    let end = begin + HOUR + length + SECOND;
    while town.now < end {
        let until = (town.now + TELL_MS).min(end);
        while let Some((who, step)) = town.run(until) {
            match step {
                Step::Come => town.start(who),
                Step::Go => town.stop(who),
                Step::Say | Step::Read | Step::Ask => {}
            }
        }
        let done = (town.now - begin) as f64 / (end - begin) as f64;
        progress(Progress { phase: "the morning after", done, inputs: town.tally.inputs() });
    }
}
