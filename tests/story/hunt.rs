//! Break, heal, demand convergence: seeded worlds with crashes between outputs, partitions and absences.

use tidings::types::time::{HOUR, MINUTE, SECOND};
use tidings::types::{Rng, Scan, Table, View as _};

use super::world::World;

/// Two people with a relay each and a neighbour in common, badly off.
fn unlucky(seed: u64) -> Tally {
    let mut world = World::new(seed);
    let mut rng = Rng::from_seed([seed as u8; 32]);
    for name in ["alice", "bob", "carol"] {
        world.add(name);
    }
    world.add_relay("relay");
    world.meet("alice", "bob");
    world.join("alice", "relay");
    world.join("bob", "relay");
    if rng.below(2) == 0 {
        world.meet("bob", "carol");
        let carol = world.person("carol").account();
        let _ = world.command("bob", tidings::proto::Command::NeighbourAsk(carol));
        world.run(5 * SECOND);
    }
    world.crash_permille = rng.below(20);
    let mut sent = Vec::new();
    for i in 0..60 {
        let from = if rng.below(2) == 0 { "alice" } else { "bob" };
        let to = if from == "alice" { "bob" } else { "alice" };
        match rng.below(10) {
            0 => world.cut("alice", "bob"),
            1 => world.cut(["alice", "bob"][rng.below(2) as usize], "relay"),
            2 => world.heal(),
            3 => {
                let name = ["alice", "bob", "relay", "carol"][rng.below(4) as usize];
                if world.person(name).node.is_some() {
                    world.kill(name);
                } else {
                    world.start(name);
                }
            }
            _ => {
                let text = format!("{from} {i}");
                if world.person(from).node.is_some() && world.say(from, to, &text).is_some() {
                    sent.push(text);
                }
            }
        }
        let pause = rng.below(40 * SECOND);
        world.run(pause);
    }
    world.crash_permille = 0;
    world.heal();
    for name in ["alice", "bob", "relay", "carol"] {
        if world.person(name).node.is_none() {
            world.start(name);
        }
    }
    let held = |name: &str| world.person(name).rows.scan(&Scan::prefix(Table::Held, [])).len() as u64;
    let held = held("relay") + held("carol");
    world.run(HOUR);
    let room = world.room("alice", "bob");
    let (alice, bob) = (world.transcript("alice", &room), world.transcript("bob", &room));
    assert_eq!(alice, bob, "seed {seed}: one order on both sides");
    let mut seen = alice.clone();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), alice.len(), "seed {seed}: nothing twice");
    for text in &sent {
        assert!(alice.contains(text), "seed {seed}: {text} is lost");
    }
    for (name, other) in [("alice", "bob"), ("bob", "alice")] {
        for (_, index) in world.person(name).rows.all::<tidings::wire::row::Index>(Table::Index) {
            for (_, custody) in &index.custody {
                assert!(custody.delivered.is_some(), "seed {seed}: {name} never hears that {other} has it");
            }
        }
        assert_eq!(world.owed(name), 0, "seed {seed}: {name} still owes something");
        assert_eq!(world.person(name).blamed, 0, "seed {seed}: {name} blames an honest peer");
    }
    world.run(MINUTE);
    Tally { sent: sent.len() as u64, crashes: world.crashes, held }
}

/// What a hunt went through, so that a hunt through nothing is noticed.
#[derive(Debug, Default)]
struct Tally {
    sent: u64,
    crashes: u64,
    held: u64,
}

/// How many seeds: `TIDINGS_SEEDS` asks for more than the fast tests run.
fn seeds(fast: u64) -> u64 {
    std::env::var("TIDINGS_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(fast)
}

#[test]
fn nothing_is_lost_doubled_or_shown_untruly_whatever_fails() {
    let mut all = Tally::default();
    for seed in 0..seeds(20) {
        let Tally { sent, crashes, held } = unlucky(seed);
        all = Tally { sent: all.sent + sent, crashes: all.crashes + crashes, held: all.held + held };
    }
    println!("{all:?}");
    assert!(all.sent > 0 && all.crashes > 0 && all.held > 0, "a hunt that meets nothing proves nothing: {all:?}");
}
