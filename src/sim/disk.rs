//! A disk that can lose what was not flushed.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;

use crate::types::{Batch, Row, Scan, Table, View};

/// Rows in memory, with the way back to what is durable.
#[derive(Clone, Default)]
pub struct Disk {
    /// Table number and key; everything applied, flushed or not.
    rows: BTreeMap<Box<[u8]>, Box<[u8]>>,
    /// For each batch that is not durable yet, oldest first: what its rows were before.
    undo: VecDeque<Undo>,
}

type Undo = Vec<(Box<[u8]>, Option<Box<[u8]>>)>;

impl Disk {
    /// Applies a batch: visible at once, durable after [`flush`](Self::flush).
    pub fn apply(&mut self, batch: &Batch) {
        let mut undo = Undo::with_capacity(batch.len());
        for (table, key, value) in batch.iter() {
            let key = whole(table, key);
            let before = match value {
                Some(value) => self.rows.insert(key.clone(), value.into()),
                None => self.rows.remove(&key),
            };
            undo.push((key, before));
        }
        self.undo.push_back(undo);
    }

    /// The oldest `batches` are durable from now on.
    pub fn flush(&mut self, batches: usize) {
        self.undo.drain(..batches.min(self.undo.len()));
    }

    /// Batches that are not durable.
    pub fn unflushed(&self) -> usize {
        self.undo.len()
    }

    /// Power is gone: of what was not durable only the oldest `kept` batches got through.
    pub fn crash(&mut self, kept: usize) {
        while self.undo.len() > kept {
            for (key, before) in self.undo.pop_back().into_iter().flatten() {
                match before {
                    Some(value) => self.rows.insert(key, value),
                    None => self.rows.remove(&key),
                };
            }
        }
        self.undo.clear();
    }

    /// A row as it would be after a crash now.
    pub fn durable(&self, table: Table, key: &[u8]) -> Option<&[u8]> {
        let key = whole(table, key);
        let undone = self.undo.iter().flatten().find(|(changed, _)| *changed == key);
        match undone {
            Some((_, before)) => before.as_deref(),
            None => self.rows.get(&key).map(AsRef::as_ref),
        }
    }

    /// What a row was before the batch that was applied last, if that one changed it.
    pub fn before(&self, table: Table, key: &[u8]) -> Option<&[u8]> {
        let key = whole(table, key);
        self.undo.back()?.iter().find(|(changed, _)| *changed == key)?.1.as_deref()
    }

    /// Whether a row is there, flushed or not.
    pub fn has(&self, table: Table, key: &[u8]) -> bool {
        self.rows.contains_key(&whole(table, key))
    }

    /// Rows of a table.
    pub fn count(&self, table: Table) -> usize {
        let next = Box::from([table as u8 + 1].as_slice());
        self.rows.range(whole(table, &[])..next).count()
    }

    /// All rows of a table, decoded; a row that does not decode is left out.
    pub fn all<T: bincode::Decode<()>>(&self, table: Table) -> Vec<(Vec<u8>, T)> {
        let rows = self.scan(&Scan::prefix(table, [])).into_iter();
        rows.filter_map(|(key, value)| Some((key, crate::wire::row::decode(&value).ok()?))).collect()
    }

    /// One row, decoded.
    pub fn row<T: bincode::Decode<()>>(&self, table: Table, key: &[u8]) -> Option<T> {
        crate::wire::row::decode(self.rows.get(&whole(table, key))?).ok()
    }

    /// Forgets all rows of these tables, durably.
    pub fn wipe(&mut self, tables: &[Table]) {
        self.rows.retain(|key, _| !tables.iter().any(|table| key[0] == *table as u8));
        self.undo.clear();
    }
}

fn whole(table: Table, key: &[u8]) -> Box<[u8]> {
    let mut whole = Vec::with_capacity(key.len() + 1);
    whole.push(table as u8);
    whole.extend_from_slice(key);
    whole.into_boxed_slice()
}

/// The first key after all those that start with this one.
fn end_of(prefix: &[u8]) -> Bound<Box<[u8]>> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return Bound::Excluded(end.into_boxed_slice());
        }
    }
    Bound::Unbounded
}

impl View for Disk {
    fn get(&self, table: Table, key: &[u8]) -> Option<Vec<u8>> {
        self.rows.get(&whole(table, key)).map(|value| value.to_vec())
    }

    fn scan(&self, scan: &Scan) -> Vec<Row> {
        let prefix = whole(scan.table, &scan.prefix);
        let after = scan.after.as_deref().map(|after| whole(scan.table, after));
        let (mut low, mut high) = (Bound::Included(prefix.clone()), end_of(&prefix));
        match after {
            Some(after) if scan.reverse => {
                let is_below = !matches!(&high, Bound::Excluded(end) if *end <= after);
                if is_below {
                    high = Bound::Excluded(after);
                }
            }
            Some(after) if after >= prefix => low = Bound::Excluded(after),
            _ => {}
        }
        if let (Bound::Included(from) | Bound::Excluded(from), Bound::Excluded(to)) = (&low, &high)
            && from >= to
        {
            return Vec::new();
        }
        let range = self.rows.range((low, high)).map(|(key, value)| (key[1..].to_vec(), value.to_vec()));
        if scan.reverse { range.rev().take(scan.limit).collect() } else { range.take(scan.limit).collect() }
    }
}
