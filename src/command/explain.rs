//! RL.EXPLAIN: who has counted what, when each was last heard, and why the verdict is what it is.
//!
//! Not here: the sentence itself (`explain_why.rs`). Invariant: it answers from what this node holds
//! and has heard, and waits for no other; what is told by origin adds up to the count.

use std::collections::BTreeMap;

use super::explain_why::why;
use super::ratelimit::{answer, limited};
use super::{Args, ClusterReport, Context, NodeReport};
use crate::engine::{Breakdown, Explanation, OriginCount, Series};
use crate::limiter::Kind;
use crate::resp::{self, Frame, Reply};

/// One origin's part.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part<'a> {
    epoch: u64,
    /// Where it is; `None` for a life that nobody known leads any more, and for a node alone.
    pub(super) node: Option<&'a NodeReport>,
    pub(super) state: &'static str,
    /// In the current window.
    pub(super) current: OriginCount,
    /// In the window before it.
    pub(super) previous: OriginCount,
    /// How long ago it was last heard itself, ms; `None` = never.
    pub(super) heard_ms: Option<u64>,
    /// Memory did not suffice for all of its counts.
    pub(super) is_incomplete: bool,
}

/// State of the part of the node that is asked.
pub(super) const MYSELF: &str = "myself";
/// State of the part of a life that has ended, or whose node does not answer.
pub(super) const DEPARTED: &str = "departed";

impl Part<'_> {
    /// How a sentence calls it.
    pub(super) fn name(&self) -> String {
        self.node.map_or_else(|| format!("epoch {:016x}", self.epoch), |node| node.address.clone())
    }
}

pub(super) fn explain(context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    answer(limited(args).map(|(key, series, limit)| {
        let now_ms = context.now_ms;
        let told = context.engine.explain(now_ms, key, series, limit);
        let cluster = context.host.cluster();
        let parts = parts(now_ms, &told, cluster.as_deref());
        Reply::Frame(reply(now_ms, series, limit, &told, &parts))
    }))
}

/// The parts: this node's first, then, by rising epoch, those of all that have counted and of all
/// nodes that are alive.
fn parts<'a>(now_ms: u64, told: &Explanation, cluster: Option<&'a ClusterReport>) -> Vec<Part<'a>> {
    let nodes = cluster.map_or(&[][..], |cluster| &cluster.nodes);
    let mut shares: BTreeMap<u64, [OriginCount; 2]> = BTreeMap::new();
    let alive = nodes.iter().filter(|node| !is_gone(node.state) && node.state != MYSELF);
    shares.extend(alive.map(|node| (node.epoch, Default::default())));
    for (at, window) in [Some(&told.current), told.previous.as_ref()].into_iter().enumerate() {
        for (origin, share) in window.map_or(&[][..], |window| &window.others) {
            shares.entry(origin.0).or_default()[at] = *share;
        }
    }
    let myself = Part {
        epoch: told.origin.0,
        node: nodes.iter().find(|node| node.state == MYSELF),
        state: MYSELF,
        current: told.current.own,
        previous: told.previous.as_ref().map_or(OriginCount::default(), |window| window.own),
        heard_ms: Some(0),
        is_incomplete: false,
    };
    let others = shares.into_iter().map(|(epoch, [current, previous])| {
        let node = nodes.iter().find(|node| node.epoch == epoch && node.state != MYSELF);
        let state = node.map(|node| node.state).filter(|state| !is_gone(state));
        let origins = cluster.map_or(&[][..], |cluster| &cluster.origins);
        let heard = origins.iter().find(|origin| origin.epoch == epoch);
        let heard_at_ms = heard.and_then(|origin| origin.heard_at_ms);
        Part {
            epoch,
            node,
            state: state.unwrap_or(DEPARTED),
            current,
            previous,
            heard_ms: heard_at_ms.map(|at_ms| now_ms.saturating_sub(at_ms)),
            is_incomplete: heard
                .and_then(|origin| origin.incomplete_until_ms)
                .is_some_and(|until_ms| now_ms < until_ms),
        }
    });
    std::iter::once(myself).chain(others).collect()
}

/// True for the states of nodes that are no longer told anything.
fn is_gone(state: &str) -> bool {
    matches!(state, "down" | "left")
}

fn reply(now_ms: u64, series: Series, limit: u64, told: &Explanation, parts: &[Part<'_>]) -> Frame {
    let Explanation { window, current, previous, .. } = told;
    let [allowed, count, remaining, retry_after_ms, reset_after_ms] =
        told.verdict.to_reply().map(resp::integer);
    let is_sliding = series.kind == Kind::Sliding;
    let mut fields = vec![
        ("allowed", allowed),
        ("count", count),
        ("remaining", remaining),
        ("retry_after_ms", retry_after_ms),
        ("reset_after_ms", reset_after_ms),
        ("kind", resp::text(if is_sliding { "sliding" } else { "fixed" })),
        ("scale_ms", number(series.scale.ms())),
        ("limit", number(limit)),
        ("window", number(window.index)),
        ("window_start_ms", number(window.start_ms())),
        ("window_end_ms", number(window.end_ms())),
        ("own", number(current.own.count)),
        ("own_refunded", number(current.own.refunded)),
        ("stamp", number(current.stamp)),
    ];
    if is_sliding {
        fields.push(("current", number(current.count())));
        fields.push(("previous", number(previous.as_ref().map_or(0, Breakdown::count))));
        fields.push(("previous_weighted", number(told.faded)));
    }
    let origins = parts.iter().map(|part| origin(part, is_sliding)).collect();
    fields.push(("origins", resp::array(origins)));
    fields.push(("why", resp::text(&why(now_ms, limit, told, parts))));
    map(fields)
}

fn origin(part: &Part<'_>, is_sliding: bool) -> Frame {
    let mut fields = vec![
        ("epoch", resp::text(&format!("{:016x}", part.epoch))),
        ("node", part.node.map_or_else(resp::null, |node| resp::text(&node.address))),
        ("state", resp::text(part.state)),
        ("count", number(part.current.count)),
        ("refunded", number(part.current.refunded)),
        ("last_heard_ms", part.heard_ms.map_or_else(|| resp::integer(-1), number)),
        ("incomplete", resp::integer(part.is_incomplete.into())),
    ];
    if is_sliding {
        fields.push(("previous", number(part.previous.count)));
        fields.push(("previous_refunded", number(part.previous.refunded)));
    }
    map(fields)
}

fn map(fields: Vec<(&str, Frame)>) -> Frame {
    resp::map(fields.into_iter().map(|(name, value)| (resp::text(name), value)).collect())
}

fn number(number: u64) -> Frame {
    resp::integer(i64::try_from(number).unwrap_or(i64::MAX))
}

#[cfg(test)]
#[path = "explain_tests.rs"]
mod tests;
