//! Floor 4: other nodes. libp2p with TCP and QUIC; one long-lived stream of frames to each peer; two gossip meshes.
//!
//! | file | holds |
//! |---|---|
//! | `behaviour` | what a node speaks, and what it refuses before speaking |
//! | `swarm` | the task that owns all connections: which peer is there, and over which stream |
//! | `peers` | what there is with each peer |
//! | `streams` | frames on a stream: length prefix, queues, who keeps which stream |
//! | `opening` | one stream for each connection, opened by whoever dialled it |
//! | `bodies` | streams for the bodies of media, beside it |
//! | `gossip` | the public and the rooms mesh |
//! | `crowd` | at most so many connections from one address |
//! | [`dial`] | address safety |
//! | `listen` | transports, ports, own addresses |
//! | `translate` | our words for peers and addresses, and libp2p's |
//!
//! What arrives comes through one bounded channel of [`Arrival`]s, so a slow reader of it slows the peers down instead of
//! filling memory. For each peer the order there is `Up`, frames in the order they were sent, `Down`; never two `Up` without
//! a `Down` between them. A [`Network::dial`] ends in an `Up` or a `Down`.

#![allow(clippy::disallowed_methods, clippy::disallowed_types)] // The network is outside: tasks, timers, sockets.

mod behaviour;
mod bodies;
mod crowd;
pub mod dial;
mod gossip;
mod listen;
mod opening;
mod peers;
mod streams;
mod swarm;
mod translate;

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

use crate::types::{Address, Millis, PeerId};

pub use bodies::{BodyReader, BodyStream, BodyWriter, Incoming, Opener};
pub use streams::Link;

/// How to take part in the network.
pub struct Config {
    /// Secret half of the transport key.
    pub transport: Zeroizing<[u8; 32]>,
    /// Where to listen.
    pub listen: Vec<Listen>,
    /// Whether this node is a relay: higher limits, no rooms mesh.
    pub is_relay: bool,
}

/// Where to listen.
#[derive(Clone, Debug)]
pub struct Listen {
    /// A plain TCP or QUIC address; with port 0 any free port is taken.
    pub address: Address,
    /// For port 0: try this one first.
    pub preferred: Option<u16>,
}

/// Where a node came to listen.
#[derive(Clone, Debug)]
pub struct Bound {
    /// The port of each address to listen on, in the same order.
    pub ports: Vec<u16>,
    /// Where this node can be dialled, as in [`Arrival::Listening`].
    pub addresses: Vec<Address>,
}

/// Why there is no network.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {why}")]
    Listen {
        /// Which.
        address: Address,
        /// What the system said.
        why: String,
    },
    /// The transport key is none.
    #[error("the transport key is damaged")]
    Key,
    /// Noise does not take the transport key.
    #[error("the transport key cannot authenticate connections")]
    Noise(#[source] Box<libp2p::noise::Error>),
    /// The settings of gossipsub contradict each other: a bug of ours.
    #[error("gossip cannot be set up")]
    Gossip,
}

/// What comes from other nodes, in order.
#[derive(Debug)]
pub enum Arrival {
    /// A stream to a peer is open; what is sent through this link goes there until the `Down` of the same peer.
    Up(Link),
    /// A frame.
    Frame(Received),
    /// The stream is gone, or a dial failed.
    Down {
        /// Whose.
        peer: PeerId,
        /// Whether the peer sent what is no frame at all.
        is_malformed: bool,
    },
    /// A gossip message; to be judged, or it goes no further.
    Gossip(Heard),
    /// Where this node can be dialled.
    Listening(Vec<Address>),
}

/// The bytes of one frame.
#[derive(Debug)]
pub struct Received {
    /// Proven by the transport.
    pub from: PeerId,
    /// At least 1 byte, at most `FRAME_BYTES_MAX`.
    pub bytes: Vec<u8>,
    /// Its share of `INPUT_BYTES_MAX`, given back when this is dropped.
    room: OwnedSemaphorePermit,
}

impl Received {
    /// The bytes; their room is free for others.
    pub fn into_bytes(self) -> Vec<u8> {
        drop(self.room);
        self.bytes
    }
}

/// A gossip message.
#[derive(Debug)]
pub struct Heard {
    /// Where.
    pub topic: Topic,
    /// What; at most `GOSSIP_BYTES_MAX`.
    pub bytes: Vec<u8>,
    /// Who passed it on (not: who wrote it).
    pub from: PeerId,
    id: libp2p::gossipsub::MessageId,
}

/// What is to become of a gossip message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Pass it on.
    Accept,
    /// Do not pass it on; nobody is to blame.
    Ignore,
    /// Do not pass it on; whoever did is to blame.
    Reject,
}

/// A gossip topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// Public mesh: relays tell who they are.
    Relays,
    /// Rooms mesh: named by a secret of a room's epoch.
    Room([u8; 32]),
}

/// Figures since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Stats {
    /// Connections now.
    pub connections: u64,
    /// Frames taken in.
    pub frames_in: u64,
    /// Bytes of them.
    pub bytes_in: u64,
    /// Frames written.
    pub frames_out: u64,
    /// Bytes of them.
    pub bytes_out: u64,
    /// Streams closed because the peer took its frames too slowly.
    pub cut_off: u64,
}

/// Reads the figures of a network, also after its end.
#[derive(Clone, Debug)]
pub struct Meter(Arc<streams::Counters>);

impl Meter {
    /// Figures since the start.
    pub fn stats(&self) -> Stats {
        self.0.snapshot()
    }
}

/// The network as the driver sees it. When it is dropped, everything ends at once.
pub struct Network {
    peer: PeerId,
    orders: mpsc::Sender<swarm::Order>,
    counters: Arc<streams::Counters>,
    task: JoinHandle<()>,
    incoming: Option<mpsc::Receiver<Incoming>>,
}

impl Network {
    /// Listens, and starts the task. Returns what arrives, and where it listens.
    pub async fn start(config: Config) -> Result<(Self, mpsc::Receiver<Arrival>, Bound), NetError> {
        swarm::start(config).await
    }

    /// Opens streams of bodies.
    pub fn opener(&self) -> Opener {
        Opener { orders: self.orders.clone() }
    }

    /// The streams of bodies that peers open; can be taken once.
    pub fn take_incoming(&mut self) -> Option<mpsc::Receiver<Incoming>> {
        self.incoming.take()
    }

    /// This node on the wire.
    pub fn peer(&self) -> PeerId {
        self.peer
    }

    /// Tries to open a stream at one of these addresses; those that are not safe to dial are left out.
    pub async fn dial(&self, peer: PeerId, addresses: Vec<Address>) {
        self.order(swarm::Order::Dial { peer, addresses }).await;
    }

    /// Closes all connections to a peer, after what was sent has left; refuses it for a while when `refuse_ms` is not 0 (then at once).
    pub async fn disconnect(&self, peer: PeerId, refuse_ms: Millis) {
        self.order(swarm::Order::Disconnect { peer, refuse_ms }).await;
    }

    /// Takes part in a topic, or leaves it.
    pub async fn subscribe(&self, topic: Topic, on: bool) {
        self.order(swarm::Order::Subscribe { topic, on }).await;
    }

    /// Publishes on a topic. Gossip is lossy: nobody is told when nobody hears it.
    pub async fn publish(&self, topic: Topic, bytes: Vec<u8>) {
        self.order(swarm::Order::Publish { topic, bytes }).await;
    }

    /// Says what is to become of a gossip message.
    pub async fn judge(&self, heard: &Heard, verdict: Verdict) {
        let (topic, from, id) = (heard.topic, heard.from, heard.id.clone());
        self.order(swarm::Order::Judge { topic, from, id, verdict }).await;
    }

    /// Figures since the start.
    pub fn stats(&self) -> Stats {
        self.counters.snapshot()
    }

    /// The same, for whoever does not hold the network.
    pub fn meter(&self) -> Meter {
        Meter(Arc::clone(&self.counters))
    }

    /// Closes all streams after what was sent has left, within a second or so.
    pub async fn stop(mut self) {
        let (done, stopped) = oneshot::channel();
        self.order(swarm::Order::Stop { done }).await;
        let _ = stopped.await;
        let _ = (&mut self.task).await;
    }

    /// Ends everything at once and returns when the task is gone.
    pub async fn kill(mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }

    /// The task always takes orders, whatever its other channels do; it is gone only after `stop`.
    async fn order(&self, order: swarm::Order) {
        let _ = self.orders.send(order).await;
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.task.abort();
    }
}
