//! The rows of a machine that is on: those it was switched on with in one piece of memory, and what changed since over them.

use std::borrow::Cow;
use std::collections::{BTreeMap, btree_map};
use std::iter::Peekable;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::attic::{Attic, Kept};
use crate::types::{Batch, Row, Scan, Table, View};

/// Rows, by table number and key.
#[derive(Default)]
pub(super) struct Rows {
    /// Key and value of each row, in order.
    base: Vec<u8>,
    places: Vec<Place>,
    /// What changed since; `None` hides a row of the base.
    over: BTreeMap<Box<[u8]>, Option<Kept>>,
    /// Where long values of the service go, if not into memory.
    attic: Option<Arc<Mutex<Attic>>>,
}

/// Envelopes that are held are put away from so many bytes on.
const LONG_BYTES: usize = 256;

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

    /// None yet; envelopes that are held for others go to that place.
    pub(super) fn with_attic(attic: Option<Arc<Mutex<Attic>>>) -> Self {
        Self { attic, ..Self::default() }
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
            let before = match value {
                Some(value) => {
                    let attic = self.attic().filter(|_| table == Table::Body && value.len() >= LONG_BYTES);
                    let kept = attic.map_or_else(|| Kept::Here(value.into()), |mut attic| attic.keep(value));
                    self.over.insert(key, Some(kept))
                }
                None if self.find(&key).is_some() => self.over.insert(key, None),
                None => self.over.remove(&key),
            };
            if let Some(kept @ Kept::There { .. }) = before.flatten()
                && let Some(mut attic) = self.attic()
            {
                attic.forget(kept);
            }
        }
    }

    fn attic(&self) -> Option<MutexGuard<'_, Attic>> {
        self.attic.as_ref().map(|attic| attic.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn read<'a>(&self, kept: &'a Kept) -> Cow<'a, [u8]> {
        match (kept, self.attic()) {
            (Kept::There { .. }, Some(attic)) => {
                let mut bytes = Vec::new();
                attic.read(kept, &mut bytes);
                Cow::Owned(bytes)
            }
            (Kept::Here(bytes), _) => Cow::Borrowed(bytes),
            (Kept::There { .. }, None) => unreachable!("it was put away"),
        }
    }

    /// All rows by whole key, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], Cow<'_, [u8]>)> {
        self.between(0..self.places.len(), self.over.range::<[u8], _>(..))
    }

    /// The rows of a table, without its number.
    pub(super) fn table(&self, table: Table) -> impl Iterator<Item = (&[u8], Cow<'_, [u8]>)> {
        let (low, high) = ([table as u8], [table as u8 + 1]);
        let base = self.first_from(&low)..self.first_from(&high);
        let over = self.over.range::<[u8], _>((Bound::Included(&low[..]), Bound::Excluded(&high[..])));
        self.between(base, over).map(|(key, value)| (&key[1..], value))
    }

    /// The value of a row.
    pub(super) fn value(&self, table: Table, key: &[u8]) -> Option<Cow<'_, [u8]>> {
        self.with(table, key, |kept| self.read(kept), Cow::Borrowed)
    }

    /// Bytes of the value of a row.
    pub(super) fn size(&self, table: Table, key: &[u8]) -> Option<usize> {
        self.with(table, key, Kept::len, <[u8]>::len)
    }

    fn with<'a, R>(&'a self, table: Table, key: &[u8], over: impl FnOnce(&'a Kept) -> R, base: impl FnOnce(&'a [u8]) -> R) -> Option<R> {
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
            Some(value) => value.as_ref().map(over),
            None => self.find(key).map(|at| base(self.row(at).1)),
        }
    }

    /// One row, decoded.
    pub(super) fn decoded<T: bincode::Decode<()>>(&self, table: Table, key: &[u8]) -> Option<T> {
        crate::wire::row::decode(&self.value(table, key)?).ok()
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

type Range<'a> = btree_map::Range<'a, Box<[u8]>, Option<Kept>>;

/// Rows of base and changes, in order; from either end, but not from both.
struct Between<'a> {
    rows: &'a Rows,
    base: std::ops::Range<usize>,
    over: Peekable<Range<'a>>,
}

impl<'a> Iterator for Between<'a> {
    type Item = (&'a [u8], Cow<'a, [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let base = (!self.base.is_empty()).then(|| self.rows.row(self.base.start));
            match (base, self.over.peek()) {
                (Some((key, value)), next) if next.is_none_or(|(over, _)| *key < ***over) => {
                    self.base.start += 1;
                    return Some((key, Cow::Borrowed(value)));
                }
                (base, Some(_)) => {
                    let (key, value) = self.over.next()?;
                    self.base.start += usize::from(base.is_some_and(|row| *row.0 == **key));
                    if let Some(value) = value {
                        return Some((key, self.rows.read(value)));
                    }
                }
                (_, None) => return None,
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
        self.value(table, key).map(Cow::into_owned)
    }

    fn scan(&self, scan: &Scan) -> Vec<Row> {
        let prefix = whole(scan.table, &scan.prefix);
        let after = scan.after.as_deref().map(|after| whole(scan.table, after));
        let (mut low, mut high) = (Bound::Included(&prefix[..]), end_of(&prefix));
        match &after {
            Some(after) if scan.reverse && high.as_deref().is_none_or(|end| end > &after[..]) => high = Some(after.to_vec()),
            Some(after) if !scan.reverse && *after >= prefix => low = Bound::Excluded(&after[..]),
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
        let owned = |(key, value): (&[u8], Cow<[u8]>)| (key[1..].to_vec(), value.into_owned());
        if scan.reverse {
            self.backwards(base, over).take(scan.limit).map(owned).collect()
        } else {
            self.between(base, over).take(scan.limit).map(owned).collect()
        }
    }
}

impl Rows {
    fn backwards<'a>(&'a self, mut base: std::ops::Range<usize>, over: Range<'a>) -> impl Iterator<Item = (&'a [u8], Cow<'a, [u8]>)> {
        let mut over = over.rev().peekable();
        std::iter::from_fn(move || {
            loop {
                let row = (!base.is_empty()).then(|| self.row(base.end - 1));
                match (row, over.peek()) {
                    (Some((key, value)), next) if next.is_none_or(|(over, _)| *key > ***over) => {
                        base.end -= 1;
                        return Some((key, Cow::Borrowed(value)));
                    }
                    (row, Some(_)) => {
                        let (key, value) = over.next()?;
                        base.end -= usize::from(row.is_some_and(|row| *row.0 == **key));
                        if let Some(value) = value {
                            return Some((key, self.read(value)));
                        }
                    }
                    (_, None) => return None,
                }
            }
        })
    }
}
