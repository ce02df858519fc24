//! Hands over one stream for each connection: whoever dialled the connection opens it, the other side takes it.
//!
//! `libp2p-stream` is not used for this: it picks any connection to the peer, does not tell which one a stream is on, loses
//! inbound streams when several come at once, and keeps an entry for every connection there ever was.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::task::{Context, Poll};

use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::core::upgrade::ReadyUpgrade;
use libp2p::swarm::handler::{ConnectionEvent, FullyNegotiatedInbound, FullyNegotiatedOutbound};
use libp2p::swarm::{
    ConnectionDenied, ConnectionHandler, ConnectionHandlerEvent, ConnectionId, FromSwarm, NetworkBehaviour, Stream, StreamProtocol,
    SubstreamProtocol, THandler, THandlerInEvent, THandlerOutEvent, ToSwarm,
};
use libp2p::{Multiaddr, PeerId};

use super::translate;

/// The protocol of our frames.
const PROTOCOL: StreamProtocol = StreamProtocol::new("/tidings/1");

/// The stream of a connection, or that there will be none.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) peer: crate::types::PeerId,
    pub(super) connection: ConnectionId,
    /// `None` when the peer does not speak our protocol.
    pub(super) stream: Option<Stream>,
}

/// Opens or takes the stream of each connection. Peers whose key is not Ed25519 are refused.
#[derive(Default)]
pub(super) struct Behaviour {
    opened: VecDeque<Opened>,
}

/// The peer's key is of a kind that Tidings does not use.
#[derive(Debug, thiserror::Error)]
#[error("the peer's key is not Ed25519")]
struct ForeignKey;

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = Handler;
    type ToSwarm = Opened;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        let _ = translate::from_libp2p(&peer).ok_or_else(|| ConnectionDenied::new(ForeignKey))?;
        Ok(Handler { step: Step::Take })
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        let _ = translate::from_libp2p(&peer).ok_or_else(|| ConnectionDenied::new(ForeignKey))?;
        Ok(Handler { step: Step::Ask })
    }

    fn on_swarm_event(&mut self, _: FromSwarm) {}

    fn on_connection_handler_event(&mut self, peer: PeerId, connection: ConnectionId, stream: THandlerOutEvent<Self>) {
        if let Some(peer) = translate::from_libp2p(&peer) {
            self.opened.push_back(Opened { peer, connection, stream });
        }
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        self.opened.pop_front().map_or(Poll::Pending, |opened| Poll::Ready(ToSwarm::GenerateEvent(opened)))
    }
}

/// The part of it that lives with one connection.
pub(super) struct Handler {
    step: Step,
}

/// How far the one stream of a connection is.
enum Step {
    /// We dialled: open it.
    Ask,
    /// We dialled, and wait for its negotiation.
    Asked,
    /// The peer dialled: take the first one that comes.
    Take,
    /// Hand it over.
    Hand(Option<Stream>),
    /// It is handed over; there is no second one.
    Done,
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Infallible;
    type ToBehaviour = Option<Stream>;
    type InboundProtocol = ReadyUpgrade<StreamProtocol>;
    type OutboundProtocol = ReadyUpgrade<StreamProtocol>;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = ();

    fn listen_protocol(&self) -> SubstreamProtocol<Self::InboundProtocol> {
        SubstreamProtocol::new(ReadyUpgrade::new(PROTOCOL), ())
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ConnectionHandlerEvent<Self::OutboundProtocol, (), Self::ToBehaviour>> {
        match std::mem::replace(&mut self.step, Step::Done) {
            Step::Ask => {
                self.step = Step::Asked;
                let protocol = SubstreamProtocol::new(ReadyUpgrade::new(PROTOCOL), ());
                Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest { protocol })
            }
            Step::Hand(stream) => Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(stream)),
            step => {
                self.step = step;
                Poll::Pending
            }
        }
    }

    fn on_behaviour_event(&mut self, event: Self::FromBehaviour) {
        libp2p::core::util::unreachable(event)
    }

    /// Any further stream is dropped, which resets it.
    fn on_connection_event(&mut self, event: ConnectionEvent<Self::InboundProtocol, Self::OutboundProtocol>) {
        match (event, &self.step) {
            (ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound { protocol: stream, .. }), Step::Take)
            | (ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound { protocol: stream, .. }), Step::Asked) => {
                self.step = Step::Hand(Some(stream));
            }
            (ConnectionEvent::DialUpgradeError(_), Step::Asked) => self.step = Step::Hand(None),
            _ => {}
        }
    }
}
