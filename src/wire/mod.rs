//! Floor 2: bytes and their types. What another node, a link or a stored row looks like, and nothing of what it means.
//!
//! Untrusted bytes become a type only through `decode`, and a verified one only through `open` or `verify`.
//!
//! | file | holds |
//! |---|---|
//! | [`bound`] | how large the parts of untrusted values may be |
//! | [`codec`] | the only place that names bincode's configuration |
//! | [`kind`] | the registry of frame kinds |
//! | [`frame`] | what nodes say to each other on a stream |
//! | [`card`] | the signed, numbered record of an account, and the invite that leads to one |
//! | [`envelope`] | the sealed unit that travels |
//! | [`content`] | what is inside: messages of a room, first contact |
//! | [`blob`] | media on its way: listings, pieces, who holds them |
//! | [`mailbox`] | tokens, deposits, receipts |
//! | [`media`] | what a message says about a file before the file is there |
//! | [`sign`] | which key signs what |
//! | [`row`] | stored values |

pub mod blob;
pub mod bound;
pub mod card;
pub mod codec;
pub mod content;
pub mod envelope;
pub mod frame;
pub mod kind;
pub mod mailbox;
pub mod media;
pub mod row;
pub mod sign;
