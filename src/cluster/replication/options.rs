//! The times and bounds of replication, each with its reason.

use crate::cluster::wire::ORIGINS_MAX;

/// Silence after which an alive origin is asked for through a third member: five beats.
pub(super) const SILENT_AFTER_MS: u64 = 1_250;
/// How often one origin may be the reason of a sync stream.
pub(super) const PULL_EVERY_MS: u64 = 1_000;
/// A missing delta may be on its way this long: reordering on a network is shorter.
pub(super) const NACK_GRACE_MS: u64 = 10;
/// Longest wait between two NACKs that brought nothing.
pub(super) const NACK_WAIT_MAX_MS: u64 = 160;
/// A gap that NACKs have not closed in this time is closed by a sync stream.
pub(super) const STUCK_AFTER_MS: u64 = 500;
/// Missing deltas beyond which a sync stream is cheaper than repetition.
pub(super) const GAP_MAX: u64 = 1_024;
/// Numbers remembered beyond the cursor.
pub(super) const AHEAD_MAX: usize = 1_024;
/// How often a vector goes to one random member.
pub(super) const VECTOR_EVERY_MS: u64 = 1_000;
/// A beat also goes out this often while deltas flow, since it alone tells the node's state.
pub(super) const STATE_EVERY_MS: u64 = 1_000;
/// How far digests look beyond now, so that windows that end on one node but not yet on the other
/// stay out of the comparison.
pub(super) const HORIZON_MS: u64 = 2_500;
/// Oldest content that counts as live, and longest gap of a live stream.
pub(super) const LIVE_MS: u64 = 1_000;
/// Streams that a node opens at once.
pub(super) const PULLS_MAX: usize = 2;
/// Streams that a node serves at once; more are answered by BUSY.
pub(super) const SERVES_MAX: usize = 2;
/// A stream without a frame for this long is given up.
pub(super) const STREAM_IDLE_MS: u64 = 5_000;
/// A member that answered BUSY or broke off is not asked again for this long.
pub(super) const AVOID_MS: u64 = 300;
/// Bytes that one served stream may send in a millisecond: 32 MB/s.
pub(super) const SERVE_BYTES_PER_MS: u64 = 32_000;
/// A tick that comes late makes up for at most so much of its time, ms: on a crowded machine a sync
/// keeps its rate, and no piece of it holds up the deltas for long.
pub(super) const SERVE_LATE_MS: u64 = 25;
/// Bytes that a served stream may have waiting in its socket.
pub(super) const SERVE_BACKLOG_BYTES_MAX: usize = 256 * 1_024;
/// Repetitions that one NACK may ask for.
pub(super) const REPEATS_MAX: u64 = 1_024;
/// Bytes of keys and numbers that one flush takes from the engine at once.
pub(super) const FLUSH_BYTES_MAX: usize = 1 << 20;
/// Time after which members that are all joining take each other for a new cluster.
pub(super) const COLD_START_MS: u64 = 2_000;
/// Longest wait of a joining node to which a sync stream still brings counts: at the pace at which one
/// is served, 2 GB. Behind it the network is too bad for more than what came.
pub(super) const JOIN_MAX_MS: u64 = 60_000;
/// Longest wait of a leaver for the confirmation of its last delta.
pub(super) const LEAVE_MS: u64 = 5_000;
/// How often a dead origin is looked at for whether anything of it is still live.
pub(super) const SWEEP_EVERY_MS: u64 = 1_000;
/// A dead origin without live slots is remembered this long after it was last heard.
pub(super) const FORGET_AFTER_MS: u64 = 10_000;

/// What an operator or a test may choose.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Time between two flushes, ms.
    pub flush_ms: u64,
    /// Time without a delta after which a beat is sent, ms.
    pub beat_ms: u64,
    /// Bytes of own deltas kept for repetition.
    pub ring_bytes: usize,
    /// Own deltas kept for repetition.
    pub ring_deltas: usize,
    /// Origins known at once.
    pub origins_max: usize,
    /// Bytes that the node may send in a second.
    pub egress_bytes_per_s: u64,
    /// Without any member for this long a joining node is the first, ms.
    pub alone_after_ms: u64,
    /// A joining node serves as it is after this time, ms, unless a sync stream brings counts just now.
    pub join_within_ms: u64,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            flush_ms: 20,
            beat_ms: 250,
            ring_bytes: 16 << 20,
            ring_deltas: 1 << 16,
            origins_max: ORIGINS_MAX,
            egress_bytes_per_s: 64_000_000,
            alone_after_ms: 3_000,
            join_within_ms: 10_000,
        }
    }
}
