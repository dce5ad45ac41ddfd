//! The store as a whole, against plain models.

mod collections;
mod held;
mod keyspace;
mod waits;

use std::collections::HashMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::limiter::{Kind, Scale};

const NOW: u64 = 1_790_000_000_123;

fn windows(limit_bytes: u64, track_changes: bool) -> Windows {
    Windows::new(7, Arc::new(Account::new(limit_bytes)), track_changes)
}

fn series(ms: u64) -> Series {
    Series { kind: Kind::Fixed, scale: Scale::new(ms).unwrap() }
}

/// Counts one increment, as the engine does.
fn add(windows: &Windows, now_ms: u64, key: &[u8], scale: u64, n: u64) -> Result<u64, Refusal> {
    let mut reader = Reader::new(windows);
    let name = Name::at(now_ms, series(scale), key);
    if let Some(counter) = reader.find(&name) {
        return Ok(counter.add(n));
    }
    let hint = reader.hint(&name);
    let (counter, fresh) = reader.find_or_insert(&name, hint, n)?;
    Ok(if fresh { n } else { counter.add(n) })
}

fn count(windows: &Windows, now_ms: u64, key: &[u8], scale: u64) -> u64 {
    let mut reader = Reader::new(windows);
    reader.find(&Name::at(now_ms, series(scale), key)).map_or(0, |counter| counter.count())
}

fn reclaim_all(windows: &Windows, now_ms: u64) {
    for _ in 0..10_000_000 {
        if !windows.reclaim(now_ms) && windows.graves() == 0 {
            return;
        }
    }
    panic!("memory is never given back");
}

#[derive(Clone, Debug)]
enum Step {
    Add(u8, u8, u64),
    AddUpTo(u8, u8, u64, u64),
    Refund(u8, u8, u64),
    Replace(u8, u8, u64),
    Advance(u64),
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..20_u8, 0..3_u8, 1..100_u64).prop_map(|(k, s, n)| Step::Add(k, s, n)),
        2 => (0..20_u8, 0..3_u8, 1..9_u64, 0..200_u64).prop_map(|(k, s, n, l)| Step::AddUpTo(k, s, n, l)),
        2 => (0..20_u8, 0..3_u8, 0..300_u64).prop_map(|(k, s, n)| Step::Refund(k, s, n)),
        1 => (0..20_u8, 0..3_u8, 0..50_u64).prop_map(|(k, s, n)| Step::Replace(k, s, n)),
        1 => (0..400_u64).prop_map(Step::Advance),
    ]
}

const SCALES: [u64; 3] = [50, 1000, 60_000];

proptest! {
    #[test]
    fn counters_agree_with_a_plain_map(steps in proptest::collection::vec(any_step(), 1..400)) {
        let windows = windows(u64::MAX, false);
        let mut model: HashMap<(u8, u64, u64), u64> = HashMap::new();
        let mut now = NOW;
        for (stamp, step) in (1..).zip(steps) {
            if let Step::Advance(ms) = step {
                now += ms;
                windows.expire(now);
                model.retain(|(_, scale, index), _| (index + 1) * scale > now);
            }
            let (key, scale) = match step {
                Step::Add(k, s, _) | Step::AddUpTo(k, s, ..) | Step::Refund(k, s, _)
                | Step::Replace(k, s, _) => (k, SCALES[s as usize]),
                Step::Advance(_) => (0, SCALES[0]),
            };
            let bytes = [key];
            let entry = model.entry((key, scale, now / scale)).or_default();
            let mut reader = Reader::new(&windows);
            let name = Name::at(now, series(scale), &bytes);
            match step {
                Step::Add(_, _, n) => {
                    *entry += n;
                    prop_assert_eq!(add(&windows, now, &bytes, scale, n), Ok(*entry));
                }
                Step::AddUpTo(_, _, n, limit) => if let Some(counter) = reader.find(&name) {
                    let expected = if *entry + n <= limit { *entry += n; Ok(*entry) } else { Err(*entry) };
                    prop_assert_eq!(counter.add_if(n, |then| then <= limit), expected);
                },
                Step::Refund(_, _, n) => if let Some(counter) = reader.find(&name) {
                    *entry = entry.saturating_sub(n);
                    prop_assert_eq!(counter.refund(n), *entry);
                },
                Step::Replace(_, _, n) => if let Some(counter) = reader.find(&name) {
                    prop_assert_eq!(counter.replace(n, stamp), *entry);
                    *entry = n;
                },
                Step::Advance(_) => {}
            }
            prop_assert_eq!(count(&windows, now, &bytes, scale), model[&(key, scale, now / scale)]);
            let live = model.iter().filter(|((_, s, i), n)| (i + 1) * s > now && **n > 0).count();
            prop_assert_eq!(windows.live(now), live as u64);
        }
    }
}

#[test]
fn a_million_keys_and_one_hot_key_lose_no_hit_under_two_threads() {
    let windows = windows(u64::MAX, true);
    const KEYS: u64 = 1_000_000;
    std::thread::scope(|scope| {
        for worker in 0..2_u64 {
            let windows = &windows;
            scope.spawn(move || {
                for i in 0..KEYS {
                    // Opposite orders, so that both threads create keys that the other then finds.
                    let i = if worker == 0 { i } else { KEYS - 1 - i };
                    add(windows, NOW, format!("key:{i}").as_bytes(), 60_000, 1).unwrap();
                    add(windows, NOW, b"hot", 60_000, 3).unwrap();
                }
            });
        }
    });
    assert_eq!(count(&windows, NOW, b"hot", 60_000), 2 * 3 * KEYS);
    for i in 0..KEYS {
        assert_eq!(count(&windows, NOW, format!("key:{i}").as_bytes(), 60_000), 2, "key:{i}");
    }
    assert_eq!(windows.live(NOW), KEYS + 1);
    let mut drained: HashMap<Vec<u8>, u64> = HashMap::new();
    windows.drain_changes(Which::All, usize::MAX, |change| {
        assert!(drained.insert(change.key, change.own).is_none(), "listed twice");
    });
    assert_eq!(drained.len() as u64, KEYS + 1);
    assert_eq!(drained[b"hot".as_slice()], 2 * 3 * KEYS);
}

#[test]
fn hits_racing_with_resets_and_refunds_leave_the_census_right() {
    let windows = windows(u64::MAX, false);
    for round in 0..200 {
        add(&windows, NOW, b"k", 60_000, 1).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                (0..50).for_each(|_| assert!(add(&windows, NOW, b"k", 60_000, 1).is_ok()))
            });
            scope.spawn(|| {
                let mut reader = Reader::new(&windows);
                let name = Name::at(NOW, series(60_000), b"k");
                reader.find(&name).unwrap().replace(0, round + 1);
                reader.find(&name).unwrap().refund(3);
            });
        });
        let live = u64::from(count(&windows, NOW, b"k", 60_000) > 0);
        assert_eq!(windows.live(NOW), live);
    }
}

#[test]
fn changes_are_drained_once_and_again_after_the_next_hit() {
    let windows = windows(u64::MAX, true);
    let drain = || {
        let mut all = Vec::new();
        windows.drain_changes(Which::All, usize::MAX, |change| {
            all.push((change.key, change.own, change.refunded))
        });
        all
    };
    add(&windows, NOW, b"a", 1000, 2).unwrap();
    add(&windows, NOW, b"a", 1000, 2).unwrap();
    assert_eq!(drain(), [(b"a".to_vec(), 4, 0)]);
    assert_eq!(drain(), []);
    let mut reader = Reader::new(&windows);
    reader.find(&Name::at(NOW, series(1000), b"a")).unwrap().refund(3);
    assert_eq!(drain(), [(b"a".to_vec(), 4, 3)]);
}

#[test]
fn expiry_gives_all_memory_back() {
    let account = Arc::new(Account::new(u64::MAX));
    let windows = Windows::new(7, account.clone(), false);
    for i in 0..300_000_u64 {
        add(&windows, NOW, format!("key:{i}").as_bytes(), 1000, 1).unwrap();
    }
    add(&windows, NOW, b"stays", 3_600_000, 1).unwrap();
    let full = account.used_bytes();
    assert!(full / 300_000 < 90, "{} bytes a key", full / 300_000);
    windows.expire(NOW + 2000);
    assert_eq!(windows.live(NOW + 2000), 1);
    reclaim_all(&windows, NOW + 2000);
    assert_eq!(windows.expired(), 300_000);
    // What waits in the pool for the next window goes back after two quiet periods.
    for period in 1..4 {
        reclaim_all(&windows, NOW + 2000 + period * TRIM_PERIOD_MS);
    }
    assert_eq!(windows.supply().pool.free_bytes(), 0);
    assert!(account.used_bytes() < 64 * 1024, "{} bytes left", account.used_bytes());
    assert_eq!(count(&windows, NOW, b"stays", 3_600_000), 1);
    windows.flush();
    reclaim_all(&windows, NOW);
    assert_eq!(account.used_bytes(), 0);
}

#[test]
fn a_bucket_dropped_under_a_reader_of_an_older_view_gives_its_memory_back() {
    let account = Arc::new(Account::new(u64::MAX));
    let windows = Windows::new(7, account.clone(), false);
    add(&windows, NOW, b"first", 1000, 1).unwrap();
    let mut reader = Reader::new(&windows);
    let name = Name::at(NOW, series(1000), b"first");
    assert!(reader.find(&name).is_some());
    for i in 0..5000_u64 {
        add(&windows, NOW, format!("key:{i}").as_bytes(), 1000, 1).unwrap();
    }
    windows.expire(NOW + 2000);
    for _ in 0..2 * SHARDS {
        windows.reclaim(NOW + 2000);
    }
    assert_eq!(reader.find(&name).map(|counter| counter.add(1)), Some(2), "still its table");
    drop(reader);
    reclaim_all(&windows, NOW + 2000);
    assert_eq!(account.used_bytes(), 0);
}

#[test]
fn a_hint_from_a_table_dropped_since_is_not_followed() {
    let windows = windows(u64::MAX, false);
    // At one offset, the one table has a counter and the other a key that looks like it.
    let key = [b'k'; 8];
    let name = Name::at(NOW, series(1000), &key);
    let identity = entry::identity(name.series, &key);
    let mut forged = vec![0; 8];
    for word in [identity, 1, 0, u64::from_le_bytes(key)] {
        forged.extend(word.to_le_bytes());
    }
    for filler in [b"fillers!".as_slice(), b""] {
        add(&windows, NOW, filler, 1000, 1).unwrap();
    }
    add(&windows, NOW, &key, 1000, 1).unwrap();
    let mut reader = Reader::new(&windows);
    let mut hints = Vec::new();
    reader.locate(&[name], &mut hints);
    windows.flush();
    reader.forget();
    add(&windows, NOW, b"padding", 1000, 1).unwrap();
    add(&windows, NOW, &forged, 1000, 1).unwrap();
    assert!(reader.find_at(&name, hints[0]).is_none(), "found in another key's bytes");
}

#[test]
fn freeing_keeps_up_with_windows_that_are_small_and_many() {
    let windows = windows(u64::MAX, false);
    for i in 0..500_u64 {
        for key in 0..100 {
            add(&windows, NOW, format!("key:{key}").as_bytes(), 1000 + i, 1).unwrap();
        }
        windows.flush();
        windows.reclaim(NOW);
    }
    assert!(windows.graves() <= 1, "{} tables wait", windows.graves());
    let full = windows.reclaiming_bytes();
    assert!(full < 2 << 20, "{full} bytes wait");
}

#[test]
fn the_skiplist_keeps_nothing_of_the_windows_it_dropped() {
    let account = Arc::new(Account::new(u64::MAX));
    let windows = Windows::new(7, account.clone(), false);
    for i in 0..3000 {
        let now = NOW + i * 1000;
        add(&windows, now, b"k", 1000, 1).unwrap();
        windows.live(now);
        windows.expire(now);
        while windows.graves() > 0 {
            windows.reclaim(now);
        }
        assert!(windows.buckets() <= 2);
        assert!(account.used_bytes() < 200_000);
    }
}

#[test]
fn at_the_limit_new_counters_are_refused_and_old_ones_count_on() {
    let windows = windows(4 << 20, false);
    let mut refused = 0;
    for i in 0..200_000_u64 {
        if add(&windows, NOW, format!("key:{i}").as_bytes(), 60_000, 1) == Err(Refusal::OutOfMemory)
        {
            refused += 1;
        }
    }
    assert!((100_000..200_000).contains(&refused), "{refused} refused");
    assert!(windows.supply().account.used_bytes() <= 4 << 20);
    assert_eq!(add(&windows, NOW, b"key:0", 60_000, 1), Ok(2));
}

#[test]
fn what_is_given_back_or_forgotten_is_charged_until_the_window_ends() {
    let account = Arc::new(Account::new(u64::MAX));
    let windows = Windows::new(7, account.clone(), false);
    for i in 0..1000_u64 {
        add(&windows, NOW, format!("key:{i}").as_bytes(), 1000, 2).unwrap();
    }
    let before = account.used_bytes();
    for i in 0..1000_u64 {
        let key = format!("key:{i}");
        Reader::new(&windows).find(&Name::at(NOW, series(1000), key.as_bytes())).unwrap().refund(1);
    }
    assert!(account.used_bytes() - before >= 1000 * 40, "overrides are free");
    windows.flush();
    reclaim_all(&windows, NOW);
    assert_eq!(account.used_bytes(), 0);
}

#[test]
fn a_scan_finds_every_counter_that_stays_while_others_come() {
    let windows = windows(u64::MAX, false);
    for i in 0..5000_u64 {
        add(&windows, NOW, format!("key:{i}").as_bytes(), 60_000, 1).unwrap();
    }
    let mut seen = std::collections::HashSet::new();
    let (mut place, mut added) = (Some(0), 5000_u64);
    while let Some(from) = place {
        let views = windows.views_from(0);
        let view = views[0].as_deref().unwrap();
        let before = seen.len();
        place = view.walk(from, 10, |entry| {
            let mut key = Vec::new();
            entry.key_into(&mut key);
            seen.insert(key);
        });
        assert!(seen.len() - before < 2000, "a step of 10 gave {}", seen.len() - before);
        for _ in 0..50 {
            add(&windows, NOW, format!("late:{added}").as_bytes(), 60_000, 1).unwrap();
            added += 1;
        }
    }
    for i in 0..5000_u64 {
        assert!(seen.contains(format!("key:{i}").as_bytes()), "key:{i} was skipped");
    }
}
