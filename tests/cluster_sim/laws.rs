//! The laws, each by its name.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use ratel::cluster::replication::Options;

use super::story::Story;
use super::world::{Mutant, Settings, World};

/// Seeds of a run in which none are asked for: as many as fit in this time.
const TIME: Duration = Duration::from_secs(40);
const SEEDS_MAX: u64 = 200;

fn play(seed: u64, mutant: Mutant) -> Result<World, String> {
    let story = Story::of(seed, mutant);
    let outcome = catch_unwind(AssertUnwindSafe(|| story.play()));
    let outcome = outcome.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned().unwrap_or_default();
        Err(format!("panicked: {text}"))
    });
    outcome.map_err(|why| {
        format!("RATEL_SEED={seed} cargo test --test cluster_sim l1: {why}\n{story:?}")
    })
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

#[allow(clippy::disallowed_methods, reason = "how long the test may run, not what it computes")]
fn started() -> std::time::Instant {
    std::time::Instant::now()
}

#[test]
fn l1_l2_l10_all_agree_after_any_faults_and_nobody_is_ever_above_the_truth() {
    if let Some(seed) = number("RATEL_SEED") {
        play(seed, Mutant::None).map(drop).unwrap();
        return;
    }
    let wanted = number("RATEL_SEEDS");
    let started = started();
    let mut failures = Vec::new();
    let mut played = 0;
    while played < wanted.unwrap_or(SEEDS_MAX) && (wanted.is_some() || started.elapsed() < TIME) {
        failures.extend(play(played, Mutant::None).err());
        played += 1;
    }
    println!("{played} seeds in {:?}", started.elapsed());
    assert!(failures.is_empty(), "{} of {played}:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn the_same_seed_leaves_the_same_trace() {
    for seed in [3, 8] {
        let run = || play(seed, Mutant::None).map(|world| (world.trace, world.datagrams));
        assert_eq!(run(), run());
    }
}

/// The first seed that a mutant does not survive.
fn killed_by(mutant: Mutant, seeds: u64) -> Option<u64> {
    (0..seeds).find(|seed| play(*seed, mutant).is_err())
}

#[test]
fn l5_telling_the_cursors_after_the_scan_would_lose_counts() {
    println!("{:?}", killed_by(Mutant::DoneAfterScan, 300).expect("a seed that fails"));
}

#[test]
fn l6_without_digests_survivors_of_a_crash_would_disagree() {
    println!("{:?}", killed_by(Mutant::NoDigests, 300).expect("a seed that fails"));
}

fn quiet(nodes: usize) -> World {
    World::new(Settings {
        seed: 5,
        nodes,
        loss_permille: 0,
        duplicate_permille: 0,
        skew_ms: 0,
        options: Options::default(),
        mutant: Mutant::None,
    })
}

#[test]
fn nodes_started_together_are_ready_within_4_s() {
    let mut world = quiet(3);
    world.run_until(4_000_000);
    assert!(world.all_ready());
}

#[test]
fn a_node_alone_becomes_ready() {
    let mut world = quiet(1);
    world.run_until(3_500_000);
    assert!(world.all_ready());
}
