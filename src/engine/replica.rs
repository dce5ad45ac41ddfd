//! What the cluster and the counting say to each other.
//!
//! Not here: the wire, the network. Invariant: an origin names one life of one process, in which
//! its own counts only rise.

/// Random number of one life of a process: drawn at start, and anew whenever own counts fell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin(pub u64);
