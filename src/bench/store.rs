//! Starting with, reading and searching many messages.

use std::path::Path;
use std::time::{Duration, Instant};

use super::cast::node;
use super::part::Bare;
use super::{BenchError, Plan, Result, Row, Times};
use crate::crypto::keys::Keys;
use crate::store::Store;
use crate::store::reader::{Page, Reader};
use crate::types::{Batch, DeviceId, Rng, RoomId, Scan, Table, View as _};
use crate::wire::codec;
use crate::wire::content::{Body, Clock};
use crate::wire::row::{self, Index, Message, Numbered, Place, Room, RoomKind, Seen, Series};

/// All rows.
pub(super) async fn run(plan: &Plan, folder: &Path, tell: &(dyn Fn(&str) + Sync)) -> Result<Vec<Row>> {
    let messages = plan.messages.unwrap_or(if plan.is_quick { 2_000 } else { 100_000 }).max(100);
    tell("making a data directory");
    node(folder, "reader", false).await?.stop().await;
    let home = folder.join("reader");
    let rooms = fill(&home, messages, tell)?;
    tell("starting");
    let start = start(folder, messages, plan.is_quick).await?;
    tell("reading and searching");
    let bare = Bare::open(&home)?;
    let [latest, search] = reads(&bare, rooms, messages.min(ROOM_MESSAGES), plan.is_quick)?;
    bare.store.close()?;
    Ok(vec![start, latest, search])
}

/// Writes messages as they lie in the store of a person who received them; gives one full room.
fn fill(home: &Path, messages: usize, tell: &(dyn Fn(&str) + Sync)) -> Result<RoomId> {
    let bare = Bare::open(home)?;
    let mut rng = Rng::from_seed([7; 32]);
    let mut first = None;
    let mut batch = Batch::default();
    let (mut room, device) = (RoomId([0; 32]), DeviceId(rng.bytes()));
    for number in 0..messages {
        if number % ROOM_MESSAGES == 0 {
            room = RoomId(rng.bytes());
            first.get_or_insert(room);
            let members = vec![bare.keys.account_id()];
            batch.put(Table::Room, room.0, row::encode(&Room::new(RoomKind::Group, "bench".to_owned(), members)));
        }
        put_message(&mut batch, &bare.keys, &mut rng, (room, device), number as u64);
        if batch.len() >= BATCH_ROWS {
            bare.store.apply(&std::mem::take(&mut batch))?;
        }
        if number % TELL_EVERY == 0 {
            tell(&format!("writing message {number} of {messages}"));
        }
    }
    bare.store.apply(&batch)?;
    bare.store.close()?;
    first.ok_or(BenchError::Late("for messages"))
}

fn put_message(batch: &mut Batch, keys: &Keys, rng: &mut Rng, (room, device): (RoomId, DeviceId), number: u64) {
    let message = crate::types::MessageId(rng.bytes());
    let clock = Clock { ms: 1_700_000_000_000 + number * 1_000, count: 0 };
    let place = Place { room, clock, sender: keys.account_id(), message };
    let words = (0..TEXT_WORDS).map(|_| WORDS[rng.below(WORDS.len() as u64) as usize]);
    let body = Body::Text { text: words.collect::<Vec<_>>().join(" "), reply: None };
    let body = codec::encode(&body);
    let stored = Message { device, number, body, arrived: clock.ms, late: false };
    batch.put(Table::Message, place.key(), row::encode(&stored));
    batch.put(Table::Index, message.0, row::encode(&Index { place, target: None, custody: Vec::new(), read_at: Some(clock.ms) }));
    let series = Series { room, account: place.sender, device };
    let numbered = Numbered { message, proof: rng.bytes(), stamp: None, is_back: false, envelope: Vec::new() };
    batch.put(Table::Numbered, series.numbered(number), row::encode(&numbered));
    let seen = Seen { until: clock.ms, about: Some((room, message, place.sender)) };
    // Those of the last month only: older ones are swept away.
    if number.is_multiple_of(10) {
        batch.put(Table::Seen, rng.bytes::<32>(), row::encode(&seen));
    }
}

/// From nothing to a node that listens, and from nothing to an open store.
async fn start(folder: &Path, messages: usize, is_quick: bool) -> Result<Row> {
    let (mut whole, mut alone) = (Vec::new(), Vec::new());
    for _ in 0..if is_quick { 1 } else { 5 } {
        let since = Instant::now();
        let bare = Bare::open(&folder.join("reader"))?;
        alone.push(since.elapsed());
        bare.store.close()?;
        drop(bare);
        let since = Instant::now();
        let node = node(folder, "reader", false).await?;
        whole.push(since.elapsed());
        node.stop().await;
    }
    let (whole, alone) = (Times::new(whole), Times::new(alone));
    let limit = alone.percentile(50);
    let work = format!("start to ready with {messages} stored messages");
    let measured = whole.percentile(50) / 1e3;
    Ok(Row::new(work, (measured, "ms"), vec![("opening the store", limit)], limit / 1e3, "at most 2 x; under 1 s with 1,000,000"))
}

fn reads(bare: &Bare, room: RoomId, messages: usize, is_quick: bool) -> Result<[Row; 2]> {
    let (store, reader) = (&bare.store, Reader::new(&bare.store, bare.keys.account_id(), 0));
    let page = Page { limit: LATEST, ..Page::default() };
    let (mut latest, mut latest_raw, mut search, mut search_raw) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let scan = Scan::prefix(Table::Message, room.0).reverse();
    for _ in 0..if is_quick { 5 } else { 200 } {
        latest.push(timed(LATEST, || reader.messages(&room, page).map_or(0, |messages| messages.len()))?);
        latest_raw.push(timed(LATEST, || store.scan(&scan.clone().limit(LATEST)).len())?);
    }
    for _ in 0..if is_quick { 1 } else { 7 } {
        search.push(timed(0, || reader.search(NOWHERE, Some(&room), LATEST).len())?);
        search_raw.push(timed(messages, || read_all(store, &scan))?);
    }
    let row = |work: String, whole: Vec<Duration>, raw: Vec<Duration>, aim| {
        let (whole, raw) = (Times::new(whole), Times::new(raw));
        let limit = raw.percentile(50);
        Row::new(work, (whole.percentile(50) / 1e3, "ms"), vec![("range read and decrypt", limit)], limit / 1e3, aim)
    };
    Ok([
        row(format!("latest {LATEST} of a room of {messages}"), latest, latest_raw, "at most 2 x; under 5 ms"),
        row(format!("search of {messages} messages, nothing found"), search, search_raw, "at most 2 x; under 300 ms"),
    ])
}

fn timed(wanted: usize, work: impl FnOnce() -> usize) -> Result<Duration> {
    let since = Instant::now();
    let found = work();
    let time = since.elapsed();
    if found == wanted { Ok(time) } else { Err(BenchError::Late("for the rows that were written")) }
}

/// Every row of a range, in pieces.
fn read_all(store: &Store, scan: &Scan) -> usize {
    let (mut scan, mut count) = (scan.clone().limit(PAGE_ROWS), 0);
    loop {
        let rows = store.scan(&scan);
        count += rows.len();
        match rows.last() {
            Some((key, _)) if rows.len() == PAGE_ROWS => scan = scan.after(key.clone()),
            _ => return count,
        }
    }
}

/// Messages of one room.
const ROOM_MESSAGES: usize = 100_000;
const BATCH_ROWS: usize = 2_000;
const PAGE_ROWS: usize = 1_024;
const TELL_EVERY: usize = 10_000;
const LATEST: usize = 50;
/// Words of a text: a hundred bytes or so.
const TEXT_WORDS: usize = 16;
const WORDS: [&str; 16] = [
    "bread", "river", "Tuesday", "lantern", "please", "the", "a", "garden", "bring", "tomorrow", "quietly", "station", "over", "seven",
    "letter", "warm",
];
/// In no text.
const NOWHERE: &str = "zeppelin";
