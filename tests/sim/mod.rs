//! The simulated world itself: the same seed gives the same story, and a story survives being written down.

use tidings::sim::play;
use tidings::sim::scenario::{Blow, Scenario};

#[test]
fn a_seed_tells_the_same_story_each_time() {
    for seed in 0..10 {
        let scenario = Scenario::of_seed(seed);
        let (one, other) = (play::trace(&scenario), play::trace(&scenario));
        assert_eq!(one.1, other.1, "seed {seed}: line by line");
        assert_eq!(one.0.hash, other.0.hash, "seed {seed}");
        assert!(one.0.tally.inputs > 100, "seed {seed}: a world in which nothing happens proves nothing");
    }
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
