//! Tests of `cli` and `config`.

#![allow(clippy::unwrap_used)] // A test that fails says where.

mod arguments;
mod config;
mod out;
