//! Who waits for an element of a list: order, fairness, and that nothing is ever swallowed.

use std::task::{Poll, Waker};

use super::*;
use crate::store::keyspace::{Held, Value, Wait, Waited};
use crate::store::{End, List};

fn keyspace(limit_bytes: u64) -> (Keyspace, Arc<Account>) {
    let account = Arc::new(Account::new(limit_bytes));
    (Keyspace::new(3, account.clone()), account)
}

fn wait(keyspace: &Keyspace, keys: &[&str], end: End) -> Wait {
    let keys = keys.iter().map(|key| key.as_bytes());
    keyspace.hold_all(NOW).wait(keys, end).unwrap()
}

fn push(held: &mut Held<'_>, key: &str, elements: &[&str]) {
    let bytes = elements.iter().map(|element| List::push_bytes(element.len())).sum();
    let pushed = held.edit::<List, _>(key.as_bytes(), bytes, |list| {
        elements.iter().for_each(|element| list.push(End::Right, element.as_bytes()));
    });
    pushed.unwrap();
}

fn push_alone(keyspace: &Keyspace, key: &str, elements: &[&str]) {
    push(&mut keyspace.hold_one(NOW, key.as_bytes()), key, elements);
}

fn list(keyspace: &Keyspace, key: &str) -> Vec<String> {
    let mut held = keyspace.hold_one(NOW, key.as_bytes());
    let list = held.view::<List>(key.as_bytes()).unwrap();
    let element = |element: &[u8]| String::from_utf8(element.to_vec()).unwrap();
    list.map_or_else(Vec::new, |list| list.iter().map(element).collect())
}

fn outcome(wait: &mut Wait) -> Option<Waited> {
    match wait.poll(Waker::noop()) {
        Poll::Ready(waited) => Some(waited),
        Poll::Pending => None,
    }
}

fn served(key: &str, element: &str) -> Option<Waited> {
    Some(Waited::Served {
        key: key.as_bytes().into(),
        element: element.as_bytes().into(),
        deadline_ms: None,
    })
}

#[test]
fn three_who_wait_are_served_in_the_order_in_which_they_came() {
    let (keyspace, account) = keyspace(u64::MAX);
    let mut waits: Vec<Wait> = (0..3).map(|_| wait(&keyspace, &["l"], End::Left)).collect();
    assert_eq!(keyspace.waiters(), 3);
    push_alone(&keyspace, "l", &["a"]);
    assert_eq!(waits.iter_mut().map(outcome).collect::<Vec<_>>(), [served("l", "a"), None, None]);
    push_alone(&keyspace, "l", &["b", "c", "d"]);
    assert_eq!(outcome(&mut waits[1]), served("l", "b"));
    assert_eq!(outcome(&mut waits[2]), served("l", "c"));
    assert_eq!(list(&keyspace, "l"), ["d"]);
    waits.clear();
    keyspace.hold_one(NOW, b"l").remove(b"l");
    assert!(!keyspace.is_watched() && !keyspace.is_waited());
    assert_eq!((keyspace.waiters(), account.used_bytes()), (0, 0));
}

#[test]
fn each_takes_from_its_own_end_after_the_whole_push() {
    let (keyspace, _) = keyspace(u64::MAX);
    let mut right = wait(&keyspace, &["l"], End::Right);
    let mut left = wait(&keyspace, &["l"], End::Left);
    push_alone(&keyspace, "l", &["a", "b", "c"]);
    assert_eq!((outcome(&mut right), outcome(&mut left)), (served("l", "c"), served("l", "a")));
    assert_eq!(list(&keyspace, "l"), ["b"]);
}

#[test]
fn one_that_has_ended_is_passed_over() {
    let (keyspace, _) = keyspace(u64::MAX);
    let mut timed_out = wait(&keyspace, &["l"], End::Left);
    let mut unblocked = wait(&keyspace, &["l"], End::Left);
    let gone = wait(&keyspace, &["l"], End::Left);
    let mut last = wait(&keyspace, &["l"], End::Left);
    assert!(timed_out.mailbox().end(false) && unblocked.mailbox().end(true));
    assert!(!timed_out.mailbox().end(true), "the first end stands");
    keyspace.end_wait(NOW, gone);
    push_alone(&keyspace, "l", &["a"]);
    assert_eq!(outcome(&mut timed_out), Some(Waited::TimedOut));
    assert_eq!(outcome(&mut unblocked), Some(Waited::Unblocked));
    assert_eq!(outcome(&mut last), served("l", "a"));
    assert!(!last.mailbox().end(true), "who is served waits no more");
}

#[test]
fn an_element_that_nobody_fetched_goes_to_the_next_or_back_to_its_place() {
    let (keyspace, account) = keyspace(u64::MAX);
    let first = wait(&keyspace, &["l"], End::Left);
    let mut second = wait(&keyspace, &["l"], End::Right);
    push_alone(&keyspace, "l", &["a"]);
    keyspace.end_wait(NOW, first);
    assert_eq!(outcome(&mut second), served("l", "a"));
    drop(second);
    let third = wait(&keyspace, &["l"], End::Left);
    push_alone(&keyspace, "l", &["a", "b"]);
    // However full the memory is by then.
    account.set_limit(0);
    keyspace.end_wait(NOW, third);
    assert_eq!(list(&keyspace, "l"), ["a", "b"]);
    let fourth = {
        account.set_limit(u64::MAX);
        keyspace.hold_one(NOW, b"l").remove(b"l");
        wait(&keyspace, &["l"], End::Left)
    };
    push_alone(&keyspace, "l", &["z"]);
    account.set_limit(0);
    keyspace.end_wait(NOW, fourth);
    assert_eq!(list(&keyspace, "l"), ["z"]);
}

#[test]
fn a_hold_serves_at_its_end_in_the_order_of_its_changes() {
    let (keyspace, _) = keyspace(u64::MAX);
    let mut both = wait(&keyspace, &["a", "b", "a"], End::Left);
    let mut late = wait(&keyspace, &["a"], End::Left);
    let mut held = keyspace.hold_all(NOW);
    push(&mut held, "b", &["1"]);
    push(&mut held, "a", &["2"]);
    assert_eq!((outcome(&mut both), outcome(&mut late)), (None, None));
    drop(held);
    assert_eq!((outcome(&mut both), outcome(&mut late)), (served("b", "1"), served("a", "2")));
}

#[test]
fn what_comes_and_goes_within_a_hold_serves_nobody() {
    let (keyspace, _) = keyspace(u64::MAX);
    let mut waiting = wait(&keyspace, &["l", "s"], End::Left);
    {
        let mut held = keyspace.hold_all(NOW);
        push(&mut held, "l", &["a"]);
        held.remove(b"l");
        held.put(b"s", Value::string(b"x"), None).unwrap();
    }
    {
        let mut held = keyspace.hold_all(NOW);
        held.keep_undo();
        push(&mut held, "l", &["b"]);
        held.roll_back();
    }
    assert_eq!(outcome(&mut waiting), None);
    {
        let mut held = keyspace.hold_all(NOW);
        held.keep_undo();
        push(&mut held, "l", &["c"]);
        held.commit();
        assert_eq!(outcome(&mut waiting), None);
    }
    assert_eq!(outcome(&mut waiting), served("l", "c"));
}

#[test]
fn however_a_list_comes_to_the_key_it_serves() {
    let (keyspace, _) = keyspace(u64::MAX);
    push_alone(&keyspace, "tmp", &["a"]);
    let mut waiting = wait(&keyspace, &["l"], End::Left);
    assert!(keyspace.hold_all(NOW).rename(b"tmp", b"l"));
    assert_eq!(outcome(&mut waiting), served("l", "a"));
    assert_eq!(keyspace.len(), 0);
    drop(waiting);
    let mut waiting = wait(&keyspace, &["l"], End::Left);
    let value = {
        push_alone(&keyspace, "tmp", &["b"]);
        keyspace.hold_all(NOW).get(b"tmp").cloned().unwrap()
    };
    keyspace.hold_all(NOW).put(b"l", value, None).unwrap();
    assert_eq!(outcome(&mut waiting), served("l", "b"));
}

#[test]
fn a_served_key_tells_those_who_watch_it() {
    let (keyspace, _) = keyspace(u64::MAX);
    let _waiting = wait(&keyspace, &["l"], End::Left);
    let mut watch = None;
    push_alone(&keyspace, "l", &[]);
    keyspace.hold_all(NOW).watch(&mut watch, b"l").unwrap();
    push_alone(&keyspace, "l", &["a"]);
    assert!(watch.unwrap().is_broken(NOW));
    assert_eq!(keyspace.len(), 0);
}

#[test]
fn waiting_is_charged_and_refused_where_memory_is_full() {
    let (keyspace, account) = keyspace(1_000);
    let keys: Vec<Vec<u8>> = (0..9_u8).map(|n| vec![n; 20]).collect();
    let refused = keyspace.hold_all(NOW).wait(keys.iter().map(Vec::as_slice), End::Left);
    assert!(refused.is_err());
    assert_eq!((account.used_bytes(), keyspace.waiters(), keyspace.is_waited()), (0, 0, false));
    let twice = wait(&keyspace, &["k", "k"], End::Left);
    let charged = account.used_bytes();
    drop(twice);
    let once = wait(&keyspace, &["k"], End::Left);
    assert_eq!(account.used_bytes(), charged, "a key that is named twice counts once");
    drop(once);
    assert_eq!(account.used_bytes(), 0);
}

#[test]
fn who_waits_is_served_though_memory_is_full() {
    let (keyspace, account) = keyspace(u64::MAX);
    let mut waiting = wait(&keyspace, &["l"], End::Left);
    let mut held = keyspace.hold_one(NOW, b"l");
    push(&mut held, "l", &["a"]);
    account.set_limit(1);
    drop(held);
    assert_eq!(outcome(&mut waiting), served("l", "a"));
}

/// An element of `l`, popped or waited for; `None` where the wait was given up after some looks.
fn take(keyspace: &Keyspace, looks: usize) -> Option<Box<[u8]>> {
    let mut wait = {
        let mut held = keyspace.hold_one(NOW, b"l");
        let popped = held.edit::<List, _>(b"l", 0, |list| list.pop(End::Left)).unwrap();
        if popped.is_some() {
            return popped;
        }
        held.wait([&b"l"[..]].into_iter(), End::Left).unwrap()
    };
    for _ in 0..looks {
        if let Some(Waited::Served { element, .. }) = outcome(&mut wait) {
            return Some(element);
        }
        std::thread::yield_now();
    }
    keyspace.end_wait(NOW, wait);
    None
}

#[test]
fn pushers_and_waiters_on_many_threads_lose_and_double_nothing() {
    const EACH: usize = 500;
    let (keyspace, account) = keyspace(u64::MAX);
    let taken = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for thread in 0..2 {
            let (keyspace, taken) = (&keyspace, &taken);
            scope.spawn(move || {
                (0..EACH).for_each(|n| push_alone(keyspace, "l", &[&format!("{thread}:{n}")]));
            });
            scope.spawn(move || {
                let mut mine: Vec<Box<[u8]>> = Vec::new();
                for looks in (0..5).cycle() {
                    mine.extend(take(keyspace, looks));
                    if mine.len() == EACH {
                        break;
                    }
                }
                taken.lock().unwrap().extend(mine);
            });
        }
    });
    let mut taken = taken.into_inner().unwrap();
    taken.sort_unstable();
    taken.dedup();
    assert_eq!((taken.len(), keyspace.len(), account.used_bytes()), (2 * EACH, 0, 0));
}

#[test]
fn a_list_that_ends_ends_also_where_its_element_came_back() {
    let (keyspace, _) = keyspace(u64::MAX);
    let back = |end_ms: u64| {
        let gone = wait(&keyspace, &["l"], End::Left);
        let mut held = keyspace.hold_one(NOW, b"l");
        held.keep_undo();
        push(&mut held, "l", &["a"]);
        assert!(held.set_deadline(b"l", Some(NOW + 10)));
        held.commit();
        drop(held);
        keyspace.end_wait(end_ms, gone);
        keyspace.hold_one(end_ms, b"l").look(b"l").map(|(_, deadline_ms)| deadline_ms)
    };
    assert_eq!(back(NOW + 9), Some(Some(NOW + 10)));
    assert_eq!(back(NOW + 10), None);
}
