//! The seam: everything that goes into the node and comes out of it. One screen of enums; the rest of `proto` is behind it.

use crate::types::{AccountId, Address, Batch, BlobId, DeviceId, MessageId, Millis, PeerId, RoomId};
use crate::wire::content::Body;
use crate::wire::frame::Frame;
use crate::wire::media::MediaKind;

/// What happens to the node.
#[derive(Clone, Debug)]
pub enum Input {
    /// The person wants something; the answer comes back as [`Output::Reply`] with the same number.
    Command {
        /// Chosen by the driver.
        id: u64,
        /// What is wanted.
        command: Command,
    },
    /// Bytes of one frame from a connected peer, at most `FRAME_BYTES_MAX`, not looked at by anyone.
    Frame {
        /// Proven by the transport.
        from: PeerId,
        /// Kind, version, body.
        bytes: Vec<u8>,
    },
    /// A gossip message.
    Gossip {
        /// Where it was published.
        topic: Topic,
        /// What it says.
        bytes: Vec<u8>,
    },
    /// A stream to this peer is open: frames can be sent.
    PeerUp(PeerId),
    /// The stream is gone, or could not be opened.
    PeerDown(PeerId),
    /// Where this node can be dialled, as far as it knows.
    Listening(Vec<Address>),
    /// Whether the disk is too full for new work.
    DiskFull(bool),
    /// A proof of work that [`Output::Work`] asked for.
    Worked {
        /// Which.
        text: Vec<u8>,
        /// The number that pays.
        number: u64,
    },
    /// The answer to an [`Output::Fetch`].
    Fetched(Fetched),
    /// The deadline has come.
    Deadline,
}

/// What came of asking a peer for pieces; also when the peer is gone, and nothing came.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// Of whom.
    pub from: PeerId,
    /// Which blob.
    pub blob: BlobId,
    /// What was asked for.
    pub asked: Vec<u32>,
    /// What came, was right, and is synced.
    pub got: Vec<u32>,
    /// Whether something came that is not of this blob.
    pub is_false: bool,
    /// How long the first piece was waited for.
    pub waited_ms: Millis,
}

/// What the driver must do, strictly in order: a `Persist` is durable before anything after it is done.
#[derive(Clone, Debug)]
pub enum Output {
    /// Write this, whole or not at all.
    Persist(Batch),
    /// Send a frame; lost without a word when the peer is gone (a `PeerDown` follows).
    Transmit {
        /// To whom.
        to: PeerId,
        /// What.
        frame: Frame,
    },
    /// Publish on a topic.
    Publish {
        /// Where.
        topic: Topic,
        /// What.
        bytes: Vec<u8>,
    },
    /// Take part in a topic, or leave it.
    Subscribe {
        /// Which.
        topic: Topic,
        /// Take part or leave.
        on: bool,
    },
    /// Try to open a stream; answered by `PeerUp` or `PeerDown`.
    Dial {
        /// Whom.
        peer: PeerId,
        /// Where.
        addresses: Vec<Address>,
    },
    /// Close all connections to a peer, and refuse it for a while when it misbehaved.
    Disconnect {
        /// Whom.
        peer: PeerId,
        /// How long it is refused; 0 for not at all.
        refuse_ms: Millis,
    },
    /// Find the number that pays `bits` for this text, off the loop; answered by [`Input::Worked`].
    Work {
        /// What to pay for.
        text: Vec<u8>,
        /// How much.
        bits: u8,
    },
    /// Ask a peer for pieces of a blob on a stream of bodies, check them, write and sync them; answered by [`Input::Fetched`].
    Fetch {
        /// Whom.
        from: PeerId,
        /// Which blob; its row is in the store.
        blob: BlobId,
        /// Which pieces, at most `ASK_PIECES_MAX`; of a chunk, its page is here.
        pieces: Vec<u32>,
    },
    /// Remove the file of a blob.
    Forget(BlobId),
    /// The answer to a command.
    Reply {
        /// Which command.
        id: u64,
        /// What became of it.
        result: Result<Reply, CommandError>,
    },
    /// A hint for screens; the store is the truth.
    Emit(Event),
}

/// A gossip topic. The two meshes are kept apart by protocol id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// Public mesh: relays tell who they are.
    Relays,
    /// Rooms mesh: named by an export of a room's epoch.
    Room([u8; 32]),
}

/// What the person wants.
#[derive(Clone, Debug)]
pub enum Command {
    /// Call me so.
    SetName(String),
    /// A link that leads to me: with a one-time secret, or public (whoever uses it asks as a stranger does).
    Invite {
        /// How long it is good for; ignored for a public one.
        ttl_ms: Millis,
        /// Whether it has no secret.
        public: bool,
    },
    /// Ask the owner of this link to be a contact.
    ContactAdd {
        /// The link.
        link: String,
        /// What to call them; by default what their card says.
        name: Option<String>,
        /// A few words for them.
        greeting: String,
    },
    /// Say yes to a request.
    ContactAccept(AccountId),
    /// Say no to a request.
    ContactDecline(AccountId),
    /// Take nothing from them any more, or take it again.
    ContactBlock {
        /// Whom.
        account: AccountId,
        /// Block or unblock.
        on: bool,
    },
    /// Call them so.
    ContactRename {
        /// Whom.
        account: AccountId,
        /// The name.
        name: String,
    },
    /// The words were compared (or not).
    ContactVerify {
        /// Whom.
        account: AccountId,
        /// Whether they agreed.
        on: bool,
    },
    /// A link with which others join this relay.
    RelayInvite,
    /// Have a mailbox at the relay of this link.
    RelayJoin(String),
    /// Give up a mailbox.
    MailboxLeave(PeerId),
    /// Ask a contact's node to hold mail for me.
    NeighbourAsk(AccountId),
    /// Send a message to a room (its contact, for a direct one, must be there).
    Send {
        /// Where.
        room: RoomId,
        /// What.
        body: Body,
    },
    /// Fetch the body of a message.
    MediaFetch(MessageId),
    /// Forget the body of a message; what others still wait for stays.
    MediaDrop(MessageId),
    /// Sends the body of a message once more, to another room or the same: its pieces are here already.
    Forward {
        /// Where to.
        room: RoomId,
        /// Whose body.
        message: MessageId,
    },
    /// Up to which size bodies are fetched at once.
    MediaPolicy {
        /// In this room; everywhere when there is none.
        room: Option<RoomId>,
        /// Of this kind; of every kind when there is none.
        kind: Option<MediaKind>,
        /// The bytes; as elsewhere when there are none.
        at_once_bytes: Option<u64>,
    },
    /// The person has seen these messages, of one room.
    Read {
        /// Where.
        room: RoomId,
        /// What.
        messages: Vec<MessageId>,
    },
    /// A group of contacts.
    RoomCreate {
        /// What to call it.
        name: String,
        /// Who, besides this account.
        members: Vec<AccountId>,
    },
    /// Add a contact to a group; only its admins may.
    RoomAdd {
        /// The group.
        room: RoomId,
        /// Whom.
        account: AccountId,
    },
    /// Remove a member from a group; only its admins may.
    RoomRemove {
        /// The group.
        room: RoomId,
        /// Whom.
        account: AccountId,
    },
    /// Fresh keys for this device in a room.
    RoomUpdate(RoomId),
}

/// What became of a command; everything it says is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Done.
    Done,
    /// A link.
    Link(String),
    /// A contact.
    Contact(AccountId),
    /// A message, waiting to leave.
    Sent {
        /// Which.
        message: MessageId,
        /// Where.
        room: RoomId,
    },
    /// A room.
    Room(RoomId),
    /// A mailbox that was asked for; its confirmation comes as [`Event::Mailbox`].
    Mailbox(PeerId),
}

/// Why a command was not done. The sentence is for the person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The link is not one.
    #[error("{0}")]
    Link(#[from] crate::wire::card::LinkError),
    /// The card in a link is damaged or forged.
    #[error("the link is damaged or forged: ask for a new one")]
    Card,
    /// The invite is over.
    #[error("this invite has expired, or the clock of this machine is wrong: look at the clock, or ask for a new one")]
    Expired,
    /// It is one's own link.
    #[error("this is your own link: give it to somebody else")]
    Self_,
    /// No such contact.
    #[error("there is no such contact: `tidings contact list` shows them")]
    NoContact,
    /// No such room.
    #[error("there is no such room")]
    NoRoom,
    /// No such mailbox.
    #[error("this node has no mailbox there: `tidings relay list` shows them")]
    NoMailbox,
    /// No such message.
    #[error("there is no such message in this room")]
    NoMessage,
    /// The message is somebody else's.
    #[error("only its sender can change or take back a message")]
    NotYours,
    /// The contact is blocked, or said no.
    #[error("you blocked or declined this contact: unblock them first")]
    Blocked,
    /// Only admins may.
    #[error("only an admin of this room can do that")]
    NotAdmin,
    /// Empty text.
    #[error("there is nothing to send: the text is empty")]
    Empty,
    /// Too long.
    #[error("this is too long: {has} bytes, and {max} is the most; send it in parts")]
    TooLong {
        /// Its length.
        has: u64,
        /// The bound.
        max: u64,
    },
    /// A bound is reached.
    #[error("there are too many {0} already")]
    TooMany(&'static str),
    /// The disk is full.
    #[error(
        "the disk is full: nothing new is accepted until there is room, and nothing is lost; free some space, and it goes on by itself"
    )]
    DiskFull,
    /// Others wait for it.
    #[error("somebody still waits for this file, and this may be its only copy: it stays until they have it")]
    StillOwed,
    /// There is nothing to send on.
    #[error("this file is not here: fetch it first, then send it on")]
    NotHere,
    /// This node is no relay.
    #[error("this node is not a relay: start it with `tidings run --relay`")]
    NotRelay,
    /// A bug of ours; the log says more.
    #[error("the node could not do that: see its log")]
    Internal,
}

/// A hint that something changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A message is in the store, or its marks changed.
    Message {
        /// Where.
        room: RoomId,
        /// Which.
        message: MessageId,
    },
    /// The custody of a message changed.
    Custody {
        /// Where.
        room: RoomId,
        /// Which.
        message: MessageId,
    },
    /// More of the body of a message is here.
    Body {
        /// Where.
        room: RoomId,
        /// Which.
        message: MessageId,
    },
    /// A contact changed.
    Contact(AccountId),
    /// A room changed.
    Room(RoomId),
    /// A mailbox of ours confirmed, refused or changed.
    Mailbox(PeerId),
    /// A device of a contact is there, or gone.
    Presence {
        /// Who.
        account: AccountId,
        /// Its device.
        device: DeviceId,
        /// There or gone.
        on: bool,
    },
}

impl Event {
    /// Whether it may be told as soon as the store shows what it is about. What a receipt says is durable with whoever signed it, and true
    /// whether or not this node has written the receipt down.
    pub fn is_of_receipt(&self) -> bool {
        matches!(self, Self::Custody { .. })
    }
}

/// What became of an input. Bad input is no error of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Taken.
    Accepted,
    /// Known already.
    Duplicate,
    /// Cannot be judged yet; the sender keeps it.
    Deferred,
    /// Not taken, for a bound or a rule that an honest peer can meet.
    Refused(Refusal),
    /// No honest peer does that.
    Misbehaved(Misbehaviour),
}

/// Why an honest peer's input was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A bound of `limits.rs` is reached.
    Limit,
    /// From a blocked or declined contact, or nobody we know.
    Unwanted,
    /// For an inbox, a room or a key that is not here.
    Unknown,
    /// Too old.
    Expired,
    /// By an invite that was used, or is over.
    Late,
    /// The disk is full.
    Disk,
    /// A kind or version of a later release.
    Newer,
}

/// What no honest peer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misbehaviour {
    /// Bytes that are no frame, card, envelope.
    Malformed,
    /// A signature that does not fit.
    Signature,
    /// A proof of work that does not pay.
    Work,
    /// Something only an admin or owner may do.
    Right,
    /// A frame that makes no sense here.
    Unexpected,
}
