//! The rows of a machine that is on: those it was switched on with in one piece of memory, and what changed since over them.

use std::collections::{BTreeMap, btree_map};
use std::iter::Peekable;
use std::ops::Bound;

use crate::types::{Batch, Row, Scan, Table, View};

/// Rows, by table number and key.
#[derive(Default)]
pub(super) struct Rows {
    /// Key and value of each row, in order.
    base: Vec<u8>,
    places: Vec<Place>,
    /// What changed since; `None` hides a row of the base.
    over: BTreeMap<Box<[u8]>, Option<Box<[u8]>>>,
}

/// Where a row of the base is; its value ends where the next row begins.
#[derive(Clone, Copy)]
struct Place {
    key: u32,
    value: u32,
}

impl Rows {
    /// With room for so many rows and bytes.
    pub(super) fn with_capacity(rows: usize, bytes: usize) -> Self {
        Self { base: Vec::with_capacity(bytes), places: Vec::with_capacity(rows), ..Self::default() }
    }

    /// One more row, which comes after all others: its key begins with `same` bytes of the key before.
    pub(super) fn push(&mut self, same: usize, key: &[u8], value: &[u8]) {
        let from = self.places.last().map_or(0, |last| last.key as usize);
        let begin = self.base.len();
        self.base.extend_from_within(from..from + same);
        self.base.extend_from_slice(key);
        self.places.push(Place { key: begin as u32, value: self.base.len() as u32 });
        self.base.extend_from_slice(value);
    }

    /// Applies a batch.
    pub(super) fn keep(&mut self, batch: &Batch) {
        for (table, key, value) in batch.iter() {
            let key = whole(table, key);
            match value {
                Some(value) => {
                    self.over.insert(key, Some(value.into()));
                }
                None if self.find(&key).is_some() => {
                    self.over.insert(key, None);
                }
                None => {
                    self.over.remove(&key);
                }
            }
        }
    }

    /// All rows by whole key, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.between(0..self.places.len(), self.over.range::<[u8], _>(..))
    }

    /// The rows of a table, without its number.
    pub(super) fn table(&self, table: Table) -> impl Iterator<Item = (&[u8], &[u8])> {
        let (low, high) = ([table as u8], [table as u8 + 1]);
        let base = self.first_from(&low)..self.first_from(&high);
        let over = self.over.range::<[u8], _>((Bound::Included(&low[..]), Bound::Excluded(&high[..])));
        self.between(base, over).map(|(key, value)| (&key[1..], value))
    }

    /// The value of a row.
    pub(super) fn value(&self, table: Table, key: &[u8]) -> Option<&[u8]> {
        let mut small = [0; 96];
        let large;
        let key = match small.get_mut(..key.len() + 1) {
            Some(whole) => {
                whole[0] = table as u8;
                whole[1..].copy_from_slice(key);
                &*whole
            }
            None => {
                large = whole(table, key);
                &large[..]
            }
        };
        match self.over.get(key) {
            Some(value) => value.as_deref(),
            None => self.find(key).map(|at| self.row(at).1),
        }
    }

    /// One row, decoded.
    pub(super) fn decoded<T: bincode::Decode<()>>(&self, table: Table, key: &[u8]) -> Option<T> {
        crate::wire::row::decode(self.value(table, key)?).ok()
    }

    /// Bytes of all rows, keys included.
    pub(super) fn bytes(&self) -> usize {
        self.iter().map(|(key, value)| key.len() + value.len()).sum()
    }

    fn row(&self, at: usize) -> (&[u8], &[u8]) {
        let place = self.places[at];
        let end = self.places.get(at + 1).map_or(self.base.len(), |next| next.key as usize);
        (&self.base[place.key as usize..place.value as usize], &self.base[place.value as usize..end])
    }

    fn key(&self, place: Place) -> &[u8] {
        &self.base[place.key as usize..place.value as usize]
    }

    fn find(&self, key: &[u8]) -> Option<usize> {
        self.places.binary_search_by(|place| self.key(*place).cmp(key)).ok()
    }

    /// The first row of the base that is not before this key.
    fn first_from(&self, key: &[u8]) -> usize {
        self.places.partition_point(|place| self.key(*place) < key)
    }

    fn between<'a>(&'a self, base: std::ops::Range<usize>, over: Range<'a>) -> Between<'a> {
        Between { rows: self, base, over: over.peekable() }
    }
}

type Range<'a> = btree_map::Range<'a, Box<[u8]>, Option<Box<[u8]>>>;

/// Rows of base and changes, in order; from either end, but not from both.
struct Between<'a> {
    rows: &'a Rows,
    base: std::ops::Range<usize>,
    over: Peekable<Range<'a>>,
}

impl<'a> Iterator for Between<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let base = (!self.base.is_empty()).then(|| self.rows.row(self.base.start));
            match (base, self.over.peek()) {
                (Some(row), Some((key, _))) if *row.0 < ***key => {
                    self.base.start += 1;
                    return Some(row);
                }
                (Some(row), None) => {
                    self.base.start += 1;
                    return Some(row);
                }
                (base, Some(_)) => {
                    let (key, value) = self.over.next()?;
                    self.base.start += usize::from(base.is_some_and(|row| *row.0 == **key));
                    if let Some(value) = value {
                        return Some((key, value));
                    }
                }
                (None, None) => return None,
            }
        }
    }
}

fn whole(table: Table, key: &[u8]) -> Box<[u8]> {
    let mut whole = Vec::with_capacity(key.len() + 1);
    whole.push(table as u8);
    whole.extend_from_slice(key);
    whole.into_boxed_slice()
}

/// The first key after all those that start with this one; none if there is no such.
fn end_of(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return Some(end);
        }
    }
    None
}

impl View for Rows {
    fn get(&self, table: Table, key: &[u8]) -> Option<Vec<u8>> {
        self.value(table, key).map(<[u8]>::to_vec)
    }

    fn scan(&self, scan: &Scan) -> Vec<Row> {
        let prefix = whole(scan.table, &scan.prefix);
        let after = scan.after.as_deref().map(|after| whole(scan.table, after));
        let (mut low, mut high) = (Bound::Included(&prefix[..]), end_of(&prefix));
        match &after {
            Some(after) if scan.reverse => {
                if high.as_deref().is_none_or(|end| end > &after[..]) {
                    high = Some(after.to_vec());
                }
            }
            Some(after) if *after >= prefix => low = Bound::Excluded(&after[..]),
            _ => {}
        }
        let (Bound::Included(from) | Bound::Excluded(from)) = low else { return Vec::new() };
        if high.as_deref().is_some_and(|to| from >= to) {
            return Vec::new();
        }
        let begin = self.first_from(from);
        let begin = begin + usize::from(matches!(low, Bound::Excluded(_)) && self.find(from) == Some(begin));
        let base = begin..high.as_deref().map_or(self.places.len(), |to| self.first_from(to));
        let over = self.over.range::<[u8], _>((low, high.as_deref().map_or(Bound::Unbounded, Bound::Excluded)));
        let owned = |(key, value): (&[u8], &[u8])| (key[1..].to_vec(), value.to_vec());
        if scan.reverse {
            self.backwards(base, over).take(scan.limit).map(owned).collect()
        } else {
            self.between(base, over).take(scan.limit).map(owned).collect()
        }
    }
}

impl Rows {
    fn backwards<'a>(&'a self, mut base: std::ops::Range<usize>, over: Range<'a>) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        let mut over = over.rev().peekable();
        std::iter::from_fn(move || {
            loop {
                let row = (!base.is_empty()).then(|| self.row(base.end - 1));
                match (row, over.peek()) {
                    (Some(row), next) if next.is_none_or(|(key, _)| *row.0 > ***key) => {
                        base.end -= 1;
                        return Some(row);
                    }
                    (row, Some(_)) => {
                        let (key, value) = over.next()?;
                        base.end -= usize::from(row.is_some_and(|row| *row.0 == **key));
                        if let Some(value) = value {
                            return Some((key, value));
                        }
                    }
                    (_, None) => return None,
                }
            }
        })
    }
}
