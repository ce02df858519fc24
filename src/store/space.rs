//! Room on the disk. A full disk destroys a sled database that is opened on it, so a ballast file is kept that can be given
//! up, and nothing is opened or written without room.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use super::{StoreError, file};
use crate::types::limits::{BALLAST_BYTES, DISK_FLOOR_BYTES, OPEN_ROOM_BYTES};

/// Name of the ballast file in a data directory.
pub(super) const BALLAST: &str = "ballast";

/// Bytes that this user can still write to the disk of a path.
pub(super) fn free_bytes(path: &Path) -> Result<u64, StoreError> {
    let disk = rustix::fs::statvfs(path).map_err(|errno| StoreError::io("ask for free space at", path, errno))?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Makes sure that there is room to open a database of `length` bytes: gives up the ballast if need be, and refuses if
/// that is not enough. sled writes its table of pages when it opens, hence the share of the length.
pub(super) fn make_room(home: &Path, length: u64) -> Result<(), StoreError> {
    let needed = OPEN_ROOM_BYTES + length / 256;
    if free_bytes(home)? >= needed {
        return Ok(());
    }
    let ballast = home.join(BALLAST);
    if ballast.exists() {
        file::remove(&ballast)?;
        file::sync_dir(home)?;
        tracing::warn!("the disk is full: the ballast file was given up to open the database");
    }
    let free = free_bytes(home)?;
    if free >= needed {
        return Ok(());
    }
    Err(StoreError::NoRoomToOpen { path: home.to_path_buf(), free_mb: free >> 20, needed_mb: (needed >> 20) + 1 })
}

/// Lays down the ballast when it is missing and the floor of free space stays beyond it. Never an error: a disk that is too
/// full for it is told of by the floor.
pub(super) fn lay_ballast(home: &Path) {
    let ballast = home.join(BALLAST);
    let is_laid = ballast.metadata().is_ok_and(|meta| meta.len() == BALLAST_BYTES);
    if is_laid || free_bytes(home).is_ok_and(|free| free < BALLAST_BYTES + 2 * DISK_FLOOR_BYTES) {
        return;
    }
    let laid = file::create(&ballast).and_then(|made| {
        allocate(&made).map_err(|source| StoreError::io("allocate", &ballast, source))?;
        file::sync_dir(home)
    });
    if laid.is_err() {
        let _ = file::remove(&ballast);
    }
}

/// Takes the blocks for real: a sparse file would give nothing back.
fn allocate(ballast: &File) -> io::Result<()> {
    match rustix::fs::fallocate(ballast, rustix::fs::FallocateFlags::empty(), 0, BALLAST_BYTES) {
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {
            let block = vec![0x5a; 1 << 20];
            let mut writer = ballast;
            for _ in 0..BALLAST_BYTES >> 20 {
                writer.write_all(&block)?;
            }
        }
        other => other?,
    }
    ballast.sync_all()
}
