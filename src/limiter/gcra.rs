//! The generic cell rate algorithm, as redis-cell and throttlecrab answer it.
//!
//! Not here: where a cell is kept. A cell is one number, its theoretical arrival time (TAT,
//! nanoseconds since the epoch): how far the bucket is filled ahead of now. Both shapes keep the
//! same number, so they may share a cell. Invariant: a cell never holds more than its capacity
//! ahead of now, an idle one is an absent one, and no argument makes the arithmetic wrap.

mod reply;

use std::fmt;

/// Nanoseconds of a second.
const SECOND_NS: i64 = 1_000_000_000;
/// Nanoseconds of a microsecond.
const MICROSECOND_NS: i128 = 1_000;

/// Whose arithmetic and reply a quota follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Cell,
    Crab,
}

/// A rate and a burst.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    shape: Shape,
    /// Nanoseconds that one unit takes to drain.
    emission_ns: i64,
    /// Nanoseconds that the TAT may lie ahead of now: the capacity times the emission.
    tolerance_ns: i64,
    /// The capacity as the reply shows it.
    limit: i64,
}

impl Quota {
    /// redis-cell's quota: `max_burst + 1` at once, and `count` in `period_s` seconds. Negative
    /// numbers are taken as redis-cell takes them: with a `max_burst` below 0 nothing passes;
    /// `count` and `period_s` may both be negative, which cancels out; if one is, nothing passes
    /// or `decide` is an error.
    ///
    /// # Errors
    /// [`GcraError::ZeroRate`] where count, period or their quotient is 0 ns;
    /// [`GcraError::Overflow`] where redis-cell would wrap.
    pub fn cell(max_burst: i64, count: i64, period_s: i64) -> Result<Quota, GcraError> {
        let period_ns = i128::from(period_s) * i128::from(SECOND_NS);
        if count == 0 || period_ns == 0 {
            return Err(GcraError::ZeroRate);
        }
        let emission_ns = truncated(period_ns as f64 / count as f64);
        if emission_ns == 0 {
            return Err(GcraError::ZeroRate);
        }
        let limit = max_burst.checked_add(1).ok_or(GcraError::Overflow)?;
        let tolerance_ns = emission_ns.checked_mul(limit).ok_or(GcraError::Overflow)?;
        Ok(Quota { shape: Shape::Cell, emission_ns, tolerance_ns, limit })
    }

    /// throttlecrab's quota: `max_burst` at once, and `count` in `period_s` seconds. A rate above
    /// one in a nanosecond limits nothing, as there.
    ///
    /// # Errors
    /// [`GcraError::InvalidRate`] unless all three are above 0; [`GcraError::Overflow`] where
    /// throttlecrab would panic.
    pub fn crab(max_burst: i64, count: i64, period_s: i64) -> Result<Quota, GcraError> {
        if max_burst <= 0 || count <= 0 || period_s <= 0 {
            return Err(GcraError::InvalidRate);
        }
        let emission_ns = truncated(period_s as f64 * SECOND_NS as f64 / count as f64);
        let tolerance_ns = emission_ns.checked_mul(max_burst).ok_or(GcraError::Overflow)?;
        Ok(Quota { shape: Shape::Crab, emission_ns, tolerance_ns, limit: max_burst })
    }

    /// Nanoseconds that the TAT may lie ahead of now.
    pub fn tolerance_ns(&self) -> i64 {
        self.tolerance_ns
    }

    /// Decides on `quantity` units at `now_ns` for a cell that holds `tat_ns`; a TAT that is not
    /// ahead of now counts as none. A quantity of 0 looks. redis-cell takes a negative one as a
    /// refund: the TAT moves back, but here no further than to now (redis-cell then answers an
    /// error and leaves the same cell behind).
    ///
    /// # Errors
    /// [`GcraError::Overflow`] where redis-cell would wrap; [`GcraError::NegativeRate`] where a
    /// negative rate would move the TAT into the past (redis-cell: its own text);
    /// [`GcraError::NegativeQuantity`] from throttlecrab's shape. The cell is then unchanged.
    pub fn decide(
        &self,
        tat_ns: Option<u64>,
        now_ns: u64,
        quantity: i64,
    ) -> Result<Decision, GcraError> {
        let now = i128::from(now_ns);
        let tat = tat_ns.map_or(now, i128::from).max(now);
        let increment = self.increment(quantity)?;
        let mut new_tat = tat + increment;
        let wait = new_tat - i128::from(self.tolerance_ns) - now;
        if wait > 0 {
            return Ok(self.denied(tat - now, wait, increment));
        }
        if new_tat < now {
            if self.emission_ns < 0 {
                return Err(GcraError::NegativeRate);
            }
            new_tat = now;
        }
        let stored = u64::try_from(new_tat).map_err(|_| GcraError::Overflow)?;
        let ahead = new_tat - now;
        Ok(Decision {
            limited: false,
            new_tat_ns: (new_tat != tat).then_some(stored),
            retry_after_ns: None,
            ..self.state(ahead)
        })
    }

    /// Nanoseconds that `quantity` units add to the TAT.
    fn increment(&self, quantity: i64) -> Result<i128, GcraError> {
        match self.shape {
            Shape::Cell => {
                self.emission_ns.checked_mul(quantity).map(i128::from).ok_or(GcraError::Overflow)
            }
            Shape::Crab if quantity < 0 => Err(GcraError::NegativeQuantity(quantity)),
            // throttlecrab saturates; the product of two i64 fits in 128 bits.
            Shape::Crab => Ok(i128::from(self.emission_ns) * i128::from(quantity)),
        }
    }

    fn denied(&self, ahead: i128, wait: i128, increment: i128) -> Decision {
        let possible = increment <= i128::from(self.tolerance_ns);
        // throttlecrab has no "never": its wait is then as long as the quantity asks for.
        let told = possible || self.shape == Shape::Crab;
        Decision {
            limited: true,
            new_tat_ns: None,
            retry_after_ns: told.then_some(saturated(wait)),
            ..self.state(ahead)
        }
    }

    /// The part of a decision that follows from how far the TAT is ahead of now.
    fn state(&self, ahead: i128) -> Decision {
        let (remaining, reset_after) = match self.shape {
            Shape::Cell => (self.cell_remaining(ahead), ahead),
            Shape::Crab => (self.crab_remaining(ahead), self.crab_reset(ahead)),
        };
        Decision {
            shape: self.shape,
            limited: false,
            limit: self.limit,
            remaining,
            new_tat_ns: None,
            ttl_ns: saturated(ahead),
            retry_after_ns: None,
            reset_after_ns: saturated(reset_after),
        }
    }

    /// redis-cell divides whole microseconds as floats: a rate of more than one in a microsecond
    /// divides by zero, and what remains is then `i64::MAX`, or 0 where nothing does.
    fn cell_remaining(&self, ahead: i128) -> i64 {
        let next = i128::from(self.tolerance_ns) - ahead;
        if next <= -i128::from(self.emission_ns) {
            return 0;
        }
        let emission_us = i128::from(self.emission_ns) / MICROSECOND_NS;
        truncated((next / MICROSECOND_NS) as f64 / emission_us as f64)
    }

    fn crab_remaining(&self, ahead: i128) -> i64 {
        if self.emission_ns == 0 {
            return 0;
        }
        let room = i128::from(self.tolerance_ns) - ahead;
        saturated((room / i128::from(self.emission_ns)).max(0))
    }

    /// throttlecrab counts its TAT one emission earlier and its reset one tolerance later.
    fn crab_reset(&self, ahead: i128) -> i128 {
        let emission = i128::from(self.emission_ns);
        (ahead - emission + i128::from(self.tolerance_ns) - emission).max(0)
    }
}

/// The answer to one call, and what becomes of the cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    shape: Shape,
    /// The call is denied.
    pub limited: bool,
    /// The capacity (redis-cell: max_burst + 1; throttlecrab: max_burst).
    pub limit: i64,
    /// Units that could pass now.
    pub remaining: i64,
    /// The TAT to keep, nanoseconds since the epoch; `None` = the cell stays as it is, be it
    /// absent. With a `ttl_ns` of 0 the cell is empty and may be dropped.
    pub new_tat_ns: Option<u64>,
    /// Nanoseconds until the cell is empty, at least 0: it need not be kept longer.
    pub ttl_ns: i64,
    /// Nanoseconds until the same call passes; `None` if it is allowed, or never can pass.
    pub retry_after_ns: Option<i64>,
    /// Nanoseconds that the reply gives as its reset time.
    pub reset_after_ns: i64,
}

/// Why there is no decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GcraError {
    /// The rate is 0 (redis-cell).
    ZeroRate,
    /// Numbers too large for the arithmetic.
    Overflow,
    /// A negative rate would move the TAT into the past (redis-cell).
    NegativeRate,
    /// A parameter is 0 or less (throttlecrab).
    InvalidRate,
    /// The quantity, shown here, is below 0 (throttlecrab).
    NegativeQuantity(i64),
}

impl fmt::Display for GcraError {
    /// The whole error reply behind the `-`. redis-cell wraps each error twice, as `Cell error: `
    /// and `Store error: `; throttlecrab's server once, as `ERR Rate limit check failed: `. For
    /// `Overflow` neither has a text, so it is redis-cell's form with our own words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const CELL: &str = "Cell error: Store error:";
        const CRAB: &str = "ERR Rate limit check failed:";
        match self {
            GcraError::ZeroRate => write!(f, "{CELL} Zero rates are not supported"),
            GcraError::Overflow => write!(f, "{CELL} Numbers are too large"),
            GcraError::NegativeRate => write!(f, "{CELL} Error while setting key expire"),
            GcraError::InvalidRate => write!(f, "{CRAB} invalid rate limit parameters"),
            GcraError::NegativeQuantity(n) => write!(f, "{CRAB} negative quantity: {n}"),
        }
    }
}

impl std::error::Error for GcraError {}

/// The integer part; NaN is 0, what lies outside the range is its end.
#[allow(clippy::cast_possible_truncation, reason = "truncating is what the two servers do")]
fn truncated(value: f64) -> i64 {
    value as i64
}

fn saturated(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests;
