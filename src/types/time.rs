//! Time as an argument.

use bincode::{Decode, Encode};

/// Milliseconds: a duration, or a moment on one of the two clocks of [`Now`].
pub type Millis = u64;

/// The time at which an input is handled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub struct Now {
    /// Milliseconds since this process started; never goes back. Deadlines are on this clock.
    pub mono: Millis,
    /// Milliseconds since the Unix epoch, as far as this machine knows; may jump. Expiry and message times are on this clock.
    pub wall: Millis,
}

/// One second.
pub const SECOND: Millis = 1_000;
/// One minute.
pub const MINUTE: Millis = 60 * SECOND;
/// One hour.
pub const HOUR: Millis = 60 * MINUTE;
/// One day.
pub const DAY: Millis = 24 * HOUR;
