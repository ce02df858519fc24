//! Between the words of the node and those of libp2p.

use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;

use crate::types::{Address, PeerId};

/// libp2p's word for a peer; `None` when the key is no point of the curve.
pub(super) fn to_libp2p(peer: &PeerId) -> Option<libp2p::PeerId> {
    libp2p::PeerId::from_bytes(&peer.to_multihash()).ok()
}

/// Our word for a peer; `None` for keys that are not Ed25519.
pub(super) fn from_libp2p(peer: &libp2p::PeerId) -> Option<PeerId> {
    PeerId::from_multihash(&peer.to_bytes())
}

/// An address as libp2p has it; `None` for what is no multiaddr.
pub(super) fn to_multiaddr(address: &Address) -> Option<Multiaddr> {
    address.as_str().parse().ok()
}

/// An address as cards carry it, without the peer it belongs to.
pub(super) fn from_multiaddr(address: &Multiaddr) -> Option<Address> {
    let bare: Multiaddr = address.iter().filter(|part| !matches!(part, Protocol::P2p(_))).collect();
    Address::new(&bare.to_string())
}
