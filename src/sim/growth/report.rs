//! What a day came to at each size, how each figure grows, and what that means for very many people.

use serde::Serialize;

use super::Played;
use super::day::Told;
use super::measure::{Delays, INPUTS, Shares, Tally, Work};
use super::realm::Realm;
use super::shelf::Cards;
use super::town::House;
use crate::types::Table;
use crate::types::limits::{RELAY_ANNOUNCE_MS, RELAY_PAUSE_MS_MAX, RELAY_SHARE_MS};
use crate::types::time::{DAY, HOUR};
use crate::wire::frame::Frame;

/// One size.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// People.
    pub accounts: u32,
    /// Relays.
    pub relays: u32,
    /// Contacts of a person, on average and at most.
    pub contacts: (f64, usize),
    /// Sessions, messages that `send` took and did not take, requests of strangers.
    pub told: [u64; 4],
    /// What had become of the messages when the day was over; each counts for every recipient.
    pub shares: Shares,
    /// Of those, delivered after everybody had looked once more, as often as the plan has it.
    pub delivered_after: u64,
    /// Every figure by name, in the order in which they are shown.
    pub figures: Vec<Figure>,
    /// What people's machines and relays sent on that day, by kind of frame: frames, bytes.
    pub frames: [Vec<(String, u64, u64)>; 2],
    /// Inputs of people's machines and of relays on that day, by what they were.
    pub inputs: [Vec<(&'static str, u64)>; 2],
    /// Bytes of the rows of one person, by table, most first; of those who listen for all.
    pub tables: Vec<(String, f64)>,
    /// Inputs of all phases.
    pub events: u64,
}

/// A number with its name.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// What it is, with its unit.
    pub name: &'static str,
    /// How much.
    pub value: f64,
}

impl Row {
    pub(super) fn new(realm: &Realm, played: Vec<Played>) -> Self {
        let (plan, graph) = (realm.plan, realm.graph);
        let (mut met, mut day, mut last) = (Tally::default(), Tally::default(), Tally::default());
        let (mut shares, mut told) = (Shares::default(), Told::default());
        for shard in &played {
            met.add(&shard.met);
            day.add(&shard.day);
            last.add(&shard.town.tally);
            shares.add(&shard.shares);
            told.add(&shard.told);
        }
        let degrees = || graph.contacts.iter().map(|contacts| contacts.len());
        let tables = tables(realm, &played);
        Self {
            accounts: graph.accounts,
            relays: graph.relays,
            contacts: (degrees().sum::<usize>() as f64 / f64::from(graph.accounts), degrees().max().unwrap_or(0)),
            told: [told.sessions, told.messages, told.refused, told.strangers],
            shares,
            delivered_after: last.mail.delivered,
            figures: figures(realm, (&met, &day), memory(realm, &played, &tables)),
            frames: [frames(&day.people), frames(&day.relays)],
            inputs: [&day.people, &day.relays].map(|work| INPUTS.into_iter().zip(work.by_input).collect()),
            tables,
            events: met.inputs() + if plan.mornings > 0 { last.inputs() } else { day.inputs() },
        }
    }

    /// A figure by its name.
    pub fn figure(&self, name: &str) -> Option<f64> {
        self.figures.iter().find(|figure| figure.name == name).map(|figure| figure.value)
    }
}

fn frames(work: &Work) -> Vec<(String, u64, u64)> {
    let name = |kind: u16| Frame::DECODED.iter().find(|(number, _)| *number == kind).map_or("?", |(_, name)| name);
    let mut frames: Vec<(String, u64, u64)> =
        work.by_kind.iter().map(|(kind, (count, bytes))| (name(*kind).to_owned(), *count, *bytes)).collect();
    frames.sort_by_key(|(_, _, bytes)| std::cmp::Reverse(*bytes));
    frames
}

fn tables(realm: &Realm, played: &[Played]) -> Vec<(String, f64)> {
    let some: Vec<_> = realm.ears().filter(|who| !realm.is_relay(*who)).collect();
    let mut sums = [0; Table::ALL.len()];
    for who in &some {
        let town = &played[realm.shard(*who)].town;
        town.house(*who).shelf.look(&town.cards, |rows| {
            for (key, value) in rows.iter() {
                if let Some(at) = Table::ALL.iter().position(|table| key.first() == Some(&(*table as u8))) {
                    sums[at] += key.len() + value.len();
                }
            }
        });
    }
    let mut tables: Vec<(String, f64)> =
        Table::ALL.iter().zip(sums).map(|(table, sum)| (format!("{table:?}"), sum as f64 / some.len().max(1) as f64)).collect();
    tables.retain(|(_, bytes)| *bytes > 0.0);
    tables.sort_by(|one, other| other.1.total_cmp(&one.1));
    tables
}

/// Bytes of rows.
struct Memory {
    /// Of a person.
    person: f64,
    /// Of all relays.
    relays: u64,
    /// Of everybody, packed.
    packed: u64,
}

fn memory(realm: &Realm, played: &[Played], tables: &[(String, f64)]) -> Memory {
    let houses = || played.iter().flat_map(|shard| shard.town.houses());
    let relays = played.iter().flat_map(|shard| shard.town.part.relays.clone().map(|relay| shard.town.house(relay)));
    let bytes = |house: &House| house.shelf.look(&Cards::default(), |rows| rows.bytes() as u64);
    let packed = houses().map(|house| house.shelf.packed()).sum::<usize>() + Cards::bytes(played.iter().map(|shard| &shard.town.cards));
    debug_assert_eq!(houses().count() as u32, realm.graph.accounts + realm.graph.relays);
    Memory { person: tables.iter().map(|(_, bytes)| bytes).sum(), relays: relays.map(bytes).sum(), packed: packed as u64 }
}

fn figures(realm: &Realm, (met, day): (&Tally, &Tally), memory: Memory) -> Vec<Figure> {
    let (plan, graph) = (realm.plan, realm.graph);
    let (people, relays) = (f64::from(graph.accounts), f64::from(graph.relays));
    let hours = plan.day as f64 / HOUR as f64;
    let (mail, held) = (&day.mail, &day.held);
    let ms = |delays: &Delays, share: f64| delays.quantile(share).unwrap_or(0) as f64;
    let per = |value: u64, by: f64| if by > 0.0 { value as f64 / by } else { 0.0 };
    let ears = (f64::from(plan.people.net.ears.0.min(graph.accounts)), f64::from(plan.people.net.ears.1.min(graph.relays)));
    let online_hours = day.online_ms as f64 / HOUR as f64;
    let figures = [
        ("messages delivered in the day, % of those sent", 100.0 * per(mail.delivered, mail.sent as f64)),
        ("delay to who is online, p50 ms", ms(&mail.online, 0.5)),
        ("delay to who is online, p99 ms", ms(&mail.online, 0.99)),
        ("delay to who was away, after coming, p50 ms", ms(&mail.coming, 0.5)),
        ("delay to who was away, after coming, p99 ms", ms(&mail.coming, 0.99)),
        ("delay to who was away, since sent, p50 min", ms(&mail.offline, 0.5) / 60_000.0),
        ("delay to who was away, since sent, p99 min", ms(&mail.offline, 0.99) / 60_000.0),
        ("bytes sent by people for each byte of text delivered", per(day.people.bytes, mail.text as f64)),
        ("bytes sent by relays for each byte of text delivered", per(day.relays.bytes, mail.text as f64)),
        ("bytes sent by a person a day", per(day.people.bytes, people)),
        ("bytes sent by relays a day, for each account", per(day.relays.bytes, people)),
        ("bytes sent by a relay a second", per(day.relays.bytes, relays * hours * 3_600.0)),
        ("bytes sent to a relay a second, at most", per(day.people.bytes, relays * hours * 3_600.0)),
        ("envelopes held at peak, for each account", per(held.entries.peak(), people)),
        ("bytes held at peak, for each account", per(held.bytes.peak(), people)),
        ("envelopes held at the fullest relay", held.most as f64),
        ("bytes held at the fullest relay", held.most_bytes as f64),
        ("directory look-ups", 0.0),
        ("hops of a look-up", 0.0),
        ("bytes of rows of a person", memory.person),
        ("bytes of rows of a relay, for each account", per(memory.relays, people)),
        ("bytes of rows of a person in this simulation's memory", per(memory.packed, people)),
        ("inputs of a person a day", per(day.people.inputs(), people)),
        ("inputs of relays a day, for each account", per(day.relays.inputs(), people)),
        ("wake-ups of a person in an hour online", per(day.people.wakes, online_hours)),
        ("wake-ups of a relay in an hour", per(day.relays.wakes, relays * hours)),
        ("dials of a person a day", per(day.people.dials.0, people)),
        ("dials of a person a day that failed", per(day.people.dials.1, people)),
        ("hours online of a person", online_hours / people),
        ("people online at peak, %", 100.0 * per(day.crowd.peak(), people)),
        ("inputs of meeting, for each account", per(met.inputs(), people)),
        ("relay announcements in the day", day.gossip.published.0 as f64),
        ("announcements to a person a day", per(day.gossip.people.0, ears.0)),
        ("bytes of announcements to a person a day", per(day.gossip.people.1, ears.0)),
        ("bytes of announcements to a relay a day", per(day.gossip.relays.1, ears.1)),
    ];
    figures.into_iter().map(|(name, value)| Figure { name, value }).collect()
}

/// How a figure grows with n, by least squares.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Fit {
    /// Which.
    pub name: &'static str,
    /// The power of n: the slope of log value over log n. 0 is constant, 1 is proportional to n. None when a value is 0.
    pub power: Option<f64>,
    /// What is added with each doubling of n: the slope of the value over log₂ n.
    pub doubling: f64,
    /// That, as a share of the mean.
    pub doubling_share: Option<f64>,
}

/// How each figure grows over these sizes; none when there is but one.
pub fn fits(rows: &[Row]) -> Vec<Fit> {
    let Some(first) = rows.first().filter(|_| rows.len() > 1) else { return Vec::new() };
    let n: Vec<f64> = rows.iter().map(|row| f64::from(row.accounts)).collect();
    let fit = |name: &'static str| {
        let values: Vec<f64> = rows.iter().filter_map(|row| row.figure(name)).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let (logs, doublings) = (n.iter().map(|n| n.ln()).collect::<Vec<_>>(), n.iter().map(|n| n.log2()).collect::<Vec<_>>());
        let power = values.iter().all(|value| *value > 0.0).then(|| {
            let values: Vec<f64> = values.iter().map(|value| value.ln()).collect();
            slope(&logs, &values)
        });
        let doubling = slope(&doublings, &values);
        Fit { name, power, doubling, doubling_share: (mean > 0.0).then(|| doubling / mean) }
    };
    first.figures.iter().map(|figure| fit(figure.name)).collect()
}

fn slope(x: &[f64], y: &[f64]) -> f64 {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (mx, my) = (mean(x), mean(y));
    let (top, bottom) = x.iter().zip(y).fold((0.0, 0.0), |(top, bottom), (x, y)| (top + (x - mx) * (y - my), bottom + (x - mx) * (x - mx)));
    if bottom > 0.0 { top / bottom } else { 0.0 }
}

/// What a relay would bear if so many shared 300 million people.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Outlook {
    /// Relays.
    pub relays: u64,
    /// Accounts of each; each account has two inboxes.
    pub accounts: f64,
    /// Bytes it sends a second, on average over the day.
    pub bytes_per_second: f64,
    /// Bytes it holds at peak, with the rows of its inboxes.
    pub storage: f64,
    /// Connections at the busiest moment.
    pub connections: f64,
    /// Bytes of announcements of relays that it, and each person who is online all day, would be told in a day.
    pub gossip: f64,
}

/// People on the whole.
const EVERYBODY: f64 = 300e6;

/// From the figures of one size.
pub fn outlook(row: &Row) -> Vec<Outlook> {
    let get = |name: &str| row.figure(name).unwrap_or(0.0);
    let of = |relays: u64| {
        let accounts = EVERYBODY / relays as f64;
        let (heard, bytes) = (get("announcements to a person a day"), get("bytes of announcements to a person a day"));
        let each = if heard > 0.0 { bytes / heard } else { 0.0 };
        // As `proto::mailbox` has it: each pauses for longer, the more there are.
        let pause = relays.saturating_mul(RELAY_SHARE_MS).clamp(RELAY_ANNOUNCE_MS, RELAY_PAUSE_MS_MAX);
        Outlook {
            relays,
            accounts,
            bytes_per_second: accounts * get("bytes sent by relays a day, for each account") / (DAY / 1_000) as f64,
            storage: accounts * (get("bytes held at peak, for each account") + get("bytes of rows of a relay, for each account")),
            connections: 2.0 * accounts * get("people online at peak, %") / 100.0,
            gossip: (relays * DAY) as f64 / pause as f64 * each,
        }
    };
    [1_000, 10_000, 100_000].map(of).to_vec()
}
