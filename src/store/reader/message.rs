//! Messages of a room in its one order, with reactions, edits and recalls folded in, and their custody summed up.

use std::collections::{BTreeMap, BTreeSet};

use super::view::{self, Kind, State};
use super::{Reader, ResolveError};
use crate::types::limits::CLOCK_DRIFT_MS_MAX;
use crate::types::{AccountId, MessageId, Millis, PeerId, RoomId, Row, Scan, Table};
use crate::wire::content::Body;
use crate::wire::mailbox::Reason;
use crate::wire::row::{self, Index, Mark, Place};

/// A part of a room. Without `before` and `after` it is the latest part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// At most so many messages.
    pub limit: usize,
    /// Those that end just before this message.
    pub before: Option<MessageId>,
    /// Those that begin just after this message; not together with `before`.
    pub after: Option<MessageId>,
}

impl Page {
    /// So many before this message, in place of the latest ones.
    pub fn before(message: MessageId, limit: usize) -> Self {
        Self { limit, before: Some(message), after: None }
    }

    /// So many after this message.
    pub fn after(message: MessageId, limit: usize) -> Self {
        Self { limit, before: None, after: Some(message) }
    }
}

impl Reader<'_> {
    /// A part of a room, in the room's order.
    pub fn messages(&self, room: &RoomId, page: Page) -> Result<Vec<view::Message>, ResolveError> {
        let mut scan = Scan::prefix(Table::Message, room.as_bytes().to_vec());
        if let Some(message) = page.before.or(page.after) {
            scan = scan.after(self.place_in(room, &message)?.key());
        }
        let is_reverse = page.after.is_none();
        if is_reverse {
            scan = scan.reverse();
        }
        let names = self.names();
        let mut messages = Vec::new();
        loop {
            let wanted = page.limit - messages.len();
            let rows = self.view.scan(&scan.clone().limit(wanted));
            let (is_end, last) = (rows.len() < wanted, rows.last().map(|(key, _)| key.clone()));
            messages.extend(rows.into_iter().filter_map(|row| self.message_view(row, &names)));
            match last {
                Some(key) if !is_end && messages.len() < page.limit => scan = scan.after(key),
                _ => break,
            }
        }
        if is_reverse {
            messages.reverse();
        }
        Ok(messages)
    }

    /// A message of a room in the middle of those around it.
    pub fn messages_around(&self, room: &RoomId, message: MessageId, limit: usize) -> Result<Vec<view::Message>, ResolveError> {
        let mut messages = self.messages(room, Page::before(message, limit / 2))?;
        messages.extend(self.messages_by_id(room, &[message]));
        messages.extend(self.messages(room, Page::after(message, limit.saturating_sub(messages.len())))?);
        Ok(messages)
    }

    /// One message.
    pub fn message(&self, message: &MessageId) -> Option<view::Message> {
        let key = self.row::<Index>(Table::Index, message.as_bytes())?.place.key();
        let value = self.view.get(Table::Message, &key)?;
        self.message_view((key, value), &self.names())
    }

    /// Those of these messages that are here, in the room's order.
    pub fn messages_by_id(&self, room: &RoomId, messages: &[MessageId]) -> Vec<view::Message> {
        let names = self.names();
        let places = messages.iter().filter_map(|message| self.place_in(room, message).ok());
        let places: BTreeSet<Place> = places.collect();
        let here = places.into_iter().filter_map(|place| {
            let key = place.key();
            let value = self.view.get(Table::Message, &key)?;
            self.message_view((key, value), &names)
        });
        here.collect()
    }

    /// Messages of others that the person has not read, latest first, at most `limit`. Stops looking where everything has been
    /// read for a while.
    pub fn unread(&self, room: &RoomId, limit: usize) -> Vec<MessageId> {
        let mut unread = Vec::new();
        let mut read_in_a_row = 0;
        for rows in self.pages(Scan::prefix(Table::Message, room.as_bytes().to_vec()).reverse()) {
            let places = rows.iter().filter_map(|(key, _)| Place::from_key(key)).filter(|place| place.sender != self.own);
            for place in places {
                let is_read = self.row::<Index>(Table::Index, place.message.as_bytes()).is_none_or(|index| index.read_at.is_some());
                read_in_a_row = if is_read { read_in_a_row + 1 } else { 0 };
                if !is_read {
                    unread.push(place.message);
                }
                if unread.len() >= limit || read_in_a_row >= READ_IN_A_ROW {
                    return unread;
                }
            }
        }
        unread
    }

    /// A message of a room by its id or the start of it, at least four digits. Looks through the latest messages only when it
    /// is not a whole id.
    pub fn find_message(&self, room: &RoomId, text: &str) -> Result<MessageId, ResolveError> {
        if let Ok(message) = text.parse::<MessageId>() {
            return self.place_in(room, &message).map(|_| message);
        }
        let unknown = || ResolveError::NoMessage { message: text.to_owned() };
        let text = text.to_ascii_lowercase();
        if text.len() < super::resolve::PREFIX_DIGITS_MIN || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(unknown());
        }
        let rows = self.view.scan(&Scan::prefix(Table::Message, room.as_bytes().to_vec()).reverse().limit(FIND_ROWS));
        let ids = rows.iter().filter_map(|(key, _)| Place::from_key(key)).map(|place| place.message);
        let mut found: Vec<MessageId> = ids.filter(|id| id.to_string().starts_with(&text)).collect();
        match (found.pop(), found.pop()) {
            (Some(message), None) => Ok(message),
            (Some(_), Some(_)) => Err(ResolveError::AmbiguousMessage { message: text }),
            _ => Err(unknown()),
        }
    }

    fn place_in(&self, room: &RoomId, message: &MessageId) -> Result<Place, ResolveError> {
        let index = self.row::<Index>(Table::Index, message.as_bytes()).filter(|index| index.place.room == *room);
        index.map(|index| index.place).ok_or_else(|| ResolveError::NoMessage { message: message.to_string() })
    }

    pub(super) fn message_view(&self, (key, value): Row, names: &BTreeMap<AccountId, String>) -> Option<view::Message> {
        let place = Place::from_key(&key)?;
        let row: row::Message = row::decode(&value).ok()?;
        let (kind, text, reply, media) = match row.body() {
            Some(Body::Text { text, reply }) => (Kind::Text, text, reply, None),
            Some(Body::Media(media)) => (media.preview.kind.into(), media.caption.clone(), media.reply, Some(media)),
            Some(_) => return None,
            None => (Kind::Later, String::new(), None, None),
        };
        let mine = place.sender == self.own;
        let marks = self.marks(&place);
        let name =
            |account: &AccountId| if *account == self.own { YOU.to_owned() } else { names.get(account).cloned().unwrap_or_default() };
        let media = media.filter(|_| !marks.is_recalled);
        let reactions = marks.reactions.into_iter().filter(|_| !marks.is_recalled);
        let reactions = reactions.map(|(from, emoji)| view::Reaction { from, from_name: name(&from), emoji }).collect();
        Some(view::Message {
            message: place.message,
            room: place.room,
            from: place.sender,
            from_name: name(&place.sender),
            mine,
            at: place.clock.ms,
            kind: if marks.is_recalled { Kind::Recalled } else { kind },
            blob: media.as_ref().map(|media| self.blob_view(&place.message, media, mine)),
            preview: media.as_deref().map(super::media::preview_view),
            edited: marks.text.is_some() && !marks.is_recalled,
            text: if marks.is_recalled { String::new() } else { marks.text.unwrap_or(text) },
            late: row.late,
            ahead: !mine && place.clock.ms > row.arrived.saturating_add(CLOCK_DRIFT_MS_MAX),
            custody: self.custody(&place.message, mine),
            reply,
            reactions,
        })
    }

    /// What was said about a message, the latest of each kind.
    pub(super) fn marks(&self, place: &Place) -> Marks {
        let mut marks = Marks::default();
        for (_, value) in self.view.scan(&Scan::prefix(Table::Mark, row::marks_of(place))) {
            let Ok(mark) = row::decode::<Mark>(&value) else { continue };
            let is_sender = mark.sender == place.sender;
            match mark.body() {
                Some(Body::Reaction { emoji, .. }) if emoji.is_empty() => {
                    marks.reactions.remove(&mark.sender);
                }
                Some(Body::Reaction { emoji, .. }) => {
                    marks.reactions.insert(mark.sender, emoji);
                }
                Some(Body::Edit { text, .. }) if is_sender => marks.text = Some(text),
                Some(Body::Recall { .. }) if is_sender => marks.is_recalled = true,
                _ => {}
            }
        }
        marks
    }

    fn custody(&self, message: &MessageId, mine: bool) -> view::Custody {
        let index = self.row::<Index>(Table::Index, message.as_bytes());
        if mine {
            return summary(&index.map(|index| index.custody).unwrap_or_default(), self.now);
        }
        let is_read = index.is_some_and(|index| index.read_at.is_some());
        view::Custody { state: if is_read { State::Read } else { State::Delivered }, held_by: Vec::new(), until: None }
    }
}

/// What was said about a message.
#[derive(Default)]
pub(super) struct Marks {
    pub(super) reactions: BTreeMap<AccountId, String>,
    pub(super) text: Option<String>,
    pub(super) is_recalled: bool,
}

/// The custody of a message over all its recipients: that of whoever is worst off, and never more than receipts say. A message
/// without recipients is where it belongs.
pub fn summary(custody: &[(AccountId, row::Custody)], now: Millis) -> view::Custody {
    let state = custody.iter().map(|(_, custody)| standing(custody, now)).min().unwrap_or(State::Delivered);
    if state != State::Held {
        return view::Custody { state, held_by: Vec::new(), until: None };
    }
    let still =
        |custody: &row::Custody| -> Vec<(PeerId, Millis)> { custody.held.iter().filter(|(_, until)| *until > now).copied().collect() };
    let held = || custody.iter().filter(|(_, custody)| standing(custody, now) == State::Held).map(|(_, custody)| still(custody));
    let mut held_by: Vec<PeerId> = held().flatten().map(|(peer, _)| peer).collect();
    held_by.sort_unstable();
    held_by.dedup();
    let until = held().filter_map(|held| held.into_iter().map(|(_, until)| until).max()).min();
    view::Custody { state, held_by, until }
}

pub(super) fn standing(custody: &row::Custody, now: Millis) -> State {
    if custody.read.is_some() {
        State::Read
    } else if custody.delivered.is_some() {
        State::Delivered
    } else if custody.expired {
        State::Expired
    } else if custody.held.iter().any(|(_, until)| *until > now) {
        State::Held
    } else {
        State::Waiting
    }
}

/// Why a mailbox does not serve this account, for the person.
pub(super) fn refusal(reason: Reason) -> &'static str {
    match reason {
        Reason::UnknownInbox => "it no longer knows your inbox: leave it and ask again",
        Reason::NoToken => "the link is not, or no longer, valid there: ask for a new one",
        Reason::Full => "it serves as many people as it can: ask another one",
        Reason::TooLarge => "it takes only smaller messages",
        Reason::Work => "it asks for a proof of work",
        Reason::NotServed => "its owner does not hold mail for you: ask another friend, or join a relay",
        Reason::Disk => "its disk is full",
        Reason::Signature => "it could not verify who you are",
    }
}

/// What own messages are from.
pub const YOU: &str = "you";

/// So many read messages in a row, and nothing before them is looked at: late ones come in among the latest.
const READ_IN_A_ROW: usize = 256;

/// Messages looked through for the start of an id.
const FIND_ROWS: usize = 10_000;
