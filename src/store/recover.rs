//! Opening a database, whatever state it is in.
//!
//! A database that does not open, that lost its rows, or whose rows do not read, is moved aside (never removed), and another
//! one is built from the last snapshot. Each step can be repeated after a crash: a directory whose database is gone, but which
//! once had one, is rebuilt, not started anew.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::archive::{Reader, Secret};
use super::bag;
use super::disk::Disk;
use super::export::{self, wall_now};
use super::generation::{self, Generation};
use super::rows::{self, Stored};
use super::sled::{Bytes, Fault, Tree};
use super::{OpenReport, StoreError, file, snapshot, space, vault};
use crate::crypto::rest::RowKeys;
use crate::types::time::{DAY, HOUR, MINUTE, SECOND};
use crate::types::{Batch, Millis, Table};
use crate::wire::row::META_RESTORED;

/// Name of the database in a data directory.
pub(super) const DB: &str = "db";
const SUSPECT: &str = "suspect";

/// A database as it was found.
enum Found {
    /// Good, at this generation.
    Good(Tree, u64),
    /// Readable, but it lost what was written last.
    WentBack(Tree, u64),
    /// Not to be used.
    Damaged,
}

/// Opens, makes or rebuilds the database of a directory.
pub(super) fn open(home: &Path, root: &[u8; 32], cache_bytes: u64) -> Result<(Disk, OpenReport), StoreError> {
    let db = home.join(DB);
    space::make_room(home, Tree::length(&db))?;
    let known = Generation::read(home)?;
    let keys = RowKeys::new(root);
    let mut report = OpenReport::default();
    let (tree, number) = match find(home, &keys, cache_bytes, known)? {
        Found::Good(tree, number) => (tree, number),
        Found::WentBack(tree, number) if snapshot_generation(home, root).is_none_or(|snapshot| number >= snapshot) => {
            report.went_back = true;
            (tree, known.unwrap_or(number).max(number) + 1)
        }
        Found::WentBack(tree, _) => {
            tree.close(false).map_err(|fault| StoreError::engine(&db, fault))?;
            rebuild(home, root, known, cache_bytes, &mut report)?
        }
        Found::Damaged => rebuild(home, root, known, cache_bytes, &mut report)?,
    };
    if report.went_back {
        set_own(&tree, &keys, number).map_err(|fault| StoreError::engine(&db, fault))?;
    }
    let bags = bag::open(home, root, &tree, &keys, report.went_back || home.join(SUSPECT).exists())?;
    report.rooms_lost = bags.is_lost;
    file::remove(&home.join(SUSPECT))?;
    let disk = Disk::new(home, keys, (bags.ring, bags.settled), tree, vault::fresh_random()?, Generation::open(home, number)?);
    if report.is_restored() {
        let mut batch = Batch::default();
        batch.put(Table::Meta, META_RESTORED, wall_now().to_be_bytes());
        disk.apply(&batch)?;
        disk.flush()?;
        let what = if report.is_damaged() { "the database was damaged" } else { "the keys of rooms were lost" };
        tracing::warn!(rows = report.restored_rows, "{what}; what is missing is asked for from mailboxes and peers");
    }
    Ok((disk, report))
}

/// Leaves a word for the next start: some row could not be read.
pub(super) fn mark_suspect(home: &Path) {
    if let Err(error) = file::replace(&home.join(SUSPECT), b"") {
        tracing::warn!(%error, "cannot mark the database for a check");
    }
}

/// Removes a half-made directory; one that is not there is no error.
pub(super) fn remove_dir(path: &Path) -> Result<(), StoreError> {
    match fs::remove_dir_all(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(StoreError::io("remove", path, source)),
        _ => Ok(()),
    }
}

fn find(home: &Path, keys: &RowKeys, cache_bytes: u64, known: Option<u64>) -> Result<Found, StoreError> {
    let db = home.join(DB);
    let was_here = known.is_some() || snapshot::path(home).exists();
    if was_here && Tree::length(&db) == 0 {
        return Ok(Found::Damaged);
    }
    file::make_dir(&db)?;
    let tree = match Tree::open(&db, cache_bytes) {
        Ok(tree) => tree,
        Err(Fault::Io(source)) => return Err(StoreError::io("open the database in", &db, source)),
        Err(fault) => {
            tracing::warn!(%fault, "the database does not open");
            return Ok(Found::Damaged);
        }
    };
    let number = match own_number(&tree, keys) {
        Ok(Some(Ok(number))) => number,
        Ok(Some(Err(rows::Unreadable))) => return Err(StoreError::WrongKey { path: home.to_path_buf() }),
        Ok(None) if known.is_some() => return discard(tree),
        Ok(None) => {
            set_own(&tree, keys, 0).map_err(|fault| StoreError::engine(&db, fault))?;
            0
        }
        Err(fault) => {
            tracing::warn!(%fault, "the database does not read");
            return discard(tree);
        }
    };
    let is_behind = known.is_some_and(|known| number < known);
    if (is_behind || home.join(SUSPECT).exists()) && !reads_whole(&tree, keys) {
        return discard(tree);
    }
    Ok(if is_behind { Found::WentBack(tree, number) } else { Found::Good(tree, number) })
}

fn discard(tree: Tree) -> Result<Found, StoreError> {
    // Whatever it says while it closes, it is moved aside.
    let _ = tree.close(false);
    Ok(Found::Damaged)
}

fn own_number(tree: &Tree, keys: &RowKeys) -> Result<Option<Result<u64, rows::Unreadable>>, Fault> {
    let key = rows::own_key(generation::NAME);
    let Some(head) = tree.get(&key)? else { return Ok(None) };
    let opened = rows::open(keys.of(Table::Meta), Table::Meta, &key, &Stored { head, pieces: Vec::new() });
    Ok(Some(opened.and_then(|bytes| Ok(u64::from_be_bytes(bytes.try_into().map_err(|_| rows::Unreadable)?)))))
}

fn set_own(tree: &Tree, keys: &RowKeys, number: u64) -> Result<(), Fault> {
    let mut random = vault::fresh_random().map_err(|_| Fault::Io(io::Error::other("no randomness")))?;
    let mut writes = Vec::new();
    rows::seal(keys.of(Table::Meta), &mut random, Table::Meta, rows::own_key(generation::NAME), &number.to_be_bytes(), 0, &mut writes);
    tree.apply(writes)?;
    tree.flush()
}

/// Whether every row reads and opens. MLS values are looked at by [`bag::open`]: they can be given up without the rest.
fn reads_whole(tree: &Tree, keys: &RowKeys) -> bool {
    let (low, high) = rows::all_rows(None);
    let opens = |row: Result<(Bytes, Bytes), Fault>| -> Result<bool, Fault> {
        let (head, value) = row?;
        let stored = rows::gather(tree, &head, value)?;
        let opens = |table: Table| table.is_mls() || rows::open(keys.of(table), table, &head, &stored).is_ok();
        Ok(rows::split_key(&head).is_some_and(|(table, _)| opens(table)))
    };
    tree.range(low, high, false).all(|row| matches!(opens(row), Ok(true)))
}

fn snapshot_generation(home: &Path, root: &[u8; 32]) -> Option<u64> {
    export::read_through(&snapshot::path(home), Secret::Root(root), &|| true).ok().map(|manifest| manifest.generation)
}

/// Moves the database aside and builds another one from the snapshot, or an empty one.
fn rebuild(home: &Path, root: &[u8; 32], known: Option<u64>, cache_bytes: u64, report: &mut OpenReport) -> Result<(Tree, u64), StoreError> {
    let (db, latest) = (home.join(DB), snapshot::path(home));
    let is_whole = match export::read_through(&latest, Secret::Root(root), &|| true) {
        Ok(manifest) => {
            report.snapshot_at = Some(manifest.made_at);
            export::check_room(home, &latest)?;
            true
        }
        Err(error) => {
            tracing::warn!(%error, "there is no snapshot to rebuild from");
            false
        }
    };
    if db.exists() {
        let aside = aside_path(home);
        fs::rename(&db, &aside).map_err(|source| StoreError::io("move aside", &db, source))?;
        file::sync_dir(home)?;
        report.moved_aside = Some(aside);
    }
    let mut number = known.unwrap_or(0) + 1;
    if is_whole {
        let mut reader = Reader::open(&latest, Secret::Root(root))?;
        number = number.max(reader.manifest().generation + 1);
        report.restored_rows = export::fill(home, root, &mut reader, number, &mut |_| {})?;
    }
    file::make_dir(&db)?;
    let tree = Tree::open(&db, cache_bytes).map_err(|fault| StoreError::engine(&db, fault))?;
    let number = Generation::read(home)?.unwrap_or(0).max(number) + 1;
    set_own(&tree, &RowKeys::new(root), number).map_err(|fault| StoreError::engine(&db, fault))?;
    report.went_back = report.moved_aside.is_none() && report.restored_rows == 0;
    Ok((tree, number))
}

/// A name that is not there yet: `damaged-2026-11-24-183705`.
fn aside_path(home: &Path) -> PathBuf {
    let stamp = date(wall_now());
    let names = std::iter::once(format!("damaged-{stamp}")).chain((2..).map(|count| format!("damaged-{stamp}-{count}")));
    names.map(|name| home.join(name)).find(|path| !path.exists()).unwrap_or_else(|| home.join("damaged"))
}

/// A date in UTC, by the usual arithmetic of the Gregorian calendar (Howard Hinnant, "chrono-compatible low-level date algorithms").
fn date(wall: Millis) -> String {
    let days = wall / DAY + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (wall % DAY / HOUR, wall % HOUR / MINUTE, wall % MINUTE / SECOND);
    format!("{year:04}-{month:02}-{day:02}-{hour:02}{minute:02}{second:02}")
}
