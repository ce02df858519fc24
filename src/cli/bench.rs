//! `tidings bench`: how fast this machine does what people do, held against what it could do.

use std::time::Duration;

use anyhow::Context as _;
use clap::ValueEnum;
use indicatif::ProgressBar;

use super::Context;
use super::failure::Failure;
use super::out::align;
use crate::bench::{self, Bench, Plan, Row};

/// Measure how fast this machine is.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to measure
    what: What,
    /// How many messages [default: as many as take some seconds]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    messages: Option<u32>,
    /// How large the files of `media` are, in millions of bytes [default: 10,100,1000]
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=10_000))]
    megabytes: Vec<u32>,
    /// Only show that it works, in a few seconds; the figures mean nothing
    #[arg(long)]
    quick: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum What {
    /// Messages between two nodes
    Deliver,
    /// Deposits at a relay, and collecting them
    Mailbox,
    /// Large files between two nodes and through a mailbox, and texts beside them
    Media,
    /// Starting with, reading and searching many messages
    Store,
}

impl Args {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .context("cannot measure: the system gives no threads")
            .map_err(Failure::Failed)?;
        let folder = context.is_data_named.then(|| context.data.clone());
        let plan =
            Plan { folder, messages: self.messages.map(|messages| messages as usize), megabytes: self.megabytes, is_quick: self.quick };
        let bar = ProgressBar::new_spinner();
        bar.enable_steady_tick(Duration::from_millis(200));
        let bench = match self.what {
            What::Deliver => Bench::Deliver,
            What::Mailbox => Bench::Mailbox,
            What::Media => Bench::Media,
            What::Store => Bench::Store,
        };
        let rows = runtime.block_on(bench::run(bench, &plan, &|doing| bar.set_message(doing.to_owned())));
        bar.finish_and_clear();
        let rows = rows?;
        if context.out.is_json() {
            return rows.iter().try_for_each(|row| context.out.object(row));
        }
        context.out.text(&table(&rows))
    }
}

fn table(rows: &[Row]) -> String {
    let head = ["work", "measured", "parts alone", "limit", "ratio", "aim"].map(str::to_owned).to_vec();
    align(&std::iter::once(head).chain(rows.iter().map(cells)).collect::<Vec<_>>())
}

fn cells(row: &Row) -> Vec<String> {
    let slowest = row.p99.map(|p99| format!(" (p99 {})", amount(p99, row.unit))).unwrap_or_default();
    let parts: Vec<String> = row.parts.iter().map(|(name, micros)| format!("{name} {}", amount(*micros, "us"))).collect();
    vec![
        row.work.clone(),
        format!("{}{slowest}", amount(row.measured, row.unit)),
        parts.join(", "),
        amount(row.limit, row.unit),
        format!("{:.2}", row.ratio),
        row.aim.to_owned(),
    ]
}

/// Three digits or so.
fn amount(value: f64, unit: &str) -> String {
    let unit = match unit {
        "us" => " µs",
        "ms" => " ms",
        "MB/s" => " MB/s",
        "MB" => " MB",
        other => other,
    };
    if value < 10.0 { format!("{value:.2}{unit}") } else { format!("{value:.0}{unit}") }
}
