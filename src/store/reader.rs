//! Questions answered from the rows: what screens and scripts show. Nothing here asks the node, and nothing is written.
//!
//! | file | holds |
//! |---|---|
//! | [`view`] | the answers, with the field names that scripts rely on |
//! | [`chat`] | the list of conversations, and where one message is |
//! | [`message`] | messages of a room with what was said about them, and their custody |
//! | [`resolve`] | from a name or the start of an id to a contact or a room |
//! | [`search`] | messages by their words |

pub mod chat;
mod media;
pub mod message;
pub mod resolve;
pub mod search;
pub mod view;

use std::collections::BTreeMap;

pub use message::Page;
pub use resolve::ResolveError;

use crate::crypto::keys::{direct_room, notes_room};
use crate::crypto::phrase;
use crate::types::{AccountId, MessageId, Millis, PeerId, RoomId, Scan, Table, View};
use crate::wire::card::{Card, Signed};
use crate::wire::codec;
use crate::wire::row::{self, Cargo, ContactState, RoomKind};

/// Reads for one account, at one moment.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    view: &'a dyn View,
    own: AccountId,
    now: Millis,
}

impl<'a> Reader<'a> {
    /// Of the account whose rows these are, at this wall clock time: custody that ran out before it no longer counts.
    pub fn new(view: &'a dyn View, own: AccountId, now: Millis) -> Self {
        Self { view, own, now }
    }

    /// All contacts and requests, by name.
    pub fn contacts(&self) -> Vec<view::Contact> {
        let mut contacts: Vec<_> = self.contact_rows().into_iter().map(|(account, row)| self.contact_view(account, row)).collect();
        contacts.sort_by_key(|contact| (contact.name.to_lowercase(), contact.account));
        contacts
    }

    /// One contact, with the words that both people compare.
    pub fn contact(&self, account: &AccountId) -> Option<view::Contact> {
        let row = self.contact_row(account)?;
        let words = phrase::verification_words(&self.own, account);
        Some(view::Contact { words: Some(words), ..self.contact_view(*account, row) })
    }

    /// All rooms: notes first, then by the latest message.
    pub fn rooms(&self) -> Vec<view::Room> {
        let names = self.names();
        let rows = self.scan::<row::Room>(Table::Room);
        let mut rooms: Vec<_> =
            rows.into_iter().filter_map(|(key, row)| Some(self.room_view(RoomId::from_slice(&key)?, row, &names))).collect();
        rooms.sort_by_key(|room| (room.kind != view::RoomKind::Notes, std::cmp::Reverse(room.last_at), room.room));
        rooms
    }

    /// One room. Notes, and the direct room of a contact who has not answered, are there before their first message.
    pub fn room(&self, room: &RoomId) -> Option<view::Room> {
        let row = self.row::<row::Room>(Table::Room, room.as_bytes()).or_else(|| self.coming_room(room))?;
        Some(self.room_view(*room, row, &self.names()))
    }

    /// The room of this account and a contact.
    pub fn direct_room(&self, contact: &AccountId) -> RoomId {
        direct_room(&self.own, contact)
    }

    /// The room of this account with itself.
    pub fn notes_room(&self) -> RoomId {
        notes_room(&self.own)
    }

    /// How many messages of a room are known of and not here: `(may still come, can no longer come)`.
    pub fn missing(&self, room: &RoomId) -> (u64, u64) {
        let rows = self.view.scan(&Scan::prefix(Table::Heads, room.as_bytes().to_vec()));
        // What was said before this account came was never for it, also where it was asked for.
        let is_late = self.row::<row::Room>(Table::Room, room.as_bytes()).is_some_and(|room| room.is_late);
        let is_before = |(first, _): &&(u64, u64)| is_late && *first == 1;
        let heads = rows.into_iter().filter_map(|(_, value)| row::decode::<row::Heads>(&value).ok());
        heads.fold((0_u64, 0_u64), |(missing, gone), heads| {
            let count = |ranges: &[(u64, u64)]| {
                ranges.iter().fold(0_u64, |sum, (first, last)| sum.saturating_add(last.saturating_sub(*first).saturating_add(1)))
            };
            let before = heads.gone.iter().find(is_before).map_or(0, |range| count(&[*range]));
            let lost = count(&heads.gone).saturating_sub(before).saturating_add(heads.gone_more);
            (missing.saturating_add(count(&heads.holes)), lost.saturating_add(gone))
        })
    }

    /// The mailboxes that this account uses or asked for.
    pub fn mailboxes(&self) -> Vec<view::Mailbox> {
        let names = self.names();
        let rows = self.scan::<row::Mailbox>(Table::Mailbox);
        rows.into_iter().filter_map(|(key, row)| Some(mailbox_view(PeerId(key.try_into().ok()?), row, &names))).collect()
    }

    /// One of them.
    pub fn mailbox(&self, peer: &PeerId) -> Option<view::Mailbox> {
        let row = self.row::<row::Mailbox>(Table::Mailbox, peer.as_bytes())?;
        Some(mailbox_view(*peer, row, &self.names()))
    }

    /// Messages that are still owed to someone: held where somebody holds them for everyone who lacks them, else waiting.
    pub fn outbox(&self) -> view::Outbox {
        let mut is_held: BTreeMap<MessageId, bool> = BTreeMap::new();
        for rows in self.pages(Scan::prefix(Table::Outbox, [])) {
            for (_, value) in rows {
                let Ok(row::Outbox { cargo: Cargo::Message { message, .. }, held, .. }) = row::decode::<row::Outbox>(&value) else {
                    continue;
                };
                *is_held.entry(message).or_insert(true) &= held.iter().any(|(_, until)| *until > self.now);
            }
        }
        let held = is_held.values().filter(|held| **held).count() as u64;
        view::Outbox { waiting: is_held.len() as u64 - held, held }
    }

    /// How far the clock of this machine is from others; `None` when it is right, or nothing is known.
    pub fn skew(&self) -> Option<view::Skew> {
        let skew: row::Skew = self.row(Table::Meta, row::META_SKEW)?;
        Some(view::Skew { ahead_ms: skew.ahead_ms, nodes: skew.witnesses })
    }

    /// What the contact is called whose device a peer is, for every device in their cards.
    pub fn owners(&self) -> BTreeMap<PeerId, String> {
        let rows = self.contact_rows().into_iter().filter_map(|(_, row)| Some((card(&row)?, row.name)));
        rows.flat_map(|(card, name)| card.devices.into_iter().map(move |device| (device.peer, name.clone()))).collect()
    }

    /// What this person calls themselves in the card that contacts have; `None` before the first card.
    pub fn own_name(&self) -> Option<String> {
        let signed: Signed = codec::decode(&self.view.get(Table::Meta, OWN_CARD)?).ok()?;
        codec::decode::<Card>(&signed.card).ok().map(|card| card.name)
    }

    /// What every contact is called.
    pub(super) fn names(&self) -> BTreeMap<AccountId, String> {
        self.contact_rows().into_iter().map(|(account, row)| (account, row.name)).collect()
    }

    fn contact_rows(&self) -> Vec<(AccountId, row::Contact)> {
        let rows = self.scan::<row::Contact>(Table::Contact);
        rows.into_iter().filter_map(|(key, row)| Some((AccountId::from_slice(&key)?, row))).collect()
    }

    fn contact_view(&self, account: AccountId, row: row::Contact) -> view::Contact {
        let room = self.direct_room(&account);
        let mailboxes = card(&row).map_or(0, |card| card.mailboxes.len());
        let state = row.state.word().to_owned();
        let greeting = if row.state == ContactState::Pending { row.greeting } else { String::new() };
        view::Contact { account, name: row.name, room, state, verified: row.verified, since: row.since, mailboxes, greeting, words: None }
    }

    fn contact_row(&self, account: &AccountId) -> Option<row::Contact> {
        self.row(Table::Contact, account.as_bytes())
    }

    fn room_view(&self, room: RoomId, row: row::Room, names: &BTreeMap<AccountId, String>) -> view::Room {
        let (missing, gone) = self.missing(&room);
        let contact = (row.kind == RoomKind::Direct).then(|| row.members.iter().find(|member| **member != self.own).copied()).flatten();
        let name = match row.kind {
            RoomKind::Notes => NOTES.to_owned(),
            RoomKind::Direct => contact.and_then(|contact| names.get(&contact).cloned()).unwrap_or(row.name),
            RoomKind::Group => row.name,
        };
        let last = self.view.scan(&Scan::prefix(Table::Message, room.as_bytes().to_vec()).reverse().limit(1));
        let last_at = last.first().and_then(|(key, _)| row::Place::from_key(key)).map(|place| place.clock.ms);
        view::Room {
            room,
            name,
            missing,
            gone,
            kind: row.kind.into(),
            contact,
            members: row.members,
            is_ready: row.generation > 0,
            last_at,
        }
    }

    /// A room that has no row yet, though messages can be written for it.
    fn coming_room(&self, room: &RoomId) -> Option<row::Room> {
        let new = |kind, members| row::Room::new(kind, String::new(), members);
        if *room == self.notes_room() {
            return Some(new(RoomKind::Notes, vec![self.own]));
        }
        let (contact, _) = self.contact_rows().into_iter().find(|(account, _)| self.direct_room(account) == *room)?;
        Some(new(RoomKind::Direct, vec![self.own, contact]))
    }

    fn row<T: bincode::Decode<()>>(&self, table: Table, key: &[u8]) -> Option<T> {
        row::decode(&self.view.get(table, key)?).ok()
    }

    fn scan<T: bincode::Decode<()>>(&self, table: Table) -> Vec<(Vec<u8>, T)> {
        let rows = self.view.scan(&Scan::prefix(table, [])).into_iter();
        rows.filter_map(|(key, value)| Some((key, row::decode(&value).ok()?))).collect()
    }

    /// A long range in bounded pieces.
    fn pages(&self, scan: Scan) -> impl Iterator<Item = Vec<crate::types::Row>> {
        let view = self.view;
        let mut next = Some(scan.limit(PAGE_ROWS));
        std::iter::from_fn(move || {
            let scan = next.take()?;
            let rows = view.scan(&scan);
            if rows.len() == PAGE_ROWS {
                next = rows.last().map(|(key, _)| scan.after(key.clone()));
            }
            (!rows.is_empty()).then_some(rows)
        })
    }
}

/// What the room with oneself is called.
pub const NOTES: &str = "notes";

/// Where the own signed card lies in `Table::Meta`.
const OWN_CARD: &[u8] = b"card";

/// Rows read at a time where a range may be long.
const PAGE_ROWS: usize = 1_024;

/// The card in a contact's row. It was verified when it was stored.
fn card(row: &row::Contact) -> Option<Card> {
    let signed: Signed = codec::decode(&row.card).ok()?;
    codec::decode(&signed.card).ok()
}

fn mailbox_view(peer: PeerId, row: row::Mailbox, names: &BTreeMap<AccountId, String>) -> view::Mailbox {
    let state = match (row.registered, row.refused) {
        (true, _) => view::MailboxState::Confirmed,
        (false, Some(_)) => view::MailboxState::Refused,
        (false, None) => view::MailboxState::Asked,
    };
    let name = row.neighbour.and_then(|account| names.get(&account).cloned()).unwrap_or_default();
    let kind = if row.neighbour.is_some() { view::MailboxKind::Neighbour } else { view::MailboxKind::Relay };
    let why = if row.registered { None } else { row.refused.map(|reason| message::refusal(reason).to_owned()) };
    view::Mailbox { peer, kind, name, state, why, account: row.neighbour, quota_bytes: row.quota_bytes, ttl_ms: row.ttl_ms }
}
