//! Keys under a hold: what happens to them, undoing it, telling who watches.

use super::*;
use crate::store::keyspace::{AddError, Held, Value, Watch, Whole};

fn keyspace(limit_bytes: u64) -> (Keyspace, Arc<Account>) {
    let account = Arc::new(Account::new(limit_bytes));
    (Keyspace::new(3, account.clone()), account)
}

fn text(text: &str) -> Value {
    Value::string(text.as_bytes())
}

fn keys<'a>(keys: &'a [&str]) -> impl Iterator<Item = &'a [u8]> + Clone {
    keys.iter().map(|key| key.as_bytes())
}

fn seen(held: &mut Held<'_>, key: &str) -> Option<(Value, Option<u64>)> {
    held.look(key.as_bytes()).map(|(value, deadline_ms)| (value.clone(), deadline_ms))
}

#[test]
fn a_sum_begins_at_nothing_keeps_its_deadline_and_never_wraps() {
    let (keyspace, _) = keyspace(u64::MAX);
    let mut held = keyspace.hold(NOW, keys(&["n", "t", "cell"]));
    assert_eq!(held.add(b"n", 5), Ok(5));
    assert!(held.set_deadline(b"n", Some(NOW + 9)));
    assert_eq!(held.add(b"n", -7), Ok(-2));
    assert_eq!(seen(&mut held, "n"), Some((Value::Counter(-2), Some(NOW + 9))));
    assert_eq!(held.add(b"n", i64::MIN), Err(AddError::Overflow));
    held.put(b"t", text("1x"), None).unwrap();
    assert_eq!(held.add(b"t", 1), Err(AddError::NotInteger));
    held.put(b"cell", Value::Cell { tat_ns: 1 }, Some(NOW + 9)).unwrap();
    assert_eq!(held.add(b"cell", 1), Err(AddError::WrongType));
    assert_eq!(seen(&mut held, "n"), Some((Value::Counter(-2), Some(NOW + 9))));
}

#[test]
fn a_deadline_that_has_passed_removes() {
    let (keyspace, account) = keyspace(u64::MAX);
    let mut held = keyspace.hold_all(NOW);
    for past in [0, NOW - 1, NOW] {
        held.put(b"k", text("v"), None).unwrap();
        assert!(held.set_deadline(b"k", Some(past)));
        assert_eq!(held.get(b"k"), None);
        held.put(b"k", text("v"), None).unwrap();
        held.put(b"k", text("w"), Some(past)).unwrap();
        assert_eq!(held.get(b"k"), None);
    }
    assert!(!held.set_deadline(b"k", Some(NOW + 1)) && !held.set_deadline(b"k", None));
    assert_eq!((keyspace.len(), account.used_bytes()), (0, 0));
}

#[test]
fn what_a_string_takes_is_charged_as_it_grows_and_given_back() {
    let (keyspace, account) = keyspace(u64::MAX);
    let mut held = keyspace.hold_all(NOW);
    held.put(b"k", text("7"), None).unwrap();
    let counter_bytes = account.used_bytes();
    let (mut length, mut charges) = (1, 0);
    for _ in 0..1000 {
        let before = account.used_bytes();
        length += 10;
        assert_eq!(held.append(b"k", b"abcdefghij"), Ok(length));
        charges += u64::from(account.used_bytes() != before);
        assert!(account.used_bytes() >= counter_bytes + length as u64);
    }
    assert!(account.used_bytes() <= counter_bytes + 2 * length as u64 + 40);
    assert!(charges < 20, "{charges} moves");
    held.put(b"k", text("7"), None).unwrap();
    assert_eq!(account.used_bytes(), counter_bytes);
    held.remove(b"k");
    assert_eq!(account.used_bytes(), 0);
}

#[test]
fn an_integer_made_by_appending_is_a_counter() {
    let (keyspace, account) = keyspace(u64::MAX);
    let mut held = keyspace.hold_all(NOW);
    for (before, more, after) in
        [("-", "5", Value::Counter(-5)), ("1", "2", Value::Counter(12)), ("12", "x", text("12x"))]
    {
        held.put(b"k", text(before), None).unwrap();
        held.append(b"k", more.as_bytes()).unwrap();
        assert_eq!(held.get(b"k"), Some(&after));
    }
    held.remove(b"k");
    assert_eq!(account.used_bytes(), 0);
}

#[test]
fn at_the_limit_sums_go_on_and_what_grows_is_refused() {
    let (keyspace, account) = keyspace(u64::MAX);
    let mut held = keyspace.hold_all(NOW);
    held.add(b"n", 1).unwrap();
    held.put(b"t", text("some text"), None).unwrap();
    account.set_limit(account.used_bytes());
    assert_eq!(held.add(b"n", 1), Ok(2));
    assert_eq!(held.put(b"n", Value::Counter(-9), Some(NOW + 1000)), Ok(()));
    assert!(held.set_deadline(b"t", Some(NOW + 1000)));
    assert_eq!(held.add(b"new", 1), Err(AddError::Full));
    assert_eq!(held.put(b"n", text("grown"), None), Err(Full));
    assert_eq!(held.append(b"t", &[b'x'; 100]), Err(Full));
    let pairs = [(b"n".as_slice(), Value::Counter(3)), (b"new", Value::Counter(4))];
    assert_eq!(held.put_many(pairs.into_iter()), Err(Full));
    assert_eq!(seen(&mut held, "n"), Some((Value::Counter(-9), Some(NOW + 1000))));
    assert_eq!(seen(&mut held, "t"), Some((text("some text"), Some(NOW + 1000))));
    assert_eq!(held.get(b"new"), None);
}

#[test]
fn a_renamed_key_takes_its_value_and_deadline_along() {
    let (keyspace, account) = keyspace(u64::MAX);
    let mut held = keyspace.hold_all(NOW);
    held.put(b"from", text("value"), Some(NOW + 9)).unwrap();
    held.put(b"a much longer name", text("lost"), None).unwrap();
    assert!(!held.rename(b"from", b"from") && !held.rename(b"missing", b"from"));
    assert!(held.rename(b"from", b"a much longer name"));
    assert_eq!(held.get(b"from"), None);
    assert_eq!(seen(&mut held, "a much longer name"), Some((text("value"), Some(NOW + 9))));
    held.remove(b"a much longer name");
    assert_eq!(account.used_bytes(), 0);
}

#[test]
fn a_roll_back_restores_values_deadlines_and_memory_whatever_was_done() {
    let (keyspace, account) = keyspace(u64::MAX);
    let mut held = keyspace.hold_all(NOW);
    held.put(b"text", text("before"), Some(NOW + 50)).unwrap();
    held.add(b"count", 3).unwrap();
    held.put(b"gone", text("here"), None).unwrap();
    let before: Vec<_> = ["text", "count", "gone", "new"].map(|key| seen(&mut held, key)).into();
    assert_eq!((keyspace.len(), keyspace.ending()), (3, 1));
    let used = account.used_bytes();
    held.keep_undo();
    for _ in 0..3 {
        held.append(b"text", &[b'x'; 500]).unwrap();
        held.add(b"count", 4).unwrap();
        held.add(b"new", 1).unwrap();
        held.remove(b"gone");
        held.rename(b"text", b"gone");
        held.set_deadline(b"count", Some(NOW + 1));
        held.put(b"text", Value::Counter(1), None).unwrap();
    }
    // Even where there is no more memory.
    account.set_limit(0);
    held.roll_back();
    let after: Vec<_> = ["text", "count", "gone", "new"].map(|key| seen(&mut held, key)).into();
    assert_eq!(after, before);
    assert_eq!((keyspace.len(), keyspace.ending()), (3, 1));
    held.remove(b"text");
    held.remove(b"count");
    held.remove(b"gone");
    drop(held);
    while keyspace.expire(NOW + 1000) {}
    assert_eq!(account.used_bytes(), 0, "of {used}");
}

#[test]
fn what_was_committed_or_never_noted_is_not_rolled_back() {
    let (keyspace, _) = keyspace(u64::MAX);
    let mut held = keyspace.hold_all(NOW);
    held.add(b"n", 1).unwrap();
    held.roll_back();
    held.keep_undo();
    held.add(b"n", 1).unwrap();
    held.commit();
    held.roll_back();
    assert_eq!(held.get(b"n"), Some(&Value::Counter(2)));
    assert!(!held.is_lasting());
    Whole::Held(&mut held).flush();
    assert!(held.is_lasting(), "a flush cannot be undone");
}

#[test]
fn a_hold_covers_the_keys_it_was_made_for() {
    let (keyspace, _) = keyspace(u64::MAX);
    let names: Vec<String> = (0..100).map(|i| format!("key{i}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert!(keyspace.hold_one(NOW, b"key0").covers(keys(&names[..1])));
    assert!(!keyspace.hold_one(NOW, b"key0").covers(keys(&names)));
    let held = keyspace.hold(NOW, keys(&names[..10]));
    assert!(held.covers(keys(&names[..10])) && !held.covers(keys(&names)) && !held.is_all());
    drop(held);
    let held = keyspace.hold_all(NOW);
    assert!(held.covers(keys(&names)) && held.is_all());
}

#[test]
fn holders_of_the_same_keys_in_any_order_never_wait_for_each_other() {
    let (keyspace, _) = keyspace(u64::MAX);
    let order = [["a", "b", "c", "d"], ["d", "c", "b", "a"], ["b", "d", "a", "c"]];
    std::thread::scope(|scope| {
        for names in &order {
            let keyspace = &keyspace;
            scope.spawn(move || {
                for _ in 0..2000 {
                    let mut held = keyspace.hold(NOW, keys(names));
                    for name in names {
                        held.add(name.as_bytes(), 1).unwrap();
                    }
                }
            });
        }
    });
    let mut held = keyspace.hold_all(NOW);
    for name in order[0] {
        assert_eq!(held.get(name.as_bytes()), Some(&Value::Counter(6000)));
    }
}

/// A watch of `k`, a string that ends at `NOW + 100`, and of `missing`.
fn watch(keyspace: &Keyspace) -> Watch {
    let mut held = keyspace.hold_all(NOW);
    held.put(b"k", text("v"), Some(NOW + 100)).unwrap();
    let mut watch = None;
    for key in ["k", "missing", "k"] {
        held.watch(&mut watch, key.as_bytes()).unwrap();
    }
    watch.expect("made by the first key")
}

#[test]
fn each_kind_of_change_breaks_a_watch_and_nothing_else_does() {
    type Change = fn(&mut Held<'_>);
    let changes: &[(Change, bool)] = &[
        (|held| held.put(b"k", text("v"), None).unwrap(), true),
        (|held| held.put(b"missing", text("v"), None).unwrap(), true),
        (|held| assert!(held.remove(b"k")), true),
        (|held| assert!(held.set_deadline(b"k", None)), true),
        (|held| assert!(held.append(b"k", b"").is_ok()), true),
        (|held| assert!(held.rename(b"k", b"other")), true),
        (|held| assert_eq!(held.add(b"missing", 1), Ok(1)), true),
        (|held| Whole::Held(held).flush(), true),
        (|held| assert!(!held.remove(b"missing")), false),
        (|held| assert!(held.get(b"k").is_some()), false),
        (|held| assert_eq!(held.add(b"k", 1), Err(AddError::NotInteger)), false),
        (|held| assert_eq!(held.add(b"another", 1), Ok(1)), false),
    ];
    for (at, (change, breaks)) in changes.iter().enumerate() {
        for undoable in [false, true] {
            let (keyspace, _) = keyspace(u64::MAX);
            let watch = watch(&keyspace);
            assert!(!watch.is_broken(NOW), "{at}");
            let mut held = keyspace.hold_all(NOW);
            if undoable {
                held.keep_undo();
            }
            change(&mut held);
            held.commit();
            assert_eq!(watch.is_broken(NOW), *breaks, "{at}");
        }
    }
}

#[test]
fn a_change_that_is_rolled_back_breaks_no_watch() {
    let (keyspace, _) = keyspace(u64::MAX);
    let watch = watch(&keyspace);
    let mut held = keyspace.hold_all(NOW);
    held.keep_undo();
    held.remove(b"k");
    held.roll_back();
    assert!(!watch.is_broken(NOW));
}

#[test]
fn a_watch_breaks_when_its_key_ends_and_tells_which_keys_it_is_of() {
    let (keyspace, _) = keyspace(u64::MAX);
    let watch = watch(&keyspace);
    assert!(!watch.is_broken(NOW + 99) && watch.is_broken(NOW + 100));
    let mut names: Vec<&[u8]> = watch.keys().collect();
    names.sort_unstable();
    assert_eq!(names, [b"k".as_slice(), b"missing"]);
}

#[test]
fn a_watch_that_ended_leaves_nothing_behind() {
    let (keyspace, account) = keyspace(u64::MAX);
    let (first, second) = (watch(&keyspace), watch(&keyspace));
    assert!(first.is_broken(NOW), "the second wrote its key");
    drop(first);
    let mut held = keyspace.hold_all(NOW);
    held.remove(b"k");
    assert!(second.is_broken(NOW));
    drop(second);
    assert!(!keyspace.is_watched());
    assert_eq!(account.used_bytes(), 0);
}

#[test]
fn what_is_watched_is_charged_and_refused_at_the_limit() {
    let (keyspace, account) = keyspace(1000);
    let mut held = keyspace.hold_all(NOW);
    let mut watch = None;
    let watched = (0..100).filter(|i| held.watch(&mut watch, format!("k{i}").as_bytes()).is_ok());
    let watched = watched.count();
    assert!((1..20).contains(&watched), "{watched}");
    assert_eq!(held.watch(&mut watch, b"k0"), Ok(()), "watched already");
    drop(watch);
    assert_eq!(account.used_bytes(), 0);
}

#[test]
fn a_hold_that_ends_early_takes_back_what_it_changed() {
    let (keyspace, account) = keyspace(u64::MAX);
    keyspace.hold_one(NOW, b"k").put(b"k", text("v"), None).unwrap();
    let bytes = account.used_bytes();
    let mut held = keyspace.hold_all(NOW);
    held.keep_undo();
    held.put(b"k", text("a longer value"), None).unwrap();
    held.put(b"new", text("v"), None).unwrap();
    drop(held);
    let mut held = keyspace.hold_all(NOW);
    assert_eq!(seen(&mut held, "k"), Some((text("v"), None)));
    assert_eq!((seen(&mut held, "new"), account.used_bytes()), (None, bytes));
}

#[test]
fn a_flush_under_a_hold_brings_nothing_back() {
    let (keyspace, account) = keyspace(u64::MAX);
    keyspace.hold_one(NOW, b"k").put(b"k", text("v"), None).unwrap();
    let mut held = keyspace.hold_all(NOW);
    held.keep_undo();
    held.put(b"k", text("w"), None).unwrap();
    Whole::Held(&mut held).flush();
    held.put(b"after", text("v"), None).unwrap();
    assert!(held.is_lasting());
    held.roll_back();
    assert_eq!((seen(&mut held, "k"), seen(&mut held, "after")), (None, None));
    assert_eq!((keyspace.len(), account.used_bytes()), (0, 0));
}
