//! The law of clocks: a wall clock that is set forward or back, held still or drifting, silences no
//! node and makes no count fall.

use super::counting::{get, hit, quiet};
use super::settings::Settings;
use super::world::World;

fn seen(world: &mut World) -> Vec<u64> {
    (0..world.nodes.len()).map(|at| get(world, at, "k")).collect()
}

fn step(world: &mut World, at: usize, by_ms: i64) {
    world.act(super::faults::Act::Step { at, by_ms });
}

/// Set back by more than is sat out: it follows, takes a new epoch, and speaks on at once.
#[test]
fn a_clock_set_back_begins_a_new_epoch_and_goes_on_telling() {
    let mut world = quiet(3);
    world.run_for(4_000_000);
    hit(&mut world, 0, "k");
    world.run_for(500_000);
    let before = world.nodes[0].tally.engine.origin();
    step(&mut world, 0, -20_000);
    assert_ne!(world.nodes[0].tally.engine.origin(), before);
    hit(&mut world, 0, "k");
    hit(&mut world, 1, "k");
    world.run_for(200_000);
    assert_eq!(seen(&mut world), [3, 3, 3]);
    world.run_for(5_000_000);
    assert_eq!(world.difference(), None);
}

/// Set back by what is sat out: its time stands still, its tongue does not.
#[test]
fn a_clock_that_is_held_still_delays_no_count() {
    let mut world = quiet(3);
    world.run_for(4_000_000);
    let before = world.nodes[0].tally.engine.origin();
    step(&mut world, 0, -4_900);
    let held = world.now(0).wall_ms;
    for round in 1..=20 {
        hit(&mut world, 0, "k");
        world.run_for(200_000);
        assert_eq!(seen(&mut world), [round; 3]);
    }
    assert_eq!(world.now(0).wall_ms, held);
    assert_eq!(world.nodes[0].tally.engine.origin(), before, "no new epoch");
}

/// Forward at once, and back again: what was counted ahead is counted once.
#[test]
fn a_clock_set_forward_and_back_loses_and_doubles_nothing() {
    let mut world = quiet(3);
    world.run_for(4_000_000);
    for by_ms in [20_000, -20_000, 4_000, -4_000, 29_000, -29_000] {
        hit(&mut world, 0, "k");
        hit(&mut world, 2, "k");
        step(&mut world, 0, by_ms);
        hit(&mut world, 0, "k");
        world.run_for(1_000_000);
    }
    world.run_for(5_000_000);
    assert_eq!(seen(&mut world), [18; 3]);
    assert_eq!(world.difference(), None);
}

/// Beyond 30 s nobody hears the node, and it hears nobody; it is told everything once it is right.
#[test]
fn a_clock_an_hour_off_isolates_its_node_until_it_is_right() {
    let mut world = quiet(3);
    world.run_for(4_000_000);
    for by_ms in [3_600_000, -3_600_000] {
        let all = get(&mut world, 1, "k");
        step(&mut world, 0, by_ms);
        hit(&mut world, 1, "k");
        world.run_for(2_000_000);
        assert_eq!((get(&mut world, 2, "k"), get(&mut world, 0, "k")), (all + 1, 0), "apart");
        step(&mut world, 0, -by_ms);
        world.run_for(25_000_000);
        assert_eq!(seen(&mut world), [all + 1; 3]);
    }
    assert_eq!(world.difference(), None);
}

/// Two per cent fast and slow: timers and lives go on.
#[test]
fn drifting_clocks_change_nothing() {
    let mut world = World::new(Settings { drift_ppm: 20_000, ..Settings::quiet(3) });
    world.run_for(4_500_000);
    for _ in 0..60 {
        (0..3).for_each(|at| hit(&mut world, at, "k"));
        world.run_for(1_000_000);
    }
    assert_eq!(seen(&mut world), [180; 3]);
    assert_eq!(world.difference(), None);
}
