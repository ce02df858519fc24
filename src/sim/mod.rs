//! Floor 5: the other driver. It performs the outputs of the same pure node in a world that is made up from one seed: machines,
//! disks that lose what was not flushed, lines that break, clocks that are wrong, mailboxes that lie.
//!
//! | file | holds |
//! |---|---|
//! | [`world`] | machines, one clock, one queue of what happens next |
//! | [`machine`], [`disk`], [`link`] | one machine, its disk, what lies between machines |
//! | [`liar`] | mailboxes that do not keep their word |
//! | [`cheat`] | strangers who try what they have no right to |
//! | [`scenario`], [`workload`] | what happens, as data; from a seed to a scenario |
//! | [`play`], [`calm`] | plays a scenario; what everything must come to once all is calm |
//! | [`oracle`], [`law`] | what must be true at every step, and of every row |
//! | [`model`], [`audit`] | what people must see in the end, and what else must be so |
//! | [`bodies`] | bodies of media: where their pieces are, and what must be so of them |
//! | [`report`] | what the protocol costs, for a fixed set of stories |
//! | [`trace`] | what happened, a line for each event |
//! | [`capsule`], [`hunt`] | a failing scenario in a file, made short; many seeds |
//! | [`growth`] | no mishaps, but many people: what a day of them costs, and how it grows |

// The edge: seeds are played on several threads, and a file is written when one fails.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod audit;
pub mod bodies;
pub mod calm;
pub mod capsule;
pub mod cheat;
pub mod disk;
pub mod growth;
pub mod hunt;
pub mod law;
pub mod liar;
pub mod link;
pub mod machine;
pub mod model;
pub mod oracle;
pub mod play;
pub mod report;
pub mod scenario;
pub mod trace;
pub mod workload;
pub mod world;

/// The number of a machine in its world.
pub type Who = usize;
