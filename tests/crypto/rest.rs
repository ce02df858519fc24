//! Keys at rest.

use tidings::crypto::rest::{self, RowKeys};
use tidings::types::Table;
use tidings::types::limits::{PASSPHRASE_MEMORY_KIB_MAX, PASSPHRASE_PASSES_MAX};

use super::hex;

#[test]
fn a_row_opens_in_its_place_only() {
    let keys = RowKeys::new(&[1; 32]);
    let sealed = keys.of(Table::Message).seal(Table::Message, b"place", b"a text", [7; 24]);
    assert_eq!(sealed.len(), 24 + b"a text".len() + 16);
    assert_eq!(keys.of(Table::Message).open(Table::Message, b"place", &sealed).unwrap(), b"a text");
    assert!(keys.of(Table::Message).open(Table::Message, b"elsewhere", &sealed).is_err(), "moved to another key");
    assert!(keys.of(Table::Message).open(Table::Contact, b"place", &sealed).is_err(), "moved to another table");
    assert!(RowKeys::new(&[2; 32]).of(Table::Message).open(Table::Message, b"place", &sealed).is_err(), "another node's");
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 4;
        assert!(keys.of(Table::Message).open(Table::Message, b"place", &changed).is_err());
        assert!(keys.of(Table::Message).open(Table::Message, b"place", &sealed[..at]).is_err());
    }
}

#[test]
fn every_table_has_a_key_of_its_own() {
    let keys = RowKeys::new(&[1; 32]);
    let sealed: Vec<_> = Table::ALL.iter().map(|table| keys.of(*table).seal(Table::Meta, b"key", b"value", [7; 24])).collect();
    for (at, table) in Table::ALL.iter().enumerate() {
        for (other, sealed) in sealed.iter().enumerate() {
            assert_eq!(keys.of(*table).open(Table::Meta, b"key", sealed).is_ok(), at == other);
        }
    }
}

/// What lies on disks opens with every later build.
#[test]
fn the_layouts_at_rest_stay_as_they_are() {
    let row = RowKeys::new(&[1; 32]).of(Table::Contact).seal(Table::Contact, b"key", b"value", [7; 24]);
    assert_eq!(
        data_encoding::HEXLOWER.encode(&row),
        "07070707070707070707070707070707070707070707070723d747b89e6b112d2ad6bf3c5beb787b6f97eda0fd"
    );
    let file = rest::seal_file_key(&[1; 32], "device", &[5; 32], [7; 12]);
    assert_eq!(
        data_encoding::HEXLOWER.encode(&file),
        "07070707070707070707070731338f2a6dae928003a6185c6dd788d1442a8fe50c106df5729062484e32cb15128a267ba451ec7beb472be2ccad01dc"
    );
    let wrapped = hex(WRAPPED);
    assert_eq!(*rest::unwrap(&wrapped, "correct horse").unwrap(), [5; 32]);
}

#[test]
fn a_key_file_opens_under_its_name_only() {
    let sealed = rest::seal_file_key(&[1; 32], "device", &[5; 32], [7; 12]);
    assert_eq!(*rest::open_file_key(&[1; 32], "device", &sealed).unwrap(), [5; 32]);
    assert!(rest::open_file_key(&[1; 32], "account", &sealed).is_err());
    assert!(rest::open_file_key(&[2; 32], "device", &sealed).is_err());
    (0..sealed.len()).for_each(|cut| assert!(rest::open_file_key(&[1; 32], "device", &sealed[..cut]).is_err()));
}

#[test]
fn a_passphrase_opens_what_it_closed_and_a_wrong_one_does_not() {
    let wrapped = rest::wrap(&[5; 32], "correct horse", [6; 16], [7; 12]);
    assert_eq!(*rest::unwrap(&wrapped, "correct horse").unwrap(), [5; 32]);
    assert!(rest::unwrap(&wrapped, "correct horse ").is_err());
}

#[test]
fn a_hostile_key_file_costs_nothing() {
    let file =
        |memory_kib: u32, passes: u32| [&[1][..], &memory_kib.to_be_bytes(), &passes.to_be_bytes(), &[6; 16], &[7; 12], &[0; 48]].concat();
    for hostile in [
        file(PASSPHRASE_MEMORY_KIB_MAX + 1, 1),
        file(u32::MAX, 1),
        file(64, PASSPHRASE_PASSES_MAX + 1),
        file(64, u32::MAX),
        file(0, 1),
        file(64, 0),
        file(64, 1),
    ] {
        assert!(rest::unwrap(&hostile, "x").is_err());
        (0..hostile.len().min(40)).for_each(|cut| assert!(rest::unwrap(&hostile[..cut], "x").is_err()));
    }
    let mut unknown = file(64, 1);
    unknown[0] = 2;
    assert!(rest::unwrap(&unknown, "x").is_err());
}

/// `[5; 32]` under "correct horse", with the cost of version 1.
const WRAPPED: &str = "010001000000000003060606060606060606060606060606060707070707070707070707070321904f9f34ea3724ded94569e364cfc34e
    7f5b6eb8eb7293468da251c40a84c2ae2266f94ccf88e93aee8055fe3560";
