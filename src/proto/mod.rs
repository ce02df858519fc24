//! Floor 3: the pure node. It owns no clock, socket or disk: it takes the time and one input, and gives back outputs.
//!
//! | file | holds |
//! |---|---|
//! | [`seam`] | everything that goes in and comes out |
//! | [`ctx`] | what every part works with while one input is handled |
//! | [`node`] | the node itself: which part handles what |
//! | `account` | the own card, and the tokens given out |
//! | `contact`, `knock`, `peer` | people: meeting them, what they say from outside a room, their devices on the wire |
//! | `message`, `outbox`, `lane`, `reseal` | sending: what is owed, in the store and in memory, and sealing it anew |
//! | `deliver`, `handover`, `answer` | the ways out, and what is said of what went |
//! | `receive`, `receipt`, `collect` | receiving: envelopes, receipts, our mailboxes |
//! | `lost` | what a mailbox held for us and we can never open |
//! | `order`, `sync`, `repair` | one order everywhere, how far others are, what is missing |
//! | `transfer`, `carry` | bodies of media: what is asked of whom; offering, holding, forgetting |
//! | `group`, `member` | rooms of many, and how their members reach each other |
//! | [`guilt`] | what misbehaviour costs a peer: both drivers count it |
//! | `skew` | how far this machine's clock is from others |
//! | `timer` | what the node wants to be woken for |
//! | [`room`] | MLS groups: epochs, commits, convergence, recovery |
//! | [`mailbox`] | the service of holding mail for others, and trying for them |

mod account;
mod answer;
mod carry;
mod collect;
mod contact;
pub mod ctx;
mod deliver;
mod group;
pub mod guilt;
mod handover;
mod knock;
mod lane;
mod leave;
mod lost;

pub mod mailbox;
mod member;
mod message;
pub mod node;
mod order;
mod outbox;
mod peer;
mod receipt;
mod receive;
mod repair;
mod reseal;
pub mod room;
pub mod seam;
mod skew;
mod sync;
mod timer;
mod transfer;

pub use node::{Node, Settings};
pub use seam::{Command, CommandError, Event, Fetched, Input, Misbehaviour, Outcome, Output, Refusal, Reply, Topic};
