//! What was really counted: said by each origin, and done by each client.
//!
//! Two accounts of the same, since neither proves itself: `said` is what engines published, by stamp;
//! `done` is what clients were told, which no engine can alter.

use std::collections::{BTreeMap, BTreeSet};

use ratel::engine::{Item, Origin, Series, ShareSaid};

/// What an item is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Subject {
    Window(u64, u64, Vec<u8>),
    Cell(Vec<u8>),
    Reset(Vec<u8>),
    /// With when it began, since an origin that forgot a key may take the same stamp again.
    Share(Vec<u8>, u64),
}

/// A stamp, and the two components that rise under it: count and refund, or charge and TAT.
pub(crate) fn parts(item: &Item) -> (Subject, u64, [u64; 2]) {
    match item {
        Item::Window { series, index, key, stamp, count, refunded } => {
            (Subject::Window(series.code(), *index, key.clone()), *stamp, [*count, *refunded])
        }
        Item::Cell { key, birth, charged_ns, .. } => {
            (Subject::Cell(key.clone()), *birth, [*charged_ns, 0])
        }
        Item::Reset { key, stamp, until_ms } => {
            (Subject::Reset(key.clone()), *stamp, [0, *until_ms])
        }
        Item::Share { key, said } => {
            let ShareSaid { share, .. } = said;
            (Subject::Share(key.clone(), share.born_ms), share.birth, [share.up, share.down])
        }
    }
}

/// What clients of one life of a node did to one window.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Done {
    pub(crate) counted: u64,
    pub(crate) refunded: u64,
}

/// A node and its life.
pub(crate) type Life = (usize, u64);

#[derive(Default)]
pub(crate) struct Truth {
    said: BTreeMap<(Subject, Origin, u64), [u64; 2]>,
    /// The flush stamp that each origin was born under.
    pub(crate) born: BTreeMap<Origin, u64>,
    /// What clients have added to each counter of the keyspace.
    pub(crate) added: BTreeMap<u64, i128>,
    done: BTreeMap<Subject, BTreeMap<Life, Done>>,
    /// Lives of which something may be lost.
    pub(crate) crashed: BTreeSet<Life>,
    /// Lives that told one member everything and ended.
    left: BTreeSet<Life>,
}

impl Truth {
    pub(crate) fn publish(&mut self, origin: Origin, item: &Item) {
        let (subject, stamp, new) = parts(item);
        let said = self.said.entry((subject, origin, stamp)).or_default();
        assert!(new[0] >= said[0] && new[1] >= said[1], "an own part fell from {said:?}: {item:?}");
        *said = new;
    }

    /// A life has ended. One that left cleanly is held by whoever confirmed it, as long as nobody else
    /// ends too: a second one may have been the only one that held it.
    pub(crate) fn end(&mut self, life: Life, clean: bool) {
        if clean {
            self.left.insert(life)
        } else {
            self.crashed.insert(life)
        };
        if self.left.len() + self.crashed.len() > 1 {
            self.crashed.append(&mut self.left);
        }
    }

    /// L2: no component is above what its origin counted.
    pub(crate) fn check(&self, origin: Origin, item: &Item) {
        let (subject, stamp, new) = parts(item);
        let said = self.said.get(&(subject, origin, stamp));
        let within = said.is_some_and(|said| new[0] <= said[0] && new[1] <= said[1]);
        assert!(within, "{origin:?} said {said:?}, but held is {item:?}");
    }

    /// Clients of a life counted in a window, or gave back.
    pub(crate) fn note(&mut self, life: Life, window: &Subject, counted: u64, refunded: u64) {
        let done = self.done.entry(window.clone()).or_default().entry(life).or_default();
        done.counted += counted;
        done.refunded += refunded;
    }

    /// What all should see of a window by what was said, if nothing was lost in a crash.
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
            .fold([0, 0], |sum, (_, said)| [sum[0] + said[0], sum[1] + said[1]]);
        u64::saturating_sub(sum[0], sum[1])
    }

    /// Lowest and highest count that a window can end with by what clients did: what a life that
    /// crashed counted or gave back may be lost. Not for a window that was set, reset or flushed.
    pub(crate) fn bounds(&self, window: &Subject) -> (u64, u64) {
        let (mut all, mut safe) = (Done::default(), Done::default());
        for (life, done) in self.done.get(window).into_iter().flatten() {
            let kept = u64::from(!self.crashed.contains(life));
            all.counted += done.counted;
            all.refunded += done.refunded;
            safe.counted += kept * done.counted;
            safe.refunded += kept * done.refunded;
        }
        let least = safe.counted.saturating_sub(all.refunded);
        (least, all.counted.saturating_sub(safe.refunded))
    }

    /// All that was ever counted in a window, whatever was given back.
    pub(crate) fn gross(&self, window: &Subject) -> u64 {
        self.done.get(window).into_iter().flatten().map(|(_, done)| done.counted).sum()
    }
}

/// The window of a series at a time.
pub(crate) fn window(series: Series, now_ms: u64, key: &[u8]) -> Subject {
    Subject::Window(series.code(), series.window(now_ms).index, key.to_vec())
}
