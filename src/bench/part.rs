//! The parts alone: a stream, a store, MLS. No node is in them.

use std::path::Path;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use super::cast::Client;
use super::{BenchError, Cost, Result, TEXT_BYTES, Watch, chance};
use crate::crypto::aead;
use crate::crypto::keys::Keys;
use crate::crypto::mls::{Engine, Group, package};
use crate::store::{DataDir, Store, StoreError, Vault};
use crate::types::{AccountId, Batch, GroupId, Rng, Table};
use crate::wire::row;

/// A store on a directory of its own.
pub(super) struct Bare {
    pub(super) store: Store,
    pub(super) keys: Keys,
    _dir: DataDir,
}

impl Bare {
    pub(super) fn open(at: &Path) -> Result<Self> {
        let dir = DataDir::open(at)?;
        let vault = Vault::open(&dir, None, None)?;
        let (store, _) = Store::open(&dir, &vault.root)?;
        Ok(Self { store, keys: vault.keys, _dir: dir })
    }
}

/// Applies batches one after the other while another thread makes them durable, as a node does; returns when all are.
pub(super) fn group_commit(store: &Store, batches: impl IntoIterator<Item = Result<Batch>>) -> Result<Cost> {
    let watch = Watch::start();
    std::thread::scope(|scope| {
        let (applied, wanted) = sync_channel(1);
        let flusher = scope.spawn(move || wanted.into_iter().try_for_each(|()| store.flush()));
        let all = batches.into_iter().try_for_each(|batch| {
            store.apply(&batch?)?;
            // One that waits already covers this batch too.
            let _ = applied.try_send(());
            Ok::<_, BenchError>(())
        });
        drop(applied);
        let flushed: std::result::Result<(), StoreError> = flusher.join().unwrap_or(Err(StoreError::Closed));
        all?;
        Ok(flushed?)
    })
    .and_then(|()| store.flush().map_err(BenchError::from))?;
    Ok(watch.read())
}

/// A small batch, and its flush.
pub(super) fn flush_times(store: &Store, rng: &mut Rng, rounds: usize) -> Result<Vec<Duration>> {
    let text = vec![7; TEXT_BYTES];
    let times = (0..rounds).map(|_| {
        let mut batch = Batch::default();
        batch.put(Table::Message, rng.bytes::<92>(), text.clone());
        let since = Instant::now();
        store.apply(&batch)?;
        store.flush()?;
        Ok(since.elapsed())
    });
    times.collect()
}

/// There and back over a stream.
pub(super) async fn stream_times(one: &mut Client, other: &mut Client, rounds: usize) -> Result<Vec<Duration>> {
    let echo = async {
        for _ in 0..rounds {
            let bytes = other.next_raw().await?;
            other.send_raw(bytes)?;
        }
        Ok::<_, BenchError>(())
    };
    let ask = async {
        let mut times = Vec::with_capacity(rounds);
        for _ in 0..rounds {
            let since = Instant::now();
            one.send_raw(vec![7; TEXT_BYTES])?;
            one.next_raw().await?;
            times.push(since.elapsed());
        }
        Ok::<_, BenchError>(times)
    };
    let (echoed, times) = tokio::join!(echo, ask);
    echoed?;
    times
}

/// Many frames one way, a short answer for some at a time.
pub(super) async fn stream_cost(one: &mut Client, other: &mut Client, frames: usize) -> Result<Cost> {
    let watch = Watch::start();
    let take = async {
        for taken in 1..=frames {
            other.next_raw().await?;
            if taken % ANSWER_EVERY == 0 || taken == frames {
                other.send_raw(vec![1])?;
            }
        }
        Ok::<_, BenchError>(())
    };
    let give = async {
        let mut answered = 0;
        for given in 0..frames {
            while given >= answered + ANSWER_EVERY * 4 {
                one.next_raw().await?;
                answered += ANSWER_EVERY;
            }
            one.send_raw(vec![7; TEXT_BYTES])?;
        }
        while answered < frames {
            one.next_raw().await?;
            answered += ANSWER_EVERY;
        }
        Ok::<_, BenchError>(())
    };
    let (taken, given) = tokio::join!(take, give);
    taken?;
    given?;
    Ok(watch.read())
}

/// What a step of the ratchet writes.
pub(super) type Changes = Vec<(Vec<u8>, Option<Vec<u8>>)>;

/// Two devices in one MLS group, in memory.
pub(super) struct Duo {
    engine: Engine,
    rng: Rng,
    keys: Keys,
    one: Group,
    other: Group,
}

impl Duo {
    pub(super) fn new() -> Result<Self> {
        let (engine, mut rng) = (Engine::default(), Rng::from_seed(chance()?));
        let mut keys = || Keys::new(&rng.bytes(), &rng.bytes(), &rng.bytes());
        let (keys, theirs) = (keys(), keys());
        let id = GroupId(rng.bytes());
        let mut one = Group::create(&engine, &mut rng, &keys, &id, b"bench")?;
        let (package, secrets) = package::make(&engine, &mut rng, &theirs, 0)?;
        let package = package::Package::open(&engine, &package).ok_or(BenchError::Late("for a key package"))?;
        let made = one.commit(&engine, &mut rng, &keys, &[package], &[])?;
        let welcome = made.welcome.ok_or(BenchError::Late("for a welcome"))?;
        let (other, _) = Group::join(&engine, &mut rng, &secrets, &welcome)?;
        let mut duo = Self { engine, rng, keys, one, other };
        duo.one.bag().take_changes();
        duo.other.bag().take_changes();
        Ok(duo)
    }

    /// Seals a text; with what has to be written.
    pub(super) fn seal(&mut self, text: &[u8]) -> Result<(Vec<u8>, Changes)> {
        let sealed = self.one.seal(&self.engine, &mut self.rng, &self.keys, text)?;
        Ok((sealed, self.one.bag().take_changes()))
    }

    /// Opens it; with what has to be written.
    pub(super) fn open(&mut self, sealed: &[u8]) -> Result<Changes> {
        let opened = self.other.open(&self.engine, &mut self.rng, sealed);
        opened.map_err(|_| BenchError::Late("for a message to open"))?;
        Ok(self.other.bag().take_changes())
    }

    /// Both, many times.
    pub(super) fn times(&mut self, rounds: usize) -> Result<Vec<Duration>> {
        let text = vec![7; TEXT_BYTES];
        let times = (0..rounds).map(|_| {
            let since = Instant::now();
            let (sealed, _) = self.seal(&text)?;
            self.open(&sealed)?;
            Ok(since.elapsed())
        });
        times.collect()
    }
}

/// What a message writes at its sender: the message with its index and number, what is owed, the sealed bytes, the ratchet.
pub(super) fn sender_rows(rng: &mut Rng, sealed: &[u8], changes: Changes) -> (Batch, SenderKeys) {
    let keys = SenderKeys { index: rng.bytes(), outbox: rng.bytes(), envelope: rng.bytes() };
    let mut batch = message_rows(rng, keys.index, changes);
    batch.put(Table::Outbox, keys.outbox, vec![7; 120]);
    batch.put(Table::Envelope, keys.envelope, row::sealed_row(Some((AccountId([7; 32]), 7)), &aead::pad(sealed)));
    (batch, keys)
}

/// What its receipt changes there.
pub(super) fn receipt_rows(keys: &SenderKeys) -> Batch {
    let mut batch = Batch::default();
    batch.put(Table::Index, keys.index, vec![7; 180]);
    batch.delete(Table::Outbox, keys.outbox);
    batch.delete(Table::Envelope, keys.envelope);
    batch
}

/// What a message writes at its receiver.
pub(super) fn receiver_rows(rng: &mut Rng, changes: Changes) -> Batch {
    let index = rng.bytes();
    let mut batch = message_rows(rng, index, changes);
    batch.put(Table::Seen, rng.bytes::<32>(), vec![7; 90]);
    batch.put(Table::Heads, [7; 64], vec![7; 12]);
    batch
}

fn message_rows(rng: &mut Rng, index: [u8; 16], changes: Changes) -> Batch {
    let mut batch = Batch::default();
    batch.put(Table::Room, [7; 32], vec![7; 120]);
    batch.put(Table::Message, rng.bytes::<92>(), vec![7; TEXT_BYTES + 50]);
    batch.put(Table::Index, index, vec![7; 150]);
    batch.put(Table::Numbered, rng.bytes::<104>(), vec![7; 37]);
    for (key, value) in changes {
        match value {
            Some(value) => batch.put(Table::Bag, key, value),
            None => batch.delete(Table::Bag, key),
        }
    }
    batch
}

/// Rows that the receipt of a message changes.
pub(super) struct SenderKeys {
    index: [u8; 16],
    outbox: [u8; 40],
    envelope: [u8; 32],
}

const ANSWER_EVERY: usize = 64;
