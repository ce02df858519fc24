//! Sealed rows in sled: one writer at a time, fail-stop, and a consistent picture of all rows while writing goes on.
//!
//! A batch is applied by being put aside (`pending`); a flush seals what was put aside, writes it, and makes it durable.

mod rotate;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockReadGuard};

use lru::LruCache;

use self::rotate::Rotation;
use super::bag::{self, BagKey, Settled};
use super::generation::{self, Generation};
use super::pending::{Found, Group, Pending, laid_over};
use super::ring::Ring;
use super::rows::{self, Stored, Unreadable};
use super::sled::Tree;
use super::{StoreError, space};
use crate::crypto::rest::{RowKey, RowKeys};
use crate::types::limits::{BAG_KEYS_CACHED_MAX, CUT_BYTES_MAX, DISK_STOP_BYTES, PENDING_BYTES_MAX, VALUE_BYTES_MAX};
use crate::types::{Batch, Rng, Row, Scan, Table};

/// Rows on disk.
pub(super) struct Disk {
    home: PathBuf,
    keys: RowKeys,
    /// The keys over the keys of bags.
    ring: Ring,
    tree: RwLock<Option<Tree>>,
    /// Applied and not written yet.
    pending: Pending,
    writer: Mutex<Writer>,
    /// Held by whoever writes and flushes.
    sync: Mutex<Sync>,
    rotation: Mutex<Rotation>,
    /// Bytes of values applied so far.
    written: AtomicU64,
    /// The first read error.
    failure: OnceLock<StoreError>,
    /// The first write error, after which nothing is written.
    stopped: OnceLock<StoreError>,
}

struct Writer {
    rng: Rng,
    cut: Option<Cut>,
    /// Tables that may have values in pieces, by number. In the others nothing of an overwritten row has to be cleared away.
    in_pieces: [bool; 256],
    /// Keys of bags that were written to.
    bags: LruCache<Vec<u8>, BagKey>,
    /// How far the ring is.
    settled: Settled,
}

struct Sync {
    /// Since the last mark.
    flushes: u64,
    generation: Generation,
}

/// A picture of all rows at one moment, read bit by bit: what is overwritten ahead of the reader is set aside.
#[derive(Default)]
struct Cut {
    /// Everything up to this key was read.
    cursor: Vec<u8>,
    /// Rows as they were; `None` were not there.
    before: BTreeMap<Vec<u8>, Option<Stored>>,
    bytes: usize,
    overtaken: bool,
}

/// The bag that was read last, and its key, for the next row of it.
type Known = Option<(Vec<u8>, RowKey)>;

/// Some rows of the picture, by their keys in the database.
type Page = Vec<(Vec<u8>, Stored)>;

impl Disk {
    /// Over an open database.
    pub(super) fn new(home: &Path, keys: RowKeys, (ring, settled): (Ring, Settled), tree: Tree, rng: Rng, generation: Generation) -> Self {
        let bags = LruCache::new(NonZeroUsize::new(BAG_KEYS_CACHED_MAX).unwrap_or(NonZeroUsize::MIN));
        let in_pieces = std::array::from_fn(|table| Table::from_number(table as u8).is_some() && rows::has_pieces(&tree, table as u8));
        Self {
            home: home.to_path_buf(),
            keys,
            ring,
            tree: RwLock::new(Some(tree)),
            pending: Pending::default(),
            writer: Mutex::new(Writer { rng, cut: None, in_pieces, bags, settled }),
            sync: Mutex::new(Sync { flushes: FLUSHES_PER_GENERATION, generation }),
            rotation: Mutex::default(),
            written: AtomicU64::new(0),
            failure: OnceLock::new(),
            stopped: OnceLock::new(),
        }
    }

    /// The data directory.
    pub(super) fn home(&self) -> &Path {
        &self.home
    }

    /// Bytes of the database's file.
    pub(super) fn length(&self) -> u64 {
        Tree::length(&self.home.join(super::recover::DB))
    }

    /// Bytes of values applied since it was opened.
    pub(super) fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// The first read error, or the first write error.
    pub(super) fn failure(&self) -> Option<StoreError> {
        self.failure.get().or_else(|| self.stopped.get()).cloned()
    }

    /// Applies a batch, whole or not at all: it is seen at once, and written and durable with the next flush. After an error nothing more
    /// is applied: the node, whose memory is ahead of the disk then, has to start again from the disk.
    pub(super) fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        if let Some(error) = self.stopped.get().or_else(|| self.failure.get()) {
            return Err(error.clone());
        }
        if self.tree().is_none() {
            return Err(StoreError::Closed);
        }
        let bytes = batch.iter().map(|(_, key, value)| value.map_or(0, |value| (1 + key.len() + value.len()) as u64)).sum();
        self.written.fetch_add(bytes, Ordering::Relaxed);
        if self.pending.add(batch) >= PENDING_BYTES_MAX { self.flush() } else { Ok(()) }
    }

    /// Makes everything applied so far durable; returns at once when it is.
    pub(super) fn flush(&self) -> Result<(), StoreError> {
        let mut sync = lock(&self.sync);
        self.or_stop(self.try_flush(&mut sync))
    }

    /// Flushes and marks how far the database is; tells the mark. A database with a lower one is older than this moment.
    pub(super) fn mark(&self) -> Result<u64, StoreError> {
        let mut sync = lock(&self.sync);
        self.or_stop(self.flush_marked(&mut sync))?;
        Ok(sync.generation.number())
    }

    /// After an error nothing more is written: the system may have forgotten what it could not write.
    fn or_stop<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(error) = &result {
            let _ = self.stopped.set(error.clone());
        }
        result
    }

    fn try_flush(&self, sync: &mut Sync) -> Result<(), StoreError> {
        let below = self.pending.close();
        if self.pending.oldest(below).is_none() {
            return self.stopped.get().map_or(Ok(()), |error| Err(error.clone()));
        }
        if sync.flushes >= FLUSHES_PER_GENERATION {
            return self.flush_marked(sync);
        }
        sync.flushes += 1;
        self.write_groups(below)
    }

    fn flush_marked(&self, sync: &mut Sync) -> Result<(), StoreError> {
        let next = sync.generation.number() + 1;
        self.pending.add_own(generation::NAME, &next.to_be_bytes());
        self.write_groups(self.pending.close())?;
        sync.flushes = 1;
        sync.generation.advance()
    }

    /// Writes the groups below this number, each durable before the next one is begun: less than a segment of sled's log is ever between
    /// two syncs.
    fn write_groups(&self, below: u64) -> Result<(), StoreError> {
        while let Some(group) = self.pending.oldest(below) {
            if let Some(error) = self.stopped.get() {
                return Err(error.clone());
            }
            let tree = self.tree();
            let tree = tree.as_ref().ok_or(StoreError::Closed)?;
            self.write_group(tree, &group)?;
            self.pending.on_written();
            tree.flush().map_err(|fault| self.broken(fault))?;
        }
        Ok(())
    }

    fn write_group(&self, tree: &Tree, group: &Group) -> Result<(), StoreError> {
        let writer = &mut *lock(&self.writer);
        self.check_room()?;
        let mut writes = Vec::with_capacity(group.rows().len());
        for (head, value) in group.rows() {
            let table = rows::split_key(head).map_or(Table::Meta, |(table, _)| table);
            let is_old_wanted = table.is_mls() || writer.in_pieces[usize::from(head[0])] || writer.cut.is_some();
            let old = if is_old_wanted { tree.get(head).map_err(|fault| self.broken(fault))? } else { None };
            if table.is_mls() && old.is_none() && value.is_none() {
                continue;
            }
            let (is_there, pieces) = (old.is_some(), old.as_deref().map_or(0, rows::piece_count));
            if writer.cut.as_ref().is_some_and(|cut| cut.wants(head)) {
                let old = old.map(|old| self.stored(tree, head, old)).transpose()?;
                if let Some(cut) = &mut writer.cut {
                    cut.set_aside(head.to_vec(), old);
                }
            }
            let key = match table.is_mls() {
                true => self.use_bag(tree, writer, head, is_there, &mut writes)?,
                false => Cow::Borrowed(self.keys.of(table)),
            };
            match value {
                Some(value) => {
                    writer.in_pieces[usize::from(head[0])] |= value.len() > VALUE_BYTES_MAX;
                    rows::seal(&key, &mut writer.rng, table, head.to_vec(), value, pieces, &mut writes);
                }
                None => {
                    rows::drop_pieces(head, 0..pieces, &mut writes);
                    writes.push((head.to_vec(), None));
                }
            }
        }
        tree.apply(writes).map_err(|fault| self.broken(fault))
    }

    /// The value of a key. A row that cannot be read is remembered as a failure, and counts as absent.
    pub(super) fn get(&self, table: Table, key: &[u8]) -> Option<Vec<u8>> {
        let tree = self.tree();
        let (tree, head) = (tree.as_ref()?, rows::head_key(table, key));
        match self.pending.find(&head) {
            Some(waiting) => waiting.map(|value| value.to_vec()),
            None => self.read(tree, table, &head).unwrap_or_else(|error| self.fail(error)),
        }
    }

    /// The rows of a range.
    pub(super) fn scan(&self, scan: &Scan) -> Vec<Row> {
        let tree = self.tree();
        let (Some(tree), Some(range)) = (tree.as_ref(), rows::bounds(scan)) else { return Vec::new() };
        // First what waits: what is written meanwhile is found in both places, and not in neither.
        let waiting = self.pending.between(&range, scan.reverse, scan.limit);
        let mut rows = laid_over(waiting, tree.range(range.0, range.1, scan.reverse), scan.reverse);
        let (mut found, mut known) = (Vec::new(), None);
        while found.len() < scan.limit
            && let Some(row) = rows.next()
        {
            match row.map_err(|fault| self.broken(fault)).and_then(|row| self.open_found(tree, scan.table, row, &mut known)) {
                Ok(row) => found.extend(row),
                Err(error) => return self.fail(error),
            }
        }
        found
    }

    fn open_found(&self, tree: &Tree, table: Table, row: Found, known: &mut Known) -> Result<Option<Row>, StoreError> {
        match row {
            Found::Waiting(head, value) => Ok(Some((head[1..].to_vec(), value.to_vec()))),
            Found::Stored(head, value) => {
                let stored = self.stored(tree, &head, value)?;
                let value = match self.open_stored(tree, table, &head, &stored, known)? {
                    Ok(value) => Some(value),
                    Err(Unreadable) => self.read(tree, table, &head)?,
                };
                Ok(value.map(|value| (head[1..].to_vec(), value)))
            }
        }
    }

    /// Reads one row. A large value may be rewritten between its head and its pieces, and a bag's key between it and its values; the
    /// second look is behind the writer's back.
    fn read(&self, tree: &Tree, table: Table, head: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let look = || -> Result<Option<Result<Vec<u8>, Unreadable>>, StoreError> {
            let Some(value) = tree.get(head).map_err(|fault| self.broken(fault))? else { return Ok(None) };
            let stored = self.stored(tree, head, value)?;
            self.open_stored(tree, table, head, &stored, &mut None).map(Some)
        };
        match look()? {
            None => return Ok(None),
            Some(Ok(value)) => return Ok(Some(value)),
            Some(Err(Unreadable)) => {}
        }
        let _writer = lock(&self.writer);
        look()?.transpose().map_err(|Unreadable| StoreError::Row { table })
    }

    /// Opens a row of the database.
    fn open_stored(
        &self,
        tree: &Tree,
        table: Table,
        head: &[u8],
        stored: &Stored,
        known: &mut Known,
    ) -> Result<Result<Vec<u8>, Unreadable>, StoreError> {
        let Some(bag) = rows::bag(head) else { return Ok(rows::open(self.keys.of(table), table, head, stored)) };
        if known.as_ref().is_none_or(|(other, _)| other != bag) {
            let found = bag::find(tree, &self.ring, bag).map_err(|fault| self.broken(fault))?;
            let Some(Ok(found)) = found else { return Ok(Err(Unreadable)) };
            *known = Some((bag.to_vec(), found.key));
        }
        Ok(known.as_ref().map_or(Err(Unreadable), |(_, key)| rows::open(key, table, head, stored)))
    }

    fn stored(&self, tree: &Tree, head: &[u8], value: super::sled::Bytes) -> Result<Stored, StoreError> {
        rows::gather(tree, head, value).map_err(|fault| self.broken(fault))
    }

    /// Starts a picture of all rows as they are at this moment. There is one at a time.
    pub(super) fn begin_cut(&self) -> Result<(), StoreError> {
        self.flush()?;
        lock(&self.writer).cut = Some(Cut::default());
        Ok(())
    }

    /// Ends it.
    pub(super) fn end_cut(&self) {
        lock(&self.writer).cut = None;
    }

    /// The next rows of the picture, as many as fit into a bound; `None` at the end. A page may be empty.
    pub(super) fn cut_page(&self) -> Result<Option<Page>, StoreError> {
        let mut writer = lock(&self.writer);
        let tree = self.tree();
        let tree = tree.as_ref().ok_or(StoreError::Closed)?;
        let cut = writer.cut.as_mut().filter(|cut| !cut.overtaken).ok_or(StoreError::Overtaken)?;
        if cut.cursor == END {
            return Ok(None);
        }
        let after = (!cut.cursor.is_empty()).then_some(cut.cursor.as_slice());
        let (low, high) = rows::all_rows(after);
        let mut page: BTreeMap<Vec<u8>, Stored> = BTreeMap::new();
        let mut bytes = 0;
        let mut end = END.to_vec();
        for row in tree.range(low, high, false) {
            let (head, value) = row.map_err(|fault| self.broken(fault))?;
            let stored = self.stored(tree, &head, value)?;
            bytes += stored.len();
            page.insert(head.to_vec(), stored);
            if page.len() >= PAGE_ROWS || bytes >= PAGE_BYTES {
                end = head.to_vec();
                break;
            }
        }
        for (head, old) in cut.advance(end) {
            match old {
                Some(old) => page.insert(head, old),
                None => page.remove(&head),
            };
        }
        Ok(Some(page.into_iter().collect()))
    }

    /// Opens a row of the picture. Keys of bags are not replaced while there is one.
    pub(super) fn open_row(&self, table: Table, head: &[u8], stored: &Stored) -> Option<Vec<u8>> {
        self.open_stored(self.tree().as_ref()?, table, head, stored, &mut None).ok()?.ok()
    }

    /// Flushes, writes the generation, and lets go of the database; every clone reads nothing from then on.
    pub(super) fn close(&self, for_fast_start: bool) -> Result<(), StoreError> {
        if self.stopped.get().is_none() && self.tree().is_some() {
            self.mark()?;
        }
        let tree = self.tree.write().unwrap_or_else(PoisonError::into_inner).take();
        tree.map_or(Ok(()), |tree| tree.close(for_fast_start)).map_err(|fault| StoreError::engine(&self.home, fault))
    }

    /// Lets go of the database as a crash would.
    pub(super) fn abandon(&self) {
        let _ = self.stopped.set(StoreError::Closed);
        drop(self.tree.write().unwrap_or_else(PoisonError::into_inner).take());
    }

    fn tree(&self) -> RwLockReadGuard<'_, Option<Tree>> {
        self.tree.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn check_room(&self) -> Result<(), StoreError> {
        let free = space::free_bytes(&self.home)?;
        if free < DISK_STOP_BYTES {
            return Err(StoreError::DiskFull { path: self.home.clone(), free_mb: free >> 20 });
        }
        Ok(())
    }

    fn broken(&self, fault: super::sled::Fault) -> StoreError {
        let error = StoreError::engine(&self.home, fault);
        match error {
            StoreError::Io { ref source, .. } if source.kind() == std::io::ErrorKind::StorageFull => {
                StoreError::DiskFull { path: self.home.clone(), free_mb: space::free_bytes(&self.home).unwrap_or(0) >> 20 }
            }
            error => error,
        }
    }

    /// Remembers a read error, and leaves a word for the next start to look at every row.
    fn fail<T: Default>(&self, error: StoreError) -> T {
        tracing::warn!(%error, "a row cannot be read");
        if self.failure.set(error).is_ok() {
            super::recover::mark_suspect(&self.home);
        }
        T::default()
    }
}

impl Cut {
    /// Whether a row that is about to be written must be set aside.
    fn wants(&self, head: &[u8]) -> bool {
        !self.overtaken && head > self.cursor.as_slice() && !self.before.contains_key(head)
    }

    /// Moves the reader on; what was set aside up to there is handed out.
    fn advance(&mut self, cursor: Vec<u8>) -> BTreeMap<Vec<u8>, Option<Stored>> {
        let mut later = self.before.split_off(&cursor);
        let at_cursor = later.remove_entry(&cursor);
        let mut passed = std::mem::replace(&mut self.before, later);
        passed.extend(at_cursor);
        let freed: usize = passed.iter().map(|(head, old)| head.len() + old.as_ref().map_or(0, Stored::len)).sum();
        self.bytes = self.bytes.saturating_sub(freed);
        self.cursor = cursor;
        passed
    }

    fn set_aside(&mut self, head: Vec<u8>, old: Option<Stored>) {
        self.bytes += head.len() + old.as_ref().map_or(0, Stored::len);
        self.before.insert(head, old);
        if self.bytes > CUT_BYTES_MAX {
            self.before.clear();
            self.overtaken = true;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Beyond every key.
const END: &[u8] = &[u8::MAX];
/// Rows and bytes of one page of a picture: a millisecond under the writer's lock.
const PAGE_ROWS: usize = 256;
const PAGE_BYTES: usize = 512 * 1024;
/// Flushes between two marks of how far the database is.
const FLUSHES_PER_GENERATION: u64 = 64;
