//! The same questions to disk and memory.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tempfile::TempDir;
use tidings::store::{DataDir, Store, StoreError, Vault};
use tidings::types::limits::VALUE_BYTES_MAX;
use tidings::types::{Batch, Rng, Scan, Table, View as _};

use super::{Home, everything, fill, pattern, put};

/// Runs a story against a store on disk and one in memory.
fn on_both(story: impl Fn(&Store)) {
    story(&Store::memory());
    let temp = TempDir::new().unwrap();
    let home = Home::open(temp.path());
    story(&home.store);
    assert!(home.store.failure().is_none());
}

fn keys(store: &Store, scan: &Scan) -> Vec<String> {
    store.scan(scan).into_iter().map(|(key, _)| String::from_utf8(key).unwrap()).collect()
}

#[test]
fn a_value_is_what_was_written_last() {
    on_both(|store| {
        assert_eq!(store.get(Table::Room, b"tea"), None);
        put(store, Table::Room, b"tea", b"one");
        put(store, Table::Contact, b"tea", b"other table");
        assert_eq!(store.get(Table::Room, b"tea").unwrap(), b"one");
        let mut batch = Batch::default();
        batch.put(Table::Room, b"tea", b"two");
        batch.put(Table::Room, b"", b"no key");
        store.apply(&batch).unwrap();
        assert_eq!(store.get(Table::Room, b"tea").unwrap(), b"two", "seen before any flush");
        assert_eq!(store.get(Table::Room, b"").unwrap(), b"no key");
        let mut batch = Batch::default();
        batch.delete(Table::Room, b"tea");
        batch.delete(Table::Room, b"never there");
        store.apply(&batch).unwrap();
        assert_eq!(store.get(Table::Room, b"tea"), None);
        assert_eq!(store.get(Table::Contact, b"tea").unwrap(), b"other table");
    });
}

#[test]
fn a_scan_keeps_to_its_prefix_its_direction_and_its_limit() {
    on_both(|store| {
        let mut batch = Batch::default();
        for key in ["a", "b1", "b2", "b3", "b4", "b\u{7f}", "c"] {
            batch.put(Table::Message, key, key);
            batch.put(Table::Index, format!("x{key}"), key);
        }
        batch.put(Table::Mark, [0xff, 0xff], b"1".as_slice());
        batch.put(Table::Mark, [0xff, 0xff, 0x00], b"2".as_slice());
        batch.put(Table::Mark, [0xff], b"0".as_slice());
        store.apply(&batch).unwrap();
        let b = || Scan::prefix(Table::Message, b"b");
        assert_eq!(keys(store, &b()), ["b1", "b2", "b3", "b4", "b\u{7f}"]);
        assert_eq!(keys(store, &b().reverse()), ["b\u{7f}", "b4", "b3", "b2", "b1"]);
        assert_eq!(keys(store, &b().limit(2)), ["b1", "b2"]);
        assert_eq!(keys(store, &b().reverse().limit(2)), ["b\u{7f}", "b4"]);
        assert_eq!(keys(store, &b().limit(0)), Vec::<String>::new());
        assert_eq!(keys(store, &b().after(b"b2").limit(2)), ["b3", "b4"]);
        assert_eq!(keys(store, &b().after(b"b25")), ["b3", "b4", "b\u{7f}"]);
        assert_eq!(keys(store, &b().after(b"b3").reverse()), ["b2", "b1"]);
        assert_eq!(keys(store, &b().after(b"a")).len(), 5, "a start before the prefix is no bound");
        assert_eq!(keys(store, &b().after(b"c")).len(), 0);
        assert_eq!(keys(store, &b().after(b"c").reverse()).len(), 5);
        assert_eq!(keys(store, &b().after(b"a").reverse()).len(), 0);
        assert_eq!(keys(store, &b().after(b"b").reverse()).len(), 0);
        assert_eq!(keys(store, &Scan::prefix(Table::Message, b"")).len(), 7);
        assert_eq!(keys(store, &Scan::prefix(Table::Message, b"").reverse().limit(1)), ["c"]);
        let high: Vec<Vec<u8>> = store.scan(&Scan::prefix(Table::Mark, [0xff, 0xff])).into_iter().map(|(_, value)| value).collect();
        assert_eq!(high, [b"1", b"2"]);
        assert_eq!(store.scan(&Scan::prefix(Table::Mark, b"").reverse())[0].1, b"2");
    });
}

#[test]
fn large_values_grow_and_shrink_without_a_trace_of_the_old_ones() {
    on_both(|store| {
        let sizes = [10, 90_000, VALUE_BYTES_MAX, VALUE_BYTES_MAX + 1, 70_000, 0, 300_000, 61_000];
        for (round, length) in sizes.into_iter().enumerate() {
            let value = pattern(round as u32, length);
            put(store, Table::Bag, b"tree", &value);
            assert_eq!(store.get(Table::Bag, b"tree").unwrap(), value);
            assert_eq!(store.scan(&Scan::prefix(Table::Bag, b"")), [(b"tree".to_vec(), value)], "and no piece shows");
        }
        let mut batch = Batch::default();
        batch.delete(Table::Bag, b"tree");
        store.apply(&batch).unwrap();
        assert_eq!(everything(store), []);
    });
}

/// As a node does it: one thread applies and reads, another one makes durable what there is, again and again.
#[test]
fn what_was_applied_is_seen_at_once_whether_it_is_written_yet_or_not() {
    let temp = TempDir::new().unwrap();
    let (home, memory) = (Home::open(temp.path()), Store::memory());
    let (mut rng, is_over) = (Rng::from_seed([5; 32]), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                home.store.flush().unwrap();
                thread::yield_now();
            }
        });
        for round in 0..1_200 {
            let mut batch = Batch::default();
            for _ in 0..=rng.below(5) {
                let key = [rng.below(3) as u8, rng.below(40) as u8];
                let length = [0, 60, 900, 1_500, 5_000, 7_000, 20_000][rng.below(7) as usize];
                match rng.below(4) {
                    0 => batch.delete(Table::Outbox, key),
                    _ => batch.put(Table::Outbox, key, pattern(round, length)),
                }
            }
            home.store.apply(&batch).unwrap();
            memory.apply(&batch).unwrap();
            let key = [rng.below(3) as u8, rng.below(40) as u8];
            assert_eq!(home.store.get(Table::Outbox, &key), memory.get(Table::Outbox, &key), "round {round}");
            let scan = Scan { reverse: rng.below(2) == 0, ..Scan::prefix(Table::Outbox, &key[..rng.below(2) as usize]) };
            let scan = scan.after([rng.below(3) as u8, rng.below(40) as u8]).limit(rng.below(12) as usize);
            assert_eq!(home.store.scan(&scan), memory.scan(&scan), "round {round}");
        }
        is_over.store(true, Ordering::Relaxed);
    });
    let all = everything(&memory);
    assert!(!all.is_empty() && everything(&home.store) == all);
    home.close();
    assert!(everything(&Home::open(temp.path()).store) == all);
}

#[test]
fn rows_are_there_after_a_stop_and_after_a_crash_that_followed_a_flush() {
    let temp = TempDir::new().unwrap();
    let home = Home::open(temp.path());
    fill(&home.store);
    let before = everything(&home.store);
    let account = home.vault.keys.account_id();
    home.close();

    let home = Home::open(temp.path());
    assert_eq!(home.vault.keys.account_id(), account);
    assert!(!home.vault.is_new && !home.report.is_restored());
    assert_eq!(everything(&home.store), before);
    put(&home.store, Table::Room, b"flushed", b"1");
    home.store.abandon();
    assert!(matches!(home.store.apply(&Batch::default()), Err(StoreError::Closed)));
    assert_eq!(home.store.get(Table::Room, b"flushed"), None, "an abandoned store answers nothing");
    drop(home);

    let home = Home::open(temp.path());
    assert!(!home.report.is_restored());
    assert!(home.store.get(Table::Room, b"flushed").is_some());
}

#[test]
fn no_page_of_the_engine_gets_so_large_that_it_spills() {
    let temp = TempDir::new().unwrap();
    let home = Home::open(temp.path());
    for round in 0..25_u32 {
        let mut batch = Batch::default();
        for key in 0..30_u32 {
            batch.put(
                Table::Body,
                key.wrapping_mul(0x9e37_79b9).to_be_bytes(),
                pattern(round, 1_000 + ((key + round) * 977 % 17_000) as usize),
            );
        }
        home.store.apply(&batch).unwrap();
        home.store.flush().unwrap();
    }
    let spilled = std::fs::read_dir(temp.path().join("db/blobs")).unwrap().count();
    assert_eq!(spilled, 0);
}

#[test]
fn nothing_readable_is_on_the_disk() {
    let temp = TempDir::new().unwrap();
    let home = Home::open(temp.path());
    let secret = b"meet me at the old mill at nine, and tell nobody about it";
    put(&home.store, Table::Message, b"key", secret);
    let entropy = *home.vault.keys.entropy();
    home.store.snapshot().unwrap();
    home.close();
    for entry in walk(temp.path()) {
        let bytes = std::fs::read(&entry).unwrap();
        assert!(!bytes.windows(secret.len()).any(|window| window == secret), "{}", entry.display());
        assert!(!bytes.windows(32).any(|window| window == entropy), "{}", entry.display());
    }
}

fn walk(path: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).filter(|path| !path.ends_with("ballast")).collect()
}

#[test]
fn one_process_at_a_time_and_nobody_elses_files() {
    let temp = TempDir::new().unwrap();
    let home = temp.path().join("alice");
    let held = DataDir::open(&home).unwrap();
    let Err(StoreError::InUse { pid, .. }) = DataDir::open(&home) else { panic!("held twice") };
    assert_eq!(pid, std::process::id());
    drop(held);
    DataDir::open(&home).unwrap();

    let file = temp.path().join("file");
    std::fs::write(&file, "a letter").unwrap();
    assert!(matches!(DataDir::open(&file), Err(StoreError::NotADirectory { .. })));
    assert!(matches!(DataDir::open(&file.join("below")), Err(StoreError::NotADirectory { .. })));

    let foreign = temp.path().join("holiday");
    std::fs::create_dir(&foreign).unwrap();
    std::fs::write(foreign.join("photo.jpg"), "sea").unwrap();
    assert!(matches!(DataDir::open(&foreign), Err(StoreError::Foreign { .. })));
    assert_eq!(std::fs::read_dir(&foreign).unwrap().count(), 1, "nothing was added to it");

    std::fs::write(home.join("format"), "tidings data directory, format 7\n").unwrap();
    assert!(matches!(DataDir::open(&home), Err(StoreError::NewerFormat { found: 7, .. })));
}

#[test]
fn another_root_key_opens_nothing_and_harms_nothing() {
    let temp = TempDir::new().unwrap();
    let home = Home::open(temp.path());
    put(&home.store, Table::Room, b"tea", b"one");
    home.store.close().unwrap();
    assert!(matches!(Store::open(&home.dir, &[7; 32]), Err(StoreError::WrongKey { .. })));
    let vault = Vault::open(&home.dir, None, None).unwrap();
    let (store, report) = Store::open(&home.dir, &vault.root).unwrap();
    assert!(!report.is_restored());
    assert_eq!(store.get(Table::Room, b"tea").unwrap(), b"one");
}

#[test]
fn the_latest_fifty_of_a_long_room_come_in_order() {
    let temp = TempDir::new().unwrap();
    let home = Home::open(temp.path());
    let mut batch = Batch::default();
    for number in 0..5_000_u64 {
        batch.put(Table::Message, [&[7; 32][..], &number.to_be_bytes()].concat(), pattern(number as u32, 100));
        batch.put(Table::Message, [&[8; 32][..], &number.to_be_bytes()].concat(), b"other room".as_slice());
    }
    home.store.apply(&batch).unwrap();
    let page = home.store.scan(&Scan::prefix(Table::Message, [7; 32]).reverse().limit(50));
    let numbers: Vec<u64> = page.iter().map(|(key, _)| u64::from_be_bytes(key[32..].try_into().unwrap())).collect();
    assert_eq!(numbers, (4_950..5_000).rev().collect::<Vec<_>>());
    let older = home.store.scan(&Scan::prefix(Table::Message, [7; 32]).after(page[49].0.clone()).reverse().limit(50));
    assert_eq!(older[0].0[32..], 4_949_u64.to_be_bytes());
}
