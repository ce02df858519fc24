//! The day: people come, write, read what came, and go.

use super::event::Step;
use super::graph::Graph;
use super::measure::Away;
use super::people::pick;
use super::setup::Rooms;
use super::town::Town;
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

/// A day being played, in one shard.
pub(super) struct Day<'a, 'b> {
    plan: &'b Plan,
    graph: &'b Graph,
    rooms: Rooms,
    town: &'a mut Town<'b>,
    begin: Millis,
    first: Who,
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

impl Told {
    pub(super) fn add(&mut self, other: &Self) {
        self.sessions += other.sessions;
        self.messages += other.messages;
        self.refused += other.refused;
        self.strangers += other.strangers;
    }
}

/// Hours of a person's day, and of a hundred sessions how many begin in them.
const HOURS: [(u32, u32); 5] = [(3, 1), (12, 7), (35, 11), (30, 16), (20, 21)];
/// Longest stretch between two looks at how far the day is.
const TELL_MS: Millis = 10 * MINUTE;

impl<'a, 'b> Day<'a, 'b> {
    pub(super) fn new(town: &'a mut Town<'b>, rooms: Rooms) -> Self {
        let begin = town.now.next_multiple_of(DAY);
        town.run(begin);
        let (first, done) = (town.part.people.start, vec![(0, 0); town.part.people.len()]);
        Self { plan: town.realm.plan, graph: town.realm.graph, rooms, town, begin, first, done, told: Told::default() }
    }

    pub(super) fn play(&mut self, progress: &dyn Fn(Progress)) {
        self.town.tally.clear();
        for who in self.town.part.people.clone() {
            self.plan_next(who);
        }
        let end = self.begin + self.plan.day;
        while self.town.now < end {
            let until = (self.town.now + TELL_MS).min(end);
            while let Some((who, step)) = self.town.run(until) {
                self.step(who, step);
            }
            self.town.show("the day", (self.town.now - self.begin) as f64 / self.plan.day as f64, progress);
        }
        self.town.forget_plans();
        // What was sent in the last moment is noted.
        self.town.run(end + self.town.realm.delay_min());
        for who in self.town.part.people.clone() {
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

    fn done_by(&mut self, who: Who) -> &mut (u8, u16) {
        &mut self.done[(who - self.first) as usize]
    }

    fn plan_next(&mut self, who: Who) {
        let next = self.sessions(who).get(usize::from(self.done_by(who).0)).copied();
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
        let Some(session) = self.sessions(who).get(usize::from(self.done_by(who).0)).copied() else { return };
        let (people, now) = (&self.plan.people, self.town.now);
        self.done_by(who).0 += 1;
        let done = self.done_by(who).0;
        let mut rng = dice(self.plan.seed, who, purpose::DAY + (u64::from(done) << 8));
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
        if done == 1 && rng.below(1_000) < u64::from(people.talk.stranger_permille) {
            self.town.plan(who, now + 5 * SECOND, Step::Ask);
        }
        self.town.plan(who, now + length, Step::Go);
    }

    fn say(&mut self, who: Who) {
        let talk = &self.plan.people.talk;
        self.done_by(who).1 += 1;
        let mut rng = dice(self.plan.seed, who, purpose::SAY + u64::from(self.done_by(who).1));
        let contacts = &self.graph.contacts[who as usize];
        let circle = self.graph.circle_of(who);
        let group = self.rooms.groups.get(&circle).copied().filter(|_| rng.below(100) < u64::from(talk.group_percent));
        let (room, to): (RoomId, Vec<Who>) = match group {
            Some(room) => {
                let (first, size) = self.graph.circles[circle];
                (room, (first..first + size).filter(|other| *other != who).collect())
            }
            None if contacts.is_empty() => return,
            None => {
                let other = contacts[rng.below(contacts.len() as u64) as usize];
                (direct_room(&self.town.realm.account(who), &self.town.realm.account(other)), vec![other])
            }
        };
        let bytes = pick(&talk.text_bytes, rng.below(100));
        // Only its length counts; and one letter again and again is packed to nothing.
        let text = "a".repeat(bytes as usize);
        let sending = self.town.sending(who, to.len());
        let reply = self.town.command(who, Command::Send { room, body: Body::Text { text, reply: None } });
        let Some(Ok(Reply::Sent { message, .. })) = reply else {
            self.told.refused += 1;
            return;
        };
        self.told.messages += 1;
        let away = Away { from: who, sent: self.town.now, bytes, was_online: false };
        self.town.sent(sending, &to, message, away);
    }

    fn read(&mut self, who: Who) {
        let mut unread: Vec<(RoomId, MessageId)> = std::mem::take(&mut self.town.house_mut(who).unread);
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
pub(super) fn morning(town: &mut Town, number: u32, progress: &dyn Fn(Progress)) {
    let begin = town.now;
    let length = 2 * MINUTE;
    for who in town.part.people.clone() {
        let mut rng = dice(town.realm.plan.seed, who, purpose::MORNING + u64::from(number));
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
        town.show("the morning after", (town.now - begin) as f64 / (end - begin) as f64, progress);
    }
}
