//! `keys/ring`: the random keys over the keys of bags of MLS values, sealed under the root key. One is in use; while it is
//! being replaced there are two. The file has a place for each of the two, and is written in place: a key that is dropped is
//! overwritten where it lies, which a file that is replaced by another one would not do.
//!
//! A place is a block of the disk, so that a write that is torn in one harms nothing in the other:
//! `magic (12) | version (1) | form (1) | generation (8) | sealed key (60) | checksum (8)`, or zeros.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use zeroize::Zeroizing;

use super::{StoreError, file, vault};
use crate::crypto::rest::{self, RowKey};
use crate::types::Rng;

/// The keys, oldest first: one or two.
pub(super) struct Ring {
    path: PathBuf,
    root: Zeroizing<[u8; 32]>,
    keys: RwLock<Vec<(u64, RowKey)>>,
}

/// A place in the file, as it was found.
enum Place {
    Empty,
    Key(u64, RowKey),
    /// Neither: a write or a wipe that was torn, or damage.
    Other,
}

impl Ring {
    /// The ring of a directory; `None` when there is none, or none that reads. What is left of a torn write is wiped.
    pub(super) fn read(home: &Path, root: &[u8; 32]) -> Result<Option<Self>, StoreError> {
        let path = path(home);
        let Some(bytes) = file::read(&path)?.map(Zeroizing::new) else { return Ok(None) };
        let found = [0, 1].map(|at| bytes.get(at * PLACE_BYTES..(at + 1) * PLACE_BYTES).map_or(Place::Other, |place| parse(place, root)));
        if found.iter().all(|place| !matches!(place, Place::Key(..))) {
            return Ok(None);
        }
        let ring = Self { path, root: Zeroizing::new(*root), keys: RwLock::default() };
        let mut keys = Vec::new();
        for (at, place) in (0..).zip(found) {
            match place {
                Place::Key(generation, key) if generation % PLACES == at => keys.push((generation, key)),
                Place::Empty => {}
                Place::Key(..) | Place::Other => ring.write(at, &[])?,
            }
        }
        keys.sort_unstable_by_key(|(generation, _)| *generation);
        let is_ring = match keys.as_slice() {
            [_] => true,
            [(old, _), (new, _)] => *new == old + 1,
            _ => false,
        };
        ring.set(keys);
        Ok(is_ring.then_some(ring))
    }

    /// A ring with one random key of this generation, in place of what is there, which is wiped.
    pub(super) fn create(home: &Path, root: &[u8; 32], generation: u64) -> Result<Self, StoreError> {
        let ring = Self { path: path(home), root: Zeroizing::new(*root), keys: RwLock::default() };
        if ring.path.exists() {
            (0..PLACES).try_for_each(|at| ring.write(at, &[]))?;
        }
        let mut random = vault::fresh_random()?;
        let key = RowKey::new(Zeroizing::new(random.bytes()));
        let mut bytes = Zeroizing::new(vec![0; PLACE_BYTES * 2]);
        let place = ring.encode(generation, &key, &mut random);
        let start = if generation.is_multiple_of(PLACES) { 0 } else { PLACE_BYTES };
        bytes[start..start + place.len()].copy_from_slice(&place);
        if let Some(keys) = ring.path.parent() {
            file::make_dir(keys)?;
        }
        file::replace(&ring.path, &bytes)?;
        ring.set(vec![(generation, key)]);
        Ok(ring)
    }

    /// A ring for a database that will hold no MLS value: its key is kept nowhere.
    pub(super) fn unkept(home: &Path) -> Result<Self, StoreError> {
        let key = RowKey::new(vault::fresh_seed()?);
        Ok(Self { path: path(home), root: Zeroizing::new([0; 32]), keys: RwLock::new(vec![(0, key)]) })
    }

    /// The key of a generation, while it is there.
    pub(super) fn key(&self, generation: u64) -> Option<RowKey> {
        self.keys().iter().find(|(other, _)| *other == generation).map(|(_, key)| key.clone())
    }

    /// The key in use.
    pub(super) fn newest(&self) -> Option<(u64, RowKey)> {
        self.keys().last().cloned()
    }

    /// The generations that are there: the one in use is the last.
    pub(super) fn generations(&self) -> Vec<u64> {
        self.keys().iter().map(|(generation, _)| *generation).collect()
    }

    /// Whether a key is being replaced.
    pub(super) fn is_changing(&self) -> bool {
        self.keys().len() > 1
    }

    /// A fresh key, durable in the file and not in use yet.
    pub(super) fn make(&self) -> Result<(u64, RowKey), StoreError> {
        let mut random = vault::fresh_random()?;
        let generation = self.newest().map_or(0, |(generation, _)| generation) + 1;
        let key = RowKey::new(Zeroizing::new(random.bytes()));
        self.write(generation % PLACES, &self.encode(generation, &key, &mut random))?;
        Ok((generation, key))
    }

    /// Takes such a key into use, beside the one that it replaces.
    pub(super) fn adopt(&self, made: (u64, RowKey)) {
        self.keys.write().unwrap_or_else(PoisonError::into_inner).push(made);
    }

    /// Forgets the key that was replaced, here and on the disk.
    pub(super) fn drop_old(&self) -> Result<(), StoreError> {
        let [old, _] = self.generations()[..] else { return Ok(()) };
        self.keys.write().unwrap_or_else(PoisonError::into_inner).retain(|(generation, _)| *generation != old);
        self.write(old % PLACES, &[])
    }

    fn keys(&self) -> RwLockReadGuard<'_, Vec<(u64, RowKey)>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, keys: Vec<(u64, RowKey)>) {
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
    }

    fn encode(&self, generation: u64, key: &RowKey, random: &mut Rng) -> Zeroizing<Vec<u8>> {
        let sealed = rest::seal_file_key(&self.root, &name(generation), key.secret(), random.bytes());
        let mut bytes = [MAGIC, &[VERSION, FORM], &generation.to_be_bytes(), &sealed].concat();
        let sum = blake3::hash(&bytes);
        bytes.extend_from_slice(&sum.as_bytes()[..SUM_BYTES]);
        Zeroizing::new(bytes)
    }

    /// Writes a place, and zeros behind it; durable afterwards.
    fn write(&self, place: u64, bytes: &[u8]) -> Result<(), StoreError> {
        let mut block = Zeroizing::new(vec![0; PLACE_BYTES]);
        block[..bytes.len()].copy_from_slice(bytes);
        let write = || -> io::Result<()> {
            let file: File = OpenOptions::new().write(true).open(&self.path)?;
            file.write_all_at(&block, place * PLACE_BYTES as u64)?;
            file.sync_all()
        };
        write().map_err(|source| StoreError::io("write", &self.path, source))
    }
}

fn parse(place: &[u8], root: &[u8; 32]) -> Place {
    if place.iter().all(|byte| *byte == 0) {
        return Place::Empty;
    }
    let key = || {
        let (content, sum) = place.get(..CONTENT_BYTES + SUM_BYTES)?.split_at(CONTENT_BYTES);
        let rest = content.strip_prefix(MAGIC)?.strip_prefix(&[VERSION, FORM])?;
        if blake3::hash(content).as_bytes()[..SUM_BYTES] != *sum {
            return None;
        }
        let (generation, sealed) = rest.split_first_chunk::<8>()?;
        let generation = u64::from_be_bytes(*generation);
        let key = rest::open_file_key(root, &name(generation), sealed).ok()?;
        Some(Place::Key(generation, RowKey::new(key)))
    };
    key().unwrap_or(Place::Other)
}

fn name(generation: u64) -> String {
    format!("ring {generation}")
}

fn path(home: &Path) -> PathBuf {
    home.join("keys").join("ring")
}

const PLACES: u64 = 2;
/// A block of a disk.
const PLACE_BYTES: usize = 4_096;
const MAGIC: &[u8] = b"tidings key\n";
const VERSION: u8 = 1;
/// Beside the forms of the other key files.
const FORM: u8 = 4;
const CONTENT_BYTES: usize = MAGIC.len() + 2 + 8 + 60;
const SUM_BYTES: usize = 8;
