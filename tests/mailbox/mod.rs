//! Stories of a mailbox: Alice, Carol and strangers deposit; Bob, who is often away, collects.
#![allow(clippy::unwrap_used)] // A test that fails says where.

mod handover;
mod lanes;
mod model;
mod registry;
mod relays;
mod waiting;
mod world;
