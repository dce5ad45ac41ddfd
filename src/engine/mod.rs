//! The one door to the counting.

/// Everything that counts, shared by all workers.
#[derive(Debug, Default)]
pub struct Engine {}
