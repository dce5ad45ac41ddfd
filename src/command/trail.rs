//! What a running script has done beside the keyspace, whose own log undoes the rest.
//!
//! Not here: undoing keys (`Held::roll_back`). Invariant: while no script runs there is no trail.

use super::Context;
use crate::engine::Series;

/// Bytes that a message takes beside its own.
const MESSAGE_COST_BYTES: usize = 64;

/// What is published, and where.
#[derive(Debug)]
struct Message {
    channel: Box<[u8]>,
    text: Box<[u8]>,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Trail {
    charges: Vec<(Box<[u8]>, Series, u64)>,
    lasting: bool,
    /// What is published once it has come to its end.
    messages: Vec<Message>,
    message_bytes: usize,
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

    /// Keeps a message until the script has come to its end; false if `bytes_max` bytes are passed
    /// by it.
    pub(super) fn note_message(
        &mut self,
        channel: &[u8],
        message: &[u8],
        bytes_max: usize,
    ) -> bool {
        let bytes = channel.len().saturating_add(message.len()).saturating_add(MESSAGE_COST_BYTES);
        let all = self.message_bytes.saturating_add(bytes);
        if all > bytes_max {
            return false;
        }
        self.message_bytes = all;
        self.messages.push(Message { channel: channel.into(), text: message.into() });
        true
    }

    /// Publishes what the script did: it has come to its end.
    pub(super) fn publish(self, context: &Context<'_>) {
        let limit = &context.config.pubsub_output_limit;
        for Message { channel, text } in self.messages {
            context.channels.publish(&channel, &text, limit, context.now_ms);
        }
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
