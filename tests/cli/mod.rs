//! Tests of `cli` and `config`.

mod arguments;
mod config;
mod out;
