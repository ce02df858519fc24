//! Tidings: a federated peer-to-peer messaging node. This page is the map of the house.
//!
//! The node is a value: it is given the time and one input, and hands back outputs to perform in order. A driver performs
//! them with libp2p, sled and tokio. Questions are answered by reading the store, never by asking the node.
//!
//! | floor | module | what it is |
//! |---|---|---|
//! | 0 | [`types`] | ids, time, randomness, every limit, writes as data |
//! | 1 | [`crypto`] | account and device keys, sealing, keys at rest, MLS |
//! | 2 | [`wire`] | frames, cards, invites, envelopes, mailbox requests: bytes and their types |
//! | 3 | [`proto`] | the pure node: accounts, contacts, rooms, outbox, mailboxes, repair |
//! | 4 | [`store`] | rows on disk (sled) or in memory, readers, export, recovery |
//! | 4 | [`net`] | libp2p: connections, framed streams, gossip, addresses |
//! | 4 | [`media`] | what a file is, its preview, and the file without what tells where and with what it was made |
//! | 5 | [`node`] | the driver: one loop that performs outputs |
//! | 5 | [`sim`] | the other driver: the same node in a made-up world, to find what loses messages |
//! | 6 | [`api`] | HTTP and events on loopback |
//! | 6 | [`mesh`] | many real nodes in one process, with a proxy between them |
//! | 6 | [`bench`] | what this machine does, held against what it could do |
//! | 7 | [`cli`] | one file for each subcommand |
//!
//! Imports go down only; `tests/house.rs` holds the table. Start reading at [`proto`], whose `Node` is the heart, or follow
//! the life of one message in `docs/ARCHITECTURE.md`.
//!
//! [`bench`]: mod@bench

pub mod api;
pub mod bench;
pub mod cli;
pub mod config;
pub mod crypto;
pub mod media;
pub mod mesh;
pub mod net;
pub mod node;
pub mod proto;
pub mod sim;
pub mod store;
pub mod telemetry;
pub mod types;
pub mod wire;
