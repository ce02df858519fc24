//! Bodies of media as a screen sees them.

use std::collections::{BTreeMap, BTreeSet};

use super::Reader;
use super::view::{Blob, BodyCustody, BodyRefusal, BodyState, Preview, RoomStorage, State, Storage, StoredBody};
use crate::types::limits::FETCH_AT_ONCE_BYTES;
use crate::types::{BlobId, MessageId, RoomId, Scan, Table};
use crate::wire::blob::{Bits, Carriage, Media, Stored, Use, bits_key, carriages_of};
use crate::wire::content::Body;
use crate::wire::mailbox::Reason;
use crate::wire::row::{self, Index};

impl Reader<'_> {
    /// The media that a message is, with the name of its blob.
    pub fn media(&self, message: &MessageId) -> Option<Media> {
        let place = self.row::<Index>(Table::Index, message.as_bytes())?.place;
        let row = self.row::<row::Message>(Table::Message, &place.key())?;
        if self.marks(&place).is_recalled {
            return None;
        }
        match row.body()? {
            Body::Media(media) => Some(*media),
            _ => None,
        }
    }

    /// A message by its id or the start of it, in any room.
    pub fn find_anywhere(&self, text: &str) -> Result<MessageId, super::ResolveError> {
        let unknown = || super::ResolveError::NoMessage { message: text.to_owned() };
        let digits = text.to_ascii_lowercase();
        if digits.len() < super::resolve::PREFIX_DIGITS_MIN || digits.len() > 32 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(unknown());
        }
        let whole = &digits[..digits.len() / 2 * 2];
        let prefix = data_encoding::HEXLOWER.decode(whole.as_bytes()).map_err(|_| unknown())?;
        let rows = self.view.scan(&Scan::prefix(Table::Index, prefix).limit(FIND_ROWS));
        let ids = rows.iter().filter_map(|(key, _)| MessageId::from_slice(key));
        let mut found = ids.filter(|id| id.to_string().starts_with(&digits));
        match (found.next(), found.next()) {
            (Some(message), None) => Ok(message),
            (Some(_), Some(_)) => Err(super::ResolveError::AmbiguousMessage { message: text.to_owned() }),
            _ => Err(unknown()),
        }
    }

    /// Which pieces of a blob are here; `None` when nothing is known of it.
    pub fn pieces(&self, blob: &BlobId) -> Option<(Stored, Bits)> {
        let stored = self.row::<Stored>(Table::Blob, &blob.0)?;
        Some((stored, Bits(self.view.get(Table::Blob, &bits_key(blob)).unwrap_or_default())))
    }

    pub(super) fn blob_view(&self, message: &MessageId, media: &Media, mine: bool) -> Blob {
        let listing = &media.manifest.listing;
        let blob = listing.id();
        let known = self.pieces(&blob);
        let count = known.as_ref().map_or(0, |(_, bits)| (0..listing.chunks()).filter(|chunk| bits.has(*chunk)).count() as u64);
        let have = (count * crate::types::limits::CHUNK_BYTES).min(listing.size);
        let state = match &known {
            Some((_, bits)) if bits.count() >= listing.pieces() => BodyState::Here,
            Some((stored, _)) if stored.wanted => BodyState::Fetching,
            _ => BodyState::Absent,
        };
        let (name, mime) = (media.name.clone(), media.preview.mime.clone());
        let custody = mine.then(|| self.body_custody(message)).flatten();
        Blob { blob, name, mime, size: listing.size, have, state, custody }
    }

    /// Where the body of an own message is: for the recipient who is worst off.
    fn body_custody(&self, message: &MessageId) -> Option<BodyCustody> {
        let rows = self.view.scan(&Scan::prefix(Table::Carriage, carriages_of(message)));
        let carriages: Vec<Carriage> = rows.iter().filter_map(|(_, value)| row::decode(value).ok()).collect();
        let still = |carriage: &Carriage| carriage.held.iter().filter(|(_, until)| *until > self.now).copied().collect::<Vec<_>>();
        let standing = |carriage: &Carriage| match carriage.had {
            Some(_) => State::Delivered,
            None if !still(carriage).is_empty() => State::Held,
            None => State::Waiting,
        };
        let state = carriages.iter().map(standing).min()?;
        let waiting: Vec<&Carriage> = carriages.iter().filter(|carriage| carriage.had.is_none()).collect();
        let held = || waiting.iter().filter(|carriage| standing(carriage) == State::Held).map(|carriage| still(carriage));
        let mut held_by: Vec<_> = held().flatten().map(|(peer, _)| peer).collect();
        held_by.sort_unstable();
        held_by.dedup();
        let until = held().filter_map(|held| held.into_iter().map(|(_, until)| until).max()).min();
        let refusal =
            |(mailbox, reason, takes): &(_, Reason, u64)| BodyRefusal { mailbox: *mailbox, why: why(*reason).to_owned(), takes: *takes };
        let refused = waiting.iter().flat_map(|carriage| carriage.refused.iter().map(refusal)).collect();
        let had = carriages.iter().filter(|carriage| carriage.had.is_some()).count();
        Some(BodyCustody { state, held_by, until, refused, had, of: carriages.len() })
    }

    /// What bodies take on the disk: the largest first, and by room. What two rooms have counts in both.
    pub fn storage(&self, limit: usize) -> Storage {
        let mut storage = Storage::default();
        let mut rooms: BTreeMap<RoomId, (u64, u64)> = BTreeMap::new();
        self.each_body(|blob, bytes, users| {
            let is_held = users.iter().any(|user| matches!(user, Use::Inbox(_)));
            storage.bodies += 1;
            storage.bytes += bytes;
            storage.held_for_others += if is_held { bytes } else { 0 };
            if bytes == 0 {
                return;
            }
            for room in self.rooms_of(users) {
                let (bodies, sum) = rooms.entry(room).or_default();
                *bodies += 1;
                *sum += bytes;
            }
            storage.largest.push(StoredBody { blob, bytes, message: users.iter().find_map(message_of) });
            if storage.largest.len() > limit * 2 {
                storage.largest.sort_by_key(|body| std::cmp::Reverse(body.bytes));
                storage.largest.truncate(limit);
            }
        });
        storage.largest.sort_by_key(|body| std::cmp::Reverse(body.bytes));
        storage.largest.truncate(limit);
        let named = rooms.into_iter().filter_map(|(room, (bodies, bytes))| {
            let name = self.room(&room)?.name;
            Some(RoomStorage { room, name, bodies, bytes })
        });
        storage.rooms = named.collect();
        storage.rooms.sort_by_key(|room| (std::cmp::Reverse(room.bytes), room.room));
        storage
    }

    /// One message for each body that is here for this room alone: what can go when the room is cleaned up. Nothing of the notes, which nobody
    /// else has.
    pub fn bodies_of_room(&self, room: &RoomId) -> Vec<(MessageId, u64)> {
        let mut bodies = Vec::new();
        if *room == self.notes_room() {
            return bodies;
        }
        self.each_body(|_, bytes, users| {
            let is_alone = users.iter().all(|user| matches!(user, Use::Message(_))) && self.rooms_of(users) == BTreeSet::from([*room]);
            if bytes > 0 && is_alone {
                bodies.extend(users.iter().find_map(message_of).map(|message| (message, bytes)));
            }
        });
        bodies
    }

    /// Up to which size bodies of kinds of which nothing is said are fetched without being asked for: in a room, where that is set, or everywhere.
    pub fn at_once_bytes(&self, room: Option<&RoomId>) -> Option<u64> {
        let set = self.row::<u64>(Table::Meta, &row::media_policy(room, None));
        if room.is_some() { set } else { set.or(Some(FETCH_AT_ONCE_BYTES)) }
    }

    /// Every body with the bytes of it that are here, and why it is kept.
    fn each_body(&self, mut look: impl FnMut(BlobId, u64, &[Use])) {
        for rows in self.pages(Scan::prefix(Table::Blob, [])) {
            for (key, value) in rows {
                let (Some(blob), Ok(stored)) = (BlobId::from_slice(&key), row::decode::<Stored>(&value)) else { continue };
                let bits = Bits(self.view.get(Table::Blob, &bits_key(&blob)).unwrap_or_default());
                let bytes =
                    (0..stored.listing.pieces()).filter(|piece| bits.has(*piece)).map(|piece| stored.listing.piece_bytes(piece)).sum();
                let users: Vec<Use> =
                    self.view.scan(&Scan::prefix(Table::Use, blob.0)).iter().filter_map(|(key, _)| Use::from_key(key)).collect();
                look(blob, bytes, &users);
            }
        }
    }

    fn rooms_of(&self, users: &[Use]) -> BTreeSet<RoomId> {
        let messages = users.iter().filter_map(message_of);
        messages.filter_map(|message| Some(self.row::<Index>(Table::Index, message.as_bytes())?.place.room)).collect()
    }
}

fn message_of(user: &Use) -> Option<MessageId> {
    match user {
        Use::Message(message) => Some(*message),
        Use::Inbox(_) => None,
    }
}

/// Why a mailbox does not hold a body, for the person.
fn why(reason: Reason) -> &'static str {
    match reason {
        Reason::TooLarge => "larger than it takes",
        Reason::Full => "its room for media is full",
        Reason::NoToken | Reason::Signature => "it does not know this sender any more",
        Reason::Disk => "its disk is full",
        Reason::UnknownInbox | Reason::Work | Reason::NotServed => "it does not hold mail for them",
    }
}

/// The preview as JSON has it.
pub(super) fn preview_view(media: &Media) -> Preview {
    let preview = &media.preview;
    Preview {
        width: preview.width,
        height: preview.height,
        duration_ms: preview.duration_ms,
        picture: data_encoding::BASE64.encode(&preview.picture),
        waveform: preview.waveform.clone(),
        misnamed: preview.misnamed,
    }
}

/// Ids looked through for the start of one.
const FIND_ROWS: usize = 256;
