//! Floor 4: rows on disk or in memory. Only `sled` names sled.
//!
//! | file | holds |
//! |---|---|
//! | `dir` | the data directory: one process, nobody else's files, a known format |
//! | `vault` | the key files |
//! | `disk` | sealed rows: one writer, fail-stop, a consistent picture while writing goes on |
//! | `pending` | what is applied and not written yet |
//! | `bag`, `ring` | MLS values under keys that are replaced |
//! | `blobs` | the bodies of media, in files |
//! | `rows` | how a row lies in the database |
//! | `sled` | sled and its traps |
//! | `generation` | notices a database that went back |
//! | `memory` | rows in memory |
//! | [`migrate`] | from an older schema to this one |
//! | `archive` | the file that exports and snapshots are |
//! | `export` | everything into an archive, and back |
//! | `snapshot` | own archives, written in the background to rebuild from |
//! | `recover` | what to do with a damaged database |
//! | `restore` | a copy takes the place of what is here |
//! | `scrub` | reads and checks every row |
//! | `space` | free room and the ballast |
//! | [`reader`] | what a screen or a command asks |
//!
//! How it is used: [`DataDir::open`], [`Vault::open`], [`Store::open`]; then [`Store::apply`] for each batch and
//! [`Store::flush`] before anything is said; [`Store::tend`] once a minute; [`Store::close`] at the end.

#![allow(clippy::disallowed_methods, clippy::disallowed_types)] // this floor is where files, clocks and randomness come in

mod archive;
mod bag;
mod blobs;
mod dir;
mod disk;
mod error;
mod export;
mod file;
mod generation;
mod memory;
pub mod migrate;
mod pending;
pub mod reader;
mod recover;
mod restore;
mod ring;
mod rows;
mod scrub;
mod sled;
mod snapshot;
mod space;
mod vault;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use serde::Serialize;

pub use archive::ArchiveError;
pub use blobs::{Blobs, Opener, Put, Sealer, Sink, Source};
pub use dir::{DataDir, FORMAT};
pub use error::StoreError;
pub use export::{Exported, Imported, Progress, import};
pub use restore::{incoming_archive, receive};
pub use scrub::{Finding, ScrubReport, Trouble};
pub use sled::Fault;
pub use snapshot::SnapshotReport;
pub use vault::Vault;

use crate::types::limits::DISK_FLOOR_BYTES;
use crate::types::{Batch, Row, Scan, Table, View};
use disk::Disk;
use memory::Memory;
use snapshot::Upkeep;

/// The rows of a data directory. Cheap to clone; every clone sees the same rows.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    rows: Rows,
    /// Held by whoever reads a picture of all rows.
    picture: Mutex<()>,
    upkeep: Mutex<Upkeep>,
    is_full: AtomicBool,
    /// Whether long works are to give way.
    is_closing: AtomicBool,
    schema: u32,
}

enum Rows {
    Disk(Box<Disk>),
    Memory(Memory),
}

/// How to open a store.
#[derive(Clone, Copy, Debug)]
pub struct OpenOptions {
    /// Bytes that the engine may keep in memory: 64 MB for a person, 512 MB for a relay.
    pub cache_bytes: u64,
    /// The way from older schemas to this one.
    pub steps: &'static [migrate::Step],
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self { cache_bytes: 64 << 20, steps: migrate::STEPS }
    }
}

impl OpenOptions {
    /// For a node that serves a community.
    #[must_use]
    pub fn relay() -> Self {
        Self { cache_bytes: 512 << 20, ..Self::default() }
    }
}

/// What happened when a store was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct OpenReport {
    /// Where a damaged database was moved, if it was.
    pub moved_aside: Option<PathBuf>,
    /// Rows restored from the last own snapshot after that.
    pub restored_rows: u64,
    /// When that snapshot was made, in milliseconds since the Unix epoch.
    pub snapshot_at: Option<u64>,
    /// Whether the database had lost what was written last, and is used as it is.
    pub went_back: bool,
    /// Whether the keys of rooms could not be read, so that this device has to be added to them again. Other rows are whole.
    pub rooms_lost: bool,
    /// Migrations that ran.
    pub migrated: Vec<String>,
}

/// What a status page says about the store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StoreStatus {
    /// Bytes of the database's file.
    pub bytes: u64,
    /// Bytes free on its disk.
    pub free_bytes: u64,
    /// Whether new work is refused for lack of room.
    pub is_full: bool,
    /// When the last own snapshot was made, in milliseconds since the Unix epoch.
    pub snapshot_at: Option<u64>,
    /// The schema of the rows.
    pub schema: u32,
}

impl OpenReport {
    /// Whether rows were lost, so that they have to be fetched anew from mailboxes and peers.
    pub fn is_restored(&self) -> bool {
        self.is_damaged() || self.rooms_lost
    }

    /// Whether the database was not what it had been.
    pub fn is_damaged(&self) -> bool {
        self.moved_aside.is_some() || self.restored_rows > 0 || self.went_back
    }
}

impl Store {
    /// Opens (or makes) the rows of a directory. A damaged database is moved aside and rebuilt from the last snapshot;
    /// `Table::Meta` has [`META_RESTORED`](crate::wire::row::META_RESTORED) then, until the node has fetched anew what is missing.
    pub fn open(dir: &DataDir, root: &[u8; 32]) -> Result<(Self, OpenReport), StoreError> {
        Self::open_with(dir, root, OpenOptions::default())
    }

    /// [`open`](Self::open) with options.
    pub fn open_with(dir: &DataDir, root: &[u8; 32], options: OpenOptions) -> Result<(Self, OpenReport), StoreError> {
        let (disk, mut report) = recover::open(dir.path(), root, options.cache_bytes)?;
        let schema = migrate::run(&disk, options.steps, &mut report.migrated)?;
        space::lay_ballast(dir.path());
        let upkeep = Upkeep::new(dir.path(), root);
        Ok((Self::new(Rows::Disk(Box::new(disk)), upkeep, schema), report))
    }

    /// Rows in memory only, for tests and simulations.
    pub fn memory() -> Self {
        Self::new(Rows::Memory(Memory::default()), Upkeep::none(), 0)
    }

    fn new(rows: Rows, upkeep: Upkeep, schema: u32) -> Self {
        let (is_full, is_closing) = (AtomicBool::new(false), AtomicBool::new(false));
        let inner = Inner { rows, picture: Mutex::new(()), upkeep: Mutex::new(upkeep), is_full, is_closing, schema };
        Self { inner: Arc::new(inner) }
    }

    /// Applies a batch, whole or not at all; visible at once to every clone, durable after the next [`flush`](Self::flush).
    ///
    /// After an error nothing more is applied: the node has to start again from the disk.
    pub fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        match &self.inner.rows {
            Rows::Disk(disk) => {
                let is_precious = snapshot::is_precious(self, batch);
                disk.apply(batch)?;
                if is_precious {
                    self.inner.upkeep.lock().unwrap_or_else(PoisonError::into_inner).note_precious();
                }
            }
            Rows::Memory(memory) => memory.apply(batch),
        }
        Ok(())
    }

    /// Makes everything applied so far durable. Blocking; may be called from another thread while batches are applied.
    pub fn flush(&self) -> Result<(), StoreError> {
        self.disk().map_or(Ok(()), Disk::flush)
    }

    /// Whether the disk is under the floor of free space: new work is refused then. Costs a system call.
    pub fn is_disk_full(&self) -> bool {
        let Some(disk) = self.disk() else { return false };
        let was_full = self.inner.is_full.load(Ordering::Relaxed);
        // A little more must be free to take work again, so that it does not go back and forth.
        let floor = if was_full { DISK_FLOOR_BYTES + DISK_FLOOR_BYTES / 4 } else { DISK_FLOOR_BYTES };
        let is_full = space::free_bytes(disk.home()).map_or(was_full, |free| free < floor);
        self.inner.is_full.store(is_full, Ordering::Relaxed);
        is_full
    }

    /// The first error, after which nothing read can be trusted and the node must stop.
    pub fn failure(&self) -> Option<StoreError> {
        self.disk().and_then(Disk::failure)
    }

    /// What a status page says about the store.
    pub fn status(&self) -> StoreStatus {
        let Some(disk) = self.disk() else { return StoreStatus::default() };
        let upkeep = self.inner.upkeep.lock().unwrap_or_else(PoisonError::into_inner);
        StoreStatus {
            bytes: disk.length(),
            free_bytes: space::free_bytes(disk.home()).unwrap_or(0),
            is_full: self.is_disk_full(),
            snapshot_at: upkeep.made_at(),
            schema: self.inner.schema,
        }
    }

    /// Housekeeping, to be called about once a minute from a thread that may block: lays the ballast again when there is
    /// room, replaces the key over MLS values when it is due, and writes a snapshot when enough has changed. `None` when no snapshot was due.
    pub fn tend(&self) -> Option<Result<SnapshotReport, StoreError>> {
        let disk = self.disk()?;
        space::lay_ballast(disk.home());
        if disk.is_rotation_due()
            && let Err(error) = self.renew_keys(&mut || self.is_open())
        {
            tracing::warn!(%error, "the key over the keys of rooms was not replaced");
        }
        snapshot::is_due(self, disk).then(|| self.snapshot())
    }

    /// Writes a snapshot of all rows but MLS values, checks it, and puts it in the place of the last one. Blocking, in bounded memory.
    pub fn snapshot(&self) -> Result<SnapshotReport, StoreError> {
        snapshot::write(self, &|| self.is_open())
    }

    /// Replaces the key over MLS values, so that what was overwritten or deleted of them cannot be read any more by whoever takes the disk
    /// and the root key. It is done in steps, each of them safe to be the last one; `go_on` is asked between any two of them. What was not
    /// done is done by the next call, after a restart too. Tells whether it came to the end; gives way to a running export.
    pub fn renew_keys(&self, go_on: &mut dyn FnMut() -> bool) -> Result<bool, StoreError> {
        let Some(disk) = self.disk() else { return Ok(true) };
        let _no_picture = match self.inner.picture.try_lock() {
            Ok(free) => free,
            Err(TryLockError::Poisoned(free)) => free.into_inner(),
            Err(TryLockError::WouldBlock) => return Ok(false),
        };
        disk.rotate(go_on)
    }

    /// A clean stop: everything is durable, the next start is fast, and the directory's database is free when this returns.
    /// Every clone reads nothing afterwards. A small database leaves a snapshot too, and used keys of MLS values are replaced. Long works that
    /// run give way, and each part of this has a bound, so that it takes a few seconds at most.
    pub fn close(&self) -> Result<(), StoreError> {
        let Some(disk) = self.disk() else { return Ok(()) };
        self.inner.is_closing.store(true, Ordering::Relaxed);
        let started = Instant::now();
        if snapshot::is_cheap(self, disk)
            && let Err(error) = snapshot::write(self, &|| started.elapsed() < SNAPSHOT_AT_STOP)
        {
            tracing::warn!(%error, "no snapshot was written at the stop");
        }
        // What waits may replace values: they are renewed with the others.
        if disk.failure().is_none() {
            disk.flush()?;
        }
        let started = Instant::now();
        if disk.is_stale()
            && let Err(error) = self.renew_keys(&mut || started.elapsed() < RENEWAL_AT_STOP)
        {
            tracing::warn!(%error, "the key over the keys of rooms was not replaced at the stop");
        }
        let for_fast_start = (REOPEN_BYTES_MIN..REOPEN_BYTES_MAX).contains(&disk.written());
        disk.close(for_fast_start)
    }

    /// Ends the store as a crash would, for tests: without a snapshot, a mark or a fast next start. What was applied and not flushed may
    /// be there afterwards or not.
    pub fn abandon(&self) {
        if let Some(disk) = self.disk() {
            disk.abandon();
        }
    }

    /// Whether nobody has begun to close it.
    fn is_open(&self) -> bool {
        !self.inner.is_closing.load(Ordering::Relaxed)
    }

    fn disk(&self) -> Option<&Disk> {
        match &self.inner.rows {
            Rows::Disk(disk) => Some(disk),
            Rows::Memory(_) => None,
        }
    }
}

impl View for Store {
    fn get(&self, table: Table, key: &[u8]) -> Option<Vec<u8>> {
        match &self.inner.rows {
            Rows::Disk(disk) => disk.get(table, key),
            Rows::Memory(memory) => memory.get(table, key),
        }
    }

    fn scan(&self, scan: &Scan) -> Vec<Row> {
        match &self.inner.rows {
            Rows::Disk(disk) => disk.scan(scan),
            Rows::Memory(memory) => memory.scan(scan),
        }
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store(..)")
    }
}

/// How long a snapshot may take at a clean stop; one that takes longer is given up.
const SNAPSHOT_AT_STOP: Duration = Duration::from_secs(1);
/// How long the replacement of a key may take then; what is left is done after the next start.
const RENEWAL_AT_STOP: Duration = Duration::from_millis(500);
/// Bytes written since the start from which opening once more at the stop pays, and beyond which it would take too long.
const REOPEN_BYTES_MIN: u64 = 4 << 20;
const REOPEN_BYTES_MAX: u64 = 2 << 30;
