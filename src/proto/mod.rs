//! Floor 3: the pure node. It owns no clock, socket or disk: it takes the time and one input, and gives back outputs.
//!
//! | file | holds |
//! |---|---|
//! | [`seam`] | everything that goes in and comes out |
//! | [`ctx`] | what every part works with while one input is handled |
//! | [`node`] | the node itself: which part handles what |
//! | `account` | the own card, and the tokens given out |
//! | `contact`, `knock`, `peer` | people: meeting them, what they say from outside a room, their devices on the wire |
//! | `message`, `outbox`, `deliver` | sending: what is owed, and the ways out |
//! | `receive`, `receipt`, `collect`, `sync` | receiving: envelopes, receipts, our mailboxes, holes |
//! | `group` | rooms of many |
//! | [`guilt`] | what misbehaviour costs a peer: both drivers count it |
//! | `timer` | what the node wants to be woken for |
//! | [`room`] | MLS groups: epochs, commits, convergence, recovery |
//! | [`mailbox`] | the service of holding mail for others, and trying for them |

mod account;
mod collect;
mod contact;
pub mod ctx;
mod deliver;
mod group;
pub mod guilt;
mod knock;

pub mod mailbox;
mod message;
pub mod node;
mod outbox;
mod peer;
mod receipt;
mod receive;
pub mod room;
pub mod seam;
mod sync;
mod timer;

pub use node::{Node, Settings};
pub use seam::{Command, CommandError, Event, Input, Misbehaviour, Outcome, Output, Refusal, Reply, Topic};
