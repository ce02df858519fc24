//! Before the day: relays start, everybody joins two of them and meets their friends, all by the protocol, in fair weather. Few are online at
//! a time, so that a million fit into memory: community by community, then the friendships across, some at a time.

use super::graph::Graph;
use super::town::Town;
use super::{Progress, Who};
use crate::proto::{Command, Reply};
use crate::types::RoomId;
use crate::types::time::{DAY, Millis, SECOND};

/// How long joining two relays takes, with all round trips.
const JOIN_MS: Millis = 2 * SECOND;
/// How long meeting takes: request, welcome, cards, receipts.
const MEET_MS: Millis = 5 * SECOND;
/// How long until everybody has the group.
const GROUP_MS: Millis = 4 * SECOND;
/// Friendships across communities that are made at a time.
const FAR_AT_A_TIME: usize = 250;

/// What the day needs to know.
pub(super) struct Rooms {
    /// The group of each circle.
    pub(super) groups: Vec<Option<RoomId>>,
    /// Public links, for strangers: one for each community.
    pub(super) links: Vec<String>,
}

/// Has everybody meet.
pub(super) fn meet(town: &mut Town, graph: &Graph, progress: &dyn Fn(Progress)) -> Rooms {
    let relays: Vec<Who> = (graph.accounts..graph.accounts + graph.relays).collect();
    relays.iter().for_each(|relay| town.start(*relay));
    let invites: Vec<String> = relays.iter().filter_map(|relay| link_of(town.command(*relay, Command::RelayInvite))).collect();
    let mut rooms = Rooms { groups: Vec::new(), links: Vec::new() };
    let steps = graph.near.len() + graph.far.len().div_ceil(FAR_AT_A_TIME);
    let tell = |town: &Town, at: usize| {
        progress(Progress { phase: "meeting", done: at as f64 / steps as f64, inputs: town.tally.inputs() });
    };
    let mut circles = graph.circles.iter().peekable();
    for (community, friends) in graph.near.iter().enumerate() {
        let people: Vec<Who> = graph.people_of(community as u32).collect();
        people.iter().for_each(|who| town.start(*who));
        for who in &people {
            for relay in graph.mailboxes(*who) {
                town.command(*who, Command::RelayJoin(invites[(relay - graph.accounts) as usize].clone()));
            }
        }
        town.run(town.now + JOIN_MS);
        befriend(town, friends);
        while let Some((first, size)) = circles.next_if(|(first, _)| people.contains(first)) {
            rooms.groups.push(group(town, *first, *size));
        }
        town.run(town.now + GROUP_MS);
        rooms.links.extend(link_of(town.command(people[0], Command::Invite { ttl_ms: DAY, public: true })));
        people.iter().for_each(|who| town.stop(*who));
        tell(town, community);
    }
    for (at, friends) in graph.far.chunks(FAR_AT_A_TIME).enumerate() {
        let people: Vec<Who> = friends.iter().flat_map(|(host, guest)| [*host, *guest]).collect();
        people.iter().for_each(|who| town.start(*who));
        town.run(town.now + JOIN_MS);
        befriend(town, friends);
        people.iter().for_each(|who| town.stop(*who));
        tell(town, graph.near.len() + at);
    }
    town.run(town.now + SECOND);
    town.is_fair = false;
    rooms
}

fn befriend(town: &mut Town, friends: &[(Who, Who)]) {
    for (host, guest) in friends {
        let link = link_of(town.command(*host, Command::Invite { ttl_ms: DAY, public: false }));
        if let Some(link) = link {
            town.command(*guest, Command::ContactAdd { link, name: None, greeting: "hello".to_owned() });
        }
    }
    town.run(town.now + MEET_MS);
}

/// The group of a circle; that of two stays silent, they talk directly.
fn group(town: &mut Town, first: Who, size: u32) -> Option<RoomId> {
    let members = (first + 1..first + size).map(|who| town.account(who)).collect();
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
