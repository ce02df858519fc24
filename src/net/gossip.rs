//! Two gossip meshes, kept apart by protocol id. On the public one every message is signed by its author and every node takes
//! part. On the rooms one only persons' nodes take part, topics are named by a secret of the room's epoch, and messages are
//! sealed envelopes without an author: neither a topic nor a message says who is in the room.

use std::time::Duration;

use libp2p::gossipsub::{
    self, Config, ConfigBuilder, IdentTopic, IdentityTransform, MaxCountSubscriptionFilter, MessageAcceptance, MessageAuthenticity,
    MessageId, TopicHash, TopicSubscriptionFilter, ValidationMode, Version,
};
use libp2p::identity::Keypair;

use super::swarm::Task;
use super::{Arrival, Heard, NetError, Topic, Verdict, translate};
use crate::types::PeerId;
use crate::types::limits::{GOSSIP_BYTES_MAX, GOSSIP_WAITING_MAX, TOPICS_PER_PEER_MAX};

/// The mesh that every node speaks.
pub(super) type Public = gossipsub::Behaviour<IdentityTransform, PublicTopics>;
/// The mesh of persons' nodes.
pub(super) type Rooms = gossipsub::Behaviour<IdentityTransform, MaxCountSubscriptionFilter<RoomTopics>>;

/// Which mesh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mesh {
    Public,
    Rooms,
}

/// The public mesh: signed by the author's transport key, strictly checked.
pub(super) fn public(keypair: &Keypair) -> Result<Public, NetError> {
    let config = base("/tidings/public/1").validation_mode(ValidationMode::Strict).build();
    let config = config.map_err(|_| NetError::Gossip)?;
    gossipsub::Behaviour::new_with_subscription_filter(MessageAuthenticity::Signed(keypair.clone()), config, PublicTopics)
        .map_err(|_| NetError::Gossip)
}

/// The rooms mesh: no author, no sequence number, no signature; a message is known by its content.
pub(super) fn rooms() -> Result<Rooms, NetError> {
    let config: Result<Config, _> = base("/tidings/rooms/1")
        .validation_mode(ValidationMode::Anonymous)
        .message_id_fn(|message| {
            let mut hash = blake3::Hasher::new();
            hash.update(message.topic.as_str().as_bytes()).update(&[0]).update(&message.data);
            MessageId::from(hash.finalize().as_bytes().to_vec())
        })
        .build();
    let filter = MaxCountSubscriptionFilter {
        filter: RoomTopics,
        max_subscribed_topics: TOPICS_PER_PEER_MAX,
        max_subscriptions_per_request: TOPICS_PER_PEER_MAX,
    };
    gossipsub::Behaviour::new_with_subscription_filter(MessageAuthenticity::Anonymous, config.map_err(|_| NetError::Gossip)?, filter)
        .map_err(|_| NetError::Gossip)
}

fn base(protocol: &'static str) -> ConfigBuilder {
    let mut config = ConfigBuilder::default();
    config
        .protocol_id(protocol, Version::V1_1)
        .max_transmit_size(GOSSIP_BYTES_MAX)
        .validate_messages()
        .flood_publish(false)
        .connection_handler_queue_len(QUEUE_MAX)
        .heartbeat_initial_delay(Duration::from_millis(500));
    config
}

/// Messages queued to one peer on one mesh; gossipsub drops more, as gossip may be.
const QUEUE_MAX: usize = 128;

/// The mesh and the name of a topic there.
pub(super) fn named(topic: Topic) -> (Mesh, IdentTopic) {
    match topic {
        Topic::Relays => (Mesh::Public, IdentTopic::new(RELAYS)),
        Topic::Room(name) => (Mesh::Rooms, IdentTopic::new(data_encoding::HEXLOWER.encode(&name))),
    }
}

/// The topic of this name on this mesh.
pub(super) fn topic(mesh: Mesh, name: &TopicHash) -> Option<Topic> {
    match mesh {
        Mesh::Public => (name.as_str() == RELAYS).then_some(Topic::Relays),
        Mesh::Rooms => {
            let bytes = data_encoding::HEXLOWER.decode(name.as_str().as_bytes()).ok()?;
            bytes.try_into().ok().map(Topic::Room)
        }
    }
}

const RELAYS: &str = "relays";

/// The topics there are on the public mesh.
#[derive(Clone, Debug)]
pub(super) struct PublicTopics;

impl TopicSubscriptionFilter for PublicTopics {
    fn can_subscribe(&mut self, name: &TopicHash) -> bool {
        topic(Mesh::Public, name).is_some()
    }
}

/// Names that a room can have.
#[derive(Clone, Debug)]
pub(super) struct RoomTopics;

impl TopicSubscriptionFilter for RoomTopics {
    fn can_subscribe(&mut self, name: &TopicHash) -> bool {
        topic(Mesh::Rooms, name).is_some()
    }
}

impl Task {
    pub(super) fn on_subscribe(&mut self, topic: Topic, on: bool) {
        let behaviour = self.swarm.behaviour_mut();
        let done = match (named(topic), behaviour.rooms.as_mut()) {
            ((Mesh::Public, name), _) if on => behaviour.public.subscribe(&name).is_ok(),
            ((Mesh::Public, name), _) => behaviour.public.unsubscribe(&name),
            ((Mesh::Rooms, name), Some(rooms)) if on => rooms.subscribe(&name).is_ok(),
            ((Mesh::Rooms, name), Some(rooms)) => rooms.unsubscribe(&name),
            ((Mesh::Rooms, _), None) => false,
        };
        tracing::trace!(on, done, "topic");
    }

    pub(super) fn on_publish(&mut self, topic: Topic, bytes: Vec<u8>) {
        let behaviour = self.swarm.behaviour_mut();
        let published = match (named(topic), behaviour.rooms.as_mut()) {
            ((Mesh::Public, name), _) => behaviour.public.publish(name, bytes).is_ok(),
            ((Mesh::Rooms, name), Some(rooms)) => rooms.publish(name, bytes).is_ok(),
            ((Mesh::Rooms, _), None) => false,
        };
        tracing::trace!(published, "gossip");
    }

    pub(super) fn on_judge(&mut self, topic: Topic, from: &PeerId, id: &MessageId, verdict: Verdict) {
        let acceptance = match verdict {
            Verdict::Accept => MessageAcceptance::Accept,
            Verdict::Ignore => MessageAcceptance::Ignore,
            Verdict::Reject => MessageAcceptance::Reject,
        };
        let Some(from) = translate::to_libp2p(from) else { return };
        let behaviour = self.swarm.behaviour_mut();
        match (named(topic).0, behaviour.rooms.as_mut()) {
            (Mesh::Public, _) => _ = behaviour.public.report_message_validation_result(id, &from, acceptance),
            (Mesh::Rooms, Some(rooms)) => _ = rooms.report_message_validation_result(id, &from, acceptance),
            (Mesh::Rooms, None) => {}
        }
    }

    pub(super) fn on_gossip(&mut self, mesh: Mesh, event: gossipsub::Event) {
        let gossipsub::Event::Message { propagation_source, message_id, message } = event else { return };
        let (Some(topic), Some(from)) = (topic(mesh, &message.topic), translate::from_libp2p(&propagation_source)) else { return };
        let waiting = self.pending.iter().filter(|arrival| matches!(arrival, Arrival::Gossip(_))).count();
        if waiting >= GOSSIP_WAITING_MAX {
            self.on_judge(topic, &from, &message_id, Verdict::Ignore);
            return;
        }
        self.pending.push_back(Arrival::Gossip(Heard { topic, bytes: message.data, from, id: message_id }));
    }
}
