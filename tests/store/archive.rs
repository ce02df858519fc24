//! Export and import of everything.

use std::fs;

use tempfile::TempDir;
use tidings::store::{ArchiveError, DataDir, Store, StoreError, import};
use tidings::types::{Batch, Table, View as _};
use tidings::wire::row::META_RESTORED;

use super::{ARCHIVED, Home, archived, everything, fill, pattern, put};

fn ignore(_: tidings::store::Progress) {}

#[test]
fn everything_comes_back_in_a_new_directory() {
    let temp = TempDir::new().unwrap();
    let alice = Home::open(&temp.path().join("alice"));
    fill(&alice.store);
    let file = temp.path().join("alice.tidings");
    let mut seen = 0;
    let written = alice.store.export(&alice.vault.keys, "sea", &file, &mut |progress| seen = progress.rows).unwrap();
    assert_eq!((written.rows, seen), (u64::from(ARCHIVED), u64::from(ARCHIVED)));
    assert_eq!(written.bytes, file.metadata().unwrap().len());

    let dir = DataDir::open(&temp.path().join("again")).unwrap();
    let imported = import(&file, "sea", &dir, Some("new"), &mut ignore).unwrap();
    assert_eq!(imported.rows, u64::from(ARCHIVED));
    assert_eq!(imported.vault.keys.device_id(), alice.vault.keys.device_id());
    assert_eq!(imported.vault.keys.peer_id(), alice.vault.keys.peer_id());
    drop((imported, dir));
    let dir = DataDir::open(&temp.path().join("again")).unwrap();
    let vault = tidings::store::Vault::open(&dir, Some("new"), None).unwrap();
    assert_eq!(vault.keys.account_id(), alice.vault.keys.account_id());
    let (store, report) = Store::open(&dir, &vault.root).unwrap();
    assert_eq!(everything(&store), archived(&alice.store), "all but MLS values");
    assert!(!report.is_restored());
    assert!(store.get(Table::Meta, META_RESTORED).is_some(), "the node is told to ask for what is newer");
}

#[test]
fn an_altered_or_cut_archive_is_refused_before_anything_is_written() {
    let temp = TempDir::new().unwrap();
    let alice = Home::open(&temp.path().join("alice"));
    put(&alice.store, Table::Room, b"tea", &pattern(1, 150_000));
    let file = temp.path().join("archive");
    alice.store.export(&alice.vault.keys, "sea", &file, &mut ignore).unwrap();
    let good = fs::read(&file).unwrap();
    let dir = DataDir::open(&temp.path().join("again")).unwrap();
    let before = fs::read_dir(dir.path()).unwrap().count();
    let refused = |bytes: &[u8], why: Option<ArchiveError>| {
        fs::write(&file, bytes).unwrap();
        match import(&file, "sea", &dir, None, &mut ignore) {
            Err(StoreError::Archive { source, .. }) => assert!(why.is_none_or(|why| why == source), "{source:?}"),
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("taken"),
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), before, "nothing was written");
    };
    for at in (0..good.len()).step_by(good.len() / 7) {
        let mut flipped = good.clone();
        flipped[at] ^= 0x10;
        refused(&flipped, None);
        refused(&good[..at], None);
    }
    refused(&good[..good.len() - 1], Some(ArchiveError::Damaged));
    refused(&[&good[..], b"x"].concat(), Some(ArchiveError::Damaged));
    refused(b"a letter", Some(ArchiveError::NotAnArchive));
    fs::write(&file, &good).unwrap();
    let wrong = import(&file, "lake", &dir, None, &mut ignore);
    assert!(matches!(wrong, Err(StoreError::Archive { source: ArchiveError::Passphrase, .. })));
    let full = import(&file, "sea", &alice.dir, None, &mut ignore);
    assert!(matches!(full, Err(StoreError::NotEmpty { .. })));
    import(&file, "sea", &dir, None, &mut ignore).unwrap();
}

#[test]
fn an_import_that_was_cut_short_is_not_taken_for_an_account() {
    let temp = TempDir::new().unwrap();
    let dir = DataDir::open(temp.path()).unwrap();
    fs::write(temp.path().join("importing"), b"").unwrap();
    drop(dir);
    assert!(matches!(DataDir::open(temp.path()), Err(StoreError::ImportUnfinished { .. })));
}

/// While one thread writes pairs of rows, always both in one batch, exports must never see half of a pair.
#[test]
fn an_export_is_a_picture_of_one_moment() {
    let temp = TempDir::new().unwrap();
    let alice = Home::open(&temp.path().join("alice"));
    let pair = |round: u32| {
        let mut batch = Batch::default();
        for key in 0..12_u32 {
            batch.put(Table::Room, key.to_be_bytes(), pattern(round, 700));
            batch.put(Table::Relay, key.to_be_bytes(), pattern(round, 5_990 + round as usize % 20));
        }
        if round.is_multiple_of(2) {
            batch.put(Table::Heads, b"sometimes", b"here".as_slice());
        } else {
            batch.delete(Table::Heads, b"sometimes");
        }
        batch.put(Table::Meta, b"round", round.to_be_bytes());
        batch
    };
    alice.store.apply(&pair(0)).unwrap();
    let file = temp.path().join("archive");
    let is_done = std::sync::atomic::AtomicBool::new(false);
    let pictures: Vec<u32> = std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 1.. {
                alice.store.apply(&pair(round)).unwrap();
                if is_done.load(std::sync::atomic::Ordering::Relaxed) {
                    break;
                }
            }
        });
        let pictures = (0..2).map(|number| {
            alice.store.export(&alice.vault.keys, "sea", &file, &mut ignore).unwrap();
            let dir = DataDir::open(&temp.path().join(format!("copy {number}"))).unwrap();
            let vault = import(&file, "sea", &dir, None, &mut ignore).unwrap().vault;
            let (copy, _) = Store::open(&dir, &vault.root).unwrap();
            let round = u32::from_be_bytes(copy.get(Table::Meta, b"round").unwrap().try_into().unwrap());
            let mut expected = pair(round);
            expected.delete(Table::Heads, if round.is_multiple_of(2) { b"".as_slice() } else { b"sometimes" });
            for (table, key, value) in expected.iter() {
                assert_eq!(copy.get(table, key).as_deref(), value, "round {round}");
            }
            round
        });
        let pictures = pictures.collect();
        is_done.store(true, std::sync::atomic::Ordering::Relaxed);
        pictures
    });
    assert!(pictures.windows(2).all(|two| two[0] <= two[1]));
    assert!(pictures[1] > 0, "the writer did write meanwhile");
}
