//! A person's data directory: one process at a time, nobody else's files, a format that this release knows.
//!
//! | name | holds |
//! |---|---|
//! | `lock` | who has it: held with `flock`, the process id inside |
//! | `format` | the number of this layout |
//! | `keys/` | see [`vault`](super::vault); `keys/ring`: see [`ring`](super::ring) |
//! | `db/` | sled's files |
//! | `generation` | how far the database was known to be, to notice one that went back |
//! | `snapshots/latest` | own copy of all rows, to rebuild from |
//! | `ballast` | room to give up |
//! | `damaged-…/` | databases that were moved aside |
//! | `incoming/`, `before-…/` | see [`restore`](super::restore) |

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{FlockOperation, flock};

use super::{StoreError, file, restore};

/// The layout of a data directory that this release writes.
pub const FORMAT: u32 = 1;

const LOCK: &str = "lock";
const FORMAT_FILE: &str = "format";
const IMPORTING: &str = "importing";

/// A person's data directory, held by this process alone while this value lives.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    _lock: File,
}

impl DataDir {
    /// Makes the directory if it is not there, and locks it. A copy that was read for it is put in place.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        if path.exists() && !path.is_dir() {
            return Err(StoreError::NotADirectory { path: path.to_path_buf() });
        }
        let unwritable = |source: io::Error| match source.kind() {
            io::ErrorKind::NotADirectory => StoreError::NotADirectory { path: path.to_path_buf() },
            _ => StoreError::Unwritable { path: path.to_path_buf(), source: Arc::new(source) },
        };
        file::make_dir(path).map_err(|error| match error {
            StoreError::Io { source, .. } => unwritable(io::Error::from(source.kind())),
            other => other,
        })?;
        let is_new = !path.join(FORMAT_FILE).exists();
        if is_new && has_foreign_files(path).map_err(unwritable)? {
            return Err(StoreError::Foreign { path: path.to_path_buf() });
        }
        let mut lock =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path.join(LOCK)).map_err(unwritable)?;
        take(path, &mut lock)?;
        if is_new {
            fs::set_permissions(path, fs::Permissions::from_mode(0o700)).map_err(unwritable)?;
            file::replace(&path.join(FORMAT_FILE), format!("tidings data directory, format {FORMAT}\n").as_bytes())?;
        } else {
            check_format(path)?;
        }
        if path.join(IMPORTING).exists() {
            return Err(StoreError::ImportUnfinished { path: path.to_path_buf() });
        }
        restore::adopt(path)?;
        Ok(Self { path: path.to_path_buf(), _lock: lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Marks the directory as one that an import is filling.
    pub(super) fn begin_import(&self) -> Result<(), StoreError> {
        file::replace(&self.path.join(IMPORTING), b"")
    }

    /// The import is whole.
    pub(super) fn end_import(&self) -> Result<(), StoreError> {
        file::remove(&self.path.join(IMPORTING))?;
        file::sync_dir(&self.path)
    }
}

/// Whether a directory without our format file holds more than the first steps of one of ours.
fn has_foreign_files(path: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(path)? {
        let name = entry?.file_name();
        // Settings may be chosen before the first start.
        if name != LOCK && name != "format.new" && name != "config.toml" && name != "lost+found" {
            return Ok(true);
        }
    }
    Ok(false)
}

fn take(path: &Path, lock: &mut File) -> Result<(), StoreError> {
    match flock(&*lock, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => {
            let mut text = String::new();
            lock.read_to_string(&mut text).map_err(|source| StoreError::io("read", &path.join(LOCK), source))?;
            return Err(StoreError::InUse { path: path.to_path_buf(), pid: text.trim().parse().unwrap_or(0) });
        }
        Err(errno) => return Err(StoreError::io("lock", path, errno)),
    }
    let mut write = || -> io::Result<()> {
        lock.set_len(0)?;
        lock.rewind()?;
        writeln!(lock, "{}", std::process::id())
    };
    match write() {
        // A disk without a byte left still has to be opened, to say so in better words; the lock itself is held.
        Err(source) if source.kind() != io::ErrorKind::StorageFull => Err(StoreError::io("write", &path.join(LOCK), source)),
        _ => Ok(()),
    }
}

fn check_format(path: &Path) -> Result<(), StoreError> {
    let text = file::read(&path.join(FORMAT_FILE))?.unwrap_or_default();
    let number = std::str::from_utf8(&text).ok().and_then(|text| text.trim().rsplit(' ').next()?.parse().ok());
    match number {
        Some(FORMAT) => Ok(()),
        Some(found) => Err(StoreError::NewerFormat { path: path.to_path_buf(), found, known: FORMAT }),
        None => Err(StoreError::Foreign { path: path.to_path_buf() }),
    }
}
