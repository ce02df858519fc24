//! What goes in and out as JSON. Field names are fixed: scripts rely on them. The answers that come straight from the rows are
//! in [`store::reader::view`](crate::store::reader::view). Times are milliseconds since the Unix epoch.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::config::Explained;
use crate::store::reader::view::{Custody, Mailbox, Outbox, Room, Skew};
use crate::store::{ScrubReport, Trouble};
use crate::types::{AccountId, Address, DeviceId, MessageId, Millis, PeerId, RoomId};

/// Who this node is.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Identity {
    /// The account.
    #[schema(value_type = String)]
    pub account: AccountId,
    /// This device of it.
    #[schema(value_type = String)]
    pub device: DeviceId,
    /// This node on the wire.
    #[schema(value_type = String)]
    pub peer: PeerId,
    /// What contacts see as the name.
    pub name: String,
    /// Where other nodes reach it.
    #[schema(value_type = Vec<String>)]
    pub listen: Vec<Address>,
}

/// The recovery phrase.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct RecoveryPhrase {
    /// 24 words that bring the account back.
    pub recovery_phrase: String,
}

/// How the node is.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// The account.
    #[schema(value_type = String)]
    pub account: AccountId,
    /// The release.
    pub version: String,
    /// How many nodes it is connected to.
    pub peers: usize,
    /// Frames taken from other nodes since the start.
    pub frames: u64,
    /// Bytes of bodies of media given to other nodes since the start.
    #[serde(default)]
    pub body_bytes_given: u64,
    /// Which.
    pub connected: Vec<Connected>,
    /// The mailboxes it uses or asked for.
    pub mailboxes: Vec<Mailbox>,
    /// Messages still owed to someone.
    pub outbox: Outbox,
    /// The conversations.
    pub rooms: Vec<Room>,
    /// The rows on disk.
    pub store: StoreStatus,
    /// How far the clock of this machine is from others, when that is worth a word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<Skew>,
}

/// A node that is connected.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Connected {
    /// Which.
    #[schema(value_type = String)]
    pub peer: PeerId,
    /// The contact whose node it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// How the rows on disk are.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct StoreStatus {
    /// Bytes of the data directory.
    pub bytes: u64,
    /// Whether the disk is too full for new work.
    pub disk_full: bool,
    /// Where a damaged database was moved when the node started.
    pub moved_aside: Option<String>,
    /// Rows that came back from the last snapshot after that.
    pub restored_rows: u64,
    /// Whether the keys of rooms could not be read when the node started, so that it asks to be added to them again.
    #[serde(default)]
    pub rooms_lost: bool,
}

/// What is wrong and how to mend it.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct Diagnosis {
    /// Whether nothing is wrong.
    pub healthy: bool,
    /// What was looked at.
    pub checks: Vec<Check>,
    /// Every setting, where it came from, and what it is for.
    pub config: Vec<Explained>,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Check {
    /// What.
    pub name: String,
    /// Whether it is well.
    pub ok: bool,
    /// What was found.
    pub found: String,
    /// What to do about it; empty when it is well.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub advice: String,
    /// A word for what was found, from which an app says it in the person's language.
    #[serde(default)]
    pub code: String,
    /// The number that belongs to it: of nodes, mailboxes, messages, people; 0 where none does.
    #[serde(default)]
    pub count: u64,
}

/// Asks for an invite.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewInvite {
    /// How long it is good for, in milliseconds.
    pub ttl_ms: Option<Millis>,
    /// Without a secret: whoever uses it asks as a stranger does.
    #[serde(default)]
    pub public: bool,
}

/// A link.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Link {
    /// The link.
    pub link: String,
}

/// A browser may act for this person until the node stops: this, in the header `x-tidings-page`, together with the cookie.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct Session {
    /// What the page keeps to itself.
    pub page: String,
}

/// A text to draw as a QR code.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewQr {
    /// The text.
    pub text: String,
}

/// A QR code.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Qr {
    /// Its rows from the top, `1` for a dark square and `0` for a light one, without the quiet border.
    pub rows: Vec<String>,
}

/// A passphrase to seal an archive under.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewArchive {
    /// The passphrase.
    pub passphrase: String,
}

/// How far a copy is that is being brought back.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct Restore {
    /// Bytes of the archive that came.
    pub bytes: u64,
    /// Rows read from it.
    pub rows: u64,
    /// Whether it is whole, and waits for the next start.
    pub ready: bool,
}

/// A copy is whole, and takes its place when the node starts next.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Restored {
    /// Whose it is.
    #[schema(value_type = String)]
    pub account: AccountId,
    /// Its rows.
    pub rows: u64,
    /// When it was made.
    pub made_at: Millis,
}

/// A new contact.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewContact {
    /// Their link.
    pub link: String,
    /// What to call them; by default what their card says.
    pub name: Option<String>,
    /// A few words for them.
    #[serde(default)]
    pub greeting: String,
}

/// A name.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewName {
    /// The name.
    pub name: String,
}

/// Whether the words were compared and agreed.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Verify {
    /// Whether they agreed.
    pub agreed: bool,
}

/// Joins a relay.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JoinRelay {
    /// Its link.
    pub link: String,
    /// How long to wait for its confirmation, in milliseconds.
    pub wait_ms: Option<Millis>,
}

/// Asks a contact to hold mail.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskNeighbour {
    /// The contact's name or id.
    pub contact: String,
    /// How long to wait for the answer, in milliseconds.
    pub wait_ms: Option<Millis>,
}

/// A message to send: `text` (with `reply`, or with `edit` to change an own message), or `recall`, or `react` with `emoji`.
/// Messages are named by id or by its start.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMessage {
    /// The text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<String>,
    /// Which own message gets this text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edit: Option<String>,
    /// Which own message is taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recall: Option<String>,
    /// Which message is reacted to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub react: Option<String>,
    /// The reaction; an empty one takes it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emoji: Option<String>,
}

/// Texts to send, in this order.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTexts {
    /// At most `HTTP_TEXTS_MAX` texts.
    pub texts: Vec<String>,
}

/// A message is durable here, and on its way.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Sent {
    /// Which.
    #[schema(value_type = String)]
    pub message: MessageId,
    /// Where.
    #[schema(value_type = String)]
    pub room: RoomId,
    /// Where it is.
    pub custody: Custody,
}

/// What became of many texts, in the order they were given.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SentTexts {
    /// One for each text.
    pub results: Vec<SentText>,
}

/// What became of one of many texts.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum SentText {
    /// It is durable.
    Sent(Sent),
    /// It was not taken; the others may be.
    Failed(Failure),
}

/// Why something was not done.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Failure {
    /// A sentence for the person.
    pub error: String,
    /// A word for scripts.
    pub code: String,
}

/// What the person has seen.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MarkRead {
    /// Which messages; all of the room when left out.
    #[schema(value_type = Option<Vec<String>>)]
    pub messages: Option<Vec<MessageId>>,
}

/// How many messages were marked.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Marked {
    /// How many.
    pub read: usize,
}

/// Where to write an archive.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewExport {
    /// An absolute path on this machine.
    pub path: String,
    /// What the archive is sealed under.
    pub passphrase: String,
}

/// An archive was written.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
pub struct Export {
    /// Rows in it.
    pub rows: u64,
    /// Its bytes.
    pub bytes: u64,
}

/// What a check of everything stored found.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Scrub {
    /// Rows read.
    pub rows: u64,
    /// Rows in trouble, in all.
    pub troubles: u64,
    /// The first of them.
    pub findings: Vec<Finding>,
}

/// A row in trouble.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Finding {
    /// The table.
    pub table: String,
    /// The start of its key, in hex.
    pub key: String,
    /// `sealed` (its seal does not open), `undecodable`, or `loose` (what it points to is not there).
    pub trouble: String,
}

impl From<ScrubReport> for Scrub {
    fn from(report: ScrubReport) -> Self {
        let word = |trouble| match trouble {
            Trouble::Sealed => "sealed",
            Trouble::Undecodable => "undecodable",
            Trouble::Loose => "loose",
        };
        let findings = report.findings.into_iter();
        let findings =
            findings.map(|finding| Finding { table: finding.table, key: finding.key, trouble: word(finding.trouble).to_owned() });
        Self { rows: report.rows.values().sum(), troubles: report.troubles, findings: findings.collect() }
    }
}

/// Which part of a room.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageParams {
    /// At most so many messages, 50 by default and 1000 at most.
    pub limit: Option<usize>,
    /// Those that end just before this message.
    #[param(value_type = Option<String>)]
    pub before: Option<MessageId>,
    /// Those that begin just after this message.
    #[param(value_type = Option<String>)]
    pub after: Option<MessageId>,
    /// Those around this message.
    #[param(value_type = Option<String>)]
    pub around: Option<MessageId>,
    /// Only these messages, by id, with commas between them.
    pub ids: Option<String>,
}

/// How to send a file.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MediaParams {
    /// What the file is called.
    pub name: String,
    /// What to say of it.
    pub caption: Option<String>,
    /// The message it answers, by its id or the start of it.
    pub reply: Option<String>,
    /// Send it as a voice note.
    pub voice: Option<bool>,
    /// Keep what tells where and with what a photo was taken.
    pub keep_metadata: Option<bool>,
}

/// Up to which size bodies are fetched without being asked for.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MediaPolicy {
    /// In this room, by name or id; everywhere when left out.
    pub room: Option<String>,
    /// Of this kind: `photo`, `voice`, `audio`, `video` or `file`; of every kind when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The bytes; as elsewhere, or as at first, when left out.
    pub at_once_bytes: Option<u64>,
}

/// Up to which size bodies are fetched without being asked for, everywhere and where it differs.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct MediaPolicies {
    /// Everywhere.
    pub at_once_bytes: u64,
    /// In single rooms.
    pub rooms: Vec<RoomPolicy>,
}

/// Up to which size bodies are fetched in a room.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RoomPolicy {
    /// Which.
    #[schema(value_type = String)]
    pub room: RoomId,
    /// The bytes.
    pub at_once_bytes: u64,
}

/// What a clean-up did.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct Cleared {
    /// Bodies that are no longer here.
    pub bodies: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bodies that stay, because others still wait for them.
    pub kept: u64,
}

/// A picture to look for a QR code in.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PictureParams {
    /// Its width, at most 4096; the body has a byte for each dot, row after row.
    pub width: usize,
}

/// What a QR code says.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct QrText {
    /// The text; left out when no code was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// What to search for.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SearchParams {
    /// Words that all must be there.
    pub words: String,
    /// Only in this room, by name or id.
    pub room: Option<String>,
    /// At most so many messages, 50 by default and 1000 at most.
    pub limit: Option<usize>,
}

/// A hint that something changed; the answers of the other routes are the truth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Event {
    /// The stream is open: whatever changes after this comes.
    Open,
    /// A message is here, or what was said about it changed.
    Message {
        /// Where.
        #[schema(value_type = String)]
        room: RoomId,
        /// Which.
        #[schema(value_type = String)]
        message: MessageId,
    },
    /// The custody of a message changed.
    Custody {
        /// Where.
        #[schema(value_type = String)]
        room: RoomId,
        /// Which.
        #[schema(value_type = String)]
        message: MessageId,
    },
    /// More of the body of a message is here.
    Body {
        /// Where.
        #[schema(value_type = String)]
        room: RoomId,
        /// Which.
        #[schema(value_type = String)]
        message: MessageId,
    },
    /// A contact changed.
    Contact {
        /// Who.
        #[schema(value_type = String)]
        account: AccountId,
    },
    /// A room changed.
    Room {
        /// Which.
        #[schema(value_type = String)]
        room: RoomId,
    },
    /// A mailbox of ours changed.
    Mailbox {
        /// Whose.
        #[schema(value_type = String)]
        peer: PeerId,
    },
    /// A device of a contact is there, or gone.
    Presence {
        /// Who.
        #[schema(value_type = String)]
        account: AccountId,
        /// Its device.
        #[schema(value_type = String)]
        device: DeviceId,
        /// There or gone.
        on: bool,
    },
    /// This reader was too slow and missed some: read anew.
    Lagged {
        /// How many.
        missed: u64,
    },
}
