//! What is counted.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use super::Who;
use super::town::Town;
use crate::proto::Input;
use crate::types::time::SECOND;
use crate::types::{Batch, MessageId, Millis, Table};
use crate::wire::row;

/// What happened since it was cleared.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// At the machines of people, all together.
    pub people: Work,
    /// At relays, all together.
    pub relays: Work,
    /// On the public gossip mesh.
    pub gossip: Gossip,
    /// Messages.
    pub mail: Mail,
    /// In mailboxes.
    pub held: Held,
    /// How long people's machines were on, all together.
    pub online_ms: Millis,
    /// People who are online.
    pub crowd: Level,
}

impl Tally {
    /// Begins anew; what is held, and who is online, stays.
    pub(super) fn clear(&mut self) {
        let held = Held { entries: self.held.entries.on(), bytes: self.held.bytes.on(), most: 0, most_bytes: 0 };
        *self = Self { held, crowd: self.crowd.on(), ..Self::default() };
    }

    /// Adds what happened elsewhere in the same time.
    pub(super) fn add(&mut self, other: &Self) {
        self.people.add(&other.people);
        self.relays.add(&other.relays);
        let counts = [
            (&mut self.gossip.published, other.gossip.published),
            (&mut self.gossip.people, other.gossip.people),
            (&mut self.gossip.relays, other.gossip.relays),
        ];
        for (mine, theirs) in counts {
            *mine = (mine.0 + theirs.0, mine.1 + theirs.1);
        }
        self.mail.add(&other.mail);
        self.held.add(&other.held);
        self.online_ms += other.online_ms;
        self.crowd.add(&other.crowd);
    }

    /// All inputs.
    pub fn inputs(&self) -> u64 {
        self.people.inputs() + self.relays.inputs()
    }
}

/// What machines of one kind did.
#[derive(Clone, Debug, Default)]
pub struct Work {
    /// Inputs, by what they were.
    pub by_input: [u64; INPUTS.len()],
    /// Deadlines for which the machine had to be woken: nothing else came in that millisecond.
    pub wakes: u64,
    /// Frames sent and their bytes, by kind.
    pub by_kind: BTreeMap<u16, (u64, u64)>,
    /// Dials begun, and those of them that failed.
    pub dials: (u64, u64),
    /// Bytes of frames sent.
    pub bytes: u64,
}

/// Names of the places of [`Work::by_input`].
pub const INPUTS: [&str; 7] = ["command", "frame", "gossip", "up", "down", "deadline", "other"];

impl Work {
    /// All inputs.
    pub fn inputs(&self) -> u64 {
        self.by_input.iter().sum()
    }

    fn add(&mut self, other: &Self) {
        self.by_input.iter_mut().zip(other.by_input).for_each(|(mine, theirs)| *mine += theirs);
        self.wakes += other.wakes;
        for (kind, (frames, bytes)) in &other.by_kind {
            let mine = self.by_kind.entry(*kind).or_default();
            *mine = (mine.0 + frames, mine.1 + bytes);
        }
        self.dials = (self.dials.0 + other.dials.0, self.dials.1 + other.dials.1);
        self.bytes += other.bytes;
    }

    pub(super) fn note_input(&mut self, input: &Input) {
        let at = match input {
            Input::Command { .. } => 0,
            Input::Frame { .. } => 1,
            Input::Gossip { .. } => 2,
            Input::PeerUp(_) => 3,
            Input::PeerDown(_) => 4,
            Input::Deadline => 5,
            Input::Listening(_) | Input::DiskFull(_) | Input::Worked { .. } | Input::Fetched(_) => 6,
        };
        self.by_input[at] += 1;
    }

    pub(super) fn note_frame(&mut self, bytes: &[u8]) {
        let kind = u16::from_be_bytes([bytes.first().copied().unwrap_or(0), bytes.get(1).copied().unwrap_or(0)]);
        let (frames, sum) = self.by_kind.entry(kind).or_default();
        *frames += 1;
        *sum += bytes.len() as u64;
        self.bytes += bytes.len() as u64;
    }
}

/// The public gossip mesh.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gossip {
    /// Announcements published, and their bytes.
    pub published: (u64, u64),
    /// Announcements given to those people who listen for all, and their bytes.
    pub people: (u64, u64),
    /// The same for relays.
    pub relays: (u64, u64),
}

/// What is held in mailboxes, everywhere together.
#[derive(Clone, Debug, Default)]
pub struct Held {
    /// Entries.
    pub entries: Level,
    /// Bytes of envelopes; one that several inboxes share counts once.
    pub bytes: Level,
    /// Most entries at one relay.
    pub most: u64,
    /// Most bytes at one relay.
    pub most_bytes: u64,
}

impl Held {
    fn add(&mut self, other: &Self) {
        self.entries.add(&other.entries);
        self.bytes.add(&other.bytes);
        self.most = self.most.max(other.most);
        self.most_bytes = self.most_bytes.max(other.most_bytes);
    }
}

/// Something that rises and falls, looked at every ten seconds: so that what was counted in several places can be added.
#[derive(Clone, Debug, Default)]
pub struct Level {
    before: i64,
    changes: BTreeMap<u64, i64>,
}

impl Level {
    pub(super) fn note(&mut self, at: Millis, change: i64) {
        if change != 0 {
            *self.changes.entry(at / LOOK_MS).or_default() += change;
        }
    }

    /// Goes on from where it is.
    fn on(&self) -> Self {
        Self { before: self.before + self.changes.values().sum::<i64>(), changes: BTreeMap::new() }
    }

    fn add(&mut self, other: &Self) {
        self.before += other.before;
        other.changes.iter().for_each(|(at, change)| *self.changes.entry(*at).or_default() += change);
    }

    /// The most there was.
    pub fn peak(&self) -> u64 {
        let levels = self.changes.values().scan(self.before, |level, change| {
            *level += change;
            Some(*level)
        });
        u64::try_from(levels.fold(self.before, i64::max)).unwrap_or(0)
    }
}

const LOOK_MS: Millis = 10 * SECOND;

/// Messages, each counted for every recipient.
#[derive(Clone, Debug, Default)]
pub struct Mail {
    /// Taken by `send`.
    pub sent: u64,
    /// Durable at their recipients.
    pub delivered: u64,
    /// Bytes of text in these.
    pub text: u64,
    /// How long it took to recipients who were online when it was sent.
    pub online: Delays,
    /// To those who were not, since it was sent.
    pub offline: Delays,
    /// To those who were not, since they came.
    pub coming: Delays,
}

impl Mail {
    fn add(&mut self, other: &Self) {
        self.sent += other.sent;
        self.delivered += other.delivered;
        self.text += other.text;
        self.online.add(&other.online);
        self.offline.add(&other.offline);
        self.coming.add(&other.coming);
    }
}

/// How often which delay, in steps of an eighth of an octave.
#[derive(Clone, Debug, Default)]
pub struct Delays(BTreeMap<u16, u64>);

impl Delays {
    pub(super) fn note(&mut self, delay: Millis) {
        *self.0.entry(((delay + 1) as f64).log2().mul_add(8.0, 0.5) as u16).or_default() += 1;
    }

    fn add(&mut self, other: &Self) {
        other.0.iter().for_each(|(step, count)| *self.0.entry(*step).or_default() += count);
    }

    /// How many.
    pub fn count(&self) -> u64 {
        self.0.values().sum()
    }

    /// The delay that this share (of 1) does not exceed, to a twelfth; `None` when there are none.
    pub fn quantile(&self, share: f64) -> Option<Millis> {
        let wanted = (self.count() as f64 * share).ceil().max(1.0) as u64;
        let mut sum = 0;
        let (step, _) = self.0.iter().find(|(_, count)| {
            sum += **count;
            sum >= wanted
        })?;
        Some(((f64::from(*step) / 8.0).exp2() - 1.0).round() as Millis)
    }
}

/// A message on its way to one recipient.
#[derive(Clone, Copy, Debug)]
pub(super) struct Away {
    pub(super) from: Who,
    pub(super) sent: Millis,
    pub(super) bytes: u32,
    pub(super) was_online: bool,
}

/// Messages on their way, each to one recipient.
pub(super) type Post = HashMap<(MessageId, Who), Away>;

impl Town<'_> {
    /// What a batch says, right before it is applied.
    pub(super) fn note_batch(&mut self, who: Who, batch: &Batch) {
        let is_relay = self.realm.is_relay(who);
        for (table, key, value) in batch.iter() {
            match table {
                Table::Index if !is_relay => self.note_message(who, key, value),
                Table::Held if is_relay => {
                    let was_there = self.house_mut(who).shelf.rows().size(table, key).is_some();
                    self.note_held(who, i64::from(value.is_some()) - i64::from(was_there), 0);
                }
                Table::Body if is_relay && key.len() == ID_BYTES => {
                    let before = self.house_mut(who).shelf.rows().size(table, key).unwrap_or(0);
                    self.note_held(who, 0, value.map_or(0, <[u8]>::len) as i64 - before as i64);
                }
                _ => {}
            }
        }
    }

    fn note_held(&mut self, relay: Who, entries: i64, bytes: i64) {
        let house = self.house_mut(relay);
        house.held = (house.held.0.saturating_add_signed(entries), house.held.1.saturating_add_signed(bytes));
        let (here, now) = (house.held, self.now);
        let held = &mut self.tally.held;
        held.entries.note(now, entries);
        held.bytes.note(now, bytes);
        held.most = held.most.max(here.0);
        held.most_bytes = held.most_bytes.max(here.1);
    }

    fn note_message(&mut self, who: Who, key: &[u8], value: Option<&[u8]>) {
        let Some(message) = MessageId::from_slice(key) else { return };
        let Some(away) = self.post.remove(&(message, who)) else { return };
        let Some(index) = value.and_then(|value| row::decode::<row::Index>(value).ok()) else { return };
        let (now, came) = (self.now, self.came(who));
        self.house_mut(who).unread.push((index.place.room, message));
        let mail = &mut self.tally.mail;
        mail.delivered += 1;
        mail.text += u64::from(away.bytes);
        if away.was_online {
            mail.online.note(now - away.sent);
        } else {
            mail.offline.note(now - away.sent);
            mail.coming.note(now.saturating_sub(came.max(away.sent)));
        }
    }
}

const ID_BYTES: usize = 32;

/// What became of the messages of the day, when it was over.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Shares {
    /// Delivered.
    pub delivered: u64,
    /// Held by a mailbox that said so, and the recipient has not come since.
    pub held: u64,
    /// At the sender, who left before a mailbox had it; the recipient has not come since.
    pub waiting: u64,
    /// Not delivered though the recipient was there after it was sent.
    pub late: u64,
    /// Of these: held by a mailbox that said so.
    pub late_held: u64,
}

impl Shares {
    /// Of the messages that people of this shard sent; all shards ask at once.
    pub(super) fn of(town: &Town) -> Self {
        let mut shares = Self { delivered: town.tally.mail.delivered, ..Self::default() };
        let realm = town.realm;
        realm.leave_letters(town.post.iter().map(|((message, to), away)| {
            let is_late = away.was_online || town.came(*to) >= away.sent;
            (away.from, *message, *to, is_late)
        }));
        town.meet();
        let letters = realm.take_letters(town.part.shard);
        for of_one in letters.chunk_by(|one, other| one.0 == other.0) {
            town.house(of_one[0].0).shelf.look(&town.cards, |rows| {
                for (_, message, to, is_late) in of_one {
                    let account = realm.account(*to);
                    let is_held = rows
                        .decoded::<row::Index>(Table::Index, &message.0)
                        .is_some_and(|index| index.custody.iter().any(|(whose, custody)| *whose == account && !custody.held.is_empty()));
                    shares.late += u64::from(*is_late);
                    shares.late_held += u64::from(*is_late && is_held);
                    shares.held += u64::from(!is_late && is_held);
                    shares.waiting += u64::from(!is_late && !is_held);
                }
            });
        }
        shares
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.delivered += other.delivered;
        self.held += other.held;
        self.waiting += other.waiting;
        self.late += other.late;
        self.late_held += other.late_held;
    }
}
