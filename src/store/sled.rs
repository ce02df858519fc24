//! The only file that names sled, and the place of everything that has to be known about it.
//!
//! - Its `flush` is not durable: it uses `sync_file_range`, which leaves the file's new length to chance. Every flush here
//!   is followed by our own `fdatasync` of the same file.
//! - It writes pages above a quarter of a segment (128 KiB) into files of their own that it never syncs, and leaks them.
//!   Rows are cut so small (`VALUE_BYTES_MAX`) that no page of its 16 to 20 rows gets there.
//! - It reuses a segment when what was in it has been written elsewhere, which is a promise about the page cache and not
//!   about the disk. The caller flushes often enough (`SYNC_BYTES_MAX`) that less than a segment is ever in between.
//! - It panics on some damage. Every call is guarded, and a panic counts as damage.
//! - It replays its whole log since the last time it was opened; opening it once more at a clean stop writes the table of
//!   pages that makes the next start fast.

use std::fs::{self, File};
use std::io;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use ::sled as engine;

/// Bytes of a key or value, without a copy.
pub(super) type Bytes = engine::IVec;

/// What is wrong with the database.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The system refused a file operation.
    #[error(transparent)]
    Io(io::Error),
    /// The engine says that its files are not what it wrote.
    #[error("{0}")]
    Damaged(engine::Error),
    /// The engine gave up.
    #[error("the database engine gave up")]
    Panicked,
}

impl From<engine::Error> for Fault {
    fn from(error: engine::Error) -> Self {
        match error {
            // A file that ends too early is damage, not trouble of the system.
            engine::Error::Io(source) if !matches!(source.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData) => {
                Self::Io(source)
            }
            other => Self::Damaged(other),
        }
    }
}

fn guarded<T>(work: impl FnOnce() -> Result<T, engine::Error>) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| Fault::Panicked)?.map_err(Fault::from)
}

/// One open database: an ordered map of bytes.
pub(super) struct Tree {
    db: engine::Db,
    file: File,
    path: PathBuf,
    /// When the directory of oversized pages last changed: it never should.
    spilled: Mutex<Option<SystemTime>>,
}

impl Tree {
    /// Opens or makes the database, and makes its files durable.
    pub(super) fn open(path: &Path, cache_bytes: u64) -> Result<Self, Fault> {
        let db = open_patiently(path, cache_bytes)?;
        let file = File::open(path.join("db")).map_err(Fault::Io)?;
        let tree = Self { db, file, path: path.to_path_buf(), spilled: Mutex::new(None) };
        tree.sync_everything().map_err(Fault::Io)?;
        Ok(tree)
    }

    /// Bytes of its file.
    pub(super) fn length(path: &Path) -> u64 {
        path.join("db").metadata().map_or(0, |meta| meta.len())
    }

    /// The value of a key.
    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Fault> {
        guarded(|| self.db.get(key))
    }

    /// Applies writes whole or not at all; `None` deletes.
    pub(super) fn apply(&self, writes: Vec<(Vec<u8>, Option<Vec<u8>>)>) -> Result<(), Fault> {
        let mut batch = engine::Batch::default();
        for (key, value) in writes {
            match value {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        guarded(|| self.db.apply_batch(batch))
    }

    /// The rows between two bounds.
    pub(super) fn range(
        &self,
        low: Bound<Vec<u8>>,
        high: Bound<Vec<u8>>,
        reverse: bool,
    ) -> impl Iterator<Item = Result<(Bytes, Bytes), Fault>> {
        let mut rows = self.db.range((low, high));
        std::iter::from_fn(move || {
            let step = catch_unwind(AssertUnwindSafe(|| if reverse { rows.next_back() } else { rows.next() }));
            match step {
                Ok(row) => row.map(|row| row.map_err(Fault::from)),
                Err(_) => Some(Err(Fault::Panicked)),
            }
        })
    }

    /// Makes everything applied so far durable.
    pub(super) fn flush(&self) -> Result<(), Fault> {
        guarded(|| self.db.flush())?;
        self.file.sync_data().map_err(Fault::Io)?;
        let changed = self.path.join("blobs").metadata().and_then(|meta| meta.modified()).map_err(Fault::Io)?;
        let mut spilled = self.spilled.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if *spilled != Some(changed) {
            sync_files(&self.path.join("blobs"), "").map_err(Fault::Io)?;
            *spilled = Some(changed);
        }
        Ok(())
    }

    /// Closes it. With `for_fast_start` it is opened once more, which spares the next start reading the log.
    pub(super) fn close(self, for_fast_start: bool) -> Result<(), Fault> {
        let path = self.path.clone();
        let dropped = catch_unwind(AssertUnwindSafe(move || drop(self)));
        dropped.map_err(|_| Fault::Panicked)?;
        if for_fast_start {
            let again = Self::open(&path, SMALL_CACHE_BYTES)?;
            catch_unwind(AssertUnwindSafe(move || drop(again))).map_err(|_| Fault::Panicked)?;
        }
        Ok(())
    }

    fn sync_everything(&self) -> io::Result<()> {
        self.file.sync_all()?;
        sync_files(&self.path, "conf")?;
        sync_files(&self.path, "snap.")?;
        sync_files(&self.path.join("blobs"), "")?;
        self.path.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
    }
}

/// Makes the files of a directory whose names start so durable, and the names themselves.
fn sync_files(dir: &Path, start: &str) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(start) && entry.file_type()?.is_file() {
            match File::open(entry.path()) {
                Ok(file) => file.sync_all()?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    File::open(dir)?.sync_all()
}

/// A database that was just closed in this process keeps its own lock for a moment, until its threads have let go.
fn open_patiently(path: &Path, cache_bytes: u64) -> Result<engine::Db, Fault> {
    let started = Instant::now();
    loop {
        let config = engine::Config::default()
            .path(path)
            .mode(engine::Mode::HighThroughput)
            .flush_every_ms(None)
            .cache_capacity(cache_bytes)
            .use_compression(false);
        match guarded(move || config.open()) {
            Err(Fault::Io(error)) if error.to_string().contains("could not acquire lock") && started.elapsed() < LOCK_PATIENCE => {
                thread::sleep(Duration::from_millis(5));
            }
            other => return other,
        }
    }
}

const LOCK_PATIENCE: Duration = Duration::from_secs(10);
const SMALL_CACHE_BYTES: u64 = 8 * 1024 * 1024;
