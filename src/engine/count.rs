//! Counting in windows: hit, check, and Hammer's inc, get, set, expires_at; refund and reset.

use super::Engine;
use crate::limiter::{Attempt, Kind, Verdict, Window, sliding};
use crate::store::{Counter, Hint, Name, Reader, Refusal, Reset, Series};

/// What a call asks to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charge {
    /// Kind and scale.
    pub series: Series,
    /// How much, at most [`INCREMENT_MAX`](crate::limiter::INCREMENT_MAX).
    pub increment: u64,
    /// How much a window may hold.
    pub limit: u64,
}

/// How a hit treats a denial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hit {
    /// Every hit counts, a denied one too (Hammer's semantics).
    Always,
    /// A denied hit leaves the count alone.
    IfAllowed,
}

/// The count that verdicts compare with the limit.
pub(super) fn weigh(kind: Kind, window: Window, now_ms: u64, previous: u64, current: u64) -> u64 {
    match kind {
        Kind::Fixed => current,
        Kind::Sliding => sliding::estimate(window, now_ms, previous, current),
    }
}

/// The count of a counter, 0 if it does not exist.
pub(super) fn count_of(reader: &mut Reader<'_>, name: &Name<'_>) -> u64 {
    reader.find(name).map_or(0, |counter| counter.count())
}

/// The previous window's count where it weighs in.
pub(super) fn previous_of(reader: &mut Reader<'_>, name: &Name<'_>) -> u64 {
    match name.series.kind {
        Kind::Fixed => 0,
        Kind::Sliding => name.previous().map_or(0, |previous| count_of(reader, &previous)),
    }
}

impl Engine {
    /// Counts a hit and says whether it is allowed.
    ///
    /// # Errors
    /// A [`Refusal`] where a counter would have to be created; nothing is counted.
    pub fn hit(
        &self,
        reader: &mut Reader<'_>,
        now_ms: u64,
        key: &[u8],
        charge: &Charge,
        mode: Hit,
    ) -> Result<Verdict, Refusal> {
        let name = Name::at(now_ms, charge.series, key);
        let hint = reader.hint(&name);
        match mode {
            Hit::Always if charge.increment > 0 => self.hit_at(reader, now_ms, &name, hint, charge),
            Hit::IfAllowed if charge.increment > 0 => {
                self.hit_if_allowed(reader, now_ms, &name, hint, charge)
            }
            _ => Ok(self.check(reader, now_ms, key, charge)),
        }
    }

    /// [`Engine::hit`] that always counts, through a hint of [`Reader::locate`].
    #[inline]
    pub fn hit_at(
        &self,
        reader: &mut Reader<'_>,
        now_ms: u64,
        name: &Name<'_>,
        hint: Hint,
        charge: &Charge,
    ) -> Result<Verdict, Refusal> {
        let previous = previous_of(reader, name);
        let note = |counter: &Counter<'_>, current| {
            let weighed = || weigh(name.series.kind, name.window, now_ms, previous, current);
            self.note_urgency(counter, charge.limit, weighed);
        };
        let found = reader.find_at(name, hint).map(|counter| {
            let current = counter.add(charge.increment);
            note(&counter, current);
            current
        });
        let current = match found {
            Some(current) => current,
            None => match self.create(reader, name, hint, charge.increment, note) {
                Ok(current) => current,
                Err(refusal) => {
                    return self.without_counter(now_ms, name, charge, previous, refusal);
                }
            },
        };
        Ok(self.verdict(now_ms, name, charge, Counts { previous, with: current, left: current }))
    }

    fn hit_if_allowed(
        &self,
        reader: &mut Reader<'_>,
        now_ms: u64,
        name: &Name<'_>,
        hint: Hint,
        charge: &Charge,
    ) -> Result<Verdict, Refusal> {
        let previous = previous_of(reader, name);
        let admit = |current| {
            weigh(name.series.kind, name.window, now_ms, previous, current) <= charge.limit
        };
        let noted = |counter: &Counter<'_>, outcome: Result<u64, u64>| {
            if let Ok(current) = outcome {
                let weighed = || weigh(name.series.kind, name.window, now_ms, previous, current);
                self.note_urgency(counter, charge.limit, weighed);
            }
            outcome
        };
        let add = |counter: Counter<'_>| noted(&counter, counter.add_if(charge.increment, admit));
        let outcome = match reader.find_at(name, hint).map(add) {
            Some(outcome) => outcome,
            None if !admit(charge.increment) => Err(0),
            None => match reader.find_or_insert(name, hint, charge.increment) {
                Ok((counter, true)) => noted(&counter, Ok(charge.increment)),
                Ok((counter, false)) => add(counter),
                Err(refusal) => {
                    return self.without_counter(now_ms, name, charge, previous, refusal);
                }
            },
        };
        let counts = match outcome {
            Ok(with) => Counts { previous, with, left: with },
            Err(left) => Counts { previous, with: left.saturating_add(charge.increment), left },
        };
        Ok(self.verdict(now_ms, name, charge, counts))
    }

    /// Counts in a counter that was not found; returns its count, of which `note` is told too.
    fn create(
        &self,
        reader: &mut Reader<'_>,
        name: &Name<'_>,
        hint: Hint,
        increment: u64,
        note: impl FnOnce(&Counter<'_>, u64),
    ) -> Result<u64, Refusal> {
        let (counter, fresh) = reader.find_or_insert(name, hint, increment)?;
        let current = if fresh { increment } else { counter.add(increment) };
        note(&counter, current);
        Ok(current)
    }

    /// The policy's verdict where the counter could not be created.
    fn without_counter(
        &self,
        now_ms: u64,
        name: &Name<'_>,
        charge: &Charge,
        previous: u64,
        refusal: Refusal,
    ) -> Result<Verdict, Refusal> {
        // No policy lets pass what an empty counter would deny: a limit of 0 blocks in a flood too,
        // and the previous window of a sliding counter is not forgotten.
        let counts = Counts { previous, with: charge.increment, left: 0 };
        let verdict = self.verdict(now_ms, name, charge, counts);
        let allowed = self.answer_new(refusal, verdict.allowed)?;
        if !verdict.allowed {
            return Ok(verdict);
        }
        let reset_after_ms = name.window.left_ms(now_ms);
        Ok(Verdict {
            allowed,
            count: 0,
            remaining: if allowed { charge.limit } else { 0 },
            retry_after_ms: if allowed {
                0
            } else {
                i64::try_from(reset_after_ms.max(1)).unwrap_or(i64::MAX)
            },
            reset_after_ms,
        })
    }

    fn verdict(&self, now_ms: u64, name: &Name<'_>, charge: &Charge, counts: Counts) -> Verdict {
        let Counts { previous, with, left } = counts;
        let Charge { increment, limit, .. } = *charge;
        let attempt = Attempt { previous, with, left, increment, limit };
        name.series.kind.verdict(name.window, now_ms, &attempt)
    }

    /// The verdict that a hit would get now; nothing is written.
    pub fn check(
        &self,
        reader: &mut Reader<'_>,
        now_ms: u64,
        key: &[u8],
        charge: &Charge,
    ) -> Verdict {
        let name = Name::at(now_ms, charge.series, key);
        let previous = previous_of(reader, &name);
        let with = count_of(reader, &name).saturating_add(charge.increment);
        self.verdict(now_ms, &name, charge, Counts { previous, with, left: with })
    }

    /// Counts without a limit; returns the count that a verdict would compare.
    ///
    /// # Errors
    /// A [`Refusal`] where a counter would have to be created; nothing is counted.
    pub fn increment(
        &self,
        reader: &mut Reader<'_>,
        now_ms: u64,
        key: &[u8],
        series: Series,
        increment: u64,
    ) -> Result<u64, Refusal> {
        let name = Name::at(now_ms, series, key);
        if increment == 0 {
            return Ok(self.get(reader, now_ms, key, series));
        }
        let hint = reader.hint(&name);
        let found = reader.find_at(&name, hint).map(|counter| counter.add(increment));
        let current = match found {
            Some(current) => current,
            None => self
                .create(reader, &name, hint, increment, |_, _| {})
                .map_err(|refusal| self.refuse(refusal))?,
        };
        let previous = previous_of(reader, &name);
        Ok(weigh(series.kind, name.window, now_ms, previous, current))
    }

    /// The count that a verdict would compare, 0 if there is no counter.
    pub fn get(&self, reader: &mut Reader<'_>, now_ms: u64, key: &[u8], series: Series) -> u64 {
        let name = Name::at(now_ms, series, key);
        let previous = previous_of(reader, &name);
        let current = count_of(reader, &name);
        weigh(series.kind, name.window, now_ms, previous, current)
    }

    /// The count of the window at `now_ms` alone, whatever its kind.
    pub fn count_in_window(
        &self,
        reader: &mut Reader<'_>,
        now_ms: u64,
        key: &[u8],
        series: Series,
    ) -> u64 {
        count_of(reader, &Name::at(now_ms, series, key))
    }

    /// Sets the current window's count; a sliding counter's previous window is forgotten, so that
    /// [`Engine::get`] then answers `count`.
    ///
    /// # Errors
    /// A [`Refusal`] where a counter would have to be created; nothing is set.
    pub fn set(
        &self,
        reader: &mut Reader<'_>,
        now_ms: u64,
        key: &[u8],
        series: Series,
        count: u64,
    ) -> Result<(), Refusal> {
        let name = Name::at(now_ms, series, key);
        let stamp = self.stamp(now_ms);
        if let Some(previous) = name.previous().filter(|_| series.kind == Kind::Sliding) {
            self.void(reader, &previous, stamp);
        }
        if count == 0 {
            self.void(reader, &name, stamp);
            return Ok(());
        }
        let hint = reader.hint(&name);
        let (counter, fresh) =
            reader.find_or_insert(&name, hint, count).map_err(|refusal| self.refuse(refusal))?;
        // Others may have counted what has not come here yet: the stamp wins over that too.
        if !fresh || self.replicates() {
            counter.replace(count, stamp);
        }
        Ok(())
    }

    /// Sets a counter to 0, here and where it has been counted unseen; returns what it was here.
    fn void(&self, reader: &mut Reader<'_>, name: &Name<'_>, stamp: u64) -> u64 {
        if let Some(counter) = reader.find(name) {
            return counter.replace(0, stamp);
        }
        if self.replicates() {
            // Others may hold counts that have not come here yet. Without room for the mark they
            // stay, which INFO counts as a refusal.
            let marked = self.windows.reset_unseen(name, stamp);
            let _ = marked.map_err(|refusal| self.refuse(refusal));
        }
        0
    }

    /// When the counter ceases to exist, ms since the epoch; 0 if there is none.
    pub fn expires_at_ms(
        &self,
        reader: &mut Reader<'_>,
        now_ms: u64,
        key: &[u8],
        series: Series,
    ) -> u64 {
        self.live_windows(now_ms, key, series)
            .find(|name| count_of(reader, name) > 0)
            .map_or(0, |name| series.expires_ms(name.window))
    }

    /// Gives back at most `amount` and at most the count in the current window; returns the count
    /// that a verdict would compare.
    pub fn refund(
        &self,
        reader: &mut Reader<'_>,
        now_ms: u64,
        key: &[u8],
        series: Series,
        amount: u64,
    ) -> u64 {
        let name = Name::at(now_ms, series, key);
        let current = reader.find(&name).map_or(0, |counter| counter.refund(amount));
        let previous = previous_of(reader, &name);
        weigh(series.kind, name.window, now_ms, previous, current)
    }

    /// Forgets the key's counters of these series; returns how many there were.
    pub fn reset(
        &self,
        reader: &mut Reader<'_>,
        now_ms: u64,
        key: &[u8],
        series: impl IntoIterator<Item = Series>,
    ) -> u64 {
        let stamp = self.stamp(now_ms);
        let mut forgotten = 0;
        for series in series {
            for name in self.live_windows(now_ms, key, series) {
                forgotten += u64::from(self.void(reader, &name, stamp) > 0);
            }
        }
        forgotten
    }

    /// Forgets all the key's counters; returns how many there were. In a cluster those of series
    /// that this node does not know are forgotten too.
    pub fn reset_all(&self, reader: &mut Reader<'_>, now_ms: u64, key: &[u8]) -> u64 {
        let series = self.series(now_ms);
        let stamp = self.stamp(now_ms);
        if self.replicates() {
            let ends = series.iter().map(|series| series.expires_ms(series.window(now_ms)));
            let until_ms = ends.max().unwrap_or(now_ms);
            let reset = Reset { stamp, until_ms, carried: None, told: false };
            self.windows.supply().resets.keep(key, reset);
            self.cells.void_below(key, stamp);
        }
        let live = |series: &Series| self.live_windows(now_ms, key, *series);
        let names: Vec<Name<'_>> = series.iter().flat_map(live).collect();
        let forget = |name: &Name<'_>| {
            reader.find(name).is_some_and(|counter| counter.replace(0, stamp) > 0)
        };
        names.iter().map(forget).filter(|forgotten| *forgotten).count() as u64
    }

    /// The names that a key's counters of one series can have now, the latest first.
    pub(super) fn live_windows<'k>(
        &self,
        now_ms: u64,
        key: &'k [u8],
        series: Series,
    ) -> impl Iterator<Item = Name<'k>> + use<'k> {
        let current = Name::at(now_ms, series, key);
        let previous = current.previous().filter(|_| series.kind == Kind::Sliding);
        std::iter::once(current).chain(previous)
    }

    /// The stamp of a SET or RESET at `now_ms`: milliseconds above 16 bits that tell nodes apart.
    pub(super) fn stamp(&self, now_ms: u64) -> u64 {
        now_ms.min(u64::MAX >> 16) << 16 | u64::from(self.stamp_tag)
    }
}

/// What the store holds around an attempt.
struct Counts {
    previous: u64,
    with: u64,
    left: u64,
}
