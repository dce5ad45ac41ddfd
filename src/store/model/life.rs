//! Birth and end of what is shared: buckets, registry, keyspace, and the memory account.

use super::*;

fn reclaim_all(windows: &Windows) {
    while windows.graves() > 0 {
        windows.reclaim(NOW);
    }
}

#[test]
fn two_that_need_a_bucket_at_once_share_one_and_its_memory_comes_back() {
    check(|| {
        let (account, windows) = windows(false);
        let act = |key: &'static [u8]| -> Box<dyn FnOnce() + Send> {
            let windows = windows.clone();
            Box::new(move || assert_eq!(hit(&windows, key, 1), 1))
        };
        at_once([act(b"a"), act(b"b"), act(b"c")]);
        assert_eq!((windows.buckets(), windows.live(NOW)), (1, 3));
        windows.expire(END);
        reclaim_all(&windows);
        assert_eq!(account.used_bytes(), 0);
    });
}

#[test]
fn hits_beside_expiry_never_fail_and_all_memory_comes_back() {
    check(|| {
        let (account, windows) = windows(true);
        (0..6_u8).for_each(|i| assert_eq!(hit(&windows, &[i], 1), 1));
        let hits = {
            let windows = windows.clone();
            move || {
                let mut reader = Reader::new(&windows);
                // A view from before the shards grow, held while the bucket is dropped.
                reader.find(&name(&[0])).map(|counter| counter.add(1));
                (4..16_u8).for_each(|i| assert!(hit(&windows, &[i], 1) <= 2));
                reader.find(&name(&[0])).map(|counter| counter.refund(1));
            }
        };
        let expiry = {
            let windows = windows.clone();
            move || {
                windows.expire(END);
                (0..4).for_each(|_| assert!(windows.reclaim(NOW) || windows.graves() < 2));
                windows.drain_changes(Which::All, usize::MAX, |change| assert!(change.own <= 2));
            }
        };
        at_once([Box::new(hits), Box::new(expiry)]);
        windows.expire(END);
        reclaim_all(&windows);
        assert_eq!((account.used_bytes(), windows.buckets()), (0, 0));
    });
}

#[test]
fn a_counter_made_during_a_flush_stays_registered() {
    check(|| {
        let (account, windows) = windows(false);
        hit(&windows, b"a", 1);
        let act = |key: &'static [u8]| -> Box<dyn FnOnce() + Send> {
            let windows = windows.clone();
            Box::new(move || assert!(hit(&windows, key, 1) <= 2))
        };
        let flush = {
            let windows = windows.clone();
            move || windows.flush()
        };
        at_once([act(b"a"), act(b"b"), Box::new(flush)]);
        if windows.live(NOW) > 0 {
            assert_eq!(windows.supply().registry.all(), [series()]);
        }
        windows.flush();
        reclaim_all(&windows);
        assert_eq!(account.used_bytes(), 0);
    });
}

#[test]
fn keyspace_keys_made_during_flush_and_expiry_are_freed_at_their_time() {
    check(|| {
        let account = Arc::new(Account::new(u64::MAX));
        let keyspace = Arc::new(Keyspace::new(7, account.clone()));
        let set = |keyspace: &Keyspace, key: &[u8], deadline: u64| {
            let value = Value::Cell { tat_ns: 1 };
            keyspace.hold_one(NOW, key).put(key, value, Some(deadline)).unwrap();
        };
        set(&keyspace, b"a", NOW + 10);
        set(&keyspace, b"b", NOW + 1);
        let sets = {
            let keyspace = keyspace.clone();
            move || {
                set(&keyspace, b"a", NOW + 20);
                set(&keyspace, b"c", NOW + 5);
            }
        };
        let ends = {
            let keyspace = keyspace.clone();
            move || {
                keyspace.expire(NOW + 2);
                keyspace.hold_one(NOW, b"a").remove(b"a");
            }
        };
        let flush = {
            let keyspace = keyspace.clone();
            move || keyspace.whole(NOW).flush()
        };
        at_once([Box::new(sets), Box::new(ends), Box::new(flush)]);
        while keyspace.expire(NOW + 100) {}
        assert_eq!((keyspace.len(), keyspace.used_bytes(), account.used_bytes()), (0, 0, 0));
    });
}
