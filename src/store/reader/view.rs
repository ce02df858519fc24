//! The answers of the reader, as they go out in JSON. Field names are fixed: scripts rely on them. Times are milliseconds since
//! the Unix epoch.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::types::time::MINUTE;
use crate::types::{AccountId, BlobId, MessageId, Millis, PeerId, RoomId};
use crate::wire::media::MediaKind;
use crate::wire::row;

/// A contact, or somebody who asked to be one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Contact {
    /// Who.
    #[schema(value_type = String)]
    pub account: AccountId,
    /// What this person calls them.
    pub name: String,
    /// The room of this person and them, which is there from the first message on.
    #[schema(value_type = String)]
    pub room: RoomId,
    /// `requested` (we asked), `pending` (they asked), `accepted`, `declined` or `blocked`.
    pub state: String,
    /// Whether the words were compared.
    pub verified: bool,
    /// Since when.
    pub since: Millis,
    /// How many mailboxes hold mail for them.
    pub mailboxes: usize,
    /// What they wrote with their request, while it waits for an answer.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub greeting: String,
    /// Twelve words that both people see alike when nobody stands between them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words: Option<String>,
}

/// A conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Room {
    /// Which.
    #[schema(value_type = String)]
    pub room: RoomId,
    /// A direct room goes by its contact's name; the room with oneself is `notes`.
    pub name: String,
    /// Messages known of that are not here and may still come.
    pub missing: u64,
    /// Messages that can no longer come.
    pub gone: u64,
    /// Its kind.
    pub kind: RoomKind,
    /// The contact of a direct room.
    #[schema(value_type = Option<String>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<AccountId>,
    /// The accounts in it.
    #[schema(value_type = Vec<String>)]
    pub members: Vec<AccountId>,
    /// Whether messages can be sealed for it already; before that they wait here.
    #[serde(rename = "ready")]
    pub is_ready: bool,
    /// When its last message was sent.
    pub last_at: Option<Millis>,
}

/// A conversation, as a list of them shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Chat {
    /// Which room, and all about it.
    #[serde(flatten)]
    pub about: Room,
    /// Its last message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Message>,
    /// Messages of others that the person has not seen; counted up to 1000.
    pub unread: usize,
    /// The first of them.
    #[schema(value_type = Option<String>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_unread: Option<MessageId>,
    /// The state of the contact of a direct room: see [`Contact`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Whether a device of that contact is connected now.
    pub online: bool,
}

/// Where a message is on its way to one account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Standing {
    /// To whom.
    #[schema(value_type = String)]
    pub account: AccountId,
    /// What they are called here.
    pub name: String,
    /// How far it is.
    pub state: State,
    /// Who holds it for them.
    pub held: Vec<Holder>,
    /// When the receipt of a device of theirs came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered: Option<Millis>,
    /// When they saw it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<Millis>,
}

/// A mailbox that holds a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Holder {
    /// The node.
    #[schema(value_type = String)]
    pub peer: PeerId,
    /// The contact whose node it is; empty when it is nobody's we know, as with most relays.
    pub name: String,
    /// Until when.
    pub until: Millis,
}

/// The kind of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RoomKind {
    /// Two accounts.
    Direct,
    /// One account with itself.
    Notes,
    /// Any number.
    Group,
}

impl From<row::RoomKind> for RoomKind {
    fn from(kind: row::RoomKind) -> Self {
        match kind {
            row::RoomKind::Direct => Self::Direct,
            row::RoomKind::Notes => Self::Notes,
            row::RoomKind::Group => Self::Group,
        }
    }
}

/// A message of a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Message {
    /// Which.
    #[schema(value_type = String)]
    pub message: MessageId,
    /// Where.
    #[schema(value_type = String)]
    pub room: RoomId,
    /// Who sent it.
    #[schema(value_type = String)]
    pub from: AccountId,
    /// What the sender is called here; `you` for own messages.
    pub from_name: String,
    /// Whether this account sent it.
    pub mine: bool,
    /// When it was sent, by the room's clock.
    pub at: Millis,
    /// `text`, `photo`, `voice`, `audio`, `video`, `file`, `recalled`, or `later` for a kind that only later releases know.
    pub kind: Kind,
    /// The text, after the last edit, or the caption of media; empty when it was recalled, or is of a later kind.
    pub text: String,
    /// Whether later messages were here before it.
    pub late: bool,
    /// Whether its sender's clock was well ahead of this machine's when it came: it stands where that clock puts it.
    #[serde(default)]
    pub ahead: bool,
    /// Where it is.
    pub custody: Custody,
    /// Whether the text was changed.
    pub edited: bool,
    /// What it answers.
    #[schema(value_type = Option<String>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<MessageId>,
    /// Of media: its body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blob: Option<Blob>,
    /// Of media: what is shown of it before its body is here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview: Option<Preview>,
    /// What people reacted with, one each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reactions: Vec<Reaction>,
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A text.
    Text,
    /// A picture.
    Photo,
    /// A voice note.
    Voice,
    /// Sound.
    Audio,
    /// Moving pictures.
    Video,
    /// Any file.
    File,
    /// It was taken back.
    Recalled,
    /// Of a kind that a later release understands; it is kept until then.
    Later,
}

/// The body of a message that is media.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Blob {
    /// Which.
    #[schema(value_type = String)]
    pub blob: BlobId,
    /// What its sender calls the file.
    pub name: String,
    /// Its media type.
    pub mime: String,
    /// Its bytes.
    pub size: u64,
    /// Bytes of it that are here.
    pub have: u64,
    /// Whether it is here.
    pub state: BodyState,
    /// Of an own message: where its body is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custody: Option<BodyCustody>,
}

/// Whether a body is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum BodyState {
    /// Not whole, and not asked for: fetch it.
    Absent,
    /// Being fetched from whoever has it.
    Fetching,
    /// Whole.
    Here,
}

/// Where the body of an own message is, as far as receipts say. Preview and caption go with the message, whose custody is told apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BodyCustody {
    /// `waiting`, `held` or `delivered`: of the recipient who is worst off.
    pub state: State,
    /// Mailboxes that hold all of it, while the state is `held`.
    #[schema(value_type = Vec<String>)]
    pub held_by: Vec<PeerId>,
    /// Until when somebody holds it for every recipient.
    pub until: Option<Millis>,
    /// Mailboxes that do not take it: then it goes when sender and recipient are there at the same time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<BodyRefusal>,
    /// How many recipients said that they have all of it.
    pub had: usize,
    /// Of how many.
    pub of: usize,
}

/// A mailbox does not take a body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BodyRefusal {
    /// Which.
    #[schema(value_type = String)]
    pub mailbox: PeerId,
    /// Why.
    pub why: String,
    /// Bytes that it would take.
    pub takes: u64,
}

/// What is shown of media at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Preview {
    /// Pixels across; 0 when unknown.
    pub width: u32,
    /// Pixels down; 0 when unknown.
    pub height: u32,
    /// Milliseconds; 0 when unknown.
    pub duration_ms: u32,
    /// A small JPEG in base64; empty when there is none.
    pub picture: String,
    /// How loud it is at even steps, the loudest 255; empty when unknown.
    pub waveform: Vec<u8>,
    /// Whether the name of the file says another kind than its content.
    pub misnamed: bool,
}

/// What bodies take on the disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Storage {
    /// How many are known of.
    pub bodies: u64,
    /// Bytes of their pieces that are here.
    pub bytes: u64,
    /// Bytes of those that are held for others.
    pub held_for_others: u64,
    /// The largest.
    pub largest: Vec<StoredBody>,
    /// Where they are, the room with the most bytes first.
    #[serde(default)]
    pub rooms: Vec<RoomStorage>,
}

/// What the bodies of a room take on the disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RoomStorage {
    /// Which.
    #[schema(value_type = String)]
    pub room: RoomId,
    /// What it is called.
    pub name: String,
    /// How many bodies are here, whole or in part.
    pub bodies: u64,
    /// Bytes of their pieces.
    pub bytes: u64,
}

/// A body on the disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StoredBody {
    /// Which.
    #[schema(value_type = String)]
    pub blob: BlobId,
    /// Bytes of its pieces.
    pub bytes: u64,
    /// A message that it belongs to.
    #[schema(value_type = Option<String>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<MessageId>,
}

impl From<MediaKind> for Kind {
    fn from(kind: MediaKind) -> Self {
        match kind {
            MediaKind::Photo => Self::Photo,
            MediaKind::Voice => Self::Voice,
            MediaKind::Audio => Self::Audio,
            MediaKind::Video => Self::Video,
            MediaKind::File => Self::File,
        }
    }
}

/// Somebody's reaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reaction {
    /// Whose.
    #[schema(value_type = String)]
    pub from: AccountId,
    /// What they are called here.
    pub from_name: String,
    /// The emoji.
    pub emoji: String,
}

/// Where a message is, as far as receipts say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Custody {
    /// The state of the recipient who is worst off.
    pub state: State,
    /// The mailboxes that hold it, while the state is `held`.
    #[schema(value_type = Vec<String>)]
    pub held_by: Vec<PeerId>,
    /// Until when somebody holds it for every recipient, while the state is `held`.
    pub until: Option<Millis>,
}

/// Where a message is for one recipient. The order is from worst to best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It can no longer arrive.
    Expired,
    /// Only this node has it.
    Waiting,
    /// A mailbox has it.
    Held,
    /// A device of the recipient has it.
    Delivered,
    /// The recipient has seen it.
    Read,
}

impl State {
    /// The word scripts see.
    pub fn word(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Waiting => "waiting",
            Self::Held => "held",
            Self::Delivered => "delivered",
            Self::Read => "read",
        }
    }
}

/// A mailbox of this account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Mailbox {
    /// The node that holds the mail.
    #[schema(value_type = String)]
    pub peer: PeerId,
    /// A relay, or a contact's node.
    pub kind: MailboxKind,
    /// What the neighbour is called; empty for a relay.
    pub name: String,
    /// Whether it serves us.
    pub state: MailboxState,
    /// Why it does not, when it said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The neighbour.
    #[schema(value_type = Option<String>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// Bytes it holds for us at most.
    pub quota_bytes: u64,
    /// How long it holds them.
    pub ttl_ms: Millis,
}

/// Whose mailbox it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum MailboxKind {
    /// A relay's.
    Relay,
    /// A contact's.
    Neighbour,
}

/// How far the asking is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum MailboxState {
    /// No answer yet; the node goes on asking.
    Asked,
    /// It holds our mail.
    Confirmed,
    /// It said no.
    Refused,
}

impl MailboxState {
    /// The word scripts see.
    pub fn word(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Confirmed => "confirmed",
            Self::Refused => "refused",
        }
    }
}

/// How far the clock of this machine is from those of the nodes it met, when that is worth a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Skew {
    /// How far it is ahead; negative when it is behind.
    pub ahead_ms: i64,
    /// How many nodes' clocks it was compared with; the one in the middle counts.
    pub nodes: u64,
}

impl Skew {
    /// What the person should know.
    pub fn sentence(&self) -> String {
        let minutes = self.ahead_ms.unsigned_abs() / MINUTE;
        let far = match minutes {
            0..120 => format!("{minutes} minutes"),
            120..2_880 => format!("{} hours", minutes / 60),
            _ => format!("{} days", minutes / (24 * 60)),
        };
        let side = if self.ahead_ms > 0 { "ahead of" } else { "behind" };
        match self.nodes {
            1 => format!("the clock of this machine is about {far} {side} that of the one node it met: one of the two is wrong"),
            nodes => format!("the clock of this machine is about {far} {side} those of the {nodes} nodes it met"),
        }
    }
}

/// Messages still owed to someone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Outbox {
    /// Only this node has them.
    pub waiting: u64,
    /// Mailboxes hold them.
    pub held: u64,
}
