//! Whole nodes under a seeded network: whatever is lost, doubled, cut or killed, nobody counts
//! above the truth, and in quiet all agree.
//!
//! Goal: the laws of the protocol, L1 to L17, over many seeds. Method: engines and replicas in one
//! thread, each seed with rates of its own; faults first, then quiet in which all must converge. A
//! failing seed is named; `RATEL_SEED=n` repeats it, `RATEL_SEEDS=n` runs so many.

#![allow(
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    reason = "test data fits, and a test may fail"
)]

#[path = "cluster_sim/bounds.rs"]
mod bounds;
#[path = "cluster_sim/laws.rs"]
mod laws;
#[path = "cluster_sim/model.rs"]
mod model;
#[path = "cluster_sim/settings.rs"]
mod settings;
#[path = "cluster_sim/story.rs"]
mod story;
#[path = "cluster_sim/truth.rs"]
mod truth;
#[path = "cluster_sim/world.rs"]
mod world;
