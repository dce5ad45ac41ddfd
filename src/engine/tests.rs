//! The engine against Hammer's semantics and under concurrency.

use super::*;
use crate::limiter::gcra::Quota;
use crate::limiter::{Kind, Scale, Verdict};

const NOW: u64 = 1_790_000_000_123;

fn engine(memory_limit_bytes: u64, policy: MemoryPolicy) -> Engine {
    Engine::new(Options { seed: 5, stamp_tag: 1, memory_limit_bytes, policy, track_changes: false })
}

fn unlimited() -> Engine {
    engine(u64::MAX, MemoryPolicy::NoEviction)
}

fn fixed(ms: u64) -> Series {
    Series { kind: Kind::Fixed, scale: Scale::new(ms).unwrap() }
}

fn sliding(ms: u64) -> Series {
    Series { kind: Kind::Sliding, scale: Scale::new(ms).unwrap() }
}

fn charge(series: Series, increment: u64, limit: u64) -> Charge {
    Charge { series, increment, limit }
}

fn hit(engine: &Engine, now: u64, key: &str, charge: Charge, mode: Hit) -> Verdict {
    engine.hit(&mut engine.reader(), now, key.as_bytes(), &charge, mode).unwrap()
}

fn get(engine: &Engine, now: u64, key: &str, series: Series) -> u64 {
    engine.get(&mut engine.reader(), now, key.as_bytes(), series)
}

#[test]
fn every_hit_counts_a_denied_one_too() {
    let engine = unlimited();
    let verdicts: Vec<_> = (0..4)
        .map(|_| hit(&engine, NOW, "k", charge(fixed(60_000), 1, 3), Hit::Always).to_reply())
        .collect();
    let reset = (60_000 - NOW % 60_000) as i64;
    assert_eq!(verdicts[0], [1, 1, 2, 0, reset]);
    assert_eq!(verdicts[2], [1, 3, 0, 0, reset]);
    assert_eq!(verdicts[3], [0, 4, 0, reset, reset]);
    let next = NOW + reset as u64;
    assert_eq!(get(&engine, next - 1, "k", fixed(60_000)), 4);
    assert_eq!(get(&engine, next, "k", fixed(60_000)), 0);
}

#[test]
fn a_look_creates_nothing_and_a_check_writes_nothing() {
    let engine = unlimited();
    let reader = &mut engine.reader();
    assert!(hit(&engine, NOW, "k", charge(fixed(1000), 0, 0), Hit::Always).allowed);
    assert!(!engine.check(reader, NOW, b"k", &charge(fixed(1000), 1, 0)).allowed);
    assert_eq!(engine.increment(reader, NOW, b"k", fixed(1000), 0), Ok(0));
    assert_eq!(engine.refund(reader, NOW, b"k", fixed(1000), 9), 0);
    assert_eq!(engine.set(reader, NOW, b"k", fixed(1000), 0), Ok(()));
    assert!(!engine.is_counted(reader, NOW, b"k", &engine.series(NOW)));
    assert_eq!(engine.report(NOW).tables, 0);
}

#[test]
fn a_denied_hit_with_nocount_leaves_the_count_alone() {
    let engine = unlimited();
    let ask = |n| hit(&engine, NOW, "k", charge(fixed(60_000), n, 5), Hit::IfAllowed);
    assert!(!ask(6).allowed);
    assert_eq!(engine.key_count(NOW), 0, "a denial creates nothing");
    assert_eq!(ask(6).retry_after_ms, -1);
    assert!(ask(4).allowed);
    let denied = ask(2);
    assert_eq!((denied.allowed, denied.count, denied.remaining), (false, 4, 1));
    assert_eq!(get(&engine, NOW, "k", fixed(60_000)), 4);
}

#[test]
fn kinds_and_scales_are_counters_of_their_own() {
    let engine = unlimited();
    for series in [fixed(1000), fixed(60_000), sliding(1000)] {
        hit(&engine, NOW, "k", charge(series, 1, 9), Hit::Always);
    }
    assert_eq!(engine.key_count(NOW), 3);
    let reader = &mut engine.reader();
    assert_eq!(engine.reset(reader, NOW, b"k", [fixed(1000)]), 1);
    assert_eq!(get(&engine, NOW, "k", fixed(60_000)), 1);
    assert_eq!(engine.reset_all(reader, NOW, b"k"), 2);
    assert_eq!(
        (engine.key_count(NOW), engine.is_counted(reader, NOW, b"k", &engine.series(NOW))),
        (0, false)
    );
}

#[test]
fn a_sliding_counter_weighs_the_window_before_and_outlives_it() {
    let engine = unlimited();
    let (series, start) = (sliding(1000), 1_790_000_000_000);
    for _ in 0..10 {
        hit(&engine, start + 500, "k", charge(series, 1, 10), Hit::Always);
    }
    engine.expire(start + 1100);
    assert_eq!(get(&engine, start + 1100, "k", series), 9);
    let denied = hit(&engine, start + 1100, "k", charge(series, 2, 10), Hit::IfAllowed);
    assert_eq!((denied.allowed, denied.count), (false, 9));
    let at = start + 1100 + denied.retry_after_ms as u64;
    assert!(!hit(&engine, at - 1, "k", charge(series, 2, 10), Hit::IfAllowed).allowed);
    assert!(hit(&engine, at, "k", charge(series, 2, 10), Hit::IfAllowed).allowed);
    assert_eq!(get(&engine, start + 3000, "k", series), 0);
}

#[test]
fn set_get_refund_and_expires_at_act_on_the_current_window() {
    let engine = unlimited();
    let reader = &mut engine.reader();
    for series in [fixed(1000), sliding(1000)] {
        let end = (NOW / 1000 + 1) * 1000;
        hit(&engine, NOW - 1000, "k", charge(series, 500, 9), Hit::Always);
        engine.set(reader, NOW, b"k", series, 7).unwrap();
        assert_eq!(engine.get(reader, NOW, b"k", series), 7);
        assert_eq!(engine.refund(reader, NOW, b"k", series, 3), 4);
        assert_eq!(engine.refund(reader, NOW, b"k", series, 9), 0);
        assert_eq!(engine.expires_at_ms(reader, NOW, b"k", series), 0, "given back whole");
        assert_eq!(engine.increment(reader, NOW, b"k", series, 2), Ok(2));
        let outlives = if series.kind == Kind::Sliding { 1000 } else { 0 };
        assert_eq!(engine.expires_at_ms(reader, NOW, b"k", series), end + outlives);
        assert_eq!(
            engine.counted_until_ms(reader, NOW, b"k", &engine.series(NOW)),
            Some(end + outlives)
        );
        let mut held = engine.hold_one(NOW, b"k");
        assert!(engine.delete(reader, &mut held, b"k") && !engine.delete(reader, &mut held, b"k"));
    }
}

#[test]
fn many_limits_are_charged_all_or_none() {
    let engine = unlimited();
    let reader = &mut engine.reader();
    let (minute, hour) = (fixed(60_000), fixed(3_600_000));
    let mut ask = |a: u64, b: u64| {
        let charges: [(&[u8], Charge); 2] =
            [(b"ip", charge(minute, a, 5)), (b"user", charge(hour, b, 3))];
        engine.hit_many(reader, NOW, &charges).unwrap()
    };
    assert_eq!(ask(2, 2).denied_by, None);
    let denied = ask(1, 2);
    assert_eq!(denied.denied_by, Some(1));
    assert_eq!((denied.verdicts[0].allowed, denied.verdicts[0].count), (true, 3));
    assert_eq!((denied.verdicts[1].allowed, denied.verdicts[1].count), (false, 4));
    assert_eq!(get(&engine, NOW, "ip", minute), 2);
    assert_eq!(get(&engine, NOW, "user", hour), 2);
}

#[test]
fn a_counter_named_twice_is_summed_first() {
    let engine = unlimited();
    let reader = &mut engine.reader();
    let twice: [(&[u8], Charge); 2] =
        [(b"k", charge(fixed(1000), 2, 5)), (b"k", charge(fixed(1000), 4, 9))];
    let denied = engine.hit_many(reader, NOW, &twice).unwrap();
    assert_eq!((denied.denied_by, denied.verdicts[1].allowed), (Some(0), true));
    assert_eq!(engine.key_count(NOW), 0);
    let fits: [(&[u8], Charge); 2] =
        [(b"k", charge(fixed(1000), 2, 6)), (b"k", charge(fixed(1000), 4, 6))];
    assert_eq!(engine.hit_many(reader, NOW, &fits).unwrap().denied_by, None);
    assert_eq!(get(&engine, NOW, "k", fixed(1000)), 6);
}

#[test]
fn many_limits_stay_all_or_none_between_rivals() {
    let engine = unlimited();
    const LIMIT: u64 = 1000;
    let passed: u64 = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..3_u8)
            .map(|worker| {
                let engine = &engine;
                scope.spawn(move || {
                    let mut passed = 0;
                    for _ in 0..800 {
                        // Rivals name the shared counters in opposite order.
                        let mut charges: [(&[u8], Charge); 2] = [
                            (b"a", charge(fixed(60_000), 1, LIMIT)),
                            (b"b", charge(fixed(60_000), 1, LIMIT)),
                        ];
                        if worker == 1 {
                            charges.reverse();
                        }
                        let verdict = engine.hit_many(&mut engine.reader(), NOW, &charges).unwrap();
                        passed += u64::from(verdict.denied_by.is_none());
                    }
                    passed
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).sum()
    });
    assert!(passed <= LIMIT && passed > LIMIT - 10, "{passed} passed");
    assert_eq!(get(&engine, NOW, "a", fixed(60_000)), passed);
    assert_eq!(get(&engine, NOW, "b", fixed(60_000)), passed);
}

#[test]
fn at_the_memory_limit_each_policy_answers_new_counters_its_way() {
    for policy in [MemoryPolicy::NoEviction, MemoryPolicy::AllowNew, MemoryPolicy::DenyNew] {
        let engine = engine(2 << 20, policy);
        let one = charge(fixed(60_000), 1, 10);
        let mut reader = engine.reader();
        hit(&engine, NOW, "old", one, Hit::Always);
        let full = (0..100_000)
            .map(|i| engine.hit(&mut reader, NOW, format!("k{i}").as_bytes(), &one, Hit::Always))
            .find(|verdict| verdict.is_err() || verdict.is_ok_and(|verdict| verdict.count == 0));
        let figures = engine.report(NOW);
        match policy {
            MemoryPolicy::NoEviction => assert_eq!(full, Some(Err(Refusal::OutOfMemory))),
            _ => {
                let verdict = full.unwrap().unwrap();
                assert_eq!(verdict.allowed, policy == MemoryPolicy::AllowNew);
                assert_eq!(verdict.retry_after_ms > 0, policy == MemoryPolicy::DenyNew);
            }
        }
        let answered =
            (figures.refused_new_oom, figures.allowed_new_uncounted, figures.denied_new_uncounted);
        assert_eq!(answered.0 + answered.1 + answered.2, 1);
        assert_eq!(hit(&engine, NOW, "old", one, Hit::Always).count, 2);
        assert!(figures.memory_used_bytes <= 2 << 20);
    }
}

#[test]
fn no_policy_lets_pass_what_an_empty_counter_would_deny() {
    for policy in [MemoryPolicy::AllowNew, MemoryPolicy::DenyNew] {
        let engine = engine(u64::MAX, policy);
        let before = NOW - 60_000;
        hit(&engine, before, "slid", charge(sliding(60_000), 100, 10), Hit::Always);
        // No room for another table, so none of the counters below can be created.
        engine.set_memory_limit(1);
        for mode in [Hit::Always, Hit::IfAllowed] {
            let blocked = hit(&engine, NOW, "new", charge(fixed(60_000), 1, 0), mode);
            assert_eq!((blocked.allowed, blocked.retry_after_ms), (false, -1));
            let large = hit(&engine, NOW, "new", charge(fixed(60_000), 11, 10), mode);
            assert_eq!((large.allowed, large.retry_after_ms), (false, -1));
            assert!(!hit(&engine, NOW, "slid", charge(sliding(60_000), 1, 10), mode).allowed);
        }
        let report = engine.report(NOW);
        assert_eq!((report.allowed_new_uncounted, report.denied_new_uncounted), (0, 3));
        let passable = hit(&engine, NOW, "new", charge(fixed(60_000), 1, 10), Hit::Always);
        assert_eq!(passable.allowed, policy == MemoryPolicy::AllowNew);
    }
}

#[test]
fn a_key_hit_with_too_many_scales_is_refused_and_found_by_reset() {
    let engine = unlimited();
    let reader = &mut engine.reader();
    for i in 0..5000 {
        let verdict = engine.hit(reader, NOW, b"k", &charge(fixed(60_000 + i), 1, 9), Hit::Always);
        assert_eq!(verdict.is_ok(), i < SERIES_MAX as u64, "scale {i}");
        if i >= SERIES_MAX as u64 {
            assert_eq!(verdict, Err(Refusal::TooManyScales));
        }
    }
    assert_eq!(engine.reset_all(reader, NOW, b"k"), SERIES_MAX as u64);
    engine.expire(NOW + 200_000);
    assert!(engine.hit(reader, NOW + 200_000, b"k", &charge(fixed(7), 1, 9), Hit::Always).is_ok());
}

#[test]
fn a_scan_names_counters_and_cells_of_all_tables() {
    let engine = unlimited();
    let quota = Quota::cell(5, 1, 60).unwrap();
    for i in 0..500_u64 {
        let key = format!("k{i}");
        hit(&engine, NOW, &key, charge(fixed(1000 + i % 7 * 1000), 1, 9), Hit::Always);
        engine.throttle(NOW * 1_000_000, format!("cell{i}").as_bytes(), &quota, 1).unwrap();
    }
    let mut seen = std::collections::BTreeSet::new();
    let mut cursor = 0;
    loop {
        let page = engine.scan(NOW, &mut engine.whole(NOW), cursor, 10);
        seen.extend(page.keys);
        cursor = page.cursor;
        if cursor == 0 {
            break;
        }
    }
    assert_eq!(seen.len(), 1000);
    assert_eq!(engine.key_count(NOW), 1000);
}

#[test]
fn a_flush_forgets_everything() {
    let engine = unlimited();
    let quota = Quota::cell(5, 1, 60).unwrap();
    hit(&engine, NOW, "k", charge(fixed(1000), 1, 9), Hit::Always);
    engine.throttle(NOW * 1_000_000, b"cell", &quota, 1).unwrap();
    engine.flush(NOW);
    assert_eq!(engine.key_count(NOW), 0);
    while engine.reclaim(NOW) {}
    assert_eq!(engine.report(NOW).memory_used_bytes, 0);
}

#[test]
fn the_ends_of_time_stop_nothing() {
    for now in [0, 1, u64::MAX - 1, u64::MAX] {
        let engine = Engine::new(Options {
            seed: 5,
            stamp_tag: u16::MAX,
            memory_limit_bytes: u64::MAX,
            policy: MemoryPolicy::NoEviction,
            track_changes: true,
        });
        let mut reader = engine.reader();
        for series in [fixed(1), fixed(1000), sliding(1), sliding(86_400_000)] {
            let ask = charge(series, 2, 9);
            assert!(engine.hit(&mut reader, now, b"k", &ask, Hit::Always).is_ok());
            assert!(engine.hit(&mut reader, now, b"k", &ask, Hit::IfAllowed).is_ok());
            for count in [7, 5, 0, 4] {
                engine.set(&mut reader, now, b"k", series, count).unwrap();
                let left = engine.get(&mut reader, now, b"k", series);
                // At the end of time windows have no time left to lie apart in.
                assert!(left == count || now > 1, "{left} of {count} at {now}");
            }
            engine.refund(&mut reader, now, b"k", series, 1);
            let both: [(&[u8], Charge); 2] = [(b"k", ask), (b"l", charge(series, 0, 0))];
            assert!(engine.hit_many(&mut reader, now, &both).is_ok());
            assert!(engine.reset(&mut reader, now, b"k", [series]) > 0);
        }
        drop(reader);
        let quota = Quota::cell(5, 1, 1_000_000).unwrap();
        assert_eq!(engine.throttle(now, b"cell", &quota, 1).is_ok(), now <= 1);
        engine.scan(now, &mut engine.whole(now), 0, 10);
        engine.expire(now);
        engine.expire(u64::MAX);
        while engine.reclaim(u64::MAX) {}
        assert_eq!(engine.report(u64::MAX).counters, 0);
    }
}
