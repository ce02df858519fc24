//! Transports, ports and own addresses.

use std::io;
use std::net::{TcpListener, UdpSocket};
use std::time::Duration;

use libp2p::core::muxing::StreamMuxerBox;
use libp2p::core::transport::timeout::TransportTimeout;
use libp2p::core::transport::{Boxed, ListenerId, Transport as _};
use libp2p::core::upgrade::Version;
use libp2p::identity::Keypair;
use libp2p::{Multiaddr, PeerId, dns, noise, quic, tcp, yamux};

use super::dial::{self, Allowed, Guard, Policy, Range};
use super::{NetError, translate};
use crate::types::Address;
use crate::types::limits::{ADDRESSES_MAX, DIAL_MS, STREAM_WINDOW_BYTES, STREAMS_PER_CONNECTION_MAX};

/// TCP (without Nagle's delay) under Noise and yamux, and QUIC; names resolved above the guard, so that it sees addresses.
pub(super) fn transport(keypair: &Keypair, policy: Policy) -> Result<Boxed<(PeerId, StreamMuxerBox)>, NetError> {
    let limit = Duration::from_millis(DIAL_MS);
    match dns::tokio::Transport::system(Guard::new(numeric(keypair)?, policy.clone())) {
        Ok(named) => Ok(TransportTimeout::new(named, limit).boxed()),
        Err(error) => {
            tracing::warn!(%error, "names cannot be resolved on this machine; only numeric addresses are dialled");
            Ok(TransportTimeout::new(Guard::new(numeric(keypair)?, policy), limit).boxed())
        }
    }
}

fn numeric(keypair: &Keypair) -> Result<Boxed<(PeerId, StreamMuxerBox)>, NetError> {
    let mut muxer = yamux::Config::default();
    muxer.set_max_num_streams(STREAMS_PER_CONNECTION_MAX);
    let tcp = tcp::tokio::Transport::new(tcp::Config::new().nodelay(true))
        .upgrade(Version::V1Lazy)
        .authenticate(noise::Config::new(keypair).map_err(|error| NetError::Noise(Box::new(error)))?)
        .multiplex(muxer)
        .map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer)));
    let mut config = quic::Config::new(keypair);
    config.handshake_timeout = Duration::from_millis(DIAL_MS);
    config.max_idle_timeout = QUIC_IDLE_MS;
    config.keep_alive_interval = Duration::from_millis(u64::from(QUIC_IDLE_MS) / 2);
    config.max_concurrent_stream_limit = STREAMS_PER_CONNECTION_MAX as u32;
    config.max_stream_data = STREAM_WINDOW_BYTES;
    config.max_connection_data = 2 * STREAM_WINDOW_BYTES;
    let quic = quic::tokio::Transport::new(config).map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer)));
    Ok(quic.or_transport(tcp).map(|either, _| either.into_inner()).boxed())
}

/// Silence after which a QUIC connection counts as broken; it is kept open with a packet in half that time.
const QUIC_IDLE_MS: u32 = 30_000;

/// Whether the port of an address is free. libp2p shares TCP ports between processes of one user (`SO_REUSEPORT`), so a second
/// node on the same port would get half of the first one's visitors without anybody noticing.
pub(super) fn probe(address: &Multiaddr) -> io::Result<()> {
    match dial::socket_of(address) {
        // An IPv6 wildcard probe would also claim IPv4, which may be ours already.
        Some((ip, port, _)) if port == 0 || (ip.is_ipv6() && ip.is_unspecified()) => Ok(()),
        Some((ip, port, true)) => TcpListener::bind((ip, port)).map(drop),
        Some((ip, port, false)) => UdpSocket::bind((ip, port)).map(drop),
        None => Err(io::Error::new(io::ErrorKind::InvalidInput, "not a plain TCP or QUIC address")),
    }
}

/// Where this node listens, as the system says.
pub(super) struct Listening {
    policy: Policy,
    wants_loopback: bool,
    addresses: Vec<(ListenerId, Multiaddr)>,
}

impl Listening {
    /// `requested` are the addresses as the person gave them.
    pub(super) fn new(policy: Policy, requested: &[Multiaddr]) -> Self {
        let wants_loopback = requested.iter().any(|address| Range::of(address) == Some(Range::Loopback));
        Self { policy, wants_loopback, addresses: Vec::new() }
    }

    pub(super) fn add(&mut self, listener: ListenerId, address: Multiaddr) {
        if !self.addresses.contains(&(listener, address.clone())) {
            self.addresses.push((listener, address));
        }
        self.update();
    }

    pub(super) fn remove(&mut self, listener: ListenerId, address: &Multiaddr) {
        self.addresses.retain(|known| *known != (listener, address.clone()));
        self.update();
    }

    pub(super) fn close(&mut self, listener: ListenerId) {
        self.addresses.retain(|(known, _)| *known != listener);
        self.update();
    }

    /// The port a listener has, once it has one.
    pub(super) fn port(&self, listener: ListenerId) -> Option<u16> {
        let (_, address) = self.addresses.iter().find(|(known, _)| *known == listener)?;
        dial::socket_of(address).map(|(_, port, _)| port)
    }

    fn update(&self) {
        let ranges: Vec<Range> = self.addresses.iter().filter_map(|(_, address)| Range::of(address)).collect();
        let only_loopback = ranges.iter().all(|range| *range == Range::Loopback) && !ranges.is_empty();
        let loopback = self.wants_loopback || only_loopback;
        self.policy.set(Allowed { loopback, private: loopback || ranges.contains(&Range::Private) });
    }

    /// What others can be told: the widest reachable first, loopback only when there is nothing else.
    pub(super) fn dialable(&self) -> Vec<Address> {
        let of = |wanted: Range| {
            let all = self.addresses.iter().map(|(_, address)| address);
            all.filter(move |address| Range::of(address) == Some(wanted)).filter_map(translate::from_multiaddr)
        };
        let mut found: Vec<Address> = of(Range::Global).chain(of(Range::Private)).collect();
        if found.is_empty() {
            found = of(Range::Loopback).collect();
        }
        found.truncate(ADDRESSES_MAX);
        found
    }
}
