//! From an older schema to a newer one.

use tempfile::TempDir;
use tidings::store::migrate::Step;
use tidings::store::{DataDir, OpenOptions, Store, StoreError, Vault};
use tidings::types::{Batch, Table, View as _};

use super::Home;

fn number_from_text(key: &[u8], value: &[u8], batch: &mut Batch) {
    if let Ok(number) = String::from_utf8_lossy(value).parse::<u64>() {
        batch.put(Table::Heads, key, number.to_be_bytes());
    }
}

fn move_to_marks(key: &[u8], value: &[u8], batch: &mut Batch) {
    batch.delete(Table::Heads, key);
    batch.put(Table::Mark, key, value);
}

const STEPS: &[Step] = &[
    Step { name: "numbers instead of texts", table: Table::Heads, row: number_from_text },
    Step { name: "heads become marks", table: Table::Heads, row: move_to_marks },
];

#[test]
fn rows_of_the_first_schema_are_brought_forward_and_never_back() {
    let temp = TempDir::new().unwrap();
    let home = Home::open(temp.path());
    let mut batch = Batch::default();
    for number in 0..1_000_u32 {
        batch.put(Table::Heads, number.to_be_bytes(), number.to_string());
    }
    batch.put(Table::Room, b"tea", b"untouched".as_slice());
    home.store.apply(&batch).unwrap();
    home.close();

    let dir = DataDir::open(temp.path()).unwrap();
    let vault = Vault::open(&dir, None, None).unwrap();
    let options = OpenOptions { steps: &STEPS[..1], ..OpenOptions::default() };
    let (store, report) = Store::open_with(&dir, &vault.root, options).unwrap();
    assert_eq!(report.migrated, ["numbers instead of texts"]);
    assert_eq!(store.get(Table::Heads, &7_u32.to_be_bytes()).unwrap(), 7_u64.to_be_bytes());
    store.close().unwrap();

    let options = OpenOptions { steps: STEPS, ..OpenOptions::default() };
    let (store, report) = Store::open_with(&dir, &vault.root, options).unwrap();
    assert_eq!(report.migrated, ["heads become marks"]);
    assert_eq!(store.get(Table::Mark, &999_u32.to_be_bytes()).unwrap(), 999_u64.to_be_bytes());
    assert_eq!(store.get(Table::Heads, &999_u32.to_be_bytes()), None);
    assert_eq!(store.get(Table::Room, b"tea").unwrap(), b"untouched");
    store.close().unwrap();

    let older = Store::open_with(&dir, &vault.root, OpenOptions { steps: &STEPS[..1], ..OpenOptions::default() });
    let Err(StoreError::NewerSchema { found: 2, known: 1, .. }) = older else { panic!("an older release opened newer rows") };
    let (store, report) = Store::open_with(&dir, &vault.root, options).unwrap();
    assert!(report.migrated.is_empty() && !report.is_restored());
    assert!(store.get(Table::Mark, &0_u32.to_be_bytes()).is_some());
}
