//! Real nodes, real sockets on loopback, real kills.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // A test that fails says where; real nodes are at the edge.

mod net;
mod node;
mod story;
