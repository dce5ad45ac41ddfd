//! The laws of cells: a charge counts once everywhere, at most one flush of a peer is charged too
//! much, all are equal once drained, and neither a split nor a join locks a key out.

use ratel::limiter::gcra::Quota;

use super::counting::quiet;
use super::settings::Settings;
use super::watched::MS_NS;
use super::world::World;

fn throttle(world: &mut World, at: usize, quota: &Quota) -> bool {
    world.client(at, |tally, now_ms| tally.throttle(now_ms, b"cell", quota))
}

fn ahead_ns(world: &mut World, at: usize) -> u64 {
    world.client(at, |tally, now_ms| tally.ahead_ns(now_ms, b"cell"))
}

/// Both sides of a split charge all they may, for `for_s`; then they meet, and a third node joins.
/// Nobody is ever further ahead than each side's tolerance and a flush, and all drain.
fn split_and_join(for_s: u64) {
    const TOLERANCE_NS: u64 = 2_000 * MS_NS;
    let quota = Quota::cell(19, 10, 1).unwrap();
    let mut world = quiet(3);
    world.nodes.iter_mut().for_each(|node| node.tick_us = 20_000);
    world.crash(2);
    world.run_for(4_000_000);
    world.links[0][1].cut = true;
    world.links[1][0].cut = true;
    for _ in 0..for_s {
        for at in [0, 1] {
            for _ in 0..30 {
                throttle(&mut world, at, &quota);
            }
        }
        world.run_for(1_000_000);
    }
    world.links.iter_mut().flatten().for_each(|link| link.cut = false);
    world.restart(2);
    for _ in 0..150 {
        world.run_for(100_000);
        for at in 0..3 {
            let ahead_ns = ahead_ns(&mut world, at);
            assert!(ahead_ns <= 2 * TOLERANCE_NS + 100 * MS_NS, "node {at}: {ahead_ns} ns");
        }
    }
    assert_eq!(world.difference(), None);
    for at in 0..3 {
        assert_eq!(ahead_ns(&mut world, at), 0, "drained on node {at}");
        assert!(throttle(&mut world, at, &quota));
    }
}

#[test]
fn nobody_is_locked_out_by_a_short_split_or_a_join() {
    split_and_join(20);
}

#[test]
fn nobody_is_locked_out_by_a_split_of_600_s_or_a_join() {
    split_and_join(600);
}

/// A joiner that syncs a full cell, and one that hears of it live, neither lock it out nor free it.
#[test]
fn a_join_while_a_cell_is_full_leaves_it_as_full_as_it_is() {
    let quota = Quota::cell(59, 1, 1).unwrap();
    let mut world = quiet(3);
    world.crash(2);
    world.run_for(4_000_000);
    let mut allowed = 0;
    for n in 0..100 {
        allowed += u64::from(throttle(&mut world, n % 2, &quota));
        world.run_for(30_000);
    }
    assert!((60..=66).contains(&allowed), "{allowed} of 60 and one a second");
    world.restart(2);
    while world.nodes[2].ready_us.is_none() {
        world.run_for(1_000);
    }
    let (old, new) = (ahead_ns(&mut world, 0), ahead_ns(&mut world, 2));
    assert!(old > 50_000 * MS_NS, "{old} ns");
    assert!(new.abs_diff(old) <= 1_000 * MS_NS, "{new} ns on the joiner, {old} on a member");
}

/// Charges of several nodes add up on each of them.
#[test]
fn live_charges_of_a_cell_add_up_on_every_node() {
    for loss_permille in [0, 100] {
        let mut world = World::new(Settings { loss_permille, ..Settings::quiet(3) });
        world.run_for(4_500_000);
        let quota = Quota::cell(99, 1, 1).unwrap();
        let began_us = world.now_us;
        for n in 0..30 {
            assert!(throttle(&mut world, n % 3, &quota));
            world.run_for(30_000);
        }
        world.run_for(2_000_000);
        let passed_ns = (world.now_us - began_us) * 1_000;
        for at in 0..3 {
            let charged_ns = ahead_ns(&mut world, at) + passed_ns;
            // The first charge of each peer is raised to, not added: it was not known to be new.
            let (most, least) = (30 * 1_000 * MS_NS, 27 * 1_000 * MS_NS);
            let slack = 1_000 * MS_NS;
            assert!(
                (least - slack..=most + slack).contains(&charged_ns),
                "node {at} at a loss of {loss_permille}: {charged_ns} ns"
            );
        }
    }
}
