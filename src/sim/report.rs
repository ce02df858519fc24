//! What the protocol costs, for a fixed set of stories: a change of it shows in the golden file beside the tests.

use serde::Serialize;

use super::link::Weather;
use super::play::{self, Verdict};
use super::scenario::{Blow, Scenario};
use crate::types::Millis;
use crate::types::time::{HOUR, MINUTE, SECOND};

/// What one story cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The story.
    pub story: String,
    /// Messages that were sent.
    pub sent: u64,
    /// Messages that arrived, counted for each receiver.
    pub deliveries: u64,
    /// Lines that an envelope went over, in hundredths for each arrival: straight is 100, by a mailbox 200.
    pub hops_percent: u64,
    /// Frames for each delivery, in hundredths; receipts, cards and heads included.
    pub frames_percent: u64,
    /// Bytes on all lines for each delivery.
    pub bytes: u64,
    /// Envelopes that came to somebody who had them.
    pub duplicates: u64,
    /// From fair weather until everything was where it belongs, in milliseconds.
    pub settled_ms: Millis,
    /// What went wrong, if anything.
    pub fault: Option<String>,
}

/// Seeds of the workload that are counted together.
const SEEDS: u64 = 20;
/// Texts in each story.
const TEXTS: u16 = 100;

/// All stories, played.
pub fn rows() -> Vec<Row> {
    let mut rows: Vec<Row> = stories().iter().map(|(name, scenario)| row((*name).to_owned(), &[play::play(scenario)])).collect();
    let seeds: Vec<Verdict> = (0..SEEDS).map(|seed| play::play(&Scenario::of_seed(seed))).collect();
    rows.push(row(format!("seeds 0 to {}", SEEDS - 1), &seeds));
    rows
}

fn row(story: String, verdicts: &[Verdict]) -> Row {
    let mut tally = super::world::Tally::default();
    verdicts.iter().for_each(|verdict| tally.add(&verdict.tally));
    let for_each = |number: u64| number / tally.deliveries.max(1);
    Row {
        story,
        sent: verdicts.iter().map(|verdict| verdict.sent).sum(),
        deliveries: tally.deliveries,
        hops_percent: tally.hops * 100 / tally.arrivals.max(1),
        frames_percent: for_each(tally.frames * 100),
        bytes: for_each(tally.bytes),
        duplicates: tally.duplicates,
        settled_ms: verdicts.iter().map(|verdict| verdict.settled_ms).max().unwrap_or(0),
        fault: verdicts.iter().find_map(|verdict| verdict.fault.clone()),
    }
}

/// A table in Markdown.
pub fn table(rows: &[Row]) -> String {
    let mut table = "| story | sent | deliveries | hops | frames each | bytes each | duplicates | settled |\n".to_owned();
    table.push_str("|---|---|---|---|---|---|---|---|\n");
    for row in rows {
        let fault = row.fault.as_ref().map(|fault| format!(" ({fault})")).unwrap_or_default();
        let (hops, frames) = (hundredths(row.hops_percent), hundredths(row.frames_percent));
        let line = [
            format!("{}{fault}", row.story),
            row.sent.to_string(),
            row.deliveries.to_string(),
            hops,
            frames,
            row.bytes.to_string(),
            row.duplicates.to_string(),
            format!("{} s", row.settled_ms / SECOND),
        ];
        table.push_str(&format!("| {} |\n", line.join(" | ")));
    }
    table
}

fn hundredths(number: u64) -> String {
    format!("{}.{:02}", number / 100, number % 100)
}

fn story(people: u8, relays: u8, blows: Vec<Blow>) -> Scenario {
    let weather = Weather { delay: 50, ..Weather::fair() };
    Scenario { seed: 1, real: false, people, relays, inbox_bytes: 64 << 20, weather, blows }
}

/// Everybody meets everybody, one after the other.
fn met(people: u8) -> Vec<Blow> {
    let pairs = (0..people).flat_map(|guest| (0..guest).map(move |host| (host, guest)));
    pairs.flat_map(|(host, guest)| [Blow::Meet { host, guest, public: false }, Blow::Wait(5 * SECOND)]).collect()
}

/// Texts, one a minute.
fn talk(from: u8, to: u8) -> Vec<Blow> {
    (0..TEXTS).flat_map(|_| [Blow::Say { from, to, count: 1 }, Blow::Wait(MINUTE)]).collect()
}

fn stories() -> Vec<(&'static str, Scenario)> {
    let wait = || vec![Blow::Wait(MINUTE)];
    let tell = || vec![Blow::Tell { from: 0, count: TEXTS }, Blow::Wait(10 * MINUTE)];
    let write = || vec![Blow::Say { from: 0, to: 1, count: TEXTS }, Blow::Wait(10 * MINUTE)];
    let join = |who: u8, relay: u8| vec![Blow::Join(who, relay), Blow::Wait(5 * SECOND)];
    let kill = |who: u8| vec![Blow::Kill(who)];
    vec![
        ("two friends online, a text a minute", story(2, 0, [met(2), wait(), talk(0, 1)].concat())),
        ("two friends online, all at once", story(2, 0, [met(2), wait(), write()].concat())),
        ("a friend away, one relay", story(2, 1, [join(1, 2), met(2), wait(), kill(1), write()].concat())),
        ("a friend away, two relays", story(2, 2, [join(1, 2), join(1, 3), met(2), wait(), kill(1), write()].concat())),
        ("a friend away, a neighbour", story(3, 0, [met(3), vec![Blow::Ask(1, 2)], wait(), kill(1), write()].concat())),
        (
            "a friend away, whose relay only the sender's own relay reaches",
            story(
                2,
                2,
                [join(0, 2), join(1, 3), met(2), wait(), kill(1), vec![Blow::Cut(0, 3)], write(), kill(0), vec![Blow::Start(1)], wait()]
                    .concat(),
            ),
        ),
        ("a group of six, all there", story(6, 0, [met(6), vec![Blow::Group(0)], wait(), tell()].concat())),
        (
            "a group of six at one relay, three away",
            story(
                6,
                1,
                [(0..6).flat_map(|who| join(who, 6)).collect(), met(6), vec![Blow::Group(0)], wait(), kill(3), kill(4), kill(5), tell()]
                    .concat(),
            ),
        ),
        (
            "an hour cut off, both write",
            story(
                2,
                0,
                [
                    met(2),
                    wait(),
                    vec![
                        Blow::Cut(0, 1),
                        Blow::Say { from: 0, to: 1, count: TEXTS },
                        Blow::Say { from: 1, to: 0, count: TEXTS },
                        Blow::Wait(HOUR),
                    ],
                ]
                .concat(),
            ),
        ),
    ]
}
