//! The keyspace: deadlines, walks, memory.

use super::*;
use crate::store::keyspace::Value;

fn set(keyspace: &Keyspace, now: u64, key: &[u8], deadline: u64) -> Result<(), Full> {
    keyspace.hold_one(now, key).put(key, Value::Cell { tat_ns: 1 }, Some(deadline))
}

fn remove(keyspace: &Keyspace, now: u64, key: &[u8]) -> bool {
    keyspace.hold_one(now, key).remove(key)
}

fn is_there(keyspace: &Keyspace, now: u64, key: &[u8]) -> bool {
    keyspace.hold_one(now, key).get(key).is_some()
}

#[test]
fn a_key_is_gone_at_its_deadline_and_freed_afterwards() {
    let account = Arc::new(Account::new(u64::MAX));
    let keyspace = Keyspace::new(3, account.clone());
    for i in 0..5000_u64 {
        set(&keyspace, NOW, format!("k{i}").as_bytes(), NOW + 1 + i).unwrap();
    }
    assert!(is_there(&keyspace, NOW + 9, b"k9"));
    assert!(!is_there(&keyspace, NOW + 10, b"k9"));
    assert_eq!((keyspace.len(), keyspace.expired()), (4999, 1), "freed when touched");
    while keyspace.expire(NOW + 10_000) {}
    assert_eq!((keyspace.len(), keyspace.expired(), account.used_bytes()), (0, 5000, 0));
}

#[test]
fn a_deadline_that_moved_keeps_the_key_until_then() {
    let account = Arc::new(Account::new(u64::MAX));
    let keyspace = Keyspace::new(3, account.clone());
    set(&keyspace, NOW, b"later", NOW + 10).unwrap();
    set(&keyspace, NOW, b"later", NOW + 1000).unwrap();
    set(&keyspace, NOW, b"sooner", NOW + 100_000).unwrap();
    set(&keyspace, NOW, b"sooner", NOW + 10).unwrap();
    while keyspace.expire(NOW + 500) {}
    assert_eq!(keyspace.len(), 1);
    assert!(is_there(&keyspace, NOW + 500, b"later"));
    while keyspace.expire(NOW + 2000) {}
    assert!(keyspace.is_empty());
    while keyspace.expire(NOW + 200_000) {}
    assert_eq!(account.used_bytes(), 0);
}

#[test]
fn a_key_that_loses_its_deadline_stays_and_may_get_another() {
    let account = Arc::new(Account::new(u64::MAX));
    let keyspace = Keyspace::new(3, account.clone());
    let key = b"k";
    let mut held = keyspace.hold_one(NOW, key);
    held.put(key, Value::Counter(1), Some(NOW + 10)).unwrap();
    assert!(held.set_deadline(key, None));
    drop(held);
    let without = |now: u64| {
        while keyspace.expire(now) {}
        account.used_bytes()
    };
    let used = without(NOW + 1000);
    let mut held = keyspace.hold_one(NOW + 1000, key);
    assert_eq!(held.look(key), Some((&Value::Counter(1), None)));
    assert!(held.set_deadline(key, Some(NOW + 2000)));
    drop(held);
    assert!(account.used_bytes() > used);
    assert_eq!(without(NOW + 3000), 0);
}

#[test]
fn a_walk_visits_every_key_that_stays() {
    let keyspace = Keyspace::new(3, Arc::new(Account::new(u64::MAX)));
    for i in 0..3000_u64 {
        set(&keyspace, NOW, format!("k{i}").as_bytes(), NOW + 1000).unwrap();
    }
    let mut seen = std::collections::HashSet::new();
    let (mut place, mut steps) = (Some(0), 0);
    while let Some(from) = place {
        place = keyspace.whole(NOW).walk(from, 7, |key, _| {
            seen.insert(key.to_vec());
            true
        });
        set(&keyspace, NOW, format!("late{steps}").as_bytes(), NOW + 1000).unwrap();
        steps += 1;
        assert!(steps < 3000, "the walk does not end");
    }
    assert!((0..3000).all(|i| seen.contains(format!("k{i}").as_bytes())));
}

#[test]
fn a_walk_ends_where_its_visitor_has_enough() {
    let keyspace = Keyspace::new(3, Arc::new(Account::new(u64::MAX)));
    for i in 0..1000_u64 {
        set(&keyspace, NOW, format!("k{i}").as_bytes(), NOW + 1000).unwrap();
    }
    let mut visited = 0;
    let next = keyspace.whole(NOW).walk(0, usize::MAX, |_, _| {
        visited += 1;
        visited < 5
    });
    // Keys of one place go together.
    assert!(next.is_some() && (5..8).contains(&visited), "{visited}");
}

#[test]
fn at_the_limit_a_new_key_is_refused_and_an_old_one_changes() {
    let account = Arc::new(Account::new(u64::MAX));
    let keyspace = Keyspace::new(3, account.clone());
    set(&keyspace, NOW, b"a", NOW + 10).unwrap();
    set(&keyspace, NOW, b"b", NOW + 10).unwrap();
    account.set_limit(account.used_bytes());
    assert_eq!(set(&keyspace, NOW, b"c", NOW + 10), Err(Full));
    assert_eq!(set(&keyspace, NOW, b"a", NOW + 20), Ok(()));
    assert!(remove(&keyspace, NOW, b"b") && !remove(&keyspace, NOW, b"b"));
    assert_eq!(set(&keyspace, NOW, b"c", NOW + 10), Ok(()));
}

#[test]
fn a_flush_leaves_no_bytes_behind() {
    for held in [false, true] {
        let account = Arc::new(Account::new(u64::MAX));
        let keyspace = Keyspace::new(3, account.clone());
        for i in 0..3000_u64 {
            set(&keyspace, NOW, format!("k{i}").as_bytes(), NOW + 1 + i % 2).unwrap();
        }
        // Part of a bucket is on its way out.
        assert!(keyspace.expire(NOW + 1));
        if held {
            let mut all = keyspace.hold_all(NOW + 1);
            Whole::Held(&mut all).flush();
        } else {
            keyspace.whole(NOW + 1).flush();
        }
        assert!(keyspace.is_empty());
        while keyspace.expire(NOW + 1) {}
        assert_eq!((keyspace.used_bytes(), account.used_bytes()), (0, 0));
    }
}

#[test]
fn a_key_made_and_removed_over_and_over_stays_within_the_limit() {
    let account = Arc::new(Account::new(1000));
    let keyspace = Keyspace::new(3, account.clone());
    for i in 0..1000 {
        set(&keyspace, NOW, b"again", NOW + 1_000_000 + i * 7).unwrap();
        assert!(remove(&keyspace, NOW, b"again"));
    }
    assert_eq!(account.used_bytes(), 0);
}

#[test]
fn a_key_that_is_removed_or_ends_sooner_leaves_no_place_behind() {
    const MONTH: u64 = 30 * 86_400_000;
    let account = Arc::new(Account::new(u64::MAX));
    let keyspace = Keyspace::new(3, account.clone());
    let key = |i: u64| format!("k{i}").into_bytes();
    for i in 0..1000 {
        set(&keyspace, NOW, &key(i), NOW + MONTH).unwrap();
    }
    // The first to come are the last looked at from either end.
    for i in 0..1000 {
        assert!(remove(&keyspace, NOW, &key(i)));
    }
    assert_eq!((keyspace.len(), account.used_bytes()), (0, 0));
    set(&keyspace, NOW, b"k", NOW + MONTH).unwrap();
    let bytes = account.used_bytes();
    for sooner_ms in [MONTH / 2, 60_000, 10] {
        set(&keyspace, NOW, b"k", NOW + sooner_ms).unwrap();
        assert_eq!(account.used_bytes(), bytes);
    }
    while keyspace.expire(NOW + 100) {}
    assert_eq!((keyspace.used_bytes(), account.used_bytes()), (0, 0));
}
