//! What INFO and RL.CLUSTER tell of the node.
//!
//! Not here: how it is printed (command). Invariant: a copy, made by the node itself now and then,
//! so that reading it never makes the node wait.

use super::node::{Carried, Node};
use super::settings::Settings;
use crate::cluster::membership::{MemberInfo, MemberState};
use crate::cluster::now::Now;
use crate::cluster::replication::{OriginFigures, ReadyBy};
use crate::cluster::wire::State;
use crate::command::{ClusterReport, NodeReport, OriginReport};

pub(super) fn of(node: &Node, now: Now) -> ClusterReport {
    let origins = node.core.replica().origins(now);
    let own = node.core.membership().identity();
    let this = NodeReport {
        address: own.addr.to_string(),
        state: "myself",
        epoch: own.origin.0,
        generation: own.gen_ms,
        lag_ms: Some(0),
        skew_ms: Some(0),
        in_bytes: node.datagrams.received_bytes,
        out_bytes: node.datagrams.sent_bytes,
        version: node.version(),
    };
    let others = node.core.membership().members().map(|member| {
        let known = origins.iter().find(|it| it.origin == member.identity.origin);
        let carried = node.carried.get(&member.identity.addr).copied().unwrap_or_default();
        other(member, known, carried)
    });
    ClusterReport {
        name: name(&node.settings),
        state: state(node.core.replica().state()),
        ready_by: node.ready_by.map_or("", ready_by),
        is_sealed: node.settings.secret_file.is_some(),
        figures: figures(node, &origins),
        nodes: std::iter::once(this).chain(others).collect(),
        origins: origins.iter().map(origin).collect(),
    }
}

/// What is known before the node itself can tell.
pub(super) fn of_joiner(settings: &Settings) -> ClusterReport {
    ClusterReport {
        name: name(settings),
        state: state(State::Joining),
        is_sealed: settings.secret_file.is_some(),
        ..ClusterReport::default()
    }
}

fn name(settings: &Settings) -> String {
    String::from_utf8_lossy(settings.name.as_bytes()).into_owned()
}

fn other(member: &MemberInfo, known: Option<&OriginFigures>, carried: Carried) -> NodeReport {
    NodeReport {
        address: member.identity.addr.to_string(),
        state: match member.state {
            MemberState::Alive => known.and_then(|it| it.state).map_or("alive", state),
            MemberState::Suspect => "suspect",
            MemberState::Down => "down",
            MemberState::Left => "left",
        },
        epoch: member.identity.origin.0,
        generation: member.identity.gen_ms,
        lag_ms: known.and_then(|it| it.lag_ms),
        skew_ms: known.and_then(|it| it.skew_ms),
        in_bytes: carried.in_bytes,
        out_bytes: carried.out_bytes,
        version: member.identity.proto_max,
    }
}

fn origin(known: &OriginFigures) -> OriginReport {
    OriginReport {
        epoch: known.origin.0,
        heard_at_ms: known.heard_at_ms,
        incomplete_until_ms: known.incomplete_until_ms,
    }
}

fn state(state: State) -> &'static str {
    match state {
        State::Joining => "joining",
        State::Ready => "ready",
        State::Leaving => "leaving",
    }
}

fn ready_by(by: ReadyBy) -> &'static str {
    match by {
        ReadyBy::Sync => "sync",
        ReadyBy::ColdStart => "cold-start",
        ReadyBy::Alone => "alone",
        ReadyBy::Timeout => "timeout",
    }
}

fn figures(node: &Node, origins: &[OriginFigures]) -> Vec<(&'static str, u64)> {
    let replica = node.core.replica().figures();
    let (tally, refused) = (node.core.membership().tally(), node.refusals.counts);
    let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let incomplete = origins.iter().filter(|it| it.incomplete_until_ms.is_some()).count();
    vec![
        ("members", count(node.core.membership().active().count()) + 1),
        ("origins", count(origins.len()) + 1),
        ("origins_incomplete", count(incomplete)),
        ("datagrams_in", node.datagrams.received),
        ("datagrams_out", node.datagrams.sent),
        ("datagrams_unsent", node.datagrams.unsent),
        ("bytes_in", node.datagrams.received_bytes),
        ("bytes_out", node.datagrams.sent_bytes),
        ("deltas", replica.deltas),
        ("deltas_urgent", replica.deltas_urgent),
        ("items_raised", replica.items_raised),
        ("items_ended", replica.items_ended),
        ("items_refused", replica.items_refused),
        ("duplicates", replica.duplicates),
        ("nacks_out", replica.nacks_out),
        ("repeats", replica.repeats),
        ("gones", replica.gones),
        ("flushes_delayed", replica.flushes_delayed),
        ("syncs_opened", replica.pulls),
        ("syncs_done", replica.pulls_done),
        ("syncs_failed", replica.pulls_failed),
        ("syncs_served", replica.serves_done),
        ("syncs_busy", replica.serves_busy),
        ("epochs_renewed", replica.renewals),
        ("ring_bytes", count(node.core.replica().ring_bytes())),
        ("auth_failed", refused.authentication),
        ("bad_version", refused.version),
        ("replayed", refused.replayed),
        ("skewed", refused.skewed),
        ("junk", refused.junk),
        ("misdirected", refused.misdirected),
        ("crowded", refused.crowded),
        ("malformed", tally.malformed.saturating_add(replica.malformed)),
        ("skipped", replica.skipped),
        ("address_mismatch", tally.address_mismatch),
        ("members_refused", tally.refused),
        ("identity_renewals", tally.renewals),
    ]
}
