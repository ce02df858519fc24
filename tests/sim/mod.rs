//! The simulated world itself: the same seed gives the same story, and a story survives being written down.

mod growth;

use std::path::PathBuf;

use tidings::sim::hunt::{Plan, hunt};
use tidings::sim::scenario::{Blow, Scenario};
use tidings::sim::workload::FILES;
use tidings::sim::{play, report};

#[test]
fn a_seed_tells_the_same_story_each_time() {
    let mut inputs = 0;
    for seed in 0..10 {
        let scenario = Scenario::of_seed(seed);
        let (one, other) = (play::trace(&scenario), play::trace(&scenario));
        assert_eq!(one.1, other.1, "seed {seed}: line by line");
        assert_eq!(one.0.hash, other.0.hash, "seed {seed}");
        inputs += one.0.tally.inputs;
    }
    assert!(inputs > 5_000, "worlds in which nothing happens prove nothing");
}

#[test]
fn a_scenario_that_was_written_down_is_the_same() {
    for seed in 0..50 {
        let scenario = Scenario::of_seed(seed);
        let text = scenario.to_lines().unwrap();
        assert_eq!(Scenario::from_lines(&text).unwrap(), scenario, "seed {seed}");
        let told = format!("# what it found\n{text}\n3600000 0 starts\n");
        assert_eq!(Scenario::from_lines(&told).unwrap(), scenario, "seed {seed}: with what is for the reader");
    }
}

#[test]
fn a_damaged_capsule_names_the_line() {
    let text = Scenario { blows: vec![Blow::Heal], ..Scenario::of_seed(1) }.to_lines().unwrap();
    let error = Scenario::from_lines(&text.replace("Heal", "Hael")).unwrap_err();
    assert!(error.to_string().contains("line 2"), "{error}");
    assert!(Scenario::from_lines("").is_err(), "an empty file");
}

/// What hunts found, each in a file of its own; its first line says what was wrong.
#[test]
fn what_was_found_once_is_not_found_again() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/sim/capsules");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("# "), "{} does not say what it found", file.display());
        let scenario = Scenario::from_lines(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let verdict = play::play(&scenario);
        assert_eq!(verdict.fault, None, "{}", file.display());
    }
}

/// Two hundred seeds, in four parts that run side by side.
fn quarter(number: u64) {
    let bag = hunt(&Plan { first: 50 * number, seeds: 50, time: None, jobs: 1, faults_max: 3 }, &|_| ());
    assert_eq!(bag.faults, [], "`tidings sim hunt --first SEED --seeds 1` makes a short file of each");
    assert!(bag.sent > 1_000 && bag.tally.crashes > 200, "{bag:?}: a world in which nothing happens proves nothing");
}

#[test]
fn the_first_fifty_seeds() {
    quarter(0);
}

#[test]
fn the_second_fifty_seeds() {
    quarter(1);
}

#[test]
fn the_third_fifty_seeds() {
    quarter(2);
}

#[test]
fn the_fourth_fifty_seeds() {
    quarter(3);
}

/// The same worlds as the first ones, with files in them.
#[test]
fn the_first_seeds_with_files() {
    let bag = hunt(&Plan { first: FILES, seeds: 20, time: None, jobs: 1, faults_max: 3 }, &|_| ());
    assert_eq!(bag.faults, [], "`tidings sim hunt --first SEED --seeds 1` makes a short file of each");
    let is_file = |blow: &&Blow| matches!(blow, Blow::File { .. } | Blow::Fetch(..) | Blow::Forward(..) | Blow::Trick(..));
    let files: usize = (FILES..FILES + 20).map(|seed| Scenario::of_seed(seed).blows.iter().filter(is_file).count()).sum();
    assert!(files > 120 && bag.tally.crashes > 80, "{files}, {bag:?}: a world in which nothing happens proves nothing");
    // What else happens is what happens without them.
    let without = |seed| Scenario::of_seed(seed).blows.into_iter().filter(|blow| !is_file(&blow) && !matches!(blow, Blow::Forget(..)));
    assert!((0..50).all(|seed| without(FILES + seed).eq(without(seed))));
}

/// What the protocol costs. `TIDINGS_WRITE_GOLDEN=1` writes the file anew: its change belongs in the commit that caused it.
#[test]
fn the_protocol_costs_what_its_golden_file_says() {
    let rows = report::rows();
    assert!(rows.iter().all(|row| row.fault.is_none()), "{rows:?}");
    let table = report::table(&rows);
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/sim/report.md");
    if std::env::var_os("TIDINGS_WRITE_GOLDEN").is_some() {
        std::fs::write(&file, &table).unwrap();
    }
    assert_eq!(table, std::fs::read_to_string(&file).unwrap(), "the cost changed: see `tidings sim report`");
}
