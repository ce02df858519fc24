//! The store: rows on disk and in memory give the same answers, and survive what happens to disks.

mod archive;
mod battery;
mod blobs;
mod damage;
mod migration;
mod renewal;
mod vault;
mod writer;

use std::path::Path;

use tidings::store::{DataDir, OpenReport, Store, Vault};
use tidings::types::{Batch, Scan, Table, View as _};

/// A directory with its keys and its open store.
struct Home {
    store: Store,
    report: OpenReport,
    vault: Vault,
    // Last, so that the lock goes after the store.
    dir: DataDir,
}

impl Home {
    fn open(path: &Path) -> Self {
        let dir = DataDir::open(path).unwrap();
        let vault = Vault::open(&dir, None, None).unwrap();
        let (store, report) = Store::open(&dir, &vault.root).unwrap();
        Self { store, report, vault, dir }
    }

    fn close(self) {
        self.store.close().unwrap();
    }
}

/// Writes one row and makes it durable.
fn put(store: &Store, table: Table, key: &[u8], value: &[u8]) {
    let mut batch = Batch::default();
    batch.put(table, key, value);
    store.apply(&batch).unwrap();
    store.flush().unwrap();
}

/// Every row of the node but what the store itself notes in `Meta`.
fn everything(store: &Store) -> Vec<(Table, Vec<u8>, Vec<u8>)> {
    let rows = Table::ALL.into_iter().flat_map(|table| {
        let rows = store.scan(&Scan::prefix(table, b""));
        rows.into_iter().map(move |(key, value)| (table, key, value))
    });
    rows.filter(|(table, key, _)| *table != Table::Meta || !key.starts_with(b"store ")).collect()
}

/// The same, without what stays out of archives.
fn archived(store: &Store) -> Vec<(Table, Vec<u8>, Vec<u8>)> {
    everything(store).into_iter().filter(|(table, _, _)| !table.is_mls()).collect()
}

const ROWS: u32 = 92;
/// Those that go into archives.
const ARCHIVED: u32 = 85;

/// Rows of many sizes in many tables.
fn fill(store: &Store) {
    for number in 0..ROWS {
        let mut batch = Batch::default();
        let table = Table::ALL[number as usize % Table::ALL.len()];
        let length = [0, 1, 100, 1_000, 5_999, 6_000, 6_001, 12_000, 19_000][number as usize % 9];
        let key = if table == Table::Message { vec![number as u8; 92] } else { number.to_be_bytes().to_vec() };
        batch.put(table, key, pattern(number, length));
        store.apply(&batch).unwrap();
    }
    store.flush().unwrap();
}

/// Bytes that differ for each number.
fn pattern(number: u32, length: usize) -> Vec<u8> {
    (0..length).map(|at| (at as u32).wrapping_mul(31).wrapping_add(number.wrapping_mul(7)) as u8).collect()
}
