//! What people type.

use clap::{CommandFactory as _, Parser as _};
use tidings::cli::Cli;
use tidings::cli::time::{clock, day, parse_duration, short_day};

#[test]
fn the_commands_fit_together() {
    Cli::command().debug_assert();
}

#[test]
fn what_scripts_type_is_understood_and_what_makes_no_sense_is_wrong_use() {
    let parse = |line: &str| Cli::try_parse_from(line.split(' ')).map_err(|error| error.exit_code());
    for line in [
        "tidings",
        "tidings run --data D --listen /ip4/127.0.0.1/tcp/0 --ui 127.0.0.1:0 --json --relay --name alice",
        "tidings --data D invite --json --qr --expires 7d",
        "tidings invite --public",
        "tidings contact add tidings:x --name bob --json",
        "tidings --data R relay invite --json",
        "tidings neighbour ask carol --timeout 5",
        "tidings send bob hi there --reply 1234abcd",
        "tidings send bob --stdin --json",
        "tidings send bob --react 👍 --to 1234abcd",
        "tidings send bob other words --edit 1234abcd",
        "tidings send bob --recall 1234abcd",
        "tidings send bob -- -dash",
        "tidings read bob --limit 3 --follow --mark-read --json",
        "tidings search some words --room bob",
        "tidings config set neighbour off",
        "tidings config",
    ] {
        assert!(parse(line).is_ok(), "{line}");
    }
    for line in [
        "tidings nonsense",
        "tidings run --listen 127.0.0.1:80",
        "tidings send bob",
        "tidings send bob hi --stdin",
        "tidings send bob --react 👍",
        "tidings send bob hi --edit 12 --reply 34",
        "tidings send bob hi --recall 12",
        "tidings invite --expires soon",
        "tidings invite --public --expires 1d",
        "tidings status --timeout 0",
        "tidings contact verify bob --agreed --forget",
        "tidings read bob --follow --before 00000000000000000000000000000000",
    ] {
        assert_eq!(parse(line).err(), Some(2), "{line}");
    }
}

#[test]
fn the_guide_has_an_example_of_every_command() {
    let guide = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/guide/cli.md")).unwrap();
    for command in Cli::command().get_subcommands() {
        let path = format!("tidings {}", command.get_name());
        let mut paths: Vec<String> = command.get_subcommands().map(|action| format!("{path} {}", action.get_name())).collect();
        if paths.is_empty() {
            paths.push(path);
        }
        for path in paths {
            assert!(guide.lines().any(|line| line.starts_with(&path)), "docs/guide/cli.md has no example of `{path}`");
        }
    }
}

#[test]
fn durations_are_a_number_and_a_unit() {
    assert_eq!(parse_duration("90s"), Ok(90_000));
    assert_eq!(parse_duration(" 2w "), Ok(14 * 86_400_000));
    assert_eq!(parse_duration("12h"), Ok(43_200_000));
    for wrong in ["", "7", "d", "0d", "-1d", "1.5h", "7 days", "99999999999999999999d", "9999999w", "3µ", "1é"] {
        assert!(parse_duration(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn moments_are_written_as_the_calendar_has_them() {
    for (at, expected) in
        [(0, "1970-01-01"), (951_782_400_000, "2000-02-29"), (1_798_761_599_999, "2026-12-31"), (4_107_542_400_000, "2100-03-01")]
    {
        assert_eq!(day(at), expected);
    }
    assert_eq!((short_day(1_794_614_400_000), clock(1_794_614_400_000 + 68_100_000)), ("14 Nov".to_owned(), "18:55".to_owned()));
    assert!(!day(u64::MAX).is_empty());
}
