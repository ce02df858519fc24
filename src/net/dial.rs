//! Address safety: which addresses that somebody tells us we are willing to connect to.
//!
//! Addresses come from cards, invites and announcements, so from strangers: one that names a printer in our home network, a
//! service on our own machine or a multicast group must not make this node a tool. [`check`] is the rule; `Guard` asks it
//! again below name resolution, so that a name cannot lead where an address may not.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

use libp2p::Multiaddr;
use libp2p::core::transport::{DialOpts, ListenerId, Transport, TransportError, TransportEvent};
use libp2p::multiaddr::Protocol;

use super::translate;
use crate::types::Address;

/// Which special ranges may be dialled, from where this node listens itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// The machine itself: only when we listen there ourselves.
    pub loopback: bool,
    /// Private ranges (RFC 1918, RFC 4193, RFC 6598): only when we listen in one, or on loopback.
    pub private: bool,
}

/// Why an address is not dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsafe {
    /// Neither plain TCP nor QUIC over an IP address or a DNS name.
    #[error("not a plain TCP or QUIC address")]
    Shape,
    /// Nobody listens on port 0.
    #[error("port 0")]
    Port,
    /// Unspecified, multicast, broadcast or reserved.
    #[error("not the address of one machine")]
    Special,
    /// Link-local: means another machine on every network.
    #[error("link-local")]
    LinkLocal,
    /// Loopback, and we do not listen there.
    #[error("loopback")]
    Loopback,
    /// A private range, and we do not listen in one.
    #[error("private network")]
    Private,
}

/// Whether an address may be dialled.
pub fn check(address: &Address, allowed: Allowed) -> Result<(), Unsafe> {
    check_multiaddr(&translate::to_multiaddr(address).ok_or(Unsafe::Shape)?, allowed)
}

/// The same for a parsed address.
pub(super) fn check_multiaddr(address: &Multiaddr, allowed: Allowed) -> Result<(), Unsafe> {
    let mut parts = address.iter();
    let host = parts.next().ok_or(Unsafe::Shape)?;
    let port = match (parts.next(), parts.next(), parts.next()) {
        (Some(Protocol::Tcp(port)), None, None) | (Some(Protocol::Udp(port)), Some(Protocol::QuicV1), None) => port,
        _ => return Err(Unsafe::Shape),
    };
    if port == 0 {
        return Err(Unsafe::Port);
    }
    match host {
        Protocol::Ip4(ip) => check_v4(ip, allowed),
        Protocol::Ip6(ip) => check_v6(ip, allowed),
        Protocol::Dns(name) | Protocol::Dns4(name) | Protocol::Dns6(name) if !name.is_empty() => Ok(()),
        _ => Err(Unsafe::Shape),
    }
}

fn check_v4(ip: Ipv4Addr, allowed: Allowed) -> Result<(), Unsafe> {
    match range_v4(ip) {
        Range::Global => Ok(()),
        range => range.check(allowed),
    }
}

fn check_v6(ip: Ipv6Addr, allowed: Allowed) -> Result<(), Unsafe> {
    match range_v6(ip) {
        Range::Global => Ok(()),
        range => range.check(allowed),
    }
}

/// What kind of address it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Range {
    Global,
    Private,
    Loopback,
    LinkLocal,
    Special,
}

impl Range {
    fn check(self, allowed: Allowed) -> Result<(), Unsafe> {
        match self {
            Self::Global => Ok(()),
            Self::Private if allowed.private || allowed.loopback => Ok(()),
            Self::Private => Err(Unsafe::Private),
            Self::Loopback if allowed.loopback => Ok(()),
            Self::Loopback => Err(Unsafe::Loopback),
            Self::LinkLocal => Err(Unsafe::LinkLocal),
            Self::Special => Err(Unsafe::Special),
        }
    }

    /// Of the host of an address; `None` for a name.
    pub(super) fn of(address: &Multiaddr) -> Option<Self> {
        match address.iter().next()? {
            Protocol::Ip4(ip) => Some(range_v4(ip)),
            Protocol::Ip6(ip) => Some(range_v6(ip)),
            _ => None,
        }
    }
}

fn range_v4(ip: Ipv4Addr) -> Range {
    match ip.octets() {
        [0, ..] | [224..=255, ..] | [192, 0, 0, _] => Range::Special,
        [127, ..] => Range::Loopback,
        [169, 254, ..] => Range::LinkLocal,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] | [198, 18..=19, ..] => Range::Private,
        _ => Range::Global,
    }
}

/// IPv4 addresses in IPv6 clothes (mapped, RFC 4291; NAT64, RFC 6052; 6to4, RFC 3056) are judged as what they lead to.
fn range_v6(ip: Ipv6Addr) -> Range {
    let v4 = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match ip.segments() {
        [0, 0, 0, 0, 0, 0, 0, 1] => Range::Loopback,
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => range_v4(v4(high, low)),
        [0, 0, 0, 0, 0, 0, ..] | [0x64, 0xff9b, 1, ..] | [0x100, 0, 0, 0, ..] | [0x2001, 0, ..] | [0xff00..=0xffff, ..] => Range::Special,
        [0xfe80..=0xfeff, ..] => Range::LinkLocal,
        [0xfc00..=0xfdff, ..] => Range::Private,
        _ => Range::Global,
    }
}

/// What [`Allowed`] is at the moment; listeners come and go with the machine's networks.
#[derive(Clone, Debug, Default)]
pub(super) struct Policy(Arc<AtomicU8>);

impl Policy {
    pub(super) fn set(&self, allowed: Allowed) {
        self.0.store(u8::from(allowed.loopback) | (u8::from(allowed.private) << 1), Ordering::Relaxed);
    }

    pub(super) fn allowed(&self) -> Allowed {
        let bits = self.0.load(Ordering::Relaxed);
        Allowed { loopback: bits & 1 != 0, private: bits & 2 != 0 }
    }
}

/// A transport that dials only what [`check`] allows. It stands below name resolution and sees resolved addresses.
pub(super) struct Guard<T> {
    inner: T,
    policy: Policy,
}

impl<T> Guard<T> {
    pub(super) fn new(inner: T, policy: Policy) -> Self {
        Self { inner, policy }
    }
}

impl<T: Transport + Unpin> Transport for Guard<T> {
    type Output = T::Output;
    type Error = T::Error;
    type ListenerUpgrade = T::ListenerUpgrade;
    type Dial = T::Dial;

    fn listen_on(&mut self, id: ListenerId, address: Multiaddr) -> Result<(), TransportError<Self::Error>> {
        self.inner.listen_on(id, address)
    }

    fn remove_listener(&mut self, id: ListenerId) -> bool {
        self.inner.remove_listener(id)
    }

    fn dial(&mut self, address: Multiaddr, options: DialOpts) -> Result<Self::Dial, TransportError<Self::Error>> {
        let bare: Multiaddr = address.iter().filter(|part| !matches!(part, Protocol::P2p(_))).collect();
        match check_multiaddr(&bare, self.policy.allowed()) {
            Ok(()) => self.inner.dial(address, options),
            Err(_) => Err(TransportError::MultiaddrNotSupported(address)),
        }
    }

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<TransportEvent<Self::ListenerUpgrade, Self::Error>> {
        Pin::new(&mut self.inner).poll(cx)
    }
}

/// The IP address and port of a plain TCP (`true`) or QUIC (`false`) address.
pub(super) fn socket_of(address: &Multiaddr) -> Option<(IpAddr, u16, bool)> {
    let mut parts = address.iter();
    let ip = match parts.next()? {
        Protocol::Ip4(ip) => IpAddr::V4(ip),
        Protocol::Ip6(ip) => IpAddr::V6(ip),
        _ => return None,
    };
    match (parts.next()?, parts.next(), parts.next()) {
        (Protocol::Tcp(port), None, None) => Some((ip, port, true)),
        (Protocol::Udp(port), Some(Protocol::QuicV1), None) => Some((ip, port, false)),
        _ => None,
    }
}

/// The same address with another port.
pub(super) fn with_port(address: &Multiaddr, port: u16) -> Multiaddr {
    address
        .iter()
        .map(|part| match part {
            Protocol::Tcp(_) => Protocol::Tcp(port),
            Protocol::Udp(_) => Protocol::Udp(port),
            other => other,
        })
        .collect()
}
