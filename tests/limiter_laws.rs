//! Laws of the limiters, against plain models and over random schedules.

#![allow(clippy::unwrap_used, reason = "a helper of a test ends the test")]

use std::collections::HashMap;

use proptest::collection::vec;
use proptest::prelude::*;
use ratel::limiter::gcra::Quota;
use ratel::limiter::{Attempt, Kind, Scale, Verdict, Window};

/// What a store would keep of one key, and the calls as the commands make them.
#[derive(Clone, Default)]
struct Counter(HashMap<u64, u64>);

#[derive(Clone, Copy, Debug)]
struct Call {
    kind: Kind,
    scale: Scale,
    increment: u64,
    limit: u64,
    /// A denial is counted too.
    charged: bool,
}

impl Counter {
    fn hit(&mut self, call: Call, now_ms: u64) -> Verdict {
        let window = Window::at(now_ms, call.scale);
        let before = self.0.get(&window.index).copied().unwrap_or(0);
        let previous = window.previous().and_then(|w| self.0.get(&w.index).copied()).unwrap_or(0);
        let with = before + call.increment;
        let left = if call.charged { with } else { before };
        let Call { increment, limit, .. } = call;
        let attempt = Attempt { previous, with, left, increment, limit };
        let verdict = call.kind.verdict(window, now_ms, &attempt);
        self.0.insert(window.index, if verdict.allowed { with } else { left });
        verdict
    }

    /// Whether the call would pass at `now_ms`; nothing is kept.
    fn passes(&self, call: Call, now_ms: u64) -> bool {
        self.clone().hit(call, now_ms).allowed
    }
}

fn call() -> impl Strategy<Value = Call> {
    let kind = prop_oneof![Just(Kind::Fixed), Just(Kind::Sliding)];
    (kind, 1_u64..300, 0_u64..12, 0_u64..40, any::<bool>()).prop_map(
        |(kind, scale_ms, increment, limit, charged)| Call {
            kind,
            scale: Scale::new(scale_ms).unwrap(),
            increment,
            limit,
            charged,
        },
    )
}

/// Steps of time and increments of calls.
fn schedule() -> impl Strategy<Value = Vec<(u64, u64)>> {
    vec((0_u64..120, 0_u64..12), 1..60)
}

/// Hammer's answer to a hit.
#[derive(Debug, PartialEq)]
enum Hammer {
    Allow(u64),
    Deny(u64),
}

proptest! {
    #[test]
    fn fixed_hits_answer_as_hammer_does(
        scale_ms in 1_u64..300,
        limit in 0_u64..40,
        start_ms in 0_u64..1_000_000,
        steps in schedule(),
    ) {
        let scale = Scale::new(scale_ms).unwrap();
        let mut counter = Counter::default();
        let mut hammer: HashMap<u64, u64> = HashMap::new();
        let mut now_ms = start_ms;
        for (step_ms, increment) in steps {
            now_ms += step_ms;
            let row = hammer.entry(now_ms / scale_ms).or_insert(0);
            *row += increment;
            let expected = if *row <= limit {
                Hammer::Allow(*row)
            } else {
                Hammer::Deny((now_ms / scale_ms + 1) * scale_ms - now_ms)
            };
            let call = Call { kind: Kind::Fixed, scale, increment, limit, charged: true };
            let verdict = counter.hit(call, now_ms);
            prop_assert_eq!(verdict.count, *row);
            prop_assert_eq!(verdict.remaining, limit - (*row).min(limit));
            let seen = if verdict.allowed {
                Hammer::Allow(verdict.count)
            } else {
                Hammer::Deny(verdict.reset_after_ms)
            };
            prop_assert_eq!(seen, expected);
        }
    }

    #[test]
    fn sliding_hits_answer_as_a_plain_model_does(
        scale_ms in 1_u64..300,
        limit in 0_u64..40,
        start_ms in 0_u64..1_000_000,
        charged in any::<bool>(),
        steps in schedule(),
    ) {
        let scale = Scale::new(scale_ms).unwrap();
        let mut counter = Counter::default();
        let mut hits: Vec<(u64, u64)> = Vec::new();
        let mut now_ms = start_ms;
        for (step_ms, increment) in steps {
            now_ms += step_ms;
            let index = now_ms / scale_ms;
            let sum = |of: u64| -> u64 {
                hits.iter().filter(|(ms, _)| ms / scale_ms == of).map(|(_, n)| n).sum()
            };
            let previous = index.checked_sub(1).map_or(0, sum);
            // previous * uncovered / scale by repeated subtraction: no division to share.
            let (mut product, mut share) = (previous * (scale_ms - now_ms % scale_ms), 0);
            while product >= scale_ms {
                product -= scale_ms;
                share += 1;
            }
            let before = share + sum(index);
            let allowed = before + increment <= limit;
            let counted = allowed || charged;
            let call = Call { kind: Kind::Sliding, scale, increment, limit, charged };
            let verdict = counter.hit(call, now_ms);
            prop_assert_eq!(verdict.allowed, allowed);
            prop_assert_eq!(verdict.count, before + if counted { increment } else { 0 });
            if counted {
                hits.push((now_ms, increment));
            }
        }
    }

    #[test]
    fn a_denied_call_passes_at_its_retry_and_not_before(
        steps in vec((0_u64..120, call()), 1..25),
        scale_ms in 1_u64..300,
        kind in prop_oneof![Just(Kind::Fixed), Just(Kind::Sliding)],
        start_ms in 0_u64..1_000_000,
    ) {
        let scale = Scale::new(scale_ms).unwrap();
        let mut counter = Counter::default();
        let mut now_ms = start_ms;
        for (step_ms, call) in steps {
            now_ms += step_ms;
            let call = Call { kind, scale, ..call };
            let verdict = counter.hit(call, now_ms);
            prop_assert_eq!(verdict.allowed, verdict.retry_after_ms == 0);
            if verdict.allowed {
                continue;
            }
            let Ok(retry_ms) = u64::try_from(verdict.retry_after_ms) else {
                prop_assert_eq!(verdict.retry_after_ms, -1);
                prop_assert!(call.increment > call.limit);
                prop_assert!(!counter.passes(call, now_ms + 10 * scale_ms));
                continue;
            };
            prop_assert!(call.increment <= call.limit);
            prop_assert!(counter.passes(call, now_ms + retry_ms));
            for earlier_ms in 1..retry_ms {
                prop_assert!(!counter.passes(call, now_ms + earlier_ms), "{} ms", earlier_ms);
            }
        }
    }

    #[test]
    fn a_retry_of_large_numbers_is_exact(
        previous in 0_u64..1 << 62,
        before in 0_u64..1 << 62,
        increment in 0_u64..1 << 48,
        limit in 0_u64..1 << 62,
        scale_ms in 1_u64..=ratel::limiter::SCALE_MAX_MS,
        now_ms in 0_u64..1 << 45,
        charged in any::<bool>(),
    ) {
        let scale = Scale::new(scale_ms).unwrap();
        let index = now_ms / scale_ms;
        let mut counter = Counter::default();
        counter.0.insert(index, before);
        if let Some(last) = index.checked_sub(1) {
            counter.0.insert(last, previous);
        }
        let call = Call { kind: Kind::Sliding, scale, increment, limit, charged };
        let verdict = counter.hit(call, now_ms);
        if let Ok(retry_ms @ 1..) = u64::try_from(verdict.retry_after_ms) {
            prop_assert!(counter.passes(call, now_ms + retry_ms));
            prop_assert!(retry_ms == 1 || !counter.passes(call, now_ms + retry_ms - 1));
        }
    }
}

const START_NS: u64 = 1_700_000_000_000_000_000;

/// Capacity, emission (ns) and the quota of either shape.
fn quota() -> impl Strategy<Value = (u64, u64, Quota)> {
    (1_i64..20, 1_i64..200, 1_i64..100, any::<bool>()).prop_map(
        |(capacity, count, period_s, cell)| {
            let quota = if cell {
                Quota::cell(capacity - 1, count, period_s)
            } else {
                Quota::crab(capacity, count, period_s)
            };
            let emission_ns = u64::try_from(period_s * 1_000_000_000 / count).unwrap();
            (u64::try_from(capacity).unwrap(), emission_ns, quota.unwrap())
        },
    )
}

proptest! {
    #[test]
    fn gcra_admits_its_burst_and_what_drains_and_no_more(
        (capacity, emission_ns, quota) in quota(),
        steps in vec((0_u64..4_000_000_000, 0_i64..8), 1..80),
    ) {
        let mut tat_ns = None;
        let mut now_ns = START_NS;
        // (when, units) of the calls that passed.
        let mut passed: Vec<(u64, u64)> = Vec::new();
        for (step_ns, quantity) in steps {
            now_ns += step_ns;
            let decision = quota.decide(tat_ns, now_ns, quantity).unwrap();
            tat_ns = decision.new_tat_ns.or(tat_ns);
            if !decision.limited {
                passed.push((now_ns, u64::try_from(quantity).unwrap()));
            }
            // Over every span that ends here, not only the whole.
            let mut units = 0;
            for (at_ns, quantity) in passed.iter().rev() {
                units += quantity;
                let drained = (now_ns - at_ns) / emission_ns;
                let bound = capacity + drained;
                prop_assert!(units <= bound, "{} of {} units", units, bound);
            }
        }
    }

    #[test]
    fn gcra_waits_are_honest(
        (capacity, emission_ns, quota) in quota(),
        taken in 0_u64..20,
        quantity in 1_u64..20,
        age_ns in 0_u64..2_000_000_000,
    ) {
        let tat_ns = Some(START_NS + taken.min(capacity) * emission_ns);
        let now_ns = START_NS + age_ns;
        let passes = |at_ns: u64| {
            let quantity = i64::try_from(quantity).unwrap();
            !quota.decide(tat_ns, at_ns, quantity).unwrap().limited
        };
        let decision = quota.decide(tat_ns, now_ns, i64::try_from(quantity).unwrap()).unwrap();
        let is_cell = decision.to_reply()[0] == i64::from(decision.limited);
        let Some(retry_ns) = decision.retry_after_ns else {
            prop_assert_eq!(decision.limited, quantity > capacity);
            prop_assert!(!decision.limited || !passes(now_ns + 1_000_000_000_000_000));
            return Ok(());
        };
        prop_assert!(decision.limited);
        if quantity > capacity {
            prop_assert!(!is_cell);
            return Ok(());
        }
        let retry_ns = u64::try_from(retry_ns).unwrap();
        prop_assert!(passes(now_ns + retry_ns));
        prop_assert!(!passes(now_ns + retry_ns - 1));
        if is_cell {
            // Rounded up to a second, but for a rest below a millisecond.
            let told_ns = u64::try_from(decision.to_reply()[3]).unwrap() * 1_000_000_000;
            prop_assert!(passes(now_ns + told_ns + 999_999));
        }
    }

    #[test]
    fn what_remains_is_what_passes(
        (capacity, emission_ns, quota) in quota(),
        taken_ns in 0_u64..2_000_000_000_000,
    ) {
        let tat_ns = Some(START_NS + taken_ns.min(capacity * emission_ns));
        let passes = |units: i64| !quota.decide(tat_ns, START_NS, units).unwrap().limited;
        let remaining = quota.decide(tat_ns, START_NS, 0).unwrap().remaining;
        // redis-cell divides whole microseconds: a finer emission may tell one unit too many.
        let sure = if emission_ns % 1_000 == 0 { remaining } else { (remaining - 1).max(0) };
        prop_assert!(passes(sure));
        prop_assert!(!passes(remaining + 1));
    }

    #[test]
    fn an_idle_cell_passes_its_burst_and_no_more(
        (capacity, emission_ns, quota) in quota(),
        first in 1_i64..20,
        idle_ns in 0_u64..1_000_000_000_000,
    ) {
        let mut tat_ns = quota.decide(None, START_NS, first).unwrap().new_tat_ns;
        let now_ns = START_NS + capacity * emission_ns + idle_ns;
        let mut passed = 0;
        for _ in 0..3 * capacity {
            let decision = quota.decide(tat_ns, now_ns, 1).unwrap();
            tat_ns = decision.new_tat_ns.or(tat_ns);
            passed += u64::from(!decision.limited);
        }
        prop_assert_eq!(passed, capacity);
    }

    #[test]
    fn no_number_makes_gcra_panic(
        burst in any::<i64>(), burst_shift in 0_u32..64,
        count in any::<i64>(), count_shift in 0_u32..64,
        period_s in any::<i64>(), period_shift in 0_u32..64,
        quantity in any::<i64>(), quantity_shift in 0_u32..64,
        tat_ns in any::<Option<u64>>(),
        now_ns in any::<u64>(),
    ) {
        let (burst, count) = (burst >> burst_shift, count >> count_shift);
        let period_s = period_s >> period_shift;
        for quota in [Quota::cell(burst, count, period_s), Quota::crab(burst, count, period_s)] {
            let Ok(quota) = quota else { continue };
            if let Ok(decision) = quota.decide(tat_ns, now_ns, quantity >> quantity_shift) {
                decision.to_reply();
                prop_assert!(decision.ttl_ns >= 0);
                prop_assert!(!(decision.limited && decision.new_tat_ns.is_some()));
            }
        }
    }
}
