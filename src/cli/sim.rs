//! `tidings sim`: the simulated world.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::Subcommand;
use indicatif::ProgressBar;
use serde::Serialize;

use super::failure::Failure;
use super::{Context, growth};
use crate::sim::hunt::{self, Bag, Plan};
use crate::sim::scenario::Scenario;
use crate::sim::world::Tally;
use crate::sim::{capsule, play, report};
use crate::types::Millis;

/// Hunt in a simulated world for what loses messages, or measure how cost grows with people.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Play many seeds; each that fails becomes a file that replays it
    Hunt {
        /// The first seed
        #[arg(long, default_value_t = 0)]
        first: u64,
        /// How many seeds
        #[arg(long, default_value_t = 1_000)]
        seeds: u64,
        /// How long at most, like 10m
        #[arg(long = "for", value_name = "TIME", value_parser = super::time::parse_duration)]
        time: Option<Millis>,
        /// On how many threads [default: one for each core]
        #[arg(long)]
        jobs: Option<usize>,
        /// Where files of failing seeds go
        #[arg(long, default_value = ".")]
        capsules: PathBuf,
        /// Stop after so many failing seeds
        #[arg(long, default_value_t = 3)]
        faults: usize,
    },
    /// Play a day of many people, and show what it costs each of them, and how that grows
    Growth(growth::Args),
    /// Play one file again, and show what happens
    Replay {
        /// The file
        file: PathBuf,
    },
    /// What the protocol costs, for a fixed set of stories
    Report,
    /// Show the scenario of a seed, or its trace
    Show {
        /// The seed
        seed: u64,
        /// The trace too
        #[arg(long)]
        trace: bool,
    },
}

#[derive(Serialize)]
struct Found {
    seeds: u64,
    events: u64,
    crashes: u64,
    deliveries: u64,
    sent: u64,
    faults: Vec<(u64, String)>,
    seconds: f64,
}

impl Args {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        match self.what {
            What::Hunt { first, seeds, time, jobs, capsules, faults } => {
                let jobs = jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
                hunt(context, &Plan { first, seeds, time: time.map(Duration::from_millis), jobs, faults_max: faults }, &capsules)
            }
            What::Growth(args) => args.run(context),
            What::Replay { file } => replay(context, &file),
            What::Report if context.out.is_json() => report::rows().iter().try_for_each(|row| context.out.object(row)),
            What::Report => context.out.text(&report::table(&report::rows())),
            What::Show { seed, trace } => {
                let scenario = Scenario::of_seed(seed);
                context.out.text(scenario.to_lines().context("cannot show the scenario").map_err(Failure::Failed)?.trim_end())?;
                if trace {
                    context.out.text(&play::trace(&scenario).1.join("\n"))?;
                }
                Ok(())
            }
        }
    }
}

fn hunt(context: &mut Context, plan: &Plan, folder: &Path) -> Result<(), Failure> {
    let bar = ProgressBar::new_spinner();
    bar.enable_steady_tick(Duration::from_millis(200));
    let begin = std::time::Instant::now();
    let hook = std::panic::take_hook();
    // A panic of a simulated node is a fault that the capsule tells of.
    std::panic::set_hook(Box::new(|_| {}));
    let bag = hunt::hunt(plan, &|bag: &Bag| bar.set_message(sentence(bag)));
    let seconds = begin.elapsed().as_secs_f64();
    let mut files = Vec::new();
    for (seed, fault) in &bag.faults {
        bar.set_message(format!("shortening seed {seed}"));
        let short = capsule::shrink(&Scenario::of_seed(*seed), fault);
        let file = folder.join(format!("{seed}.capsule"));
        let text = capsule::text(&short).context("cannot write the capsule").map_err(Failure::Failed)?;
        std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display())).map_err(Failure::Failed)?;
        files.push((*seed, fault.clone(), file));
    }
    std::panic::set_hook(hook);
    bar.finish_and_clear();
    if context.out.is_json() {
        let Tally { inputs: events, crashes, deliveries, .. } = bag.tally;
        context.out.object(&Found {
            seeds: bag.seeds,
            events,
            crashes,
            deliveries,
            sent: bag.sent,
            faults: bag.faults.clone(),
            seconds,
        })?;
    } else {
        context.out.text(&format!("{}, in {seconds:.1} s", sentence(&bag)))?;
        for (seed, fault, file) in files {
            context.out.text(&format!("seed {seed}: {fault}\n  replay: tidings sim replay {}", file.display()))?;
        }
    }
    if bag.faults.is_empty() { Ok(()) } else { Err(Failure::Failed(anyhow::anyhow!("{} seeds failed", bag.faults.len()))) }
}

fn sentence(bag: &Bag) -> String {
    let Tally { inputs, crashes, deliveries, .. } = bag.tally;
    format!(
        "{} seeds: {inputs} events, {crashes} crashes, {} messages sent, {deliveries} deliveries; {} seeds failed",
        bag.seeds,
        bag.sent,
        bag.faults.len()
    )
}

fn replay(context: &mut Context, file: &Path) -> Result<(), Failure> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display())).map_err(Failure::Failed)?;
    let scenario = Scenario::from_lines(&text).with_context(|| format!("{} is not a capsule", file.display())).map_err(Failure::Failed)?;
    let (verdict, lines) = play::trace(&scenario);
    context.out.text(&lines.join("\n"))?;
    match verdict.fault {
        Some(fault) => Err(Failure::Failed(anyhow::anyhow!("{fault}"))),
        None => context.out.text("nothing is wrong"),
    }
}
