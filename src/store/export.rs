//! Everything into an archive, and back into an empty directory.

use std::path::Path;
use std::sync::PoisonError;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use zeroize::Zeroizing;

use super::archive::{Identity, Manifest, Reader, Secret, Writer};
use super::bag::Settled;
use super::disk::Disk;
use super::generation::Generation;
use super::ring::Ring;
use super::sled::Tree;
use super::vault::{self, Secrets};
use super::{DataDir, Rows, Store, StoreError, Vault, file, migrate, recover, space};
use crate::crypto::keys::Keys;
use crate::crypto::rest::RowKeys;
use crate::types::limits::OPEN_ROOM_BYTES;
use crate::types::{Batch, Millis, Table};
use crate::wire::row::{META_RESTORED, META_SCHEMA};

/// How far a long work is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// Rows so far.
    pub rows: u64,
    /// Bytes of values so far.
    pub bytes: u64,
}

/// An archive was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Exported {
    /// Rows in it.
    pub rows: u64,
    /// Bytes of the file.
    pub bytes: u64,
}

/// An archive was read.
pub struct Imported {
    /// The keys of the directory.
    pub vault: Vault,
    /// Rows in it.
    pub rows: u64,
    /// When the archive was made, in milliseconds since the Unix epoch.
    pub made_at: Millis,
}

impl Store {
    /// Writes an archive of all rows as they are at this moment, and the keys of account, device and transport, under a
    /// passphrase. MLS values stay behind: whoever imports an archive goes on as a new device. Nothing is left when it fails, or when the
    /// store is closed meanwhile.
    pub fn export(&self, keys: &Keys, passphrase: &str, to: &Path, progress: &mut dyn FnMut(Progress)) -> Result<Exported, StoreError> {
        let identity = Identity { entropy: *keys.entropy(), device: *keys.device.seed(), transport: *keys.transport.seed() };
        let secret = Secret::Passphrase(passphrase);
        let (rows, bytes) = write_archive(self, to, secret, Some(identity), &|| self.is_open(), progress)?;
        Ok(Exported { rows, bytes })
    }

    /// All rows of some tables, in order of table and key, as they are at this moment; `None` for one that does not open.
    pub(super) fn for_each_row(
        &self,
        go_on: GoOn<'_>,
        wants: impl Fn(Table) -> bool,
        mut visit: impl FnMut(Table, &[u8], Option<&[u8]>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let disk = match &self.inner.rows {
            Rows::Disk(disk) => disk,
            Rows::Memory(memory) => {
                return memory.for_each(|table, key, value| if wants(table) { visit(table, key, Some(value)) } else { Ok(()) });
            }
        };
        let _picture = self.inner.picture.lock().unwrap_or_else(PoisonError::into_inner);
        disk.begin_cut()?;
        let mut walk = || {
            while let Some(page) = disk.cut_page()? {
                check(go_on)?;
                for (head, stored) in &page {
                    let Some((table, key)) = super::rows::split_key(head).filter(|(table, _)| wants(*table)) else { continue };
                    visit(table, key, disk.open_row(table, head, stored).as_deref())?;
                }
            }
            Ok(())
        };
        let walked = walk();
        disk.end_cut();
        walked
    }
}

/// Asked now and then whether a long work is to go on.
pub(super) type GoOn<'a> = &'a dyn Fn() -> bool;

fn check(go_on: GoOn<'_>) -> Result<(), StoreError> {
    if go_on() { Ok(()) } else { Err(StoreError::Closed) }
}

/// Writes an archive of all rows but MLS values, reads it back, and puts it in place.
pub(super) fn write_archive(
    store: &Store,
    to: &Path,
    secret: Secret<'_>,
    identity: Option<Identity>,
    go_on: GoOn<'_>,
    progress: &mut dyn FnMut(Progress),
) -> Result<(u64, u64), StoreError> {
    let generation = store.disk().map_or(Ok(0), Disk::mark)?;
    let manifest = Manifest { schema: store.inner.schema, generation, made_at: wall_now(), identity };
    let mut writer = Writer::create(to, secret, &mut vault::fresh_random()?, &manifest)?;
    let mut done = Progress::default();
    store.for_each_row(
        go_on,
        |table| !table.is_mls(),
        |table, key, value| {
            let value = value.ok_or(StoreError::Row { table })?;
            if table == Table::Meta && key == META_SCHEMA {
                return Ok(());
            }
            writer.row(table, key, value)?;
            done.rows += 1;
            done.bytes += value.len() as u64;
            if done.rows.is_multiple_of(PROGRESS_ROWS) {
                progress(done);
            }
            Ok(())
        },
    )?;
    progress(done);
    writer.finish(|path| read_through(path, secret, go_on).map(|_| ()))
}

/// Reads an archive to its end: it is whole and unaltered then.
pub(super) fn read_through(path: &Path, secret: Secret<'_>, go_on: GoOn<'_>) -> Result<Manifest, StoreError> {
    let mut reader = Reader::open(path, secret)?;
    while reader.row()?.is_some() {
        check(go_on)?;
    }
    Ok(reader.manifest().clone())
}

/// Fills an empty directory with an archive: the same account and device, and all rows. The archive is read to its end
/// before anything is written. `protect` puts the new directory under a passphrase.
///
/// The node of the exported directory must not run again: one device, one directory.
pub fn import(
    archive: &Path,
    passphrase: &str,
    dir: &DataDir,
    protect: Option<&str>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Imported, StoreError> {
    let home = dir.path();
    if ["keys", "db", "generation", "snapshots"].iter().any(|name| home.join(name).exists()) {
        return Err(StoreError::NotEmpty { path: home.to_path_buf() });
    }
    let secret = Secret::Passphrase(passphrase);
    let manifest = read_through(archive, secret, &|| true)?;
    let known = u32::try_from(migrate::STEPS.len()).unwrap_or(u32::MAX);
    migrate::check(archive, manifest.schema, known)?;
    let identity =
        manifest.identity.ok_or_else(|| StoreError::Archive { path: archive.to_path_buf(), source: super::ArchiveError::NotAnArchive })?;
    check_room(home, archive)?;
    dir.begin_import()?;
    let secrets = Secrets {
        root: vault::fresh_seed()?,
        entropy: Zeroizing::new(identity.entropy),
        device: Zeroizing::new(identity.device),
        transport: Zeroizing::new(identity.transport),
    };
    let mut reader = Reader::open(archive, secret)?;
    let rows = fill(home, &secrets.root, &mut reader, 0, progress)?;
    let vault = Vault::create(dir, secrets, protect)?;
    dir.end_import()?;
    Ok(Imported { vault, rows, made_at: manifest.made_at })
}

/// Room for the rows of an archive: sled takes about twice their bytes.
pub(super) fn check_room(home: &Path, archive: &Path) -> Result<(), StoreError> {
    let length = archive.metadata().map_or(0, |meta| meta.len());
    let (free, needed) = (space::free_bytes(home)?, OPEN_ROOM_BYTES + length.saturating_mul(5) / 2);
    if free < needed {
        return Err(StoreError::NoRoomToOpen { path: home.to_path_buf(), free_mb: free >> 20, needed_mb: (needed >> 20) + 1 });
    }
    Ok(())
}

/// Makes a database of an archive's rows under another name, and puts it in place when it is whole and durable. The node
/// finds [`META_RESTORED`] in it.
pub(super) fn fill(
    home: &Path,
    root: &[u8; 32],
    reader: &mut Reader,
    generation: u64,
    progress: &mut dyn FnMut(Progress),
) -> Result<u64, StoreError> {
    let path = home.join("db.new");
    recover::remove_dir(&path)?;
    file::make_dir(&path)?;
    let tree = Tree::open(&path, FILL_CACHE_BYTES).map_err(|fault| StoreError::engine(&path, fault))?;
    // It gets no MLS value, so no key of a bag either.
    let bags = (Ring::unkept(home)?, Settled { generation: 0, newest: 0, is_stale: false });
    let disk = Disk::new(home, RowKeys::new(root), bags, tree, vault::fresh_random()?, Generation::open(home, generation)?);
    let mut batch = Batch::default();
    batch.put(Table::Meta, META_SCHEMA, migrate::schema_row(reader.manifest().schema));
    batch.put(Table::Meta, META_RESTORED, wall_now().to_be_bytes());
    let (mut done, mut bytes) = (Progress::default(), 0);
    while let Some((table, key, value)) = reader.row()? {
        bytes += value.len();
        done = Progress { rows: done.rows + 1, bytes: done.bytes + value.len() as u64 };
        let is_own = table == Table::Meta && (key == META_SCHEMA || key == META_RESTORED);
        if !is_own && !table.is_mls() {
            batch.put(table, key, value);
        }
        if batch.len() >= FILL_ROWS || bytes >= FILL_BYTES {
            disk.apply(&std::mem::take(&mut batch))?;
            progress(done);
            bytes = 0;
        }
    }
    disk.apply(&batch)?;
    disk.close(true)?;
    progress(done);
    file::settle(&path, &home.join("db"))?;
    Ok(done.rows)
}

/// The wall clock.
pub(super) fn wall_now() -> Millis {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

const PROGRESS_ROWS: u64 = 4_096;
const FILL_ROWS: usize = 512;
const FILL_BYTES: usize = 256 * 1024;
const FILL_CACHE_BYTES: u64 = 64 << 20;
