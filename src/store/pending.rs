//! What is applied and not in the database yet. Whoever reads sees it at once; the database gets it when it is to be durable. So a row
//! that is written a hundred times between two syncs is sealed and written once, and the thread that applies waits for no disk.
//!
//! Batches are gathered in groups. A group goes to the database in one piece, in the order in which they were applied: after a crash the
//! database has the first so many groups, and so the first so many batches, each whole.
//!
//! The groups that were written last are kept for a while: what was just written is what is read next, and opening a seal takes longer
//! than finding it here.

use std::cmp::Ordering;
use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::rows::{self, Range};
use super::sled::{Bytes, Fault};
use crate::types::Batch;
use crate::types::limits::{RECENT_BYTES_MAX, SYNC_BYTES_MAX};

/// A key in the database.
pub(super) type Head = Arc<[u8]>;

/// A value that whoever reads it shares; `None` where the row is deleted.
pub(super) type Value = Option<Arc<[u8]>>;

/// All groups that are not in the database, and those that were written last.
#[derive(Default)]
pub(super) struct Pending(RwLock<Groups>);

#[derive(Default)]
struct Groups {
    /// The last word on each key, and the number of the group that has it.
    latest: BTreeMap<Head, (u64, Value)>,
    /// In the database. Oldest first, as all of these.
    written: VecDeque<Arc<Group>>,
    /// To be written.
    closed: VecDeque<Arc<Group>>,
    /// Takes more.
    open: Group,
    /// Of those that are written, and of those that are closed.
    bytes: (u64, u64),
}

/// Batches that are written as one.
#[derive(Default)]
pub(super) struct Group {
    number: u64,
    rows: BTreeMap<Head, Value>,
    bytes: u64,
}

/// One row of a range.
pub(super) enum Found {
    /// It waits.
    Waiting(Head, Arc<[u8]>),
    /// The database has it, sealed.
    Stored(Bytes, Bytes),
}

impl Pending {
    /// Adds a batch; gives how many bytes wait.
    pub(super) fn add(&self, batch: &Batch) -> u64 {
        let groups = &mut *self.write();
        for (table, key, value) in batch.iter() {
            groups.put(rows::head_key(table, key).into(), value.map(Arc::from));
        }
        if groups.open.bytes >= SYNC_BYTES_MAX {
            groups.close();
        }
        groups.bytes.1 + groups.open.bytes
    }

    /// Adds one of the store's own values.
    pub(super) fn add_own(&self, name: &str, value: &[u8]) {
        self.write().put(rows::own_key(name).into(), Some(value.into()));
    }

    /// What waits for a key: `None` nothing, `Some(None)` its deletion.
    pub(super) fn find(&self, head: &[u8]) -> Option<Value> {
        self.read().latest.get(head).map(|(_, value)| value.clone())
    }

    /// What waits in a range, in order of keys or backwards, up to the row with which `limit` rows are there.
    pub(super) fn between(&self, (low, high): &Range, reverse: bool, limit: usize) -> Vec<(Head, Value)> {
        let groups = self.read();
        let mut rows = groups.latest.range::<[u8], _>((as_slice(low), as_slice(high)));
        let (mut found, mut there) = (Vec::new(), 0);
        while there < limit
            && let Some((head, (_, value))) = if reverse { rows.next_back() } else { rows.next() }
        {
            there += usize::from(value.is_some());
            found.push((Arc::clone(head), value.clone()));
        }
        found
    }

    /// Nothing more goes into the present group; gives the number of the next one.
    pub(super) fn close(&self) -> u64 {
        let groups = &mut *self.write();
        groups.close();
        groups.open.number
    }

    /// The oldest group, if its number is below this.
    pub(super) fn oldest(&self, below: u64) -> Option<Arc<Group>> {
        self.read().closed.front().filter(|group| group.number < below).cloned()
    }

    /// The oldest group is in the database.
    pub(super) fn on_written(&self) {
        let groups = &mut *self.write();
        let Some(group) = groups.closed.pop_front() else { return };
        groups.bytes.1 -= group.bytes;
        groups.bytes.0 += group.bytes;
        groups.written.push_back(group);
        while groups.bytes.0 > RECENT_BYTES_MAX
            && let Some(old) = groups.written.pop_front()
        {
            groups.bytes.0 -= old.bytes;
            groups.forget(&old);
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Groups> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Groups> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Groups {
    fn put(&mut self, head: Head, value: Value) {
        let number = self.open.number;
        self.open.put(Arc::clone(&head), value.clone());
        self.latest.insert(head, (number, value));
    }

    fn close(&mut self) {
        if self.open.rows.is_empty() {
            return;
        }
        let next = Group { number: self.open.number + 1, ..Group::default() };
        let closed = std::mem::replace(&mut self.open, next);
        self.bytes.1 += closed.bytes;
        self.closed.push_back(Arc::new(closed));
    }

    fn forget(&mut self, group: &Group) {
        for head in group.rows.keys() {
            if self.latest.get(head).is_some_and(|(number, _)| *number == group.number) {
                self.latest.remove(head);
            }
        }
    }
}

impl Group {
    /// Its rows, in order of keys.
    pub(super) fn rows(&self) -> impl ExactSizeIterator<Item = (&[u8], Option<&[u8]>)> {
        self.rows.iter().map(|(head, value)| (&head[..], value.as_deref()))
    }

    fn put(&mut self, head: Head, value: Value) {
        let cost = |value: &Value| value.as_ref().map_or(0, |value| value.len() as u64);
        self.bytes += cost(&value);
        match self.rows.insert(Arc::clone(&head), value) {
            Some(old) => self.bytes -= cost(&old),
            None => self.bytes += head.len() as u64 + ROW_OVERHEAD,
        }
    }
}

/// What waits, laid over the rows of the same range in the database, in the same order.
pub(super) fn laid_over(
    waiting: Vec<(Head, Value)>,
    stored: impl Iterator<Item = Result<(Bytes, Bytes), Fault>>,
    reverse: bool,
) -> impl Iterator<Item = Result<Found, Fault>> {
    let (mut waiting, mut stored) = (waiting.into_iter().peekable(), stored.peekable());
    std::iter::from_fn(move || {
        loop {
            let order = match (waiting.peek(), stored.peek()) {
                (None, None) => return None,
                (None, Some(_)) | (Some(_), Some(Err(_))) => Ordering::Greater,
                (Some(_), None) => Ordering::Less,
                (Some((head, _)), Some(Ok((other, _)))) if reverse => other.as_ref().cmp(head),
                (Some((head, _)), Some(Ok((other, _)))) => head.as_ref().cmp(other),
            };
            if order == Ordering::Greater {
                return stored.next().map(|row| row.map(|(head, value)| Found::Stored(head, value)));
            }
            if order == Ordering::Equal {
                stored.next();
            }
            if let Some((head, Some(value))) = waiting.next() {
                return Some(Ok(Found::Waiting(head, value)));
            }
        }
    })
}

fn as_slice(bound: &Bound<Vec<u8>>) -> Bound<&[u8]> {
    bound.as_ref().map(Vec::as_slice)
}

/// Bytes that sled adds to a row in its log.
pub(super) const ROW_OVERHEAD: u64 = 64;
