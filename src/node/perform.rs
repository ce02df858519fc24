//! What outputs do, once they may.

use super::driver::Driver;
use crate::net::{self, Link};
use crate::proto::{CommandError, Event, Output, Reply, Topic};
use crate::types::{Address, BlobId, Millis, PeerId};

/// An output that is not a write, ready to be performed.
pub(super) enum Word {
    /// A frame, on the stream that was open when the node spoke.
    Transmit(Link, Vec<u8>),
    Publish {
        topic: Topic,
        bytes: Vec<u8>,
    },
    Subscribe {
        topic: Topic,
        on: bool,
    },
    Dial {
        peer: PeerId,
        addresses: Vec<Address>,
    },
    Disconnect {
        peer: PeerId,
        refuse_ms: Millis,
    },
    Work {
        text: Vec<u8>,
        bits: u8,
    },
    Fetch {
        from: PeerId,
        blob: BlobId,
        pieces: Vec<u32>,
    },
    Forget(BlobId),
    Reply {
        id: u64,
        result: Result<Reply, CommandError>,
    },
    Emit(Event),
    /// A frame to somebody who is gone.
    Lost,
}

impl From<Output> for Word {
    fn from(output: Output) -> Self {
        match output {
            Output::Publish { topic, bytes } => Self::Publish { topic, bytes },
            Output::Subscribe { topic, on } => Self::Subscribe { topic, on },
            Output::Dial { peer, addresses } => Self::Dial { peer, addresses },
            Output::Disconnect { peer, refuse_ms } => Self::Disconnect { peer, refuse_ms },
            Output::Work { text, bits } => Self::Work { text, bits },
            Output::Fetch { from, blob, pieces } => Self::Fetch { from, blob, pieces },
            Output::Forget(blob) => Self::Forget(blob),
            Output::Reply { id, result } => Self::Reply { id, result },
            Output::Emit(event) => Self::Emit(event),
            Output::Persist(_) | Output::Transmit { .. } => Self::Lost,
        }
    }
}

impl Driver {
    /// Performs one output. None of them waits for a peer.
    pub(super) async fn perform(&mut self, word: Word) {
        match word {
            // When it is not queued the peer is gone or cut off, and its `Down` follows.
            Word::Transmit(link, bytes) => _ = link.send(bytes),
            Word::Publish { topic, bytes } => self.network.publish(named(topic), bytes).await,
            Word::Subscribe { topic, on } => self.network.subscribe(named(topic), on).await,
            Word::Dial { peer, addresses } => {
                tracing::trace!(?peer, addresses = addresses.len(), "dial");
                self.network.dial(peer, addresses).await;
            }
            Word::Disconnect { peer, refuse_ms } => self.network.disconnect(peer, refuse_ms).await,
            Word::Work { text, bits } => self.jobs.pay(text, bits),
            Word::Fetch { from, blob, pieces } => self.bodies.fetch(from, blob, pieces),
            Word::Forget(blob) => self.bodies.forget(blob),
            // Whoever asked may be gone; what was asked for is done.
            Word::Reply { id, result } => _ = self.mouth.answers.remove(&id).map(|answer| answer.send(result.map_err(Into::into))),
            // Nobody may be looking.
            Word::Emit(event) => _ = self.mouth.events.send(event),
            Word::Lost => {}
        }
    }
}

fn named(topic: Topic) -> net::Topic {
    match topic {
        Topic::Relays => net::Topic::Relays,
        Topic::Room(name) => net::Topic::Room(name),
    }
}
