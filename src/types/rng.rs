//! Randomness as an argument: a ChaCha20 stream from one seed. In a person's node the seed comes from the operating system.

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

/// A seeded, cryptographically strong generator; the same seed gives the same bytes.
pub struct Rng(ChaCha20Rng);

impl Rng {
    /// From 32 bytes of seed.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(ChaCha20Rng::from_seed(seed))
    }

    /// Fresh bytes, for an id, a nonce or a key.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill_bytes(&mut bytes);
        bytes
    }

    /// A number below `bound` (0 when `bound` is 0). The bias of the plain remainder is below 2⁻³² for bounds below 2³².
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0.next_u64().checked_rem(bound).unwrap_or(0)
    }

    /// `base` and up to as much again: a retry delay that does not march in step with others.
    pub fn jitter(&mut self, base: u64) -> u64 {
        base + self.below(base.max(1))
    }
}

impl std::fmt::Debug for Rng {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Rng(..)")
    }
}
