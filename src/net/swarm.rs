//! The task that owns all connections. It takes orders from the driver and notes from the links, and never waits for either.

use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroU8;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::StreamExt as _;
use libp2p::gossipsub::MessageId;
use libp2p::identity::Keypair;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{ConnectionId, DialError, SwarmEvent};
use libp2p::{Multiaddr, Swarm, TransportError, ping};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::behaviour::{Behaviour, BehaviourEvent};
use super::bodies::{self, BodyStream, Incoming};
use super::dial::{self, Policy};
use super::gossip::Mesh;
use super::listen::{self, Listening};
use super::opening::Opened;
use super::peers::{Current, Dial, Dials, Peers};
use super::streams::{self, Attempt, Ends, Outlets, Ready, Running, Side};
use super::{Arrival, Bound, Config, Listen, NetError, Network, Topic, Verdict, translate};
use crate::types::limits::{
    BODY_STREAMS_MAX, CONNECTION_IDLE_MS, DIAL_MS, DIALS_MAX, DIALS_WAITING_MAX, INPUT_BYTES_MAX, INPUTS_MAX, REFUSED_PEERS_MAX,
    STREAM_DRAIN_MS, STREAM_WAIT_MS, STREAMS_PENDING_MAX,
};
use crate::types::{Address, Millis, PeerId};

/// What the task is told.
pub(super) enum Order {
    /// By the driver: open a stream.
    Dial { peer: PeerId, addresses: Vec<Address> },
    /// By the driver: close everything to this peer.
    Disconnect { peer: PeerId, refuse_ms: Millis },
    /// By the driver.
    Subscribe { topic: Topic, on: bool },
    /// By the driver.
    Publish { topic: Topic, bytes: Vec<u8> },
    /// By the driver.
    Judge { topic: Topic, from: PeerId, id: MessageId, verdict: Verdict },
    /// By the driver: open a stream of bodies, on the connection of the link.
    Open { peer: PeerId, answer: bodies::Answer },
    /// By the driver: finish all links, then end.
    Stop { done: oneshot::Sender<()> },
    /// By a stream: the other side said what it had to say.
    Ready(Ready),
    /// By a stream: it did not.
    Unready { peer: PeerId, connection: ConnectionId },
    /// By a link: it is about to say `Down`.
    Ended { peer: PeerId, connection: ConnectionId },
}

/// See [`Network::start`].
pub(super) async fn start(config: Config) -> Result<(Network, mpsc::Receiver<Arrival>, Bound), NetError> {
    let mut secret = config.transport.clone();
    let keypair = Keypair::ed25519_from_bytes(&mut secret[..]).map_err(|_| NetError::Key)?;
    let peer = translate::from_libp2p(&keypair.public().to_peer_id()).ok_or(NetError::Key)?;
    let policy = Policy::default();
    let settings = libp2p::swarm::Config::with_tokio_executor()
        .with_idle_connection_timeout(Duration::from_millis(CONNECTION_IDLE_MS))
        .with_max_negotiating_inbound_streams(STREAMS_PENDING_MAX)
        .with_dial_concurrency_factor(NonZeroU8::MIN.saturating_add(2));
    let transport = listen::transport(&keypair, policy.clone())?;
    let swarm = Swarm::new(transport, Behaviour::new(&keypair, config.is_relay)?, keypair.public().to_peer_id(), settings);

    let (order_sender, orders) = mpsc::channel(ORDERS_MAX);
    let (arrivals, arrived) = mpsc::channel(INPUTS_MAX);
    let requested: Vec<Multiaddr> = config.listen.iter().filter_map(|listen| translate::to_multiaddr(&listen.address)).collect();
    let outlets =
        Outlets { arrivals, room: Arc::new(Semaphore::new(INPUT_BYTES_MAX)), orders: order_sender.clone(), counters: Arc::default() };
    let counters = Arc::clone(&outlets.counters);
    let (bodies, incoming) = mpsc::channel(BODY_STREAMS_MAX);
    let mut task = Task {
        me: peer,
        bodies,
        process: getrandom::u64().unwrap_or_default(),
        swarm,
        orders,
        outlets,
        links: JoinSet::new(),
        peers: Peers::default(),
        dials: Dials { policy: policy.clone(), ..Dials::default() },
        refused: BTreeMap::new(),
        listening: Listening::new(policy, &requested),
        pending: VecDeque::new(),
        stopping: None,
    };
    let mut ports = Vec::new();
    for listen in &config.listen {
        ports.push(task.listen(listen).await?);
    }
    let bound = Bound { ports, addresses: task.listening.dialable() };
    let task = tokio::spawn(task.run());
    Ok((Network { peer, orders: order_sender, counters, task, incoming: Some(incoming) }, arrived, bound))
}

/// Orders waiting for the task; it takes them at once, so this only smooths.
const ORDERS_MAX: usize = 256;
/// How long a listener may take to say where it listens.
const LISTEN_WAIT: Duration = Duration::from_secs(5);
/// How often connections without a stream and refusals are looked at.
const SWEEP: Duration = Duration::from_secs(2);

pub(super) struct Task {
    me: PeerId,
    /// Random: tells the other side that the process is another one.
    process: u64,
    pub(super) swarm: Swarm<Behaviour>,
    orders: mpsc::Receiver<Order>,
    outlets: Outlets,
    /// Streams of bodies that peers opened.
    bodies: mpsc::Sender<Incoming>,
    /// Streams being agreed on, and links; they end with this task.
    links: JoinSet<()>,
    peers: Peers,
    dials: Dials,
    /// Until when.
    refused: BTreeMap<PeerId, Instant>,
    listening: Listening,
    /// What waits for room in the channel to the driver; `Down`s of failed dials, gossip, own addresses.
    pub(super) pending: VecDeque<Arrival>,
    stopping: Option<(oneshot::Sender<()>, Instant)>,
}

impl Task {
    async fn run(mut self) {
        let arrivals = self.outlets.arrivals.clone();
        // Kept over the rounds, so that it keeps its place among the links that wait too.
        let mut slot = pin!(arrivals.clone().reserve_owned());
        let mut sweep = interval(SWEEP);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                Some(order) = self.orders.recv() => self.on_order(order),
                event = self.swarm.select_next_some() => self.on_event(event),
                permit = &mut slot, if !self.pending.is_empty() => {
                    if let (Ok(permit), Some(arrival)) = (permit, self.pending.pop_front()) {
                        permit.send(arrival);
                    }
                    slot.set(arrivals.clone().reserve_owned());
                }
                Some(_) = self.links.join_next() => {}
                _ = sweep.tick() => self.on_sweep(),
            }
            if self.is_over() {
                break;
            }
        }
        if let Some((done, _)) = self.stopping.take() {
            let _ = done.send(());
        }
    }

    fn is_over(&self) -> bool {
        let Some((_, deadline)) = &self.stopping else { return false };
        Instant::now() >= *deadline || self.peers.known.values().all(|peer| peer.link.is_none())
    }

    /// Listens, and waits until the system says on which port.
    async fn listen(&mut self, listen: &Listen) -> Result<u16, NetError> {
        let refuse = |why: String| NetError::Listen { address: listen.address.clone(), why };
        let address = translate::to_multiaddr(&listen.address).filter(|address| dial::socket_of(address).is_some());
        let address = address.ok_or_else(|| refuse("not a plain TCP or QUIC address".to_owned()))?;
        if let Some(preferred) = listen.preferred
            && let Ok(port) = self.listen_at(dial::with_port(&address, preferred)).await
        {
            return Ok(port);
        }
        self.listen_at(address).await.map_err(refuse)
    }

    async fn listen_at(&mut self, address: Multiaddr) -> Result<u16, String> {
        listen::probe(&address).map_err(|error| error.to_string())?;
        let listener = self.swarm.listen_on(address).map_err(|error| why(&error))?;
        let bound = timeout(LISTEN_WAIT, async {
            loop {
                if let Some(port) = self.listening.port(listener) {
                    return Ok(port);
                }
                match self.swarm.select_next_some().await {
                    SwarmEvent::ListenerClosed { listener_id, reason, .. } if listener_id == listener => {
                        return Err(reason.err().map_or_else(|| "it was closed".to_owned(), |error| error.to_string()));
                    }
                    event => self.on_event(event),
                }
            }
        });
        bound.await.unwrap_or_else(|_| Err("the system names no address for it".to_owned()))
    }

    fn on_order(&mut self, order: Order) {
        match order {
            Order::Dial { peer, addresses } => self.on_dial(peer, &addresses),
            Order::Disconnect { peer, refuse_ms } => self.on_disconnect(peer, refuse_ms),
            Order::Subscribe { topic, on } => self.on_subscribe(topic, on),
            Order::Publish { topic, bytes } => self.on_publish(topic, bytes),
            Order::Judge { topic, from, id, verdict } => self.on_judge(topic, &from, &id, verdict),
            Order::Open { peer, answer } => {
                let link = self.peers.known.get(&peer).and_then(|known| known.link.as_ref());
                if let (Some(link), Some(peer)) = (link, translate::to_libp2p(&peer)) {
                    self.swarm.behaviour_mut().bodies.open(peer, link.connection, answer);
                }
            }
            Order::Stop { done } => {
                for link in self.peers.known.values().filter_map(|peer| peer.link.as_ref()) {
                    link.ends.finish.cancel();
                }
                self.stopping = Some((done, Instant::now() + 2 * Duration::from_millis(STREAM_DRAIN_MS)));
            }
            Order::Ready(ready) => self.on_ready(ready),
            Order::Unready { peer, connection } => self.on_stream_gone(peer, connection),
            Order::Ended { peer, connection } => {
                if let Some(known) = self.peers.known.get_mut(&peer)
                    && let Some(link) = known.link.take_if(|link| link.connection == connection)
                {
                    known.previous = Some(link.said_down);
                }
                self.on_stream_gone(peer, connection);
            }
        }
    }

    // Dials and connections.

    fn on_dial(&mut self, id: PeerId, addresses: &[Address]) {
        let allowed = self.dials.policy.allowed();
        let safe: Vec<Multiaddr> = addresses
            .iter()
            .filter_map(translate::to_multiaddr)
            .filter(|address| dial::check_multiaddr(address, allowed).is_ok())
            .collect();
        let peer = self.peers.entry(id);
        if peer.link.is_some() {
            return;
        }
        peer.is_wanted = true;
        if peer.is_dialling || !peer.connections.is_empty() {
            return;
        }
        if id != self.me && !safe.is_empty() && self.stopping.is_none() && self.dials.waiting.len() < DIALS_WAITING_MAX {
            peer.is_dialling = true;
            self.dials.waiting.push_back(Dial { peer: id, addresses: safe, is_second: false, since: Instant::now() });
            self.start_dials();
        } else {
            self.settle(id);
        }
    }

    /// Dials leave from the port that TCP listens on, so that a router or a proxy on the way knows whose they are. When two nodes dial each
    /// other within one round trip, the two meet in one TCP connection that both believe to have dialled (RFC 9293 section 3.5), and its
    /// handshake fails: then each tries once more from a port of its own. The error does not tell whether that was it, so every dial
    /// that fails soon gets a second try; one to nowhere does not.
    fn start_dials(&mut self) {
        while self.dials.flying.len() < DIALS_MAX {
            let Some(dial) = self.dials.waiting.pop_front() else { return };
            let (id, dial) = (dial.peer, Dial { since: Instant::now(), ..dial });
            let Some(peer) = translate::to_libp2p(&id) else {
                self.on_dial_over(id);
                continue;
            };
            let options = DialOpts::peer_id(peer).addresses(dial.addresses.clone()).condition(PeerCondition::Always);
            let options = if dial.is_second { options.allocate_new_port() } else { options }.build();
            let connection = options.connection_id();
            self.dials.flying.insert(connection, dial);
            if self.swarm.dial(options).is_err() {
                self.dials.flying.remove(&connection);
                self.on_dial_over(id);
            }
        }
    }

    fn on_dial_failed(&mut self, connection: ConnectionId, error: &DialError) {
        let Some(dial) = self.dials.flying.remove(&connection) else { return };
        tracing::debug!(peer = ?dial.peer, error = kind(error), "a dial failed");
        let is_alone = self.peers.known.get(&dial.peer).is_some_and(|peer| peer.link.is_none() && peer.connections.is_empty());
        let is_soon = dial.since.elapsed() < Duration::from_millis(DIAL_MS) / 3;
        if is_alone && is_soon && !dial.is_second && matches!(error, DialError::Transport(_)) {
            self.dials.waiting.push_front(Dial { is_second: true, ..dial });
        } else {
            self.on_dial_over(dial.peer);
        }
        self.start_dials();
    }

    fn on_dial_over(&mut self, id: PeerId) {
        if let Some(peer) = self.peers.known.get_mut(&id) {
            peer.is_dialling = false;
        }
        self.settle(id);
    }

    fn on_connected(&mut self, peer: &libp2p::PeerId, connection: ConnectionId) {
        self.outlets.counters.connections.fetch_add(1, Ordering::Relaxed);
        let Some(id) = translate::from_libp2p(peer) else { return };
        self.peers.unlinked.insert(connection, (id, Instant::now()));
        self.peers.entry(id).connections.push(connection);
        if let Some(dial) = self.dials.flying.remove(&connection) {
            self.on_dial_over(dial.peer);
            self.start_dials();
        }
    }

    fn on_connection_closed(&mut self, peer: &libp2p::PeerId, connection: ConnectionId) {
        self.outlets.counters.connections.fetch_sub(1, Ordering::Relaxed);
        self.peers.unlinked.remove(&connection);
        let Some(id) = translate::from_libp2p(peer) else { return };
        if let Some(peer) = self.peers.known.get_mut(&id) {
            peer.connections.retain(|other| *other != connection);
        }
        self.settle(id);
    }

    fn on_disconnect(&mut self, id: PeerId, refuse_ms: Millis) {
        let Some(peer) = translate::to_libp2p(&id) else { return };
        self.dials.waiting.retain(|dial| dial.peer != id);
        let linked = self.peers.known.get(&id).and_then(|known| known.link.as_ref());
        if refuse_ms > 0 {
            if let Some(link) = linked {
                link.ends.cut.cancel();
            }
            self.refuse(id, Duration::from_millis(refuse_ms));
        } else if let Some(link) = linked {
            link.ends.finish.cancel();
            let kept = link.connection;
            let others = self.peers.known.get(&id).map(|known| known.connections.clone()).unwrap_or_default();
            for connection in others.into_iter().filter(|connection| *connection != kept) {
                self.close(id, connection);
            }
        } else {
            let _ = self.swarm.disconnect_peer_id(peer);
            if let Some(known) = self.peers.known.get_mut(&id) {
                known.connections.clear();
            }
        }
        let is_flying = self.dials.flying.values().any(|dial| dial.peer == id);
        if !is_flying {
            self.on_dial_over(id);
        }
    }

    /// The block list closes what is open.
    fn refuse(&mut self, id: PeerId, time: Duration) {
        let until = Instant::now() + time;
        while self.refused.len() >= REFUSED_PEERS_MAX {
            let Some(soonest) = self.refused.iter().min_by_key(|(_, until)| **until).map(|(id, _)| *id) else { break };
            self.admit(&soonest);
        }
        if let Some(peer) = translate::to_libp2p(&id) {
            self.refused.insert(id, until);
            self.swarm.behaviour_mut().refused.block_peer(peer);
        }
    }

    fn admit(&mut self, id: &PeerId) {
        self.refused.remove(id);
        if let Some(peer) = translate::to_libp2p(id) {
            self.swarm.behaviour_mut().refused.unblock_peer(peer);
        }
    }

    /// gossipsub keeps every connection alive; one that has no stream of ours after a while is of no use.
    fn on_sweep(&mut self) {
        let now = Instant::now();
        let wait = Duration::from_millis(STREAM_WAIT_MS);
        let unlinked = self.peers.unlinked.iter().filter(|(_, (_, since))| now.duration_since(*since) > wait);
        let useless: Vec<(PeerId, ConnectionId)> = unlinked.map(|(connection, (id, _))| (*id, *connection)).collect();
        for (id, connection) in useless {
            self.close(id, connection);
        }
        let over: Vec<PeerId> = self.refused.iter().filter(|(_, until)| **until <= now).map(|(id, _)| *id).collect();
        for id in over {
            self.admit(&id);
        }
    }

    /// A peer did not answer in time.
    fn on_silence(&mut self, id: PeerId, connection: ConnectionId) {
        let link = self.peers.known.get(&id).and_then(|peer| peer.link.as_ref()).filter(|link| link.connection == connection);
        if !link.is_some_and(|link| link.pulse.may_be_alive(link.since)) {
            self.close(id, connection);
        }
    }

    /// A connection that closes counts as gone at once: on a dead network its last bytes can take minutes, and a new dial must not wait for them.
    fn close(&mut self, id: PeerId, connection: ConnectionId) {
        self.swarm.close_connection(connection);
        self.peers.unlinked.remove(&connection);
        if let Some(peer) = self.peers.known.get_mut(&id) {
            peer.connections.retain(|other| *other != connection);
            if let Some(link) = peer.link.as_ref().filter(|link| link.connection == connection) {
                link.ends.cut.cancel();
            }
        }
        self.settle(id);
    }

    /// Nothing is left of a peer: who waits for it is told.
    fn settle(&mut self, id: PeerId) {
        if self.peers.settle(&id) {
            self.pending.push_back(Arrival::Down { peer: id, is_malformed: false });
        }
    }

    // Streams.

    fn on_opened(&mut self, opened: Opened) {
        let Opened { peer, connection, stream } = opened;
        let Some(stream) = stream.filter(|_| self.stopping.is_none()) else { return self.close(peer, connection) };
        let number = self.peers.entry(peer).attempt;
        let side = if self.me < peer { Side::Decides } else { Side::Asks(Attempt { process: self.process, number }) };
        self.links.spawn(streams::agree(peer, connection, stream, side, self.outlets.orders.clone()));
    }

    fn on_ready(&mut self, ready: Ready) {
        let (id, connection, attempt) = (ready.peer, ready.connection, ready.attempt);
        let peer = self.peers.entry(id);
        let is_second = |link: &Current| match (attempt, link.attempt) {
            (Some(new), Some(old)) => !new.replaces(old),
            _ => false,
        };
        if !peer.connections.contains(&connection) || self.stopping.is_some() || peer.link.as_ref().is_some_and(is_second) {
            self.on_stream_gone(id, connection);
            return;
        }
        if let Some(old) = peer.link.take() {
            old.ends.cut.cancel();
            peer.previous = Some(old.said_down);
        }
        let (ends, (say_down, said_down)) = (Ends::default(), oneshot::channel());
        let (pulse, since) = (Arc::default(), Instant::now());
        peer.link = Some(Current { connection, attempt, ends: ends.clone(), pulse: Arc::clone(&pulse), since, said_down });
        peer.is_wanted = false;
        let after = peer.previous.take();
        self.peers.unlinked.remove(&connection);
        self.links.spawn(Running::new(ready, ends, pulse, since, self.outlets.clone()).run(after, say_down));
    }

    /// A connection without its stream is of no use.
    fn on_stream_gone(&mut self, id: PeerId, connection: ConnectionId) {
        self.peers.next_try(&id);
        self.close(id, connection);
    }

    // Events.

    fn on_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::Behaviour(BehaviourEvent::Opening(opened)) => self.on_opened(opened),
            // When too many wait, the peer finds its stream closed, and asks later.
            SwarmEvent::Behaviour(BehaviourEvent::Bodies((from, stream))) => {
                _ = self.bodies.try_send(Incoming { from, stream: BodyStream::new(stream) });
            }
            SwarmEvent::Behaviour(BehaviourEvent::Public(event)) => self.on_gossip(Mesh::Public, event),
            SwarmEvent::Behaviour(BehaviourEvent::Rooms(event)) => self.on_gossip(Mesh::Rooms, event),
            SwarmEvent::Behaviour(BehaviourEvent::Ping(ping::Event { peer, connection, result: Err(error) })) => {
                if let (Some(id), false) = (translate::from_libp2p(&peer), matches!(error, ping::Failure::Unsupported)) {
                    self.on_silence(id, connection);
                }
            }
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, .. } => self.on_connected(&peer_id, connection_id),
            SwarmEvent::ConnectionClosed { peer_id, connection_id, .. } => self.on_connection_closed(&peer_id, connection_id),
            SwarmEvent::OutgoingConnectionError { connection_id, error, .. } => self.on_dial_failed(connection_id, &error),
            SwarmEvent::NewListenAddr { listener_id, address } => self.on_listening(|listening| listening.add(listener_id, address)),
            SwarmEvent::ExpiredListenAddr { listener_id, address } => {
                self.on_listening(|listening| listening.remove(listener_id, &address));
            }
            SwarmEvent::ListenerClosed { listener_id, .. } => self.on_listening(|listening| listening.close(listener_id)),
            _ => {}
        }
    }

    fn on_listening(&mut self, change: impl FnOnce(&mut Listening)) {
        let before = self.listening.dialable();
        change(&mut self.listening);
        let after = self.listening.dialable();
        if before != after {
            self.pending.retain(|arrival| !matches!(arrival, Arrival::Listening(_)));
            self.pending.push_back(Arrival::Listening(after));
        }
    }
}

/// What the system said, without libp2p's words around it.
fn why(error: &TransportError<std::io::Error>) -> String {
    match error {
        TransportError::Other(error) => error.to_string(),
        TransportError::MultiaddrNotSupported(_) => "not a plain TCP or QUIC address".to_owned(),
    }
}

/// Which kind of error; its text would name addresses.
fn kind(error: &DialError) -> &'static str {
    match error {
        DialError::LocalPeerId { .. } => "it is this node",
        DialError::NoAddresses => "no address",
        DialError::DialPeerConditionFalse(_) => "connected already",
        DialError::Aborted => "aborted",
        DialError::WrongPeerId { .. } => "another peer answered",
        DialError::Denied { .. } => "denied by a limit",
        DialError::Transport(_) => "nobody answered as a node does",
    }
}
