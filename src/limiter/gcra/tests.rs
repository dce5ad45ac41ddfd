//! redis-cell's own vectors, throttlecrab's, and the edges of both.

use super::*;

const NOW_NS: u64 = 1_700_000_000_123_456_789;
const MS: i64 = 1_000_000;

/// A cell, as a store would keep it.
#[derive(Default)]
struct Kept(Option<u64>);

impl Kept {
    fn call(&mut self, quota: Quota, at_ms: u64, quantity: i64) -> Decision {
        let now_ns = NOW_NS + at_ms * 1_000_000;
        let decision = quota.decide(self.0, now_ns, quantity).unwrap();
        if let Some(tat_ns) = decision.new_tat_ns {
            self.0 = Some(tat_ns);
        }
        decision
    }
}

#[test]
fn the_vectors_of_redis_cell_hold() {
    let quota = Quota::cell(4, 1, 1).unwrap();
    let mut cell = Kept::default();
    // (at_ms, quantity, remaining, reset_after_ms, retry_after_ms, limited)
    for (case, (at_ms, quantity, remaining, reset_ms, retry_ms, limited)) in [
        (0, 6, 5, 0, None, true),
        (0, 1, 4, 1000, None, false),
        (0, 1, 3, 2000, None, false),
        (0, 1, 2, 3000, None, false),
        (0, 1, 1, 4000, None, false),
        (0, 1, 0, 5000, None, false),
        (0, 1, 0, 5000, Some(1000), true),
        (3000, 1, 2, 3000, None, false),
        (3100, 1, 1, 3900, None, false),
        (4000, 1, 1, 4000, None, false),
        (8000, 1, 4, 1000, None, false),
        (9500, 1, 4, 1000, None, false),
        (9500, 0, 4, 1000, None, false),
        (9500, 2, 2, 3000, None, false),
        (9500, 5, 2, 3000, Some(3000), true),
    ]
    .into_iter()
    .enumerate()
    {
        let decision = cell.call(quota, at_ms, quantity);
        assert_eq!(decision.limited, limited, "case {case}");
        assert_eq!(decision.limit, 5, "case {case}");
        assert_eq!(decision.remaining, remaining, "case {case}");
        assert_eq!(decision.reset_after_ns, reset_ms * MS, "case {case}");
        assert_eq!(decision.retry_after_ns, retry_ms.map(|ms: i64| ms * MS), "case {case}");
    }
}

#[test]
fn the_end_to_end_test_of_redis_cell_holds() {
    let quota = Quota::cell(0, 1, 2).unwrap();
    let mut cell = Kept::default();
    assert_eq!(cell.call(quota, 0, 1).to_reply(), [0, 1, 0, -1, 2]);
    assert_eq!(cell.call(quota, 0, 1).to_reply(), [1, 1, 0, 2, 2]);
    assert_eq!(cell.call(quota, 1999, 1).to_reply(), [1, 1, 0, 1, 1]);
    assert_eq!(cell.call(quota, 2000, 1).to_reply(), [0, 1, 0, -1, 2]);
}

#[test]
fn rates_of_redis_cell_are_float_quotients_cut_to_nanoseconds() {
    for (count, period_s, emission_ns) in [
        (24, 86_400, 3_600_000_000_000),
        (6, 60, 10_000_000_000),
        (5, 1, 200_000_000),
        (3, 1, 333_333_333),
        (1_000_000_000, 1, 1),
        (-3, -1, 333_333_333),
        (-5, 1, -200_000_000),
    ] {
        assert_eq!(Quota::cell(0, count, period_s).unwrap().emission_ns, emission_ns);
    }
    for (count, period_s) in [(0, 1), (1, 0), (0, 0), (1_000_000_001, 1), (i64::MIN, 1)] {
        assert_eq!(Quota::cell(10, count, period_s), Err(GcraError::ZeroRate));
    }
}

#[test]
fn a_rate_above_one_in_a_microsecond_divides_by_zero_as_in_redis_cell() {
    let quota = Quota::cell(10_000, 10_000_000, 1).unwrap();
    assert_eq!(quota.emission_ns, 100);
    let mut cell = Kept::default();
    assert_eq!(cell.call(quota, 0, 1).remaining, i64::MAX);
    assert_eq!(cell.call(quota, 0, 10_000).remaining, 0);
}

#[test]
fn seconds_of_redis_cell_round_up_by_the_milliseconds_only() {
    let quota = Quota::cell(0, 1, 1).unwrap();
    let reset =
        |ahead_ns: u64| quota.decide(Some(NOW_NS + ahead_ns), NOW_NS, 0).unwrap().to_reply()[4];
    assert_eq!(reset(1), 0);
    assert_eq!(reset(999_999), 0);
    assert_eq!(reset(1_000_000), 1);
    assert_eq!(reset(1_000_000_000), 1);
    let quota = Quota::cell(10, 1, 1).unwrap();
    let reset =
        |ahead_ns: u64| quota.decide(Some(NOW_NS + ahead_ns), NOW_NS, 0).unwrap().to_reply()[4];
    assert_eq!(reset(1_000_999_999), 1);
    assert_eq!(reset(1_001_000_000), 2);
}

#[test]
fn a_tat_that_is_not_ahead_counts_as_absent() {
    let quota = Quota::cell(4, 1, 1).unwrap();
    let fresh = quota.decide(None, NOW_NS, 1).unwrap();
    for tat_ns in [0, NOW_NS - 1, NOW_NS] {
        assert_eq!(quota.decide(Some(tat_ns), NOW_NS, 1).unwrap(), fresh);
        let denied = quota.decide(Some(tat_ns), NOW_NS, 6).unwrap();
        assert_eq!(denied.to_reply(), [1, 5, 5, -1, 0]);
    }
    assert_eq!(quota.decide(None, NOW_NS, 0).unwrap().new_tat_ns, None);
}

#[test]
fn a_negative_quantity_gives_back_and_never_more_than_was_taken() {
    let quota = Quota::cell(4, 1, 1).unwrap();
    let mut cell = Kept::default();
    cell.call(quota, 0, 3);
    assert_eq!(cell.call(quota, 0, -2).to_reply(), [0, 5, 4, -1, 1]);
    assert_eq!(cell.call(quota, 0, -2).to_reply(), [0, 5, 5, -1, 0]);
    assert_eq!(cell.0, Some(NOW_NS));
    assert_eq!(cell.call(quota, 0, -2).new_tat_ns, None);
    assert_eq!(cell.call(quota, 0, 5).to_reply(), [0, 5, 0, -1, 5]);
}

#[test]
fn negative_bursts_and_rates_let_nothing_pass() {
    let reply = |max_burst, count, period_s, quantity| {
        Quota::cell(max_burst, count, period_s)
            .and_then(|quota| quota.decide(None, NOW_NS, quantity))
            .map(|decision| decision.to_reply())
    };
    assert_eq!(reply(-1, 1, 1, 1), Ok([1, 0, 0, -1, 0]));
    assert_eq!(reply(-1, 1, 1, 0), Ok([0, 0, 0, -1, 0]));
    assert_eq!(reply(-2, 1, 1, 0), Ok([1, -1, 0, -1, 0]));
    assert_eq!(reply(4, -1, 1, 1), Ok([1, 5, 0, -1, 0]));
    assert_eq!(reply(0, -1, 1, 1), Err(GcraError::NegativeRate));
    assert_eq!(reply(4, -1, -1, 1), Ok([0, 5, 4, -1, 1]));
}

#[test]
fn numbers_that_would_wrap_are_errors() {
    assert_eq!(Quota::cell(i64::MAX, 1, 1), Err(GcraError::Overflow));
    assert_eq!(Quota::cell(1 << 40, 1, 1), Err(GcraError::Overflow));
    assert_eq!(Quota::cell(0, i64::MAX, i64::MAX).map(|quota| quota.emission_ns), Ok(SECOND_NS));
    assert_eq!(Quota::cell(1, 1, i64::MAX), Err(GcraError::Overflow));
    assert_eq!(Quota::crab(i64::MAX, 1, 1), Err(GcraError::Overflow));
    let quota = Quota::cell(4, 1, 1).unwrap();
    assert_eq!(quota.decide(None, NOW_NS, i64::MAX), Err(GcraError::Overflow));
    assert_eq!(quota.decide(None, NOW_NS, i64::MIN), Err(GcraError::Overflow));
    assert_eq!(quota.decide(None, u64::MAX, 1), Err(GcraError::Overflow));
    let denied = Quota::crab(5, 1, 1).unwrap().decide(None, NOW_NS, i64::MAX).unwrap();
    assert_eq!(denied.to_reply(), [0, 5, 5, 3, i64::MAX / SECOND_NS]);
}

#[test]
fn the_tests_of_throttlecrab_hold() {
    let quota = Quota::crab(10, 100, 60).unwrap();
    assert_eq!(Kept::default().call(quota, 0, 1).to_reply(), [1, 10, 9, 5, 0]);
    assert_eq!(Kept::default().call(quota, 0, 5).to_reply(), [1, 10, 5, 7, 0]);
    let quota = Quota::crab(3, 10, 60).unwrap();
    let mut cell = Kept::default();
    for remaining in [2, 1, 0] {
        assert_eq!(cell.call(quota, 0, 1).to_reply()[..3], [1, 3, remaining]);
    }
    assert_eq!(cell.call(quota, 0, 1).to_reply(), [0, 3, 0, 24, 6]);
    assert_eq!(cell.call(quota, 5001, 1).to_reply()[4], 0);
}

#[test]
fn an_idle_cell_of_throttlecrab_passes_its_burst_and_no_more() {
    // throttlecrab itself lets 17 pass here.
    let quota = Quota::crab(10, 10, 60).unwrap();
    let mut cell = Kept::default();
    cell.call(quota, 0, 1);
    assert_eq!(cell.call(quota, 50_000, 0).remaining, 10);
    let passed = (0..30).filter(|_| !cell.call(quota, 50_000, 1).limited).count();
    assert_eq!(passed, 10);
}

#[test]
fn throttlecrab_tells_a_wait_even_for_what_cannot_pass() {
    let quota = Quota::crab(10, 10, 60).unwrap();
    assert_eq!(Kept::default().call(quota, 0, 11).to_reply(), [0, 10, 10, 48, 6]);
}

#[test]
fn parameters_of_throttlecrab_are_positive() {
    for (max_burst, count, period_s) in [(0, 1, 1), (1, 0, 1), (1, 1, 0), (-1, 1, 1)] {
        assert_eq!(Quota::crab(max_burst, count, period_s), Err(GcraError::InvalidRate));
    }
    let quota = Quota::crab(1, 1, 1).unwrap();
    assert_eq!(quota.decide(None, NOW_NS, -1), Err(GcraError::NegativeQuantity(-1)));
    let unlimited = Quota::crab(5, i64::MAX, 1).unwrap();
    assert_eq!(unlimited.decide(None, NOW_NS, 100).unwrap().to_reply(), [1, 5, 0, 0, 0]);
}

#[test]
fn error_texts_are_those_of_the_two_servers() {
    for (error, text) in [
        (GcraError::ZeroRate, "Cell error: Store error: Zero rates are not supported"),
        (GcraError::NegativeRate, "Cell error: Store error: Error while setting key expire"),
        (GcraError::InvalidRate, "ERR Rate limit check failed: invalid rate limit parameters"),
        (GcraError::NegativeQuantity(-3), "ERR Rate limit check failed: negative quantity: -3"),
    ] {
        assert_eq!(error.to_string(), text);
    }
}
