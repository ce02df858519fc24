//! Large files between two nodes, and through a mailbox: how fast, with how much memory, and what texts beside them feel of it.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::json;

use super::cast::Client;
use super::process::{Events, Process};
use super::{BenchError, Plan, Result, Row, TEXT_BYTES, Times, micros};
use crate::api::body::{Event, Sent};
use crate::store::reader::view::{Blob, BodyState, Contact, Message, State};
use crate::types::MessageId;
use crate::types::limits::CHUNK_BYTES;
use crate::wire::blob::Piece;
use crate::wire::frame::Frame;

/// All rows.
pub(super) async fn run(plan: &Plan, folder: &Path, tell: &(dyn Fn(&str) + Sync)) -> Result<Vec<Row>> {
    let sizes = if plan.megabytes.is_empty() { if plan.is_quick { vec![4] } else { vec![10, 100, 1_000] } } else { plan.megabytes.clone() };
    let texts = plan.messages.unwrap_or(if plan.is_quick { 20 } else { 1_000 });
    let (mut one, mut other) = Client::pair().await?;
    tell("starting three nodes");
    let mut cast = tokio::task::block_in_place(|| Cast::start(folder))?;
    let mut rows = Vec::new();
    let mut last = None;
    for megabytes in sizes {
        let size = u64::from(megabytes) * MEGABYTE;
        tell(&format!("{megabytes} MB alone: over a bare stream, and to the disk"));
        let stream = bare_stream(&mut one, &mut other, size).await?;
        let file = tokio::task::block_in_place(|| Original::new(folder, size))?;
        let alone = Alone { size, stream, copy: file.copy };
        tokio::task::block_in_place(|| {
            tell(&format!("{megabytes} MB from one node to the other"));
            let (found, message) = cast.direct(&alone, &file)?;
            rows.extend(found);
            last = Some((message, megabytes));
            tell(&format!("{megabytes} MB through a mailbox"));
            rows.extend(cast.by_mailbox(&alone, &file)?);
            Ok::<_, BenchError>(())
        })?;
    }
    if let Some((message, megabytes)) = last {
        tell(&format!("{texts} texts, alone and beside {megabytes} MB"));
        rows.push(tokio::task::block_in_place(|| cast.texts(texts, &message, megabytes))?);
    }
    tokio::task::block_in_place(|| cast.stop())?;
    Ok(rows)
}

/// What the bytes cost without any node.
struct Alone {
    size: u64,
    stream: Duration,
    copy: Duration,
}

impl Alone {
    fn rate(&self, took: Duration) -> f64 {
        self.size as f64 / MEGABYTE as f64 / took.as_secs_f64()
    }

    /// Held against the bare stream.
    fn row(&self, work: String, took: Duration, more: Option<(&'static str, Duration)>, aim: &'static str) -> Row {
        let parts = [Some(("bare stream", self.stream)), Some(("plain copy", self.copy)), more];
        let parts = parts.into_iter().flatten().map(|(name, took)| (name, micros(took))).collect();
        Row::new(work, (self.rate(took), "MB/s"), parts, self.rate(self.stream), aim)
    }
}

/// The same bytes as pieces over a stream of `src/net/`, from memory to nowhere.
async fn bare_stream(one: &mut Client, other: &mut Client, size: u64) -> Result<Duration> {
    let mut to = one.open_bodies(other.peer()).await?;
    let pieces = size.div_ceil(CHUNK_BYTES);
    let piece = Frame::Piece(Piece { piece: 7, bytes: vec![7; CHUNK_BYTES as usize] });
    // The other side hears of a stream with its first bytes.
    to.write(&piece).await.ok_or(LOST)?;
    to.flush().await.ok_or(LOST)?;
    let mut from = other.next_bodies().await?;
    from.read().await.ok_or(LOST)?;
    let since = Instant::now();
    let take = async move {
        for _ in 0..pieces {
            from.read().await?;
        }
        Some(())
    };
    let taken = tokio::spawn(take);
    for _ in 0..pieces {
        to.write(&piece).await.ok_or(LOST)?;
    }
    to.flush().await.ok_or(LOST)?;
    taken.await.ok().flatten().ok_or(LOST)?;
    Ok(since.elapsed())
}

/// A file of noise, and how long it takes to copy.
struct Original {
    path: PathBuf,
    copy: Duration,
}

impl Original {
    fn new(folder: &Path, size: u64) -> Result<Self> {
        let path = folder.join("original");
        let mut out = File::create(&path)?;
        let mut buffer = vec![0; MEGABYTE as usize];
        for _ in 0..size.div_ceil(MEGABYTE) {
            getrandom::fill(&mut buffer).map_err(std::io::Error::other)?;
            out.write_all(&buffer)?;
        }
        out.sync_all()?;
        let (since, copied) = (Instant::now(), folder.join("copy"));
        let (mut from, mut to) = (File::open(&path)?, File::create(&copied)?);
        loop {
            let count = from.read(&mut buffer)?;
            if count == 0 {
                break;
            }
            to.write_all(&buffer[..count])?;
        }
        to.sync_all()?;
        let copy = since.elapsed();
        std::fs::remove_file(copied)?;
        Ok(Self { path, copy })
    }
}

/// Who is in it. Alice sends, Bob receives, the relay holds for Bob.
struct Cast {
    alice: Process,
    bob: Process,
    relay: Process,
    /// The room of the two, as each side names it.
    room: String,
}

impl Cast {
    fn start(folder: &Path) -> Result<Self> {
        let relay = Process::start(folder, "relay", true)?;
        let (alice, bob) = (Process::start(folder, "alice", false)?, Process::start(folder, "bob", false)?);
        let (here, there) = (alice.events()?, bob.events()?);
        bob.tell("/api/v1/relay/join", &json!({ "link": relay.link("/api/v1/relay/invite")? }))?;
        let _: Contact = alice.post("/api/v1/contacts", &json!({ "link": bob.link("/api/v1/invite")? }))?;
        let met = |at: &Process, mailboxes: usize| {
            let contacts: Vec<Contact> = at.get("/api/v1/contacts")?;
            let found = contacts.into_iter().find(|contact| contact.state == "accepted" && contact.mailboxes >= mailboxes);
            Ok(found.map(|contact| contact.room.to_string()))
        };
        let room = here.until("for the two to meet", || met(&alice, 1))?;
        there.until("for the two to meet", || met(&bob, 0))?;
        // Nothing is fetched before it is asked for, so that each part has its own time.
        bob.tell("/api/v1/media/policy", &json!({ "room": null, "at_once_bytes": 0 }))?;
        std::thread::sleep(CALM);
        Ok(Self { alice, bob, relay, room })
    }

    fn stop(&mut self) -> Result<()> {
        [&mut self.alice, &mut self.bob, &mut self.relay].into_iter().try_for_each(Process::stop)
    }

    /// Gives the file to Alice; returns once she sealed it and sent the message.
    fn send(&self, file: &Original) -> Result<(MessageId, Duration)> {
        let since = Instant::now();
        let sent: Sent = self.alice.upload(&format!("/api/v1/rooms/{}/media?name=noise.bin", self.room), &file.path)?;
        Ok((sent.message, since.elapsed()))
    }

    /// Bob fetches the body of a message that came.
    fn fetch(&self, message: &MessageId) -> Result<Duration> {
        let events = self.bob.events()?;
        events.until("for the message", || self.body(&self.bob, message).map(|found| found.map(|_| ())))?;
        let since = Instant::now();
        let _: Message = self.bob.post(&format!("/api/v1/media/{message}/fetch"), &json!({}))?;
        let is_whole = || Ok(self.body(&self.bob, message)?.filter(|blob| blob.state == BodyState::Here));
        events.until("for the file", is_whole)?;
        Ok(since.elapsed())
    }

    /// What a node knows of the file of a message; nothing before the message is there.
    fn body(&self, at: &Process, message: &MessageId) -> Result<Option<Blob>> {
        match at.get::<Message>(&format!("/api/v1/media/{message}/message")) {
            Err(BenchError::Http(error)) if matches!(*error, ureq::Error::StatusCode(_)) => Ok(None),
            shown => shown.map(|shown| shown.blob),
        }
    }

    fn forget_peaks(&self) {
        [&self.alice, &self.bob, &self.relay].into_iter().for_each(Process::forget_peak);
    }

    /// Of these processes; nothing where the system does not say.
    fn memory(&self, work: &str, of: &[(&'static str, &Process)]) -> Option<Row> {
        let peaks: Option<Vec<(&'static str, f64)>> =
            of.iter().map(|(name, process)| Some((*name, process.peak()? / MEGABYTE as f64))).collect();
        let peaks = peaks?;
        let most = peaks.iter().map(|(_, peak)| *peak).fold(0.0, f64::max);
        let each: Vec<String> = peaks.iter().map(|(name, peak)| format!("{name} {peak:.0} MB")).collect();
        Some(Row::new(format!("most memory meanwhile: {} ({work})", each.join(", ")), (most, "MB"), Vec::new(), MEMORY_MB, "under 64 MB"))
    }

    /// Both are there.
    fn direct(&self, alone: &Alone, file: &Original) -> Result<(Vec<Row>, MessageId)> {
        self.forget_peaks();
        let (message, sealed) = self.send(file)?;
        let fetched = self.fetch(&message)?;
        let megabytes = alone.size / MEGABYTE;
        let work = format!("{megabytes} MB from one node to the other, checked and on its disk");
        let sealing = Some(("sealing", sealed));
        let mut rows = vec![
            alone.row(work.clone(), fetched, None, "at least 0.8 x"),
            alone.row(format!("{work}, with the sealing of the file"), sealed + fetched, sealing, "at least 0.5 x"),
        ];
        rows.extend(self.memory(&format!("{megabytes} MB direct"), &[("sender", &self.alice), ("receiver", &self.bob)]));
        Ok((rows, message))
    }

    /// Bob is away while Alice sends, Alice is away while Bob receives.
    fn by_mailbox(&mut self, alone: &Alone, file: &Original) -> Result<Vec<Row>> {
        self.bob.stop()?;
        self.forget_peaks();
        let events = self.alice.events()?;
        let (message, _) = self.send(file)?;
        let since = Instant::now();
        let is_held = || {
            let custody = self.body(&self.alice, &message)?.and_then(|blob| blob.custody);
            Ok(custody.filter(|custody| custody.state == State::Held))
        };
        events.until("for the mailbox", is_held)?;
        let held = since.elapsed();
        let megabytes = alone.size / MEGABYTE;
        let mut rows = vec![alone.row(format!("{megabytes} MB into a mailbox, until its receipt"), held, None, "at least 0.8 x")];
        let before = self.memory(&format!("{megabytes} MB into a mailbox"), &[("sender", &self.alice), ("mailbox", &self.relay)]);
        self.alice.stop()?;
        self.forget_peaks();
        self.bob.resume()?;
        let fetched = self.fetch(&message)?;
        rows.push(alone.row(format!("{megabytes} MB out of a mailbox, checked and on the disk"), fetched, None, "at least 0.8 x"));
        let after = self.memory(&format!("{megabytes} MB out of a mailbox"), &[("mailbox", &self.relay), ("receiver", &self.bob)]);
        rows.extend(before.into_iter().chain(after));
        self.alice.resume()?;
        Ok(rows)
    }

    /// Texts one after the other, each from Alice's request to its arrival in Bob's event stream, without and with a transfer beside them.
    fn texts(&self, texts: usize, message: &MessageId, megabytes: u32) -> Result<Row> {
        let events = self.bob.events()?;
        // Both are there again, and have said all that they had to say.
        std::thread::sleep(CALM);
        for _ in 0..texts / 10 {
            self.one_text(&events, message)?;
        }
        let quiet: Result<Vec<_>> = (0..texts).map(|_| self.one_text(&events, message)).collect();
        let (mut beside, mut rounds, mut must_begin) = (Vec::with_capacity(texts), 0, true);
        while beside.len() < texts {
            // As often as it takes for all texts: each time the file is forgotten and comes anew.
            if must_begin {
                rounds += 1;
                self.bob.delete(&format!("/api/v1/media/{message}"))?;
                let _: Message = self.bob.post(&format!("/api/v1/media/{message}/fetch"), &json!({}))?;
            }
            let (took, is_hinted) = self.one_text(&events, message)?;
            must_begin = is_hinted && self.body(&self.bob, message)?.is_some_and(|blob| blob.state == BodyState::Here);
            beside.push(took);
        }
        let quiet = Times::new(quiet?.into_iter().map(|(took, _)| took).collect());
        let beside = Times::new(beside);
        let parts =
            vec![("p50 alone", quiet.percentile(50)), ("p99 alone", quiet.percentile(99)), ("p50 beside it", beside.percentile(50))];
        let work = format!(
            "p99 of {texts} texts of 1 KiB beside {rounds} transfer(s) of {megabytes} MB, from one node's request to the other's screen"
        );
        let limit = quiet.percentile(99) / 1e3 + DELAY_MS;
        Ok(Row::new(work, (beside.percentile(99) / 1e3, "ms"), parts, limit, "at most 50 ms later than alone"))
    }

    /// How long it took, and whether the node hinted at the file meanwhile.
    fn one_text(&self, events: &Events, file: &MessageId) -> Result<(Duration, bool)> {
        let since = Instant::now();
        let sent: Sent = self.alice.post(&format!("/api/v1/rooms/{}/messages", self.room), &json!({ "text": "x".repeat(TEXT_BYTES) }))?;
        let mut is_hinted = false;
        let at = events.first("for a text", |event| {
            let Event::Message { message, .. } = event else { return false };
            is_hinted |= message == file;
            *message == sent.message
        })?;
        Ok((at - since, is_hinted))
    }
}

const MEGABYTE: u64 = 1_000_000;
/// Of one process.
const MEMORY_MB: f64 = 64.0;
/// How much later a text may come because of a transfer, in milliseconds.
const DELAY_MS: f64 = 50.0;
/// Until what follows a meeting is done.
const CALM: Duration = Duration::from_secs(2);
const LOST: BenchError = BenchError::Late("for a bare stream");
