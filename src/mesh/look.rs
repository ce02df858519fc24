//! What the mesh kit reads in the stores of its nodes: transcripts, custody, and what is still on its way.

use crate::store::Store;
use crate::types::{AccountId, InboxId, MessageId, PeerId, RoomId, Scan, Table, View};
use crate::wire::card::{Card, Signed};
use crate::wire::codec;
use crate::wire::content::Body;
use crate::wire::row::{self, Contact, ContactState, Custody, Heads, Index, Mailbox, Message, Outbox, Place, Room, RoomKind};

/// One message of a transcript, the same on every device of the room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Which.
    pub message: MessageId,
    /// Who wrote it.
    pub from: AccountId,
    /// What it says.
    pub text: String,
}

/// Where a message stands, as a person sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Only its sender has it.
    Waiting,
    /// At least one mailbox has it.
    Held,
    /// A device of its recipient has it.
    Delivered,
    /// Its recipient has seen it.
    Read,
    /// It can no longer arrive.
    Expired,
}

/// What an outbox still owes.
pub(super) struct Debt {
    pub(super) account: AccountId,
    pub(super) held_by: Vec<PeerId>,
    /// Whether there are bytes to hold: not before there is a room.
    pub(super) is_sealed: bool,
}

pub(super) fn rows<T: bincode::Decode<()>>(store: &Store, table: Table) -> Vec<(Vec<u8>, T)> {
    let rows = store.scan(&Scan::prefix(table, [])).into_iter();
    rows.filter_map(|(key, value)| Some((key, row::decode(&value).ok()?))).collect()
}

/// The room of this account and another.
pub(super) fn direct_room(store: &Store, with: &AccountId) -> Option<RoomId> {
    let direct = |room: &Room| room.kind == RoomKind::Direct && room.members.contains(with);
    rows::<Room>(store, Table::Room).into_iter().find(|(_, room)| direct(room)).and_then(|(key, _)| RoomId::from_slice(&key))
}

pub(super) fn is_contact(store: &Store, account: &AccountId) -> bool {
    let row = store.get(Table::Contact, account.as_bytes()).and_then(|value| row::decode::<Contact>(&value).ok());
    row.is_some_and(|contact| contact.state == ContactState::Accepted)
}

/// The mailboxes this account uses, those that confirmed.
pub(super) fn mailboxes(store: &Store) -> Vec<(PeerId, Mailbox)> {
    let confirmed = rows::<Mailbox>(store, Table::Mailbox).into_iter().filter(|(_, mailbox)| mailbox.registered);
    confirmed.filter_map(|(key, mailbox)| Some((PeerId(key.try_into().ok()?), mailbox))).collect()
}

/// The mailboxes in the card that this account has of a contact.
pub(super) fn known_mailboxes(store: &Store, contact: &AccountId) -> Vec<PeerId> {
    let card = || {
        let contact = row::decode::<Contact>(&store.get(Table::Contact, contact.as_bytes())?).ok()?;
        let signed: Signed = codec::decode(&contact.card).ok()?;
        codec::decode::<Card>(&signed.card).ok()
    };
    card().map(|card| card.mailboxes.into_iter().map(|mailbox| mailbox.peer).collect()).unwrap_or_default()
}

pub(super) fn transcript(store: &Store, room: &RoomId) -> Vec<Line> {
    let rows = store.scan(&Scan::prefix(Table::Message, room.as_bytes().to_vec())).into_iter();
    let line = |(key, value): (Vec<u8>, Vec<u8>)| {
        let place = Place::from_key(&key)?;
        match row::decode::<Message>(&value).ok()?.body {
            Body::Text { text, .. } => Some(Line { message: place.message, from: place.sender, text }),
            _ => None,
        }
    };
    rows.filter_map(line).collect()
}

pub(super) fn has(store: &Store, message: &MessageId) -> bool {
    store.get(Table::Index, message.as_bytes()).is_some()
}

pub(super) fn custody(store: &Store, message: &MessageId) -> Vec<(AccountId, Custody)> {
    let index = store.get(Table::Index, message.as_bytes()).and_then(|value| row::decode::<Index>(&value).ok());
    index.map(|index| index.custody).unwrap_or_default()
}

/// The least that is true for every recipient.
pub(super) fn standing(custody: &[(AccountId, Custody)]) -> Standing {
    let each = custody.iter().map(|(_, custody)| match custody {
        Custody { read: Some(_), .. } => Standing::Read,
        Custody { delivered: Some(_), .. } => Standing::Delivered,
        Custody { expired: true, .. } => Standing::Expired,
        Custody { held, .. } if !held.is_empty() => Standing::Held,
        _ => Standing::Waiting,
    });
    each.min().unwrap_or(Standing::Waiting)
}

pub(super) fn debts(store: &Store) -> Vec<Debt> {
    let debt = |(key, owed): (Vec<u8>, Outbox)| {
        let account = AccountId::from_slice(key.get(..AccountId::LEN)?)?;
        Some(Debt { account, is_sealed: owed.envelope.is_some(), held_by: owed.held.into_iter().map(|(peer, _)| peer).collect() })
    };
    rows::<Outbox>(store, Table::Outbox).into_iter().filter_map(debt).collect()
}

/// Accounts to which receipts are owed.
pub(super) fn receipts_owed(store: &Store) -> Vec<AccountId> {
    let keys = store.scan(&Scan::prefix(Table::Owed, [])).into_iter();
    keys.filter_map(|(key, _)| AccountId::from_slice(key.get(..AccountId::LEN)?)).collect()
}

/// Number of messages that are known to be missing.
pub(super) fn missing(store: &Store) -> u64 {
    let holes = rows::<Heads>(store, Table::Heads).into_iter().flat_map(|(_, heads)| heads.holes);
    holes.map(|(first, last)| last.saturating_sub(first) + 1).sum()
}

/// Inboxes in which this node holds something for others.
pub(super) fn holding(store: &Store) -> Vec<InboxId> {
    let keys = store.scan(&Scan::prefix(Table::Held, [])).into_iter();
    keys.filter_map(|(key, _)| InboxId::from_slice(key.get(..InboxId::LEN)?)).collect()
}

pub(super) fn handovers(store: &Store) -> usize {
    store.scan(&Scan::prefix(Table::Handover, [])).len()
}
