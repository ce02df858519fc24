//! Real nodes and bare clients on loopback, started and connected.

use std::path::Path;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};
use zeroize::Zeroizing;

use super::{BenchError, Result, chance};
use crate::net::{self, Arrival, BodyStream, Incoming, Link, Listen, Network};
use crate::node::{Command, Handle, Options, Reply, Settings};
use crate::store::reader::Reader;
use crate::types::limits::{INVITE_TTL_MS, NEIGHBOUR_INBOX_BYTES_MAX};
use crate::types::{Address, PeerId, RoomId, Scan, Table, View as _};
use crate::wire::frame::Frame;
use crate::wire::row::{self, Cargo};

/// Starts a node on its directory.
pub(super) async fn node(folder: &Path, name: &str, relay: bool) -> Result<Handle> {
    let settings = Settings {
        name: name.to_owned(),
        relay,
        neighbour: false,
        relay_inbox_bytes: INBOX_BYTES,
        neighbour_inbox_bytes: NEIGHBOUR_INBOX_BYTES_MAX,
    };
    let options = Options { data: folder.join(name), passphrase: None, entropy: None, listen: loopback(), announce: Vec::new(), settings };
    Ok(Handle::start(options).await?)
}

/// Has two nodes meet; returns their room once both can write in it.
pub(super) async fn meet(one: &Handle, other: &Handle) -> Result<RoomId> {
    let invite = Command::Invite { ttl_ms: INVITE_TTL_MS, public: false };
    let Reply::Link(link) = other.command(invite).await? else { return Err(BenchError::Late("for an invite")) };
    one.command(Command::ContactAdd { link, name: None, greeting: String::new() }).await?;
    let room = crate::crypto::keys::direct_room(&one.account(), &other.account());
    let is_ready = |handle: &Handle| reader(handle).room(&room).is_some_and(|room| room.is_ready);
    until("for the two to meet", || is_ready(one) && is_ready(other)).await?;
    // Cards and receipts of the meeting are out of the way.
    sleep(CALM).await;
    Ok(room)
}

/// What screens read of a node.
pub(super) fn reader(handle: &Handle) -> Reader<'_> {
    Reader::new(handle.store(), handle.account(), 0)
}

/// Whether every message of a node has its receipt. Cards and the like may still be owed; they are few.
pub(super) fn has_receipts(handle: &Handle) -> bool {
    let rows = handle.store().scan(&Scan::prefix(Table::Outbox, []).limit(FEW)).into_iter();
    let mut cargo = rows.filter_map(|(_, value)| row::decode::<row::Outbox>(&value).ok()).map(|row| row.cargo);
    !cargo.any(|cargo| matches!(cargo, Cargo::Message { .. }))
}

/// Waits until something is so.
pub(super) async fn until(what: &'static str, mut is_so: impl FnMut() -> bool) -> Result<()> {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        if Instant::now() >= end {
            return Err(BenchError::Late(what));
        }
        sleep(LOOK_EVERY).await;
    }
    Ok(())
}

/// A bare client: a network and one stream to a peer, nothing else.
pub(super) struct Client {
    network: Network,
    arrivals: mpsc::Receiver<Arrival>,
    incoming: mpsc::Receiver<Incoming>,
    link: Option<Link>,
    addresses: Vec<Address>,
}

impl Client {
    /// Listens on loopback.
    pub(super) async fn listen() -> Result<Self> {
        let listen = loopback().into_iter().map(|address| Listen { address, preferred: None }).collect();
        let config = net::Config { transport: Zeroizing::new(chance()?), listen, is_relay: false };
        let (mut network, arrivals, bound) = Network::start(config).await?;
        let incoming = network.take_incoming().ok_or(BenchError::Late("for a network"))?;
        Ok(Self { network, arrivals, incoming, link: None, addresses: bound.addresses })
    }

    /// With a stream to a peer.
    pub(super) async fn connect(peer: PeerId, addresses: Vec<Address>) -> Result<Self> {
        let mut client = Self::listen().await?;
        client.network.dial(peer, addresses).await;
        client.meet().await?;
        Ok(client)
    }

    /// Two with a stream between them.
    pub(super) async fn pair() -> Result<(Self, Self)> {
        let mut one = Self::listen().await?;
        let other = Self::connect(one.peer(), one.addresses.clone());
        let (met, other) = tokio::join!(one.meet(), other);
        met?;
        Ok((one, other?))
    }

    pub(super) fn peer(&self) -> PeerId {
        self.network.peer()
    }

    /// Waits for the stream.
    async fn meet(&mut self) -> Result<()> {
        loop {
            match timeout(PATIENCE, self.arrivals.recv()).await {
                Ok(Some(Arrival::Up(link))) => {
                    self.link = Some(link);
                    return Ok(());
                }
                Ok(Some(Arrival::Listening(_) | Arrival::Frame(_) | Arrival::Gossip(_))) => {}
                Ok(Some(Arrival::Down { .. }) | None) | Err(_) => return Err(BenchError::Late("for a stream")),
            }
        }
    }

    /// Sends bytes as they are.
    pub(super) fn send_raw(&self, bytes: Vec<u8>) -> Result<()> {
        let is_queued = self.link.as_ref().is_some_and(|link| link.send(bytes));
        if is_queued { Ok(()) } else { Err(BenchError::Late("for a stream to take a frame")) }
    }

    pub(super) fn send(&self, frame: &Frame) -> Result<()> {
        self.send_raw(frame.encode())
    }

    /// A stream of bodies to a peer.
    pub(super) async fn open_bodies(&self, peer: PeerId) -> Result<BodyStream> {
        self.network.opener().open(peer).await.ok_or(BenchError::Late("for a stream of bodies"))
    }

    /// A stream of bodies that a peer opened.
    pub(super) async fn next_bodies(&mut self) -> Result<BodyStream> {
        let came = timeout(PATIENCE, self.incoming.recv()).await.ok().flatten();
        came.map(|incoming| incoming.stream).ok_or(BenchError::Late("for a stream of bodies"))
    }

    /// The next bytes.
    pub(super) async fn next_raw(&mut self) -> Result<Vec<u8>> {
        loop {
            match timeout(PATIENCE, self.arrivals.recv()).await {
                Ok(Some(Arrival::Frame(frame))) => return Ok(frame.into_bytes()),
                Ok(Some(Arrival::Listening(_) | Arrival::Up(_) | Arrival::Gossip(_))) => {}
                Ok(Some(Arrival::Down { .. }) | None) | Err(_) => return Err(BenchError::Late("for a frame")),
            }
        }
    }

    pub(super) async fn next(&mut self) -> Result<Frame> {
        let bytes = self.next_raw().await?;
        Frame::decode(&bytes).map_err(|_| BenchError::Late("for a frame that makes sense"))
    }
}

fn loopback() -> Vec<Address> {
    Address::new("/ip4/127.0.0.1/tcp/0").into_iter().collect()
}

/// How long anything is waited for.
const PATIENCE: Duration = Duration::from_secs(120);
/// Until what follows a meeting is done.
const CALM: Duration = Duration::from_secs(2);
/// Rows of an outbox that are no messages, at most.
const FEW: usize = 16;
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// Room for everything that the benches put into one inbox.
const INBOX_BYTES: u64 = 1 << 30;
