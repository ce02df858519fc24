//! Real nodes, real sockets on loopback, real kills.
#![allow(clippy::unwrap_used)] // A test that fails says where.
#![allow(clippy::disallowed_methods)] // These tests are outside: they start tasks.

mod cli;
#[path = "../story/flood.rs"]
#[allow(dead_code)] // The stories use the rest of it.
mod flood;
mod hostile;
mod net;
mod node;
mod story;
