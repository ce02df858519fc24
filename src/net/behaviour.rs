//! What a node speaks, and what it refuses before speaking.
//!
//! Mapping of home routers, hole punching, circuits and the DHT stand here when they are built; local discovery by multicast does not.

use std::time::Duration;

use libp2p::identity::Keypair;
use libp2p::swarm::NetworkBehaviour;
use libp2p::swarm::behaviour::toggle::Toggle;
use libp2p::{allow_block_list, connection_limits, identify, memory_connection_limits, ping};

use super::{NetError, bodies, crowd, gossip, opening};
use crate::types::limits::{
    CONNECTIONS_MAX, CONNECTIONS_PENDING_MAX, CONNECTIONS_PER_ADDRESS_MAX, CONNECTIONS_PER_PEER_MAX, MEMORY_PERCENT_MAX, PING_MS,
    PING_WAIT_MS, RELAY_CONNECTIONS_MAX, RELAY_CONNECTIONS_PENDING_MAX, RELAY_CONNECTIONS_PER_ADDRESS_MAX, RELAY_MEMORY_PERCENT_MAX,
};

/// Those that refuse stand first: what they refuse costs the others nothing.
#[derive(NetworkBehaviour)]
pub(super) struct Behaviour {
    pub(super) refused: allow_block_list::Behaviour<allow_block_list::BlockedPeers>,
    limits: connection_limits::Behaviour,
    memory: memory_connection_limits::Behaviour,
    crowd: crowd::Behaviour,
    opening: opening::Behaviour,
    pub(super) bodies: bodies::Behaviour,
    identify: identify::Behaviour,
    ping: ping::Behaviour,
    pub(super) public: gossip::Public,
    pub(super) rooms: Toggle<gossip::Rooms>,
}

impl Behaviour {
    pub(super) fn new(keypair: &Keypair, is_relay: bool) -> Result<Self, NetError> {
        let (per_address, percent) = if is_relay {
            (RELAY_CONNECTIONS_PER_ADDRESS_MAX, RELAY_MEMORY_PERCENT_MAX)
        } else {
            (CONNECTIONS_PER_ADDRESS_MAX, MEMORY_PERCENT_MAX)
        };
        Ok(Self {
            refused: allow_block_list::Behaviour::default(),
            limits: connection_limits::Behaviour::new(limits(is_relay)),
            memory: memory_connection_limits::Behaviour::with_max_percentage(percent as f64 / 100.0),
            crowd: crowd::Behaviour::new(per_address, RELAY_CONNECTIONS_PER_ADDRESS_MAX),
            opening: opening::Behaviour::default(),
            bodies: bodies::Behaviour::default(),
            identify: identify::Behaviour::new(identity(keypair)),
            ping: ping::Behaviour::new(
                ping::Config::new().with_interval(Duration::from_millis(PING_MS)).with_timeout(Duration::from_millis(PING_WAIT_MS)),
            ),
            public: gossip::public(keypair)?,
            rooms: Toggle::from(if is_relay { None } else { Some(gossip::rooms()?) }),
        })
    }
}

fn limits(is_relay: bool) -> connection_limits::ConnectionLimits {
    let (all, pending) =
        if is_relay { (RELAY_CONNECTIONS_MAX, RELAY_CONNECTIONS_PENDING_MAX) } else { (CONNECTIONS_MAX, CONNECTIONS_PENDING_MAX) };
    connection_limits::ConnectionLimits::default()
        .with_max_pending_incoming(Some(pending))
        .with_max_pending_outgoing(Some(pending))
        .with_max_established_incoming(Some(all - all / 8))
        .with_max_established(Some(all))
        .with_max_established_per_peer(Some(CONNECTIONS_PER_PEER_MAX))
}

/// Peers learn our version and nothing else: where a node is reachable stands in its card, for those who hold it; and what a
/// peer says of its own addresses is not kept, so that we dial only what a card names.
fn identity(keypair: &Keypair) -> identify::Config {
    identify::Config::new("/tidings/1".to_owned(), keypair.public())
        .with_agent_version(concat!("tidings/", env!("CARGO_PKG_VERSION")).to_owned())
        .with_hide_listen_addrs(true)
        .with_push_listen_addr_updates(false)
        .with_cache_size(0)
        .with_interval(Duration::from_secs(60 * 60))
}
