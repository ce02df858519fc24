//! Sealed rows in sled: one writer at a time, fail-stop, and a consistent picture of all rows while writing goes on.

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
use super::generation::Generation;
use super::ring::Ring;
use super::rows::{self, Stored, Unreadable, Write};
use super::sled::Tree;
use super::{StoreError, space};
use crate::crypto::rest::{RowKey, RowKeys};
use crate::types::limits::{BAG_KEYS_CACHED_MAX, CUT_BYTES_MAX, DISK_STOP_BYTES, SYNC_BYTES_MAX};
use crate::types::{Batch, Rng, Row, Scan, Table};

/// Rows on disk.
pub(super) struct Disk {
    home: PathBuf,
    keys: RowKeys,
    /// The keys over the keys of bags.
    ring: Ring,
    tree: RwLock<Option<Tree>>,
    writer: Mutex<Writer>,
    sync: Mutex<Sync>,
    rotation: Mutex<Rotation>,
    /// Batches applied so far.
    applied: AtomicU64,
    /// Bytes of values applied so far.
    written: AtomicU64,
    /// Bytes applied since the last flush began.
    unsynced: AtomicU64,
    /// The first read error.
    failure: OnceLock<StoreError>,
    /// The first write error, after which nothing is written.
    stopped: OnceLock<StoreError>,
}

struct Writer {
    rng: Rng,
    cut: Option<Cut>,
    /// Keys of bags that were written to.
    bags: LruCache<Vec<u8>, BagKey>,
    /// How far the ring is.
    settled: Settled,
}

struct Sync {
    flushed: u64,
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

/// Some rows of the picture, by their keys in the database.
type Page = Vec<(Vec<u8>, Stored)>;

impl Disk {
    /// Over an open database.
    pub(super) fn new(home: &Path, keys: RowKeys, (ring, settled): (Ring, Settled), tree: Tree, rng: Rng, generation: Generation) -> Self {
        let bags = LruCache::new(NonZeroUsize::new(BAG_KEYS_CACHED_MAX).unwrap_or(NonZeroUsize::MIN));
        Self {
            home: home.to_path_buf(),
            keys,
            ring,
            tree: RwLock::new(Some(tree)),
            writer: Mutex::new(Writer { rng, cut: None, bags, settled }),
            rotation: Mutex::default(),
            sync: Mutex::new(Sync { flushed: 0, flushes: FLUSHES_PER_GENERATION, generation }),
            applied: AtomicU64::new(0),
            written: AtomicU64::new(0),
            unsynced: AtomicU64::new(0),
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

    /// Applies a batch, whole or not at all. After an error nothing more is applied: the node, whose memory is ahead of
    /// the disk then, has to start again from the disk.
    pub(super) fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        if let Some(error) = self.stopped.get().or_else(|| self.failure.get()) {
            return Err(error.clone());
        }
        let applied = self.try_apply(batch);
        if let Err(error) = &applied {
            let _ = self.stopped.set(error.clone());
        }
        applied
    }

    fn try_apply(&self, batch: &Batch) -> Result<(), StoreError> {
        let writer = &mut *lock(&self.writer);
        let tree = self.tree();
        let tree = tree.as_ref().ok_or(StoreError::Closed)?;
        self.check_room()?;
        let mut writes = Vec::with_capacity(batch.len());
        let mut bytes = 0;
        for (table, key, value) in batch.iter() {
            let head = rows::head_key(table, key);
            let old = tree.get(&head).map_err(|fault| self.broken(fault))?;
            let (is_there, is_mls) = (old.is_some(), table.is_mls());
            if is_mls && !is_there && value.is_none() {
                continue;
            }
            let pieces = old.as_deref().map_or(0, rows::piece_count);
            if writer.cut.as_ref().is_some_and(|cut| cut.wants(&head)) {
                let old = old.map(|old| self.stored(tree, &head, old)).transpose()?;
                if let Some(cut) = &mut writer.cut {
                    cut.set_aside(head.clone(), old);
                }
            }
            let sealing =
                if is_mls { self.use_bag(tree, writer, &head, is_there, &mut writes)? } else { Cow::Borrowed(self.keys.of(table)) };
            match value {
                Some(value) => {
                    bytes += (head.len() + value.len()) as u64;
                    rows::seal(&sealing, &mut writer.rng, table, head, value, pieces, &mut writes);
                }
                None => {
                    rows::drop_pieces(&head, 0..pieces, &mut writes);
                    writes.push((head, None));
                }
            }
        }
        self.written.fetch_add(bytes, Ordering::Relaxed);
        self.put(tree, writes, bytes + ROW_OVERHEAD * batch.len() as u64)
    }

    /// Hands writes to the database, which are about so many bytes, and flushes before too much waits.
    fn put(&self, tree: &Tree, writes: Vec<Write>, bytes: u64) -> Result<(), StoreError> {
        tree.apply(writes).map_err(|fault| self.broken(fault))?;
        self.applied.fetch_add(1, Ordering::Release);
        let unsynced = self.unsynced.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if unsynced >= SYNC_BYTES_MAX { self.flush_tree(tree) } else { Ok(()) }
    }

    /// Makes everything applied so far durable; returns at once when it is.
    pub(super) fn flush(&self) -> Result<(), StoreError> {
        let flushed = self.try_flush();
        if let Err(error) = &flushed {
            let _ = self.stopped.set(error.clone());
        }
        flushed
    }

    /// Flushes and marks how far the database is; tells the mark. A database with a lower one is older than this moment.
    pub(super) fn mark(&self) -> Result<u64, StoreError> {
        let mut sync = lock(&self.sync);
        self.flush_marked(&mut sync)?;
        Ok(sync.generation.number())
    }

    fn try_flush(&self) -> Result<(), StoreError> {
        let mut sync = lock(&self.sync);
        let applied = self.applied.load(Ordering::Acquire);
        if applied == sync.flushed {
            return Ok(());
        }
        if sync.flushes >= FLUSHES_PER_GENERATION {
            return self.flush_marked(&mut sync);
        }
        self.flush_open()?;
        sync.flushed = applied;
        sync.flushes += 1;
        Ok(())
    }

    fn flush_marked(&self, sync: &mut Sync) -> Result<(), StoreError> {
        let applied = self.applied.load(Ordering::Acquire);
        self.write_generation(sync.generation.number() + 1)?;
        self.flush_open()?;
        sync.generation.advance()?;
        (sync.flushed, sync.flushes) = (applied, 1);
        Ok(())
    }

    fn flush_open(&self) -> Result<(), StoreError> {
        let tree = self.tree();
        self.flush_tree(tree.as_ref().ok_or(StoreError::Closed)?)
    }

    fn flush_tree(&self, tree: &Tree) -> Result<(), StoreError> {
        self.unsynced.store(0, Ordering::Relaxed);
        tree.flush().map_err(|fault| self.broken(fault))
    }

    fn write_generation(&self, number: u64) -> Result<(), StoreError> {
        let mut writer = lock(&self.writer);
        let tree = self.tree();
        let tree = tree.as_ref().ok_or(StoreError::Closed)?;
        self.write_own(tree, &mut writer.rng, super::generation::NAME, &number.to_be_bytes())
    }

    fn write_own(&self, tree: &Tree, rng: &mut Rng, name: &str, value: &[u8]) -> Result<(), StoreError> {
        let mut writes = Vec::new();
        rows::seal(self.keys.of(Table::Meta), rng, Table::Meta, rows::own_key(name), value, 0, &mut writes);
        tree.apply(writes).map_err(|fault| self.broken(fault))
    }

    /// The value of a key. A row that cannot be read is remembered as a failure, and counts as absent.
    pub(super) fn get(&self, table: Table, key: &[u8]) -> Option<Vec<u8>> {
        let tree = self.tree();
        let tree = tree.as_ref()?;
        self.read(tree, table, &rows::head_key(table, key)).unwrap_or_else(|error| self.fail(error))
    }

    /// The rows of a range.
    pub(super) fn scan(&self, scan: &Scan) -> Vec<Row> {
        let tree = self.tree();
        let (Some(tree), Some((low, high))) = (tree.as_ref(), rows::bounds(scan)) else { return Vec::new() };
        let mut found = Vec::new();
        let mut bag = None;
        for row in tree.range(low, high, scan.reverse).take(scan.limit) {
            let value = row.map_err(|fault| self.broken(fault)).and_then(|(head, value)| {
                let stored = self.stored(tree, &head, value)?;
                match self.open_stored(tree, scan.table, &head, &stored, &mut bag)? {
                    Ok(value) => Ok(Some((head, value))),
                    Err(Unreadable) => Ok(self.read(tree, scan.table, &head)?.map(|value| (head, value))),
                }
            });
            match value {
                Ok(Some((head, value))) => found.push((head[1..].to_vec(), value)),
                Ok(None) => {}
                Err(error) => return self.fail(error),
            }
        }
        found
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

    /// Opens a row; `known` has the key of the bag that was read last, for the next row of it.
    fn open_stored(
        &self,
        tree: &Tree,
        table: Table,
        head: &[u8],
        stored: &Stored,
        known: &mut Option<(Vec<u8>, RowKey)>,
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
    pub(super) fn begin_cut(&self) {
        lock(&self.writer).cut = Some(Cut::default());
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
/// Bytes that sled adds to a row in its log.
const ROW_OVERHEAD: u64 = 64;
/// Flushes between two marks of how far the database is.
const FLUSHES_PER_GENERATION: u64 = 64;
