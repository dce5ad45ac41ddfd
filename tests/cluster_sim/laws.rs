//! The laws of convergence, over many seeds; and where each law is tested:
//!
//! | law | what holds | where |
//! |---|---|---|
//! | L1 | all views become equal | `l1_l2_*` here |
//! | L2 | never above the truth, own origin exact | `l1_l2_*` here |
//! | L3 | merging is commutative, associative, idempotent | `l3_*` in bounds.rs; src/engine/replica_tests.rs |
//! | L4 | clear dirty, then read: no hit is lost | "Law L4" in src/store/model.rs (shuttle) |
//! | L5 | DONE tells the cursors of before the scan | `l5_*` here |
//! | L6 | digests of dead origins | `l6_*` here |
//! | L7 | renewal reaches any generation, without a storm | tests/membership_sim.rs; src/cluster/membership |
//! | L8 | 1\|1 heals within two rounds | tests/membership_sim.rs; `l1_l2_*` here (30 s) |
//! | L9 | over-admission by the formula, a tenth of it by the urgent lane | `l9_*` in admission.rs |
//! | L10 | a restart doubles nothing | `l10_*` in counting.rs; tests/membership_sim.rs |
//! | L11 | altered, repeated, foreign: no state, no answer | every seed (node.rs `hear`); src/cluster/seal |
//! | L12 | what a later version adds is skipped | src/cluster/wire/tests.rs; `l12_*` in bounds.rs |
//! | L13 | windows out of bounds are refused, ended ones freed | `l13_*` in bounds.rs and counting.rs |
//! | L14 | a hot key costs one entry a flush, and one an urgent tick | `l14_*` in admission.rs |
//! | L15 | NACKs are rare, no storm at a heal | every seed (network.rs, checks.rs); `l15_*` in counting.rs |
//! | L16 | a clean leave loses no hit | `l16_*` in counting.rs; every seed with leaves |
//! | L17 | a member that means harm fills nothing beyond its bound | `l17_*` in bounds.rs |
//! | cells | at most a flush too much, equal once drained, no lock-out by a split or a join | cells.rs; every seed |
//! | clock | back beyond 5 s begins a new epoch; timers do not care | clocks.rs; every seed with steps |
//! | incomplete | who refused data claims less until it has ended | bounds.rs |
//! | cold start | started together: ready within 4 s | counting.rs |

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::settings::Mutant;
use super::story::Story;
use super::world::World;

/// Seeds of a run in which none are asked for; scripts/test asks for 200 or 1,000, optimized.
const SEEDS: u64 = 40;
/// The seeds are dealt to so many tests, which run side by side.
const HANDS: u64 = 4;

fn play(story: Story) -> Result<(World, u64), String> {
    let seed = story.settings.seed;
    let outcome = catch_unwind(AssertUnwindSafe(|| story.play()));
    let outcome = outcome.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(format!("panicked: {}", text.unwrap_or_default()))
    });
    outcome.map_err(|why| {
        format!("RATEL_SIM_SEED={seed} cargo test --test cluster_sim l1_l2: {why}\n{story:?}")
    })
}

fn story(seed: u64) -> Story {
    let story = Story::of(seed, Mutant::None);
    if seed % 4 == 3 { story.harsh() } else { story }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

/// Plays every `HANDS`-th seed from `hand` on: 40 in all four, or `RATEL_SIM_SEEDS`; or the one of
/// `RATEL_SIM_SEED`. Prints each that fails, with the command that repeats it.
fn play_hand(hand: u64) {
    let seeds = match number("RATEL_SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("RATEL_SIM_SEEDS").unwrap_or(SEEDS),
    };
    let (mut failures, mut took_ms) = (Vec::new(), Vec::new());
    for seed in seeds.filter(|seed| seed % HANDS == hand) {
        match play(story(seed)) {
            Ok((_, took_us)) => took_ms.push(took_us / 1_000),
            Err(why) => failures.push(why),
        }
    }
    took_ms.sort_unstable();
    let at = |percent: usize| took_ms.get(took_ms.len() * percent / 100).copied();
    println!("{} seeds agreed; ms to agree: p50 {:?}, p99 {:?}", took_ms.len(), at(50), at(99));
    assert!(failures.is_empty(), "{} failed:\n{}", failures.len(), failures.join("\n"));
}

/// L1, L2, L8, L11, L15, L16 and the law of cells, under every fault.
#[test]
fn l1_l2_all_agree_after_any_faults_and_nobody_is_ever_above_the_truth_hand_0() {
    play_hand(0);
}

/// As hand 0.
#[test]
fn l1_l2_all_agree_after_any_faults_and_nobody_is_ever_above_the_truth_hand_1() {
    play_hand(1);
}

/// As hand 0.
#[test]
fn l1_l2_all_agree_after_any_faults_and_nobody_is_ever_above_the_truth_hand_2() {
    play_hand(2);
}

/// As hand 0; the harsh seeds.
#[test]
fn l1_l2_all_agree_after_any_faults_and_nobody_is_ever_above_the_truth_hand_3() {
    play_hand(3);
}

#[test]
fn the_same_seed_leaves_the_same_trace_and_another_seed_another() {
    let mut traces = BTreeMap::new();
    for seed in [3, 8, 14, 21] {
        let run =
            || play(story(seed)).map(|(world, took_us)| (world.trace, world.datagrams, took_us));
        let first = run();
        assert_eq!(first, run(), "seed {seed}");
        traces.insert(first.unwrap(), seed);
    }
    assert_eq!(traces.len(), 4);
}

/// The first seed that a mutant does not survive, but the protocol does.
fn killed_by(mutant: Mutant, seeds: u64) -> Option<u64> {
    let survives = |seed, mutant| play(Story::of(seed, mutant).harsh()).is_ok();
    (0..seeds).find(|seed| !survives(*seed, mutant) && survives(*seed, Mutant::None))
}

/// L5, as a mutant.
#[test]
fn l5_telling_the_cursors_after_the_scan_would_lose_counts() {
    println!("{:?}", killed_by(Mutant::DoneAfterScan, 200).expect("a seed that fails"));
}

/// L6, as a mutant.
#[test]
fn l6_without_digests_survivors_of_a_crash_would_disagree() {
    println!("{:?}", killed_by(Mutant::NoDigests, 200).expect("a seed that fails"));
}
