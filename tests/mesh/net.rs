//! The network alone: Alice, Bob and Carol are transport keys with a socket on 127.0.0.1.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::{AsyncReadExt as _, AsyncWriteExt as _, StreamExt as _};
use libp2p::{Multiaddr, StreamProtocol};
use tidings::net::dial::{Allowed, Unsafe, check};
use tidings::net::{Arrival, Config, Heard, Link, Listen, NetError, Network, Topic, Verdict};
use tidings::types::limits::{FRAME_BYTES_MAX, INPUT_BYTES_MAX, RELAY_CONNECTIONS_PER_ADDRESS_MAX, STREAM_BYTES_MAX};
use tidings::types::{Address, PeerId};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use zeroize::Zeroizing;

const TCP: &str = "/ip4/127.0.0.1/tcp/0";
const QUIC: &str = "/ip4/127.0.0.1/udp/0/quic-v1";

/// One node's network, and what the node would know.
struct Person {
    net: Network,
    arrived: mpsc::Receiver<Arrival>,
    addresses: Vec<Address>,
    links: BTreeMap<PeerId, Link>,
}

impl Person {
    async fn new(key: u8, listen: &str) -> Self {
        Self::start(key, listen, false).await.expect("listens")
    }

    async fn relay(key: u8) -> Self {
        Self::start(key, TCP, true).await.expect("listens")
    }

    async fn start(key: u8, listen: &str, is_relay: bool) -> Result<Self, NetError> {
        let listen = vec![Listen { address: address(listen), preferred: None }];
        let (net, arrived, _) = Network::start(Config { transport: Zeroizing::new([key; 32]), listen, is_relay }).await?;
        let mut person = Self { net, arrived, addresses: Vec::new(), links: BTreeMap::new() };
        let Arrival::Listening(addresses) = person.next().await else { panic!("first of all, where it listens") };
        person.addresses = addresses;
        Ok(person)
    }

    fn peer(&self) -> PeerId {
        self.net.peer()
    }

    async fn next(&mut self) -> Arrival {
        let arrival = tokio::time::timeout(Duration::from_secs(30), self.arrived.recv()).await;
        let arrival = arrival.expect("something arrives in time").expect("the network runs");
        match &arrival {
            Arrival::Up(link) => assert!(self.links.insert(link.peer(), link.clone()).is_none(), "up twice"),
            Arrival::Down { peer, .. } => _ = self.links.remove(peer),
            _ => {}
        }
        arrival
    }

    async fn up(&mut self) -> Link {
        match self.next().await {
            Arrival::Up(link) => link,
            other => panic!("expected a peer, got {other:?}"),
        }
    }

    async fn down(&mut self) -> (PeerId, bool) {
        match self.next().await {
            Arrival::Down { peer, is_malformed } => (peer, is_malformed),
            other => panic!("expected a loss, got {other:?}"),
        }
    }

    async fn frame(&mut self) -> Vec<u8> {
        match self.next().await {
            Arrival::Frame(frame) => frame.into_bytes(),
            other => panic!("expected a frame, got {other:?}"),
        }
    }

    async fn gossip(&mut self) -> Heard {
        match self.next().await {
            Arrival::Gossip(heard) => heard,
            other => panic!("expected gossip, got {other:?}"),
        }
    }

    async fn dial(&self, other: &Self) {
        self.net.dial(other.peer(), other.addresses.clone()).await;
    }

    /// Connects, and waits for both sides.
    async fn meet(&mut self, other: &mut Self) -> (Link, Link) {
        self.dial(other).await;
        (self.up().await, other.up().await)
    }
}

fn address(text: &str) -> Address {
    Address::new(text).expect("an address")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_go_both_ways_in_order() {
    for transport in [TCP, QUIC] {
        let (mut alice, mut bob) = (Person::new(1, transport).await, Person::new(2, transport).await);
        let (to_bob, to_alice) = alice.meet(&mut bob).await;
        for number in 0..200_u32 {
            let length = if number == 100 { FRAME_BYTES_MAX } else { 4 };
            let frame = |base: u32| [&(base + number).to_be_bytes()[..], &vec![7; length - 4]].concat();
            assert!(to_bob.send(frame(1_000)) && to_alice.send(frame(5_000)));
        }
        for number in 0..200_u32 {
            assert_eq!(bob.frame().await[..4], (1_000 + number).to_be_bytes());
            assert_eq!(alice.frame().await[..4], (5_000 + number).to_be_bytes());
        }
    }
}

/// Alice sends windows of 256 frames and waits for Bob's word after each, as the outbox does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_frames_arrive_in_order() {
    const FRAMES: u32 = 100_000;
    let (mut alice, mut bob) = (Person::new(1, TCP).await, Person::new(2, TCP).await);
    let (to_bob, to_alice) = alice.meet(&mut bob).await;
    let reader = tokio::spawn(async move {
        for number in 0..FRAMES {
            let frame = bob.frame().await;
            assert_eq!((frame.len(), &frame[..4]), (1_024, &number.to_be_bytes()[..]));
            if number % 256 == 255 {
                assert!(to_alice.send(vec![1]));
            }
        }
    });
    for number in 0..FRAMES {
        if number % 256 == 0 && number >= 512 {
            alice.frame().await;
        }
        assert!(to_bob.send([&number.to_be_bytes()[..], &[0; 1_020]].concat()));
    }
    reader.await.expect("Bob has them all");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_both_dial_at_once_one_stream_is_kept() {
    for round in 0..10_u8 {
        let transport = if round % 2 == 0 { TCP } else { QUIC };
        let (mut alice, mut bob) = (Person::new(10 + round, transport).await, Person::new(100 + round, transport).await);
        tokio::join!(alice.dial(&bob), bob.dial(&alice));
        let (to_bob, to_alice) = (alice.up().await, bob.up().await);
        for number in 0..100_u8 {
            assert!(to_bob.send(vec![number]) && to_alice.send(vec![number]));
        }
        // Anything but the frames, in order, fails here: an `Up` twice, a `Down`, a frame lost on the other stream.
        for number in 0..100_u8 {
            assert_eq!((alice.frame().await, bob.frame().await), (vec![number], vec![number]));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_restarts_goes_down_and_comes_up() {
    let (mut alice, mut bob) = (Person::new(1, TCP).await, Person::new(2, TCP).await);
    alice.meet(&mut bob).await;
    let bobs_id = bob.peer();
    bob.net.kill().await;
    assert_eq!(alice.down().await, (bobs_id, false));
    let mut bob = Person::new(2, TCP).await;
    let (to_alice, to_bob) = bob.meet(&mut alice).await;
    // A clean stop sends what was queued.
    assert!(to_bob.send(b"good night".to_vec()));
    alice.net.stop().await;
    assert_eq!(bob.frame().await, b"good night");
    assert_eq!(bob.down().await, (to_alice.peer(), false));
}

/// The old stream looks alive to the other side, as it does for minutes when a machine loses its network.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_process_takes_the_place_of_its_old_stream() {
    for (alices_key, bobs_key) in [(1, 2), (2, 1)] {
        let (mut alice, mut bob) = (Person::new(alices_key, TCP).await, Person::new(bobs_key, TCP).await);
        alice.meet(&mut bob).await;
        let mut twin = Person::new(bobs_key, TCP).await;
        twin.dial(&alice).await;
        let to_alice = twin.up().await;
        assert_eq!(alice.down().await, (bob.peer(), false));
        let to_bob = alice.up().await;
        assert!(to_alice.send(b"it is me".to_vec()) && to_bob.send(b"welcome back".to_vec()));
        assert_eq!((alice.frame().await, twin.frame().await), (b"it is me".to_vec(), b"welcome back".to_vec()));
        assert_eq!(bob.down().await.0, alice.peer());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_does_not_read_is_cut_off() {
    let (mut alice, mut bob) = (Person::new(1, TCP).await, Person::new(2, TCP).await);
    let (to_bob, _) = alice.meet(&mut bob).await;
    let mut sent = 0;
    while to_bob.send(vec![0; 32 * 1024]) {
        sent += 32 * 1024;
        while to_bob.waiting_bytes() > STREAM_BYTES_MAX / 2 && sent < 3 * INPUT_BYTES_MAX {
            tokio::task::yield_now().await;
            if sent >= INPUT_BYTES_MAX {
                break;
            }
        }
    }
    assert!(to_bob.waiting_bytes() <= STREAM_BYTES_MAX);
    assert!(sent < 8 * INPUT_BYTES_MAX, "what Bob does not read is held back, not stored: {sent}");
    assert_eq!(alice.down().await, (bob.peer(), false));
    assert!(!to_bob.send(vec![1]));
    assert_eq!(alice.net.stats().cut_off, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_overlong_frame_closes_the_stream() {
    for (alices_key, length) in [(1, FRAME_BYTES_MAX as u32 + 1), (2, u32::MAX), (3, 0)] {
        let mut alice = Person::new(alices_key, TCP).await;
        let (mallory, mut stream) = raw_stream(&alice).await;
        if alice.peer() < mallory {
            stream.write_all(&[9; 12]).await.expect("says which try it is");
        } else {
            let mut attempt = [0; 12];
            stream.read_exact(&mut attempt).await.expect("hears which try it is");
        }
        stream.write_all(if alice.peer() < mallory { &[] } else { &[1] }).await.expect("says yes");
        stream.write_all(&[&[0, 0, 0, 1, 42], &length.to_be_bytes()[..]].concat()).await.expect("writes");
        stream.flush().await.expect("writes");
        alice.up().await;
        assert_eq!(alice.frame().await, [42]);
        assert_eq!(alice.down().await, (mallory, true));
    }
}

/// A stranger that speaks our stream protocol by hand.
async fn raw_stream(to: &Person) -> (PeerId, libp2p::Stream) {
    let mut swarm = libp2p::SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_tcp(Default::default(), libp2p::noise::Config::new, libp2p::yamux::Config::default)
        .expect("tcp")
        .with_behaviour(|_| libp2p_stream::Behaviour::new())
        .expect("a behaviour")
        .build();
    let me = PeerId::from_multihash(&swarm.local_peer_id().to_bytes()).expect("an Ed25519 key");
    let mut control = swarm.behaviour().new_control();
    let there: libp2p::PeerId = to.peer().to_string().parse().expect("a peer id");
    let whole: Multiaddr = format!("{}/p2p/{there}", to.addresses[0]).parse().expect("an address");
    swarm.dial(whole).expect("dials");
    tokio::spawn(async move { while swarm.next().await.is_some() {} });
    // The connection is there a moment after the dial; until then the control would dial without an address.
    loop {
        if let Ok(stream) = control.open_stream(there, StreamProtocol::new("/tidings/1")).await {
            return (me, stream);
        }
        // The dial goes on meanwhile.
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_dial_is_answered() {
    let (mut alice, bob, carol) = (Person::new(1, TCP).await, Person::new(2, TCP).await, Person::new(3, TCP).await);
    // Carol's id at Bob's address.
    alice.net.dial(carol.peer(), bob.addresses.clone()).await;
    assert_eq!(alice.down().await.0, carol.peer());
    // Nobody there any more.
    let (gone, nowhere) = (carol.peer(), carol.addresses.clone());
    carol.net.kill().await;
    alice.net.dial(gone, nowhere).await;
    assert_eq!(alice.down().await.0, gone);
    // No address, none that is safe, itself.
    for (peer, addresses) in [(gone, vec![]), (gone, vec![address("/ip4/224.0.0.1/tcp/4001")]), (alice.peer(), alice.addresses.clone())] {
        alice.net.dial(peer, addresses).await;
        assert_eq!(alice.down().await.0, peer);
    }
    // More than may be under way at a time.
    for key in 0..100 {
        alice.net.dial(PeerId([key; 32]), vec![address("/ip4/127.0.0.1/tcp/1")]).await;
    }
    for _ in 0..100 {
        alice.down().await;
    }
}

#[test]
fn addresses_of_others_are_dialled_only_where_it_is_safe() {
    use Unsafe::{LinkLocal, Loopback, Port, Private, Shape, Special};
    let table: &[(&str, Result<(), Unsafe>)] = &[
        ("/ip4/8.8.8.8/tcp/4001", Ok(())),
        ("/ip4/8.8.8.8/udp/4001/quic-v1", Ok(())),
        ("/ip6/2a00:1450::1/tcp/4001", Ok(())),
        ("/dns4/relay.example.org/tcp/443", Ok(())),
        ("/dns/relay.example.org/udp/443/quic-v1", Ok(())),
        ("/dnsaddr/relay.example.org", Err(Shape)),
        ("/ip4/8.8.8.8/tcp/4001/ws", Err(Shape)),
        ("/ip4/8.8.8.8/udp/4001", Err(Shape)),
        ("/ip4/8.8.8.8/tcp/4001/p2p/12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN/p2p-circuit", Err(Shape)),
        ("/unix/%2Frun%2Fdocker.sock", Err(Shape)),
        ("/memory/1234", Err(Shape)),
        ("/nonsense", Err(Shape)),
        ("/ip4/8.8.8.8/tcp/0", Err(Port)),
        ("/ip4/0.0.0.0/tcp/4001", Err(Special)),
        ("/ip4/255.255.255.255/udp/4001/quic-v1", Err(Special)),
        ("/ip4/224.0.0.251/udp/5353/quic-v1", Err(Special)),
        ("/ip6/::/tcp/4001", Err(Special)),
        ("/ip6/ff02::1/tcp/4001", Err(Special)),
        ("/ip4/169.254.169.254/tcp/80", Err(LinkLocal)),
        ("/ip6/fe80::1/tcp/4001", Err(LinkLocal)),
        ("/ip6/::ffff:169.254.169.254/tcp/80", Err(LinkLocal)),
        ("/ip4/127.0.0.1/tcp/4001", Err(Loopback)),
        ("/ip4/127.8.8.8/tcp/4001", Err(Loopback)),
        ("/ip6/::1/tcp/4001", Err(Loopback)),
        ("/ip6/::ffff:127.0.0.1/tcp/4001", Err(Loopback)),
        ("/ip6/64:ff9b::7f00:1/tcp/4001", Err(Loopback)),
        ("/ip6/2002:7f00:1::1/tcp/4001", Err(Loopback)),
        ("/ip4/10.1.2.3/tcp/4001", Err(Private)),
        ("/ip4/172.31.0.1/tcp/4001", Err(Private)),
        ("/ip4/192.168.1.1/tcp/80", Err(Private)),
        ("/ip4/100.64.0.1/tcp/4001", Err(Private)),
        ("/ip6/fd00::1/tcp/4001", Err(Private)),
    ];
    for (text, expected) in table {
        let address = address(text);
        assert_eq!(check(&address, Allowed::default()), *expected, "{text}");
        let at_home = check(&address, Allowed { loopback: false, private: true });
        assert_eq!(at_home, if *expected == Err(Private) { Ok(()) } else { *expected }, "{text} at home");
        let on_one_machine = check(&address, Allowed { loopback: true, private: false });
        let fine = matches!(expected, Err(Private | Loopback));
        assert_eq!(on_one_machine, if fine { Ok(()) } else { *expected }, "{text} on one machine");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_in_use_is_told() {
    for transport in [TCP, QUIC] {
        let alice = Person::new(1, transport).await;
        let Err(NetError::Listen { address, .. }) = Person::start(2, alice.addresses[0].as_str(), false).await else {
            panic!("two nodes on one port")
        };
        assert_eq!(address, alice.addresses[0]);
    }
}

/// Mallory opens connections and says nothing. One address gets so many and no more, and gets them again when it lets go.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_address_gets_so_many_connections() {
    let mut relay = Person::relay(1).await;
    let mut bob = Person::new(2, TCP).await;
    let socket = relay.addresses[0].as_str().replace("/ip4/", "").replace("/tcp/", ":");
    let mut held = futures::stream::FuturesUnordered::new();
    for _ in 0..RELAY_CONNECTIONS_PER_ADDRESS_MAX + 5 {
        let mut connection = TcpStream::connect(&socket).await.expect("connects");
        held.push(async move {
            // The relay speaks first only to hang up; it waits for the handshake otherwise.
            let _ = connection.read_exact(&mut [0; 1_000]).await;
        });
    }
    for _ in 0..5 {
        held.next().await;
    }
    bob.dial(&relay).await;
    assert_eq!(bob.down().await.0, relay.peer());
    drop(held);
    loop {
        bob.dial(&relay).await;
        match bob.next().await {
            Arrival::Up(_) => break,
            other => assert!(matches!(other, Arrival::Down { .. })),
        }
    }
    relay.up().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gossip_passes_through_those_who_accept_it() {
    let (mut alice, mut relay, mut bob) = (Person::new(1, TCP).await, Person::relay(2).await, Person::new(3, TCP).await);
    for person in [&alice, &relay, &bob] {
        person.net.subscribe(Topic::Relays, true).await;
        person.net.subscribe(Topic::Room([5; 32]), true).await;
    }
    alice.meet(&mut relay).await;
    bob.meet(&mut relay).await;
    // Published until heard: nobody says when a mesh has formed.
    let heard = publish_until(&alice, Topic::Relays, &mut relay).await;
    assert_eq!((heard.topic, heard.from), (Topic::Relays, alice.peer()));
    relay.net.judge(&heard, Verdict::Accept).await;
    let heard = bob.gossip().await;
    assert_eq!((heard.topic, heard.from), (Topic::Relays, relay.peer()));
    // The relay is deaf for rooms; Bob hears when he and Alice meet.
    alice.net.publish(Topic::Room([5; 32]), b"sealed".to_vec()).await;
    alice.meet(&mut bob).await;
    let heard = publish_until(&alice, Topic::Room([5; 32]), &mut bob).await;
    assert_eq!((heard.topic, heard.from), (Topic::Room([5; 32]), alice.peer()));
}

async fn publish_until(from: &Person, topic: Topic, to: &mut Person) -> Heard {
    for number in 0..u32::MAX {
        from.net.publish(topic, number.to_be_bytes().to_vec()).await;
        let waited = tokio::time::timeout(Duration::from_millis(100), to.arrived.recv()).await;
        if let Ok(Some(Arrival::Gossip(heard))) = waited {
            assert!(heard.topic == topic);
            return heard;
        }
    }
    unreachable!()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_peer_stays_out_and_a_dismissed_one_may_come_back() {
    let (mut alice, mut bob) = (Person::new(1, TCP).await, Person::new(2, TCP).await);
    let (to_bob, _) = alice.meet(&mut bob).await;
    assert!(to_bob.send(b"goodbye".to_vec()));
    alice.net.disconnect(bob.peer(), 0).await;
    assert_eq!(bob.frame().await, b"goodbye");
    assert_eq!((alice.down().await.0, bob.down().await.0), (bob.peer(), alice.peer()));
    alice.meet(&mut bob).await;
    alice.net.disconnect(bob.peer(), 3_600_000).await;
    assert_eq!((alice.down().await.0, bob.down().await.0), (bob.peer(), alice.peer()));
    bob.dial(&alice).await;
    assert_eq!(bob.down().await.0, alice.peer());
}
