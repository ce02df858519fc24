//! Reads every row: opens its seal, decodes it, and looks at what it points to.

use std::collections::BTreeMap;

use bincode::Decode;
use serde::Serialize;

use super::{Progress, Store, StoreError};
use crate::types::{BlobId, Millis, Table, View as _};
use crate::wire::{blob, row};

/// What a scrub found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ScrubReport {
    /// Rows read, for each table.
    pub rows: BTreeMap<String, u64>,
    /// Rows in trouble, in all.
    pub troubles: u64,
    /// The first of them.
    pub findings: Vec<Finding>,
}

/// A row in trouble.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The table.
    pub table: String,
    /// The start of the key, in hex.
    pub key: String,
    /// What is wrong.
    pub trouble: Trouble,
}

/// What is wrong with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// Its seal does not open.
    Sealed,
    /// Its bytes are not what its table holds.
    Undecodable,
    /// What it points to is not there, or does not point back.
    Loose,
}

impl ScrubReport {
    /// Whether nothing was found.
    pub fn is_clean(&self) -> bool {
        self.troubles == 0
    }

    /// Bodies of media that are damaged count as rows in trouble.
    pub fn note_bodies(&mut self, damaged: &[BlobId]) {
        damaged.iter().for_each(|blob| self.find(Table::Blob, &blob.0, Trouble::Loose));
    }

    fn find(&mut self, table: Table, key: &[u8], trouble: Trouble) {
        self.troubles += 1;
        if self.findings.len() < FINDINGS_MAX {
            let key = data_encoding::HEXLOWER.encode(&key[..key.len().min(8)]);
            self.findings.push(Finding { table: format!("{table:?}"), key, trouble });
        }
    }
}

impl Store {
    /// Reads and checks every row, while the node goes on. An error means that the database itself cannot be read.
    pub fn scrub(&self, progress: &mut dyn FnMut(Progress)) -> Result<ScrubReport, StoreError> {
        let mut report = ScrubReport::default();
        let mut done = Progress::default();
        self.for_each_row(
            &|| self.is_open(),
            |_| true,
            |table, key, value| {
                *report.rows.entry(format!("{table:?}")).or_default() += 1;
                done.rows += 1;
                match value {
                    None => report.find(table, key, Trouble::Sealed),
                    Some(value) => {
                        done.bytes += value.len() as u64;
                        if let Some(trouble) = self.check(table, key, value) {
                            report.find(table, key, trouble);
                        }
                    }
                }
                if done.rows.is_multiple_of(PROGRESS_ROWS) {
                    progress(done);
                }
                Ok(())
            },
        )?;
        progress(done);
        Ok(report)
    }

    fn check(&self, table: Table, key: &[u8], value: &[u8]) -> Option<Trouble> {
        if !decodes(table, key, value) {
            return Some(Trouble::Undecodable);
        }
        // The picture is older than what a look-up finds: what changed since then is in order, or found by the next scrub.
        let is_unchanged = || self.get(table, key).is_some_and(|now| now == value);
        (!self.is_tied(table, key, value) && is_unchanged()).then_some(Trouble::Loose)
    }

    /// Whether a message and its index point at each other.
    fn is_tied(&self, table: Table, key: &[u8], value: &[u8]) -> bool {
        match table {
            Table::Message => row::Place::from_key(key).is_none_or(|place| {
                let index = self.get(Table::Index, &place.message.0).and_then(|bytes| row::decode::<row::Index>(&bytes).ok());
                index.is_some_and(|index| index.place == place)
            }),
            Table::Index => row::decode::<row::Index>(value).is_ok_and(|index| match index.target {
                None => self.get(Table::Message, &index.place.key()).is_some(),
                Some(target) => self.get(Table::Mark, &row::mark_key(&target, &index.place)).is_some(),
            }),
            _ => true,
        }
    }
}

/// Whether a value is what its table holds. Tables of raw bytes (MLS values, sealed envelopes) have nothing to decode.
fn decodes(table: Table, key: &[u8], value: &[u8]) -> bool {
    fn is<T: Decode<()>>(value: &[u8]) -> bool {
        row::decode::<T>(value).is_ok()
    }
    match table {
        Table::Contact => is::<row::Contact>(value),
        Table::Invite => is::<row::Invite>(value),
        Table::Room => is::<row::Room>(value),
        Table::Message => row::Place::from_key(key).is_some() && is::<row::Message>(value),
        Table::Index => is::<row::Index>(value),
        Table::Mark => is::<row::Mark>(value),
        Table::Heads => is::<row::Heads>(value),
        Table::Numbered => is::<row::Numbered>(value),
        Table::Seen => is::<row::Seen>(value),
        Table::Owed => is::<row::Owed>(value),
        Table::Outbox => is::<row::Outbox>(value),
        Table::Mailbox => is::<row::Mailbox>(value),
        Table::Member => is::<row::Member>(value),
        Table::Blob => key.len() != BlobId::LEN || is::<blob::Stored>(value),
        Table::Lodging => key.first() != Some(&1) || is::<blob::Lodging>(value),
        Table::Carriage => key.first() != Some(&1) || is::<blob::Carriage>(value),
        Table::Withdrawn => is::<Millis>(value),
        _ => true,
    }
}

const FINDINGS_MAX: usize = 20;
const PROGRESS_ROWS: u64 = 4_096;
