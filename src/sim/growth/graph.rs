//! Who knows whom, and which relay is whose.

use super::people::People;
use super::{Who, dice, purpose};

/// A small world: circles in which all know each other, friends within the community, and now and then somebody far away.
pub struct Graph {
    /// How many people.
    pub accounts: u32,
    /// How many relays; their numbers follow those of the people.
    pub relays: u32,
    /// Whom each knows, in order.
    pub contacts: Vec<Box<[Who]>>,
    /// Circles, in order: the first of each, and how many.
    pub circles: Vec<(Who, u32)>,
    /// Friendships within each community: who gives the link, who uses it.
    pub near: Vec<Vec<(Who, Who)>>,
    /// Friendships across communities.
    pub far: Vec<(Who, Who)>,
    accounts_per_relay: u32,
}

impl Graph {
    /// The graph of a seed.
    pub fn new(seed: u64, accounts: u32, people: &People) -> Self {
        let communities = accounts.div_ceil(people.accounts_per_relay).max(1);
        let mut graph = Self {
            accounts,
            relays: communities.max(2),
            contacts: Vec::new(),
            circles: Vec::new(),
            near: vec![Vec::new(); communities as usize],
            far: Vec::new(),
            accounts_per_relay: people.accounts_per_relay,
        };
        let mut known = vec![Vec::new(); accounts as usize];
        for community in 0..communities {
            graph.circles_of(seed, community, people, &mut known);
        }
        for who in 0..accounts {
            graph.friends_of(seed, who, people, &mut known);
        }
        graph.contacts = known
            .into_iter()
            .map(|mut contacts| {
                contacts.sort_unstable();
                contacts.into_boxed_slice()
            })
            .collect();
        graph
    }

    /// Which community somebody is of.
    pub fn community(&self, who: Who) -> u32 {
        who / self.accounts_per_relay
    }

    /// The people of a community.
    pub fn people_of(&self, community: u32) -> std::ops::Range<Who> {
        let first = community * self.accounts_per_relay;
        first..(first + self.accounts_per_relay).min(self.accounts)
    }

    /// The relays with somebody's mailboxes.
    pub fn mailboxes(&self, who: Who) -> [Who; 2] {
        let home = self.community(who);
        [self.accounts + home, self.accounts + (home + 1) % self.relays]
    }

    /// The people whose mailboxes a relay has, by community.
    pub fn communities_at(&self, relay: Who) -> impl Iterator<Item = u32> {
        let (home, all) = (relay - self.accounts, self.near.len() as u32);
        let before = (home + self.relays - 1) % self.relays;
        [Some(home), (before != home).then_some(before)].into_iter().flatten().filter(move |community| *community < all)
    }

    /// The circle of a person.
    pub fn circle_of(&self, who: Who) -> usize {
        self.circles.partition_point(|(first, _)| *first <= who) - 1
    }

    /// The circles of a community.
    pub fn circles_in(&self, community: u32) -> std::ops::Range<usize> {
        let people = self.people_of(community);
        self.circle_of(people.start)..self.circles.partition_point(|(first, _)| *first < people.end)
    }

    fn circles_of(&mut self, seed: u64, community: u32, people: &People, known: &mut [Vec<Who>]) {
        let mut rng = dice(seed, community, purpose::CIRCLES);
        let everybody = self.people_of(community);
        let mut first = everybody.start;
        while first < everybody.end {
            let (low, high) = people.circle;
            let size = (low + rng.below(u64::from(high - low + 1)) as u32).min(everybody.end - first);
            for guest in first..first + size {
                for host in first..guest {
                    self.near[community as usize].push((host, guest));
                    meet(known, host, guest);
                }
            }
            self.circles.push((first, size));
            first += size;
        }
    }

    fn friends_of(&mut self, seed: u64, who: Who, people: &People, known: &mut [Vec<Who>]) {
        let mut rng = dice(seed, who, purpose::FRIENDS);
        let community = self.community(who);
        let around = self.people_of(community);
        for _ in 0..rng.below(u64::from(people.near_max) + 1) {
            let other = around.start + rng.below(u64::from(around.end - around.start)) as u32;
            if meet(known, other, who) {
                self.near[community as usize].push((other, who));
            }
        }
        if rng.below(100) < u64::from(people.far_percent) {
            let other = rng.below(u64::from(self.accounts)) as u32;
            if meet(known, other, who) {
                self.far.push((other, who));
            }
        }
    }
}

fn meet(known: &mut [Vec<Who>], one: Who, other: Who) -> bool {
    let is_new = one != other && !known[one as usize].contains(&other);
    if is_new {
        known[one as usize].push(other);
        known[other as usize].push(one);
    }
    is_new
}
