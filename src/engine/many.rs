//! Several limits in one call, all or nothing.
//!
//! All are checked, then each is charged by compare-and-swap against its own limit; if one fails
//! midway (another client was faster), what was charged is given back. Invariant: after the call
//! either every counter has its increments or none has.

use super::Engine;
use super::count::{Charge, count_of, previous_of, weigh};
use crate::limiter::{Attempt, Verdict};
use crate::store::{Counter, Name, Reader, Refusal};

/// Most limits in one call.
pub const MANY_MAX: usize = 64;

/// The outcome of [`Engine::hit_many`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManyVerdict {
    /// The first limit that denied; `None`: all allowed, all charged.
    pub denied_by: Option<usize>,
    /// One verdict a limit, in order. After a denial each is what a check would say.
    pub verdicts: Vec<Verdict>,
}

/// One counter of the call: limits that name it are summed.
#[derive(Clone, Copy)]
struct Part<'k> {
    name: Name<'k>,
    increment: u64,
    /// The lowest of the limits that name it.
    limit: u64,
    previous: u64,
}

impl Part<'_> {
    fn weigh(&self, now_ms: u64, current: u64) -> u64 {
        let Name { series, window, .. } = self.name;
        weigh(series.kind, window, now_ms, self.previous, current)
    }
}

impl Engine {
    /// Counts all the charges if each is allowed, none otherwise. A counter that is named more
    /// than once is charged the sum, which each of its limits must allow.
    ///
    /// # Errors
    /// A [`Refusal`] where a counter would have to be created; nothing is counted.
    pub fn hit_many(
        &self,
        reader: &mut Reader<'_>,
        now_ms: u64,
        charges: &[(&[u8], Charge)],
    ) -> Result<ManyVerdict, Refusal> {
        let parts = Parts::of(reader, now_ms, charges);
        let ahead = parts.counts_ahead(reader);
        let looked = parts.verdicts(now_ms, charges, &ahead);
        if looked.denied_by.is_some() {
            return Ok(looked);
        }
        match self.charge_all(reader, now_ms, &parts.distinct)? {
            Ok(counts) => Ok(parts.verdicts(now_ms, charges, &counts)),
            Err(part) => {
                let ahead = parts.counts_ahead(reader);
                Ok(parts.verdicts(now_ms, charges, &ahead).turned_down(parts.first_of(part)))
            }
        }
    }

    /// Charges every part and returns the count of each; if one fails, gives back what was charged
    /// and names it.
    fn charge_all(
        &self,
        reader: &mut Reader<'_>,
        now_ms: u64,
        parts: &[Part<'_>],
    ) -> Result<Result<Vec<u64>, usize>, Refusal> {
        let mut counts = Vec::with_capacity(parts.len());
        for (at, part) in parts.iter().enumerate() {
            let failed = match self.charge(reader, now_ms, part) {
                Ok(Some(count)) => {
                    counts.push(count);
                    continue;
                }
                Ok(None) => Ok(Err(at)),
                Err(refusal) => Err(refusal),
            };
            for (part, count) in parts.iter().zip(counts) {
                // A count of 0 is one that the memory policy let pass uncounted.
                if count > 0
                    && part.increment > 0
                    && let Some(counter) = reader.find(&part.name)
                {
                    counter.refund(part.increment);
                }
            }
            return failed;
        }
        Ok(Ok(counts))
    }

    /// Charges one part; its count then (0 where the memory policy allows it uncounted), or `None`
    /// if it is denied.
    fn charge(
        &self,
        reader: &mut Reader<'_>,
        now_ms: u64,
        part: &Part<'_>,
    ) -> Result<Option<u64>, Refusal> {
        if part.increment == 0 {
            return Ok(Some(count_of(reader, &part.name)));
        }
        let admit = |current| part.weigh(now_ms, current) <= part.limit;
        let noted = |counter: &Counter<'_>, current: Option<u64>| {
            if let Some(current) = current {
                self.note_urgency(counter, part.limit, || part.weigh(now_ms, current));
            }
            current
        };
        let add =
            |counter: Counter<'_>| noted(&counter, counter.add_if(part.increment, admit).ok());
        if let Some(counter) = reader.find(&part.name) {
            return Ok(add(counter));
        }
        let hint = reader.hint(&part.name);
        match reader.find_or_insert(&part.name, hint, part.increment) {
            Ok((counter, true)) => Ok(noted(&counter, Some(part.increment))),
            Ok((counter, false)) => Ok(add(counter)),
            Err(refusal) => Ok(self.answer_new(refusal, true)?.then_some(0)),
        }
    }
}

/// The distinct counters of a call, and which charge names which.
struct Parts<'k> {
    distinct: Vec<Part<'k>>,
    part_of: Vec<usize>,
}

impl<'k> Parts<'k> {
    fn of(reader: &mut Reader<'_>, now_ms: u64, charges: &[(&'k [u8], Charge)]) -> Parts<'k> {
        let mut distinct: Vec<Part<'k>> = Vec::with_capacity(charges.len());
        let mut part_of = Vec::with_capacity(charges.len());
        for (key, Charge { series, increment, limit }) in charges {
            let same = |part: &Part<'_>| part.name.key == *key && part.name.series == *series;
            if let Some(at) = distinct.iter().position(same) {
                distinct[at].increment = distinct[at].increment.saturating_add(*increment);
                distinct[at].limit = distinct[at].limit.min(*limit);
                part_of.push(at);
                continue;
            }
            let name = Name::at(now_ms, *series, key);
            let previous = previous_of(reader, &name);
            part_of.push(distinct.len());
            distinct.push(Part { name, increment: *increment, limit: *limit, previous });
        }
        Parts { distinct, part_of }
    }

    /// The count of each part with its increment still to come.
    fn counts_ahead(&self, reader: &mut Reader<'_>) -> Vec<u64> {
        let ahead = |part: &Part<'_>| count_of(reader, &part.name).saturating_add(part.increment);
        self.distinct.iter().map(ahead).collect()
    }

    /// The first charge that names a part.
    fn first_of(&self, part: usize) -> usize {
        self.part_of.iter().position(|of| *of == part).unwrap_or_default()
    }

    /// The verdict on each charge, given each part's count with its increment.
    fn verdicts(&self, now_ms: u64, charges: &[(&[u8], Charge)], counts: &[u64]) -> ManyVerdict {
        let judge = |((_, charge), at): (&(&[u8], Charge), &usize)| {
            let (part, with) = (&self.distinct[*at], counts[*at]);
            let Part { name, increment, previous, .. } = *part;
            let attempt = Attempt { previous, with, left: with, increment, limit: charge.limit };
            name.series.kind.verdict(name.window, now_ms, &attempt)
        };
        let verdicts: Vec<Verdict> = charges.iter().zip(&self.part_of).map(judge).collect();
        ManyVerdict { denied_by: verdicts.iter().position(|verdict| !verdict.allowed), verdicts }
    }
}

impl ManyVerdict {
    /// The denial of a call that lost a race for limit `index`, whatever the counts say since.
    fn turned_down(mut self, index: usize) -> ManyVerdict {
        if self.denied_by.is_none() {
            self.denied_by = Some(index);
            if let Some(verdict) = self.verdicts.get_mut(index) {
                verdict.allowed = false;
                verdict.retry_after_ms = verdict.retry_after_ms.max(1);
            }
        }
        self
    }
}
