//! The rows of a machine: as they are while it runs, packed while it is off.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::attic::{Attic, Kept};
use super::rows::Rows;
use super::squeeze::{Press, number, put_number};
use crate::types::Table;
use crate::wire::row;

/// Cards with their key packages, each once however many contacts keep it, and what packing needs.
#[derive(Default)]
pub(super) struct Cards {
    by_hash: HashMap<[u8; 16], u32>,
    all: Vec<Card>,
    free: Vec<u32>,
    attic: Arc<Mutex<Attic>>,
    press: Press,
    /// A card being looked up, a shelf being opened.
    buffer: Vec<u8>,
}

#[derive(Default)]
struct Card {
    bytes: Box<[u8]>,
    hash: [u8; 16],
    keepers: u32,
}

impl Cards {
    /// With a place for what is packed.
    pub(super) fn new(attic: Arc<Mutex<Attic>>) -> Self {
        Self { attic, ..Self::default() }
    }

    fn attic(&self) -> MutexGuard<'_, Attic> {
        self.attic.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the card that is in the buffer.
    fn keep(&mut self) -> u32 {
        let hash = half(&self.buffer);
        if let Some(at) = self.by_hash.get(&hash) {
            self.all[*at as usize].keepers += 1;
            return *at;
        }
        let at = self.free.pop().unwrap_or_else(|| {
            self.all.push(Card::default());
            self.all.len() as u32 - 1
        });
        self.all[at as usize] = Card { bytes: self.buffer.as_slice().into(), hash, keepers: 1 };
        self.by_hash.insert(hash, at);
        at
    }

    fn let_go(&mut self, at: u32) {
        let card = &mut self.all[at as usize];
        card.keepers -= 1;
        if card.keepers == 0 {
            self.by_hash.remove(&card.hash);
            *card = Card::default();
            self.free.push(at);
        }
    }

    fn unpack(&self, press: &mut Press, cards: &[u32], bytes: &[u8]) -> Rows {
        let dictionary = press.clear();
        cards.iter().for_each(|at| dictionary.extend_from_slice(&self.all[*at as usize].bytes));
        unpack(press.expand(bytes))
    }

    /// Bytes of all cards that any of these keep.
    pub(super) fn bytes<'a>(several: impl Iterator<Item = &'a Self>) -> usize {
        let mut seen = HashSet::new();
        let cards = several.flat_map(|cards| &cards.all).filter(|card| card.keepers > 0 && seen.insert(card.hash));
        cards.map(|card| card.bytes.len()).sum()
    }
}

fn half(bytes: &[u8]) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&blake3::hash(bytes).as_bytes()[..16]);
    half
}

/// Rows, one way or the other.
pub(super) enum Shelf {
    /// In use.
    Open(Box<Rows>),
    /// Squeezed, with the cards as a dictionary. Of each row: how much of the key is that of the row before, the rest of the key, the
    /// value; lengths before each.
    Packed { cards: Box<[u32]>, bytes: Kept },
}

impl Default for Shelf {
    fn default() -> Self {
        Self::Open(Box::default())
    }
}

impl Shelf {
    /// Empty; envelopes that are held for others go to that place, if it is a file.
    pub(super) fn with_attic(attic: &Arc<Mutex<Attic>>) -> Self {
        let has_file = attic.lock().unwrap_or_else(PoisonError::into_inner).has_file();
        Self::Open(Box::new(Rows::with_attic(has_file.then(|| Arc::clone(attic)))))
    }

    /// The rows; none while they are packed.
    pub(super) fn rows(&mut self) -> &mut Rows {
        if let Self::Packed { .. } = self {
            *self = Self::default();
        }
        match self {
            Self::Open(rows) => rows,
            Self::Packed { .. } => unreachable!("it was opened above"),
        }
    }

    /// Looks at the rows, packed or not.
    pub(super) fn look<R>(&self, cards: &Cards, look: impl FnOnce(&Rows) -> R) -> R {
        match self {
            Self::Open(rows) => look(rows),
            Self::Packed { cards: of, bytes } => {
                let mut buffer = Vec::new();
                cards.attic().read(bytes, &mut buffer);
                look(&cards.unpack(&mut Press::default(), of, &buffer))
            }
        }
    }

    /// Unpacks them.
    pub(super) fn open(&mut self, cards: &mut Cards) {
        if let Self::Packed { cards: of, bytes } = self {
            let (mut press, mut buffer) = (std::mem::take(&mut cards.press), std::mem::take(&mut cards.buffer));
            cards.attic().read(bytes, &mut buffer);
            cards.attic().forget(std::mem::take(bytes));
            let rows = cards.unpack(&mut press, of, &buffer);
            (cards.press, cards.buffer) = (press, buffer);
            of.iter().for_each(|at| cards.let_go(*at));
            *self = Self::Open(Box::new(rows));
        }
    }

    /// Packs them.
    pub(super) fn pack(&mut self, cards: &mut Cards) {
        if let Self::Open(rows) = self {
            let mut of = Vec::new();
            for (_, value) in rows.table(Table::Contact) {
                if let Ok(contact) = row::decode::<row::Contact>(&value) {
                    cards.buffer.clear();
                    cards.buffer.extend_from_slice(&contact.card);
                    contact.key_packages.iter().for_each(|package| cards.buffer.extend_from_slice(package));
                    of.push(cards.keep());
                }
            }
            let dictionary = cards.press.clear();
            of.iter().for_each(|at| dictionary.extend_from_slice(&cards.all[*at as usize].bytes));
            let length = dictionary.len();
            pack(rows, cards.press.text());
            let squeezed = cards.press.squeeze(length);
            let bytes = cards.attic.lock().unwrap_or_else(PoisonError::into_inner).keep(squeezed);
            *self = Self::Packed { cards: of.into_boxed_slice(), bytes };
        }
    }

    /// Bytes that they take while they are packed.
    pub(super) fn packed(&self) -> usize {
        match self {
            Self::Open(_) => 0,
            Self::Packed { cards, bytes } => bytes.len() + 4 * cards.len(),
        }
    }
}

fn pack(rows: &Rows, bytes: &mut Vec<u8>) {
    let mut before: &[u8] = &[];
    for (key, value) in rows.iter() {
        let same = key.iter().zip(before).take_while(|(one, other)| one == other).count();
        put_number(bytes, same);
        put_number(bytes, key.len() - same);
        put_number(bytes, value.len());
        bytes.extend_from_slice(&key[same..]);
        bytes.extend_from_slice(&value);
        before = key;
    }
}

fn unpack(bytes: &[u8]) -> Rows {
    let (mut count, mut size) = (0, 0);
    let mut left = bytes;
    while let Some((same, key, value)) = next_row(&mut left) {
        count += 1;
        size += same + key.len() + value.len();
    }
    let mut rows = Rows::with_capacity(count, size);
    let mut left = bytes;
    while let Some((same, key, value)) = next_row(&mut left) {
        rows.push(same, key, value);
    }
    rows
}

/// Takes a row: how much of its key is that of the row before, the rest of the key, the value.
fn next_row<'a>(bytes: &mut &'a [u8]) -> Option<(usize, &'a [u8], &'a [u8])> {
    if bytes.is_empty() {
        return None;
    }
    let (same, key, value) = (number(bytes), number(bytes), number(bytes));
    let (key, rest) = bytes.split_at(key);
    let (value, rest) = rest.split_at(value);
    *bytes = rest;
    Some((same, key, value))
}
