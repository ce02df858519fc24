//! What there is with each peer: connections, the dial under way, the link in use.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use libp2p::Multiaddr;
use libp2p::swarm::ConnectionId;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::dial::Policy;
use super::streams::{Attempt, Ends, Pulse};
use crate::types::PeerId;

/// All peers with a connection, a dial or a link.
#[derive(Default)]
pub(super) struct Peers {
    pub(super) known: BTreeMap<PeerId, Peer>,
    /// Connections without a link, and since when.
    pub(super) unlinked: BTreeMap<ConnectionId, (PeerId, Instant)>,
    /// The last number given to a try.
    pub(super) tries: u32,
}

/// What there is with one peer.
pub(super) struct Peer {
    pub(super) connections: Vec<ConnectionId>,
    pub(super) link: Option<Current>,
    /// Told by the link before the current one, when it has said `Down`.
    pub(super) previous: Option<oneshot::Receiver<()>>,
    /// The driver waits for an `Up` or `Down`.
    pub(super) is_wanted: bool,
    pub(super) is_dialling: bool,
    /// See [`streams`](super::streams).
    pub(super) attempt: u32,
}

/// The link in use.
pub(super) struct Current {
    pub(super) connection: ConnectionId,
    pub(super) attempt: Option<Attempt>,
    pub(super) ends: Ends,
    pub(super) pulse: Arc<Pulse>,
    pub(super) since: Instant,
    pub(super) said_down: oneshot::Receiver<()>,
}

/// Dials under way, and those that wait for their turn.
#[derive(Default)]
pub(super) struct Dials {
    pub(super) policy: Policy,
    pub(super) flying: BTreeMap<ConnectionId, Dial>,
    pub(super) waiting: VecDeque<Dial>,
}

/// One dial.
pub(super) struct Dial {
    pub(super) peer: PeerId,
    pub(super) addresses: Vec<Multiaddr>,
    /// From a port of its own, after the first try broke off.
    pub(super) is_second: bool,
    pub(super) since: Instant,
}

impl Peers {
    pub(super) fn entry(&mut self, id: PeerId) -> &mut Peer {
        let tries = &mut self.tries;
        self.known.entry(id).or_insert_with(|| {
            *tries = tries.wrapping_add(1);
            Peer { connections: Vec::new(), link: None, previous: None, is_wanted: false, is_dialling: false, attempt: *tries }
        })
    }

    /// The peer lost a stream and has no other: the next one is another try.
    pub(super) fn next_try(&mut self, id: &PeerId) {
        self.tries = self.tries.wrapping_add(1);
        if let Some(peer) = self.known.get_mut(id).filter(|peer| peer.link.is_none()) {
            peer.attempt = self.tries;
        }
    }

    /// Forgets what is over; returns whether the driver waits for an answer in vain.
    pub(super) fn settle(&mut self, id: &PeerId) -> bool {
        let Some(peer) = self.known.get_mut(id) else { return false };
        if peer.link.is_some() || peer.is_dialling || !peer.connections.is_empty() {
            return false;
        }
        let is_wanted = peer.is_wanted;
        self.known.remove(id);
        is_wanted
    }
}
