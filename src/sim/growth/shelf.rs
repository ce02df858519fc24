//! The rows of a machine: a disk while it runs, packed while it is off.

use std::collections::HashMap;
use std::sync::Arc;

use super::squeeze::{expand, number, put_number, squeeze};
use crate::sim::disk::Disk;
use crate::types::{Scan, Table, View as _};
use crate::wire::row;

/// Cards with their key packages, each once however many contacts keep it.
#[derive(Default)]
pub(super) struct Cards {
    by_hash: HashMap<blake3::Hash, u32>,
    /// Each with the number of those who keep it.
    all: Vec<(Arc<[u8]>, u32)>,
    free: Vec<u32>,
}

impl Cards {
    fn keep(&mut self, card: Vec<u8>) -> u32 {
        let hash = blake3::hash(&card);
        if let Some(at) = self.by_hash.get(&hash) {
            self.all[*at as usize].1 += 1;
            return *at;
        }
        let at = self.free.pop().unwrap_or_else(|| {
            self.all.push((Arc::default(), 0));
            self.all.len() as u32 - 1
        });
        self.all[at as usize] = (card.into(), 1);
        self.by_hash.insert(hash, at);
        at
    }

    fn let_go(&mut self, at: u32) {
        let (card, keepers) = &mut self.all[at as usize];
        *keepers -= 1;
        if *keepers == 0 {
            self.by_hash.remove(&blake3::hash(card));
            *card = Arc::default();
            self.free.push(at);
        }
    }

    fn dictionary(&self, cards: &[u32]) -> Vec<u8> {
        cards.iter().flat_map(|at| self.all[*at as usize].0.iter().copied()).collect()
    }

    /// Bytes of all of them.
    pub(super) fn bytes(&self) -> usize {
        self.all.iter().map(|(card, _)| card.len()).sum()
    }
}

/// Rows, one way or the other.
pub(super) enum Shelf {
    /// In use.
    Open(Box<Disk>),
    /// Squeezed, with the cards as a dictionary. Of each row: how much of the key is that of the row before, the rest of the key, the
    /// value; lengths before each.
    Packed { cards: Box<[u32]>, bytes: Box<[u8]> },
}

impl Default for Shelf {
    fn default() -> Self {
        Self::Open(Box::default())
    }
}

impl Shelf {
    /// The rows; none while they are packed.
    pub(super) fn disk(&mut self) -> &mut Disk {
        if let Self::Packed { .. } = self {
            *self = Self::default();
        }
        match self {
            Self::Open(disk) => disk,
            Self::Packed { .. } => unreachable!("it was opened above"),
        }
    }

    /// The rows of a packed one, to be looked at.
    pub(super) fn copy(&self, cards: &Cards) -> Disk {
        match self {
            Self::Open(disk) => Disk::clone(disk),
            Self::Packed { cards: of, bytes } => unpack(&expand(&cards.dictionary(of), bytes)),
        }
    }

    /// Unpacks them.
    pub(super) fn open(&mut self, cards: &mut Cards) {
        if let Self::Packed { cards: of, bytes } = self {
            let disk = unpack(&expand(&cards.dictionary(of), bytes));
            of.iter().for_each(|at| cards.let_go(*at));
            *self = Self::Open(Box::new(disk));
        }
    }

    /// Packs them.
    pub(super) fn pack(&mut self, cards: &mut Cards) {
        if let Self::Open(disk) = self {
            let contacts = disk.scan(&Scan::prefix(Table::Contact, [])).into_iter();
            let contacts = contacts.filter_map(|(_, value)| row::decode::<row::Contact>(&value).ok());
            let of: Box<[u32]> = contacts.map(|contact| cards.keep([contact.card, contact.key_packages.concat()].concat())).collect();
            let bytes = squeeze(&cards.dictionary(&of), &pack(disk)).into_boxed_slice();
            *self = Self::Packed { cards: of, bytes };
        }
    }

    /// Bytes that they take of memory while they are packed.
    pub(super) fn packed(&self) -> usize {
        match self {
            Self::Open(_) => 0,
            Self::Packed { cards, bytes } => bytes.len() + 4 * cards.len(),
        }
    }
}

fn pack(disk: &Disk) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut before: &[u8] = &[];
    for (key, value) in disk.rows() {
        let same = key.iter().zip(before).take_while(|(one, other)| one == other).count();
        put_number(&mut bytes, same);
        put_number(&mut bytes, key.len() - same);
        put_number(&mut bytes, value.len());
        bytes.extend_from_slice(&key[same..]);
        bytes.extend_from_slice(value);
        before = key;
    }
    bytes
}

fn unpack(mut bytes: &[u8]) -> Disk {
    let mut rows = Vec::new();
    let mut key: Vec<u8> = Vec::new();
    while !bytes.is_empty() {
        let (same, rest, length) = (number(&mut bytes), number(&mut bytes), number(&mut bytes));
        key.truncate(same);
        key.extend_from_slice(&bytes[..rest]);
        rows.push((key.as_slice().into(), bytes[rest..rest + length].into()));
        bytes = &bytes[rest + length..];
    }
    Disk::of(rows)
}
