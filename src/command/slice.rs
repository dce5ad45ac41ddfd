//! A slice: the requests of one socket read that are served before other connections get their
//! turn.

use super::Context;
use super::session::Effect;
use crate::resp::Parser;

/// Most requests served in one slice, so that one client's pipeline cannot starve the others.
pub const REQUESTS_MAX: usize = 256;
/// A slice ends once it has encoded so many bytes of replies: what a client that never reads can
/// pile up.
pub const REPLY_BYTES_MAX: usize = 64 * 1024;

/// What a worker reuses from slice to slice.
#[derive(Debug, Default)]
pub struct Slice {}

/// How a slice ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SliceEnd {
    /// Bytes taken from the front of the input; the rest belongs to the next slice.
    pub used_bytes: usize,
    /// The input may hold another whole request: serve it after others had their turn.
    /// False: the rest, if any, is the beginning of an unfinished request.
    pub more: bool,
    /// What the edge must do once `out` is written.
    pub effect: Effect,
}

impl Slice {
    /// Serves requests from the front of `input`, appending their replies to `out`.
    pub fn run(
        &mut self,
        context: &mut Context<'_>,
        parser: &mut Parser,
        input: &mut [u8],
        out: &mut Vec<u8>,
    ) -> SliceEnd {
        let mut end = SliceEnd { used_bytes: 0, more: false, effect: Effect::None };
        let config = context.host.config();
        let limits = crate::resp::Limits {
            bulk_bytes_max: config.proto_max_bulk_len,
            args_max: 65_536,
            line_bytes_max: 65_536,
            unauthenticated: !context.session.authenticated,
        };
        let mut served = 0;
        while end.used_bytes < input.len() {
            if served == REQUESTS_MAX || out.len() >= REPLY_BYTES_MAX {
                end.more = true;
                break;
            }
            let rest = &mut input[end.used_bytes..];
            let used_bytes = match parser.parse(rest, &limits) {
                Ok(crate::resp::Parsed::Request { used_bytes }) => used_bytes,
                Ok(crate::resp::Parsed::Incomplete) => break,
                Err(error) => {
                    out.extend_from_slice(format!("-ERR {}\r\n", error.0).as_bytes());
                    end.effect = Effect::Close;
                    break;
                }
            };
            served += 1;
            end.used_bytes += used_bytes;
            let args: Vec<&[u8]> = parser.args().iter().map(|span| span.of(rest)).collect();
            let commands = &context.session.record.commands;
            commands.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            match args[..] {
                [b"PING"] => out.extend_from_slice(b"+PONG\r\n"),
                [b"ECHO", text] => {
                    out.extend_from_slice(format!("${}\r\n", text.len()).as_bytes());
                    out.extend_from_slice(text);
                    out.extend_from_slice(b"\r\n");
                }
                [b"PANIC"] => panic!("asked to"),
                [b"QUIT"] => {
                    out.extend_from_slice(b"+OK\r\n");
                    end.effect = Effect::Close;
                }
                [b"SLEEP", ms] => {
                    out.extend_from_slice(b"+OK\r\n");
                    let ms = std::str::from_utf8(ms).ok().and_then(|ms| ms.parse().ok());
                    end.effect = Effect::Sleep { ms: ms.unwrap_or(0) };
                    end.more = true;
                }
                [b"SHUTDOWN"] => {
                    end.effect = Effect::Shutdown(super::ShutdownMode::Graceful);
                }
                _ => out.extend_from_slice(b"-ERR unknown command\r\n"),
            }
            if end.effect != Effect::None {
                break;
            }
        }
        end
    }
}
