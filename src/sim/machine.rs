//! One machine of the world: a disk, a clock, and the node that runs on it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::Who;
use super::disk::Disk;
use crate::crypto::keys::Keys;
use crate::proto::{Node, Output, Settings};
use crate::types::time::DAY;
use crate::types::{AccountId, Batch, BlobId, Millis, Now, PeerId};
use crate::wire::blob::Bits;

/// Wall time at the beginning of the world: some day in the year 2024.
const EPOCH: Millis = 20_000 * DAY;

/// A machine, running or not.
pub struct Machine {
    /// Whose it is.
    pub keys: Keys,
    /// What its person decided.
    pub settings: Settings,
    /// Its rows.
    pub disk: Disk,
    /// The pieces of bodies that are in its files, durably.
    pub files: BTreeMap<BlobId, Bits>,
    /// The node, while it runs.
    pub node: Option<Box<Node>>,
    /// How the machine itself is.
    pub state: State,
    /// Machines it is connected to.
    pub peers: BTreeSet<Who>,
    /// Counts starts and ends: what was meant for an earlier life is lost.
    pub(super) life: u32,
    /// Peers whose connection ended, of which the node does not know yet.
    pub(super) ending: BTreeSet<PeerId>,
    /// Outputs behind a flush.
    pub(super) waiting: VecDeque<Waiting>,
    /// Whether a flush is under way.
    pub(super) flushing: bool,
    /// The deadline that is in the queue.
    pub(super) wake: Option<Millis>,
    /// When it was started last.
    pub(super) started: Millis,
}

/// What is wrong with a machine, or different.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// How far its clock is ahead of the world's, in milliseconds; behind, if negative.
    pub ahead: i64,
    /// How long a flush takes; 0 for a disk that is durable at once.
    pub flush_ms: Millis,
    /// Nobody can dial it.
    pub hidden: bool,
    /// Its disk is full.
    pub full: bool,
    /// It never comes back.
    pub gone: bool,
    /// It is a mailbox that lies.
    pub lie: Option<super::liar::Lie>,
    /// What it does with those who fetch bodies from it.
    pub trick: Option<super::bodies::Trick>,
}

pub(super) enum Waiting {
    /// This batch must be durable before what follows.
    Flush(Batch),
    /// To be performed.
    Say(Box<Output>),
}

impl Waiting {
    pub(super) fn batch(self) -> Option<Batch> {
        if let Self::Flush(batch) = self { Some(batch) } else { None }
    }
}

impl Machine {
    pub(super) fn new(keys: Keys, settings: Settings) -> Self {
        Self {
            keys,
            settings,
            disk: Disk::default(),
            files: BTreeMap::new(),
            node: None,
            state: State::default(),
            peers: BTreeSet::new(),
            life: 0,
            ending: BTreeSet::new(),
            waiting: VecDeque::new(),
            flushing: false,
            wake: None,
            started: 0,
        }
    }

    /// Whether its node runs.
    pub fn is_up(&self) -> bool {
        self.node.is_some()
    }

    /// Whose it is.
    pub fn account(&self) -> AccountId {
        self.keys.account_id()
    }

    /// The time as this machine has it.
    pub fn time(&self, now: Millis) -> Now {
        Now { mono: now - self.started, wall: (EPOCH + now).saturating_add_signed(self.state.ahead) }
    }
}
