//! Why a request is refused, in Redis's words.
//!
//! Not here: finding the fault. Invariant: no text holds a byte of the client's that cannot be
//! printed.

use std::borrow::Cow;

pub(super) const BIG_INLINE: &str = "Protocol error: too big inline request";
pub(super) const QUOTES: &str = "Protocol error: unbalanced quotes in request";
pub(super) const BIG_COUNT: &str = "Protocol error: too big mbulk count string";
pub(super) const BAD_COUNT: &str = "Protocol error: invalid multibulk length";
pub(super) const UNAUTHENTICATED_COUNT: &str = "Protocol error: unauthenticated multibulk length";
pub(super) const BIG_BULK: &str = "Protocol error: too big bulk count string";
pub(super) const BAD_BULK: &str = "Protocol error: invalid bulk length";
pub(super) const UNAUTHENTICATED_BULK: &str = "Protocol error: unauthenticated bulk length";

/// Why a connection must be closed; the text is Redis's own, `Protocol error: ...`, printable
/// ASCII without an error code: the caller writes `ERR ` before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtocolError(pub Cow<'static, str>);

#[cold]
pub(super) fn refusal(text: &'static str) -> ProtocolError {
    ProtocolError(Cow::Borrowed(text))
}

/// Names the byte where a `$` belonged; what cannot be printed is shown as a blank, as Redis shows
/// CR and LF.
#[cold]
pub(super) fn unexpected(byte: u8) -> ProtocolError {
    let shown = if byte.is_ascii_graphic() { char::from(byte) } else { ' ' };
    ProtocolError(Cow::Owned(format!("Protocol error: expected '$', got '{shown}'")))
}
