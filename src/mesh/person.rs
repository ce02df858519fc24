//! One person of a mesh: a real node with a data directory, which can be stopped, killed and started again.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use tokio::time::Instant;

use super::look::{self, Line};
use super::proxy::{Gate, Links, locked};
use super::{MeshError, Result, Standing};
use crate::api::{self, Access, Api};
use crate::node::{Body, Command, Handle, Options, Reply, Settings};
use crate::store::reader::view::Custody;
use crate::types::limits::INVITE_TTL_MS;
use crate::types::{AccountId, Address, MessageId, PeerId, RoomId};

/// A person, or a relay, of a mesh. Cheap to clone; every clone is the same person.
#[derive(Clone)]
pub struct Person {
    inner: Arc<Inner>,
}

struct Inner {
    name: String,
    number: usize,
    data: PathBuf,
    settings: Settings,
    patience: Duration,
    links: Arc<Links>,
    gate: Gate,
    has_interface: bool,
    seat: Mutex<Option<Seat>>,
    identity: OnceLock<(AccountId, PeerId)>,
}

/// What runs while a node is up.
struct Seat {
    handle: Handle,
    interface: Option<Api>,
}

/// What a person is made from.
pub(super) struct Making {
    pub(super) name: String,
    pub(super) number: usize,
    pub(super) data: PathBuf,
    pub(super) settings: Settings,
    pub(super) patience: Duration,
    pub(super) links: Arc<Links>,
    pub(super) has_interface: bool,
}

impl Person {
    /// The node starts, and stands behind its gate.
    pub(super) async fn make(making: Making) -> Result<Self> {
        let Making { name, number, data, settings, patience, links, has_interface } = making;
        let gate = Gate::open(number, Arc::clone(&links)).await?;
        let (seat, identity) = (Mutex::new(None), OnceLock::new());
        let inner = Inner { name, number, data, settings, patience, links, gate, has_interface, seat, identity };
        let person = Self { inner: Arc::new(inner) };
        person.start().await?;
        Ok(person)
    }

    /// What the mesh calls them.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// Their account.
    pub fn account(&self) -> AccountId {
        self.identity().0
    }

    /// Their node on the wire.
    pub fn peer(&self) -> PeerId {
        self.identity().1
    }

    /// Their data directory.
    pub fn data(&self) -> &Path {
        &self.inner.data
    }

    /// The address that their cards name: the gate in front of the node.
    pub fn address(&self) -> Address {
        multiaddr(self.inner.gate.address())
    }

    /// Whether their node runs.
    pub fn is_up(&self) -> bool {
        locked(&self.inner.seat).is_some()
    }

    /// The running node, for everything that is not made friendly here.
    pub fn handle(&self) -> Result<Handle> {
        let handle = locked(&self.inner.seat).as_ref().map(|seat| seat.handle.clone());
        handle.ok_or_else(|| MeshError::Down(self.inner.name.clone()))
    }

    /// Where the node's HTTP interface is, and its token, in a mesh with interfaces. Both are new after each start.
    pub fn access(&self) -> Option<Access> {
        locked(&self.inner.seat).as_ref()?.interface.as_ref().map(|interface| interface.access().clone())
    }

    /// Has the node do something; returns when it is durable.
    pub async fn command(&self, command: Command) -> Result<Reply> {
        let named = |source| MeshError::Command { name: self.inner.name.clone(), source };
        self.handle()?.command(command).await.map_err(named)
    }

    /// A link with a one-time secret.
    pub async fn invite(&self) -> Result<String> {
        self.link(Command::Invite { ttl_ms: INVITE_TTL_MS, public: false }).await
    }

    /// The other makes an invite, this person uses it; returns when both are contacts and have their room.
    pub async fn meet(&self, other: &Self) -> Result<RoomId> {
        let link = other.invite().await?;
        self.command(Command::ContactAdd { link, name: Some(other.name().to_owned()), greeting: String::new() }).await?;
        let (here, there) = (self.account(), other.account());
        let have_met = || Ok(look::has_room(&self.handle()?, &there) && look::has_room(&other.handle()?, &here));
        self.until("to meet", have_met).await?;
        self.room(other)
    }

    /// The room of this person and another.
    pub fn room(&self, other: &Self) -> Result<RoomId> {
        let handle = self.handle()?;
        let reader = look::reader(&handle);
        let room = reader.room(&reader.direct_room(&other.account())).map(|room| room.room);
        room.ok_or_else(|| MeshError::NoRoom(self.inner.name.clone(), other.inner.name.clone()))
    }

    /// Gets a mailbox at a relay; returns when the relay has confirmed it.
    pub async fn join(&self, relay: &Self) -> Result<()> {
        let link = relay.link(Command::RelayInvite).await?;
        self.command(Command::RelayJoin(link)).await?;
        self.until_mailbox(relay).await
    }

    /// Asks a contact to hold mail; returns when their node has confirmed it.
    pub async fn ask(&self, neighbour: &Self) -> Result<()> {
        self.command(Command::NeighbourAsk(neighbour.account())).await?;
        self.until_mailbox(neighbour).await
    }

    /// Sends a text; returns when it is durable here, whether or not the other can be reached.
    pub async fn send(&self, to: &Self, text: &str) -> Result<MessageId> {
        let room = self.room(to)?;
        self.send_body(room, Body::Text { text: text.to_owned(), reply: None }).await
    }

    /// Sends anything to a room.
    pub async fn send_body(&self, room: RoomId, body: Body) -> Result<MessageId> {
        match self.command(Command::Send { room, body }).await? {
            Reply::Sent { message, .. } => Ok(message),
            _ => Err(MeshError::Answer(self.inner.name.clone())),
        }
    }

    /// Marks everything that the other wrote as seen.
    pub async fn read(&self, other: &Self) -> Result<()> {
        let theirs = self.transcript(other)?.into_iter().filter(|line| line.from == other.account());
        let messages = theirs.map(|line| line.message).collect();
        self.command(Command::Read { room: self.room(other)?, messages }).await.map(drop)
    }

    /// The texts of the room with another, in the room's one order.
    pub fn transcript(&self, other: &Self) -> Result<Vec<Line>> {
        Ok(look::transcript(&self.handle()?, &self.room(other)?))
    }

    /// What the receipts say of a message: where it stands, who holds it, and until when.
    pub fn custody(&self, message: MessageId) -> Result<Custody> {
        look::custody(&self.handle()?, &message).ok_or_else(|| MeshError::NoMessage(self.inner.name.clone()))
    }

    /// Where a message stands: as with the recipient who is worst off.
    pub fn standing(&self, message: MessageId) -> Result<Standing> {
        Ok(self.custody(message)?.state)
    }

    /// Returns once an own message stands at least so.
    pub async fn until_standing(&self, message: MessageId, least: Standing) -> Result<()> {
        self.until("for a receipt", || Ok(self.standing(message)? >= least)).await
    }

    /// Returns once a message is in this person's store.
    pub async fn until_message(&self, message: MessageId) -> Result<()> {
        self.until("for a message", || Ok(look::custody(&self.handle()?, &message).is_some())).await
    }

    /// Whether the two have a stream, as this node sees it.
    pub fn is_connected(&self, other: &Self) -> Result<bool> {
        Ok(self.handle()?.connected().contains(&other.peer()))
    }

    /// Returns once this node sees no stream to the other: after a cut at once, after silence when its timeouts have passed.
    pub async fn until_apart(&self, other: &Self) -> Result<()> {
        self.until("to notice that the other is gone", || Ok(!self.is_connected(other)?)).await
    }

    /// Starts the node on its data directory; nothing happens when it runs.
    pub async fn start(&self) -> Result<()> {
        if self.is_up() {
            return Ok(());
        }
        let options = Options {
            data: self.inner.data.clone(),
            passphrase: None,
            entropy: None,
            listen: Address::new("/ip4/127.0.0.1/tcp/0").into_iter().collect(),
            announce: vec![self.address()],
            settings: self.inner.settings.clone(),
        };
        let named = |source| MeshError::Start { name: self.inner.name.clone(), source: Box::new(source) };
        let handle = Handle::start(options).await.map_err(named)?;
        let hidden = handle.listening().iter().find_map(socket);
        if let Some(hidden) = hidden {
            self.inner.links.calls_from(hidden.port(), self.inner.number);
        }
        let _ = self.inner.identity.set((handle.account(), handle.peer()));
        self.inner.gate.lead_to(hidden);
        let interface = if self.inner.has_interface { Some(self.interface(&handle).await?) } else { None };
        *locked(&self.inner.seat) = Some(Seat { handle, interface });
        Ok(())
    }

    /// Stops the node cleanly.
    pub async fn stop(&self) {
        if let Some(handle) = self.leave().await {
            handle.stop().await;
        }
    }

    /// Ends the node as a crash would.
    pub async fn kill(&self) {
        if let Some(handle) = self.leave().await {
            handle.kill().await;
        }
    }

    /// Stops the node and starts it again.
    pub async fn restart(&self) -> Result<()> {
        self.stop().await;
        self.start().await
    }

    /// Ends the node as a crash would, and removes its data directory: it does not come back.
    pub async fn destroy(&self) -> Result<()> {
        self.kill().await;
        Ok(std::fs::remove_dir_all(&self.inner.data)?)
    }

    pub(super) fn number(&self) -> usize {
        self.inner.number
    }

    /// Waits until something is so, and no longer than the mesh's patience.
    pub(super) async fn until(&self, what: &'static str, mut is_so: impl FnMut() -> Result<bool>) -> Result<()> {
        let end = Instant::now() + self.inner.patience;
        while !is_so()? {
            if Instant::now() >= end {
                return Err(MeshError::Late { name: self.inner.name.clone(), what, after: self.inner.patience });
            }
            tokio::time::sleep(super::LOOK_EVERY).await;
        }
        Ok(())
    }

    async fn until_mailbox(&self, at: &Self) -> Result<()> {
        let peer = at.peer();
        self.until("for a mailbox", || Ok(look::is_served(&self.handle()?, &peer))).await
    }

    async fn link(&self, command: Command) -> Result<String> {
        match self.command(command).await? {
            Reply::Link(link) => Ok(link),
            _ => Err(MeshError::Answer(self.inner.name.clone())),
        }
    }

    async fn interface(&self, handle: &Handle) -> Result<Api> {
        let options = api::Options { data: self.inner.data.clone(), ui: SocketAddr::from(([127, 0, 0, 1], 0)), config: Vec::new() };
        let named = |source| MeshError::Interface { name: self.inner.name.clone(), source: Box::new(source) };
        Api::start(handle.clone(), options).await.map_err(named)
    }

    /// Closes gate and interface before the node goes.
    async fn leave(&self) -> Option<Handle> {
        self.inner.gate.lead_to(None);
        let Seat { handle, interface } = locked(&self.inner.seat).take()?;
        if let Some(interface) = interface {
            interface.stop().await;
        }
        Some(handle)
    }

    /// Set by the first start, which a person is only made with.
    fn identity(&self) -> (AccountId, PeerId) {
        self.inner.identity.get().copied().unwrap_or((AccountId([0; 32]), PeerId([0; 32])))
    }
}

impl std::fmt::Debug for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Person").field(&self.inner.name).finish()
    }
}

fn multiaddr(address: SocketAddr) -> Address {
    let text = format!("/ip4/{}/tcp/{}", address.ip(), address.port());
    Address::new(&text).unwrap_or_else(|| unreachable!("a socket address is a short multiaddr"))
}

/// The socket address of `/ip4/…/tcp/…`.
fn socket(address: &Address) -> Option<SocketAddr> {
    let mut parts = address.as_str().split('/').skip(1);
    match (parts.next()?, parts.next()?, parts.next()?, parts.next()?) {
        ("ip4", ip, "tcp", port) => Some(SocketAddr::new(ip.parse().ok()?, port.parse().ok()?)),
        _ => None,
    }
}
