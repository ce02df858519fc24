//! From an older schema to this one. The schema is the number of steps that were ever written; a store at schema `n` has
//! had the first `n`. A step runs over the rows of one table in bounded batches, each of which also says how far it got, so
//! that a crash in the middle goes on from there.

use bincode::{Decode, Encode};

use super::StoreError;
use super::disk::Disk;
use crate::types::{Batch, Scan, Table};
use crate::wire::row::{self, META_SCHEMA};

/// One step.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// What it does, for the person's log.
    pub name: &'static str,
    /// The table it goes through.
    pub table: Table,
    /// What to write for a row: key, value, and the batch to add to. Rows it adds to the same table may come by again.
    pub row: fn(&[u8], &[u8], &mut Batch),
}

/// Every step so far, in order; never changed, only added to.
pub const STEPS: &[Step] = &[];

/// `Table::Meta`, [`META_SCHEMA`].
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
struct Schema {
    /// Steps that are done.
    done: u32,
    /// The last key that the next step has been over.
    cursor: Option<Vec<u8>>,
}

/// Brings the rows to the newest schema, and says which that is.
pub(super) fn run(disk: &Disk, steps: &[Step], ran: &mut Vec<String>) -> Result<u32, StoreError> {
    let known = u32::try_from(steps.len()).unwrap_or(u32::MAX);
    let stored = disk.get(Table::Meta, META_SCHEMA).map(|bytes| row::decode::<Schema>(&bytes));
    let is_new = stored.is_none();
    let mut schema = match stored {
        Some(Ok(schema)) => schema,
        Some(Err(_)) => return Err(StoreError::Row { table: Table::Meta }),
        // Rows without a schema come from nowhere; a new store has none and starts with the newest.
        None => Schema { done: known, cursor: None },
    };
    if let Some(error) = disk.failure() {
        return Err(error);
    }
    check(disk.home(), schema.done, known)?;
    for step in &steps[schema.done as usize..] {
        tracing::info!(step = step.name, "migrating stored rows");
        over_table(disk, step, &mut schema)?;
        ran.push(step.name.to_owned());
    }
    if is_new || !ran.is_empty() {
        let mut batch = Batch::default();
        batch.put(Table::Meta, META_SCHEMA, row::encode(&schema));
        disk.apply(&batch)?;
        disk.flush()?;
    }
    Ok(known)
}

/// Refuses rows of a later release.
pub(super) fn check(home: &std::path::Path, found: u32, known: u32) -> Result<(), StoreError> {
    if found > known { Err(StoreError::NewerSchema { path: home.to_path_buf(), found, known }) } else { Ok(()) }
}

/// The row that says which schema an archive's rows have.
pub(super) fn schema_row(done: u32) -> Vec<u8> {
    row::encode(&Schema { done, cursor: None })
}

fn over_table(disk: &Disk, step: &Step, schema: &mut Schema) -> Result<(), StoreError> {
    loop {
        let mut scan = Scan::prefix(step.table, Vec::new()).limit(BATCH_ROWS);
        scan.after = schema.cursor.clone();
        let rows = disk.scan(&scan);
        if let Some(error) = disk.failure() {
            return Err(error);
        }
        let mut batch = Batch::default();
        for (key, value) in &rows {
            // The schema itself is nobody's business.
            if step.table != Table::Meta || key != META_SCHEMA {
                (step.row)(key, value, &mut batch);
            }
        }
        let is_last = rows.len() < BATCH_ROWS;
        schema.done += u32::from(is_last);
        schema.cursor = rows.into_iter().last().map(|(key, _)| key).filter(|_| !is_last);
        batch.put(Table::Meta, META_SCHEMA, row::encode(schema));
        disk.apply(&batch)?;
        if is_last {
            return Ok(());
        }
    }
}

/// Rows of one batch: some milliseconds.
const BATCH_ROWS: usize = 256;
