//! What misbehaviour costs a peer: points, forgiven with time; at `MISBEHAVIOUR_MAX` it is disconnected and refused for a while.

use std::collections::BTreeMap;

use super::Misbehaviour;
use crate::types::limits::{MISBEHAVIOUR_DECAY_MS, MISBEHAVIOUR_MAX, SCORED_PEERS_MAX};
use crate::types::{Millis, PeerId};

/// The one table of what it costs. What a bug can do is cheap; what takes intent is dear.
fn cost(why: Misbehaviour) -> u32 {
    match why {
        Misbehaviour::Malformed => 20,
        Misbehaviour::Signature => 50,
        Misbehaviour::Work => 25,
        Misbehaviour::Right => 10,
        Misbehaviour::Unexpected => 5,
    }
}

/// The points of each peer.
#[derive(Debug, Default)]
pub struct Guilt {
    /// Points, and when they were last counted.
    points: BTreeMap<PeerId, (u32, Millis)>,
}

impl Guilt {
    /// A peer misbehaved; returns whether that was once too often. Then its count starts anew.
    pub fn add(&mut self, peer: PeerId, why: Misbehaviour, now: Millis) -> bool {
        if self.points.len() >= SCORED_PEERS_MAX && !self.points.contains_key(&peer) {
            self.forget(now);
        }
        let entry = self.points.entry(peer).or_insert((0, now));
        *entry = (remaining(*entry, now).saturating_add(cost(why)), now);
        let is_over = entry.0 >= MISBEHAVIOUR_MAX;
        if is_over {
            self.points.remove(&peer);
        }
        is_over
    }

    /// Forgets the forgiven, or else the least guilty.
    fn forget(&mut self, now: Millis) {
        self.points.retain(|_, entry| remaining(*entry, now) > 0);
        if self.points.len() >= SCORED_PEERS_MAX {
            let least = self.points.iter().min_by_key(|(_, entry)| remaining(**entry, now)).map(|(peer, _)| *peer);
            least.map(|peer| self.points.remove(&peer));
        }
    }
}

fn remaining((points, since): (u32, Millis), now: Millis) -> u32 {
    let forgiven = now.saturating_sub(since) / MISBEHAVIOUR_DECAY_MS;
    points.saturating_sub(u32::try_from(forgiven).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MALLORY: PeerId = PeerId([13; 32]);

    #[test]
    fn the_second_forged_signature_is_one_too_many() {
        let mut guilt = Guilt::default();
        assert!(!guilt.add(MALLORY, Misbehaviour::Signature, 0));
        assert!(guilt.add(MALLORY, Misbehaviour::Signature, MISBEHAVIOUR_DECAY_MS - 1));
        assert!(!guilt.add(MALLORY, Misbehaviour::Signature, MISBEHAVIOUR_DECAY_MS), "it starts anew");
    }

    #[test]
    fn a_rare_bug_is_forgiven() {
        let mut guilt = Guilt::default();
        for turn in 0..1_000 {
            assert!(!guilt.add(MALLORY, Misbehaviour::Malformed, turn * 20 * MISBEHAVIOUR_DECAY_MS));
        }
    }

    #[test]
    fn a_crowd_of_offenders_does_not_hide_the_worst() {
        let mut guilt = Guilt::default();
        assert!(!guilt.add(MALLORY, Misbehaviour::Signature, 0));
        for number in 0..2 * SCORED_PEERS_MAX as u64 {
            let mut id = [0; 32];
            id[..8].copy_from_slice(&number.to_be_bytes());
            guilt.add(PeerId(id), Misbehaviour::Unexpected, 0);
        }
        assert!(guilt.points.len() <= SCORED_PEERS_MAX);
        assert!(guilt.add(MALLORY, Misbehaviour::Signature, 0));
    }
}
