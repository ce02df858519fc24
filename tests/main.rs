//! The fast tests: the whole run takes well under a minute. Real sockets and real kills are in `tests/mesh/`.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // A test that fails says where; a hunt says what it did.

mod api;
mod cli;
mod crypto;
mod house;
mod mailbox;
mod media;
mod room;
mod sim;
mod store;
mod story;
mod wire;
