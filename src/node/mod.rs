//! Floor 5: the driver. One loop performs the node's outputs with libp2p, sled and tokio; a [`Handle`] speaks to it.

use std::path::PathBuf;

use tokio::sync::broadcast;

use crate::store::{OpenReport, Store, StoreError};
use crate::types::{AccountId, Address, DeviceId, PeerId};

pub use crate::proto::{Command, CommandError, Event, Reply, Settings};
pub use crate::wire::content::Body;

/// How to start a node.
#[derive(Clone, Debug)]
pub struct Options {
    /// The data directory.
    pub data: PathBuf,
    /// The passphrase, when one is set.
    pub passphrase: Option<String>,
    /// Entropy of a recovery phrase, for a new directory.
    pub entropy: Option<[u8; 32]>,
    /// Where to listen, as multiaddrs; port 0 is chosen once and kept.
    pub listen: Vec<Address>,
    /// What cards and links name in place of the addresses listened on: for a node behind a forwarded port or a proxy.
    pub announce: Vec<Address>,
    /// What the person decides.
    pub settings: Settings,
}

/// Why a node does not start. The sentence is for the person.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data directory or its store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {why}; another program may use that port: choose another with --listen")]
    Listen {
        /// Which.
        address: Address,
        /// What the system said.
        why: String,
    },
}

/// Why a command got no answer, or a bad one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandFailure {
    /// The node said no.
    #[error(transparent)]
    Refused(#[from] CommandError),
    /// The node is stopping.
    #[error("the node is stopping; nothing was done")]
    Stopped,
}

/// Speaks to a running node. Cheap to clone.
#[derive(Clone)]
pub struct Handle {
    store: Store,
}

impl Handle {
    /// Starts a node: keys, store, network, loop. Returns once it listens.
    pub async fn start(_options: Options) -> Result<Self, StartError> {
        todo!()
    }

    /// Has something done; returns when it is durable.
    pub async fn command(&self, _command: Command) -> Result<Reply, CommandFailure> {
        todo!()
    }

    /// Hints at changes; a slow reader misses some and re-reads the store.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        todo!()
    }

    /// The rows.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// What happened when the store was opened.
    pub fn open_report(&self) -> &OpenReport {
        todo!()
    }

    /// The account.
    pub fn account(&self) -> AccountId {
        todo!()
    }

    /// The device.
    pub fn device(&self) -> DeviceId {
        todo!()
    }

    /// This node on the wire.
    pub fn peer(&self) -> PeerId {
        todo!()
    }

    /// Where it listens.
    pub fn listening(&self) -> Vec<Address> {
        todo!()
    }

    /// Peers with an open stream.
    pub fn connected(&self) -> Vec<PeerId> {
        todo!()
    }

    /// The recovery phrase.
    pub fn recovery_phrase(&self) -> zeroize::Zeroizing<String> {
        todo!()
    }

    /// Stops the node cleanly: what was accepted is durable. Returns when the data directory is free.
    pub async fn stop(&self) {
        todo!()
    }

    /// Ends the node as a crash would, for tests: nothing is flushed, nobody is told.
    pub async fn kill(&self) {
        todo!()
    }
}
