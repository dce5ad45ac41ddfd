//! The sentence of RL.EXPLAIN: the verdict in plain words, then what makes the count doubtful.
//!
//! Not here: the figures. Invariant: each part of the sentence is true by itself, and the first is
//! the verdict.

use super::explain::{DEPARTED, MYSELF, Part};
use crate::engine::Explanation;

/// Silence that is worth a word, ms: a node that counts nothing sends four beats a second, so five
/// have been missed.
const SILENT_MS: u64 = 1_250;
/// Most nodes that are named; in a split half of the cluster may be silent.
const NAMED_MAX: usize = 8;

/// Why the verdict is what it is, and what is missing from it.
pub(super) fn why(now_ms: u64, limit: u64, told: &Explanation, parts: &[Part<'_>]) -> String {
    let mut notes = vec![verdict(limit, told)];
    let refunded: u64 = parts.iter().map(|part| part.current.refunded).fold(0, u64::saturating_add);
    if refunded > 0 {
        notes.push(format!("{refunded} of what was counted were given back"));
    }
    if told.current.stamp > 0 {
        let ago_ms = now_ms.saturating_sub(told.current.stamp >> STAMP_TAG_BITS);
        notes.push(format!("it was set or reset {ago_ms} ms ago, which ended what was before"));
    }
    let departed = parts.iter().filter(|part| part.state == DEPARTED);
    let departed = departed.map(|part| part.current.count).fold(0, u64::saturating_add);
    if departed > 0 {
        notes.push(format!("{departed} were counted by nodes that have departed, and stay"));
    }
    let doubts: Vec<String> = parts.iter().flat_map(doubts).collect();
    notes.extend(doubts.iter().take(NAMED_MAX).cloned());
    if doubts.len() > NAMED_MAX {
        notes.push(format!("and so of {} more", doubts.len() - NAMED_MAX));
    }
    notes.join("; ")
}

/// Bits of a stamp below its milliseconds, which tell nodes apart.
const STAMP_TAG_BITS: u32 = 16;

fn verdict(limit: u64, told: &Explanation) -> String {
    let verdict = &told.verdict;
    let counted = match &told.previous {
        None => format!("{} counted of {limit}", verdict.count),
        Some(previous) => format!(
            "{} counted of {limit}, {} in this window and {} left of {} in the one before",
            verdict.count,
            told.current.count(),
            told.faded,
            previous.count(),
        ),
    };
    let (remaining, reset_ms) = (verdict.remaining, verdict.reset_after_ms);
    match u64::try_from(verdict.retry_after_ms) {
        Ok(0) => {
            format!("allowed: {counted}; {remaining} remain, and the window ends in {reset_ms} ms")
        }
        Ok(ms) if ms == reset_ms => {
            format!("denied: {counted}; a hit passes again in {ms} ms, when the window ends")
        }
        Ok(ms) => {
            let until = "when enough of what was counted has faded";
            format!("denied: {counted}; a hit passes again in {ms} ms, {until}")
        }
        Err(_) => format!("denied: {counted}; no hit passes a limit of {limit}"),
    }
}

/// Why this node may not know all of an origin's counts.
fn doubts(part: &Part<'_>) -> Vec<String> {
    let mut doubts = Vec::new();
    let name = part.name();
    if part.is_incomplete {
        doubts.push(format!("memory refused counts of {name}: the count may be too low"));
    }
    // Who said goodbye has said all.
    let may_count = part.node.is_some_and(|node| node.state != "left") && part.state != MYSELF;
    if !may_count {
        return doubts;
    }
    let lag_ms = part.node.and_then(|node| node.lag_ms);
    match (part.heard_ms, lag_ms) {
        (None, _) => {
            doubts.push(format!("this node has never heard {name}: its hits may be missing here"));
        }
        (Some(ms), _) if ms > SILENT_MS => {
            let any = if part.state == DEPARTED { ", if any," } else { "" };
            doubts.push(format!(
                "this node has not heard {name} for {ms} ms: its hits since then{any} are missing here"
            ));
        }
        (Some(_), Some(ms)) if ms > SILENT_MS => doubts
            .push(format!("this node lacks some of what {name} has counted in the last {ms} ms")),
        (Some(_), None) => doubts.push(format!("this node does not hold all counts of {name} yet")),
        (Some(_), Some(_)) => {}
    }
    doubts
}
