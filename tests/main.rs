//! The fast tests: the whole run takes well under a minute. Real sockets and real kills are in `tests/mesh/`.

mod api;
mod cli;
mod crypto;
mod house;
mod mailbox;
mod room;
mod store;
mod story;
mod wire;
