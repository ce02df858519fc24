//! Databases that were damaged by somebody else.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use tempfile::TempDir;
use tidings::store::{Store, Trouble};
use tidings::types::id::{AccountId, DeviceId, MessageId, RoomId};
use tidings::types::{Batch, Table, View as _};
use tidings::wire::codec;
use tidings::wire::content::{Body, Clock};
use tidings::wire::row::{self, META_RESTORED, Place};

use super::{ARCHIVED, Home, archived, everything, fill, pattern, put};

/// Alice's directory: some rows in a snapshot, one more after it, cleanly stopped.
fn alice(path: &Path) -> Vec<(Table, Vec<u8>, Vec<u8>)> {
    let home = Home::open(path);
    fill(&home.store);
    let rows = archived(&home.store);
    assert_eq!(home.store.snapshot().unwrap().rows, u64::from(ARCHIVED));
    put(&home.store, Table::Room, b"after the snapshot", b"1");
    home.store.abandon();
    rows
}

fn db(path: &Path) -> std::path::PathBuf {
    path.join("db/db")
}

/// Starts as often as it takes to notice, reading everything in between, and demands what the snapshot had.
fn demand_recovery(path: &Path, rows: &[(Table, Vec<u8>, Vec<u8>)]) {
    for _ in 0..3 {
        let home = Home::open(path);
        if home.report.is_restored() {
            let aside = home.report.moved_aside.clone();
            assert!(aside.is_none_or(|aside| aside.is_dir()), "the damaged database is kept");
            let has_newest = home.store.get(Table::Room, b"after the snapshot").is_some();
            let found: Vec<_> = archived(&home.store).into_iter().filter(|(_, key, _)| key != b"after the snapshot").collect();
            assert!(found == rows, "{} rows of {}, newest {has_newest}", found.len(), rows.len());
            assert!(home.store.get(Table::Meta, META_RESTORED).is_some());
            assert!(home.store.scrub(&mut |_| {}).is_ok());
            put(&home.store, Table::Room, b"life goes on", b"1");
            home.close();
            let home = Home::open(path);
            assert!(!home.report.is_restored(), "once is enough");
            assert!(home.store.get(Table::Room, b"life goes on").is_some());
            return;
        }
        everything(&home.store);
        assert!(home.store.failure().is_some(), "read over damage without a word");
        home.store.abandon();
    }
    panic!("started three times over a damaged database");
}

#[test]
fn flipped_bytes_lead_to_the_snapshot() {
    let temp = TempDir::new().unwrap();
    let rows = alice(temp.path());
    let file = OpenOptions::new().read(true).write(true).open(db(temp.path())).unwrap();
    let length = file.metadata().unwrap().len();
    for at in (length / 4..length * 3 / 4).step_by(1_000) {
        let mut byte = [0];
        file.read_exact_at(&mut byte, at).unwrap();
        file.write_all_at(&[byte[0] ^ 0x40], at).unwrap();
    }
    demand_recovery(temp.path(), &rows);
}

#[test]
fn a_file_cut_in_half_leads_to_the_snapshot() {
    let temp = TempDir::new().unwrap();
    let rows = alice(temp.path());
    let file = OpenOptions::new().write(true).open(db(temp.path())).unwrap();
    file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    demand_recovery(temp.path(), &rows);
}

#[test]
fn a_database_that_is_gone_is_not_begun_anew() {
    let temp = TempDir::new().unwrap();
    let rows = alice(temp.path());
    fs::remove_dir_all(temp.path().join("db")).unwrap();
    demand_recovery(temp.path(), &rows);

    let temp = TempDir::new().unwrap();
    let rows = alice(temp.path());
    fs::write(db(temp.path()), b"").unwrap();
    demand_recovery(temp.path(), &rows);
}

/// A crash in the middle of a rebuild leaves the database moved aside and half of another one.
#[test]
fn a_rebuild_that_was_cut_short_is_done_again() {
    let temp = TempDir::new().unwrap();
    let rows = alice(temp.path());
    fs::rename(temp.path().join("db"), temp.path().join("damaged-2026-01-01-000000")).unwrap();
    fs::create_dir_all(temp.path().join("db.new/blobs")).unwrap();
    fs::write(temp.path().join("db.new/db"), b"half").unwrap();
    demand_recovery(temp.path(), &rows);
}

#[test]
fn an_older_copy_of_the_database_is_noticed() {
    let temp = TempDir::new().unwrap();
    let home = Home::open(temp.path());
    put(&home.store, Table::Room, b"old", b"1");
    home.close();
    let copy = fs::read(db(temp.path())).unwrap();
    fs::remove_dir_all(temp.path().join("snapshots")).unwrap();
    let home = Home::open(temp.path());
    for number in 0..50_u32 {
        put(&home.store, Table::Message, &number.to_be_bytes(), &pattern(number, 100));
    }
    home.store.abandon();
    drop(home);
    for entry in fs::read_dir(temp.path().join("db")).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_string_lossy().starts_with("snap.") {
            fs::remove_file(path).unwrap();
        }
    }
    fs::write(db(temp.path()), copy).unwrap();
    let home = Home::open(temp.path());
    assert!(home.report.went_back && home.report.moved_aside.is_none(), "{:?}", home.report);
    assert!(home.store.get(Table::Room, b"old").is_some(), "what is there is used");
    assert!(home.store.get(Table::Meta, META_RESTORED).is_some());
}

#[test]
fn without_a_snapshot_the_node_starts_empty_and_says_so() {
    let temp = TempDir::new().unwrap();
    let home = Home::open(temp.path());
    fill(&home.store);
    home.store.abandon();
    drop(home);
    fs::remove_dir_all(temp.path().join("snapshots")).ok();
    let file = OpenOptions::new().write(true).open(db(temp.path())).unwrap();
    file.write_all_at(&vec![0x55; file.metadata().unwrap().len() as usize], 0).unwrap();
    demand_recovery(temp.path(), &[]);
}

#[test]
fn a_damaged_snapshot_is_not_used() {
    let temp = TempDir::new().unwrap();
    alice(temp.path());
    let path = temp.path().join("snapshots/latest");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    fs::remove_dir_all(temp.path().join("db")).unwrap();
    demand_recovery(temp.path(), &[]);
}

fn message(store: &Store, number: u8) -> (Place, Batch) {
    let clock = Clock { ms: u64::from(number), count: 0 };
    let place = Place { room: RoomId([3; 32]), clock, sender: AccountId([4; 32]), message: MessageId([number; 16]) };
    let body = Body::Text { text: "tea?".into(), reply: None };
    let value = row::Message { device: DeviceId([5; 32]), number: 1, body: codec::encode(&body), arrived: 0, late: false };
    let mut batch = Batch::default();
    batch.put(Table::Message, place.key(), row::encode(&value));
    batch.put(Table::Index, place.message.0, row::encode(&row::Index { place, target: None, custody: Vec::new(), read_at: None }));
    store.apply(&batch).unwrap();
    (place, batch)
}

#[test]
fn a_scrub_finds_each_row_in_trouble() {
    let temp = TempDir::new().unwrap();
    let home = Home::open(temp.path());
    for number in 0..10 {
        message(&home.store, number);
    }
    let clean = home.store.scrub(&mut |_| {}).unwrap();
    assert!(clean.is_clean(), "{:?}", clean.findings);
    assert_eq!((clean.rows["Message"], clean.rows["Index"]), (10, 10));

    let (place, _) = message(&home.store, 20);
    let mut batch = Batch::default();
    batch.delete(Table::Index, place.message.0);
    batch.put(Table::Room, b"room", b"\x01nonsense".as_slice());
    home.store.apply(&batch).unwrap();
    let report = home.store.scrub(&mut |_| {}).unwrap();
    let mut troubles: Vec<_> = report.findings.iter().map(|finding| (finding.table.as_str(), finding.trouble)).collect();
    troubles.sort_by_key(|(table, _)| *table);
    assert_eq!(troubles, [("Message", Trouble::Loose), ("Room", Trouble::Undecodable)]);
}

/// Without them nobody would be asked for what is missing after a damage.
#[test]
fn a_new_contact_or_mailbox_is_in_a_snapshot_soon() {
    let temp = TempDir::new().unwrap();
    let home = Home::open(temp.path());
    home.store.snapshot().unwrap();
    home.close();
    for (table, key) in [(Table::Contact, b"bob"), (Table::Mailbox, b"one")] {
        let home = Home::open(temp.path());
        put(&home.store, Table::Room, b"tea", b"1");
        assert!(home.store.tend().is_none(), "a little change waits");
        put(&home.store, table, key, b"1");
        assert!(home.store.tend().is_some_and(|written| written.is_ok()), "{table:?}");
        put(&home.store, table, key, b"2");
        assert!(home.store.tend().is_none(), "what changes about it is nothing new");
        home.close();
    }
}
