//! Own archives: a checked copy of all rows beside the database, written in the background, to rebuild from.
//!
//! It costs little: one is written when a day has passed with any change, or a quarter of a day with a change of a sixteenth
//! of the rows, or soon with a new contact or mailbox, without which nobody would be asked for what is missing; never so often that writing it takes more than a hundredth of the time; and only where there is room
//! for it and for the new one beside the old.

use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::time::{Duration, Instant, UNIX_EPOCH};

use serde::Serialize;
use zeroize::Zeroizing;

use super::archive::Secret;
use super::disk::Disk;
use super::{Store, StoreError, export, file, space};
use crate::types::limits::{DISK_FLOOR_BYTES, SNAPSHOT_MS_MAX, SNAPSHOT_MS_MIN};
use crate::types::{Batch, Millis, Table, View as _};

/// A snapshot was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SnapshotReport {
    /// Rows in it.
    pub rows: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// How long it took.
    pub took_ms: u64,
}

/// What there is to know about the snapshots of a directory.
pub(super) struct Upkeep {
    path: PathBuf,
    root: Zeroizing<[u8; 32]>,
    last: Option<Instant>,
    took: Duration,
    /// Bytes written to the store when the last one was made.
    written: u64,
    /// Whether something came since then that nobody else could tell of.
    is_precious: bool,
}

impl Upkeep {
    /// For a directory.
    pub(super) fn new(home: &Path, root: &[u8; 32]) -> Self {
        Self { path: path(home), root: Zeroizing::new(*root), last: None, took: Duration::ZERO, written: 0, is_precious: false }
    }

    /// For rows in memory.
    pub(super) fn none() -> Self {
        Self { path: PathBuf::new(), root: Zeroizing::new([0; 32]), last: None, took: Duration::ZERO, written: 0, is_precious: false }
    }

    /// When the snapshot that is there was made, in milliseconds since the Unix epoch.
    pub(super) fn made_at(&self) -> Option<Millis> {
        let since = self.path.metadata().ok()?.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        u64::try_from(since.as_millis()).ok()
    }

    /// Age of the snapshot that is there; a start does not make it younger.
    fn age(&self) -> Option<Duration> {
        let by_file = || self.path.metadata().ok()?.modified().ok()?.elapsed().ok();
        self.last.map(|last| last.elapsed()).or_else(by_file)
    }

    /// A snapshot should not be long in coming.
    pub(super) fn note_precious(&mut self) {
        self.is_precious = true;
    }

    fn length(&self) -> u64 {
        self.path.metadata().map_or(0, |meta| meta.len())
    }
}

/// Where the snapshot of a directory is.
pub(super) fn path(home: &Path) -> PathBuf {
    home.join("snapshots").join("latest")
}

/// Whether a batch brings a contact or a mailbox, or takes a mailbox away.
pub(super) fn is_precious(store: &Store, batch: &Batch) -> bool {
    batch.iter().any(|(table, key, value)| match table {
        Table::Contact | Table::Mailbox => store.get(table, key).is_some() != value.is_some(),
        _ => false,
    })
}

/// Whether one should be written now.
pub(super) fn is_due(store: &Store, disk: &Disk) -> bool {
    let upkeep = store.inner.upkeep.lock().unwrap_or_else(PoisonError::into_inner);
    let changed = disk.written().saturating_sub(upkeep.written);
    if changed == 0 || !has_room(disk) {
        return false;
    }
    let Some(age) = upkeep.age() else { return upkeep.is_precious || changed >= CHANGE_BYTES_MIN };
    let is_rare = age >= upkeep.took * 100;
    let is_old = age >= Duration::from_millis(SNAPSHOT_MS_MAX);
    let is_much = age >= Duration::from_millis(SNAPSHOT_MS_MIN) && changed >= CHANGE_BYTES_MIN.max(upkeep.length() / 16);
    is_rare && (is_old || is_much || upkeep.is_precious)
}

/// Whether one can be written within a second at a clean stop, and is worth it.
pub(super) fn is_cheap(store: &Store, disk: &Disk) -> bool {
    let upkeep = store.inner.upkeep.lock().unwrap_or_else(PoisonError::into_inner);
    let changed = disk.written().saturating_sub(upkeep.written);
    let is_worth = changed > 0 && (upkeep.length() == 0 || upkeep.is_precious || changed >= CHANGE_BYTES_MIN);
    is_worth && disk.failure().is_none() && disk.length() <= CHEAP_BYTES_MAX && has_room(disk)
}

/// A database is at least as large as its rows.
fn has_room(disk: &Disk) -> bool {
    space::free_bytes(disk.home()).is_ok_and(|free| free >= 2 * DISK_FLOOR_BYTES + disk.length())
}

/// Writes one, checks it, and puts it in the place of the last one.
pub(super) fn write(store: &Store, go_on: export::GoOn<'_>) -> Result<SnapshotReport, StoreError> {
    let Some(disk) = store.disk() else { return Ok(SnapshotReport { rows: 0, bytes: 0, took_ms: 0 }) };
    let started = Instant::now();
    let (path, root) = {
        let mut upkeep = store.inner.upkeep.lock().unwrap_or_else(PoisonError::into_inner);
        upkeep.is_precious = false;
        (upkeep.path.clone(), upkeep.root.clone())
    };
    file::make_dir(path.parent().unwrap_or(disk.home()))?;
    let written = disk.written();
    let (rows, bytes) = export::write_archive(store, &path, Secret::Root(&root), None, go_on, &mut |_| {})?;
    let took = started.elapsed();
    let mut upkeep = store.inner.upkeep.lock().unwrap_or_else(PoisonError::into_inner);
    (upkeep.last, upkeep.took, upkeep.written) = (Some(Instant::now()), took, written);
    Ok(SnapshotReport { rows, bytes, took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX) })
}

/// A change that is worth a snapshot.
const CHANGE_BYTES_MIN: u64 = 64 << 10;
/// Bytes of a database whose snapshot takes well under a second.
const CHEAP_BYTES_MAX: u64 = 64 << 20;
