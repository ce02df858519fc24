//! What all shards know: the plan, who is who, how far apart machines are, and which shard each is in.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use super::attic::Attic;
use super::gate::Gate;
use super::graph::Graph;
use super::{Plan, Who, dice, purpose};
use crate::crypto::keys::Keys;
use crate::types::{AccountId, MessageId, Millis, PeerId};

/// What all shards know.
pub(super) struct Realm<'a> {
    pub(super) plan: &'a Plan,
    pub(super) graph: &'a Graph,
    pub(super) gate: Gate,
    /// Public links, for strangers: one for each community.
    links: Mutex<BTreeMap<u32, String>>,
    /// For each shard: messages of its people that are still on their way: who, which, to whom, whether they were there since.
    letters: Vec<Mutex<Vec<Letter>>>,
    /// For each shard: where lies what is not in use.
    attics: Vec<Arc<Mutex<Attic>>>,
    names: Vec<(AccountId, PeerId)>,
    by_peer: HashMap<PeerId, Who>,
}

/// A message that is still on its way: from whom, which, to whom, whether they were there since.
pub(super) type Letter = (Who, MessageId, Who, bool);

impl<'a> Realm<'a> {
    pub(super) fn new(plan: &'a Plan, graph: &'a Graph) -> io::Result<Self> {
        let names = (0..graph.accounts + graph.relays).map(|who| {
            let keys = keys(plan.seed, who);
            (keys.account_id(), keys.peer_id())
        });
        let names: Vec<(AccountId, PeerId)> = names.collect();
        let by_peer = names.iter().zip(0..).map(|((_, peer), who)| (*peer, who)).collect();
        let shards = plan.shards.clamp(1, graph.near.len());
        let letters = (0..shards).map(|_| Mutex::default()).collect();
        let attic = |shard| plan.scratch.as_deref().map_or_else(|| Ok(Attic::default()), |directory| Attic::in_directory(directory, shard));
        let attics = (0..shards).map(|shard| Ok(Arc::new(Mutex::new(attic(shard)?)))).collect::<io::Result<_>>()?;
        Ok(Self { plan, graph, gate: Gate::new(shards), links: Mutex::default(), letters, attics, names, by_peer })
    }

    /// Where lies what is not in use of a shard.
    pub(super) fn attic(&self, shard: usize) -> &Arc<Mutex<Attic>> {
        &self.attics[shard]
    }

    pub(super) fn is_relay(&self, who: Who) -> bool {
        who >= self.graph.accounts
    }

    /// Whether somebody sits behind an address translator.
    pub(super) fn is_hidden(&self, who: Who) -> bool {
        let percent = u64::from(self.plan.people.net.hidden_percent);
        !self.is_relay(who) && dice(self.plan.seed, who, purpose::HIDDEN).below(100) < percent
    }

    pub(super) fn account(&self, who: Who) -> AccountId {
        self.names[who as usize].0
    }

    pub(super) fn peer(&self, who: Who) -> PeerId {
        self.names[who as usize].1
    }

    pub(super) fn who(&self, peer: &PeerId) -> Option<Who> {
        self.by_peer.get(peer).copied()
    }

    pub(super) fn keys(&self, who: Who) -> Keys {
        keys(self.plan.seed, who)
    }

    /// How long what one sends takes to another.
    pub(super) fn delay(&self, one: Who, other: Who) -> Millis {
        let (low, high) = self.plan.people.net.delay_ms;
        let pair = u64::from(one.min(other)) << 32 | u64::from(one.max(other));
        low + (pair.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) % (high - low + 1)
    }

    /// The least delay there is: so long no shard can know of what another does.
    pub(super) fn delay_min(&self) -> Millis {
        self.plan.people.net.delay_ms.0.max(1)
    }

    /// Those who listen for all, spread evenly.
    pub(super) fn ears(&self) -> impl Iterator<Item = Who> + use<> {
        let (people, relays, ears) = (self.graph.accounts, self.graph.relays, self.plan.people.net.ears);
        let spread =
            |first: Who, all: u32, some: u32| (0..some).map(move |at| first + (u64::from(at) * u64::from(all) / u64::from(some)) as u32);
        spread(0, people, ears.0.min(people)).chain(spread(people, relays, ears.1.min(relays)))
    }

    /// Communities of a shard: neighbours, as the second mailbox of each is at the next one's relay.
    pub(super) fn communities(&self, shard: usize) -> Range<u32> {
        let (all, shards) = (self.graph.near.len(), self.gate.shards());
        (shard * all / shards) as u32..((shard + 1) * all / shards) as u32
    }

    /// People of a shard.
    pub(super) fn people(&self, shard: usize) -> Range<Who> {
        let of = self.communities(shard);
        self.graph.people_of(of.start).start..self.graph.people_of(of.end - 1).end
    }

    /// Relays of a shard: those of its communities.
    pub(super) fn relays(&self, shard: usize) -> Range<Who> {
        let of = self.communities(shard);
        let end = if shard + 1 == self.gate.shards() { self.graph.relays } else { of.end };
        self.graph.accounts + of.start..self.graph.accounts + end
    }

    /// The shard of a machine.
    pub(super) fn shard(&self, who: Who) -> usize {
        let (all, shards) = (self.graph.near.len(), self.gate.shards());
        let community = if self.is_relay(who) { who - self.graph.accounts } else { self.graph.community(who) };
        ((community as usize + 1) * shards - 1).min(all * shards - 1) / all
    }

    /// Tells everybody the public link of a community.
    pub(super) fn tell_link(&self, community: u32, link: String) {
        self.links.lock().unwrap_or_else(PoisonError::into_inner).insert(community, link);
    }

    /// All public links, by community.
    pub(super) fn links(&self) -> Vec<String> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Leaves letters with the shards of those who wrote them.
    pub(super) fn leave_letters(&self, letters: impl Iterator<Item = Letter>) {
        let mut by_shard: Vec<Vec<Letter>> = self.letters.iter().map(|_| Vec::new()).collect();
        letters.for_each(|letter| by_shard[self.shard(letter.0)].push(letter));
        for (all, some) in self.letters.iter().zip(&mut by_shard) {
            all.lock().unwrap_or_else(PoisonError::into_inner).append(some);
        }
    }

    /// Takes those that were left with a shard, in order.
    pub(super) fn take_letters(&self, shard: usize) -> Vec<Letter> {
        let mut letters = std::mem::take(&mut *self.letters[shard].lock().unwrap_or_else(PoisonError::into_inner));
        letters.sort_unstable();
        letters
    }
}

fn keys(seed: u64, who: Who) -> Keys {
    let mut rng = dice(seed, who, purpose::KEYS);
    Keys::new(&rng.bytes(), &rng.bytes(), &rng.bytes())
}
