//! A day of some people: nothing is lost in it, the same seed gives the same numbers, and nobody dials in vain over and over.

use std::path::Path;

use tidings::sim::growth::people::People;
use tidings::sim::growth::report::{self, Row};
use tidings::sim::growth::{self, Plan};
use tidings::types::time::HOUR;

fn day(seed: u64, accounts: u32) -> Row {
    day_of(seed, accounts, 1, None)
}

fn day_of(seed: u64, accounts: u32, shards: usize, scratch: Option<&Path>) -> Row {
    let people = People { accounts_per_relay: 12, ..People::default() };
    growth::run(&Plan { seed, accounts, people, day: 2 * HOUR, mornings: 2, shards, scratch: scratch.map(Path::to_owned) }, &|_| {})
        .unwrap()
}

#[test]
fn nothing_is_lost_in_a_day_of_many_people() {
    let row = day(1, 24);
    let shares = row.shares;
    let sent = shares.delivered + shares.held + shares.waiting + shares.late;
    assert!(sent > 100, "a day on which {sent} messages are sent proves nothing");
    assert!(shares.held > 0, "nobody was away: {shares:?}");
    assert_eq!((row.delivered_after, row.told[2]), (sent, 0), "after everybody looked twice: {shares:?}");
    // Each session dials two mailboxes and each contact; what is owed and not yet held is a reason to dial again, being away is not.
    let sessions = row.told[0] as f64 / f64::from(row.accounts);
    let dials = row.figure("dials of a person a day").unwrap() / sessions;
    assert!(dials < 2.0 + 3.0 * row.contacts.0, "{dials} dials in a session, {} contacts", row.contacts.0);
}

#[test]
fn the_same_seed_gives_the_same_numbers() {
    let numbers = |row: Row| serde_json::to_string(&row).unwrap();
    let one = numbers(day(2, 12));
    assert_eq!(one, numbers(day(2, 12)));
    assert_ne!(one, numbers(day(3, 12)));
}

#[test]
fn neither_threads_nor_files_change_what_a_day_comes_to() {
    let directory = tempfile::tempdir().unwrap();
    let numbers = |shards, scratch| serde_json::to_string(&day_of(4, 40, shards, scratch)).unwrap();
    let one = numbers(1, None);
    assert_eq!(one, numbers(2, None));
    assert_eq!(one, numbers(3, Some(directory.path())));
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0, "a file is left");
}

#[test]
fn what_doubles_with_n_has_the_power_one() {
    let mut rows: Vec<Row> = vec![day(2, 12)];
    rows.push(Row { accounts: 24, ..rows[0].clone() });
    rows[1].figures.iter_mut().step_by(2).for_each(|figure| figure.value *= 2.0);
    for (at, fit) in report::fits(&rows).into_iter().enumerate().filter(|(at, _)| rows[0].figures[*at].value > 0.0) {
        let wanted = if at % 2 == 0 { 1.0 } else { 0.0 };
        assert!((fit.power.unwrap() - wanted).abs() < 1e-9, "{fit:?}");
    }
}
