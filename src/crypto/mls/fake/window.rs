//! What of a sender was opened: as OpenMLS keeps the keys of the last messages of a ratchet.

use super::bytes::{Reader, Writer};
use crate::crypto::mls::OpenError;
use crate::types::limits::{FORWARD_DISTANCE_MAX, OUT_OF_ORDER_MAX};

/// One sender's messages.
#[derive(Clone, Copy, Default)]
pub(super) struct Window {
    /// The number of the next one, if none is skipped.
    next: u32,
    /// Which of the last 256 before it were skipped: the lowest bit is the last one.
    skipped: [u128; 2],
}

const _: () = assert!(OUT_OF_ORDER_MAX == 256, "a window has a bit for each message that may come late");

impl Window {
    /// Whether a message may be opened.
    pub(super) fn peek(&self, number: u32) -> Result<(), OpenError> {
        match self.next.checked_sub(number) {
            Some(back @ 1..) if back > OUT_OF_ORDER_MAX => Err(OpenError::Old),
            Some(back @ 1..) if !self.is_skipped(back - 1) => Err(OpenError::Reused),
            Some(1..) => Ok(()),
            _ if number - self.next > FORWARD_DISTANCE_MAX => Err(OpenError::Early),
            _ if number == u32::MAX => Err(OpenError::Invalid),
            _ => Ok(()),
        }
    }

    /// Notes that it was.
    pub(super) fn take(&mut self, number: u32) {
        if let Some(back @ 1..) = self.next.checked_sub(number) {
            let at = back - 1;
            self.skipped[at as usize / 128 % 2] &= !(1 << (at % 128));
            return;
        }
        let skipped = number - self.next;
        self.shift(skipped);
        self.fill(skipped);
        self.shift(1);
        self.next = number.saturating_add(1);
    }

    fn is_skipped(&self, at: u32) -> bool {
        self.skipped[at as usize / 128 % 2] >> (at % 128) & 1 == 1
    }

    fn shift(&mut self, by: u32) {
        let [low, high] = self.skipped;
        self.skipped = match by {
            0 => [low, high],
            1..128 => [low << by, high << by | low >> (128 - by)],
            128..256 => [0, low << (by - 128)],
            _ => [0, 0],
        };
    }

    /// Sets the lowest bits.
    fn fill(&mut self, count: u32) {
        let ones = |count: u32| if count >= 128 { u128::MAX } else { (1 << count) - 1 };
        self.skipped[0] |= ones(count);
        self.skipped[1] |= ones(count.saturating_sub(128));
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut writer = Writer(Vec::with_capacity(36));
        writer.number(self.next);
        self.skipped.iter().for_each(|bits| writer.bytes(&bits.to_be_bytes()));
        writer.0
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let window = Self { next: reader.number()?, skipped: [reader.bytes()?, reader.bytes()?].map(u128::from_be_bytes) };
        reader.rest().is_empty().then_some(window)
    }
}
