//! Floor 3: the pure node. It owns no clock, socket or disk: it takes the time and one input, and gives back outputs.
//!
//! | file | holds |
//! |---|---|
//! | [`seam`] | everything that goes in and comes out |
//! | [`ctx`] | what every part works with while one input is handled |
//! | [`node`] | the node itself: which part handles what |
//! | [`room`] | MLS groups: epochs, commits, convergence, recovery |
//! | [`mailbox`] | the service of holding mail for others, and trying for them |

pub mod ctx;
pub mod mailbox;
pub mod node;
pub mod room;
pub mod seam;

pub use node::{Node, Settings};
pub use seam::{Command, CommandError, Event, Input, Misbehaviour, Outcome, Output, Refusal, Reply, Topic};
