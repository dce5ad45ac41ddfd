//! Explanations: whatever nodes told each other, the shares add up to the verdict.

use super::*;
use crate::config::MemoryPolicy;
use crate::engine::{Charge, Freshness, Hit, Item, Options, OriginCount};
use crate::limiter::Scale;

const NOW: u64 = 1_790_000_000_123;
const LIVE: Freshness = Freshness::Live { sent_ms: NOW, behind_ms: 0 };

fn engine(node: u64) -> Engine {
    let engine = Engine::new(Options {
        seed: node * 77,
        stamp_tag: u16::try_from(node).unwrap(),
        memory_limit_bytes: u64::MAX,
        policy: MemoryPolicy::NoEviction,
        track_changes: true,
    });
    engine.replicate(Origin(node), 0);
    engine
}

fn series(kind: Kind) -> Series {
    Series { kind, scale: Scale::new(60_000).unwrap() }
}

fn hit(engine: &Engine, now_ms: u64, kind: Kind, n: u64) {
    let charge = Charge { series: series(kind), increment: n, limit: 100 };
    engine.hit(&mut engine.reader(), now_ms, b"k", &charge, Hit::Always).unwrap();
}

/// Hands over what `from` has to say.
fn tell(from: &Engine, to: &Engine, now_ms: u64) {
    let mut items: Vec<Item> = Vec::new();
    while from.publish(now_ms, false, usize::MAX, &mut |item| items.push(item)) {}
    for item in &items {
        to.merge(now_ms, from.origin(), 1, item, LIVE);
    }
}

/// The explanation, which must agree with what a look and, where it is denied, a hit is told.
fn explain(engine: &Engine, now_ms: u64, kind: Kind, limit: u64) -> Explanation {
    let told = engine.explain(now_ms, b"k", series(kind), limit);
    let reader = &mut engine.reader();
    let look = Charge { series: series(kind), increment: 0, limit };
    let counted = engine.check(reader, now_ms, b"k", &look);
    assert_eq!((told.verdict.count, told.verdict.remaining), (counted.count, counted.remaining));
    assert_eq!(told.verdict.count, told.faded + told.current.count());
    let charge = Charge { increment: 1, ..look };
    assert_eq!(told.verdict.allowed, engine.check(reader, now_ms, b"k", &charge).allowed);
    if !told.verdict.allowed {
        let denied = engine.hit(reader, now_ms, b"k", &charge, Hit::IfAllowed);
        assert_eq!(denied, Ok(told.verdict));
    }
    told
}

fn share(count: u64, refunded: u64) -> OriginCount {
    OriginCount { count, refunded }
}

#[test]
fn a_counter_that_nobody_has_hit_is_explained_and_not_created() {
    let engine = engine(1);
    let told = explain(&engine, NOW, Kind::Sliding, 5);
    assert_eq!((told.current, told.previous), (Breakdown::default(), Some(Breakdown::default())));
    assert_eq!((told.verdict.allowed, told.verdict.remaining), (true, 5));
    assert_eq!(engine.report(NOW).tables, 0);
}

#[test]
fn a_full_counter_is_denied_and_tells_when_a_hit_passes() {
    let engine = engine(1);
    hit(&engine, NOW, Kind::Fixed, 5);
    let told = explain(&engine, NOW, Kind::Fixed, 5);
    assert_eq!((told.verdict.allowed, told.verdict.count), (false, 5));
    let left_ms = told.window.left_ms(NOW);
    assert_eq!(told.verdict.retry_after_ms, i64::try_from(left_ms).unwrap());
    assert_eq!(explain(&engine, NOW, Kind::Fixed, 0).verdict.retry_after_ms, -1);
}

#[test]
fn each_origin_has_its_own_share_refunds_too() {
    let (a, b, c) = (engine(1), engine(2), engine(3));
    hit(&a, NOW, Kind::Fixed, 5);
    hit(&b, NOW, Kind::Fixed, 2);
    tell(&a, &b, NOW);
    // b gives back more than it has counted itself.
    assert_eq!(b.refund(&mut b.reader(), NOW, b"k", series(Kind::Fixed), 4), 3);
    tell(&a, &c, NOW);
    tell(&b, &c, NOW);
    let others = [(Origin(2), share(2, 4))];
    let told = explain(&b, NOW, Kind::Fixed, 10);
    assert_eq!(told.current.own, others[0].1);
    assert_eq!(told.current.others, [(Origin(1), share(5, 0))]);
    hit(&a, NOW, Kind::Fixed, 1);
    tell(&a, &c, NOW);
    hit(&c, NOW, Kind::Fixed, 7);
    let told = explain(&c, NOW, Kind::Fixed, 10);
    assert_eq!(told.origin, Origin(3));
    assert_eq!(told.current.own, share(7, 0));
    assert_eq!(told.current.others, [(Origin(1), share(6, 0)), others[0]]);
    assert_eq!((told.current.count(), told.verdict.allowed), (11, false));
    assert_eq!(told.previous, None);
}

#[test]
fn a_set_or_a_reset_ends_the_shares_and_leaves_its_stamp() {
    let (a, b) = (engine(1), engine(2));
    hit(&a, NOW, Kind::Fixed, 5);
    tell(&a, &b, NOW);
    assert_eq!(explain(&b, NOW, Kind::Fixed, 10).current.stamp, 0);
    b.set(&mut b.reader(), NOW, b"k", series(Kind::Fixed), 3).unwrap();
    let told = explain(&b, NOW, Kind::Fixed, 10);
    assert_eq!(told.current.stamp >> 16, NOW);
    assert_eq!((told.current.own, told.current.others.len()), (share(3, 0), 0));
    tell(&b, &a, NOW);
    let told = explain(&a, NOW, Kind::Fixed, 10);
    assert_eq!(
        (told.current.own, &*told.current.others),
        (share(0, 0), &[(Origin(2), share(3, 0))][..])
    );
    a.reset_all(&mut a.reader(), NOW + 1, b"k");
    tell(&a, &b, NOW + 1);
    let told = explain(&b, NOW + 1, Kind::Fixed, 10);
    assert_eq!((told.current.count(), told.current.stamp >> 16), (0, NOW + 1));
}

#[test]
fn a_sliding_counter_tells_both_windows_by_origin() {
    let (a, b) = (engine(1), engine(2));
    // At the end of a window, and 15 s into the next one.
    let start = NOW - NOW % 60_000 + 60_000;
    hit(&a, start - 1_000, Kind::Sliding, 8);
    hit(&b, start - 1_000, Kind::Sliding, 4);
    tell(&a, &b, start - 1_000);
    let now = start + 15_000;
    hit(&a, now, Kind::Sliding, 2);
    hit(&b, now, Kind::Sliding, 1);
    tell(&a, &b, now);
    let told = explain(&b, now, Kind::Sliding, 11);
    let previous = told.previous.clone().unwrap();
    assert_eq!((previous.own, &*previous.others), (share(4, 0), &[(Origin(1), share(8, 0))][..]));
    assert_eq!(told.current.own, share(1, 0));
    assert_eq!(told.current.others, [(Origin(1), share(2, 0))]);
    assert_eq!((told.faded, told.verdict.count), (9, 12));
    // 12 * (60 - e) / 60 must fall to 7: at 20.001 s, since it is rounded down.
    assert_eq!((told.verdict.allowed, told.verdict.retry_after_ms), (false, 5_001));
}

#[test]
fn what_a_former_life_counted_is_a_share_of_its_own() {
    let a = engine(1);
    hit(&a, NOW, Kind::Fixed, 5);
    a.renew(NOW, Origin(9));
    hit(&a, NOW, Kind::Fixed, 2);
    let told = explain(&a, NOW, Kind::Fixed, 10);
    assert_eq!((told.origin, told.current.own), (Origin(9), share(2, 0)));
    assert_eq!(told.current.others, [(Origin(1), share(5, 0))]);
}

/// Counts only rise here, so what is explained lies between what a look says before and after.
#[test]
fn shares_add_up_while_this_node_and_others_count() {
    let (a, b) = (engine(1), engine(2));
    let kind = Kind::Fixed;
    let look = Charge { series: series(kind), increment: 0, limit: 10 };
    let count = || b.check(&mut b.reader(), NOW, b"k", &look).count;
    std::thread::scope(|threads| {
        threads.spawn(|| (0..5_000).for_each(|_| hit(&b, NOW, kind, 1)));
        threads.spawn(|| {
            for _ in 0..2_000 {
                hit(&a, NOW, kind, 3);
                tell(&a, &b, NOW);
            }
        });
        for _ in 0..5_000 {
            let before = count();
            let told = b.explain(NOW, b"k", series(kind), 10);
            assert!((before..=count()).contains(&told.current.count()));
        }
    });
    let told = explain(&b, NOW, kind, 10);
    assert_eq!(told.current.own, share(5_000, 0));
    assert_eq!(told.current.others, [(Origin(1), share(6_000, 0))]);
}
