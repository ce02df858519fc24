//! Floor 6: benches. Each measures a whole thing as people use it, and beside it in the same run the parts that it cannot do without,
//! each alone: the ratio of the two says what the rest of the node costs, on any machine.
//!
//! | file | holds |
//! |---|---|
//! | `part` | the parts alone: a stream, a store, MLS |
//! | `cast` | real nodes and bare clients, started and connected |
//! | `deliver` | messages between two nodes |
//! | `mailbox` | deposits at a relay, and collecting them |
//! | `media` | large files between two nodes and through a mailbox, and texts beside them |
//! | `process` | nodes as processes of their own |
//! | `store` | starting with, reading and searching many messages |
//!
//! `docs/guide/benches.md` says how to read what they print.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)] // Benches are about clocks, disks and threads.

mod cast;
mod deliver;
mod mailbox;
mod media;
mod part;
mod process;
mod store;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::crypto::mls::MlsError;
use crate::net::NetError;
use crate::node::{CommandFailure, StartError};
use crate::store::StoreError;

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bench {
    /// Messages between two nodes.
    Deliver,
    /// Deposits at a relay, and collecting them.
    Mailbox,
    /// Large files between two nodes and through a mailbox, and texts beside them.
    Media,
    /// Starting with, reading and searching many messages.
    Store,
}

/// How much is measured.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Under which folder the data directories lie while it runs; the system's temporary one by default.
    pub folder: Option<PathBuf>,
    /// How many messages; each bench has its own default.
    pub messages: Option<usize>,
    /// How large the files are, in millions of bytes; each bench has its own default.
    pub megabytes: Vec<u32>,
    /// As little as shows that it works. The figures mean nothing.
    pub is_quick: bool,
}

/// One thing that was measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// What was done.
    pub work: String,
    /// How long it took, how much was done in a second, or how much memory it took.
    pub measured: f64,
    /// The slowest of a hundred, where single times were taken.
    pub p99: Option<f64>,
    /// Of `measured`, `p99` and `limit`: `us`, `ms`, `/s`, `MB/s` or `MB`.
    pub unit: &'static str,
    /// The parts alone, each in microseconds for one piece of work.
    pub parts: Vec<(&'static str, f64)>,
    /// What the parts allow.
    pub limit: f64,
    /// `measured / limit`: for times and memory, lower is better; for what is done in a second, higher.
    pub ratio: f64,
    /// What is aimed at.
    pub aim: &'static str,
}

impl Row {
    fn new(work: String, (measured, unit): (f64, &'static str), parts: Vec<(&'static str, f64)>, limit: f64, aim: &'static str) -> Self {
        Self { work, measured, p99: None, unit, parts, limit, ratio: measured / limit, aim }
    }
}

/// Why a bench gives no figures.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// A node did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A node did not do what it was asked to.
    #[error(transparent)]
    Command(#[from] CommandFailure),
    /// A store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A bare network.
    #[error(transparent)]
    Net(#[from] NetError),
    /// Bare MLS.
    #[error(transparent)]
    Mls(#[from] MlsError),
    /// Disk or threads of this machine.
    #[error("the bench could not use this machine: {0}")]
    Machine(#[from] std::io::Error),
    /// A node in a process of its own.
    #[error("a node did not answer as it should: {0}")]
    Http(Box<ureq::Error>),
    /// Something did not happen in time, or not as it should.
    #[error("the bench broke off while waiting {0}: no figures can be given")]
    Late(&'static str),
}

impl From<ureq::Error> for BenchError {
    fn from(error: ureq::Error) -> Self {
        Self::Http(Box::new(error))
    }
}

/// What the benches give back.
pub(crate) type Result<T> = std::result::Result<T, BenchError>;

/// Runs one bench. `tell` hears what is being done.
pub async fn run(bench: Bench, plan: &Plan, tell: &(dyn Fn(&str) + Sync)) -> std::result::Result<Vec<Row>, BenchError> {
    let folder = Folder::new(plan.folder.as_deref())?;
    match bench {
        Bench::Deliver => deliver::run(plan, folder.path(), tell).await,
        Bench::Media => media::run(plan, folder.path(), tell).await,
        Bench::Mailbox => mailbox::run(plan, folder.path(), tell).await,
        Bench::Store => store::run(plan, folder.path(), tell).await,
    }
}

/// A folder for data directories, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(under: Option<&Path>) -> Result<Self> {
        let under = under.map_or_else(std::env::temp_dir, Path::to_path_buf);
        let path = under.join(format!("tidings-bench-{}", data_encoding::HEXLOWER.encode(&chance::<8>()?)));
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn chance<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
    Ok(bytes)
}

/// Many times of the same thing.
struct Times(Vec<Duration>);

impl Times {
    fn new(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    /// How long it took at most in so many of a hundred cases, in microseconds.
    fn percentile(&self, percent: usize) -> f64 {
        let at = (self.0.len() * percent / 100).min(self.0.len().saturating_sub(1));
        self.0.get(at).map_or(0.0, |time| micros(*time))
    }
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// What something costs: time that passed, and time of the processors.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    wall: Duration,
    cpu: Duration,
}

impl Cost {
    /// Microseconds of processor time for each of so many pieces.
    fn cpu_each(self, pieces: usize) -> f64 {
        micros(self.cpu) / pieces.max(1) as f64
    }

    /// Microseconds for each of so many pieces.
    fn wall_each(self, pieces: usize) -> f64 {
        micros(self.wall) / pieces.max(1) as f64
    }
}

/// Measures from its making on.
struct Watch {
    since: Instant,
    cpu: Option<Duration>,
}

impl Watch {
    fn start() -> Self {
        Self { since: Instant::now(), cpu: cpu() }
    }

    fn read(&self) -> Cost {
        let wall = self.since.elapsed();
        let spent = self.cpu.and_then(|before| Some(cpu()?.saturating_sub(before)));
        Cost { wall, cpu: spent.unwrap_or(wall) }
    }
}

/// Processor time of this process so far, to a hundredth of a second; `None` where the system does not say (the wall clock stands in).
fn cpu() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/self/stat").ok()?;
    // After the name in parentheses: user time is the 12th field, system time the 13th.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    Some(Duration::from_millis(ticks * TICK_MS))
}

/// Linux counts in hundredths of a second for every program.
const TICK_MS: u64 = 10;
/// Bytes of a text.
const TEXT_BYTES: usize = 1_024;
/// Cores that the aims are about.
const CORES: f64 = 2.0;
