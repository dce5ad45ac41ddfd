//! Counts made known to every node, and lost ones fetched again.
//!
//! ```text
//! Replica     one node's part: datagrams, frames and ticks in, effects out
//! Outbox      what this node says: deltas numbered 1, 2, 3, kept in the Ring for repetition
//! Inbound     what it has heard of one origin: the cursor and the numbers beyond it
//! Pulls       streams it opened to fetch what it lacks; Serves: streams others opened to it
//! Budget      how much it may send
//! Tally       what it needs of the engine
//! ```
//! Invariants. A cursor of `c` means that everything the origin published up to `c` is held or has
//! ended. Items are absolute, so that a loss costs time and never counts. Membership changes no
//! count. Every table and queue has a named bound in [`Options`] or beside it.

mod budget;
mod dice;
mod effect;
mod figures;
mod inbound;
mod members;
mod options;
mod outbox;
mod pulls;
mod receive;
mod repair;
mod replica;
mod ring;
mod serves;
mod tally;
mod vector;

pub use effect::{Effect, Member, ReadyBy, StreamId, Target};
pub use figures::{Figures, OriginFigures};
pub use options::Options;
pub use replica::Replica;
pub use tally::Tally;
