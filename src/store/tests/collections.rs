//! Collections under a hold: whatever is done to them, rolled back they are what they were.

use proptest::prelude::*;

use super::*;
use crate::store::keyspace::{EditError, Held, Value, WrongType};
use crate::store::{Collection, Edit, End, Hash, List, Sorted};

const KEYS: [&[u8]; 3] = [b"a", b"b", b"c"];
const ROOM_BYTES: u64 = 256;

/// Something done to one of [`KEYS`], or to its element of this number.
#[derive(Clone, Copy, Debug)]
enum Act {
    Push(End, u8),
    Pop(End),
    SetAt(u8, u8),
    InsertAt(u8, u8),
    RemoveAll(u8),
    Trim(u8, u8),
    SetField(u8, u8),
    RemoveField(u8),
    Insert(u8, i8),
    RemoveMember(u8),
    RemoveRange(usize, usize),
    SetDeadline(u64),
    Remove,
    Rename,
    Put(u8),
    Add(i64),
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![Just(End::Left), Just(End::Right)]
}

fn act() -> impl Strategy<Value = (usize, Act)> {
    let act = prop_oneof![
        4 => (end(), any::<u8>()).prop_map(|(end, element)| Act::Push(end, element)),
        2 => end().prop_map(Act::Pop),
        1 => (0..9_u8, any::<u8>()).prop_map(|(place, element)| Act::SetAt(place, element)),
        1 => (0..9_u8, any::<u8>()).prop_map(|(place, element)| Act::InsertAt(place, element)),
        1 => any::<u8>().prop_map(Act::RemoveAll),
        1 => (0..4_u8, 0..9_u8).prop_map(|(start, end)| Act::Trim(start, end)),
        4 => (0..9_u8, any::<u8>()).prop_map(|(field, value)| Act::SetField(field, value)),
        2 => (0..9_u8).prop_map(Act::RemoveField),
        4 => (0..9_u8, any::<i8>()).prop_map(|(member, score)| Act::Insert(member, score)),
        2 => (0..9_u8).prop_map(Act::RemoveMember),
        1 => (0..5_usize, 0..5_usize).prop_map(|(from, to)| Act::RemoveRange(from, to)),
        1 => (1..3_u64).prop_map(Act::SetDeadline),
        1 => Just(Act::Remove),
        1 => Just(Act::Rename),
        1 => any::<u8>().prop_map(Act::Put),
        1 => (-2..3_i64).prop_map(Act::Add),
    ];
    (0..KEYS.len(), act)
}

/// Changes the list of a key; false if that is not what `act` does.
fn run_on_list(held: &mut Held<'_>, key: &[u8], act: Act) -> bool {
    let change = |list: &mut Edit<'_, List>| match act {
        Act::Push(end, element) => list.push(end, &[element]),
        Act::Pop(end) => drop(list.pop(end)),
        Act::SetAt(place, element) => drop(list.set(usize::from(place), &[element])),
        Act::InsertAt(place, element) => list.insert(usize::from(place), &[element]),
        Act::RemoveAll(bits) => {
            // Those whose highest bits are these: about every fourth.
            let same = |(_, element): &(usize, &[u8])| element[0] >> 6 == bits >> 6;
            let places = list.iter().enumerate().filter(same).map(|(place, _)| place);
            let places: Vec<usize> = places.collect();
            list.remove(&places);
        }
        Act::Trim(start, end) => list.trim(usize::from(start)..usize::from(end)),
        _ => unreachable!("no act on a list"),
    };
    let grows = matches!(act, Act::Push(..) | Act::SetAt(..) | Act::InsertAt(..));
    let shrinks = matches!(act, Act::Pop(_) | Act::RemoveAll(_) | Act::Trim(..));
    if grows || shrinks {
        let _ = held.edit(key, if grows { ROOM_BYTES } else { 0 }, change);
    }
    grows || shrinks
}

fn run(held: &mut Held<'_>, (at, act): (usize, Act)) {
    let key = KEYS[at];
    if run_on_list(held, key, act) {
        return;
    }
    match act {
        Act::SetField(field, value) => {
            let _ = held.edit(key, ROOM_BYTES, |hash: &mut Edit<'_, Hash>| {
                hash.set(&[field], &[value]);
            });
        }
        Act::RemoveField(field) => {
            let _ = held.edit(key, 0, |hash: &mut Edit<'_, Hash>| hash.remove(&[field]));
        }
        Act::Insert(member, score) => {
            let _ = held.edit(key, ROOM_BYTES, |set: &mut Edit<'_, Sorted>| {
                set.insert(&[member], f64::from(score));
            });
        }
        Act::RemoveMember(member) => {
            let _ = held.edit(key, 0, |set: &mut Edit<'_, Sorted>| set.remove(&[member]));
        }
        Act::RemoveRange(from, to) => {
            let _ = held.edit(key, 0, |set: &mut Edit<'_, Sorted>| set.remove_range(from..to));
        }
        Act::SetDeadline(ms) => drop(held.set_deadline(key, Some(NOW + ms))),
        Act::Remove => drop(held.remove(key)),
        Act::Rename => drop(held.rename(key, KEYS[(at + 1) % KEYS.len()])),
        Act::Put(byte) => held.put(key, Value::string(&[byte]), None).unwrap(),
        Act::Add(delta) => drop(held.add(key, delta)),
        _ => unreachable!("an act on a list"),
    }
}

/// What all keys hold and are charged for; fields in their order.
fn seen(keyspace: &Keyspace) -> Vec<String> {
    let mut held = keyspace.hold_all(NOW);
    let mut seen = |key: &&[u8]| {
        let bytes = held.bytes(key);
        match held.look(key) {
            Some((Value::Hash(hash), deadline_ms)) => {
                format!("{:?} {deadline_ms:?} {bytes:?}", hash.iter().collect::<Vec<_>>())
            }
            other => format!("{other:?} {bytes:?}"),
        }
    };
    KEYS.iter().map(&mut seen).collect()
}

fn empty(is_shared: bool) -> (Keyspace, Arc<Account>) {
    let account = Arc::new(Account::new(u64::MAX));
    let keyspace = Keyspace::new(3, account.clone());
    (if is_shared { keyspace.shared(7) } else { keyspace }, account)
}

proptest! {
    #[test]
    fn rolled_back_everything_is_what_it_was(
        is_shared: bool,
        before in prop::collection::vec(act(), 0..60),
        undone in prop::collection::vec(act(), 0..300),
    ) {
        let (keyspace, account) = empty(is_shared);
        let mut held = keyspace.hold_all(NOW);
        before.into_iter().for_each(|act| run(&mut held, act));
        drop(held);
        let was = seen(&keyspace);
        let mut held = keyspace.hold_all(NOW);
        held.keep_undo();
        undone.into_iter().for_each(|act| run(&mut held, act));
        held.roll_back();
        drop(held);
        prop_assert_eq!(seen(&keyspace), was);
        if !is_shared {
            keyspace.whole(NOW).flush();
            while keyspace.expire(NOW + 1_000_000) {}
            prop_assert_eq!(account.used_bytes(), 0);
        }
    }

    #[test]
    fn committed_everything_is_as_without_an_undo_log(acts in prop::collection::vec(act(), 0..200)) {
        let ((kept, _), (plain, _)) = (empty(false), empty(false));
        let mut held = kept.hold_all(NOW);
        held.keep_undo();
        acts.iter().for_each(|act| run(&mut held, *act));
        held.commit();
        drop(held);
        let mut held = plain.hold_all(NOW);
        acts.into_iter().for_each(|act| run(&mut held, act));
        drop(held);
        prop_assert_eq!(seen(&kept), seen(&plain));
        prop_assert_eq!(kept.used_bytes(), plain.used_bytes());
    }
}

#[test]
fn a_collection_that_is_left_empty_is_no_key_and_costs_nothing() {
    let (keyspace, account) = empty(false);
    let mut held = keyspace.hold_one(NOW, b"k");
    let push = |list: &mut Edit<'_, List>| list.push(End::Left, b"x");
    held.edit(b"k", 100, push).unwrap();
    assert_eq!(
        held.edit(b"k", 0, |list: &mut Edit<'_, List>| list.pop(End::Right)).unwrap(),
        Some(b"x"[..].into())
    );
    assert_eq!(held.get(b"k"), None);
    assert_eq!(held.edit(b"k", 9, |list: &mut Edit<'_, List>| list.pop(End::Right)).unwrap(), None);
    assert_eq!((held.get(b"k"), keyspace.len(), account.used_bytes()), (None, 0, 0));
}

#[test]
fn what_is_refused_has_changed_nothing() {
    let account = Arc::new(Account::new(1000));
    let keyspace = Keyspace::new(3, account.clone());
    let mut held = keyspace.hold_one(NOW, b"k");
    let push = |list: &mut Edit<'_, List>| list.push(End::Left, &[7; 100]);
    assert_eq!(held.edit(b"k", 1000, push), Err(EditError::Full));
    assert_eq!((held.get(b"k"), account.used_bytes()), (None, 0));
    held.edit(b"k", 200, push).unwrap();
    let used_bytes = account.used_bytes();
    assert_eq!(held.edit(b"k", 1000, push), Err(EditError::Full));
    let set = |hash: &mut Edit<'_, Hash>| hash.set(b"f", b"v");
    assert_eq!(held.edit(b"k", 9, set), Err(EditError::WrongType));
    assert_eq!(held.view::<Sorted>(b"k"), Err(WrongType));
    assert_eq!(held.view::<List>(b"k").unwrap().map(List::len), Some(1));
    assert_eq!(account.used_bytes(), used_bytes);
}

#[test]
fn who_watches_is_told_of_a_change_and_of_nothing_else() {
    let insert = |keyspace: &Keyspace, score: f64, is_undoable: bool| {
        let mut held = keyspace.hold_one(NOW, b"k");
        if is_undoable {
            held.keep_undo();
        }
        held.edit(b"k", 100, |set: &mut Edit<'_, Sorted>| set.insert(b"m", score)).unwrap();
        held.commit();
    };
    for is_undoable in [false, true] {
        let (keyspace, _) = empty(false);
        insert(&keyspace, 1.0, is_undoable);
        let mut watch = None;
        keyspace.hold_one(NOW, b"k").watch(&mut watch, b"k").unwrap();
        let watch = watch.expect("made by the key");
        insert(&keyspace, 1.0, is_undoable);
        assert!(!watch.is_broken(NOW));
        insert(&keyspace, 2.0, is_undoable);
        assert!(watch.is_broken(NOW));
    }
}

#[test]
fn steps_back_take_no_more_than_the_collection_however_large_what_they_hold() {
    const ELEMENT_BYTES: usize = 10_000;
    let (keyspace, _) = empty(false);
    let mut held = keyspace.hold_one(NOW, b"k");
    let push = |list: &mut Edit<'_, List>| (0..9).for_each(|_| list.push(End::Left, b"x"));
    held.edit(b"k", 9 * ROOM_BYTES, push).unwrap();
    held.keep_undo();
    let mut most = 0;
    for byte in 0..=u8::MAX {
        let element = [byte; ELEMENT_BYTES];
        let set = |list: &mut Edit<'_, List>| list.set(0, &element);
        held.edit(b"k", List::push_bytes(ELEMENT_BYTES), set).unwrap();
        most = most.max(held.step_bytes());
    }
    assert!((1..5 * ELEMENT_BYTES as u64).contains(&most), "{most}");
    held.roll_back();
    assert_eq!(held.view::<List>(b"k").unwrap().and_then(|list| list.get(0)), Some(&b"x"[..]));
}
