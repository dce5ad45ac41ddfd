//! The laws, each by its name.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use ratel::cluster::replication::Options;

use super::model::MS_NS;
use super::settings::{Mutant, Settings};
use super::story::{Story, series};
use super::world::World;

/// Seeds of a run in which none are asked for: as many as fit in this time.
const TIME: Duration = Duration::from_secs(40);
const SEEDS_MAX: u64 = 200;

fn play(seed: u64, mutant: Mutant) -> Result<World, String> {
    let story = Story::of(seed, mutant);
    tell(if seed % 4 == 3 { story.harsh() } else { story })
}

fn tell(story: Story) -> Result<World, String> {
    let seed = story.settings.seed;
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

/// The first seed that a mutant does not survive, but the protocol does.
fn killed_by(mutant: Mutant, seeds: u64) -> Option<u64> {
    let survives = |seed, mutant| tell(Story::of(seed, mutant).harsh()).is_ok();
    (0..seeds).find(|seed| !survives(*seed, mutant) && survives(*seed, Mutant::None))
}

#[test]
fn l5_telling_the_cursors_after_the_scan_would_lose_counts() {
    println!("{:?}", killed_by(Mutant::DoneAfterScan, 300).expect("a seed that fails"));
}

#[test]
fn l6_without_digests_survivors_of_a_crash_would_disagree() {
    println!("{:?}", killed_by(Mutant::NoDigests, 300).expect("a seed that fails"));
}

fn world(nodes: usize, loss_permille: u64, options: Options) -> World {
    World::new(Settings {
        seed: 5,
        nodes,
        loss_permille,
        duplicate_permille: 0,
        skew_ms: 0,
        options,
        mutant: Mutant::None,
    })
}

fn quiet(nodes: usize) -> World {
    world(nodes, 0, Options::default())
}

fn hit(world: &World, at: usize, key: &str) {
    let model = &world.nodes[at].tally.model;
    model.hit(world.now_ms(at), key.as_bytes(), series()[0], 1);
}

fn get(world: &World, at: usize, key: &str) -> u64 {
    world.nodes[at].tally.model.get(world.now_ms(at), key.as_bytes(), series()[0])
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

#[test]
fn a_joiner_is_not_empty_when_it_becomes_ready() {
    let mut world = world(4, 50, Options::default());
    world.crash(3);
    world.run_until(4_000_000);
    for n in 0..500 {
        hit(&world, n % 3, &format!("key:{n}"));
    }
    world.run_until(6_000_000);
    world.restart(3);
    while world.nodes[3].ready_us.is_none() {
        let next_us = world.now_us + 1_000;
        world.run_until(next_us);
        assert!(next_us < 16_000_000, "never ready");
    }
    let held = (0..500).filter(|n| get(&world, 3, &format!("key:{n}")) == 1).count();
    assert_eq!(held, 500);
}

/// Counts of a node's last life come back to it as another origin's, once.
#[test]
fn l10_a_restart_doubles_nothing() {
    let mut world = quiet(3);
    world.run_until(4_000_000);
    for round in 1..=5_u64 {
        for _ in 0..100 {
            hit(&world, 0, "k");
        }
        let (a, b) = (world.now_us + 100_000, world.now_us + 5_000_000);
        world.run_until(a);
        world.crash(0);
        world.restart(0);
        world.run_until(b);
        for at in 0..3 {
            assert_eq!(get(&world, at, "k"), 100 * round, "node {at} in round {round}");
        }
    }
}

#[test]
fn l13_an_origin_is_forgotten_with_its_last_window() {
    let mut world = quiet(3);
    world.run_until(4_000_000);
    let model = &world.nodes[0].tally.model;
    model.hit(world.now_ms(0), b"k", series()[2], 1);
    world.run_until(4_500_000);
    world.crash(0);
    assert_eq!(world.nodes[1].replica.origins(0).len(), 2);
    for second in 5..40 {
        world.run_until(second * 1_000_000);
        for at in 1..3 {
            world.nodes[at].tally.model.expire(world.now_ms(at));
        }
    }
    for at in 1..3 {
        assert_eq!(world.nodes[at].replica.origins(0).len(), 1, "node {at} remembers the dead");
        assert_eq!(world.nodes[at].tally.model.slots(), 0);
    }
}

#[test]
fn l14_a_hot_key_costs_one_entry_a_flush() {
    let mut world = quiet(2);
    world.run_until(4_000_000);
    let before = world.nodes[0].replica.figures().deltas;
    for ms in 4_000..5_000 {
        world.run_until(ms * 1_000);
        for _ in 0..20 {
            hit(&world, 0, "hot");
        }
    }
    let deltas = world.nodes[0].replica.figures().deltas - before;
    assert!((30..=51).contains(&deltas), "{deltas} deltas in a second");
    world.run_until(5_200_000);
    assert_eq!(get(&world, 1, "hot"), 20_000);
}

#[test]
fn l15_nacks_stay_rare_under_loss_and_at_a_heal() {
    let mut world = world(3, 200, Options::default());
    for ms in 0..8_000 {
        // The world itself checks that two NACKs of one node for one origin are 10 ms apart.
        world.run_until(ms * 1_000);
        hit(&world, (ms % 3) as usize, "k");
        if ms == 4_000 {
            world.cut[0].fill(true);
        }
        if ms == 6_000 {
            world.heal();
        }
    }
    let nacks: u64 = world.nodes.iter().map(|node| node.replica.figures().nacks_out).sum();
    assert!(nacks > 10, "{nacks}: loss was not noticed");
    world.run_until(14_000_000);
    assert_eq!(world.difference(), None);
}

#[test]
fn l16_a_clean_leave_loses_no_hit() {
    for loss in [0, 200] {
        let mut world = world(3, loss, Options::default());
        world.run_until(5_000_000);
        for _ in 0..1_000 {
            hit(&world, 0, "k");
        }
        let now_ms = world.now_ms(0);
        let node = &mut world.nodes[0];
        node.replica.leave(now_ms, &node.tally);
        world.carry_out(0);
        let began_us = world.now_us;
        while world.nodes[0].left.is_none() {
            let next_us = world.now_us + 5_000;
            world.run_until(next_us);
        }
        assert_eq!(world.nodes[0].left, Some(0), "at a loss of {loss} in a thousand");
        assert!(world.now_us - began_us < 5_000_000);
        world.run_until(began_us + 8_000_000);
        assert_eq!((get(&world, 1, "k"), get(&world, 2, "k")), (1_000, 1_000));
    }
}

#[test]
fn a_leaver_that_nobody_confirms_says_how_much_that_is() {
    let mut world = quiet(2);
    world.run_until(5_000_000);
    world.cut[0].fill(true);
    hit(&world, 0, "k");
    let now_ms = world.now_ms(0);
    let node = &mut world.nodes[0];
    node.replica.leave(now_ms, &node.tally);
    world.run_until(10_100_000);
    assert_eq!(world.nodes[0].left, Some(1));
}

#[test]
fn too_small_a_budget_delays_but_drops_nothing() {
    let options = Options { egress_bytes_per_s: 20_000, ..Options::default() };
    let mut world = world(3, 0, options);
    world.run_until(5_000_000);
    for n in 0..3_000 {
        hit(&world, 0, &format!("key:{n}"));
    }
    world.run_until(5_500_000);
    assert!(get(&world, 1, "key:999") + get(&world, 1, "key:99") < 2, "the budget did not bind");
    world.run_until(25_000_000);
    assert_eq!((0..3_000).filter(|n| get(&world, 2, &format!("key:{n}")) == 1).count(), 3_000);
    assert!(world.nodes[0].replica.figures().flushes_delayed > 0);
}

#[test]
fn a_cell_is_equal_once_drained_and_nobody_is_locked_out_by_a_split_or_a_join() {
    const COST: u64 = 100 * MS_NS;
    const TOLERANCE: u64 = 2_000 * MS_NS;
    let mut world = quiet(3);
    world.crash(2);
    world.run_until(4_000_000);
    let split: [&[usize]; 2] = [&[0], &[1]];
    // 600 s apart, both sides charging all they may.
    for second in 4..604_u64 {
        if second == 10 {
            world.cut[0].fill(true);
            world.cut[1].fill(true);
        }
        for side in split {
            for at in side {
                for _ in 0..30 {
                    let now_ms = world.now_ms(*at);
                    world.nodes[*at].tally.model.throttle(now_ms, b"cell", COST, TOLERANCE);
                }
            }
        }
        world.run_until(second * 1_000_000);
    }
    world.heal();
    world.restart(2);
    for step in 0..100 {
        world.run_until(604_000_000 + step * 100_000);
        for at in world.living() {
            let ahead_ns = world.nodes[at]
                .tally
                .model
                .tat_ns(b"cell")
                .saturating_sub(world.now_ms(at) * MS_NS);
            // Full once by each side, and what one flush of a peer may add.
            assert!(ahead_ns <= 2 * TOLERANCE + COST, "node {at} is {ahead_ns} ns ahead");
        }
    }
    for at in world.living() {
        let model = &world.nodes[at].tally.model;
        assert!(model.tat_ns(b"cell") <= world.now_ms(at) * MS_NS, "drained on node {at}");
        assert!(model.throttle(world.now_ms(at), b"cell", COST, TOLERANCE));
    }
}

#[test]
fn live_charges_of_a_cell_add_up_on_every_node() {
    const COST: u64 = 1_000 * MS_NS;
    const TOLERANCE: u64 = 100_000 * MS_NS;
    let mut world = world(3, 100, Options::default());
    world.run_until(4_000_000);
    let began_ns = world.now_ms(0) * MS_NS;
    for n in 0..30 {
        let at = n % 3;
        let now_ms = world.now_ms(at);
        assert!(world.nodes[at].tally.model.throttle(now_ms, b"cell", COST, TOLERANCE));
        let next_us = world.now_us + 30_000;
        world.run_until(next_us);
    }
    world.run_until(6_000_000);
    for at in 0..3 {
        let ahead_ns = world.nodes[at].tally.model.tat_ns(b"cell") - began_ns;
        // Charges of the first moment may be dated by their sender's clock, not by the cell's.
        let exact = 30 * COST;
        assert!(ahead_ns.abs_diff(exact) <= COST, "node {at}: {ahead_ns} of {exact}");
    }
}
