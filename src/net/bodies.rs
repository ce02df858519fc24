//! Streams for the bodies of media, beside the one for frames: opened on the connection that is there whenever somebody wants pieces, so that
//! what is large never stands before what is small. Each side may open some; the other side serves them.

use std::collections::VecDeque;
use std::task::{Context, Poll};

use futures::io::{AsyncReadExt as _, AsyncWriteExt as _};
use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::core::upgrade::ReadyUpgrade;
use libp2p::swarm::handler::{ConnectionEvent, DialUpgradeError, FullyNegotiatedInbound, FullyNegotiatedOutbound};
use libp2p::swarm::{
    ConnectionDenied, ConnectionHandler, ConnectionHandlerEvent, ConnectionId, FromSwarm, NetworkBehaviour, NotifyHandler, Stream,
    StreamProtocol, SubstreamProtocol, THandler, THandlerInEvent, THandlerOutEvent, ToSwarm,
};
use libp2p::{Multiaddr, PeerId};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::streams::{millis, read_frame, timely};
use super::swarm::Order;
use super::translate;
use crate::types::limits::{BODY_IDLE_MS, FRAME_READ_MS, STREAM_WAIT_MS};
use crate::wire::frame::Frame;

const PROTOCOL: StreamProtocol = StreamProtocol::new("/tidings/bodies/1");

/// Opens streams of bodies. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Opener {
    pub(super) orders: mpsc::Sender<Order>,
}

impl Opener {
    /// A stream to a peer that is connected; `None` when it is not, or does not speak this.
    pub async fn open(&self, peer: crate::types::PeerId) -> Option<BodyStream> {
        let (answer, opened) = oneshot::channel();
        self.orders.send(Order::Open { peer, answer }).await.ok()?;
        let stream = timeout(millis(STREAM_WAIT_MS), opened).await.ok()?.ok()?;
        Some(BodyStream { stream })
    }
}

/// A stream of bodies that a peer opened.
#[derive(Debug)]
pub struct Incoming {
    /// Proven by the transport.
    pub from: crate::types::PeerId,
    /// To be served.
    pub stream: BodyStream,
}

/// Frames about pieces, each with its length before it.
#[derive(Debug)]
pub struct BodyStream {
    stream: Stream,
}

impl BodyStream {
    pub(super) fn new(stream: Stream) -> Self {
        Self { stream }
    }

    /// Writes a frame; `None` when the stream is broken, or the peer takes no byte for too long.
    pub async fn write(&mut self, frame: &Frame) -> Option<()> {
        let bytes = frame.encode();
        let length = u32::try_from(bytes.len()).ok()?;
        timely(self.stream.write_all(&length.to_be_bytes())).await?;
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let written = timely(self.stream.write(rest)).await?;
            rest = rest.get(written..).filter(|_| written > 0)?;
        }
        Some(())
    }

    /// What was written leaves.
    pub async fn flush(&mut self) -> Option<()> {
        timely(self.stream.flush()).await
    }

    /// Reads a frame; `None` when the stream is over, is broken, or brings what is no frame.
    pub async fn read(&mut self) -> Option<Frame> {
        let bytes = timeout(millis(FRAME_READ_MS), read_frame(&mut self.stream)).await.ok()?.ok()?;
        Frame::decode(&bytes).ok()
    }

    /// The same, and nothing for a while is the end too.
    pub async fn read_soon(&mut self) -> Option<Frame> {
        let mut prefix = [0; 4];
        timeout(millis(BODY_IDLE_MS), self.stream.read_exact(&mut prefix)).await.ok()?.ok()?;
        let bytes = super::streams::read_rest(&mut self.stream, prefix).await.ok()?;
        Frame::decode(&bytes).ok()
    }

    /// The two ways of it, to be used by two tasks.
    pub fn split(self) -> (BodyReader, BodyWriter) {
        let (read, write) = self.stream.split();
        (BodyReader { half: read }, BodyWriter { half: write })
    }
}

/// What comes.
#[derive(Debug)]
pub struct BodyReader {
    half: futures::io::ReadHalf<Stream>,
}

impl BodyReader {
    /// See [`BodyStream::read`].
    pub async fn read(&mut self) -> Option<Frame> {
        let bytes = timeout(millis(FRAME_READ_MS), read_frame(&mut self.half)).await.ok()?.ok()?;
        Frame::decode(&bytes).ok()
    }
}

/// What goes.
#[derive(Debug)]
pub struct BodyWriter {
    half: futures::io::WriteHalf<Stream>,
}

impl BodyWriter {
    /// Writes a small frame, which leaves at once.
    pub async fn write(&mut self, frame: &Frame) -> Option<()> {
        let bytes = frame.encode();
        let length = u32::try_from(bytes.len()).ok()?;
        timely(self.half.write_all(&[&length.to_be_bytes()[..], &bytes].concat())).await?;
        timely(self.half.flush()).await
    }
}

/// Opens streams and takes those that come.
#[derive(Default)]
pub(super) struct Behaviour {
    asked: VecDeque<(PeerId, ConnectionId, Answer)>,
    came: VecDeque<(PeerId, Stream)>,
}

/// Where an opened stream goes; dropped when there is none.
pub(super) type Answer = oneshot::Sender<Stream>;

impl Behaviour {
    pub(super) fn open(&mut self, peer: PeerId, connection: ConnectionId, answer: Answer) {
        self.asked.push_back((peer, connection, answer));
    }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = Handler;
    type ToSwarm = (crate::types::PeerId, Stream);

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(Handler::default())
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(Handler::default())
    }

    fn on_swarm_event(&mut self, _: FromSwarm) {}

    fn on_connection_handler_event(&mut self, peer: PeerId, _: ConnectionId, stream: THandlerOutEvent<Self>) {
        self.came.push_back((peer, stream));
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        if let Some((peer_id, connection, answer)) = self.asked.pop_front() {
            return Poll::Ready(ToSwarm::NotifyHandler { peer_id, handler: NotifyHandler::One(connection), event: answer });
        }
        while let Some((peer, stream)) = self.came.pop_front() {
            if let Some(peer) = translate::from_libp2p(&peer) {
                return Poll::Ready(ToSwarm::GenerateEvent((peer, stream)));
            }
        }
        Poll::Pending
    }
}

/// The part of it that lives with one connection.
#[derive(Default)]
pub(super) struct Handler {
    asked: VecDeque<Answer>,
    came: VecDeque<Stream>,
}

/// Streams that wait to be handed over; more are refused.
const CAME_MAX: usize = 4;

impl ConnectionHandler for Handler {
    type FromBehaviour = Answer;
    type ToBehaviour = Stream;
    type InboundProtocol = ReadyUpgrade<StreamProtocol>;
    type OutboundProtocol = ReadyUpgrade<StreamProtocol>;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = Answer;

    fn listen_protocol(&self) -> SubstreamProtocol<Self::InboundProtocol> {
        SubstreamProtocol::new(ReadyUpgrade::new(PROTOCOL), ())
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ConnectionHandlerEvent<Self::OutboundProtocol, Answer, Self::ToBehaviour>> {
        if let Some(stream) = self.came.pop_front() {
            return Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(stream));
        }
        match self.asked.pop_front() {
            Some(answer) => {
                let protocol = SubstreamProtocol::new(ReadyUpgrade::new(PROTOCOL), answer);
                Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest { protocol })
            }
            None => Poll::Pending,
        }
    }

    fn on_behaviour_event(&mut self, answer: Answer) {
        self.asked.push_back(answer);
    }

    fn on_connection_event(&mut self, event: ConnectionEvent<Self::InboundProtocol, Self::OutboundProtocol, (), Answer>) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound { protocol: stream, .. }) if self.came.len() < CAME_MAX => {
                self.came.push_back(stream);
            }
            // Whoever wanted it may be gone.
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound { protocol: stream, info: answer }) => {
                let _ = answer.send(stream);
            }
            ConnectionEvent::DialUpgradeError(DialUpgradeError { info: answer, .. }) => drop(answer),
            _ => {}
        }
    }
}
