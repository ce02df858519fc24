//! The list of conversations, and where one message is.

use std::collections::{BTreeMap, BTreeSet};

use super::message::standing;
use super::{Page, Reader, ResolveError, card, view};
use crate::types::{AccountId, MessageId, PeerId, RoomId, Table};
use crate::wire::row::{ContactState, Index};

impl Reader<'_> {
    /// All conversations, that with the latest message first. Contacts who were said yes to, or asked, are there before their
    /// first message, and so are the notes.
    pub fn chats(&self, connected: &[PeerId]) -> Vec<view::Chat> {
        let contacts = self.contact_rows();
        let mut rooms = self.rooms();
        let mut known: BTreeSet<RoomId> = rooms.iter().map(|room| room.room).collect();
        let coming = contacts.iter().filter(|(_, row)| matches!(row.state, ContactState::Accepted | ContactState::Requested));
        let coming = coming.map(|(account, _)| self.direct_room(account)).chain([self.notes_room()]);
        rooms.extend(coming.filter(|room| known.insert(*room)).filter_map(|room| self.room(&room)));
        let (states, online) = (self.states(), self.accounts_of(connected));
        let mut chats: Vec<_> = rooms.into_iter().map(|room| self.chat_view(room, &states, &online)).filter(is_chat).collect();
        chats.sort_by_key(|chat| (std::cmp::Reverse(chat.about.last_at), chat.about.name.to_lowercase(), chat.about.room));
        chats
    }

    /// One conversation.
    pub fn chat(&self, room: &RoomId, connected: &[PeerId]) -> Option<view::Chat> {
        Some(self.chat_view(self.room(room)?, &self.states(), &self.accounts_of(connected)))
    }

    /// Where a message of this account is on its way to each account it goes to. Empty for messages of others, and for notes.
    pub fn standings(&self, room: &RoomId, message: &MessageId) -> Result<Vec<view::Standing>, ResolveError> {
        let index = self.row::<Index>(Table::Index, message.as_bytes()).filter(|index| index.place.room == *room);
        let index = index.ok_or_else(|| ResolveError::NoMessage { message: message.to_string() })?;
        let (names, owners) = (self.names(), self.owners());
        let standings = index.custody.into_iter().map(|(account, custody)| {
            let held = custody.held.iter().filter(|(_, until)| *until > self.now);
            let held =
                held.map(|(peer, until)| view::Holder { peer: *peer, name: owners.get(peer).cloned().unwrap_or_default(), until: *until });
            view::Standing {
                account,
                name: names.get(&account).cloned().unwrap_or_default(),
                state: standing(&custody, self.now),
                held: held.collect(),
                delivered: custody.delivered,
                read: custody.read,
            }
        });
        Ok(standings.collect())
    }

    fn chat_view(&self, about: view::Room, states: &BTreeMap<AccountId, String>, online: &BTreeSet<AccountId>) -> view::Chat {
        let room = about.room;
        let last = self.messages(&room, Page { limit: 1, ..Page::default() }).unwrap_or_default().pop();
        let unread = self.unread(&room, UNREAD_COUNTED_MAX);
        let state = about.contact.and_then(|contact| states.get(&contact).cloned());
        let is_online = about.contact.is_some_and(|contact| online.contains(&contact));
        view::Chat { last, unread: unread.len(), first_unread: unread.last().copied(), state, online: is_online, about }
    }

    fn states(&self) -> BTreeMap<AccountId, String> {
        self.contact_rows().into_iter().map(|(account, row)| (account, row.state.word().to_owned())).collect()
    }

    /// The contacts whose devices these peers are, by their cards.
    fn accounts_of(&self, peers: &[PeerId]) -> BTreeSet<AccountId> {
        let rows = self.contact_rows().into_iter();
        let here = rows.filter(|(_, row)| card(row).is_some_and(|card| card.devices.iter().any(|device| peers.contains(&device.peer))));
        here.map(|(account, _)| account).collect()
    }
}

/// Who asks stands apart from the conversations until there is an answer; and who was declined never becomes one.
fn is_chat(chat: &view::Chat) -> bool {
    let is = |state: ContactState| chat.state.as_deref() == Some(state.word());
    !(is(ContactState::Pending) || is(ContactState::Declined) && chat.last.is_none())
}

/// Unread messages are counted so far: nobody wants to know more.
const UNREAD_COUNTED_MAX: usize = 1_000;
