//! A process that writes and says what is durable, to be killed.
//!
//! Batch `n` says so in one row, adds a row, rewrites a large one now and then, and deletes the row that is a window older: whatever
//! number the first row has afterwards, all others follow from it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;
use tidings::store::{DataDir, OpenReport, Store, StoreError, Vault};
use tidings::types::{Batch, Scan, Table, View as _};

const LARGE_EVERY: u64 = 7;

/// How many rows are kept: segments of the database are reused all the time.
const WINDOW: u64 = 3_000;

fn content(number: u64) -> Vec<u8> {
    let length = [200, 1_100, 900, 1_000, 3_000, 64][number as usize % 6];
    blake3_bytes(number, length)
}

fn large(number: u64) -> Vec<u8> {
    blake3_bytes(number, 4_000 + (number as usize * 311) % 30_000)
}

fn blake3_bytes(number: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(&number.to_be_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

fn batch(number: u64) -> Batch {
    let mut batch = Batch::default();
    batch.put(Table::Meta, b"last", number.to_be_bytes());
    batch.put(Table::Message, place(number), content(number));
    if number.is_multiple_of(LARGE_EVERY) {
        batch.put(Table::Bag, b"large", large(number));
    }
    if let Some(old) = number.checked_sub(WINDOW) {
        batch.delete(Table::Message, place(old));
    }
    batch
}

/// Neighbouring numbers lie far apart, as the ids of envelopes do.
fn place(number: u64) -> [u8; 16] {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    key[8..].copy_from_slice(&number.to_be_bytes());
    key
}

fn open(path: &Path) -> Result<(DataDir, Store, OpenReport), StoreError> {
    let dir = DataDir::open(path)?;
    let vault = Vault::open(&dir, None, None)?;
    let (store, report) = Store::open(&dir, &vault.root)?;
    Ok((dir, store, report))
}

fn last(store: &Store) -> u64 {
    store.get(Table::Meta, b"last").map_or(0, |bytes| u64::from_be_bytes(bytes.try_into().unwrap()))
}

/// Looks at everything, and tells the number of the last batch.
fn check(store: &Store, acknowledged: u64) -> u64 {
    let last = last(store);
    assert!(last >= acknowledged, "batch {acknowledged} was acknowledged, the last one here is {last}");
    let first = last.saturating_sub(WINDOW - 1).max(1);
    for number in first..=last {
        assert!(store.get(Table::Message, &place(number)).is_some_and(|found| found == content(number)), "row {number} of {last}");
    }
    let rows = store.scan(&Scan::prefix(Table::Message, b"")).len() as u64;
    assert_eq!(rows, if last == 0 { 0 } else { last - first + 1 }, "no row too many");
    let rewritten = last / LARGE_EVERY * LARGE_EVERY;
    assert!(rewritten == 0 || store.get(Table::Bag, b"large").is_some_and(|found| found == large(rewritten)), "the large row");
    assert!(store.failure().is_none());
    last
}

/// Writes in `TIDINGS_WRITER_DIR` and prints a line `acked N` once batch `N` is durable, until it is killed.
#[test]
#[ignore = "driven by the test below"]
fn process() {
    let path = PathBuf::from(std::env::var_os("TIDINGS_WRITER_DIR").unwrap());
    let (_dir, store, report) = open(&path).unwrap();
    assert!(!report.is_restored(), "nothing had to be restored: {report:?}");
    let mut out = std::io::stdout().lock();
    writeln!(out).unwrap();
    let mut number = last(&store);
    loop {
        for _ in 0..1 + number % 40 {
            number += 1;
            store.apply(&batch(number)).unwrap();
        }
        store.flush().unwrap();
        writeln!(out, "acked {number}").unwrap();
    }
}

#[test]
fn a_killed_writer_loses_nothing_that_it_acknowledged() {
    let temp = TempDir::new().unwrap();
    let mut acknowledged = 0;
    for lines in [5, 1, 30, 60] {
        let mut writer = Command::new(std::env::current_exe().unwrap())
            .args(["store::writer::process", "--exact", "--ignored", "--nocapture"])
            .env("TIDINGS_WRITER_DIR", temp.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let told = BufReader::new(writer.stdout.take().unwrap()).lines().map_while(Result::ok);
        let acked = told.filter_map(|line| line.strip_prefix("acked ")?.parse::<u64>().ok()).take(lines).last();
        writer.kill().unwrap();
        writer.wait().unwrap();
        acknowledged = acknowledged.max(acked.expect("the writer said something"));
        let (_dir, store, report) = open(temp.path()).unwrap();
        assert!(!report.is_restored());
        acknowledged = check(&store, acknowledged);
        store.abandon();
    }
    assert!(acknowledged > 200);
}
