//! Floor 5: the driver. One loop performs the node's outputs with libp2p, sled and tokio; a [`Handle`] speaks to it.
//!
//! | file | holds |
//! |---|---|
//! | `start` | from a data directory to a running loop, and from its end to a free directory |
//! | `driver` | the loop: what is waited for, and in which order it is handled |
//! | `perform` | what outputs do |
//! | `ledger` | *persist, then speak*: which output waits for which flush |
//! | `upload` | files on their way into the store and out of it |
//! | `bodies` | bodies of media between disk and wire |
//! | `work` | proofs of work and housekeeping, off the loop |

#![allow(clippy::disallowed_methods, clippy::disallowed_types)] // The driver is where clocks, tasks and randomness come in.

mod bodies;
mod driver;

mod ledger;
mod perform;
mod start;
mod upload;
mod work;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::{broadcast, mpsc, oneshot, watch};
use zeroize::Zeroizing;

use crate::crypto::keys::Keys;
use crate::net;
use crate::store::{Blobs, Exported, OpenReport, ScrubReport, Store, StoreError};
use crate::types::{AccountId, Address, DeviceId, PeerId};

pub use crate::crypto::phrase::{PhraseError, from_words as entropy_of_phrase};
pub use crate::media::safe_name;
pub use crate::proto::{Command, CommandError, Event, Reply, Settings};
pub use crate::wire::blob::{Manifest, Media};
pub use crate::wire::content::Body;
pub use crate::wire::media::MediaKind;
pub use upload::{Download, MediaError, NewMedia};

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
    #[error(
        "cannot listen on {address}: {why}; the port is taken, or the address is not one of this machine: choose another with --listen"
    )]
    Listen {
        /// Which.
        address: Address,
        /// What the system said.
        why: String,
    },
    /// The network cannot be set up.
    #[error("the network cannot be started: {0}; your messages are untouched")]
    Network(net::NetError),
    /// The operating system gives no randomness, and nothing is safe without it.
    #[error("the system gives no random numbers, so nothing can be sealed: your messages are untouched; see the system's log")]
    Random,
    /// The start itself broke off: a bug of ours.
    #[error("the start broke off, which is a bug: your messages are untouched; see the log above")]
    Broken,
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
    /// The node ended after it took the command and before it could confirm.
    #[error("the node ended before it could confirm: it may have been done or not; start it again and look")]
    Unknown,
}

/// Why a node runs no more. The sentence is for the person.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Stopped {
    /// Somebody asked for it.
    #[error("the node has stopped")]
    Asked,
    /// The store failed, so nothing more is accepted: what was confirmed before is on disk.
    #[error("the node has stopped because its store failed: {0}; what was confirmed is safe, and nothing new was accepted")]
    Store(StoreError),
    /// A bug of ours.
    #[error("the node has stopped because of a bug; what was confirmed is safe: start it again, and see the log above")]
    Bug,
}

/// Speaks to a running node. Cheap to clone; the node runs until [`stop`](Self::stop), also when every handle is gone.
#[derive(Clone)]
pub struct Handle {
    shared: Arc<Shared>,
}

/// What handles and the loop share.
struct Shared {
    store: Store,
    blobs: Blobs,
    report: OpenReport,
    identity: Identity,
    requests: mpsc::Sender<Request>,
    /// The loop has the strong one, so that whoever listens hears when it ends.
    events: broadcast::WeakSender<Event>,
    reachable: watch::Receiver<Reachable>,
    meter: driver::Meter,
    wanted: watch::Sender<Wanted>,
    stopped: watch::Receiver<Option<Stopped>>,
}

/// Who this node is.
struct Identity {
    account: AccountId,
    device: DeviceId,
    peer: PeerId,
    keys: Keys,
}

/// A command and who waits for its answer.
struct Request {
    command: Command,
    answer: oneshot::Sender<Result<Reply, CommandFailure>>,
}

/// Who can be reached, and where we can.
#[derive(Clone, Debug, Default)]
struct Reachable {
    listening: Vec<Address>,
    connected: Vec<PeerId>,
}

/// What the loop is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Run,
    Stop,
    Kill,
}

/// Figures of a running node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Stats {
    /// Inputs handled since the start.
    pub inputs: u64,
    /// Batches applied since the start.
    pub batches: u64,
    /// Flushes since the start; batches for each of them is how well the group commit works.
    pub flushes: u64,
    /// Outputs that wait for a flush.
    pub outputs_waiting: u64,
    /// Bytes applied and not yet durable.
    pub bytes_unflushed: u64,
    /// Peers with an open stream.
    pub peers: u64,
    /// Bytes of bodies given to other nodes since the start.
    pub body_bytes_given: u64,
    /// The network.
    pub net: net::Stats,
}

impl Handle {
    /// Starts a node: keys, store, network, loop. Returns once it listens.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        start::start(options).await
    }

    /// Has something done; returns when it is durable.
    pub async fn command(&self, command: Command) -> Result<Reply, CommandFailure> {
        let (answer, answered) = oneshot::channel();
        self.shared.requests.send(Request { command, answer }).await.map_err(|_| CommandFailure::Stopped)?;
        answered.await.map_err(|_| CommandFailure::Unknown)?
    }

    /// Has several things done, in this order. None is waited for until all are handed over, so that one flush serves many.
    pub async fn commands(&self, commands: Vec<Command>) -> Vec<Result<Reply, CommandFailure>> {
        let mut coming = Vec::with_capacity(commands.len());
        for command in commands {
            let (answer, answered) = oneshot::channel();
            coming.push(self.shared.requests.send(Request { command, answer }).await.map(|()| answered));
        }
        let mut replies = Vec::with_capacity(coming.len());
        for answered in coming {
            replies.push(match answered {
                Ok(answered) => answered.await.unwrap_or(Err(CommandFailure::Unknown)),
                Err(_) => Err(CommandFailure::Stopped),
            });
        }
        replies
    }

    /// Hints at changes; a slow reader misses some and re-reads the store. Closed when the node runs no more.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.shared.events.upgrade().map_or_else(|| broadcast::channel(1).1, |events| events.subscribe())
    }

    /// The rows.
    pub fn store(&self) -> &Store {
        &self.shared.store
    }

    /// The bodies of media.
    pub fn blobs(&self) -> &Blobs {
        &self.shared.blobs
    }

    /// Takes a file in: sealed, examined, cleaned; the message about it is still to be sent. Blocks.
    pub fn take_in(&self, file: &mut dyn std::io::Read, new: NewMedia) -> Result<Media, MediaError> {
        upload::take_in(&self.shared.store, &self.shared.blobs, file, new)
    }

    /// Reads a body from a byte on, and waits for what is being fetched. Blocks.
    pub fn download(&self, manifest: Manifest, from: u64) -> Download {
        Download::new(self.shared.store.clone(), self.shared.blobs.clone(), manifest, from)
    }

    /// What happened when the store was opened.
    pub fn open_report(&self) -> &OpenReport {
        &self.shared.report
    }

    /// The account.
    pub fn account(&self) -> AccountId {
        self.shared.identity.account
    }

    /// The device.
    pub fn device(&self) -> DeviceId {
        self.shared.identity.device
    }

    /// This node on the wire.
    pub fn peer(&self) -> PeerId {
        self.shared.identity.peer
    }

    /// Where it listens.
    pub fn listening(&self) -> Vec<Address> {
        self.shared.reachable.borrow().listening.clone()
    }

    /// Peers with an open stream.
    pub fn connected(&self) -> Vec<PeerId> {
        self.shared.reachable.borrow().connected.clone()
    }

    /// Figures since the start.
    pub fn stats(&self) -> Stats {
        self.shared.meter.stats()
    }

    /// The recovery phrase.
    pub fn recovery_phrase(&self) -> Zeroizing<String> {
        crate::crypto::phrase::to_words(self.shared.identity.keys.entropy())
    }

    /// Writes everything into one archive under a passphrase, and the bodies of media into a folder beside it, while the node goes on.
    /// Blocks as long as reading all of that does.
    pub fn export(&self, passphrase: &str, to: &Path) -> Result<Exported, StoreError> {
        let rows = self.export_rows(passphrase, to)?;
        let bodies = self.shared.blobs.export(&self.shared.store, to)?;
        Ok(Exported { bytes: rows.bytes + bodies, ..rows })
    }

    /// Writes everything but the bodies of media into one archive. Blocks as long as that takes.
    pub fn export_rows(&self, passphrase: &str, to: &Path) -> Result<Exported, StoreError> {
        self.shared.store.export(&self.shared.identity.keys, passphrase, to, &mut |_| {})
    }

    /// Reads and checks every row and every body. Blocks as long as that takes.
    pub fn scrub(&self) -> Result<ScrubReport, StoreError> {
        let mut report = self.shared.store.scrub(&mut |_| {})?;
        report.note_bodies(&self.shared.blobs.scrub(&self.shared.store));
        Ok(report)
    }

    /// Comes when the node runs no more, and says why. The data directory is free then.
    pub async fn stopped(&self) -> Stopped {
        let mut stopped = self.shared.stopped.clone();
        let why = stopped.wait_for(Option::is_some).await.ok().and_then(|why| why.clone());
        why.unwrap_or(Stopped::Bug)
    }

    /// Stops the node cleanly: what was accepted is durable. Returns when the data directory is free.
    pub async fn stop(&self) {
        self.want(Wanted::Stop).await;
    }

    /// Ends the node as a crash would, for tests: nothing is flushed, nobody is told. Returns when the data directory is free.
    pub async fn kill(&self) {
        self.want(Wanted::Kill).await;
    }

    async fn want(&self, wanted: Wanted) {
        self.shared.wanted.send_replace(wanted);
        self.stopped().await;
    }
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Handle({:?})", self.peer())
    }
}
