//! How a row lies in the database.
//!
//! Everything is in one sled tree, so that one batch of the node is one batch of sled:
//!
//! | key | value |
//! |---|---|
//! | `table (1) \| key` | `1 \| sealed value`: a value of at most `VALUE_BYTES_MAX` bytes |
//! | `table (1) \| key` | `2 \| pieces (2) \| sealed(stamp (8) \| length (4))`: the head of a larger one |
//! | `254 \| table (1) \| key \| number (2)` | `sealed(stamp (8) \| piece)` |
//! | `0 \| name` | the store's own values, in the first form; a name starts with a letter |
//! | `0 \| 1 \| bag` | the key of a bag of MLS values (see [`bag`](super::bag)) |
//!
//! Keys are in the clear: they are opaque ids and numbers. A seal is bound to the whole key in the database, so that no
//! value can pass for another; the stamp, fresh for each write, ties the pieces of one value together.

use std::ops::Bound;

use super::sled::{Bytes, Fault, Tree};
use crate::crypto::rest::RowKey;
use crate::types::limits::VALUE_BYTES_MAX;
use crate::types::{Rng, Scan, Table};

/// A key and what to write there; `None` deletes.
pub(super) type Write = (Vec<u8>, Option<Vec<u8>>);

/// Keys between two bounds.
pub(super) type Range = (Bound<Vec<u8>>, Bound<Vec<u8>>);

/// The bytes of one row do not open or do not fit together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unreadable;

/// One row as the database has it.
#[derive(Clone)]
pub(super) struct Stored {
    /// The value under the row's own key.
    pub(super) head: Bytes,
    /// The pieces of a large value.
    pub(super) pieces: Vec<Bytes>,
}

impl Stored {
    /// Bytes of it.
    pub(super) fn len(&self) -> usize {
        self.head.len() + self.pieces.iter().map(|piece| piece.len()).sum::<usize>()
    }
}

/// The key of a row in the database.
pub(super) fn head_key(table: Table, key: &[u8]) -> Vec<u8> {
    [&[table as u8], key].concat()
}

/// The key of one of the store's own values.
pub(super) fn own_key(name: &str) -> Vec<u8> {
    [&[OWN], name.as_bytes()].concat()
}

/// The key of a piece of a large value.
pub(super) fn piece_key(head: &[u8], number: u16) -> Vec<u8> {
    [&[PIECES], head, &number.to_be_bytes()].concat()
}

/// Table and key of a row, from its key in the database.
pub(super) fn split_key(head: &[u8]) -> Option<(Table, &[u8])> {
    let (number, key) = head.split_first()?;
    Some((Table::from_number(*number)?, key))
}

/// The keys of all rows of the node, which lie between the store's own values and the pieces.
pub(super) fn all_rows(after: Option<&[u8]>) -> Range {
    (after.map_or(Bound::Included(vec![OWN + 1]), |key| Bound::Excluded(key.to_vec())), Bound::Excluded(vec![PIECES]))
}

/// What names the bag of an MLS value: `table | group | epoch` in `Table::Bag`, the whole key in `Table::Group`.
/// `None` for other rows.
pub(super) fn bag(head: &[u8]) -> Option<&[u8]> {
    match split_key(head)? {
        (Table::Bag, _) => Some(&head[..head.len().min(BAG_NAME_BYTES)]),
        (table, _) => table.is_mls().then_some(head),
    }
}

/// Where the key of a bag lies.
pub(super) fn bag_key(bag: &[u8]) -> Vec<u8> {
    [&[OWN, BAG_KEYS], bag].concat()
}

/// The bag whose key lies here.
pub(super) fn bag_of(key: &[u8]) -> &[u8] {
    key.strip_prefix(&[OWN, BAG_KEYS]).unwrap_or_default()
}

/// Where the keys of all bags lie.
pub(super) fn bag_keys(after: Option<&[u8]>) -> Range {
    (after.map_or(Bound::Included(vec![OWN, BAG_KEYS]), |key| Bound::Excluded(key.to_vec())), Bound::Excluded(vec![OWN, BAG_KEYS + 1]))
}

/// The keys that start so: the rows of a bag are among them.
pub(super) fn under(start: &[u8]) -> Range {
    (Bound::Included(start.to_vec()), Bound::Excluded(following(start)))
}

/// Everything that belongs to MLS: rows, pieces of rows, keys of bags.
pub(super) fn all_of_mls() -> Vec<Range> {
    let tables = Table::ALL.into_iter().filter(|table| table.is_mls());
    tables.flat_map(|table| [under(&[table as u8]), under(&[PIECES, table as u8])]).chain([bag_keys(None)]).collect()
}

/// The bounds of a scan in the database; `None` when nothing can be between them.
pub(super) fn bounds(scan: &Scan) -> Option<Range> {
    let start = head_key(scan.table, &scan.prefix);
    let end = following(&start);
    let after = scan.after.as_ref().map(|after| head_key(scan.table, after));
    match after {
        Some(after) if scan.reverse => (after > start).then(|| (Bound::Included(start), Bound::Excluded(after.min(end)))),
        Some(after) if after >= end => None,
        Some(after) if after >= start => Some((Bound::Excluded(after), Bound::Excluded(end))),
        _ => Some((Bound::Included(start), Bound::Excluded(end))),
    }
}

/// The smallest key after all keys that start with these bytes. The first byte is a table, so there always is one.
fn following(start: &[u8]) -> Vec<u8> {
    let mut end = start.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            break;
        }
    }
    end
}

/// Seals a value into the writes that store it, `old` being what is there.
pub(super) fn seal(key: &RowKey, rng: &mut Rng, table: Table, head: Vec<u8>, value: &[u8], old: u16, writes: &mut Vec<Write>) {
    let mut pieces = 0;
    if value.len() <= VALUE_BYTES_MAX {
        let sealed = key.seal(table, &head, value, rng.bytes());
        writes.push((head.clone(), Some([&[WHOLE], &sealed[..]].concat())));
    } else {
        let stamp: [u8; 8] = rng.bytes();
        for piece in value.chunks(VALUE_BYTES_MAX) {
            let at = piece_key(&head, pieces);
            let sealed = key.seal(table, &at, &[&stamp, piece].concat(), rng.bytes());
            writes.push((at, Some(sealed)));
            pieces += 1;
        }
        let length = u32::try_from(value.len()).unwrap_or(u32::MAX);
        let sealed = key.seal(table, &head, &[&stamp[..], &length.to_be_bytes()].concat(), rng.bytes());
        writes.push((head.clone(), Some([&[CUT], &pieces.to_be_bytes()[..], &sealed].concat())));
    }
    drop_pieces(&head, pieces..old, writes);
}

/// Deletes the pieces with these numbers.
pub(super) fn drop_pieces(head: &[u8], numbers: std::ops::Range<u16>, writes: &mut Vec<Write>) {
    writes.extend(numbers.map(|number| (piece_key(head, number), None)));
}

/// Into how many pieces the value behind this head is cut.
pub(super) fn piece_count(head: &[u8]) -> u16 {
    match head {
        [CUT, high, low, ..] => u16::from_be_bytes([*high, *low]),
        _ => 0,
    }
}

/// Whether the values of a table may be in pieces: some are, or nobody can say.
pub(super) fn has_pieces(tree: &Tree, table: u8) -> bool {
    let start = vec![PIECES, table];
    let end = following(&start);
    tree.range(Bound::Included(start), Bound::Excluded(end), false).next().is_some()
}

/// The row whose head is here. A missing piece is left out, and the row does not open then.
pub(super) fn gather(tree: &Tree, head: &[u8], value: Bytes) -> Result<Stored, Fault> {
    let mut pieces = Vec::new();
    for number in 0..piece_count(&value) {
        pieces.extend(tree.get(&piece_key(head, number))?);
    }
    Ok(Stored { head: value, pieces })
}

/// The value of a row.
pub(super) fn open(key: &RowKey, table: Table, head: &[u8], stored: &Stored) -> Result<Vec<u8>, Unreadable> {
    let unseal = |at: &[u8], sealed: &[u8]| key.open(table, at, sealed).map_err(|_| Unreadable);
    match stored.head.as_ref() {
        [WHOLE, sealed @ ..] => unseal(head, sealed),
        [CUT, _, _, sealed @ ..] => {
            let opened = unseal(head, sealed)?;
            let (stamp, length) = opened.split_at_checked(8).ok_or(Unreadable)?;
            let length = u32::from_be_bytes(length.try_into().map_err(|_| Unreadable)?) as usize;
            let mut value = Vec::with_capacity(length.min(stored.len()));
            for (number, piece) in (0..).zip(&stored.pieces) {
                let opened = unseal(&piece_key(head, number), piece)?;
                value.extend_from_slice(opened.strip_prefix(stamp).ok_or(Unreadable)?);
            }
            if value.len() == length { Ok(value) } else { Err(Unreadable) }
        }
        _ => Err(Unreadable),
    }
}

/// Forms of a stored value. A number is on disk for ever.
const WHOLE: u8 = 1;
const CUT: u8 = 2;
/// Numbers beside those of the tables.
const OWN: u8 = 0;
const PIECES: u8 = 254;
/// Behind `OWN`: beside the first letters of names.
const BAG_KEYS: u8 = 1;
/// `table (1) | group (32) | epoch (16)`.
const BAG_NAME_BYTES: usize = 49;
