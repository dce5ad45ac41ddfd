//! Messages of channels, written between replies.
//!
//! Not here: who gets them (command). Invariants: while something is unsent no message is taken out
//! of the outbox, which alone grows and is bounded; a subscriber that falls too far behind is cut off
//! at once, also while its socket takes nothing.

use std::task::Context;

use super::super::register::Reason;
use super::{Connection, End, WORKSPACE};
use crate::command::REPLY_BYTES_MAX;

impl Connection {
    /// Has this task woken by messages, and ends the connection where they are too many.
    pub(super) fn heed_outbox(&mut self, cx: &Context<'_>) -> Result<(), End> {
        let Some(subscriber) = &self.session.subscriber else { return Ok(()) };
        if !subscriber.outbox().watch(cx.waker()) {
            return Err(End::Cut(Reason::SubscriberOutput));
        }
        self.account()
    }

    /// Writes messages that have come, about one slice's bytes of them.
    pub(super) fn deliver(&mut self, cx: &mut Context<'_>) -> Result<(), End> {
        if self.session.subscriber.is_none() {
            return Ok(());
        }
        // Again before it is looked at: a message that comes afterwards wakes.
        self.heed_outbox(cx)?;
        WORKSPACE.with_borrow_mut(|workspace| {
            workspace.replies.clear();
            if !self.session.deliver(&mut workspace.replies, REPLY_BYTES_MAX) {
                // The rest has its turn after the others.
                cx.waker().wake_by_ref();
            }
            if workspace.replies.is_empty() {
                return Ok(());
            }
            self.write(cx, &workspace.replies)?;
            self.account()
        })
    }
}
