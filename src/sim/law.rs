//! What every row must keep to when it is written: what stands in a room stays as it is, nobody becomes a contact unasked, nothing is
//! held that nobody had the right to deposit, nothing is given up before it arrived.

use super::Who;
use super::world::World;
use crate::crypto::keys::direct_room;
use crate::proto::mailbox::row::{self as held, Hold};
use crate::types::{AccountId, Batch, EnvelopeId, MessageId, Scan, Table, View as _};
use crate::wire::card;
use crate::wire::row::{self, Cargo, ContactState, Place};

impl World {
    /// Right after a batch was applied, durable or not.
    pub(super) fn watch_rows(&mut self, who: Who, batch: &Batch) {
        for (table, key, value) in batch.iter() {
            let fault = match (table, value) {
                (Table::Message, _) => self.message_fault(who, key, value),
                (Table::Index, Some(value)) => self.index_fault(who, key, value),
                (Table::Numbered, Some(value)) => self.number_fault(who, key, value),
                (Table::Seen, None) => self.seen_fault(who, key),
                (Table::Outbox, None) => self.outbox_fault(who, key),
                (Table::Contact, Some(value)) => self.contact_fault(who, key, value),
                (Table::Invite, Some(value)) => self.invite_fault(who, key, value),
                (Table::Held, Some(value)) => self.held_fault(who, key, value),
                _ => None,
            };
            if let Some(fault) = fault {
                self.watch.check(false, || fault);
            }
        }
    }

    fn before<T: bincode::Decode<()>>(&self, who: Who, table: Table, key: &[u8]) -> Option<T> {
        self.machines[who].disk.before(table, key).and_then(|value| row::decode(value).ok())
    }

    /// What stands in a room stays there as it is; what a person writes stands after all they saw; nothing comes from who is blocked.
    fn message_fault(&self, who: Who, key: &[u8], value: Option<&[u8]>) -> Option<String> {
        let machine = &self.machines[who];
        let (me, place) = (machine.account(), Place::from_key(key)?);
        let message = value.and_then(|value| row::decode::<row::Message>(value).ok());
        if let Some(before) = self.before::<row::Message>(who, Table::Message, key) {
            let is_kept = message.is_some_and(|message| message == before || (place.sender == me && message.body == before.body));
            return (!is_kept).then(|| format!("{who} changes {:?}, which stood in a room", place.message));
        }
        let message = message?;
        let contact = machine.disk.row::<row::Contact>(Table::Contact, &place.sender.0);
        if contact.is_some_and(|contact| contact.state == ContactState::Blocked) && place.room == direct_room(&me, &place.sender) {
            return Some(format!("{who} is shown {:?} from somebody it blocked", place.message));
        }
        let last = machine.disk.scan(&Scan { reverse: true, ..Scan::prefix(Table::Message, place.room.0).limit(1) });
        let is_last = last.first().is_some_and(|(last, _)| last[..] == *key);
        let is_own = place.sender == me && message.device == machine.keys.device_id();
        (is_own && !is_last).then(|| format!("{who} writes {:?} before what it saw", place.message))
    }

    /// What a person read stays read.
    fn index_fault(&self, who: Who, key: &[u8], value: &[u8]) -> Option<String> {
        let before = self.before::<row::Index>(who, Table::Index, key)?;
        let index = row::decode::<row::Index>(value).ok()?;
        let is_kept = before.place == index.place && (before.read_at.is_none() || index.read_at.is_some());
        let message = MessageId::from_slice(key)?;
        (!is_kept).then(|| format!("{who} forgets that {message:?} was read, or where it stands"))
    }

    /// A device gives each number once.
    fn number_fault(&self, who: Who, key: &[u8], value: &[u8]) -> Option<String> {
        let before = self.before::<row::Numbered>(who, Table::Numbered, key)?.message;
        let message = row::decode::<row::Numbered>(value).ok()?.message;
        (before != message).then(|| format!("{who} has {before:?} and {message:?} under one number"))
    }

    /// What came is remembered for as long as it may come again.
    fn seen_fault(&self, who: Who, key: &[u8]) -> Option<String> {
        let (seen, envelope) = (self.before::<row::Seen>(who, Table::Seen, key)?, EnvelopeId::from_slice(key)?);
        let is_over = seen.until <= self.machines[who].time(self.now).wall;
        (!is_over).then(|| format!("{who} forgets that {envelope:?} came"))
    }

    /// A message is owed until it arrived, or its time is over.
    fn outbox_fault(&self, who: Who, key: &[u8]) -> Option<String> {
        let Cargo::Message { message, .. } = self.before::<row::Outbox>(who, Table::Outbox, key)?.cargo else { return None };
        let (account, order) = key.split_at_checked(32)?;
        let index = self.machines[who].disk.row::<row::Index>(Table::Index, &message.0)?;
        let (_, custody) = index.custody.iter().find(|(to, _)| to.0[..] == *account)?;
        let is_over = custody.delivered.is_some() || custody.expired || custody.order.to_be_bytes()[..] != *order;
        (!is_over).then(|| format!("{who} gives up {message:?}, which did not arrive"))
    }

    /// Cards only get newer; a contact is accepted by an own yes, an own request, or an open invite.
    fn contact_fault(&self, who: Who, key: &[u8], value: &[u8]) -> Option<String> {
        let account = AccountId::from_slice(key)?;
        let before = self.before::<row::Contact>(who, Table::Contact, key);
        let contact = row::decode::<row::Contact>(value).ok()?;
        let number = |contact: &row::Contact| card::Signed::open(&contact.card).map_or(0, |card| card.number);
        if before.as_ref().is_some_and(|before| before.card != contact.card && number(before) > number(&contact)) {
            return Some(format!("{who} takes an older card of {account:?}"));
        }
        let is_asked = match before.map(|before| before.state) {
            Some(ContactState::Accepted | ContactState::Requested | ContactState::Blocked) => true,
            _ => self.watch.agreed.contains(&(who, account)) || self.has_invited(who, &account),
        };
        let is_let_in = contact.state == ContactState::Accepted && !is_asked;
        is_let_in.then(|| format!("{who} is made a contact of {account:?} unasked"))
    }

    fn has_invited(&self, who: Who, account: &AccountId) -> bool {
        let invites: Vec<(Vec<u8>, row::Invite)> = self.machines[who].disk.all(Table::Invite);
        invites.iter().any(|(_, invite)| invite.used_by.as_ref() == Some(account))
    }

    /// An invite is good for one person.
    fn invite_fault(&self, who: Who, key: &[u8], value: &[u8]) -> Option<String> {
        let before = self.before::<row::Invite>(who, Table::Invite, key)?.used_by?;
        let is_same = row::decode::<row::Invite>(value).is_ok_and(|invite| invite.used_by == Some(before));
        (!is_same).then(|| format!("an invite of {who} works twice"))
    }

    /// What a mailbox takes came with a token that is good, or was paid for.
    fn held_fault(&self, who: Who, key: &[u8], value: &[u8]) -> Option<String> {
        let (inbox, _) = key.split_first_chunk::<32>()?;
        let hold = row::decode::<Hold>(value).ok()?;
        let inbox = crate::types::InboxId(*inbox);
        let is_revoked = hold.token.is_some_and(|token| self.machines[who].disk.has(Table::Inbox, &held::revoked_key(&inbox, &token)));
        let is_smuggled = self.watch.smuggled.contains(&hold.envelope);
        (is_revoked || is_smuggled).then(|| format!("{who} takes {:?}, which nobody had the right to deposit", hold.envelope))
    }
}
