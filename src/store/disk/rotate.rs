//! Keys of bags in use, and the replacement of the key over them.

use std::borrow::Cow;
use std::thread;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::{Disk, PAGE_ROWS, Writer, lock};
use crate::crypto::rest::RowKey;
use crate::store::bag::{self, BagKey};
use crate::store::pending::ROW_OVERHEAD;
use crate::store::rows::{self, Unreadable, Write};
use crate::store::sled::Tree;
use crate::store::{StoreError, space};
use crate::types::Table;
use crate::types::limits::{DISK_FLOOR_BYTES, MLS_KEY_MS, SYNC_BYTES_MAX};

/// When the ring's key was replaced last.
#[derive(Default)]
pub(super) struct Rotation {
    last: Option<Instant>,
    took: Duration,
}

impl Disk {
    /// The key of the bag of a value that is about to be written, or deleted. What has to be noted of that goes into the same batch: a
    /// key for a new bag, and that a value under an old one is replaced.
    pub(super) fn use_bag(
        &self,
        tree: &Tree,
        writer: &mut Writer,
        head: &[u8],
        replaces: bool,
        writes: &mut Vec<Write>,
    ) -> Result<Cow<'_, RowKey>, StoreError> {
        let bag = rows::bag(head).unwrap_or(head);
        // A batch has the rows of a bag one after the other, so that a fresh key is not pushed out between two of them.
        let stored = match writer.bags.get(bag) {
            Some(known) if known.is_worn || !replaces => return Ok(Cow::Owned(known.key.clone())),
            Some(known) => Some(known.clone()),
            None => self.find_bag(tree, bag)?,
        };
        let is_new = stored.is_none();
        let mut known = stored.unwrap_or_else(|| BagKey::fresh(&mut writer.rng, 0));
        if is_new || (replaces && !known.is_worn) {
            known.is_worn = replaces;
            writes.extend(known.seal(&self.ring, &mut writer.rng, bag));
        }
        if replaces && !writer.settled.is_stale {
            writer.settled.is_stale = true;
            bag::settle(&self.keys, &mut writer.rng, writer.settled, writes);
        }
        writer.bags.put(bag.to_vec(), known.clone());
        Ok(Cow::Owned(known.key))
    }

    fn find_bag(&self, tree: &Tree, bag: &[u8]) -> Result<Option<BagKey>, StoreError> {
        let found = bag::find(tree, &self.ring, bag).map_err(|fault| self.broken(fault))?;
        found.transpose().map_err(|Unreadable| self.unreadable())
    }

    /// Whether the ring's key is due to be replaced: a value was overwritten or deleted that could still be read with it.
    pub(in crate::store) fn is_rotation_due(&self) -> bool {
        let rotation = lock(&self.rotation);
        let pause = Duration::from_millis(MLS_KEY_MS).max(rotation.took * 100);
        self.is_stale() && rotation.last.is_none_or(|last| last.elapsed() >= pause)
    }

    /// Whether old bytes of the disk may have values that the keys in use open, and that are not there any more.
    pub(in crate::store) fn is_stale(&self) -> bool {
        self.ring.is_changing() || lock(&self.writer).settled.is_stale
    }

    /// Replaces the ring's key, in steps of which any may be the last one: what is not done is done by the next call, after a restart too.
    /// Asks between any two whether to go on, and tells whether it came to the end. There must be no picture at the time.
    pub(in crate::store) fn rotate(&self, go_on: &mut dyn FnMut() -> bool) -> Result<bool, StoreError> {
        let mut rotation = lock(&self.rotation);
        if self.failure().is_some() || space::free_bytes(&self.home)? < DISK_FLOOR_BYTES {
            return Ok(false);
        }
        // What waits may leave something behind: it is dealt with here, and not by the next renewal.
        self.flush()?;
        let started = Instant::now();
        if !self.ring.is_changing() {
            let made = self.with_tree(|_| self.ring.make())?;
            if !go_on() {
                return Ok(false);
            }
            self.guarded(|disk| disk.begin(made))?;
        }
        lock(&self.writer).settled.is_stale = false;
        let mut after = None;
        loop {
            if !go_on() {
                return Ok(false);
            }
            if self.guarded(|disk| disk.renew_page(&mut after))? {
                break;
            }
            // Whoever waits to write goes first.
            thread::sleep(Duration::from_micros(200));
        }
        self.guarded(Self::settle)?;
        if !go_on() {
            return Ok(false);
        }
        self.guarded(|disk| disk.mark().map(|_| ()))?;
        if !go_on() {
            return Ok(false);
        }
        self.with_tree(|_| self.ring.drop_old())?;
        *rotation = Rotation { last: Some(Instant::now()), took: started.elapsed() };
        Ok(true)
    }

    /// While the tree is here, nobody else has the directory, nor its key file.
    fn with_tree<T>(&self, work: impl FnOnce(&Tree) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let tree = self.tree();
        work(tree.as_ref().ok_or(StoreError::Closed)?)
    }

    /// Takes a fresh key of the ring into use, and notes that before anything is sealed under it.
    fn begin(&self, made: (u64, RowKey)) -> Result<(), StoreError> {
        let writer = &mut *lock(&self.writer);
        self.with_tree(|tree| {
            writer.settled.newest = made.0;
            self.ring.adopt(made);
            self.note(tree, writer)
        })
    }

    /// After a failed write nothing more is written.
    fn guarded<T>(&self, step: impl FnOnce(&Self) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let done = step(self);
        if let Err(error) = &done {
            let _ = self.stopped.set(error.clone());
        }
        done
    }

    /// Brings the keys of some bags under the newest key of the ring, durable afterwards. Tells whether these were the last ones.
    fn renew_page(&self, after: &mut Option<Vec<u8>>) -> Result<bool, StoreError> {
        let _sync = lock(&self.sync);
        let writer = &mut *lock(&self.writer);
        let tree = self.tree();
        let tree = tree.as_ref().ok_or(StoreError::Closed)?;
        self.check_room()?;
        let (low, high) = rows::bag_keys(after.as_deref());
        let (mut writes, mut bytes, mut is_last) = (Vec::new(), 0, true);
        for (number, row) in tree.range(low, high, false).enumerate() {
            if number >= PAGE_ROWS || bytes >= SYNC_BYTES_MAX {
                is_last = false;
                break;
            }
            let (at, stored) = row.map_err(|fault| self.broken(fault))?;
            let known = BagKey::open(&self.ring, &at, &stored).map_err(|Unreadable| self.unreadable())?;
            bytes += self.renew_bag(tree, writer, rows::bag_of(&at), known, &mut writes)?;
            *after = Some(at.to_vec());
        }
        if !writes.is_empty() {
            tree.apply(writes).and_then(|()| tree.flush()).map_err(|fault| self.broken(fault))?;
        }
        Ok(is_last)
    }

    /// Seals the key of a bag anew; a worn bag gets another one, and its values are sealed anew. About how many bytes that is.
    fn renew_bag(
        &self,
        tree: &Tree,
        writer: &mut Writer,
        bag: &[u8],
        mut known: BagKey,
        writes: &mut Vec<Write>,
    ) -> Result<u64, StoreError> {
        let is_newest = self.ring.newest().is_some_and(|(newest, _)| known.generation == newest);
        if is_newest && !known.is_worn {
            return Ok(0);
        }
        let mut bytes = ROW_OVERHEAD + bag.len() as u64;
        let mut is_there = true;
        if known.is_worn {
            is_there = false;
            let fresh = BagKey::fresh(&mut writer.rng, 0);
            let (low, high) = rows::under(bag);
            for row in tree.range(low, high, false) {
                let (head, value) = row.map_err(|fault| self.broken(fault))?;
                let Some((table, _)) = rows::split_key(&head).filter(|_| rows::bag(&head) == Some(bag)) else { continue };
                let stored = self.stored(tree, &head, value)?;
                let value = rows::open(&known.key, table, &head, &stored).map_err(|Unreadable| self.unreadable())?;
                let value = Zeroizing::new(value);
                bytes += ROW_OVERHEAD + (head.len() + value.len()) as u64;
                rows::seal(&fresh.key, &mut writer.rng, table, head.to_vec(), &value, rows::piece_count(&stored.head), writes);
                is_there = true;
            }
            known = fresh;
        }
        writer.bags.pop(bag);
        match is_there {
            true => writes.extend(known.seal(&self.ring, &mut writer.rng, bag)),
            false => writes.push((rows::bag_key(bag), None)),
        }
        Ok(bytes)
    }

    /// Notes that every bag's key is under the newest key of the ring.
    fn settle(&self) -> Result<(), StoreError> {
        let writer = &mut *lock(&self.writer);
        writer.settled.generation = writer.settled.newest;
        self.with_tree(|tree| self.note(tree, writer))
    }

    fn note(&self, tree: &Tree, writer: &mut Writer) -> Result<(), StoreError> {
        let mut writes = Vec::new();
        bag::settle(&self.keys, &mut writer.rng, writer.settled, &mut writes);
        tree.apply(writes).map_err(|fault| self.broken(fault))
    }

    fn unreadable(&self) -> StoreError {
        let error = StoreError::Row { table: Table::Bag };
        self.fail::<()>(error.clone());
        error
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // A test that fails says where.
mod tests {
    use super::*;
    use crate::store::rows::Stored;
    use crate::store::{DataDir, Store};
    use crate::types::Batch;

    fn apply(store: &Store, key: &[u8], value: Option<&[u8]>) {
        let mut batch = Batch::default();
        match value {
            Some(value) => batch.put(Table::Bag, key, value),
            None => batch.delete(Table::Bag, key),
        }
        store.apply(&batch).unwrap();
    }

    fn put(store: &Store, key: &[u8], value: Option<&[u8]>) {
        apply(store, key, value);
        store.flush().unwrap();
    }

    /// Alice uses a step of her ratchet and leaves an epoch. Mallory has every byte that her disk ever had, and in the end all her keys.
    #[test]
    fn bytes_of_the_past_do_not_open_with_the_keys_of_the_present() {
        let temp = tempfile::TempDir::new().unwrap();
        let dir = DataDir::open(temp.path()).unwrap();
        let (store, _) = Store::open(&dir, &[1; 32]).unwrap();
        let disk = store.disk().unwrap();
        let [ratchet, tree, left] = [[[1; 48].as_slice(), b"ratchet"], [[1; 48].as_slice(), b"tree"], [[2; 48].as_slice(), b"ratchet"]];
        let [ratchet, tree, left] = [ratchet.concat(), tree.concat(), left.concat()];
        put(&store, &ratchet, Some(b"step one"));
        put(&store, &tree, Some(b"as it is"));
        put(&store, &left, Some(b"of the last epoch"));
        let bytes = |key: &[u8]| {
            let tree = disk.tree();
            let tree = tree.as_ref().unwrap();
            let head = rows::head_key(Table::Bag, key);
            let bag_key = tree.get(&rows::bag_key(rows::bag(&head).unwrap())).unwrap();
            (tree.get(&head).unwrap(), bag_key)
        };
        // What the keys at hand make of old bytes: the value by the bag's present key, and the bag's former key.
        let opens = |key: &[u8], (value, bag_key): &(Option<_>, Option<crate::store::sled::Bytes>)| {
            let tree = disk.tree();
            let tree = tree.as_ref().unwrap();
            let head = rows::head_key(Table::Bag, key);
            let at = rows::bag_key(rows::bag(&head).unwrap());
            let present = bag::find(tree, &disk.ring, rows::bag(&head).unwrap()).unwrap().and_then(Result::ok);
            let former = BagKey::open(&disk.ring, &at, bag_key.as_ref().unwrap()).ok();
            let stored = Stored { head: Option::clone(value).unwrap(), pieces: Vec::new() };
            [present, former].into_iter().flatten().any(|bag| rows::open(&bag.key, Table::Bag, &head, &stored).is_ok())
        };
        let (old_step, old_epoch, unchanged) = (bytes(&ratchet), bytes(&left), bytes(&tree));
        put(&store, &ratchet, Some(b"step two"));
        put(&store, &left, None);
        assert!(opens(&ratchet, &old_step) && opens(&left, &old_epoch), "without a renewal they do: the check can fail");
        assert!(store.renew_keys(&mut || true).unwrap());
        assert!(!opens(&ratchet, &old_step), "a used step");
        assert!(!opens(&left, &old_epoch), "an epoch that was left");
        assert!(!opens(&tree, &unchanged), "what shares a bag with them, in its old bytes");
        assert_eq!(disk.get(Table::Bag, &tree).unwrap(), b"as it is");
        assert_eq!(disk.get(Table::Bag, &ratchet).unwrap(), b"step two");
        assert!(bytes(&left).1.is_none(), "an empty bag leaves no key");

        // Where nothing was replaced, the bag keeps its key and is not written again.
        let before = bytes(&tree);
        assert!(!disk.is_stale() && store.renew_keys(&mut || true).unwrap());
        assert!(bytes(&tree).0 == before.0 && bytes(&tree).1 != before.1);
        store.close().unwrap();
    }

    /// Alice's node stops with a step of her ratchet that waits to be written: the step before it is gone with the stop.
    #[test]
    fn what_is_written_at_a_clean_stop_is_renewed_with_it() {
        let temp = tempfile::TempDir::new().unwrap();
        let dir = DataDir::open(temp.path()).unwrap();
        let key = [[1; 48].as_slice(), b"ratchet"].concat();
        let (store, _) = Store::open(&dir, &[1; 32]).unwrap();
        put(&store, &key, Some(b"step one"));
        apply(&store, &key, Some(b"step two"));
        store.close().unwrap();
        let (store, _) = Store::open(&dir, &[1; 32]).unwrap();
        assert!(!store.disk().unwrap().is_stale());
        assert_eq!(store.disk().unwrap().get(Table::Bag, &key).unwrap(), b"step two");
        store.close().unwrap();
    }
}
