//! Floor 6: a mesh of real nodes in one process, on loopback, with people in them and trouble between them.
//!
//! Made for tests, of this program and of others: named people with data directories of their own, relays, and ways between
//! the nodes that can be cut, slowed, silenced and healed. Nodes are started, stopped, killed and destroyed one by one, and
//! [`Mesh::settle`] waits until nothing moves any more, in place of a sleep. `docs/guide/mesh.md` walks through it.
//!
//! ```no_run
//! # async fn story() -> Result<(), tidings::mesh::MeshError> {
//! let mesh = tidings::mesh::Mesh::builder().people(["alice", "bob"]).relays(1).start().await?;
//! let (alice, bob) = (mesh.person("alice"), mesh.person("bob"));
//! alice.meet(&bob).await?;
//! bob.join(&mesh.relay(0)).await?;
//! mesh.settle().await?; // Alice knows of Bob's mailbox
//! bob.stop().await;
//! alice.send(&bob, "while you were away").await?;
//! mesh.settle().await?;
//! bob.start().await?;
//! mesh.settle().await?;
//! assert_eq!(alice.transcript(&bob)?, bob.transcript(&alice)?);
//! # Ok(())
//! # }
//! ```
#![allow(clippy::disallowed_methods, clippy::disallowed_types)] // Edge: it runs nodes, sockets and files.

mod look;
mod person;
mod proxy;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use self::person::Making;
use self::proxy::Links;
use crate::node::{CommandFailure, Settings, StartError};
use crate::types::AccountId;
use crate::types::limits::{COPIES_WANTED, NEIGHBOUR_INBOX_BYTES_MAX, RELAY_INBOX_BYTES_MAX};

pub use self::look::Line;
pub use self::person::Person;
pub use self::proxy::{Flow, Link};
pub use crate::store::reader::view::State as Standing;

/// Real nodes in this process. Dropping it closes every way between them; [`stop`](Self::stop) also ends the nodes cleanly.
pub struct Mesh {
    people: Vec<Person>,
    relays: Vec<Person>,
    links: Arc<Links>,
    patience: Duration,
    _folder: Option<Folder>,
}

/// Says what a mesh is made of.
#[derive(Clone, Debug)]
pub struct Builder {
    people: Vec<String>,
    relays: usize,
    data: Option<PathBuf>,
    patience: Duration,
    has_interfaces: bool,
}

/// What went wrong in a mesh.
#[derive(Debug, thiserror::Error)]
pub enum MeshError {
    /// A node did not start.
    #[error("the node of {name} did not start: {source}")]
    Start {
        /// Whose.
        name: String,
        /// Why.
        source: Box<StartError>,
    },
    /// An HTTP interface did not start.
    #[error("the interface of {name} did not start: {source}")]
    Interface {
        /// Whose.
        name: String,
        /// Why.
        source: Box<crate::api::StartError>,
    },
    /// A node did not do what it was asked to.
    #[error("{name}: {source}")]
    Command {
        /// Whose.
        name: String,
        /// Why.
        source: CommandFailure,
    },
    /// A node answered something else than what was asked.
    #[error("the node of {0} answered something else than what was asked")]
    Answer(String),
    /// The node does not run.
    #[error("the node of {0} does not run: start it first")]
    Down(String),
    /// The two have no room.
    #[error("{0} and {1} have no room: have them meet first")]
    NoRoom(String, String),
    /// It has no such message.
    #[error("{0} does not have this message")]
    NoMessage(String),
    /// It took too long.
    #[error("{name} waited {what} for {} s", after.as_secs_f32())]
    Late {
        /// Who waited.
        name: String,
        /// For what.
        what: &'static str,
        /// How long.
        after: Duration,
    },
    /// The mesh did not come to rest.
    #[error("the mesh did not come to rest in {} s: {}", after.as_secs_f32(), moving.join("; "))]
    Restless {
        /// How long it was given.
        after: Duration,
        /// What still moved.
        moving: Vec<String>,
    },
    /// Disk or network of this machine.
    #[error("the mesh could not use this machine's disk or loopback network: {0}")]
    Machine(#[from] std::io::Error),
}

/// What a mesh gives back.
pub type Result<T, E = MeshError> = std::result::Result<T, E>;

impl Builder {
    /// These people, each with a node of their own, strangers to each other.
    #[must_use]
    pub fn people<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.people.extend(names.into_iter().map(Into::into));
        self
    }

    /// So many relays, named `relay-0` and on. People [`join`](Person::join) them when told to.
    #[must_use]
    pub fn relays(mut self, count: usize) -> Self {
        self.relays = count;
        self
    }

    /// Keeps the data directories under this folder, which stays; without it they are temporary.
    #[must_use]
    pub fn data(mut self, folder: impl Into<PathBuf>) -> Self {
        self.data = Some(folder.into());
        self
    }

    /// How long anything is waited for; 60 seconds unless told otherwise.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Each node also has its HTTP interface, on a loopback port of its own: see [`Person::access`].
    #[must_use]
    pub fn interfaces(mut self) -> Self {
        self.has_interfaces = true;
        self
    }

    /// Starts every node.
    pub async fn start(self) -> Result<Mesh> {
        let folder = match &self.data {
            Some(_) => None,
            None => Some(Folder::new()?),
        };
        let root = self.data.as_deref().or(folder.as_ref().map(Folder::path)).unwrap_or(Path::new(".")).to_owned();
        let relays = (0..self.relays).map(|number| (format!("relay-{number}"), true));
        let names: Vec<(String, bool)> = self.people.into_iter().map(|name| (name, false)).chain(relays).collect();
        let mut mesh = Mesh { people: Vec::new(), relays: Vec::new(), links: Links::new(), patience: self.patience, _folder: folder };
        for (number, (name, relay)) in names.into_iter().enumerate() {
            let settings = Settings {
                name: name.clone(),
                relay,
                neighbour: !relay,
                relay_inbox_bytes: RELAY_INBOX_BYTES_MAX,
                neighbour_inbox_bytes: NEIGHBOUR_INBOX_BYTES_MAX,
            };
            let data = root.join(&name);
            let links = Arc::clone(&mesh.links);
            let making = Making { name, number, data, settings, patience: self.patience, links, has_interface: self.has_interfaces };
            let person = Person::make(making).await?;
            if relay { mesh.relays.push(person) } else { mesh.people.push(person) }
        }
        Ok(mesh)
    }
}

impl Mesh {
    /// A mesh to be described.
    pub fn builder() -> Builder {
        Builder { people: Vec::new(), relays: 0, data: None, patience: PATIENCE, has_interfaces: false }
    }

    /// A person by name.
    ///
    /// # Panics
    /// When the mesh has nobody of that name.
    pub fn person(&self, name: &str) -> Person {
        let person = self.everyone().find(|person| person.name() == name).cloned();
        person.unwrap_or_else(|| panic!("nobody in this mesh is called {name}"))
    }

    /// Everyone but the relays, in the order they were named.
    pub fn people(&self) -> &[Person] {
        &self.people
    }

    /// A relay by number, from 0.
    ///
    /// # Panics
    /// When the mesh has fewer relays.
    pub fn relay(&self, number: usize) -> Person {
        self.relays[number].clone()
    }

    /// The relays.
    pub fn relays(&self) -> &[Person] {
        &self.relays
    }

    /// Everyone meets everyone.
    pub async fn introduce(&self) -> Result<()> {
        for (at, person) in self.people.iter().enumerate() {
            for other in &self.people[at + 1..] {
                person.meet(other).await?;
            }
        }
        Ok(())
    }

    /// Sets both ways between two nodes.
    pub fn link(&self, a: &Person, b: &Person, link: Link) {
        self.link_one_way(a, b, link);
        self.link_one_way(b, a, link);
    }

    /// Sets the way from one node to another, and leaves the way back as it is.
    pub fn link_one_way(&self, from: &Person, to: &Person, link: Link) {
        self.links.set(from.number(), to.number(), link);
    }

    /// Resets the connections between two nodes and refuses new ones.
    pub fn cut(&self, a: &Person, b: &Person) {
        self.link(a, b, Link { flow: Flow::Cut, ..Link::default() });
    }

    /// No byte passes between two nodes, and neither is told.
    pub fn silence(&self, a: &Person, b: &Person) {
        self.link(a, b, Link { flow: Flow::Silent, ..Link::default() });
    }

    /// Every byte between two nodes takes so long, and so many pass in a second.
    pub fn slow(&self, a: &Person, b: &Person, delay: Duration, bytes_per_second: u64) {
        self.link(a, b, Link { delay, bytes_per_second: Some(bytes_per_second), ..Link::default() });
    }

    /// Cuts every way between these nodes and all others.
    pub fn partition(&self, island: &[&Person]) {
        let on_it = |person: &Person| island.iter().any(|other| other.number() == person.number());
        for mainlander in self.everyone().filter(|person| !on_it(person)) {
            for islander in island {
                self.cut(islander, mainlander);
            }
        }
    }

    /// Every way is open and fast again.
    pub fn heal(&self) {
        self.links.heal();
    }

    /// Waits until nothing moves any more: whoever can be reached has everything that is owed to them, what is owed to
    /// others is held by as many mailboxes as can be, receipts are back, and no message is known to be missing between people
    /// who reach each other.
    pub async fn settle(&self) -> Result<()> {
        let end = Instant::now() + self.patience;
        let mut calm = 0;
        loop {
            let moving = self.moving();
            calm = if moving.is_empty() { calm + 1 } else { 0 };
            if calm == CALM_LOOKS {
                return Ok(());
            }
            if Instant::now() >= end {
                return Err(MeshError::Restless { after: self.patience, moving });
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Stops every node cleanly.
    pub async fn stop(self) {
        for person in self.everyone() {
            person.stop().await;
        }
    }

    fn everyone(&self) -> impl Iterator<Item = &Person> {
        self.people.iter().chain(&self.relays)
    }

    /// Whether two nodes run and bytes pass between them.
    fn reach(&self, a: &Person, b: &Person) -> bool {
        a.is_up() && b.is_up() && self.links.is_open(a.number(), b.number())
    }

    fn owner(&self, account: &AccountId) -> Option<&Person> {
        self.everyone().find(|person| person.account() == *account)
    }

    /// What still moves, in words.
    fn moving(&self) -> Vec<String> {
        let mut moving = Vec::new();
        for person in self.everyone() {
            let Ok(handle) = person.handle() else { continue };
            let store = handle.store();
            for debt in look::debts(store) {
                let Some(to) = self.owner(&debt.account) else { continue };
                if self.reach(person, to) {
                    moving.push(format!("{} owes {} an envelope", person.name(), to.name()));
                } else if debt.is_sealed && debt.held_by.len() < self.copies_possible(person, to) {
                    moving.push(format!("{} wants more copies for {}", person.name(), to.name()));
                }
            }
            for account in look::receipts_owed(store) {
                if let Some(to) = self.owner(&account).filter(|to| self.reach(person, to)) {
                    moving.push(format!("{} owes {} a receipt", person.name(), to.name()));
                }
            }
            if look::missing(store) > 0 && self.people.iter().all(|other| self.reach(person, other)) {
                moving.push(format!("{} misses {} messages", person.name(), look::missing(store)));
            }
            if look::handovers(store) > 0 && self.people.iter().all(|other| self.reach(person, other)) {
                moving.push(format!("{} has envelopes to hand over", person.name()));
            }
            self.waiting_mail(person, &mut moving);
            self.waiting_cards(person, &mut moving);
        }
        moving.dedup();
        moving
    }

    /// Mail at this node whose owner could collect it.
    fn waiting_mail(&self, holder: &Person, moving: &mut Vec<String>) {
        let Ok(handle) = holder.handle() else { return };
        let inboxes = look::holding(handle.store());
        for owner in self.people.iter().filter(|owner| !inboxes.is_empty() && self.reach(holder, owner)) {
            let Ok(handle) = owner.handle() else { continue };
            let own = look::mailboxes(handle.store());
            if own.iter().any(|(_, inbox)| inboxes.contains(inbox)) {
                moving.push(format!("mail for {} waits at {}", owner.name(), holder.name()));
            }
        }
    }

    /// How many copies a sender can have held for somebody out of reach: one at each mailbox that it knows of and reaches.
    fn copies_possible(&self, sender: &Person, to: &Person) -> usize {
        let Ok(handle) = sender.handle() else { return 0 };
        let known = look::known_mailboxes(handle.store(), &to.account());
        let holders = self.everyone().filter(|at| at.number() != sender.number() && self.reach(sender, at));
        holders.filter(|at| known.contains(&at.peer())).count().min(COPIES_WANTED)
    }

    /// Contacts in reach who do not know all mailboxes of a person yet.
    fn waiting_cards(&self, person: &Person, moving: &mut Vec<String>) {
        let Ok(handle) = person.handle() else { return };
        let own: Vec<_> = look::mailboxes(handle.store()).into_iter().map(|(peer, _)| peer).collect();
        for other in self.people.iter().filter(|other| self.reach(person, other)) {
            let Ok(handle) = other.handle() else { continue };
            let known = look::known_mailboxes(handle.store(), &person.account());
            if look::is_contact(&handle, &person.account()) && own.iter().any(|peer| !known.contains(peer)) {
                moving.push(format!("{} has an old card of {}", other.name(), person.name()));
            }
        }
    }
}

/// A temporary folder, removed with the mesh.
struct Folder(PathBuf);

impl Folder {
    fn new() -> std::io::Result<Self> {
        let mut chance = [0; 8];
        getrandom::fill(&mut chance).map_err(std::io::Error::other)?;
        let path = std::env::temp_dir().join(format!("tidings-mesh-{}", data_encoding::HEXLOWER.encode(&chance)));
        std::fs::create_dir(&path)?;
        Ok(Self(path))
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// How long anything is waited for, unless told otherwise.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often the stores are looked at while something is waited for.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// So many looks in a row must find nothing moving.
const CALM_LOOKS: u32 = 3;
