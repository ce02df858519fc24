//! `tidings sim growth`: a day of many people.

use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::Context;
use super::failure::Failure;
use crate::sim::growth::people::People;
use crate::sim::growth::report::{self, Fit, Outlook, Row};
use crate::sim::growth::{self, Plan, Progress};
use crate::types::time::DAY;

/// Play a day of many people, and show what it costs each of them, and how that grows.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many people; several sizes show how cost grows
    #[arg(long, value_delimiter = ',', default_value = "1000,10000", value_parser = clap::value_parser!(u32).range(2..=10_000_000))]
    accounts: Vec<u32>,
    /// Where all chance comes from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How often everybody looks once more after the day
    #[arg(long, default_value_t = 0)]
    mornings: u32,
    /// How many threads play it [default: as many as there are processors]; the numbers do not depend on it
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=256))]
    shards: Option<u16>,
    /// A directory on a fast disk, for what does not fit into memory: some 40 GB for a million people
    #[arg(long)]
    scratch: Option<PathBuf>,
}

#[derive(Serialize)]
struct Report {
    seed: u64,
    people: People,
    rows: Vec<Row>,
    machine: Vec<Machine>,
    fits: Vec<Fit>,
    outlook: Vec<Outlook>,
}

/// What a size took of this machine.
#[derive(Clone, Copy, Serialize)]
struct Machine {
    accounts: u32,
    shards: usize,
    seconds: f64,
    /// The most memory this process has had, smaller sizes before it included.
    peak_memory_bytes: Option<u64>,
}

impl Args {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let (mut rows, mut machine) = (Vec::new(), Vec::new());
        let shards = self.shards.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from);
        for accounts in self.accounts {
            let plan = Plan {
                seed: self.seed,
                accounts,
                people: People::default(),
                day: DAY,
                mornings: self.mornings,
                shards,
                scratch: self.scratch.clone(),
            };
            let begin = Instant::now();
            rows.push(play(&plan, context.out.is_json()).context("cannot make a file in the scratch directory").map_err(Failure::Failed)?);
            machine.push(Machine { accounts, shards, seconds: begin.elapsed().as_secs_f64(), peak_memory_bytes: peak_memory() });
        }
        let fits = report::fits(&rows);
        let outlook = rows.last().map(report::outlook).unwrap_or_default();
        let report = Report { seed: self.seed, people: People::default(), rows, machine, fits, outlook };
        if context.out.is_json() {
            context.out.object(&report)?
        } else {
            context.out.text(&text(&report))?
        }
        Ok(())
    }
}

fn play(plan: &Plan, is_quiet: bool) -> io::Result<Row> {
    let bar = if is_quiet { ProgressBar::hidden() } else { ProgressBar::new(1_000) };
    if let Ok(style) = ProgressStyle::with_template("{prefix} {msg:28} {wide_bar} {elapsed_precise}") {
        bar.set_style(style);
    }
    bar.set_prefix(format!("{} people", plan.accounts));
    bar.enable_steady_tick(Duration::from_millis(500));
    let row = growth::run(plan, &|Progress { phase, done, inputs }| {
        bar.set_position((done * 1_000.0) as u64);
        bar.set_message(format!("{phase}, {inputs} inputs"));
    });
    bar.finish_and_clear();
    row
}

/// The most memory this process has had (`VmHWM`, on Linux).
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

fn text(report: &Report) -> String {
    let mut lines = Vec::new();
    let cells = |name: &str, cells: Vec<String>| {
        let cells: Vec<String> = cells.into_iter().map(|cell| format!("{cell:>14}")).collect();
        format!("{name:55}{}", cells.concat())
    };
    let of = |value: &dyn Fn(&Row) -> String| report.rows.iter().map(value).collect::<Vec<_>>();
    lines.push(cells(
        "",
        of(&|row| format!("{} people", row.accounts)).into_iter().chain(["power of n".into(), "by doubling".into()]).collect(),
    ));
    lines.push(cells("relays", of(&|row| row.relays.to_string())));
    lines.push(cells("contacts of a person", of(&|row| format!("{:.1}", row.contacts.0))));
    lines.push(cells(
        "messages for each recipient",
        of(&|row| {
            let shares = row.shares;
            (shares.delivered + shares.held + shares.waiting + shares.late).to_string()
        }),
    ));
    for (name, part) in SHARES {
        lines.push(cells(name, of(&|row| part(row).to_string())));
    }
    for (at, figure) in report.rows[0].figures.iter().enumerate() {
        let mut row = of(&|row| number(row.figures[at].value));
        if let Some(fit) = report.fits.get(at) {
            row.push(fit.power.map_or("-".to_owned(), |power| format!("{power:.2}")));
            row.push(fit.doubling_share.map_or("-".to_owned(), |share| format!("{:+.1} %", share * 100.0)));
        }
        lines.push(cells(figure.name, row));
    }
    let machine = |value: &dyn Fn(&Machine) -> String| report.machine.iter().map(value).collect::<Vec<_>>();
    lines.push(cells("inputs handled, for each account", of(&|row| number(row.events as f64 / f64::from(row.accounts)))));
    lines.push(cells("seconds it took", machine(&|machine| format!("{:.1}", machine.seconds))));
    lines.push(cells(
        "memory at peak, for each account (smaller sizes before)",
        machine(&|machine| machine.peak_memory_bytes.map_or("-".to_owned(), |bytes| number(bytes as f64 / f64::from(machine.accounts)))),
    ));
    lines.push(String::new());
    lines.push("300 million people, by the figures of the largest size:".to_owned());
    lines.push(cells("relays", report.outlook.iter().map(|outlook| outlook.relays.to_string()).collect()));
    for (name, value) in OUTLOOK {
        lines.push(cells(name, report.outlook.iter().map(|outlook| number(value(outlook))).collect()));
    }
    lines.join("\n")
}

type Part<T, V> = (&'static str, fn(&T) -> V);

const SHARES: [Part<Row, u64>; 6] = [
    ("  delivered in the day", |row| row.shares.delivered),
    ("  held for somebody who has not come since", |row| row.shares.held),
    ("  with their sender, who left; nobody has come since", |row| row.shares.waiting),
    ("  on their way to somebody who was there since", |row| row.shares.late),
    ("    of these, held by a mailbox", |row| row.shares.late_held),
    ("  delivered after the mornings", |row| row.delivered_after),
];

const OUTLOOK: [Part<Outlook, f64>; 5] = [
    ("accounts of a relay", |outlook| outlook.accounts),
    ("bytes it sends a second", |outlook| outlook.bytes_per_second),
    ("bytes it holds at peak", |outlook| outlook.storage),
    ("connections at the busiest moment", |outlook| outlook.connections),
    ("bytes of announcements to a node in a day online", |outlook| outlook.gossip),
];

fn number(value: f64) -> String {
    if value == 0.0 || value >= 1_000.0 {
        format!("{value:.0}")
    } else if value >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.3}")
    }
}
