//! Tests of `wire`: every byte that travels or is stored is written down, and every other byte is refused.

mod bound;
mod corpus;
mod golden;
mod hostile;
mod registry;
mod roundtrip;
mod sample;
mod secret;
mod sign;

/// The entries of the fuzz targets, so that the fast tests go through the same doors.
#[path = "../fuzz/entry.rs"]
mod entry;
