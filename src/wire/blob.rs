//! Media on its way: what is known of a blob, how its pieces are asked for, and who holds it. And its stored rows.
//!
//! A file is cut into chunks of `CHUNK_BYTES`. Each is sealed by itself (ChaCha20-Poly1305 under the blob's own random key, nonce and
//! associated data from its index and whether it is the last), and its digest is the BLAKE3 hash of the sealed bytes. The [`Listing`] has the
//! size and the digests; of a large file it has the digests of **pages**, and a page is the digests of `PAGE_DIGESTS` chunks. Chunks and
//! pages together are its **pieces**: chunk 0, 1, 2 …, then page 0, 1 …. The id of a blob is the hash of its listing, so whoever knows the id can check
//! the listing, with it the pages, with these the chunks; a holder needs no key for that, and has none.

use bincode::{Decode, Encode};

use super::codec;
use super::mailbox::Reason;
use super::media::Preview;
use crate::types::limits::{BLOB_BYTES_MAX, CHUNK_BYTES, LISTING_DIGESTS_MAX, PAGE_DIGESTS};
use crate::types::{AccountId, BlobId, InboxId, MessageId, Millis, PeerId};

/// BLAKE3 of the bytes of a piece, as they travel.
pub type Digest = [u8; 32];

/// Bytes that sealing adds to a chunk.
pub const TAG_BYTES: u64 = 16;

/// The size of a blob and the digests of its pieces, or of its pages.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Listing {
    /// Bytes of the file.
    pub size: u64,
    /// Of each chunk; of each page when there are more than `LISTING_DIGESTS_MAX` chunks.
    pub digests: Vec<Digest>,
}

impl Listing {
    /// Number of chunks; an empty file has one, which is empty.
    pub fn chunks(&self) -> u32 {
        u32::try_from(self.size.div_ceil(CHUNK_BYTES).max(1)).unwrap_or(u32::MAX)
    }

    /// Number of pages: none when the digests of all chunks are in the listing itself.
    pub fn pages(&self) -> u32 {
        let chunks = self.chunks();
        if chunks as usize <= LISTING_DIGESTS_MAX { 0 } else { chunks.div_ceil(PAGE_DIGESTS) }
    }

    /// Chunks and pages.
    pub fn pieces(&self) -> u32 {
        self.chunks().saturating_add(self.pages())
    }

    /// The page with the digest of this chunk, as a piece, and the digest's place there; `None` when the listing itself has it.
    pub fn page_of(&self, chunk: u32) -> Option<(u32, usize)> {
        (self.pages() > 0).then(|| (self.chunks() + chunk / PAGE_DIGESTS, (chunk % PAGE_DIGESTS) as usize))
    }

    /// The digest of a piece, when the listing itself has it.
    pub fn digest(&self, piece: u32) -> Option<&Digest> {
        let at = if self.pages() == 0 { piece } else { piece.checked_sub(self.chunks())? };
        self.digests.get(at as usize)
    }

    /// Bytes of a piece as it travels; 0 for one that is not there.
    pub fn piece_bytes(&self, piece: u32) -> u64 {
        let (chunks, pages) = (self.chunks(), self.pages());
        if piece < chunks {
            let start = u64::from(piece) * CHUNK_BYTES;
            (self.size - start.min(self.size)).min(CHUNK_BYTES) + TAG_BYTES
        } else if piece < chunks + pages {
            u64::from((chunks - (piece - chunks) * PAGE_DIGESTS).min(PAGE_DIGESTS)) * 32
        } else {
            0
        }
    }

    /// Where a piece begins when all lie one after the other.
    pub fn offset(&self, piece: u32) -> u64 {
        let chunks = self.chunks();
        if piece <= chunks {
            u64::from(piece) * (CHUNK_BYTES + TAG_BYTES)
        } else {
            let before = u64::from(piece - chunks) * u64::from(PAGE_DIGESTS) * 32;
            self.offset(chunks) + before
        }
    }

    /// Bytes of all pieces.
    pub fn sealed_bytes(&self) -> u64 {
        self.size + u64::from(self.chunks()) * TAG_BYTES + if self.pages() > 0 { u64::from(self.chunks()) * 32 } else { 0 }
    }

    /// The name of the blob.
    pub fn id(&self) -> BlobId {
        BlobId(blake3::hash(&codec::encode(self)).into())
    }

    /// Whether an honest node makes such a listing.
    pub fn is_sound(&self) -> bool {
        let wanted = if self.size > BLOB_BYTES_MAX { return false } else { self.pages() };
        let wanted = if wanted == 0 { self.chunks() } else { wanted };
        self.digests.len() == wanted as usize
    }
}

/// A listing with the key: whoever has it can read the blob. Travels only inside a seal.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub struct Manifest {
    /// The key of this blob alone.
    pub key: [u8; 32],
    /// What holders know of it.
    pub listing: Listing,
}

/// Not the key.
impl std::fmt::Debug for Manifest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Manifest({:?}, {} bytes)", self.listing.id(), self.listing.size)
    }
}

/// A photo, a voice note, a video, a file: what a screen needs at once, and where the rest is found.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Media {
    /// What it is, and how it looks before it is here.
    pub preview: Preview,
    /// What its sender calls the file; never trusted as a path.
    pub name: String,
    /// What its sender says of it; may be empty.
    pub caption: String,
    /// The message it answers.
    pub reply: Option<MessageId>,
    /// The pieces and the key.
    pub manifest: Manifest,
}

/// Asks for pieces, on a stream of bodies; each is answered by a [`Piece`] or named in a [`Lack`], in this order.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Ask {
    /// Of which blob. Knowing its id is the right to ask.
    pub blob: BlobId,
    /// Which pieces, at most `ASK_PIECES_MAX`.
    pub pieces: Vec<u32>,
}

/// The bytes of a piece.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Piece {
    /// Which.
    pub piece: u32,
    /// As they are hashed.
    pub bytes: Vec<u8>,
}

/// A piece that is not here, or not yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Lack {
    /// Which.
    pub piece: u32,
}

/// Asks a mailbox to hold a blob: it asks for the pieces itself. Needs an opened token, as a deposit does.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Offer {
    /// For whom.
    pub inbox: InboxId,
    /// What.
    pub listing: Listing,
}

/// A custody receipt for a body: all its pieces are durable at the mailbox that signed.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct BlobHeld {
    /// What.
    pub blob: BlobId,
    /// For whom.
    pub inbox: InboxId,
    /// Until when, by the mailbox's clock.
    pub until: Millis,
    /// With the mailbox's transport key over the encoding of the fields before.
    pub signature: [u8; 64],
}

/// A body is not held, and why; said before any piece was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct BlobRefused {
    /// What.
    pub blob: BlobId,
    /// For whom.
    pub inbox: InboxId,
    /// Why.
    pub reason: Reason,
    /// Bytes of the largest body that would be taken for this inbox on this token.
    pub takes: u64,
}

/// The reader of an inbox has the whole body: it need not be held for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct BlobDone {
    /// Whose.
    pub inbox: InboxId,
    /// What.
    pub blob: BlobId,
}

// Rows.

/// `Table::Blob`: `blob`: a blob that is here, in part or whole, or may be fetched. `blob | 0` has one bit for each piece that is durable here,
/// lowest first; without that row there is none.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Stored {
    /// What is known of it.
    pub listing: Listing,
    /// Whether its pieces are to be fetched.
    pub wanted: bool,
}

/// The key of the bits of a blob in `Table::Blob`.
pub fn bits_key(blob: &BlobId) -> Vec<u8> {
    [&blob.0[..], &[0]].concat()
}

/// Why a blob is kept: `Table::Use`: `blob | 1 | message`, `blob | 2 | inbox`; the values are empty.
pub fn use_key(blob: &BlobId, user: &Use) -> Vec<u8> {
    match user {
        Use::Message(message) => [&blob.0[..], &[1], &message.0].concat(),
        Use::Inbox(inbox) => [&blob.0[..], &[2], &inbox.0].concat(),
    }
}

/// Who needs a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Use {
    /// A message of this node.
    Message(MessageId),
    /// An inbox of the mailbox service.
    Inbox(InboxId),
}

impl Use {
    /// From such a key.
    pub fn from_key(key: &[u8]) -> Option<Self> {
        match key.get(BlobId::LEN..)? {
            [1, rest @ ..] => MessageId::from_slice(rest).map(Self::Message),
            [2, rest @ ..] => InboxId::from_slice(rest).map(Self::Inbox),
            _ => None,
        }
    }
}

/// `Table::Lodging`: `1 | inbox | blob`: a body held for an inbox; `2 | until (8, big endian) | inbox | blob` says when it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Lodging {
    /// Who deposited it: counts against its share.
    pub token: [u8; 16],
    /// Bytes of its pieces.
    pub bytes: u64,
    /// Until when.
    pub until: Millis,
}

/// The two keys of a lodging.
pub fn lodging_keys(inbox: &InboxId, blob: &BlobId, until: Millis) -> [Vec<u8>; 2] {
    [[&[1], &inbox.0[..], &blob.0].concat(), [&[2], &until.to_be_bytes()[..], &inbox.0, &blob.0].concat()]
}

/// `Table::Carriage`: where the body of an own message is, for each account: `1 | message | account`; `2 | account | message` while that account has not
/// said that it has it. `3 | blob` stands for a blob that is being fetched, `4 | message` for a sender that was not told yet that its body is here: both empty.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Carriage {
    /// Which body.
    pub blob: BlobId,
    /// Mailboxes that hold it, and until when.
    pub held: Vec<(PeerId, Millis)>,
    /// Mailboxes that do not take it, why, and what they would take.
    pub refused: Vec<(PeerId, Reason, u64)>,
    /// When the account said that it has all of it.
    pub had: Option<Millis>,
}

/// The key of a [`Carriage`].
pub fn carriage_key(message: &MessageId, account: &AccountId) -> Vec<u8> {
    [&[1], &message.0[..], &account.0].concat()
}

/// Stands in `Table::Carriage` for a blob that is being fetched.
pub fn fetch_key(blob: &BlobId) -> Vec<u8> {
    [&[3], &blob.0[..]].concat()
}

/// What the keys of all carriages of a message begin with.
pub fn carriages_of(message: &MessageId) -> Vec<u8> {
    [&[1], &message.0[..]].concat()
}

/// Bits: which pieces are here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bits(pub Vec<u8>);

impl Bits {
    /// With the first `count` set.
    pub fn full(count: u32) -> Self {
        let mut bits = Self(Vec::new());
        (0..count).for_each(|at| bits.set(at));
        bits
    }

    /// Whether this one is set.
    pub fn has(&self, at: u32) -> bool {
        self.0.get(at as usize / 8).is_some_and(|byte| byte >> (at % 8) & 1 == 1)
    }

    /// Sets one.
    pub fn set(&mut self, at: u32) {
        let byte = at as usize / 8;
        if self.0.len() <= byte {
            self.0.resize(byte + 1, 0);
        }
        self.0[byte] |= 1 << (at % 8);
    }

    /// How many are set.
    pub fn count(&self) -> u32 {
        self.0.iter().map(|byte| byte.count_ones()).sum()
    }
}
