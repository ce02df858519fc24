//! Real nodes, real sockets on loopback, real kills.
#![allow(clippy::unwrap_used)] // A test that fails says where.

mod net;
mod node;
mod story;
