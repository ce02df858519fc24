//! MLS values at rest: what was overwritten or deleted cannot be read again with the keys that are in use afterwards, and no
//! crash in between loses what is there.

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use tempfile::TempDir;
use tidings::store::{DataDir, Store, Vault};
use tidings::types::{Batch, Scan, Table, View as _};
use tidings::wire::row::META_RESTORED;

use super::{Home, everything, pattern, put};

type Rows = Vec<(Table, Vec<u8>, Vec<u8>)>;

/// The key of an MLS value: `group (32) | epoch (16) | name`.
fn at(room: u8, epoch: u8, name: &str) -> Vec<u8> {
    [&[room; 32][..], &[epoch; 16], name.as_bytes()].concat()
}

/// A room in its first epoch: small values and large ones.
fn enter(batch: &mut Batch, room: u8, epoch: u8) {
    let tree = if room % 20 < 2 { 9_000 } else { 90 };
    for (name, length) in [("ratchet", 90), ("tree", tree), ("context", 20)] {
        batch.put(Table::Bag, at(room, epoch, name), pattern(u32::from(room) * 31 + u32::from(epoch), length));
    }
    batch.put(Table::Group, [room; 32], pattern(u32::from(epoch), 40));
}

/// Rooms, some with a message each since, one with a new epoch.
fn rooms(store: &Store, count: u8) {
    for room in 0..count {
        let mut batch = Batch::default();
        enter(&mut batch, room, 1);
        store.apply(&batch).unwrap();
    }
    for room in (0..count).step_by(3) {
        put(store, Table::Bag, &at(room, 1, "ratchet"), &pattern(1_000 + u32::from(room), 90));
    }
    let mut batch = Batch::default();
    enter(&mut batch, 0, 2);
    for name in ["ratchet", "tree", "context"] {
        batch.delete(Table::Bag, at(1, 1, name));
    }
    store.apply(&batch).unwrap();
    store.flush().unwrap();
}

fn renew(store: &Store) {
    assert!(store.renew_keys(&mut || true).unwrap(), "comes to its end");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to.join(name)),
            false if name == "ballast" => {}
            false => _ = fs::copy(entry.path(), to.join(name)).unwrap(),
        }
    }
}

fn ring(home: &Path) -> std::path::PathBuf {
    home.join("keys/ring")
}

/// Mallory copies Alice's disk, and takes her root key later: with it he has what the later keys open, and no more.
#[test]
fn what_was_replaced_is_not_read_again() {
    let temp = TempDir::new().unwrap();
    let [alice, before, mixed] = ["alice", "before", "mixed"].map(|name| temp.path().join(name));
    let home = Home::open(&alice);
    put(&home.store, Table::Bag, &at(1, 1, "ratchet"), b"first step");
    put(&home.store, Table::Bag, &at(2, 1, "ratchet"), b"of a quiet room");
    renew(&home.store);
    copy(&alice, &before);
    put(&home.store, Table::Bag, &at(1, 1, "ratchet"), b"second step");
    renew(&home.store);
    assert_eq!(home.store.get(Table::Bag, &at(1, 1, "ratchet")).unwrap(), b"second step");
    assert_eq!(home.store.get(Table::Bag, &at(2, 1, "ratchet")).unwrap(), b"of a quiet room");
    home.store.abandon();
    drop(home);

    // The old bytes are all still there: sled only adds to its file.
    let (old, new) = (fs::read(before.join("db/db")).unwrap(), fs::read(alice.join("db/db")).unwrap());
    let written = old.len() - old.iter().rev().take_while(|byte| **byte == 0).count();
    let kept = old[..written].iter().zip(&new).filter(|(one, other)| one == other).count();
    assert!(written > 1_000 && kept * 10 >= written * 9, "{kept} of {written} bytes are as they were");

    // With the keys of that time the first step opens: the check can fail.
    copy(&before, &mixed);
    let home = Home::open(&mixed);
    assert_eq!(home.store.get(Table::Bag, &at(1, 1, "ratchet")).unwrap(), b"first step");
    drop(home);
    fs::remove_dir_all(&mixed).unwrap();

    // With all keys of now it does not.
    copy(&before, &mixed);
    fs::remove_dir_all(mixed.join("keys")).unwrap();
    copy(&alice.join("keys"), &mixed.join("keys"));
    let home = Home::open(&mixed);
    assert!(home.report.rooms_lost, "{:?}", home.report);
    assert_eq!(home.store.get(Table::Bag, &at(1, 1, "ratchet")), None);
    // Nor is the former key in the file.
    let (old, new) = (fs::read(ring(&before)).unwrap(), fs::read(ring(&alice)).unwrap());
    let sealed = old.chunks(16).filter(|part| part.iter().any(|byte| *byte != 0)).skip(2).take(3);
    sealed.for_each(|part| assert!(!new.windows(part.len()).any(|window| window == part), "the former key is still in the file"));
}

/// A crash after any step, then after any step of the renewal that goes on from there.
#[test]
fn a_crash_at_any_step_loses_nothing() {
    let temp = TempDir::new().unwrap();
    let start = temp.path().join("start");
    let home = Home::open(&start);
    rooms(&home.store, 140);
    let rows = everything(&home.store);
    home.store.abandon();
    drop(home);
    let (mut crashes, mut is_done) = (0, false);
    while !is_done {
        crashes += 1;
        let path = temp.path().join(format!("crash {crashes}"));
        copy(&start, &path);
        for is_first in [true, false] {
            let home = Home::open(&path);
            assert!(!home.report.is_restored(), "crash {crashes}: {:?}", home.report);
            assert!(everything(&home.store) == rows, "crash {crashes}");
            let mut steps = 0;
            let go_on = &mut || {
                steps += 1;
                steps < crashes
            };
            let came_to_its_end = home.store.renew_keys(go_on).unwrap();
            is_done |= is_first && came_to_its_end;
            assert!(everything(&home.store) == rows, "crash {crashes}");
            home.store.abandon();
        }
        let home = Home::open(&path);
        assert!(!home.report.is_restored() && everything(&home.store) == rows, "crash {crashes}");
        renew(&home.store);
        put(&home.store, Table::Bag, &at(3, 1, "ratchet"), b"life goes on");
        home.close();
        assert_eq!(Home::open(&path).store.get(Table::Bag, &at(3, 1, "ratchet")).unwrap(), b"life goes on");
        fs::remove_dir_all(&path).unwrap();
    }
    assert!(crashes >= 5, "{crashes} steps");
}

/// The system writes the key file, and not what the database wrote meanwhile, or the other way round.
#[test]
fn a_power_cut_that_keeps_only_one_of_key_file_and_database_leaves_a_node_that_starts() {
    let temp = TempDir::new().unwrap();
    let home = Home::open(&temp.path().join("0"));
    rooms(&home.store, 20);
    put(&home.store, Table::Message, b"a message", b"stays");
    copy(&temp.path().join("0"), &temp.path().join("1"));
    let mut last = 1;
    let done = home.store.renew_keys(&mut || {
        last += 1;
        copy(&temp.path().join("0"), &temp.path().join(last.to_string()));
        true
    });
    assert!(done.unwrap());
    last += 1;
    copy(&temp.path().join("0"), &temp.path().join(last.to_string()));
    home.store.abandon();
    drop(home);
    for keys in 1..=last {
        for rows in 1..=last {
            let path = temp.path().join("mixed");
            copy(&temp.path().join(rows.to_string()), &path);
            fs::copy(ring(&temp.path().join(keys.to_string())), ring(&path)).unwrap();
            let home = Home::open(&path);
            assert_eq!(home.store.get(Table::Message, b"a message").unwrap(), b"stays");
            let values = home.store.scan(&Scan::prefix(Table::Bag, b"")).len();
            assert_eq!(values == 0, home.report.rooms_lost, "keys of {keys}, rows of {rows}");
            assert!(!home.report.rooms_lost || keys != rows, "cut at {keys}: what is on the disk at one moment fits");
            assert_eq!(home.store.get(Table::Meta, META_RESTORED).is_some(), home.report.rooms_lost);
            assert!(home.store.failure().is_none(), "keys of {keys}, rows of {rows}");
            put(&home.store, Table::Bag, &at(9, 9, "ratchet"), b"another place in the room");
            renew(&home.store);
            home.store.abandon();
            drop(home);
            let home = Home::open(&path);
            assert!(!home.report.is_restored());
            assert_eq!(home.store.get(Table::Bag, &at(9, 9, "ratchet")).unwrap(), b"another place in the room");
            home.store.abandon();
            drop(home);
            fs::remove_dir_all(&path).unwrap();
        }
    }
}

/// Without its key file a node starts, says what is lost, and has everything else.
#[test]
fn a_lost_or_damaged_key_file_costs_the_rooms_keys_and_no_message() {
    let bytes = |path: &Path| fs::read(path).unwrap();
    let ways: [&dyn Fn(&Path); 5] = [
        &|ring| fs::remove_file(ring).unwrap(),
        &|ring| fs::write(ring, b"").unwrap(),
        &|ring| fs::write(ring, bytes(ring).iter().map(|byte| byte ^ 1).collect::<Vec<_>>()).unwrap(),
        &|ring| fs::write(ring, vec![0; 8_192]).unwrap(),
        &|ring| fs::write(ring, &bytes(ring)[..4_100]).unwrap(),
    ];
    for (number, way) in ways.into_iter().enumerate() {
        let temp = TempDir::new().unwrap();
        let home = Home::open(temp.path());
        rooms(&home.store, 10);
        put(&home.store, Table::Message, b"a message", b"stays");
        renew(&home.store);
        home.close();
        way(&ring(temp.path()));
        let home = Home::open(temp.path());
        // The last way cuts off a place that may be empty.
        assert!(home.report.rooms_lost || number == 4, "way {number}: {:?}", home.report);
        assert!(home.report.moved_aside.is_none() && !home.report.went_back);
        assert_eq!(home.store.get(Table::Message, b"a message").unwrap(), b"stays");
        assert_eq!(home.store.scan(&Scan::prefix(Table::Group, b"")).is_empty(), home.report.rooms_lost);
        assert_eq!(home.store.get(Table::Meta, META_RESTORED).is_some(), home.report.rooms_lost);
        assert!(home.store.scrub(&mut |_| {}).unwrap().findings.iter().all(|finding| finding.table == "Message"));
        put(&home.store, Table::Bag, &at(1, 1, "ratchet"), b"added again");
        home.close();
        let home = Home::open(temp.path());
        assert!(!home.report.is_restored(), "once is enough");
        assert_eq!(home.store.get(Table::Bag, &at(1, 1, "ratchet")).unwrap(), b"added again");
    }
}

/// One bit of the disk under a value: the node stops when it reads it, and comes back without the rooms' keys and with all else.
#[test]
fn a_value_that_does_not_open_costs_the_rooms_keys_and_no_message() {
    let temp = TempDir::new().unwrap();
    let home = Home::open(temp.path());
    rooms(&home.store, 10);
    put(&home.store, Table::Message, b"a message", b"stays");
    home.close();
    // The ring is right in form, and of another time: every bag's key fails to open.
    let bytes = fs::read(ring(temp.path())).unwrap();
    let file = fs::OpenOptions::new().write(true).open(ring(temp.path())).unwrap();
    let other = TempDir::new().unwrap();
    let dir = DataDir::open(other.path()).unwrap();
    let vault = Vault::open(&DataDir::open(temp.path()).unwrap(), None, None).unwrap();
    let (store, _) = Store::open(&dir, &vault.root).unwrap();
    let place = |bytes: &[u8]| bytes.chunks(4_096).position(|place| place.iter().any(|byte| *byte != 0)).unwrap();
    let generation = |bytes: &[u8]| u64::from_be_bytes(bytes[place(bytes) * 4_096 + 14..][..8].try_into().unwrap());
    while generation(&fs::read(ring(other.path())).unwrap()) < generation(&bytes) {
        renew(&store);
    }
    let forged = fs::read(ring(other.path())).unwrap();
    assert_eq!(generation(&forged), generation(&bytes));
    file.write_all_at(&forged, 0).unwrap();

    let home = Home::open(temp.path());
    assert!(!home.report.is_restored(), "nothing is wrong from the outside");
    assert!(home.store.scan(&Scan::prefix(Table::Bag, b"")).is_empty() && home.store.failure().is_some(), "the node stops");
    home.store.abandon();
    drop(home);
    let home = Home::open(temp.path());
    assert!(home.report.rooms_lost && home.report.moved_aside.is_none(), "{:?}", home.report);
    assert_eq!(home.store.get(Table::Message, b"a message").unwrap(), b"stays");
    assert!(home.store.failure().is_none());
}

/// Values that are read and written while keys are replaced are what was written last.
#[test]
fn the_node_goes_on_while_keys_are_replaced() {
    let temp = TempDir::new().unwrap();
    let home = Home::open(temp.path());
    let store = &home.store;
    rooms(store, 30);
    let is_done = std::sync::atomic::AtomicBool::new(false);
    let relaxed = std::sync::atomic::Ordering::Relaxed;
    let renewals = std::thread::scope(|scope| {
        let renewing = scope.spawn(|| {
            let mut renewals = 0;
            while !is_done.load(relaxed) {
                renew(store);
                renewals += 1;
            }
            renewals
        });
        scope.spawn(|| {
            while !is_done.load(relaxed) {
                let values = store.scan(&Scan::prefix(Table::Bag, at(2, 1, "")));
                assert_eq!(values.len(), 3);
            }
        });
        for step in 0..400_u32 {
            let room = step as u8 % 30;
            let key = at(room, 3, "ratchet");
            let value = pattern(step, 100 + step as usize * 37 % 20_000);
            let mut batch = Batch::default();
            batch.put(Table::Bag, key.clone(), value.clone());
            if step % 3 == 0 {
                batch.delete(Table::Bag, at(room.wrapping_add(1) % 30, 3, "ratchet"));
            }
            store.apply(&batch).unwrap();
            if step % 3 == 1 {
                store.flush().unwrap();
            }
            assert!(store.get(Table::Bag, &key).unwrap() == value, "step {step}");
        }
        is_done.store(true, relaxed);
        renewing.join().unwrap()
    });
    assert!(renewals > 1 && store.failure().is_none());
    let rows: Rows = everything(store);
    home.close();
    let home = Home::open(temp.path());
    assert!(everything(&home.store) == rows && !home.report.is_restored());
}
