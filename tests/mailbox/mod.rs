//! Stories of a mailbox: Alice, Carol and strangers deposit; Bob, who is often away, collects.

mod handover;
mod lanes;
mod model;
mod registry;
mod relays;
mod waiting;
mod world;
