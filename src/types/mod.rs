//! Floor 0: the words everything else is written in. No I/O, no clock, no chance.
//!
//! | file | holds |
//! |---|---|
//! | [`id`] | accounts, devices, peers, rooms, messages, envelopes, blobs, inboxes |
//! | [`time`] | [`Now`], the only clock the node ever sees |
//! | [`rng`] | seeded randomness |
//! | [`limits`] | every bound, with its reason |
//! | [`batch`] | writes as data, and the read-only [`View`] of what was written |

pub mod batch;
pub mod id;
pub mod limits;
pub mod rng;
pub mod time;

pub use batch::{Batch, Row, Scan, Table, View};
pub use id::{AccountId, Address, BlobId, DeviceId, EnvelopeId, GroupId, InboxId, MessageId, PeerId, RoomId};
pub use rng::Rng;
pub use time::{Millis, Now};
