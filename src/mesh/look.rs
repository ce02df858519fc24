//! What the mesh kit reads in the stores of its nodes: what people see, through the same reader as every screen, and what is
//! still on its way.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::node::Handle;
use crate::store::Store;
use crate::store::reader::view::{Custody, MailboxState};
use crate::store::reader::{Page, Reader};
use crate::types::{AccountId, InboxId, MessageId, PeerId, RoomId, Scan, Table, View};
use crate::wire::card::{Card, Signed};
use crate::wire::codec;
use crate::wire::row::{self, Contact, Heads, Mailbox, Outbox};

/// One message of a transcript, the same on every device of the room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Which.
    pub message: MessageId,
    /// Who wrote it.
    pub from: AccountId,
    /// What it says, after the last edit; empty when it was taken back.
    pub text: String,
}

/// What an outbox still owes.
pub(super) struct Debt {
    pub(super) account: AccountId,
    pub(super) held_by: Vec<PeerId>,
    /// Whether there are bytes to hold: not before there is a room.
    pub(super) is_sealed: bool,
}

pub(super) fn reader(handle: &Handle) -> Reader<'_> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Reader::new(handle.store(), handle.account(), u64::try_from(now.as_millis()).unwrap_or(u64::MAX))
}

/// Whether the other is a contact, and messages can be sealed for the room with them.
pub(super) fn has_room(handle: &Handle, with: &AccountId) -> bool {
    let reader = reader(handle);
    is_contact(handle, with) && reader.room(&reader.direct_room(with)).is_some_and(|room| room.is_ready)
}

pub(super) fn is_contact(handle: &Handle, account: &AccountId) -> bool {
    reader(handle).contact(account).is_some_and(|contact| contact.state == row::ContactState::Accepted.word())
}

pub(super) fn transcript(handle: &Handle, room: &RoomId) -> Vec<Line> {
    let all = Page { limit: usize::MAX, before: None, after: None };
    let messages = reader(handle).messages(room, all).unwrap_or_default().into_iter();
    messages.map(|message| Line { message: message.message, from: message.from, text: message.text }).collect()
}

pub(super) fn custody(handle: &Handle, message: &MessageId) -> Option<Custody> {
    reader(handle).message(message).map(|message| message.custody)
}

pub(super) fn is_served(handle: &Handle, by: &PeerId) -> bool {
    reader(handle).mailbox(by).is_some_and(|mailbox| mailbox.state == MailboxState::Confirmed)
}

/// The mailboxes this account uses, those that confirmed, with its inbox there.
pub(super) fn mailboxes(store: &Store) -> Vec<(PeerId, InboxId)> {
    let confirmed = rows::<Mailbox>(store, Table::Mailbox).into_iter().filter(|(_, mailbox)| mailbox.registered);
    confirmed.filter_map(|(key, mailbox)| Some((PeerId(key.try_into().ok()?), mailbox.inbox))).collect()
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

pub(super) fn debts(store: &Store) -> Vec<Debt> {
    let debt = |(key, owed): (Vec<u8>, Outbox)| {
        let account = AccountId::from_slice(key.get(..AccountId::LEN)?)?;
        let held_by = owed.holders().map(|(peer, _)| *peer).collect();
        Some(Debt { account, is_sealed: owed.envelope.is_some(), held_by })
    };
    rows::<Outbox>(store, Table::Outbox).into_iter().filter_map(debt).collect()
}

/// Accounts to which receipts are owed.
pub(super) fn receipts_owed(store: &Store) -> Vec<AccountId> {
    let keys = store.scan(&Scan::prefix(Table::Owed, [])).into_iter();
    keys.filter_map(|(key, _)| AccountId::from_slice(key.get(..AccountId::LEN)?)).collect()
}

/// Number of messages that are known to be missing and may still come.
pub(super) fn missing(store: &Store) -> u64 {
    let holes = rows::<Heads>(store, Table::Heads).into_iter().flat_map(|(_, heads)| heads.holes);
    holes.map(|(first, last)| last.saturating_sub(first) + 1).sum()
}

/// Inboxes in which this node holds something for others.
pub(super) fn holding(store: &Store) -> Vec<InboxId> {
    let keys = store.scan(&Scan::prefix(Table::Held, [])).into_iter();
    keys.filter_map(|(key, _)| InboxId::from_slice(key.get(..InboxId::LEN)?)).collect()
}

/// Envelopes that this node goes on trying to deliver for others.
pub(super) fn handovers(store: &Store) -> usize {
    store.scan(&Scan::prefix(Table::Handover, [])).len()
}

fn rows<T: bincode::Decode<()>>(store: &Store, table: Table) -> Vec<(Vec<u8>, T)> {
    let rows = store.scan(&Scan::prefix(table, [])).into_iter();
    rows.filter_map(|(key, value)| Some((key, row::decode(&value).ok()?))).collect()
}
