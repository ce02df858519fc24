//! The rows of a machine: as they are while it runs, packed while it is off.

use std::collections::{HashMap, HashSet};

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
    press: Press,
    /// A card being looked up.
    wanted: Vec<u8>,
}

#[derive(Default)]
struct Card {
    bytes: Box<[u8]>,
    hash: [u8; 16],
    keepers: u32,
}

impl Cards {
    /// Keeps the card that is in `wanted`.
    fn keep(&mut self) -> u32 {
        let hash = half(&self.wanted);
        if let Some(at) = self.by_hash.get(&hash) {
            self.all[*at as usize].keepers += 1;
            return *at;
        }
        let at = self.free.pop().unwrap_or_else(|| {
            self.all.push(Card::default());
            self.all.len() as u32 - 1
        });
        self.all[at as usize] = Card { bytes: self.wanted.as_slice().into(), hash, keepers: 1 };
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
    Packed { cards: Box<[u32]>, bytes: Box<[u8]> },
}

impl Default for Shelf {
    fn default() -> Self {
        Self::Open(Box::default())
    }
}

impl Shelf {
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
            Self::Packed { cards: of, bytes } => look(&cards.unpack(&mut Press::default(), of, bytes)),
        }
    }

    /// Unpacks them.
    pub(super) fn open(&mut self, cards: &mut Cards) {
        if let Self::Packed { cards: of, bytes } = self {
            let mut press = std::mem::take(&mut cards.press);
            let rows = cards.unpack(&mut press, of, bytes);
            cards.press = press;
            of.iter().for_each(|at| cards.let_go(*at));
            *self = Self::Open(Box::new(rows));
        }
    }

    /// Packs them.
    pub(super) fn pack(&mut self, cards: &mut Cards) {
        if let Self::Open(rows) = self {
            let mut of = Vec::new();
            for (_, value) in rows.table(Table::Contact) {
                if let Ok(contact) = row::decode::<row::Contact>(value) {
                    cards.wanted.clear();
                    cards.wanted.extend_from_slice(&contact.card);
                    contact.key_packages.iter().for_each(|package| cards.wanted.extend_from_slice(package));
                    of.push(cards.keep());
                }
            }
            let dictionary = cards.press.clear();
            of.iter().for_each(|at| dictionary.extend_from_slice(&cards.all[*at as usize].bytes));
            let length = dictionary.len();
            pack(rows, cards.press.text());
            let bytes = cards.press.squeeze(length);
            *self = Self::Packed { cards: of.into_boxed_slice(), bytes };
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

fn pack(rows: &Rows, bytes: &mut Vec<u8>) {
    let mut before: &[u8] = &[];
    for (key, value) in rows.iter() {
        let same = key.iter().zip(before).take_while(|(one, other)| one == other).count();
        put_number(bytes, same);
        put_number(bytes, key.len() - same);
        put_number(bytes, value.len());
        bytes.extend_from_slice(&key[same..]);
        bytes.extend_from_slice(value);
        before = key;
    }
}

fn unpack(bytes: &[u8]) -> Rows {
    let each = |row: &mut dyn FnMut(usize, &[u8], &[u8])| {
        let mut bytes = bytes;
        while !bytes.is_empty() {
            let (same, rest, length) = (number(&mut bytes), number(&mut bytes), number(&mut bytes));
            let (key, value) = bytes.split_at(rest);
            row(same, key, &value[..length]);
            bytes = &value[length..];
        }
    };
    let (mut count, mut size) = (0, 0);
    each(&mut |same, key, value| {
        count += 1;
        size += same + key.len() + value.len();
    });
    let mut rows = Rows::with_capacity(count, size);
    each(&mut |same, key, value| rows.push(same, key, value));
    rows
}
