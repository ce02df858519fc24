//! MLS values at rest. sled is log-structured: what is overwritten or deleted stays in its file until the place is reused. A
//! message key that was used, an epoch that was left, must not be found there by whoever takes the disk and the root key.
//!
//! So each *bag* (the values of one epoch, of one key package, the row of one room) has a random key of its own, which lies in
//! the database sealed under the newest key of the [`ring`](super::ring), outside the database. Replacing that key is
//! cheap (every bag's key is sealed anew, but only bags that are *worn*, in which a value was overwritten or deleted, get another
//! key and are written anew), and once the old one is gone, nothing opens what was sealed before. `docs/decisions/storage.md`
//! has the order of the steps and what a crash between two of them leaves.
//!
//! Values that cannot be read are given up: the node becomes a new device of its account and asks its rooms to add it.

use std::path::Path;

use zeroize::Zeroizing;

use super::ring::Ring;
use super::rows::{self, Unreadable, Write};
use super::sled::{Fault, Tree};
use super::{StoreError, export, recover, vault};
use crate::crypto::rest::{RowKey, RowKeys};
use crate::types::{Rng, Table};
use crate::wire::row::META_RESTORED;

/// The key of a bag: under the tree key `0 | 1 | bag`, `generation (8) | sealed(key (32) | is worn (1))`.
#[derive(Clone)]
pub(super) struct BagKey {
    /// Seals its values.
    pub(super) key: RowKey,
    /// Which key of the ring it is sealed under.
    pub(super) generation: u64,
    /// Whether a value under it was overwritten or deleted.
    pub(super) is_worn: bool,
}

/// How far the replacement of the ring's key is: the store's own value `mls`, `generation (8) | newest (8) | is stale (1)`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Settled {
    /// Every bag's key is sealed under this one or a newer one.
    pub(super) generation: u64,
    /// None is sealed under a newer one than this. Noted before the first one is.
    pub(super) newest: u64,
    /// Whether a bag became worn since the last replacement began.
    pub(super) is_stale: bool,
}

/// What opening gives.
pub(super) struct Opened {
    /// The keys.
    pub(super) ring: Ring,
    /// How far they are.
    pub(super) settled: Settled,
    /// Whether MLS values were given up.
    pub(super) is_lost: bool,
}

impl BagKey {
    /// A random one.
    pub(super) fn fresh(rng: &mut Rng, generation: u64) -> Self {
        Self { key: RowKey::new(Zeroizing::new(rng.bytes())), generation, is_worn: false }
    }

    /// The write that stores it under the newest key of the ring.
    pub(super) fn seal(&mut self, ring: &Ring, rng: &mut Rng, bag: &[u8]) -> Option<Write> {
        let (generation, over) = ring.newest()?;
        self.generation = generation;
        let at = rows::bag_key(bag);
        let plain = Zeroizing::new([&self.key.secret()[..], &[u8::from(self.is_worn)]].concat());
        let sealed = over.seal(Table::Bag, &at, &plain, rng.bytes());
        Some((at, Some([&generation.to_be_bytes()[..], &sealed].concat())))
    }

    /// From what is stored at a key of the database.
    pub(super) fn open(ring: &Ring, at: &[u8], stored: &[u8]) -> Result<Self, Unreadable> {
        let (generation, sealed) = stored.split_first_chunk::<8>().ok_or(Unreadable)?;
        let generation = u64::from_be_bytes(*generation);
        let over = ring.key(generation).ok_or(Unreadable)?;
        let plain = Zeroizing::new(over.open(Table::Bag, at, sealed).map_err(|_| Unreadable)?);
        let (key, is_worn) = plain.split_first_chunk::<32>().ok_or(Unreadable)?;
        Ok(Self { key: RowKey::new(Zeroizing::new(*key)), generation, is_worn: is_worn != [0] })
    }
}

/// The key of a bag; `None` for a bag that is not there.
pub(super) fn find(tree: &Tree, ring: &Ring, bag: &[u8]) -> Result<Option<Result<BagKey, Unreadable>>, Fault> {
    let at = rows::bag_key(bag);
    Ok(tree.get(&at)?.map(|stored| BagKey::open(ring, &at, &stored)))
}

/// The write that stores how far the replacement is.
pub(super) fn settle(keys: &RowKeys, rng: &mut Rng, settled: Settled, writes: &mut Vec<Write>) {
    let Settled { generation, newest, is_stale } = settled;
    let value = [&generation.to_be_bytes()[..], &newest.to_be_bytes(), &[u8::from(is_stale)]].concat();
    rows::seal(keys.of(Table::Meta), rng, Table::Meta, rows::own_key(SETTLED), &value, 0, writes);
}

/// Opens the ring of a database, and gives up its MLS values when the ring does not fit, or when there is reason to doubt and
/// one of them does not open.
pub(super) fn open(home: &Path, root: &[u8; 32], tree: &Tree, keys: &RowKeys, is_doubtful: bool) -> Result<Opened, StoreError> {
    let broken = |fault| StoreError::engine(&home.join(recover::DB), fault);
    let settled = settled(tree, keys).map_err(broken)?;
    let found = Ring::read(home, root)?;
    let newest = found.as_ref().and_then(Ring::newest).map(|(generation, _)| generation);
    let note = |settled| {
        let mut writes = Vec::new();
        settle(keys, &mut vault::fresh_random()?, settled, &mut writes);
        tree.apply(writes).and_then(|()| tree.flush()).map_err(broken)
    };
    if let (Some(ring), Some(mut settled), Some(newest)) = (found, settled, newest)
        && [settled.generation, settled.newest].iter().all(|used| ring.generations().contains(used))
        && (!is_doubtful || opens_whole(tree, &ring).map_err(broken)?)
    {
        if settled.newest != newest {
            settled.newest = newest;
            note(settled)?;
        }
        // What was found was made durable when the database was opened, so nothing is under the old key any more.
        if settled.generation == newest {
            ring.drop_old()?;
        }
        settled.is_stale |= ring.is_changing();
        return Ok(Opened { ring, settled, is_lost: false });
    }
    let is_lost = give_up(tree, keys).map_err(broken)?;
    let generation = newest.max(settled.map(|settled| settled.newest)).unwrap_or(0) + 1;
    let settled = Settled { generation, newest: generation, is_stale: false };
    let ring = Ring::create(home, root, generation)?;
    note(settled)?;
    if is_lost {
        tracing::warn!("the keys of rooms cannot be read: this device asks to be added to its rooms again; messages are untouched");
    }
    Ok(Opened { ring, settled, is_lost })
}

fn settled(tree: &Tree, keys: &RowKeys) -> Result<Option<Settled>, Fault> {
    let at = rows::own_key(SETTLED);
    let Some(head) = tree.get(&at)? else { return Ok(None) };
    let stored = rows::Stored { head, pieces: Vec::new() };
    let value = rows::open(keys.of(Table::Meta), Table::Meta, &at, &stored).unwrap_or_default();
    let split = value.split_first_chunk::<8>().and_then(|(first, rest)| Some((first, rest.split_first_chunk::<8>()?)));
    Ok(split.map(|(generation, (newest, is_stale))| Settled {
        generation: u64::from_be_bytes(*generation),
        newest: u64::from_be_bytes(*newest),
        is_stale: is_stale != [0],
    }))
}

/// Whether every MLS value opens.
fn opens_whole(tree: &Tree, ring: &Ring) -> Result<bool, Fault> {
    let mut last: Option<(Vec<u8>, BagKey)> = None;
    for table in Table::ALL.into_iter().filter(|table| table.is_mls()) {
        let (low, high) = rows::under(&[table as u8]);
        for row in tree.range(low, high, false) {
            let (head, value) = row?;
            let Some(bag) = rows::bag(&head) else { continue };
            if last.as_ref().is_none_or(|(known, _)| known != bag) {
                let Some(Ok(key)) = find(tree, ring, bag)? else { return Ok(false) };
                last = Some((bag.to_vec(), key));
            }
            let stored = rows::gather(tree, &head, value)?;
            if last.as_ref().is_none_or(|(_, bag)| rows::open(&bag.key, table, &head, &stored).is_err()) {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// Deletes all MLS values, and tells whether there were any. The first batch says that this device has to start anew, so that a crash
/// between two of them changes nothing.
fn give_up(tree: &Tree, keys: &RowKeys) -> Result<bool, Fault> {
    let mut writes: Vec<Write> = Vec::new();
    let mut is_any = false;
    for (low, high) in rows::all_of_mls() {
        for row in tree.range(low, high, false) {
            let (at, _) = row?;
            if !std::mem::replace(&mut is_any, true) {
                let mut random = vault::fresh_random().map_err(|_| Fault::Io(std::io::Error::other("no randomness")))?;
                let head = rows::head_key(Table::Meta, META_RESTORED);
                rows::seal(keys.of(Table::Meta), &mut random, Table::Meta, head, &export::wall_now().to_be_bytes(), 0, &mut writes);
            }
            writes.push((at.to_vec(), None));
            if writes.len() >= BATCH_WRITES {
                tree.apply(std::mem::take(&mut writes))?;
                tree.flush()?;
            }
        }
    }
    tree.apply(writes)?;
    Ok(is_any)
}

const SETTLED: &str = "mls";
const BATCH_WRITES: usize = 512;
