//! Replies and their encoding.

use std::borrow::Cow;

/// The general reply: redis-protocol's RESP3 frame, lowered to RESP2 where the client speaks that.
pub type Frame = redis_protocol::resp3::types::BytesFrame;

/// The protocol version that a connection has chosen by HELLO.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Protocol {
    /// RESP2, the default.
    #[default]
    Resp2,
    /// RESP3.
    Resp3,
}

/// What a handler returns.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// `+text`
    Simple(&'static str),
    /// `-text`, with its code (`ERR ...`); never holds CR or LF (the encoder replaces them).
    Error(Cow<'static, str>),
    /// `:n`
    Integer(i64),
    /// An array of five integers: the verdicts. Same bytes in RESP2 and RESP3, written by hand.
    Five([i64; 5]),
    /// Anything else.
    Frame(Frame),
    /// Nothing is written (CLIENT REPLY OFF, a blocked client).
    Nothing,
}

impl Reply {
    /// Appends the reply's bytes to `out`.
    pub fn encode(&self, _protocol: Protocol, _out: &mut Vec<u8>) {}
}
