//! What must hold: at every look, and once all is quiet.

use ratel::cluster::replication::Tally;
use ratel::cluster::wire::{ORIGINS_MAX, State};

use super::clock::EPOCH_MS;
use super::node::addr;
use super::story::{CELL_MS, KEYS, Story, key, quota, series};
use super::truth::window;
use super::watched::MS_NS;
use super::world::World;

/// Datagrams that one node sends another in a second in which nothing happens: beats, probes, vectors.
const QUIET_PER_S: u64 = 40;

impl Story {
    /// In the midst of everything: what is held was said (L2), nobody sees more than was counted, and
    /// tables are bounded.
    pub(super) fn look(&self, world: &mut World) {
        for at in world.living() {
            let now = world.now(at);
            let node = &world.nodes[at];
            node.tally.check(now.wall_ms);
            let origins = node.core.replica().origins(now);
            assert!(origins.len() <= ORIGINS_MAX);
            // Every origin was the life of some node, or what a flush or a clock made of it.
            let born = world.truth.borrow().born.len();
            assert!(origins.len() < born, "{} origins of {born}", origins.len());
            assert!(node.core.replica().ring_bytes() <= self.settings.options.ring_bytes);
            assert!(node.core.membership().timer_count() <= 64);
            if !self.only_counts() {
                continue;
            }
            for series in series() {
                for n in 0..KEYS {
                    let seen = node.tally.get(now.wall_ms, &key(n), series);
                    let all = world.truth.borrow().gross(&window(series, now.wall_ms, &key(n)));
                    assert!(seen <= all, "node {at} sees {seen} of {all} of {series:?} {n}");
                }
            }
        }
        self.look_at_shares(world);
        assert!(world.streams.len() <= 64, "{} streams", world.streams.len());
    }

    /// In quiet: all views are equal, and equal to the truth as far as a crash has lost none of it.
    pub(super) fn agree(&self, world: &mut World) -> Result<(), String> {
        let now_ms = EPOCH_MS + world.now_us / 1_000;
        let living = world.living();
        if living.is_empty() {
            return Ok(());
        }
        for series in &series()[..2] {
            for n in 0..KEYS {
                let (key, subject) = (key(n), window(*series, now_ms, &key(n)));
                let seen: Vec<u64> = living
                    .iter()
                    .map(|at| world.nodes[*at].tally.get(now_ms, &key, *series))
                    .collect();
                if seen.iter().any(|count| *count != seen[0]) {
                    return Err(format!("nodes see {seen:?} of {subject:?}"));
                }
                let truth = world.truth.borrow();
                if self.only_counts() {
                    let (least, most) = truth.bounds(&subject);
                    if !(least..=most).contains(&seen[0]) {
                        return Err(format!("{} is not in {least}..={most}: {subject:?}", seen[0]));
                    }
                }
                let flush_stamp = world.nodes[living[0]].tally.flush_stamp();
                let said = truth.count(flush_stamp, &subject);
                if truth.crashed.is_empty() && seen[0] != said {
                    return Err(format!("all see {} of {said}: {subject:?}", seen[0]));
                }
            }
        }
        Ok(())
    }

    /// Law of cells: full once by every node at most, equal once drained; nobody is locked out. And no
    /// storm: a quiet cluster hardly speaks.
    pub(super) fn drain(&self, world: &mut World) -> Result<(), String> {
        let living = world.living();
        let ahead = world.nodes.iter().map(|node| node.clock.ahead_ms(world.now_us).abs()).max();
        // A clock that was ahead, by two steps at most, has dated its cells by itself.
        let skew_ms =
            if self.faults.steps { 125_000 } else { 4 * ahead.unwrap_or(0) as u64 + 1_000 };
        let most_ms = CELL_MS * self.settings.nodes as u64 + skew_ms;
        let mut furthest_ns = 0;
        for at in &living {
            let now_ms = world.now(*at).wall_ms;
            for n in 0..KEYS {
                let ahead_ns = world.nodes[*at].tally.ahead_ns(now_ms, &key(n));
                furthest_ns = furthest_ns.max(ahead_ns);
                if ahead_ns > most_ms * MS_NS {
                    return Err(format!("node {at} is {ahead_ns} ns ahead on key {n}"));
                }
            }
        }
        // What is under way arrives.
        world.run_for(3_000_000);
        let (begin, begun_us) = (world.datagrams, world.now_us);
        let kinds = world.by_kind;
        while world.now_us < begun_us + 2_000_000 {
            world.run_for(500_000);
            self.expire(world);
        }
        let spoken = world.datagrams - begin;
        let pairs = (living.len() * living.len()) as u64;
        let bound = 2 * QUIET_PER_S * pairs * (1_000 + self.settings.duplicate_permille) / 1_000;
        if spoken > bound {
            let more: Vec<u64> =
                world.by_kind.iter().zip(kinds).map(|(now, was)| now - was).collect();
            return Err(format!("{spoken} datagrams in 2 s of quiet, at most {bound}: {more:?}"));
        }
        if world.waiting() > 2_000 {
            return Err(format!("{} events wait in quiet", world.waiting()));
        }
        world.run_for(furthest_ns / 1_000);
        for at in living {
            for n in 0..KEYS {
                let free = world.client(at, |tally, now_ms| {
                    (0..10).filter(|_| tally.throttle(now_ms, &key(n), &quota())).count()
                });
                if free != 10 {
                    return Err(format!("node {at} allows {free} of 10 on key {n} when drained"));
                }
                // What this node has charged now is not to be told.
                if !world.client(at, |tally, now_ms| !tally.throttle(now_ms, &key(n), &quota())) {
                    return Err(format!("node {at} allows more than a cell holds"));
                }
            }
        }
        Ok(())
    }
}

impl World {
    /// What differs between the living nodes; `None` if all agree.
    pub(crate) fn difference(&mut self) -> Option<String> {
        let living = self.living();
        let down = self.nodes.iter().filter(|node| node.leaving && node.alive).count();
        if down > 0 {
            return Some(format!("{down} are still leaving"));
        }
        let first = *living.first()?;
        let horizon_ms = EPOCH_MS + self.now_us / 1_000 + 3_000;
        for at in &living {
            let node = &self.nodes[*at];
            if node.core.replica().state() != State::Ready {
                return Some(format!("{at} is not ready"));
            }
            let listed: Vec<_> =
                node.core.membership().active().map(|it| it.identity.origin).collect();
            let others = living.iter().filter(|other| *other != at);
            let there: Vec<_> = others.map(|other| self.nodes[*other].tally.origin()).collect();
            if listed != there {
                let known: Vec<_> = node.core.membership().members().collect();
                return Some(format!(
                    "{} lists {listed:?}, there are {there:?}; it knows {known:?}",
                    addr(*at)
                ));
            }
        }
        let mut origins: Vec<_> = Vec::new();
        for at in &living {
            origins.push(self.nodes[*at].tally.origin());
            origins.extend(self.nodes[*at].tally.origins());
        }
        let tally = |at: usize| &self.nodes[at].tally;
        for at in &living {
            if tally(*at).flush_stamp() != tally(first).flush_stamp() {
                return Some(format!("flush stamp of {at}"));
            }
            for origin in &origins {
                let digest = |at| tally(at).engine.digest(*origin, horizon_ms);
                if digest(*at) == digest(first) {
                    continue;
                }
                let held = |at| {
                    let mut held = tally(at).held_of(*origin, horizon_ms);
                    held.retain(|item| !self.clocks_apart || !item.starts_with("Share"));
                    held
                };
                let (one, two) = (held(*at), held(first));
                let only = |these: &[String], those: &[String]| {
                    these.iter().filter(|it| !those.contains(it)).cloned().collect::<Vec<_>>()
                };
                let (here, there) = (only(&one, &two), only(&two, &one));
                if here != there {
                    return Some(format!(
                        "of {origin:?}, only {at} holds {here:?}, only {first} {there:?}"
                    ));
                }
            }
        }
        self.shares_difference(self.true_ms())
    }

    /// Plans nothing more.
    pub(crate) fn forget_acts(&mut self) {
        self.retain_events(|event| !matches!(event, super::network::Event::Act(_)));
    }
}
