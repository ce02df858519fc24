//! Export and import of everything.

use std::fs;

use tempfile::TempDir;
use tidings::store::{ArchiveError, DataDir, Store, StoreError, import, incoming_archive, receive};
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

/// A directory with the rows of a copy beside its own, not yet put in place; the copy's account.
fn about_to_change(temp: &TempDir) -> (std::path::PathBuf, tidings::types::AccountId) {
    let alice = Home::open(&temp.path().join("alice"));
    fill(&alice.store);
    let home = temp.path().join("new");
    let fresh = Home::open(&home);
    put(&fresh.store, Table::Room, b"tea", b"nothing yet");
    alice.store.export(&alice.vault.keys, "sea", &incoming_archive(&home), &mut ignore).unwrap();
    assert!(matches!(receive(&home, "lake", &mut ignore), Err(StoreError::Archive { .. })));
    assert_eq!(receive(&home, "sea", &mut ignore).unwrap().rows, u64::from(ARCHIVED), "after a wrong passphrase a right one");
    assert!(fresh.store.get(Table::Room, b"tea").is_some(), "until then everything is as it was");
    fresh.close();
    (home, alice.vault.keys.account_id())
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap).filter(|entry| entry.file_name() != "ballast") {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[test]
fn a_copy_takes_the_place_of_what_is_here_also_after_a_crash_in_the_middle() {
    let parts = ["keys", "db", "generation", "snapshots", "blobs"];
    // As many of the former things are out, and as many of the copy's are in, when the process dies.
    let crashes = (0..=parts.len()).map(|out| (out, 0)).chain((1..=parts.len()).map(|inside| (parts.len(), inside)));
    let temp = TempDir::new().unwrap();
    let (ready, account) = about_to_change(&temp);
    for (out, inside) in crashes {
        let home = temp.path().join(format!("{out}-{inside}"));
        copy(&ready, &home);
        let mark = fs::read_to_string(home.join("adopt")).unwrap();
        let name = mark.split(' ').next().unwrap();
        let (aside, incoming) = (home.join(name), home.join("incoming"));
        fs::create_dir_all(&aside).unwrap();
        let moved = |from: &std::path::Path, to: &std::path::Path, count: usize| {
            for part in parts.iter().take(count).filter(|part| from.join(part).exists()) {
                fs::rename(from.join(part), to.join(part)).unwrap();
            }
        };
        moved(&home, &aside, out);
        if inside > 0 {
            fs::write(home.join("adopt"), format!("{name} in")).unwrap();
            moved(&incoming, &home, inside);
        }
        let there = Home::open(&home);
        assert_eq!(there.vault.keys.account_id(), account, "{out} out, {inside} in");
        assert!(there.store.get(Table::Room, b"tea").is_none());
        assert!(there.store.get(Table::Meta, META_RESTORED).is_some());
        assert!(aside.join("keys").exists() && aside.join("db").exists(), "what was here is kept");
        assert!(!home.join("adopt").exists() && !incoming.exists());
        there.close();
        assert_eq!(Home::open(&home).vault.keys.account_id(), account, "and it stays so");
    }
}
