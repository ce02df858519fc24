//! What lies between machines: connections that keep order until they break, delays, partitions, clogged lines, and gossip as a
//! pipe that loses things.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Who;
use crate::proto::Topic;
use crate::types::{Millis, Rng};

/// How bad things are, everywhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weather {
    /// Milliseconds that every frame takes.
    pub delay: Millis,
    /// And up to so many more, each for itself; a connection keeps its order.
    pub jitter: Millis,
    /// Of a thousand frames so many come twice.
    pub twice: u64,
    /// Of a thousand frames so many vanish, though the connection lives.
    pub vanish: u64,
    /// Of a thousand frames so many break their connection.
    pub snap: u64,
    /// Of a thousand outputs so many are preceded by a crash.
    pub crash: u64,
    /// After so many crashes there are no more: under crashes without end nothing would ever move.
    pub crashes_max: u64,
    /// Of a thousand gossip messages so many are lost, for each who listens.
    pub gossip_loss: u64,
}

impl Weather {
    /// A fine day.
    pub fn fair() -> Self {
        Self { delay: 5, jitter: 0, twice: 0, vanish: 0, snap: 0, crash: 0, crashes_max: 100, gossip_loss: 0 }
    }
}

/// One connection: both directions keep their order.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) id: u64,
    /// When the last frame arrives, at the lower and at the higher machine.
    last: [Millis; 2],
}

/// All connections, and what is in their way.
#[derive(Debug, Default)]
pub struct Links {
    open: BTreeMap<(Who, Who), Link>,
    /// The one cannot reach the other by dialling.
    cut: BTreeSet<(Who, Who)>,
    /// Nothing from the one arrives at the other before.
    clog: BTreeMap<(Who, Who), Millis>,
    /// The one takes no connection with the other before.
    refused: BTreeMap<(Who, Who), Millis>,
    /// Who listens to what.
    pub(super) topics: BTreeMap<Topic, BTreeSet<Who>>,
}

/// What becomes of a frame that is sent.
pub(super) enum Fate {
    /// There is no connection.
    Nowhere,
    /// It breaks the connection.
    Snaps,
    /// It vanishes.
    Vanishes,
    /// It arrives then, on that connection, so many times.
    Arrives { at: Millis, link: u64, times: u32 },
}

impl Links {
    pub(super) fn open(&mut self, one: Who, other: Who, id: u64) {
        self.open.insert(pair(one, other), Link { id, last: [0; 2] });
    }

    pub(super) fn close(&mut self, one: Who, other: Who) -> bool {
        self.open.remove(&pair(one, other)).is_some()
    }

    pub(super) fn id(&self, one: Who, other: Who) -> Option<u64> {
        self.open.get(&pair(one, other)).map(|link| link.id)
    }

    /// The one cannot dial the other any more.
    pub fn cut(&mut self, from: Who, to: Who) {
        self.cut.insert((from, to));
    }

    /// Whether the one can dial the other.
    pub fn is_cut(&self, from: Who, to: Who) -> bool {
        self.cut.contains(&(from, to))
    }

    /// Nothing from the one arrives at the other until then; what is sent waits.
    pub fn clog(&mut self, from: Who, to: Who, until: Millis) {
        self.clog.insert((from, to), until);
    }

    pub(super) fn refuse(&mut self, who: Who, other: Who, until: Millis) {
        self.refused.insert(pair(who, other), until);
    }

    pub(super) fn is_refused(&self, who: Who, other: Who, now: Millis) -> bool {
        self.refused.get(&pair(who, other)).is_some_and(|until| now < *until)
    }

    /// Everybody can reach everybody again.
    pub fn heal(&mut self) {
        self.cut.clear();
        self.clog.clear();
        self.refused.clear();
    }

    pub(super) fn fate(&mut self, from: Who, to: Who, now: Millis, weather: &Weather, rng: &mut Rng) -> Fate {
        let Some(link) = self.open.get_mut(&pair(from, to)) else { return Fate::Nowhere };
        let chance = |permille: u64, rng: &mut Rng| permille > 0 && rng.below(1000) < permille;
        if chance(weather.snap, rng) {
            return Fate::Snaps;
        }
        if chance(weather.vanish, rng) {
            return Fate::Vanishes;
        }
        let jitter = if weather.jitter > 0 { rng.below(weather.jitter) } else { 0 };
        let clogged = self.clog.get(&(from, to)).copied().unwrap_or(0);
        let last = &mut link.last[usize::from(from < to)];
        let at = (*last).max(now + weather.delay + jitter).max(clogged);
        *last = at;
        Fate::Arrives { at, link: link.id, times: 1 + u32::from(chance(weather.twice, rng)) }
    }
}

fn pair(one: Who, other: Who) -> (Who, Who) {
    (one.min(other), one.max(other))
}
