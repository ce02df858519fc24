//! The one table of labels: every derivation and every signature names what it is for, so that no output of one can pass
//! for another.

macro_rules! labels {
    ($($(#[doc = $for:literal])+ $name:ident = $text:literal;)+) => {
        /// What a derived key or a signature is for. The text is hashed or signed with the bytes; it never changes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Label {
            $($(#[doc = $for])+ $name),+
        }

        impl Label {
            /// Every label.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The bytes that stand for it.
            pub fn text(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }
        }
    };
}

labels! {
    /// Account signing key from the entropy of the recovery phrase.
    AccountKey = "tidings v1 account key";
    /// X25519 key that first contact is sealed to, from the same entropy.
    InboxSeal = "tidings v1 inbox seal";
    /// Key that owns the inbox at one mailbox, from the same entropy and the mailbox's peer id.
    InboxOwner = "tidings v1 inbox owner";
    /// Key with which a device reads an inbox, from the device seed and the mailbox's peer id.
    InboxReader = "tidings v1 inbox reader";
    /// Account over `device | peer`.
    DeviceCertificate = "tidings v1 device certificate";
    /// Account over an encoded card.
    Card = "tidings v1 card";
    /// Account over `receiver account | knock`.
    Knock = "tidings v1 knock";
    /// Device over `sender peer | receiver peer | account | number of the card it knows`.
    Hello = "tidings v1 hello";
    /// Device over a list of envelopes that are durable.
    Delivered = "tidings v1 delivered";
    /// Mailbox (transport key) over what it holds.
    Held = "tidings v1 held";
    /// Mailbox (transport key) over a body that it holds.
    BlobHeld = "tidings v1 blob held";
    /// Inbox owner over a registration.
    Register = "tidings v1 register";
    /// Inbox owner over a token.
    Token = "tidings v1 token";
    /// Token holder over its use.
    TokenUse = "tidings v1 token use";
    /// Inbox reader over `reading peer | mailbox peer | inbox`.
    OpenInbox = "tidings v1 open inbox";
    /// Key and id of a token, from the owner's secret and who it is for.
    Grant = "tidings v1 grant";
    /// Name of an inbox, from the key that owns it.
    InboxName = "tidings v1 inbox name";
    /// What stands for a receiver in hand-overs, from the key that owns the inbox and the receiver's account.
    HandoverReceiver = "tidings v1 handover receiver";
    /// Inbox owner over revoked tokens.
    Revoke = "tidings v1 revoke";
    /// Inbox owner over leaving.
    LeaveInbox = "tidings v1 leave inbox";
    /// Relay (transport key) over its descriptor.
    Relay = "tidings v1 relay";
    /// Which relays a node remembers, from its transport key and the relay's peer id.
    RelayRank = "tidings v1 relay rank";
    /// Stranger's proof of work.
    Work = "tidings v1 work";
    /// Words that two people compare.
    Words = "tidings v1 words";
    /// Keys of rows at rest.
    RowKey = "tidings v1 row key";
    /// Keys of key files at rest.
    FileKey = "tidings v1 file key";
    /// Keys of a directory's own archives, from the root key and a salt.
    Archive = "tidings v1 archive";
    /// Outer seal of a room's envelopes, from an epoch's exporter.
    RoomOuter = "tidings v1 room outer";
    /// What tells a member which epoch an envelope belongs to, from an epoch's exporter.
    RoomHint = "tidings v1 room hint";
    /// Gossip topic of a room, from an epoch's exporter.
    RoomTopic = "tidings v1 room topic";
    /// Chance of one HPKE encapsulation inside MLS.
    Encapsulation = "tidings v1 encapsulation";
    /// Choice between rival commits.
    CommitRank = "tidings v1 commit rank";
    /// Id of a direct room, from both accounts.
    DirectRoom = "tidings v1 direct room";
    /// Id of an account's notes room.
    NotesRoom = "tidings v1 notes room";
    /// Proof that an account numbered a message, for itself alone, from the entropy and the message.
    Proof = "tidings v1 proof";
    /// Id of a message, from its room, its sender and its proof.
    Message = "tidings v1 message";
    /// Public halves in the simulated world.
    FakeKey = "tidings v1 fake key";
    /// Signatures in the simulated world.
    FakeSignature = "tidings v1 fake signature";
    /// Keys of seals in the simulated world.
    FakeSeal = "tidings v1 fake seal";
    /// Proofs of work in the simulated world.
    FakeWork = "tidings v1 fake work";
    /// Secrets of groups in the simulated world.
    FakeGroup = "tidings v1 fake group";
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
