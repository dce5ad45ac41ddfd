//! What every origin really said, and an engine that is checked against it at every step.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use ratel::cluster::replication::Tally;
use ratel::engine::{Freshness, Item, Merged, Origin};

use super::counts::{Counts, Place};
use super::model::{Subject, parts};

/// Highest components that an origin told of a subject under a stamp.
#[derive(Default)]
pub(crate) struct Truth {
    said: BTreeMap<(Subject, Origin, u64), (u64, u64)>,
    /// The flush stamp that each origin was born under.
    pub(crate) born: BTreeMap<Origin, u64>,
}

impl Truth {
    fn publish(&mut self, origin: Origin, item: &Item) {
        let (subject, slot) = parts(item);
        let is_cell = matches!(subject, Subject::Cell(_));
        let said = self.said.entry((subject, origin, slot.stamp)).or_default();
        assert!(
            slot.first >= said.0 && (is_cell || slot.second >= said.1),
            "an own component fell from {said:?}: {item:?}"
        );
        *said = (slot.first, slot.second.max(said.1));
    }

    /// L2: no component is above what its origin counted.
    fn check(&self, origin: Origin, item: &Item) {
        let (subject, slot) = parts(item);
        let said = self.said.get(&(subject, origin, slot.stamp));
        let within = said.is_some_and(|said| slot.first <= said.0 && slot.second <= said.1);
        assert!(within, "{origin:?} said {said:?}, but held is {item:?}");
    }

    /// What all should see of a window in the end, if nothing was lost in a crash.
    pub(crate) fn count(&self, flush_stamp: u64, window: &Subject) -> u64 {
        let Subject::Window(_, _, key) = window else { panic!("a window") };
        let reset = Subject::Reset(key.clone());
        let of = |subject: &Subject| {
            let subject = subject.clone();
            self.said.iter().filter(move |((of, origin, _), _)| {
                *of == subject && self.born.get(origin) == Some(&flush_stamp)
            })
        };
        let floor = of(&reset).chain(of(window)).map(|((.., stamp), _)| *stamp).max().unwrap_or(0);
        let sum = of(window)
            .filter(|((.., stamp), _)| *stamp == floor)
            .fold((0, 0), |sum, said| (sum.0 + said.1.0, sum.1 + said.1.1));
        u64::saturating_sub(sum.0, sum.1)
    }
}

/// An engine whose every published and merged item is checked.
pub(crate) struct Watched {
    pub(crate) model: Counts,
    pub(crate) truth: Rc<RefCell<Truth>>,
    held: RefCell<BTreeMap<(Subject, Origin, u64), u64>>,
}

impl Watched {
    pub(crate) fn new(model: Counts, truth: Rc<RefCell<Truth>>) -> Watched {
        truth.borrow_mut().born.insert(model.origin(), model.flush_stamp());
        Watched { model, truth, held: RefCell::default() }
    }

    /// Everything held is true and has not fallen since the last look.
    pub(crate) fn check(&self, now_ms: u64) {
        let mut held = BTreeMap::new();
        let mut place = None;
        loop {
            place =
                self.model.scan(now_ms, &|_| Some(0), place, 1 << 20, &mut |origin, _, item| {
                    if origin != self.model.origin() {
                        self.truth.borrow().check(origin, &item);
                    }
                    let (subject, slot) = parts(&item);
                    held.insert((subject, origin, slot.stamp), slot.first);
                });
            if place.is_none() {
                break;
            }
        }
        let before = self.held.replace(held.clone());
        for (what, first) in before {
            if let Some(now) = held.get(&what) {
                assert!(*now >= first, "{what:?} fell from {first} to {now}");
            }
        }
    }
}

impl Tally for Watched {
    type Place = Place;

    fn origin(&self) -> Origin {
        self.model.origin()
    }

    fn flush_stamp(&self) -> u64 {
        self.model.flush_stamp()
    }

    fn publish(
        &self,
        now_ms: u64,
        urgent_only: bool,
        bytes: usize,
        take: &mut dyn FnMut(Item),
    ) -> bool {
        let origin = self.model.origin();
        self.model.publish(now_ms, urgent_only, bytes, &mut |item| {
            self.truth.borrow_mut().publish(origin, &item);
            take(item);
        })
    }

    fn carried(&self, dseq: u64, items: &[Item]) {
        self.model.carried(dseq, items);
    }

    fn merge(
        &self,
        now_ms: u64,
        origin: Origin,
        version: u64,
        item: &Item,
        freshness: Freshness,
    ) -> Merged {
        assert_ne!(origin, self.model.origin(), "told of itself");
        self.truth.borrow().check(origin, item);
        self.model.merge(now_ms, origin, version, item, freshness)
    }

    fn flush_by(&self, now_ms: u64, flush_stamp: u64) {
        self.model.flush_by(now_ms, flush_stamp);
    }

    fn renew(&self, now_ms: u64, origin: Origin) {
        self.model.renew(now_ms, origin);
        self.truth.borrow_mut().born.insert(origin, self.model.flush_stamp());
    }

    fn scan(
        &self,
        now_ms: u64,
        wants: &dyn Fn(Origin) -> Option<u64>,
        from: Option<Self::Place>,
        bytes: usize,
        take: &mut dyn FnMut(Origin, u64, Item),
    ) -> Option<Self::Place> {
        let own = self.model.origin();
        self.model.scan(now_ms, wants, from, bytes, &mut |origin, version, item| {
            // A scan may tell what the next flush would have.
            if origin == own {
                self.truth.borrow_mut().publish(origin, &item);
            }
            take(origin, version, item);
        })
    }

    fn digest(&self, origin: Origin, horizon_ms: u64) -> u64 {
        self.model.digest(origin, horizon_ms)
    }

    fn forget_origin(&self, origin: Origin) {
        self.model.forget_origin(origin);
    }

    fn origins(&self) -> Vec<Origin> {
        self.model.origins()
    }
}
