//! The model as replication sees it: publishing, merging, scanning.

use std::collections::{BTreeMap, BTreeSet};

use ratel::cluster::replication::Tally;
use ratel::engine::{Freshness, Item, Merged, Origin};

use super::{AHEAD_MS, LATE_MS, MS_NS, Model, Subject, expires_ms, item, parts};

impl Tally for Model {
    type Place = (Subject, Origin);

    fn origin(&self) -> Origin {
        self.0.borrow().origin
    }

    fn flush_stamp(&self) -> u64 {
        self.0.borrow().flush_stamp
    }

    fn publish(
        &self,
        _now_ms: u64,
        urgent_only: bool,
        bytes: usize,
        take: &mut dyn FnMut(Item),
    ) -> bool {
        let inner = &mut *self.0.borrow_mut();
        if urgent_only {
            return false;
        }
        let mut left = bytes / 64 + 1;
        while left > 0
            && let Some(subject) = inner.dirty.pop_first()
        {
            left -= 1;
            let slot = inner.slots.get(&subject).and_then(|by| by.get(&inner.origin));
            if let Some(slot) = slot {
                take(item(&subject, *slot));
            }
        }
        !inner.dirty.is_empty()
    }

    fn carried(&self, dseq: u64, items: &[Item]) {
        let inner = &mut *self.0.borrow_mut();
        for item in items {
            let (subject, _) = parts(item);
            let by = inner.slots.get_mut(&subject).and_then(|by| by.get_mut(&inner.origin));
            if let Some(slot) = by {
                slot.version = dseq;
            }
        }
    }

    fn merge(
        &self,
        now_ms: u64,
        origin: Origin,
        version: u64,
        item: &Item,
        freshness: Freshness,
    ) -> Merged {
        let inner = &mut *self.0.borrow_mut();
        let (subject, new) = parts(item);
        if inner.is_over(now_ms, &subject, &new) {
            return Merged::Ended;
        }
        if let Item::Window { series, index, .. } = item {
            let starts_ms = index.saturating_mul(series.scale.ms());
            if starts_ms > now_ms + AHEAD_MS {
                return Merged::Refused { until_ms: expires_ms(series.code(), *index) };
            }
        }
        let known = inner.slots.get(&subject).and_then(|by| by.get(&origin)).copied();
        let held: usize = inner.slots.values().map(BTreeMap::len).sum();
        if known.is_none() && held >= inner.slots_max && !matches!(subject, Subject::Reset(_)) {
            let until_ms = match &subject {
                Subject::Window(code, index, _) => expires_ms(*code, *index),
                _ => new.second / MS_NS,
            };
            return Merged::Refused { until_ms: until_ms + LATE_MS };
        }
        let old = known.unwrap_or_default();
        let mut kept = old;
        if new.stamp > old.stamp {
            kept = new;
        } else if new.stamp == old.stamp {
            kept.first = kept.first.max(new.first);
            kept.second = kept.second.max(new.second);
        }
        let raised = known.is_none()
            || (kept.stamp, kept.first, kept.second) != (old.stamp, old.first, old.second);
        kept.version = old.version.max(version);
        let floor = inner.floor(&subject);
        match &subject {
            Subject::Cell(_) if kept.stamp < floor => return Merged::Known,
            Subject::Cell(key) if raised => {
                let charged =
                    if kept.stamp > old.stamp { kept.first } else { kept.first - old.first };
                let tat_ns = inner.tats_ns.entry(key.clone()).or_default();
                *tat_ns = match freshness {
                    Freshness::Live { sent_ms } => (*tat_ns).max(sent_ms * MS_NS) + charged,
                    Freshness::Bulk => (*tat_ns).max(kept.second),
                };
            }
            _ => {}
        }
        inner.slots.entry(subject.clone()).or_default().insert(origin, kept);
        if let Subject::Reset(key) = &subject {
            inner.forget_below(key, kept.stamp);
        }
        if raised { Merged::Raised } else { Merged::Known }
    }

    fn flush_by(&self, _now_ms: u64, flush_stamp: u64) {
        let inner = &mut *self.0.borrow_mut();
        inner.flush_stamp = flush_stamp;
        inner.slots.clear();
        inner.tats_ns.clear();
        inner.dirty.clear();
        inner.flushed = true;
    }

    fn renew(&self, _now_ms: u64, origin: Origin) {
        let inner = &mut *self.0.borrow_mut();
        if std::mem::take(&mut inner.flushed) {
            // Nothing was published since the flush: what was counted since is the new life's.
            for by in inner.slots.values_mut() {
                if let Some(slot) = by.remove(&inner.origin) {
                    by.insert(origin, slot);
                }
            }
        } else {
            inner.dirty.clear();
        }
        inner.origin = origin;
    }

    fn scan(
        &self,
        _now_ms: u64,
        wants: &dyn Fn(Origin) -> Option<u64>,
        from: Option<Self::Place>,
        bytes: usize,
        take: &mut dyn FnMut(Origin, u64, Item),
    ) -> Option<Self::Place> {
        let inner = self.0.borrow();
        // Few a call, so that a scan is overtaken by deltas.
        let mut left = (bytes / 4_096).clamp(1, 8);
        for (subject, by) in &inner.slots {
            for (origin, slot) in by {
                let place = (subject.clone(), *origin);
                if from.as_ref().is_some_and(|from| place <= *from) {
                    continue;
                }
                if wants(*origin).is_some_and(|cursor| slot.version > cursor) {
                    take(*origin, slot.version, item(subject, *slot));
                    left -= 1;
                }
                if left == 0 {
                    return Some(place);
                }
            }
        }
        None
    }

    fn digest(&self, origin: Origin, horizon_ms: u64) -> u64 {
        let inner = self.0.borrow();
        let mut sum = 0_u64;
        for (subject, by) in &inner.slots {
            let floor = inner.floor(subject);
            let Some(slot) = by.get(&origin).filter(|slot| slot.stamp >= floor) else {
                continue;
            };
            if inner.is_over(horizon_ms + LATE_MS, subject, slot) {
                continue;
            }
            let text = format!("{subject:?} {} {} {}", slot.stamp, slot.first, slot.second);
            let fnv = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
            sum = sum.wrapping_add(text.bytes().fold(0xCBF2_9CE4_8422_2325, fnv));
        }
        sum
    }

    fn forget_origin(&self, origin: Origin) {
        let mut inner = self.0.borrow_mut();
        for by in inner.slots.values_mut() {
            by.remove(&origin);
        }
    }

    fn origins(&self) -> Vec<Origin> {
        let inner = self.0.borrow();
        let all: BTreeSet<Origin> =
            inner.slots.values().flat_map(|by| by.keys().copied()).collect();
        all.into_iter().filter(|origin| *origin != inner.origin).collect()
    }
}
