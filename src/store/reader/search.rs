//! Messages by their words, newest first over all rooms, read as a stream: what is not looked at is not read.

use std::collections::{BTreeSet, BinaryHeap};

use super::{Reader, view};
use crate::types::{AccountId, MessageId, RoomId, Row, Scan, Table};
use crate::wire::content::{Body, Clock};
use crate::wire::row::{self, Mark, Place};

impl Reader<'_> {
    /// The newest messages that contain all these words, in any case, as parts of words; at most `limit`. Texts are searched as
    /// they read after edits; recalled ones are not found.
    pub fn search(&self, words: &str, room: Option<&RoomId>, limit: usize) -> Vec<view::Message> {
        let words: Vec<String> = words.split_whitespace().map(str::to_lowercase).collect();
        if words.is_empty() || limit == 0 {
            return Vec::new();
        }
        let changed = self.changed_messages();
        let names = self.names();
        let mut cursors: Vec<Cursor> = self.searched_rooms(room).into_iter().map(Cursor::new).collect();
        let mut heads: BinaryHeap<(Head, usize)> = BinaryHeap::new();
        for (number, cursor) in cursors.iter_mut().enumerate() {
            heads.extend(cursor.head(self).map(|head| (head, number)));
        }
        let mut found = Vec::new();
        while let Some((head, number)) = heads.pop() {
            let Some(row) = cursors[number].take() else { continue };
            if self.is_hit(&row, &words, changed.contains(&head.2)) {
                found.extend(self.message_view(row, &names));
                if found.len() >= limit {
                    break;
                }
            }
            heads.extend(cursors[number].head(self).map(|head| (head, number)));
        }
        found
    }

    fn searched_rooms(&self, room: Option<&RoomId>) -> Vec<RoomId> {
        match room {
            Some(room) => vec![*room],
            None => self.view.scan(&Scan::prefix(Table::Room, [])).iter().filter_map(|(key, _)| RoomId::from_slice(key)).collect(),
        }
    }

    fn is_hit(&self, row: &Row, words: &[String], is_changed: bool) -> bool {
        let body = row::decode::<row::Message>(&row.1).ok().and_then(|row| row.body());
        let Some(Body::Text { text, .. }) = body else { return false };
        if !is_changed {
            return contains_all(&text, words);
        }
        let Some(place) = Place::from_key(&row.0) else { return false };
        let marks = self.marks(&place);
        !marks.is_recalled && contains_all(&marks.text.unwrap_or(text), words)
    }

    /// Messages whose text is not what was sent first.
    fn changed_messages(&self) -> BTreeSet<MessageId> {
        let mut changed = BTreeSet::new();
        for rows in self.pages(Scan::prefix(Table::Mark, [])) {
            for (_, value) in rows {
                let body = row::decode::<Mark>(&value).ok().and_then(|mark| mark.body());
                if let Some(Body::Edit { target, .. } | Body::Recall { target }) = body {
                    changed.insert(target);
                }
            }
        }
        changed
    }
}

/// What decides which of several rooms has the newest message.
type Head = (Clock, AccountId, MessageId);

/// One room, read backwards in pieces that grow.
struct Cursor {
    scan: Scan,
    rows: std::vec::IntoIter<Row>,
    is_end: bool,
}

impl Cursor {
    fn new(room: RoomId) -> Self {
        let scan = Scan::prefix(Table::Message, room.as_bytes().to_vec()).reverse().limit(PAGE_ROWS_MIN);
        Self { scan, rows: Vec::new().into_iter(), is_end: false }
    }

    /// What comes next.
    fn head(&mut self, reader: &Reader<'_>) -> Option<Head> {
        loop {
            while let Some((key, _)) = self.rows.as_slice().first() {
                if let Some(place) = Place::from_key(key) {
                    return Some((place.clock, place.sender, place.message));
                }
                self.rows.next();
            }
            if self.is_end {
                return None;
            }
            let rows = reader.view.scan(&self.scan);
            self.is_end = rows.len() < self.scan.limit;
            if let Some((key, _)) = rows.last() {
                self.scan.after = Some(key.clone());
            }
            self.scan.limit = (self.scan.limit * 2).min(PAGE_ROWS_MAX);
            self.rows = rows.into_iter();
        }
    }

    fn take(&mut self) -> Option<Row> {
        self.rows.next()
    }
}

/// Whether a text contains all these lower-case words.
fn contains_all(text: &str, words: &[String]) -> bool {
    let text = text.to_lowercase();
    words.iter().all(|word| text.contains(word.as_str()))
}

/// Rows read at first: a screen of a room.
const PAGE_ROWS_MIN: usize = 64;

/// Rows read at a time later on.
const PAGE_ROWS_MAX: usize = 2_048;
