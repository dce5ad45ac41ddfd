//! Counts of whole nodes, one story each: starts, joins, restarts, leaves, loss, a small budget.

use ratel::cluster::replication::Options;
use ratel::cluster::wire::State;

use super::settings::Settings;
use super::story::series;
use super::world::World;

pub(crate) fn quiet(nodes: usize) -> World {
    World::new(Settings::quiet(nodes))
}

pub(crate) fn hit(world: &mut World, at: usize, key: &str) {
    world.client(at, |tally, now_ms| tally.hit(now_ms, key.as_bytes(), series()[0], 1, None));
}

pub(crate) fn get(world: &mut World, at: usize, key: &str) -> u64 {
    world.client(at, |tally, now_ms| tally.get(now_ms, key.as_bytes(), series()[0]))
}

fn all_ready(world: &World) -> bool {
    world.nodes.iter().all(|node| node.core.replica().state() == State::Ready)
}

/// Law of the cold start.
#[test]
fn nodes_started_together_are_ready_within_4_s() {
    for loss_permille in [0, 200] {
        let mut world = World::new(Settings { loss_permille, ..Settings::quiet(3) });
        world.run_for(4_000_000);
        assert!(all_ready(&world), "at a loss of {loss_permille} in a thousand");
    }
}

/// Law of the cold start.
#[test]
fn a_node_alone_becomes_ready() {
    let mut world = quiet(1);
    world.run_for(3_500_000);
    assert!(all_ready(&world));
}

/// Law of the join: it is not empty when it first answers.
#[test]
fn a_joiner_is_not_empty_when_it_becomes_ready() {
    let mut world = World::new(Settings { loss_permille: 50, ..Settings::quiet(4) });
    world.crash(3);
    world.run_for(4_500_000);
    for n in 0..500 {
        hit(&mut world, n % 3, &format!("key:{n}"));
    }
    world.run_for(2_000_000);
    world.restart(3);
    let deadline_us = world.now_us + 10_000_000;
    while world.nodes[3].ready_us.is_none() {
        world.run_for(1_000);
        assert!(world.now_us < deadline_us, "never ready");
    }
    let held = (0..500).filter(|n| get(&mut world, 3, &format!("key:{n}")) == 1).count();
    assert_eq!(held, 500);
}

/// L10: counts of a node's last life come back to it as another origin's, once.
#[test]
fn l10_a_restart_doubles_nothing() {
    let mut world = quiet(3);
    world.run_for(4_000_000);
    for round in 1..=5_u64 {
        for _ in 0..100 {
            hit(&mut world, 0, "k");
        }
        world.run_for(100_000);
        world.crash(0);
        world.restart(0);
        world.run_for(5_000_000);
        for at in 0..3 {
            assert_eq!(get(&mut world, at, "k"), 100 * round, "node {at} in round {round}");
        }
    }
}

/// L13, its second half: an ended window takes its origin along.
#[test]
fn l13_an_origin_is_forgotten_with_its_last_window() {
    let mut world = quiet(3);
    world.run_for(4_000_000);
    world.client(0, |tally, now_ms| tally.hit(now_ms, b"k", series()[2], 1, None));
    world.run_for(500_000);
    world.crash(0);
    let known = |world: &mut World, at: usize| {
        let now = world.now(at);
        world.nodes[at].core.replica().origins(now).len()
    };
    assert_eq!(known(&mut world, 1), 2);
    for _ in 0..40 {
        world.run_for(1_000_000);
        for at in 1..3 {
            world.client(at, super::watched::Watched::expire);
        }
    }
    for at in 1..3 {
        assert_eq!(known(&mut world, at), 1, "node {at} remembers the dead");
        let engine = &world.nodes[at].tally.engine;
        assert!(engine.origins().is_empty());
    }
}

/// L15.
#[test]
fn l15_nacks_stay_rare_under_loss_and_at_a_heal() {
    let mut world = World::new(Settings { loss_permille: 200, ..Settings::quiet(3) });
    for ms in 0..8_000 {
        // The world itself checks that NACKs between two nodes are 10 ms apart.
        world.run_until(ms * 1_000);
        hit(&mut world, (ms % 3) as usize, "k");
        if ms == 4_000 || ms == 6_000 {
            world.links[0].iter_mut().for_each(|link| link.cut = ms == 4_000);
        }
    }
    let nacks: u64 = world.nodes.iter().map(|it| it.core.replica().figures().nacks_out).sum();
    assert!(nacks > 10, "{nacks}: loss was not noticed");
    world.run_for(6_000_000);
    assert_eq!(world.difference(), None);
    let seen: Vec<u64> = (0..3).map(|at| get(&mut world, at, "k")).collect();
    assert_eq!(seen, [8_000; 3]);
}

/// L16.
#[test]
fn l16_a_clean_leave_loses_no_hit() {
    for loss_permille in [0, 200] {
        let mut world = World::new(Settings { loss_permille, ..Settings::quiet(3) });
        world.run_for(5_000_000);
        for _ in 0..1_000 {
            hit(&mut world, 0, "k");
        }
        world.leave(0);
        let began_us = world.now_us;
        while world.nodes[0].alive {
            world.run_for(5_000);
            assert!(world.now_us - began_us < 5_500_000, "it never ended");
        }
        let left = world.nodes[0].left;
        assert_eq!(left, Some(0), "at a loss of {loss_permille} in a thousand");
        world.run_until(began_us + 8_000_000);
        assert_eq!((get(&mut world, 1, "k"), get(&mut world, 2, "k")), (1_000, 1_000));
    }
}

/// L16, where it cannot hold.
#[test]
fn a_leaver_that_nobody_confirms_says_how_much_that_is() {
    let mut world = quiet(2);
    world.run_for(5_000_000);
    world.links[0][1].cut = true;
    hit(&mut world, 0, "k");
    world.leave(0);
    world.run_for(5_100_000);
    assert_eq!(world.nodes[0].left, Some(1));
}

#[test]
fn too_small_a_budget_delays_but_drops_nothing() {
    let options = Options { egress_bytes_per_s: 20_000, ..Options::default() };
    let mut world = World::new(Settings { options, ..Settings::quiet(3) });
    world.run_for(5_000_000);
    for n in 0..3_000 {
        hit(&mut world, 0, &format!("key:{n}"));
    }
    world.run_for(500_000);
    let held = |world: &mut World, at: usize| {
        (0..3_000).filter(|n| get(world, at, &format!("key:{n}")) == 1).count()
    };
    assert!(held(&mut world, 1) < 1_500, "the budget did not bind");
    world.run_for(25_000_000);
    assert_eq!(held(&mut world, 2), 3_000);
    assert!(world.nodes[0].core.replica().figures().flushes_delayed > 0);
}

/// A process that was stopped for a minute comes back as after a split, and what waited in its sockets
/// counts nothing twice.
#[test]
fn a_pause_of_a_minute_loses_and_doubles_nothing() {
    let mut world = quiet(3);
    world.run_for(4_000_000);
    for second in 0..70 {
        for at in world.living() {
            hit(&mut world, at, "k");
        }
        match second {
            2 => world.nodes[0].paused = Some(Default::default()),
            62 => world.resume(0),
            _ => {}
        }
        world.run_for(1_000_000);
    }
    world.run_for(10_000_000);
    let seen: Vec<u64> = (0..3).map(|at| get(&mut world, at, "k")).collect();
    assert_eq!(seen, [150; 3], "two hits of 70 s and one of 10");
}

/// A member that is alive and not heard is asked for through a third: its counts come late, and come.
#[test]
fn what_a_one_way_cut_silences_is_heard_through_a_third_within_3_s() {
    let mut world = quiet(3);
    world.run_for(5_000_000);
    world.links[0][1].cut = true;
    let mut told = Vec::new();
    for tenth in 0..150 {
        hit(&mut world, 0, "k");
        world.run_for(100_000);
        told.push(tenth + 1);
        if tenth >= 40 {
            let (seen, then) = (get(&mut world, 1, "k"), told[tenth as usize - 30]);
            assert!(seen >= then, "{seen} seen, {then} counted 3 s ago");
        }
    }
}
