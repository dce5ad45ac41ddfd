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
        _parser: &mut Parser,
        input: &mut [u8],
        out: &mut Vec<u8>,
    ) -> SliceEnd {
        let mut end = SliceEnd {
            used_bytes: 0,
            more: false,
            effect: Effect::None,
        };
        let mut served = 0;
        while let Some(len) = memchr::memchr(b'\n', &input[end.used_bytes..]) {
            if served == REQUESTS_MAX || out.len() >= REPLY_BYTES_MAX {
                end.more = true;
                break;
            }
            let line = &input[end.used_bytes..end.used_bytes + len];
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            end.used_bytes += len + 1;
            served += 1;
            context
                .session
                .record
                .commands
                .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let mut words = line.splitn(2, |b| *b == b' ');
            match (words.next().unwrap_or_default(), words.next()) {
                (b"PING", _) => out.extend_from_slice(b"+PONG\r\n"),
                (b"ECHO", Some(text)) => {
                    out.extend_from_slice(format!("${}\r\n", text.len()).as_bytes());
                    out.extend_from_slice(text);
                    out.extend_from_slice(b"\r\n");
                }
                (b"BIG", _) => {
                    out.extend_from_slice(b"$1000\r\n");
                    out.resize(out.len() + 1000, b'x');
                    out.extend_from_slice(b"\r\n");
                }
                (b"PANIC", _) => panic!("asked to"),
                (b"AUTH", _) => context.session.authenticated = true,
                (b"ID", _) => {
                    out.extend_from_slice(format!(":{}\r\n", context.session.record.id).as_bytes())
                }
                (b"QUIT", _) => {
                    out.extend_from_slice(b"+OK\r\n");
                    end.effect = Effect::Close;
                }
                (b"SLEEP", Some(ms)) => {
                    out.extend_from_slice(b"+OK\r\n");
                    let ms = std::str::from_utf8(ms).ok().and_then(|ms| ms.parse().ok());
                    end.effect = Effect::Sleep {
                        ms: ms.unwrap_or(0),
                    };
                    end.more = true;
                }
                (b"SHUTDOWN", _) => {
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
