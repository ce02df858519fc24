//! The one table of labels: every derivation and every signature names what it is for, so that no output of one can pass
//! for another.

/// What a derived key or a signature is for. The text is hashed or signed with the bytes; it never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    /// Account signing key from the entropy of the recovery phrase.
    AccountKey,
    /// X25519 key that first contact is sealed to, from the same entropy.
    InboxSeal,
    /// Key that owns the inbox at one mailbox, from the same entropy and the mailbox's peer id.
    InboxOwner,
    /// Key with which a device reads an inbox, from the device seed and the mailbox's peer id.
    InboxReader,
    /// Account over `device | peer`.
    DeviceCertificate,
    /// Account over an encoded card.
    Card,
    /// Account over `receiver account | knock`.
    Knock,
    /// Device over `sender peer | receiver peer`.
    Hello,
    /// Device over a list of envelopes that are durable.
    Delivered,
    /// Mailbox (transport key) over what it holds.
    Held,
    /// Inbox owner over a registration.
    Register,
    /// Inbox owner over a token.
    Token,
    /// Token holder over its use.
    TokenUse,
    /// Inbox reader over `reading peer | mailbox peer | inbox`.
    OpenInbox,
    /// Key and id of a token, from the owner's secret and who it is for.
    Grant,
    /// Name of an inbox, from the key that owns it.
    InboxName,
    /// Inbox owner over revoked tokens.
    Revoke,
    /// Inbox owner over leaving.
    LeaveInbox,
    /// Relay (transport key) over its descriptor.
    Relay,
    /// Stranger's proof of work.
    Work,
    /// Words that two people compare.
    Words,
    /// Keys of rows at rest.
    RowKey,
    /// Keys of key files at rest.
    FileKey,
    /// Keys of a directory's own archives, from the root key and a salt.
    Archive,
    /// Outer seal of a room's envelopes, from an epoch's exporter.
    RoomOuter,
    /// What tells a member which epoch an envelope belongs to, from an epoch's exporter.
    RoomHint,
    /// Gossip topic of a room, from an epoch's exporter.
    RoomTopic,
    /// Chance of one HPKE encapsulation inside MLS.
    Encapsulation,
    /// Choice between rival commits.
    CommitRank,
    /// Id of a direct room, from both accounts.
    DirectRoom,
    /// Id of an account's notes room.
    NotesRoom,
}

impl Label {
    /// Every label.
    pub const ALL: [Self; 30] = [
        Self::AccountKey,
        Self::InboxSeal,
        Self::InboxOwner,
        Self::InboxReader,
        Self::DeviceCertificate,
        Self::Card,
        Self::Knock,
        Self::Hello,
        Self::Delivered,
        Self::Held,
        Self::Register,
        Self::Token,
        Self::TokenUse,
        Self::OpenInbox,
        Self::Grant,
        Self::InboxName,
        Self::Revoke,
        Self::LeaveInbox,
        Self::Relay,
        Self::Work,
        Self::Words,
        Self::RowKey,
        Self::FileKey,
        Self::Archive,
        Self::RoomOuter,
        Self::RoomHint,
        Self::RoomTopic,
        Self::CommitRank,
        Self::DirectRoom,
        Self::NotesRoom,
    ];

    /// The bytes that stand for it.
    pub fn text(self) -> &'static str {
        match self {
            Self::AccountKey => "tidings v1 account key",
            Self::InboxSeal => "tidings v1 inbox seal",
            Self::InboxOwner => "tidings v1 inbox owner",
            Self::InboxReader => "tidings v1 inbox reader",
            Self::DeviceCertificate => "tidings v1 device certificate",
            Self::Card => "tidings v1 card",
            Self::Knock => "tidings v1 knock",
            Self::Hello => "tidings v1 hello",
            Self::Delivered => "tidings v1 delivered",
            Self::Held => "tidings v1 held",
            Self::Register => "tidings v1 register",
            Self::Token => "tidings v1 token",
            Self::TokenUse => "tidings v1 token use",
            Self::OpenInbox => "tidings v1 open inbox",
            Self::Grant => "tidings v1 grant",
            Self::InboxName => "tidings v1 inbox name",
            Self::Revoke => "tidings v1 revoke",
            Self::LeaveInbox => "tidings v1 leave inbox",
            Self::Relay => "tidings v1 relay",
            Self::Work => "tidings v1 work",
            Self::Words => "tidings v1 words",
            Self::RowKey => "tidings v1 row key",
            Self::FileKey => "tidings v1 file key",
            Self::Archive => "tidings v1 archive",
            Self::RoomOuter => "tidings v1 room outer",
            Self::RoomHint => "tidings v1 room hint",
            Self::RoomTopic => "tidings v1 room topic",
            Self::Encapsulation => "tidings v1 encapsulation",
            Self::CommitRank => "tidings v1 commit rank",
            Self::DirectRoom => "tidings v1 direct room",
            Self::NotesRoom => "tidings v1 notes room",
        }
    }
}

/// A 32-byte key from key material, by BLAKE3's key derivation mode; the label is the context.
pub fn derive(label: Label, material: &[&[u8]]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key(label.text());
    for part in material {
        hasher.update(&(part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    *hasher.finalize().as_bytes()
}
