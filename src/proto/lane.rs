//! What is in memory of the outbox: for each account that is owed something its lane, and how far each peer is with it.

use std::collections::{BTreeMap, BTreeSet};

use super::member::MemberCard;
use crate::types::limits::{
    ASIDES_MAX, COMMITS_OWED_MAX, HELD_BACK_MAX, OUT_OF_ORDER_MAX, OUTBOX_MAX, RETRY_MS_MAX, RETRY_MS_MIN, STALL_MS, STUCK_MS,
    WINDOW_BYTES_MAX, WINDOW_ENVELOPES_MAX,
};
use crate::types::{AccountId, EnvelopeId, Millis, PeerId, Rng, RoomId, Scan, Table, View};
use crate::wire::content::{Body, Content};
use crate::wire::row::{self, Cargo, Series};
use crate::wire::{card, codec};

/// Which accounts are owed something, and what of it is on its way.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    lanes: BTreeMap<AccountId, Lane>,
}

/// What is owed to one account, in order.
#[derive(Debug, Default)]
pub(super) struct Lane {
    /// The order that the next row gets.
    pub(super) next: u64,
    /// Rows there are.
    rows: usize,
    /// Those that carry no message.
    others: BTreeMap<u64, Other>,
    asides: usize,
    commits: usize,
    /// Since when there has been no way that took it all, on the monotonic clock.
    pub(super) waiting_since: Millis,
    /// How far each peer is.
    ways: BTreeMap<PeerId, Way>,
    /// Rows behind the first of these, up to the second, are handed over once more: their receiver can be found elsewhere since then.
    pub(super) moved: Option<(u64, u64)>,
}

/// A row that carries no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Other {
    /// A request, or the welcome that answers one.
    Knock,
    /// Our card.
    Card,
    /// A question for messages of a device.
    Ask(Series),
    /// How far this device is in a room.
    Heads(RoomId),
    /// A message of theirs, given back.
    Copy(Series, u64),
    /// A member's card in a group: which group, whose.
    Cards(RoomId, AccountId),
    /// A receipt, the answer to a question, or several members' cards.
    Aside,
    /// A commit in a room.
    Commit(RoomId),
    /// A welcome to a group.
    Welcome(RoomId),
    /// A request to be added to a room again.
    Rejoin(RoomId),
}

impl Other {
    /// What a cargo for an account is, when it is no message (its own or a copy of somebody's).
    fn of(to: &AccountId, cargo: &Cargo) -> Option<Self> {
        Some(match cargo {
            Cargo::Message { .. } | Cargo::Copy => return None,
            Cargo::Knock => Self::Knock,
            Cargo::Commit { room } => Self::Commit(*room),
            Cargo::Welcome { room } => Self::Welcome(*room),
            Cargo::Rejoin { room } => Self::Rejoin(*room),
            Cargo::Content { room, content } => Self::of_content(to, *room, content).unwrap_or(Self::Aside),
        })
    }

    fn of_content(to: &AccountId, room: RoomId, content: &[u8]) -> Option<Self> {
        let content: Content = codec::decode(content).ok()?;
        match Body::open(&content.body).ok()? {
            Body::Card { .. } => Some(Self::Card),
            Body::Ask { account, device, .. } => Some(Self::Ask(Series { room, account, device })),
            Body::Heads { .. } => Some(Self::Heads(room)),
            Body::Cards { cards } => subject(&cards).map(|account| Self::Cards(room, account)),
            Body::Copy { content } => {
                let content: Content = codec::decode(&content).ok()?;
                Some(Self::Copy(Series { room, account: *to, device: content.device? }, content.number))
            }
            _ => None,
        }
    }

    fn is_aside(self) -> bool {
        matches!(self, Self::Ask(..) | Self::Heads(..) | Self::Copy(..) | Self::Cards(..) | Self::Aside)
    }
}

/// Whose card it is, when it is only one.
pub(super) fn subject(cards: &[MemberCard]) -> Option<AccountId> {
    let [(signed, _)] = cards else { return None };
    let signed: card::Signed = codec::decode(signed).ok()?;
    codec::decode::<card::Card>(&signed.card).ok().map(|card| card.account)
}

impl Lane {
    fn note(&mut self, to: &AccountId, order: u64, cargo: &Cargo) {
        self.rows += 1;
        self.next = self.next.max(order + 1);
        if let Some(other) = Other::of(to, cargo) {
            self.asides += usize::from(other.is_aside());
            self.commits += usize::from(matches!(other, Other::Commit(_)));
            self.others.insert(order, other);
        }
    }

    fn forget(&mut self, order: u64) {
        self.rows = self.rows.saturating_sub(1);
        if let Some(other) = self.others.remove(&order) {
            self.asides -= usize::from(other.is_aside());
            self.commits -= usize::from(matches!(other, Other::Commit(_)));
        }
        self.ways.values_mut().for_each(|way| _ = way.back.remove(&order));
    }
}

impl Outbox {
    /// As the store has it: one look for each account that is owed something.
    pub(super) fn open(view: &dyn View) -> Self {
        let mut outbox = Self::default();
        let mut after: Option<Vec<u8>> = None;
        loop {
            let scan = Scan { after: after.clone(), ..Scan::prefix(Table::Outbox, []).limit(1) };
            let Some(account) = view.scan(&scan).first().and_then(|(key, _)| AccountId::from_slice(key.get(..32)?)) else { break };
            let mut lane = Lane { next: 1, ..Lane::default() };
            for (key, value) in view.scan(&Scan::prefix(Table::Outbox, account.0)) {
                let Some(order) = order_of(&key) else { continue };
                lane.note(&account, order, &row::decode::<row::Outbox>(&value).map_or(Cargo::Copy, |row| row.cargo));
            }
            outbox.lanes.insert(account, lane);
            after = Some([&account.0[..], &[0xff; 9]].concat());
        }
        outbox
    }

    /// One more row; gives its order.
    pub(super) fn add(&mut self, account: &AccountId, cargo: &Cargo, now: Millis) -> u64 {
        let lane = self.lanes.entry(*account).or_insert_with(|| Lane { next: 1, ..Lane::default() });
        let order = lane.next;
        if lane.rows == 0 {
            lane.waiting_since = now;
        }
        lane.note(account, order, cargo);
        order
    }

    /// A row is gone.
    pub(super) fn remove(&mut self, account: &AccountId, order: u64) {
        let Some(lane) = self.lanes.get_mut(account) else { return };
        lane.forget(order);
        if lane.rows == 0 {
            self.lanes.remove(account);
        }
    }

    pub(super) fn get_mut(&mut self, account: &AccountId) -> Option<&mut Lane> {
        self.lanes.get_mut(account)
    }

    /// How far a peer is with a lane that is there.
    pub(super) fn way(&mut self, account: &AccountId, peer: &PeerId) -> Option<&mut Way> {
        self.lanes.get_mut(account).map(|lane| lane.ways.entry(*peer).or_default())
    }

    /// All ways of a lane.
    pub(super) fn ways(&mut self, account: &AccountId) -> impl Iterator<Item = &mut Way> {
        self.lanes.get_mut(account).into_iter().flat_map(|lane| lane.ways.values_mut())
    }

    /// Whether an envelope is on its way to a peer.
    pub(super) fn is_inflight(&self, account: &AccountId, peer: &PeerId, envelope: &EnvelopeId) -> bool {
        let way = self.lanes.get(account).and_then(|lane| lane.ways.get(peer));
        way.is_some_and(|way| way.inflight.contains_key(envelope))
    }

    pub(super) fn is_busy(&self, account: &AccountId) -> bool {
        self.lanes.contains_key(account)
    }

    /// Where the next row goes.
    pub(super) fn next_order(&self, account: &AccountId) -> u64 {
        self.lanes.get(account).map_or(1, |lane| lane.next)
    }

    /// Whether one more message, or copy of one, can be owed.
    pub(super) fn takes_message(&self, account: &AccountId) -> bool {
        self.lanes.get(account).is_none_or(|lane| lane.rows - lane.others.len() < OUTBOX_MAX)
    }

    /// Whether one more receipt, question or answer can be owed.
    pub(super) fn takes_aside(&self, account: &AccountId) -> bool {
        self.lanes.get(account).is_none_or(|lane| lane.asides < ASIDES_MAX)
    }

    /// Whether one more commit can be owed.
    pub(super) fn takes_commit(&self, account: &AccountId) -> bool {
        self.lanes.get(account).is_none_or(|lane| lane.commits < COMMITS_OWED_MAX)
    }

    /// The places of rows of a kind.
    pub(super) fn orders(&self, account: &AccountId, such: impl Fn(&Other) -> bool) -> Vec<u64> {
        let others = self.lanes.get(account).into_iter().flat_map(|lane| &lane.others);
        others.filter(|(_, other)| such(other)).map(|(order, _)| *order).collect()
    }

    /// Whether an account is owed such a row.
    pub(super) fn owes(&self, account: &AccountId, other: Other) -> bool {
        self.lanes.get(account).is_some_and(|lane| lane.others.values().any(|owed| *owed == other))
    }

    /// The rooms of the commits that an account is owed.
    pub(super) fn rooms_of_commits(&self, account: &AccountId) -> BTreeSet<RoomId> {
        let others = self.lanes.get(account).into_iter().flat_map(|lane| lane.others.values());
        others.filter_map(|other| if let Other::Commit(room) = other { Some(*room) } else { None }).collect()
    }

    /// The accounts that are owed such a row.
    pub(super) fn owed_such(&self, other: Other) -> Vec<AccountId> {
        self.lanes.keys().filter(|account| self.owes(account, other)).copied().collect()
    }

    /// The accounts that are owed something.
    pub(super) fn busy_accounts(&self) -> Vec<AccountId> {
        self.lanes.keys().copied().collect()
    }

    /// The peer is gone: what it was sent goes again, by whatever way. Whether there was something.
    pub(super) fn forget_flight(&mut self, account: &AccountId, peer: &PeerId) -> bool {
        let Some(lane) = self.lanes.get_mut(account) else { return false };
        let Some(way) = lane.ways.get_mut(peer) else { return false };
        way.end();
        if let Some((from, _)) = &mut lane.moved {
            *from = 0;
        }
        if way.is_fresh() {
            lane.ways.remove(peer);
        }
        true
    }

    /// Looks at every row of an account again.
    pub(super) fn rewind(&mut self, account: &AccountId) {
        self.ways(account).for_each(|way| way.cursor = 0);
    }

    /// Looks again at a row and what is behind it.
    pub(super) fn rewind_to(&mut self, account: &AccountId, order: u64) {
        self.ways(account).for_each(|way| way.cursor = way.cursor.min(order.saturating_sub(1)));
    }

    /// Keeps only ways by these peers.
    pub(super) fn retain_ways(&mut self, account: &AccountId, is_way: impl Fn(&PeerId) -> bool) {
        if let Some(lane) = self.lanes.get_mut(account) {
            lane.ways.retain(|peer, way| is_way(peer) || !way.inflight.is_empty());
        }
    }
}

/// How far one peer is with a lane: what it was sent and has not answered, and what it asked us to wait with.
#[derive(Debug, Default)]
pub(super) struct Way {
    /// Since when its present connection is used.
    pub(super) since: Option<Millis>,
    /// The highest order looked at.
    pub(super) cursor: u64,
    /// The first row that was passed over, because a mailbox is sending it.
    pub(super) overtaken: Option<u64>,
    /// Whether there was no time yet to look at what is behind that.
    pub(super) is_midway: bool,
    /// Envelopes without an answer: their order and size.
    inflight: BTreeMap<EnvelopeId, (u64, usize)>,
    /// Their size together.
    bytes: usize,
    /// When the last answer came, or the first of these was sent.
    progress_at: Millis,
    /// Nothing is sent before then.
    pub(super) paused_until: Millis,
    /// No messages are sent before then; commits and knocks may be.
    pub(super) chat_until: Millis,
    /// Whether it took nothing when it was last asked: one envelope is enough to ask again.
    pub(super) is_trial: bool,
    /// How often it said nothing at all.
    silences: u32,
    /// What it cannot open yet goes again then, and how often that was so.
    again_at: Millis,
    deferrals: u32,
    /// Rows that are not sent before a time, and how often that was so.
    back: BTreeMap<u64, (Millis, u32)>,
}

/// What a peer does with what is in flight.
pub(super) enum Silence {
    /// It answers, or nothing is in flight; look again then.
    Answers(Millis),
    /// It has been silent for long: others are tried too; look again then.
    Stalled(Millis),
    /// It says nothing.
    Stuck,
}

impl Way {
    /// One more is on its way.
    pub(super) fn take_off(&mut self, envelope: EnvelopeId, order: u64, bytes: usize, now: Millis) {
        if self.inflight.is_empty() {
            self.progress_at = now;
        }
        if self.inflight.insert(envelope, (order, bytes)).is_none() {
            self.bytes += bytes;
        }
    }

    /// An answer came; gives the order it is about.
    pub(super) fn land(&mut self, envelope: &EnvelopeId, now: Millis) -> Option<u64> {
        let (order, size) = self.inflight.remove(envelope)?;
        self.bytes -= size;
        self.progress_at = now;
        self.silences = 0;
        Some(order)
    }

    /// Whether no more may be in flight.
    pub(super) fn is_full(&self) -> bool {
        self.room() == 0 || self.bytes >= WINDOW_BYTES_MAX
    }

    /// How many more may be in flight.
    pub(super) fn room(&self) -> usize {
        let most = if self.is_trial { 1 } else { WINDOW_ENVELOPES_MAX };
        most.saturating_sub(self.inflight.len())
    }

    /// Whether it answers.
    pub(super) fn silence(&self, now: Millis) -> Silence {
        if self.inflight.is_empty() {
            return Silence::Answers(Millis::MAX);
        }
        match now.saturating_sub(self.progress_at) {
            silent if silent >= STUCK_MS => Silence::Stuck,
            silent if silent >= STALL_MS => Silence::Stalled(self.progress_at + STUCK_MS),
            _ => Silence::Answers(self.progress_at + STALL_MS),
        }
    }

    /// It says nothing of what it was sent: its connection is made anew, and it is left alone for longer each time.
    pub(super) fn stick(&mut self, now: Millis, rng: &mut Rng) {
        self.end();
        self.paused_until = now + rng.jitter((STUCK_MS << self.silences.min(DOUBLINGS_MAX)).min(RETRY_MS_MAX) / 2);
        self.silences += 1;
    }

    /// It speaks: what it was silent about goes again at once.
    pub(super) fn wake(&mut self, now: Millis) {
        if self.silences > 0 || !matches!(self.silence(now), Silence::Answers(_)) {
            self.end();
            (self.silences, self.paused_until) = (0, 0);
        }
    }

    /// The device cannot open something yet; gives when to try again: later each time. And whether the epoch that it waits for does not
    /// come: whoever made it may be gone, with the commit that leads there. Once each time the device is told then where the room is, so
    /// that it can ask to be brought there.
    pub(super) fn defer(&mut self, now: Millis, rng: &mut Rng) -> (Millis, bool) {
        let is_first = self.again_at <= now;
        if is_first {
            self.again_at = now + rng.jitter((RETRY_MS_MIN << self.deferrals.min(DOUBLINGS_MAX)).min(RETRY_MS_MAX) / 2);
            self.deferrals += 1;
        }
        (self.again_at, is_first && self.is_long_deferred())
    }

    /// Whether what it waits for does not come.
    pub(super) fn is_long_deferred(&self) -> bool {
        self.deferrals >= DEFERRALS_MAX
    }

    /// When what was deferred goes again.
    pub(super) fn again_after(&self, now: Millis) -> Millis {
        if self.again_at > now { self.again_at } else { Millis::MAX }
    }

    /// The device takes what it is sent.
    pub(super) fn accept(&mut self) {
        (self.again_at, self.deferrals) = (0, 0);
        if self.silences > 0 {
            (self.silences, self.paused_until) = (0, 0);
        }
    }

    /// One row is not sent before then. When there are too many such rows, nothing is.
    pub(super) fn hold_back(&mut self, order: u64, until: Millis) {
        if self.back.len() >= HELD_BACK_MAX && !self.back.contains_key(&order) {
            self.paused_until = self.paused_until.max(until);
            return;
        }
        let (before, times) = self.back.entry(order).or_default();
        *before = until;
        *times += 1;
    }

    /// The same, longer each time; the first time not at all.
    pub(super) fn hold_back_more(&mut self, order: u64, now: Millis) {
        let times = self.back.get(&order).map_or(0, |(_, times)| *times);
        let pause = if times == 0 { 0 } else { (RETRY_MS_MIN << times.min(DOUBLINGS_MAX)).min(RETRY_MS_MAX) };
        self.hold_back(order, now + pause);
    }

    /// Whether a row is too far behind one that was passed over to go before it; then all are looked at again.
    pub(super) fn is_far_ahead(&mut self, order: u64) -> bool {
        let is_far = self.overtaken.is_some_and(|first| order.saturating_sub(first) >= u64::from(OUT_OF_ORDER_MAX / 2));
        if is_far {
            self.cursor = 0;
        }
        is_far
    }

    /// Until when a row is held back.
    pub(super) fn back_until(&self, order: u64, now: Millis) -> Option<Millis> {
        self.back.get(&order).map(|(until, _)| *until).filter(|until| *until > now)
    }

    /// Looks at every row again, when nothing is on its way or what was deferred is due, and all of them were looked at.
    pub(super) fn look_again(&mut self, now: Millis) {
        let is_due = self.again_at > 0 && self.again_at <= now;
        if !self.is_midway && (is_due || (self.inflight.is_empty() && self.again_at <= now)) {
            self.cursor = 0;
            self.again_at = 0;
        }
    }

    /// The connection is gone; what was asked of us stays.
    fn end(&mut self) {
        self.since = None;
        (self.cursor, self.overtaken) = (0, None);
        self.is_midway = false;
        self.inflight.clear();
        self.bytes = 0;
    }

    fn is_fresh(&self) -> bool {
        let waits = [self.paused_until, self.chat_until, self.again_at];
        let is_asked = self.is_trial || self.silences > 0 || self.deferrals > 0;
        self.inflight.is_empty() && self.back.is_empty() && waits == [0; 3] && !is_asked
    }
}

/// `account | order`.
pub(super) fn row_key(account: &AccountId, order: u64) -> Vec<u8> {
    [&account.0[..], &order.to_be_bytes()].concat()
}

/// The order in such a key.
pub(super) fn order_of(key: &[u8]) -> Option<u64> {
    key.get(32..).and_then(|order| order.try_into().ok()).map(u64::from_be_bytes)
}

/// More of them would be longer than any pause.
const DOUBLINGS_MAX: u32 = 10;
/// A commit that another device still has to pass on is here before it is waited for so often in a row.
const DEFERRALS_MAX: u32 = 2;
