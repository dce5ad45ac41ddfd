//! Lists changed and taken back.

use super::super::{Step as AnyStep, Steps};
use super::*;

fn list_of(elements: &[&str]) -> List {
    let mut list = List::default();
    elements.iter().for_each(|element| list.push(End::Right, element.as_bytes().into()));
    list
}

fn texts(list: &List) -> String {
    let texts: Vec<_> = list.iter().map(|element| std::str::from_utf8(element).unwrap()).collect();
    texts.join(" ")
}

/// Does it, compares, takes it back and compares again.
fn check(before: &[&str], act: fn(&mut Edit<'_, List>), after: &str) {
    let mut list = list_of(before);
    let was = list.clone();
    let mut steps = Steps::default();
    act(&mut Edit::new(&mut list, Some(&mut steps)));
    assert_eq!(texts(&list), after);
    assert_eq!(list.bytes, list.iter().map(cost).sum::<usize>());
    for step in steps.back() {
        let AnyStep::List(step) = step else { panic!("a step of another kind") };
        list.take_back(step);
    }
    assert_eq!(list, was);
}

#[test]
fn every_change_is_taken_back() {
    check(&["a", "b"], |list| assert!(list.set(1, b"long")), "a long");
    check(&["a"], |list| assert!(!list.set(1, b"x")), "a");
    check(&["a", "b"], |list| list.insert(1, b"x"), "a x b");
    check(&["a", "b"], |list| list.insert(9, b"x"), "a b x");
    check(&["a", "b", "c"], |list| assert_eq!(list.remove(&[1]), 1), "a c");
    check(&["a", "b", "c", "d"], |list| assert_eq!(list.remove(&[0, 2, 3]), 3), "b");
    check(&["a", "b"], |list| assert_eq!(list.remove(&[0, 1]), 2), "");
    check(&["a", "b"], |list| assert_eq!(list.remove(&[]), 0), "a b");
    check(&["a", "b", "c", "d"], |list| list.trim(1..3), "b c");
    check(&["a", "b", "c"], |list| list.trim(0..0), "");
    check(&["a", "b", "c"], |list| list.trim(0..9), "a b c");
    check(&["a", "b"], |list| assert_eq!(list.pop(End::Left).as_deref(), Some(&b"a"[..])), "b");
    check(
        &["a", "b", "c", "b"],
        |list| {
            list.remove(&[1, 3]);
            list.push(End::Left, b"x");
            list.trim(1..2);
            list.insert(0, b"y");
        },
        "y a",
    );
}

#[test]
fn what_changes_nothing_is_no_change() {
    let mut list = list_of(&["a"]);
    let mut edit = Edit::new(&mut list, None);
    edit.trim(0..1);
    edit.remove(&[]);
    edit.set(7, b"x");
    assert!(!edit.has_changed());
    edit.trim(0..0);
    assert!(edit.has_changed());
}

#[test]
fn a_step_holds_what_was_removed_and_no_more() {
    let mut list = List::default();
    (0..1000).for_each(|_| list.push(End::Right, b"element"[..].into()));
    let mut steps = Steps::default();
    let mut edit = Edit::new(&mut list, Some(&mut steps));
    edit.trim(1..999);
    edit.remove(&[500]);
    let [AnyStep::List(Step::Extend(left, right)), AnyStep::List(Step::Insert(removed))] =
        steps.steps.as_slice()
    else {
        panic!("{steps:?}")
    };
    assert_eq!((left.len(), right.len(), removed.len()), (1, 1, 1));
}

#[test]
fn a_list_that_was_long_gives_its_places_back_and_its_bytes_are_near_the_truth() {
    let mut list = List::default();
    for count in 1..100_000_usize {
        list.push(End::Right, b"0123456789"[..].into());
        let held = list.elements.capacity() * size_of::<Element>() + count * boxed_bytes(10);
        assert!(count < 10 || list.bytes.abs_diff(held) * 5 <= held, "{count}: {held}");
    }
    let mut edit = Edit::new(&mut list, None);
    while edit.len() > 10 {
        edit.pop(End::Left);
    }
    assert!(list.elements.capacity() <= PLACES_FEW, "{}", list.elements.capacity());
}
