//! Rows in memory, for tests and simulations: the same answers as the disk, without the disk.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{PoisonError, RwLock};

use crate::types::{Batch, Row, Scan, Table};

type Rows = BTreeMap<(Table, Vec<u8>), Vec<u8>>;

/// One ordered map for all tables.
#[derive(Default)]
pub(super) struct Memory {
    rows: RwLock<Rows>,
}

impl Memory {
    /// Applies a batch.
    pub(super) fn apply(&self, batch: &Batch) {
        let mut rows = self.rows.write().unwrap_or_else(PoisonError::into_inner);
        for (table, key, value) in batch.iter() {
            match value {
                Some(value) => rows.insert((table, key.to_vec()), value.to_vec()),
                None => rows.remove(&(table, key.to_vec())),
            };
        }
    }

    /// The value of a key.
    pub(super) fn get(&self, table: Table, key: &[u8]) -> Option<Vec<u8>> {
        self.rows.read().unwrap_or_else(PoisonError::into_inner).get(&(table, key.to_vec())).cloned()
    }

    /// The rows of a range.
    pub(super) fn scan(&self, scan: &Scan) -> Vec<Row> {
        let rows = self.rows.read().unwrap_or_else(PoisonError::into_inner);
        let is_inside = |key: &[u8]| key.starts_with(&scan.prefix);
        let is_beyond = |key: &[u8]| scan.after.as_deref().is_none_or(|after| if scan.reverse { key < after } else { key > after });
        let from = rows.range((Bound::Included((scan.table, scan.prefix.clone())), Bound::Unbounded));
        let inside = from.take_while(|((table, key), _)| *table == scan.table && is_inside(key));
        let wanted = inside.filter(|((_, key), _)| is_beyond(key)).map(|((_, key), value)| (key.clone(), value.clone()));
        if scan.reverse {
            let mut all: Vec<Row> = wanted.collect();
            all.reverse();
            all.truncate(scan.limit);
            all
        } else {
            wanted.take(scan.limit).collect()
        }
    }

    /// All rows, as they are at this moment.
    pub(super) fn for_each<E>(&self, mut visit: impl FnMut(Table, &[u8], &[u8]) -> Result<(), E>) -> Result<(), E> {
        let rows = self.rows.read().unwrap_or_else(PoisonError::into_inner).clone();
        rows.iter().try_for_each(|((table, key), value)| visit(*table, key, value))
    }
}
