//! From what a person types to a contact, a room or a mailbox: a name, or an id, or the start of one.

use super::{NOTES, Reader};
use crate::types::{AccountId, PeerId, RoomId, Table};
use crate::wire::row::{self, RoomKind};

/// Why a text names nothing, or too much. The sentence is for the person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// No such contact.
    #[error("there is no contact called “{name}”: `tidings contact list` shows them")]
    NoContact {
        /// What was typed.
        name: String,
    },
    /// No such contact or room.
    #[error("there is no contact or room called “{name}”: `tidings contact list` and `tidings status` show them")]
    NoRoom {
        /// What was typed.
        name: String,
    },
    /// No such mailbox.
    #[error("none of your mailboxes is called “{name}”: `tidings relay list` and `tidings neighbour list` show them")]
    NoMailbox {
        /// What was typed.
        name: String,
    },
    /// No such message.
    #[error("there is no message “{message}” in this room: `tidings read` with --json shows the ids")]
    NoMessage {
        /// What was typed.
        message: String,
    },
    /// Several have that name.
    #[error("“{name}” could be any of {candidates}: type more of the name, or the start of the id")]
    Ambiguous {
        /// What was typed.
        name: String,
        /// Names with the starts of their ids.
        candidates: String,
    },
    /// Several messages begin so.
    #[error("several messages of this room begin with “{message}”: type more of the id")]
    AmbiguousMessage {
        /// What was typed.
        message: String,
    },
}

impl Reader<'_> {
    /// A contact, by name or id. Names are compared with their case first, then without.
    pub fn resolve_contact(&self, name: &str) -> Result<AccountId, ResolveError> {
        let name = name.trim();
        let found = choose(name, &self.contact_candidates())?;
        found.ok_or_else(|| ResolveError::NoContact { name: name.to_owned() })
    }

    /// A room, by its name or its contact's, or by the id of either. A contact's direct room may not exist yet.
    pub fn resolve_room(&self, name: &str) -> Result<RoomId, ResolveError> {
        let name = name.trim();
        if let Ok(room) = name.parse::<RoomId>()
            && self.row::<row::Room>(Table::Room, room.as_bytes()).is_some()
        {
            return Ok(room);
        }
        let mut candidates = vec![Candidate { name: NOTES.to_owned(), id: self.notes_room().to_string(), value: self.notes_room() }];
        for contact in self.contact_candidates() {
            let room = self.direct_room(&contact.value);
            candidates.push(Candidate { name: String::new(), id: room.to_string(), value: room });
            candidates.push(Candidate { name: contact.name, id: contact.id, value: room });
        }
        for (key, row) in self.scan::<row::Room>(Table::Room) {
            if let Some(room) = RoomId::from_slice(&key).filter(|_| row.kind == RoomKind::Group) {
                candidates.push(Candidate { name: row.name, id: room.to_string(), value: room });
            }
        }
        choose(name, &candidates)?.ok_or_else(|| ResolveError::NoRoom { name: name.to_owned() })
    }

    /// One of this account's mailboxes: a neighbour's name, a peer id, or the start or end of one.
    pub fn resolve_mailbox(&self, name: &str) -> Result<PeerId, ResolveError> {
        let name = name.trim();
        let mailboxes = self.mailboxes();
        let by_id = |id: String| id == name || (name.len() >= PREFIX_DIGITS_MIN && (id.starts_with(name) || id.ends_with(name)));
        let found: Vec<_> = mailboxes.iter().filter(|mailbox| mailbox.name == name || by_id(mailbox.peer.to_string())).collect();
        match found.as_slice() {
            [] => Err(ResolveError::NoMailbox { name: name.to_owned() }),
            [mailbox] => Ok(mailbox.peer),
            many => {
                let candidates = many.iter().map(|mailbox| mailbox.peer.to_string()).collect::<Vec<_>>().join(", ");
                Err(ResolveError::Ambiguous { name: name.to_owned(), candidates })
            }
        }
    }

    fn contact_candidates(&self) -> Vec<Candidate<AccountId>> {
        let rows = self.contact_rows().into_iter();
        rows.map(|(account, row)| Candidate { name: row.name, id: account.to_string(), value: account }).collect()
    }
}

struct Candidate<T> {
    name: String,
    id: String,
    value: T,
}

/// How a candidate may fit.
type Way<'a, T> = &'a dyn Fn(&Candidate<T>) -> bool;

/// The one candidate with this name; else with this name in another case; else whose id starts so.
fn choose<T: Copy + PartialEq>(name: &str, candidates: &[Candidate<T>]) -> Result<Option<T>, ResolveError> {
    let lower = name.to_lowercase();
    let is_id = name.len() >= PREFIX_DIGITS_MIN && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    let ways: [Way<'_, T>; 3] = [
        &|candidate| !name.is_empty() && candidate.name == name,
        &|candidate| !name.is_empty() && candidate.name.to_lowercase() == lower,
        &|candidate| is_id && candidate.id.starts_with(&lower),
    ];
    for fits in ways {
        let found: Vec<_> = candidates.iter().filter(|candidate| fits(candidate)).collect();
        let Some(first) = found.first() else { continue };
        if found.iter().all(|candidate| candidate.value == first.value) {
            return Ok(Some(first.value));
        }
        let label =
            |candidate: &&Candidate<T>| format!("{} ({})", candidate.name, &candidate.id[..SHORT_ID_DIGITS.min(candidate.id.len())]);
        let candidates = found.iter().take(CANDIDATES_SHOWN).map(label).collect::<Vec<_>>().join(", ");
        return Err(ResolveError::Ambiguous { name: name.to_owned(), candidates });
    }
    Ok(None)
}

/// Fewer digits of an id name too many things.
pub(super) const PREFIX_DIGITS_MIN: usize = 4;

/// Digits of an id shown where a person has to choose.
const SHORT_ID_DIGITS: usize = 8;

/// Candidates named in a sentence.
const CANDIDATES_SHOWN: usize = 5;
