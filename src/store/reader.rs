//! A reader: the views that one slice of requests has looked at, so that each is found once.
//!
//! Not to be kept longer than a slice: it holds ended windows in memory. Invariant: what a reader
//! counts is in the table that was live when the reader first looked at it; a bucket dropped since
//! is looked up anew before a counter is created.

use super::counter::Counter;
use super::series::Series;
use super::table::{Probe, Refusal, View, ViewGuard};
use super::windows::Windows;
use crate::limiter::Window;

/// Views kept: the scales that one client's pipeline uses at once. More are looked up again.
const VIEWS: usize = 4;

/// A place in a reader's cache.
#[derive(Clone, Copy, Debug)]
struct Seen(usize);

/// Where a counter was seen by [`Reader::locate`]; a hint, checked when it is used.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hint {
    hash: u64,
    bucket_ms: u64,
    offset: u32,
    /// The table that the offset is of: its bucket may have been dropped and made anew since.
    table: u32,
}

/// What names one counter.
#[derive(Clone, Copy, Debug)]
pub struct Name<'k> {
    /// Kind and scale.
    pub series: Series,
    /// The window.
    pub window: Window,
    /// The user's key.
    pub key: &'k [u8],
}

impl<'k> Name<'k> {
    /// The counter of `key` in the window at `now_ms`.
    pub fn at(now_ms: u64, series: Series, key: &'k [u8]) -> Name<'k> {
        Name { series, window: series.window(now_ms), key }
    }

    /// The counter of the window before, if there is one.
    pub fn previous(self) -> Option<Name<'k>> {
        self.window.previous().map(|window| Name { window, ..self })
    }
}

/// See the module.
pub struct Reader<'w> {
    windows: &'w Windows,
    views: [Option<(u64, ViewGuard)>; VIEWS],
    oldest: usize,
}

impl<'w> Reader<'w> {
    /// A reader that has seen nothing yet.
    pub fn new(windows: &'w Windows) -> Reader<'w> {
        Reader { windows, views: [const { None }; VIEWS], oldest: 0 }
    }

    /// Forgets what was seen: after a flush.
    pub fn forget(&mut self) {
        self.views = [const { None }; VIEWS];
    }

    /// The cached view of a bucket that exists.
    fn seen(&mut self, bucket_ms: u64) -> Option<Seen> {
        let at =
            self.views.iter().position(|view| matches!(view, Some((end, _)) if *end == bucket_ms));
        if let Some(at) = at {
            return Some(Seen(at));
        }
        let view = self.windows.view(bucket_ms)?;
        Some(self.keep(bucket_ms, view))
    }

    fn keep(&mut self, bucket_ms: u64, view: ViewGuard) -> Seen {
        let at = self.oldest;
        self.oldest = (at + 1) % VIEWS;
        self.views[at] = Some((bucket_ms, view));
        Seen(at)
    }

    fn view(&self, seen: Seen) -> Option<&View> {
        self.views[seen.0].as_ref()?.1.as_deref()
    }

    /// The counter, if it has an entry.
    pub fn find<'a>(&'a mut self, name: &Name<'a>) -> Option<Counter<'a>> {
        let hint = self.hint(name);
        self.find_at(name, hint)
    }

    /// The counter, if it has an entry, found through a hint.
    #[inline]
    pub fn find_at<'a>(&'a mut self, name: &Name<'a>, hint: Hint) -> Option<Counter<'a>> {
        let probe = self.windows.probe(name, hint.hash);
        let seen = self.seen(hint.bucket_ms)?;
        let view = self.view(seen)?;
        let hinted = hint.offset != 0
            && hint.table == view.table().id
            && view.entry(hint.offset).is(probe.identity, probe.key);
        let offset = if hinted { hint.offset } else { view.find(&probe)? };
        Some(Counter::new(view, probe, offset, self.windows.supply()))
    }

    /// The counter, created with `increment` as its count if it has no entry: then `fresh` is true
    /// and nothing more is to be added.
    ///
    /// # Errors
    /// A [`Refusal`]; nothing is created.
    pub fn find_or_insert<'a>(
        &'a mut self,
        name: &Name<'a>,
        hint: Hint,
        increment: u64,
    ) -> Result<(Counter<'a>, bool), Refusal> {
        let probe = self.windows.probe(name, hint.hash);
        let (offset, fresh, view) = self.windows.insert(hint.bucket_ms, &probe, increment)?;
        // The view is new: what it shows includes the new entry's slot, for the rest of the slice.
        let cached =
            self.views.iter().position(|v| matches!(v, Some((end, _)) if *end == hint.bucket_ms));
        let seen = match cached {
            Some(at) => {
                self.views[at] = Some((hint.bucket_ms, view));
                Seen(at)
            }
            None => self.keep(hint.bucket_ms, view),
        };
        let view = self.view(seen).ok_or(Refusal::OutOfMemory)?;
        Ok((Counter::new(view, probe, offset, self.windows.supply()), fresh))
    }

    /// Hash and bucket of a counter, nothing looked up yet.
    #[inline]
    pub fn hint(&self, name: &Name<'_>) -> Hint {
        Hint {
            hash: self.windows.hash(name.series, name.key),
            bucket_ms: name.series.bucket_ms(name.window),
            offset: 0,
            table: 0,
        }
    }

    /// Looks many counters up at once, in passes that touch memory for all of them, so that their
    /// cache misses overlap (100 ns instead of 390 a counter at a million keys).
    pub fn locate(&mut self, names: &[Name<'_>], hints: &mut Vec<Hint>) {
        hints.clear();
        hints.extend(names.iter().map(|name| self.hint(name)));
        let mut read = 0_u64;
        self.pass(names, hints, |view, probe, _| read ^= view.touch_home(probe));
        self.pass(names, hints, |view, probe, hint| {
            hint.offset = view.guess(probe).unwrap_or_default();
            hint.table = view.table().id;
        });
        self.pass(names, hints, |view, _, hint| {
            if hint.offset != 0 {
                read ^= view.entry(hint.offset).touch();
            }
        });
        // The loads must not be optimized away for want of a use.
        std::hint::black_box(read);
    }

    #[inline]
    fn pass(
        &mut self,
        names: &[Name<'_>],
        hints: &mut [Hint],
        mut visit: impl FnMut(&View, &Probe<'_>, &mut Hint),
    ) {
        for (name, hint) in names.iter().zip(hints) {
            let Some(seen) = self.seen(hint.bucket_ms) else {
                continue;
            };
            let probe = self.windows.probe(name, hint.hash);
            if let Some(view) = self.view(seen) {
                visit(view, &probe, hint);
            }
        }
    }
}
