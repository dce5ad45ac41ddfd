//! The store under a scheduler that chooses the interleavings, to be run by
//! `RUSTFLAGS='--cfg shuttle' cargo test --lib store::model`.
//!
//! Each model is run thousands of times, at random and with few preemptions at chosen places
//! (PCT); a failure prints the schedule, which `shuttle::replay` repeats. Not here: memory
//! orderings (the scheduler takes all for the strongest), the skiplist's own interleavings.

mod life;

use std::collections::HashMap;
use std::sync::Arc;

use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::sync::atomic::{AtomicU64, Ordering::SeqCst};
use shuttle::thread;

use super::*;
use crate::limiter::{Kind, Scale};

const NOW: u64 = 1_790_000_000_123;
/// When the bucket of the window at [`NOW`] has ended.
const END: u64 = 1_790_000_060_000;
/// Schedules of each kind that a model is run under; `MODEL_RUNS`, set when it is built, asks for others.
const RUNS: usize = 2000;
/// Preemptions that PCT places: most races need one or two.
const PREEMPTIONS: usize = 3;

fn check(model: impl Fn() + Send + Sync + Copy + 'static) {
    let runs = option_env!("MODEL_RUNS").and_then(|runs| runs.parse().ok()).unwrap_or(RUNS);
    let mut config = shuttle::Config::new();
    config.silence_warnings = true;
    config.stack_size = 1 << 18;
    shuttle::Runner::new(RandomScheduler::new(runs), config.clone()).run(model);
    shuttle::Runner::new(PctScheduler::new(PREEMPTIONS, runs), config).run(model);
}

fn series() -> Series {
    Series { kind: Kind::Fixed, scale: Scale::new(60_000).unwrap() }
}

fn windows(track_changes: bool) -> (Arc<Account>, Arc<Windows>) {
    let account = Arc::new(Account::new(u64::MAX));
    (account.clone(), Arc::new(Windows::new(7, account, track_changes)))
}

fn name(key: &[u8]) -> Name<'_> {
    Name::at(NOW, series(), key)
}

/// Counts as the engine does; the count after it.
fn hit(windows: &Windows, key: &[u8], n: u64) -> u64 {
    let mut reader = Reader::new(windows);
    let name = name(key);
    if let Some(counter) = reader.find(&name) {
        return counter.add(n);
    }
    let hint = reader.hint(&name);
    let (counter, fresh) = reader.find_or_insert(&name, hint, n).unwrap();
    if fresh { n } else { counter.add(n) }
}

/// Does `act` with a counter that exists.
fn with<R>(windows: &Windows, key: &[u8], act: impl FnOnce(Counter<'_>) -> R) -> R {
    let mut reader = Reader::new(windows);
    act(reader.find(&name(key)).expect("the counter exists"))
}

fn count(windows: &Windows, key: &[u8]) -> u64 {
    Reader::new(windows).find(&name(key)).map_or(0, |counter| counter.count())
}

/// Runs `acts` at once and waits for all.
fn at_once<const N: usize>(acts: [Box<dyn FnOnce() + Send>; N]) {
    let threads: Vec<_> = acts.into_iter().map(thread::spawn).collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn keys_inserted_at_once_into_a_growing_shard_have_one_entry_and_all_their_hits() {
    check(|| {
        let (_, windows) = windows(false);
        // Two shards of eight slots: with these, both grow again while the threads insert.
        (0..9_u8).for_each(|i| assert_eq!(hit(&windows, &[i], 1), 1));
        let insert = |keys: [u8; 5]| -> Box<dyn FnOnce() + Send> {
            let windows = windows.clone();
            Box::new(move || keys.iter().for_each(|key| assert!(hit(&windows, &[*key], 1) <= 2)))
        };
        at_once([insert([20, 21, 22, 23, 24]), insert([22, 25, 20, 26, 24])]);
        let shared = [20, 22, 24];
        let keys: Vec<u8> = (0..9).chain(20..27).collect();
        for key in &keys {
            let expected = if shared.contains(key) { 2 } else { 1 };
            assert_eq!(count(&windows, &[*key]), expected, "key {key}");
        }
        assert_eq!(windows.live(NOW), keys.len() as u64);
        assert_eq!(windows.expire(END), keys.len() as u64);
    });
}

/// Law L4.
#[test]
fn each_change_is_drained_with_a_count_at_least_as_new() {
    check(|| {
        let (_, windows) = windows(true);
        let done = Arc::new(AtomicU64::new(0));
        let last = Arc::new(AtomicU64::new(0));
        let hits = {
            let (windows, done) = (windows.clone(), done.clone());
            move || {
                for n in 1..=4 {
                    assert_eq!(hit(&windows, b"k", 1), n);
                    done.store(n, SeqCst);
                }
            }
        };
        let drain = {
            let (windows, last) = (windows.clone(), last.clone());
            move || {
                windows.drain_changes(Which::All, usize::MAX, |change| {
                    assert!(change.own >= last.swap(change.own, SeqCst), "an older count");
                });
            }
        };
        let drains = {
            let (drain, done, last) = (drain.clone(), done.clone(), last.clone());
            move || {
                for _ in 0..3 {
                    let counted = done.load(SeqCst);
                    drain();
                    assert!(last.load(SeqCst) >= counted, "a change was missed");
                }
            }
        };
        at_once([Box::new(hits), Box::new(drains)]);
        drain();
        assert_eq!(last.load(SeqCst), 4);
    });
}

/// Law L4.
#[test]
fn two_that_hit_during_drains_leave_their_sum_to_the_last_one() {
    check(|| {
        let (_, windows) = windows(true);
        hit(&windows, b"k", 1);
        let last = Arc::new(AtomicU64::new(0));
        let act = || -> Box<dyn FnOnce() + Send> {
            let windows = windows.clone();
            Box::new(move || (0..2).for_each(|_| assert!(hit(&windows, b"k", 1) > 1)))
        };
        let drain = {
            let (windows, last) = (windows.clone(), last.clone());
            move || {
                windows
                    .drain_changes(Which::All, usize::MAX, |change| last.store(change.own, SeqCst))
            }
        };
        let drains = drain.clone();
        at_once([act(), act(), Box::new(move || (0..2).for_each(|_| assert!(!drains())))]);
        drain();
        assert_eq!(last.load(SeqCst), 5);
    });
}

#[test]
fn hits_beside_refunds_and_resets_leave_count_and_census_right() {
    check(|| {
        let (_, windows) = windows(false);
        hit(&windows, b"k", 2);
        let hits = || -> Box<dyn FnOnce() + Send> {
            let windows = windows.clone();
            Box::new(move || (0..2).for_each(|_| assert!(hit(&windows, b"k", 1) <= 6)))
        };
        let changes = {
            let windows = windows.clone();
            move || {
                with(&windows, b"k", |counter| counter.refund(1));
                with(&windows, b"k", |counter| counter.replace(0, 7));
                with(&windows, b"k", |counter| counter.refund(1));
            }
        };
        at_once([hits(), hits(), Box::new(changes)]);
        let left = count(&windows, b"k");
        assert!(left <= 4, "{left} counted of 4 hits since the reset at most");
        assert_eq!(windows.live(NOW), u64::from(left > 0));
        // A hit afterwards is counted on top, whatever became of the census.
        assert_eq!(hit(&windows, b"k", 1), left + 1);
        assert_eq!(windows.live(NOW), 1);
    });
}

#[test]
fn hits_beside_refunds_are_all_counted_and_all_given_back() {
    check(|| {
        let (_, windows) = windows(false);
        hit(&windows, b"k", 2);
        let act = |refund: u64, n: u64| -> Box<dyn FnOnce() + Send> {
            let windows = windows.clone();
            Box::new(move || {
                with(&windows, b"k", |counter| counter.refund(refund));
                hit(&windows, b"k", n);
            })
        };
        at_once([act(1, 3), act(1, 2)]);
        assert_eq!((count(&windows, b"k"), windows.live(NOW)), (5, 1));
        with(&windows, b"k", |counter| counter.refund(5));
        assert_eq!((count(&windows, b"k"), windows.live(NOW)), (0, 0));
    });
}

#[test]
fn a_reader_never_sees_more_than_was_ever_counted() {
    check(|| {
        let (_, windows) = windows(false);
        hit(&windows, b"k", 10);
        with(&windows, b"k", |counter| counter.refund(4));
        let reset = {
            let windows = windows.clone();
            move || {
                with(&windows, b"k", |counter| counter.replace(3, 7));
            }
        };
        let look = {
            let windows = windows.clone();
            move || {
                let seen = count(&windows, b"k");
                assert!(seen == 6 || seen == 3, "saw {seen}");
            }
        };
        at_once([Box::new(reset), Box::new(look)]);
    });
}

#[test]
fn of_two_resets_one_finds_the_counter() {
    check(|| {
        let (_, windows) = windows(false);
        hit(&windows, b"k", 2);
        let found = Arc::new(AtomicU64::new(0));
        let act = |stamp: u64| -> Box<dyn FnOnce() + Send> {
            let (windows, found) = (windows.clone(), found.clone());
            Box::new(move || {
                let before = with(&windows, b"k", |counter| counter.replace(0, stamp));
                found.fetch_add(before, SeqCst);
            })
        };
        at_once([act(7), act(8)]);
        assert_eq!(found.load(SeqCst), 2);
    });
}

#[test]
fn counting_under_a_limit_never_passes_it_beside_refunds_and_sets() {
    check(|| {
        const LIMIT: u64 = 6;
        let (_, windows) = windows(false);
        hit(&windows, b"k", 5);
        let passed = Arc::new(AtomicU64::new(0));
        let asks = || -> Box<dyn FnOnce() + Send> {
            let (windows, passed) = (windows.clone(), passed.clone());
            Box::new(move || {
                for _ in 0..2 {
                    if with(&windows, b"k", |k| k.add_if(1, |then| then <= LIMIT)).is_ok() {
                        passed.fetch_add(1, SeqCst);
                    }
                    assert!(count(&windows, b"k") <= LIMIT);
                }
            })
        };
        let changes = {
            let windows = windows.clone();
            move || {
                with(&windows, b"k", |counter| counter.refund(2));
                // The same own count as before, of which nothing is given back.
                with(&windows, b"k", |counter| counter.replace(LIMIT, 7));
            }
        };
        at_once([asks(), asks(), Box::new(changes)]);
        assert!(count(&windows, b"k") <= LIMIT);
        assert!(passed.load(SeqCst) <= 3, "{} passed", passed.load(SeqCst));
    });
}

#[test]
fn counting_under_a_limit_beside_the_first_refund_leaves_count_and_census_right() {
    check(|| {
        let (_, windows) = windows(false);
        hit(&windows, b"k", 2);
        let ask = {
            let windows = windows.clone();
            move || assert!(with(&windows, b"k", |k| k.add_if(1, |then| then <= 3)).is_ok())
        };
        let refund = {
            let windows = windows.clone();
            move || {
                with(&windows, b"k", |counter| counter.refund(2));
            }
        };
        at_once([Box::new(ask), Box::new(refund)]);
        assert_eq!((count(&windows, b"k"), windows.live(NOW)), (1, 1));
        assert_eq!(with(&windows, b"k", |k| k.add_if(1, |then| then <= 2)), Ok(2));
    });
}

#[test]
fn a_counter_has_one_offset_for_all_who_find_it() {
    check(|| {
        let (_, windows) = windows(true);
        let act = || -> Box<dyn FnOnce() + Send> {
            let windows = windows.clone();
            Box::new(move || (0..8_u8).for_each(|i| assert!(hit(&windows, &[i % 4], 1) <= 4)))
        };
        at_once([act(), act()]);
        let mut drained: HashMap<Vec<u8>, u64> = HashMap::new();
        windows.drain_changes(Which::All, usize::MAX, |change| {
            assert!(drained.insert(change.key, change.own).is_none(), "two entries for one key");
        });
        assert_eq!(drained.len(), 4);
        assert!(drained.values().all(|own| *own == 4));
    });
}
