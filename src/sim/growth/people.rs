//! What people are like: every assumption of the day, in one place.

use serde::Serialize;

use crate::types::Millis;
use crate::types::time::{MINUTE, SECOND};

/// What is assumed of people, their machines and the net between them. One account has one device.
#[derive(Clone, Debug, Serialize)]
pub struct People {
    /// Smallest and largest circle (family, team): all in it know each other, and share one group.
    pub circle: (u32, u32),
    /// Further friends that each begins with within the own community, at most (evenly from none); both ends count one.
    pub near_max: u32,
    /// Of a hundred, so many begin one friendship with somebody anywhere.
    pub far_percent: u32,
    /// Accounts of one community: those whose first mailbox is at the same relay. The second is at the next community's relay. So there is one
    /// relay for as many accounts, and it holds twice as many inboxes.
    pub accounts_per_relay: u32,
    /// Of a hundred, so many come at all on that day.
    pub active_percent: u32,
    /// Time zones, each 24 hours / zones apart. A community lives in one.
    pub zones: u32,
    /// Sessions of somebody who comes: fewest and most; evenly.
    pub sessions: (u32, u32),
    /// How long one lasts: shortest and longest; evenly.
    pub session_ms: (Millis, Millis),
    /// What people write.
    pub talk: Talk,
    /// How their machines are connected.
    pub net: Net,
}

/// What people write on a day on which they come.
#[derive(Clone, Debug, Serialize)]
pub struct Talk {
    /// Of a hundred people so many write so many messages: a heavy tail.
    pub messages: Vec<(u32, u32)>,
    /// Of a hundred messages so many go to the circle's group; the others to one contact, evenly.
    pub group_percent: u32,
    /// Of a hundred texts so many have so many bytes: a heavy tail.
    pub text_bytes: Vec<(u32, u32)>,
    /// Of a thousand who come, so many ask somebody they do not know, by a public link, to be a contact.
    pub stranger_permille: u32,
    /// How soon after coming, and after what arrives then, people read.
    pub read_ms: Millis,
}

/// How machines are connected.
#[derive(Clone, Debug, Serialize)]
pub struct Net {
    /// Of a hundred people so many cannot be dialled: they sit behind an address translator.
    pub hidden_percent: u32,
    /// Of a hundred sessions so many are at another address than the one before: the card changes, and contacts are told.
    pub moved_percent: u32,
    /// How long a frame takes: shortest and longest; the same for each pair of machines.
    pub delay_ms: (Millis, Millis),
    /// How long it takes until a dial to somebody who is not there has failed.
    pub no_answer_ms: Millis,
    /// So many people, and so many relays, are given what is said on the public gossip mesh; what it costs all of them is reckoned
    /// from these.
    pub ears: (u32, u32),
}

impl Default for People {
    fn default() -> Self {
        Self {
            circle: (3, 7),
            near_max: 3,
            far_percent: 60,
            accounts_per_relay: 500,
            active_percent: 80,
            zones: 8,
            sessions: (3, 7),
            session_ms: (2 * MINUTE, 14 * MINUTE),
            talk: Talk {
                messages: vec![(50, 3), (30, 10), (15, 25), (5, 60)],
                group_percent: 25,
                text_bytes: vec![(60, 20), (30, 80), (9, 300), (1, 2_000)],
                stranger_permille: 5,
                read_ms: 20 * SECOND,
            },
            net: Net { hidden_percent: 60, moved_percent: 10, delay_ms: (20, 90), no_answer_ms: 5 * SECOND, ears: (200, 10) },
        }
    }
}

/// Picks by shares of a hundred.
pub(super) fn pick(choices: &[(u32, u32)], of_hundred: u64) -> u32 {
    let mut left = of_hundred;
    for (share, value) in choices {
        if left < u64::from(*share) {
            return *value;
        }
        left -= u64::from(*share);
    }
    choices.last().map_or(0, |(_, value)| *value)
}
