//! The Redis serialization protocol: bytes to request ([`Parser`]), reply to bytes ([`Reply`]).
//!
//! Not here: sockets, commands, clocks. Invariant: parsing looks at each byte once, however slowly
//! it arrives, and reserves nothing for a length that was only declared.

pub mod frame;
mod reply;
mod request;

pub use reply::{Frame, Protocol, Reply};
pub use request::{Limits, Parsed, Parser, ProtocolError, Span};
