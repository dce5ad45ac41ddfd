//! RL.CLUSTER: what the node knows of the others.
//!
//! Not here: the node (server). Invariant: it answers from a copy, and never waits for another node.

use std::fmt::Write as _;

use super::spec::{Flags, Plain, Spec};
use super::{Args, ClusterReport, Context, NodeReport, help};
use crate::resp::{self, Frame, Reply};

const SINCE: &str = "0.2.0";
const GROUP: &str = "ratelimit";
const FLAGS: Flags = Flags::ADMIN.with(Flags::NOSCRIPT).with(Flags::LOADING).with(Flags::STALE);

const fn row(name: &'static str, arity: i32, handler: Plain, summary: &'static str) -> Spec {
    Spec::new(name, arity, handler).flags(FLAGS).docs(GROUP, SINCE, summary)
}

pub(super) const ROWS: &[Spec] = &[
    row("rl.cluster", -2, info, "A container for commands about the other nodes").container(),
    row("rl.cluster|info", 2, info, "Return the state and the counts of this node's cluster"),
    row("rl.cluster|nodes", 2, nodes, "Return what is known of each node, this one first")
        .complexity("O(N) where N is the number of nodes"),
    help::row("rl.cluster|help", GROUP, SINCE),
];

fn info(context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    let mut text = String::new();
    write(context.host.cluster().as_deref(), &mut text);
    Reply::Frame(resp::verbatim(&text))
}

/// Appends the lines, as INFO shows them too.
pub(super) fn write(report: Option<&ClusterReport>, out: &mut String) {
    // Writing to a String cannot fail.
    // Redis's own field stays 0: at 1 clients would look for hash slots, which this is not.
    let _ = write!(out, "cluster_enabled:0\r\n");
    let _ = write!(out, "ratel_cluster_enabled:{}\r\n", u8::from(report.is_some()));
    let Some(report) = report else {
        return;
    };
    let sealed = if report.is_sealed { "yes" } else { "no" };
    let ready_by = report.ready_by;
    let _ = write!(out, "cluster_name:{}\r\ncluster_state:{}\r\n", report.name, report.state);
    let _ = write!(out, "cluster_ready_by:{ready_by}\r\ncluster_secret:{sealed}\r\n");
    if let Some(own) = report.nodes.first() {
        let _ = write!(out, "cluster_address:{}\r\n", own.address);
        let _ = write!(out, "cluster_epoch:{:016x}\r\n", own.epoch);
    }
    for (name, value) in &report.figures {
        let _ = write!(out, "cluster_{name}:{value}\r\n");
    }
}

fn nodes(context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    let report = context.host.cluster();
    let nodes = report.iter().flat_map(|report| &report.nodes).map(node).collect();
    Reply::Frame(resp::array(nodes))
}

fn node(node: &NodeReport) -> Frame {
    let number = |number: u64| resp::integer(i64::try_from(number).unwrap_or(i64::MAX));
    // Never heard: -1, as TTL says "none"; a clock's distance may be negative, so it says null.
    let lag = node.lag_ms.map_or_else(|| resp::integer(-1), number);
    let skew = node.skew_ms.map_or_else(resp::null, resp::integer);
    let fields = [
        ("id", resp::text(&format!("{}#{}", node.address, node.generation))),
        ("address", resp::text(&node.address)),
        ("state", resp::text(node.state)),
        ("epoch", resp::text(&format!("{:016x}", node.epoch))),
        ("lag_ms", lag),
        ("skew_ms", skew),
        ("bytes_in", number(node.in_bytes)),
        ("bytes_out", number(node.out_bytes)),
        ("version", number(node.version.into())),
    ];
    resp::map(fields.into_iter().map(|(name, value)| (resp::text(name), value)).collect())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::fake::Fake;
    use super::*;

    #[test]
    fn a_node_alone_says_so() {
        let mut fake = Fake::new();
        assert_eq!(
            fake.text("RL.CLUSTER INFO"),
            "cluster_enabled:0\r\nratel_cluster_enabled:0\r\n"
        );
        assert!(
            matches!(fake.ask("RL.CLUSTER NODES"), Reply::Frame(frame) if frame == resp::array(vec![]))
        );
    }

    #[test]
    fn a_node_in_a_cluster_tells_its_state_its_figures_and_the_others() {
        let mut fake = Fake::new();
        let own =
            NodeReport { address: "10.0.0.1:7946".to_owned(), epoch: 255, ..Default::default() };
        let other = NodeReport { skew_ms: Some(-3), ..own.clone() };
        *fake.host.cluster.lock() = Some(Arc::new(ClusterReport {
            name: "blue".to_owned(),
            state: "ready",
            figures: vec![("members", 2)],
            nodes: vec![own, other],
            ..Default::default()
        }));
        let text = fake.text("RL.CLUSTER INFO");
        for line in ["ratel_cluster_enabled:1", "cluster_name:blue", "cluster_state:ready"] {
            assert!(text.contains(&format!("{line}\r\n")), "{text}");
        }
        assert!(text.contains("cluster_epoch:00000000000000ff\r\ncluster_members:2\r\n"), "{text}");
        assert!(fake.text("INFO cluster").contains(&text));
        let Reply::Frame(Frame::Array { data, .. }) = fake.ask("RL.CLUSTER NODES") else {
            panic!("no array");
        };
        assert_eq!(data.len(), 2);
    }
}
