//! The Redis serialization protocol: bytes to request ([`Parser`]), reply to bytes ([`Reply`]).
//!
//! Not here: sockets, commands, clocks. Invariant: parsing looks at each byte once, however slowly
//! it arrives, and reserves nothing for a length that was only declared; no reply holds a line
//! break that its type does not allow, so no text can forge a second reply.

mod digits;
mod double;
mod frame;
mod inline;
mod lower;
mod number;
mod push;
mod refusal;
mod reply;
mod request;

pub use double::{general as general_text, text as double_text};
pub use frame::{
    array, boolean, bulk, double, error, integer, map, null, set, simple, text, verbatim,
};
pub use push::{Part, encode_push};
pub use refusal::ProtocolError;
pub use reply::{
    Frame, Protocol, Reply, encode_array_head, encode_bulk, encode_five, encode_integer,
};
pub use request::{
    Limits, Parsed, Parser, Span, UNAUTHENTICATED_ARGS_MAX, UNAUTHENTICATED_BULK_BYTES_MAX,
};
