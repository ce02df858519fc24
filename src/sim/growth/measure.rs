//! What is counted.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use super::Who;
use super::town::Town;
use crate::proto::Input;
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
    /// People who are online, and the most there were at a time.
    pub crowd: (u32, u32),
}

impl Tally {
    /// Begins anew; what is held, and who is online, stays.
    pub(super) fn clear(&mut self) {
        let crowd = (self.crowd.0, self.crowd.0);
        let held = Held { peak: self.held.now, peak_bytes: self.held.bytes, most: 0, most_bytes: 0, ..self.held };
        *self = Self { held, crowd, ..Self::default() };
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

    pub(super) fn note_input(&mut self, input: &Input) {
        let at = match input {
            Input::Command { .. } => 0,
            Input::Frame { .. } => 1,
            Input::Gossip { .. } => 2,
            Input::PeerUp(_) => 3,
            Input::PeerDown(_) => 4,
            Input::Deadline => 5,
            Input::Listening(_) | Input::DiskFull(_) | Input::Worked { .. } => 6,
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
#[derive(Clone, Copy, Debug, Default)]
pub struct Held {
    /// Entries now.
    pub now: u64,
    /// Bytes of envelopes now; one that several inboxes share counts once.
    pub bytes: u64,
    /// Most entries at a time.
    pub peak: u64,
    /// Most bytes at a time.
    pub peak_bytes: u64,
    /// Most entries at one relay.
    pub most: u64,
    /// Most bytes at one relay.
    pub most_bytes: u64,
}

impl Held {
    pub(super) fn note(&mut self, entries: i64, bytes: i64) {
        self.now = self.now.saturating_add_signed(entries);
        self.bytes = self.bytes.saturating_add_signed(bytes);
        self.peak = self.peak.max(self.now);
        self.peak_bytes = self.peak_bytes.max(self.bytes);
    }
}

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

/// How often which delay, in steps of an eighth of an octave.
#[derive(Clone, Debug, Default)]
pub struct Delays(BTreeMap<u16, u64>);

impl Delays {
    pub(super) fn note(&mut self, delay: Millis) {
        *self.0.entry(((delay + 1) as f64).log2().mul_add(8.0, 0.5) as u16).or_default() += 1;
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

impl Town {
    /// What a batch says, right before it is applied.
    pub(super) fn note_batch(&mut self, who: Who, batch: &Batch) {
        for (table, key, value) in batch.iter() {
            match table {
                Table::Index if !self.is_relay(who) => self.note_message(who, key, value),
                Table::Held if self.is_relay(who) => {
                    let was_there = self.houses[who as usize].shelf.disk().has(table, key);
                    self.note_held(who, i64::from(value.is_some()) - i64::from(was_there), 0);
                }
                Table::Body if self.is_relay(who) && key.len() == ID_BYTES => {
                    let before = self.houses[who as usize].shelf.disk().size(table, key).unwrap_or(0);
                    self.note_held(who, 0, value.map_or(0, <[u8]>::len) as i64 - before as i64);
                }
                _ => {}
            }
        }
    }

    fn note_held(&mut self, relay: Who, entries: i64, bytes: i64) {
        let here = &mut self.houses[relay as usize].held;
        *here = (here.0.saturating_add_signed(entries), here.1.saturating_add_signed(bytes));
        let held = &mut self.tally.held;
        held.note(entries, bytes);
        held.most = held.most.max(here.0);
        held.most_bytes = held.most_bytes.max(here.1);
    }

    fn note_message(&mut self, who: Who, key: &[u8], value: Option<&[u8]>) {
        let Some(message) = MessageId::from_slice(key) else { return };
        let Some(away) = self.post.remove(&(message, who)) else { return };
        let Some(index) = value.and_then(|value| row::decode::<row::Index>(value).ok()) else { return };
        let (now, came) = (self.now, self.came(who));
        self.houses[who as usize].unread.push((index.place.room, message));
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
    pub(super) fn of(town: &Town) -> Self {
        let mut shares = Self { delivered: town.tally.mail.delivered, ..Self::default() };
        let mut away: Vec<(Who, MessageId, Who, bool)> = town
            .post
            .iter()
            .map(|((message, to), away)| {
                let is_late = away.was_online || town.came(*to) >= away.sent;
                (away.from, *message, *to, is_late)
            })
            .collect();
        away.sort_unstable();
        for of_one in away.chunk_by(|one, other| one.0 == other.0) {
            let disk = town.houses[of_one[0].0 as usize].shelf.copy(&town.cards);
            for (_, message, to, is_late) in of_one {
                let index = disk.row::<row::Index>(Table::Index, &message.0);
                let account = town.account(*to);
                let is_held =
                    index.is_some_and(|index| index.custody.iter().any(|(whose, custody)| *whose == account && !custody.held.is_empty()));
                shares.late += u64::from(*is_late);
                shares.late_held += u64::from(*is_late && is_held);
                shares.held += u64::from(!is_late && is_held);
                shares.waiting += u64::from(!is_late && !is_held);
            }
        }
        shares
    }
}
