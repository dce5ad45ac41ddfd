//! The one door to the counting.

mod report;

pub use report::EngineReport;

/// Everything that counts, shared by all workers.
#[derive(Debug, Default)]
pub struct Engine {}
