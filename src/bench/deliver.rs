//! Messages between two nodes: how long one takes, and how many go in a second.

use std::path::Path;
use std::time::{Duration, Instant};

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::timeout;

use super::cast::{Client, has_receipts, meet, node, until};
use super::part::{self, Bare, Duo, group_commit};
use super::{BenchError, CORES, Plan, Result, Row, TEXT_BYTES, Times, Watch, chance};
use crate::node::{Body, Command, Event, Handle, Reply};
use crate::types::{MessageId, Rng, RoomId, Scan, Table, View as _};

/// Both rows.
pub(super) async fn run(plan: &Plan, folder: &Path, tell: &(dyn Fn(&str) + Sync)) -> Result<Vec<Row>> {
    tell("starting two nodes");
    let (alice, bob) = (node(folder, "alice", false).await?, node(folder, "bob", false).await?);
    let room = meet(&alice, &bob).await?;
    let mut parts = Parts::new(folder).await?;
    let rounds = if plan.is_quick { 20 } else { 400 };
    let messages = plan.messages.unwrap_or(if plan.is_quick { 200 } else { 5_000 });

    tell("one text at a time");
    let one = latency(&alice, room, &mut parts, rounds).await?;
    tell("many texts");
    let many = sustained((&alice, &bob), room, &mut parts, messages).await?;
    alice.stop().await;
    bob.stop().await;
    Ok(vec![one, many])
}

/// What a delivery cannot do without.
struct Parts {
    bare: Bare,
    rng: Rng,
    duo: Duo,
    one: Client,
    other: Client,
}

impl Parts {
    async fn new(folder: &Path) -> Result<Self> {
        let (one, other) = Client::pair().await?;
        Ok(Self { bare: Bare::open(&folder.join("alone"))?, rng: Rng::from_seed(chance()?), duo: Duo::new()?, one, other })
    }
}

/// One text at a time, from the command to its receipt. Whole and parts take turns, so that both see the same machine.
async fn latency(alice: &Handle, room: RoomId, parts: &mut Parts, rounds: usize) -> Result<Row> {
    let (mut whole, mut stream, mut flush, mut mls) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for turn in 0..=TURNS {
        let rounds = rounds.div_ceil(TURNS);
        let mut times = Vec::with_capacity(rounds);
        for _ in 0..rounds {
            times.push(one_text(alice, room).await?);
        }
        let streamed = part::stream_times(&mut parts.one, &mut parts.other, rounds).await?;
        let flushed = part::flush_times(&parts.bare.store, &mut parts.rng, rounds)?;
        let sealed = parts.duo.times(rounds)?;
        // The first turn warms up.
        if turn > 0 {
            whole.extend(times);
            stream.extend(streamed);
            flush.extend(flushed);
            mls.extend(sealed);
        }
    }
    let (whole, stream, flush, mls) = (Times::new(whole), Times::new(stream), Times::new(flush), Times::new(mls));
    let parts = vec![
        ("stream round trip", stream.percentile(50)),
        ("two flushes", 2.0 * flush.percentile(50)),
        ("MLS encrypt + decrypt", mls.percentile(50)),
    ];
    let limit = parts.iter().map(|(_, micros)| micros).sum();
    let work = "one text of 1 KiB, sealed, durable on both sides, receipt back".to_owned();
    let row = Row::new(work, (whole.percentile(50), "us"), parts, limit, "at most 1.5 x");
    Ok(Row { p99: Some(whole.percentile(99)), ..row })
}

async fn one_text(alice: &Handle, room: RoomId) -> Result<Duration> {
    let mut events = alice.events();
    let since = Instant::now();
    let sent = send(alice, room).await?;
    loop {
        match timeout(Duration::from_secs(30), events.recv()).await {
            // Said when the store shows what the receipt says.
            Ok(Ok(Event::Custody { message, .. })) if message == sent => return Ok(since.elapsed()),
            Ok(Ok(_) | Err(RecvError::Lagged(_))) => {}
            Ok(Err(RecvError::Closed)) | Err(_) => return Err(BenchError::Late("for a receipt")),
        }
    }
}

/// Sends a text; returns when it is durable.
pub(super) async fn send(from: &Handle, room: RoomId) -> Result<MessageId> {
    let body = Body::Text { text: "x".repeat(TEXT_BYTES), reply: None };
    match from.command(Command::Send { room, body }).await? {
        Reply::Sent { message, .. } => Ok(message),
        _ => Err(BenchError::Late("for a message to be taken")),
    }
}

/// Sends many texts, some at once.
pub(super) async fn send_many(from: &Handle, room: RoomId, messages: usize) -> Result<()> {
    stream::iter((0..messages).map(|_| send(from, room))).buffer_unordered(AT_ONCE).try_for_each(|_| async { Ok(()) }).await
}

/// How many messages a node has in a room.
pub(super) fn count(at: &Handle, room: &RoomId) -> usize {
    at.store().scan(&Scan::prefix(Table::Message, room.0)).len()
}

async fn sustained((alice, bob): (&Handle, &Handle), room: RoomId, parts: &mut Parts, messages: usize) -> Result<Row> {
    let before = count(bob, &room);
    let watch = Watch::start();
    send_many(alice, room, messages).await?;
    until("for every receipt", || has_receipts(alice)).await?;
    let cost = watch.read();
    if count(bob, &room) != before + messages {
        return Err(BenchError::Late("for every message to be there once"));
    }
    let stream = part::stream_cost(&mut parts.one, &mut parts.other, messages).await?.cpu_each(messages);
    let store = store_cost(parts, messages)?;
    let mls = Times::new(parts.duo.times(messages.min(1_000))?).percentile(50);
    let pieces = vec![
        ("stream", stream),
        ("rows of both sides", store),
        ("MLS encrypt + decrypt", mls),
        ("the whole, of processors", cost.cpu_each(messages)),
    ];
    let limit = CORES * 1e6 / (stream + store + mls);
    let rate = messages as f64 / cost.wall.as_secs_f64();
    let work = format!("{messages} texts of 1 KiB at once, durable on both sides, receipts back");
    Ok(Row::new(work, (rate, "/s"), pieces, limit, "at least 0.5 x; 5,000/s"))
}

/// Processor time for what each message writes on both sides, in microseconds.
fn store_cost(parts: &mut Parts, messages: usize) -> Result<f64> {
    let text = vec![7; TEXT_BYTES];
    let mut batches = Vec::with_capacity(3 * messages);
    for _ in 0..messages {
        let (sealed, sent) = parts.duo.seal(&text)?;
        let opened = parts.duo.open(&sealed)?;
        let (rows, keys) = part::sender_rows(&mut parts.rng, &sealed, sent);
        batches.extend([Ok(rows), Ok(part::receiver_rows(&mut parts.rng, opened)), Ok(part::receipt_rows(&keys))]);
    }
    Ok(group_commit(&parts.bare.store, batches)?.cpu_each(messages))
}

const TURNS: usize = 8;
/// Commands under way.
const AT_ONCE: usize = 256;
