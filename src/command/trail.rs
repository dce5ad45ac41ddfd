//! What a running script has done beside the keyspace, whose own log undoes the rest.
//!
//! Not here: undoing keys (`Held::roll_back`). Invariant: while no script runs there is no trail.

use super::Context;
use crate::engine::Series;

/// See the module.
#[derive(Debug, Default)]
pub struct Trail {
    charges: Vec<(Box<[u8]>, Series, u64)>,
    lasting: bool,
}

impl Trail {
    /// Notes what was counted.
    pub(super) fn note_charge(&mut self, key: &[u8], series: Series, increment: u64) {
        if increment > 0 {
            self.charges.push((key.into(), series, increment));
        }
    }

    /// Notes a change that cannot be undone.
    pub(super) fn note_lasting(&mut self) {
        self.lasting = true;
    }

    /// True if there was such a change.
    pub(super) fn is_lasting(&self) -> bool {
        self.lasting
    }

    /// Gives back what was counted.
    pub(super) fn undo(self, context: &mut Context<'_>) {
        for (key, series, increment) in self.charges {
            context.engine.refund(&mut context.reader, context.now_ms, &key, series, increment);
        }
    }
}
