//! Whole nodes under a seeded network: whatever is lost, doubled, cut, stopped or killed, nobody counts
//! above the truth, and in quiet all agree.
//!
//! Goal: the laws of the protocol, L1 to L17 (the table in cluster_sim/laws.rs says where), over many
//! seeds. Method: what the server runs as a node, membership, replication and sealing together over the
//! engine itself, in one thread in virtual time; each seed draws its own network, faults and operations;
//! a safety phase, then quiet in which all must come to agree. `RATEL_SIM_SEEDS=n` plays so many seeds;
//! a seed that fails prints the command that repeats it.

#![allow(
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    reason = "test data fits, and a test may fail"
)]

#[path = "cluster_sim/admission.rs"]
mod admission;
#[path = "cluster_sim/bounds.rs"]
mod bounds;
#[path = "cluster_sim/cells.rs"]
mod cells;
#[path = "cluster_sim/checks.rs"]
mod checks;
#[path = "cluster_sim/clock.rs"]
mod clock;
#[path = "cluster_sim/clocks.rs"]
mod clocks;
#[path = "cluster_sim/counting.rs"]
mod counting;
#[path = "cluster_sim/faults.rs"]
mod faults;
#[path = "cluster_sim/laws.rs"]
mod laws;
#[path = "cluster_sim/network.rs"]
mod network;
#[path = "cluster_sim/node.rs"]
mod node;
#[path = "cluster_sim/settings.rs"]
mod settings;
#[path = "cluster_sim/shares.rs"]
mod shares;
#[path = "cluster_sim/shares_checks.rs"]
mod shares_checks;
#[path = "cluster_sim/story.rs"]
mod story;
#[path = "cluster_sim/streams.rs"]
mod streams;
#[path = "cluster_sim/truth.rs"]
mod truth;
#[path = "cluster_sim/watched.rs"]
mod watched;
#[path = "cluster_sim/world.rs"]
mod world;
