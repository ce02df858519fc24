//! Tests of `api`, and of the reader that answers it.

#![allow(clippy::unwrap_used)] // A test that fails says where.

mod document;
mod guard;
mod live;
mod reader;
mod resolve;
mod words;
