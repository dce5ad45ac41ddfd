//! A plain engine: what each origin said, in maps. The reference for what nodes must agree on.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use ratel::cluster::replication::Tally;
use ratel::engine::{Item, Origin, Series};

#[path = "model_tally.rs"]
mod tally;

/// Nanoseconds of a millisecond.
pub(crate) const MS_NS: u64 = 1_000_000;
/// How far ahead of its clock a node takes windows.
const AHEAD_MS: u64 = 5_000;
/// How long after its end a node still takes a window.
const LATE_MS: u64 = 2_000;

/// What an item is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Subject {
    Window(u64, u64, Vec<u8>),
    Cell(Vec<u8>),
    Reset(Vec<u8>),
}

/// What one origin says of a subject: a stamp, under which two components rise. For a cell they
/// are the charge and the TAT, for a reset 0 and its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) stamp: u64,
    pub(crate) first: u64,
    pub(crate) second: u64,
    version: u64,
}

pub(crate) fn parts(item: &Item) -> (Subject, Slot) {
    let slot = |stamp, first, second| Slot { stamp, first, second, version: 0 };
    match item {
        Item::Window { series, index, key, stamp, count, refunded } => {
            (Subject::Window(series.code(), *index, key.clone()), slot(*stamp, *count, *refunded))
        }
        Item::Cell { key, birth, charged_ns, tat_ns } => {
            (Subject::Cell(key.clone()), slot(*birth, *charged_ns, *tat_ns))
        }
        Item::Reset { key, stamp, until_ms } => {
            (Subject::Reset(key.clone()), slot(*stamp, 0, *until_ms))
        }
        Item::Share { .. } => panic!("the model has no keyspace"),
    }
}

fn item(subject: &Subject, slot: Slot) -> Item {
    let Slot { stamp, first, second, .. } = slot;
    match subject.clone() {
        Subject::Window(code, index, key) => Item::Window {
            series: Series::from_code(code).unwrap(),
            index,
            key,
            stamp,
            count: first,
            refunded: second,
        },
        Subject::Cell(key) => Item::Cell { key, birth: stamp, charged_ns: first, tat_ns: second },
        Subject::Reset(key) => Item::Reset { key, stamp, until_ms: second },
    }
}

/// When a window no longer matters, ms.
fn expires_ms(code: u64, index: u64) -> u64 {
    let series = Series::from_code(code).unwrap();
    series.expires_ms(ratel::limiter::Window { scale: series.scale, index })
}

struct Inner {
    origin: Origin,
    flush_stamp: u64,
    tag: u64,
    slots: BTreeMap<Subject, BTreeMap<Origin, Slot>>,
    tats_ns: BTreeMap<Vec<u8>, u64>,
    dirty: BTreeSet<Subject>,
    flushed: bool,
    slots_max: usize,
}

/// The engine.
pub(crate) struct Model(RefCell<Inner>);

impl Inner {
    /// The stamp that counts for a window or cell of the key.
    fn floor(&self, subject: &Subject) -> u64 {
        let (Subject::Window(.., key) | Subject::Cell(key) | Subject::Reset(key)) = subject;
        let highest = |subject: &Subject| {
            let slots = self.slots.get(subject).into_iter().flat_map(BTreeMap::values);
            slots.map(|slot| slot.stamp).max().unwrap_or(0)
        };
        let reset = highest(&Subject::Reset(key.clone()));
        if matches!(subject, Subject::Window(..)) { reset.max(highest(subject)) } else { reset }
    }

    fn own(&mut self, subject: &Subject) -> &mut Slot {
        let (floor, origin) = (self.floor(subject), self.origin);
        self.dirty.insert(subject.clone());
        let slot = self.slots.entry(subject.clone()).or_default().entry(origin).or_default();
        if slot.stamp < floor {
            *slot = Slot { stamp: floor, ..Slot::default() };
        }
        slot
    }

    fn count(&self, subject: &Subject) -> u64 {
        let floor = self.floor(subject);
        let live = self.slots.get(subject).into_iter().flat_map(BTreeMap::values);
        let (mut up, mut down) = (0, 0);
        for slot in live.filter(|slot| slot.stamp == floor) {
            up += slot.first;
            down += slot.second;
        }
        u64::saturating_sub(up, down)
    }

    fn stamp(&self, now_ms: u64, above: u64) -> u64 {
        (now_ms.max((above >> 16) + 1) << 16) | self.tag
    }

    fn is_over(&self, now_ms: u64, subject: &Subject, slot: &Slot) -> bool {
        match subject {
            Subject::Window(code, index, _) => now_ms >= expires_ms(*code, *index) + LATE_MS,
            Subject::Cell(_) => now_ms >= slot.second / MS_NS + LATE_MS,
            Subject::Reset(_) => now_ms >= slot.second + LATE_MS,
        }
    }

    fn forget_below(&mut self, key: &[u8], stamp: u64) {
        if let Some(cell) = self.slots.get_mut(&Subject::Cell(key.to_vec())) {
            cell.retain(|_, slot| slot.stamp >= stamp);
            if cell.is_empty() {
                self.tats_ns.remove(key);
                self.slots.remove(&Subject::Cell(key.to_vec()));
            }
        }
    }
}

impl Model {
    pub(crate) fn new(origin: Origin, tag: u16, slots_max: usize) -> Model {
        Model(RefCell::new(Inner {
            origin,
            flush_stamp: 0,
            tag: u64::from(tag),
            slots: BTreeMap::new(),
            tats_ns: BTreeMap::new(),
            dirty: BTreeSet::new(),
            flushed: false,
            slots_max,
        }))
    }

    fn subject(now_ms: u64, key: &[u8], series: Series) -> Subject {
        Subject::Window(series.code(), series.window(now_ms).index, key.to_vec())
    }

    pub(crate) fn hit(&self, now_ms: u64, key: &[u8], series: Series, increment: u64) -> u64 {
        let mut inner = self.0.borrow_mut();
        let subject = Model::subject(now_ms, key, series);
        inner.own(&subject).first += increment;
        inner.count(&subject)
    }

    pub(crate) fn refund(&self, now_ms: u64, key: &[u8], series: Series, amount: u64) -> u64 {
        let mut inner = self.0.borrow_mut();
        let subject = Model::subject(now_ms, key, series);
        let amount = amount.min(inner.count(&subject));
        if amount > 0 {
            inner.own(&subject).second += amount;
        }
        amount
    }

    pub(crate) fn set(&self, now_ms: u64, key: &[u8], series: Series, count: u64) {
        let mut inner = self.0.borrow_mut();
        let subject = Model::subject(now_ms, key, series);
        let stamp = inner.stamp(now_ms, inner.floor(&subject));
        let version = inner.own(&subject).version;
        *inner.own(&subject) = Slot { stamp, first: count, second: 0, version };
    }

    pub(crate) fn reset(&self, now_ms: u64, key: &[u8], until_ms: u64) {
        let mut inner = self.0.borrow_mut();
        let subject = Subject::Reset(key.to_vec());
        let above = inner
            .slots
            .iter()
            .filter(|(subject, _)| {
                let (Subject::Window(.., k) | Subject::Cell(k) | Subject::Reset(k)) = subject;
                k == key
            })
            .flat_map(|(_, slots)| slots.values().map(|slot| slot.stamp))
            .max();
        let stamp = inner.stamp(now_ms, above.unwrap_or(0));
        *inner.own(&subject) = Slot { stamp, second: until_ms, ..Slot::default() };
        inner.forget_below(key, stamp);
    }

    pub(crate) fn flush(&self, now_ms: u64) {
        let stamp = self.0.borrow().stamp(now_ms, self.flush_stamp());
        self.flush_by(now_ms, stamp);
    }

    /// Charges `cost_ns` if the cell stays within `tolerance_ns` of now.
    pub(crate) fn throttle(
        &self,
        now_ms: u64,
        key: &[u8],
        cost_ns: u64,
        tolerance_ns: u64,
    ) -> bool {
        let mut inner = self.0.borrow_mut();
        let now_ns = now_ms * MS_NS;
        let tat_ns = inner.tats_ns.get(key).copied().unwrap_or(0);
        let tat_ns = tat_ns.clamp(now_ns, now_ns + tolerance_ns) + cost_ns;
        if tat_ns > now_ns + tolerance_ns {
            return false;
        }
        inner.tats_ns.insert(key.to_vec(), tat_ns);
        let subject = Subject::Cell(key.to_vec());
        let birth = inner.stamp(now_ms, inner.floor(&subject));
        let slot = inner.own(&subject);
        if slot.first == 0 {
            slot.stamp = birth;
        }
        slot.first += cost_ns;
        slot.second = tat_ns;
        true
    }

    pub(crate) fn tat_ns(&self, key: &[u8]) -> u64 {
        self.0.borrow().tats_ns.get(key).copied().unwrap_or(0)
    }

    /// The count of the window at `now_ms`.
    pub(crate) fn get(&self, now_ms: u64, key: &[u8], series: Series) -> u64 {
        self.0.borrow().count(&Model::subject(now_ms, key, series))
    }

    pub(crate) fn expire(&self, now_ms: u64) {
        let inner = &mut *self.0.borrow_mut();
        let mut slots = std::mem::take(&mut inner.slots);
        slots.retain(|subject, by| {
            by.retain(|origin, slot| {
                *origin == inner.origin && inner.dirty.contains(subject)
                    || !inner.is_over(now_ms, subject, slot)
            });
            !by.is_empty()
        });
        inner.slots = slots;
    }

    pub(crate) fn slots(&self) -> usize {
        self.0.borrow().slots.values().map(BTreeMap::len).sum()
    }
}
