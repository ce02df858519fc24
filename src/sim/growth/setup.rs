//! Before the day: relays start, everybody joins two of them and meets their friends, all by the protocol, in fair weather. Few are online at
//! a time, so that a million fit into memory: some communities at a time, then the friendships across, some at a time. What one tells
//! another by word of mouth takes as long as what their machines say.

use std::collections::BTreeMap;

use super::town::Town;
use super::{Progress, Who};
use crate::proto::{Command, Reply};
use crate::types::RoomId;
use crate::types::time::{DAY, Millis, SECOND};

/// How long joining two relays takes, with all round trips.
const JOIN_MS: Millis = 2 * SECOND;
/// How long meeting takes: link, request, welcome, cards, receipts.
const MEET_MS: Millis = 5 * SECOND;
/// How long until everybody has the group.
const GROUP_MS: Millis = 4 * SECOND;
/// Communities that meet at a time, when there are many: more than there are shards on most machines, and spread over them.
const COMMUNITIES_AT_A_TIME: u32 = 8;
/// Friendships across communities that are made at a time.
const FAR_AT_A_TIME: usize = 250;

/// What the day needs to know.
pub(super) struct Rooms {
    /// The group of each circle of this shard.
    pub(super) groups: BTreeMap<usize, RoomId>,
    /// Public links, for strangers: one for each community, everywhere.
    pub(super) links: Vec<String>,
}

/// Has everybody meet.
pub(super) fn meet(town: &mut Town, progress: &dyn Fn(Progress)) -> Rooms {
    let graph = town.realm.graph;
    let relays: Vec<Who> = town.part.relays.clone().collect();
    relays.iter().for_each(|relay| town.start(*relay));
    let invites: Vec<(Who, String)> =
        relays.iter().filter_map(|relay| Some((*relay, link_of(town.command(*relay, Command::RelayInvite))?))).collect();
    let mut rooms = Rooms { groups: BTreeMap::new(), links: Vec::new() };
    let communities = graph.near.len() as u32;
    let rounds = communities.div_ceil((communities / 16).clamp(2, COMMUNITIES_AT_A_TIME));
    let far_rounds = graph.far.len().div_ceil(FAR_AT_A_TIME);
    let tell = |town: &Town, at: usize| town.show("meeting", at as f64 / (rounds as usize + far_rounds) as f64, progress);
    for round in 0..rounds {
        let here: Vec<u32> = town.realm.communities(town.part.shard).filter(|community| community % rounds == round).collect();
        near(town, &here, |community| community % rounds == round, &invites, &mut rooms);
        tell(town, round as usize);
    }
    for round in 0..far_rounds {
        // Of each part of the town some.
        let friends: Vec<(Who, Who)> = graph.far.iter().skip(round).step_by(far_rounds).copied().collect();
        let people: Vec<Who> = friends.iter().flat_map(|(host, guest)| [*host, *guest]).filter(|who| town.has(*who)).collect();
        people.iter().for_each(|who| town.start(*who));
        town.run(town.now + JOIN_MS);
        befriend(town, &friends);
        people.iter().for_each(|who| town.stop(*who));
        tell(town, rounds as usize + round);
    }
    town.run(town.now + SECOND);
    town.is_fair = false;
    town.meet();
    rooms.links = town.realm.links();
    rooms
}

/// Some communities: joins, friends, groups.
fn near(town: &mut Town, here: &[u32], is_on: impl Fn(u32) -> bool, invites: &[(Who, String)], rooms: &mut Rooms) {
    let graph = town.realm.graph;
    let people = || here.iter().flat_map(|community| graph.people_of(*community));
    people().for_each(|who| town.start(who));
    for (relay, link) in invites {
        for who in graph.communities_at(*relay).filter(|community| is_on(*community)).flat_map(|community| graph.people_of(community)) {
            town.tell(*relay, who, Command::RelayJoin(link.clone()));
        }
    }
    town.run(town.now + JOIN_MS);
    let friends: Vec<(Who, Who)> = here.iter().flat_map(|community| graph.near[*community as usize].iter().copied()).collect();
    befriend(town, &friends);
    for community in here {
        for circle in graph.circles_in(*community) {
            let (first, size) = graph.circles[circle];
            rooms.groups.extend(group(town, first, size).map(|room| (circle, room)));
        }
    }
    town.run(town.now + GROUP_MS);
    for community in here {
        let first = graph.people_of(*community).start;
        if let Some(link) = link_of(town.command(first, Command::Invite { ttl_ms: DAY, public: true })) {
            town.realm.tell_link(*community, link);
        }
    }
    people().for_each(|who| town.stop(who));
}

/// Hosts give links to their guests.
fn befriend(town: &mut Town, friends: &[(Who, Who)]) {
    for (host, guest) in friends {
        if town.has(*host)
            && let Some(link) = link_of(town.command(*host, Command::Invite { ttl_ms: DAY, public: false }))
        {
            town.tell(*host, *guest, Command::ContactAdd { link, name: None, greeting: "hello".to_owned() });
        }
    }
    town.run(town.now + MEET_MS);
}

/// The group of a circle; that of two stays silent, they talk directly.
fn group(town: &mut Town, first: Who, size: u32) -> Option<RoomId> {
    let members = (first + 1..first + size).map(|who| town.realm.account(who)).collect();
    match town.command(first, Command::RoomCreate { name: "us".to_owned(), members }) {
        Some(Ok(Reply::Room(room))) if size > 2 => Some(room),
        _ => None,
    }
}

fn link_of<E>(reply: Option<Result<Reply, E>>) -> Option<String> {
    match reply {
        Some(Ok(Reply::Link(link))) => Some(link),
        _ => None,
    }
}
