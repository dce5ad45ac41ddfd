//! What others must be told before the next flush.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::task::Wake;

use super::*;

fn urgent(engine: &Engine) -> Vec<Item> {
    let mut items = Vec::new();
    engine.publish(NOW, true, usize::MAX, &mut |item| items.push(item));
    items
}

#[test]
fn a_counter_near_its_limit_is_told_first() {
    let a = engine(1);
    a.set_nodes(3);
    hit(&a, "far", 1);
    hit(&a, "near", 98);
    assert!(matches!(&urgent(&a)[..], [Item::Window { key, count: 98, .. }] if key == b"near"));
    assert_eq!(urgent(&a), []);
    hit(&a, "near", 5);
    assert_eq!(urgent(&a).len(), 1, "the limit is passed: others must know");
    hit(&a, "near", 5);
    assert_eq!(urgent(&a), [], "all know that it is passed");
    assert_eq!(changes(&a).len(), 2);
}

#[test]
fn each_way_to_count_towards_a_limit_is_told_first_near_it() {
    let a = engine(1);
    a.set_nodes(3);
    let near = Charge { series: minute(), increment: 49, limit: 100 };
    for (at, key) in [b"one".as_slice(), b"two"].into_iter().enumerate() {
        // The first makes the counter, the second finds it.
        for count in [49, 98] {
            let mut reader = a.reader();
            if at == 0 {
                a.hit(&mut reader, NOW, key, &near, Hit::IfAllowed).unwrap();
            } else {
                a.hit_many(&mut reader, NOW, &[(key, near)]).unwrap();
            }
            let told = urgent(&a);
            assert!(
                matches!(&told[..], [Item::Window { count: c, .. }] if *c == count),
                "{told:?}"
            );
        }
    }
}

#[test]
fn urgent_news_wake_once_until_they_are_drained() {
    struct Rings(AtomicU64);
    impl Wake for Rings {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Relaxed);
        }
    }
    let (a, rings) = (engine(1), Arc::new(Rings(AtomicU64::new(0))));
    a.wake_when_urgent(rings.clone().into());
    hit(&a, "far", 1);
    assert_eq!(rings.0.load(Relaxed), 0);
    for (drains, urgent_only) in [(1, true), (2, false)] {
        hit(&a, "near", 40);
        hit(&a, "near too", 40);
        assert_eq!(rings.0.load(Relaxed), drains);
        a.publish(NOW, urgent_only, usize::MAX, &mut |_| {});
    }
}

#[test]
fn a_sliding_counter_is_near_its_limit_by_what_verdicts_compare() {
    let a = engine(1);
    a.set_nodes(3);
    let hit = |now_ms, increment, limit| {
        let charge = Charge { series: series(Kind::Sliding, 60_000), increment, limit };
        for mode in [Hit::Always, Hit::IfAllowed] {
            a.hit(&mut a.reader(), now_ms, b"k", &charge, mode).unwrap();
        }
    };
    hit(NOW - 60_000, 70, 10_000);
    changes(&a);
    // A third of this window has passed: 93 of the 140 still weigh.
    hit(NOW, 1, 100);
    assert!(matches!(&urgent(&a)[..], [Item::Window { count: 2, .. }]));
}
