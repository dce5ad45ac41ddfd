//! A slice: the requests of one socket read that are served before other connections get their
//! turn.
//!
//! Requests are parsed ahead, the counters of the plain hits among them looked up together (their
//! cache misses overlap), then all are executed in their order. Not here: sockets. Invariant: looking
//! ahead only touches memory; what a request does and sees is what it would in a slice of its own.

use std::ops::Range;
use std::sync::atomic::Ordering::Relaxed;

use super::ratelimit::{plain_charge, refusal};
use super::session::{Effect, Replies};
use super::spec::Flags;
use super::{Args, Context, PauseMode, SlowEntry, TABLE, execute, lookup, resolve, slow_args};
use crate::engine::{Charge, Hint, Name};
use crate::resp::{Limits, Parsed, Parser, ProtocolError, Reply, Span, encode_five};

/// Most requests served in one slice, so that one client's pipeline cannot starve the others.
pub const REQUESTS_MAX: usize = 256;
/// A slice ends once it has encoded so many bytes of replies: what a client that never reads can
/// pile up.
pub const REPLY_BYTES_MAX: usize = 64 * 1024;
/// Most arguments of a request: far above any limiter's, and a span costs eight bytes.
pub(super) const ARGS_MAX: usize = 65_536;
/// Longest inline request (Redis's figure).
pub(super) const LINE_BYTES_MAX: usize = 64 * 1024;
/// Requests slower than this are worth a clock reading each; hits are far faster, so they share one
/// unless the slow log asks for less.
const TIMED_TOGETHER_BELOW_NS: u64 = 100_000;

/// A slice ends once it has taken so long: a request that looks a key up under a thousand scales may
/// take a tenth of this, and others wait.
const SLICE_NS_MAX: u64 = 1_000_000;

/// What a worker reuses from slice to slice.
#[derive(Debug, Default)]
pub struct Slice {
    spans: Vec<Span>,
    requests: Vec<Request>,
    /// The inline request as it was received, where a pause may hold it back.
    line: Vec<u8>,
    hints: Vec<Hint>,
}

/// A parsed request: where it is in the input, where its words are in `Slice::spans`.
#[derive(Clone, Debug)]
struct Request {
    bytes: Range<usize>,
    spans: Range<usize>,
    inline: bool,
}

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
    /// It ended because it took long: others must have their turn now.
    pub out_of_time: bool,
}

/// What became of a slice's requests.
struct Served {
    /// How many were executed.
    count: usize,
    effect: Effect,
    out_of_time: bool,
}

/// How far the input was parsed.
struct Ahead {
    /// Bytes of whole requests.
    parsed_bytes: usize,
    /// The input may hold further whole requests.
    more: bool,
    error: Option<ProtocolError>,
}

/// A plain hit and its request's place in the slice.
struct Plain<'i> {
    at: usize,
    name: Name<'i>,
    charge: Charge,
}

/// The clock readings of a slice, and hits not yet charged to the statistics.
struct Timer {
    row: Option<usize>,
    start_ns: u64,
    /// The last reading.
    mark_ns: u64,
    untimed: u64,
    allowed: u64,
    denied: u64,
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
        context.session.effect = Effect::None;
        let ahead = self.parse(context, parser, input);
        let plain = self.look_ahead(context, input);
        let Served { count, effect, out_of_time } = self.serve(context, input, &plain, out);
        if let Some(next) = self.requests.get(count) {
            // What was parsed beyond is parsed again when its turn comes.
            *parser = Parser::default();
            let used_bytes = next.bytes.start;
            if next.inline {
                input[used_bytes..][..self.line.len()].copy_from_slice(&self.line);
            }
            return SliceEnd { used_bytes, more: true, effect, out_of_time };
        }
        if let (Effect::None, Some(error)) = (effect, &ahead.error) {
            fatal(error).encode(context.session.protocol, out);
            let used_bytes = input.len();
            return SliceEnd { used_bytes, more: false, effect: Effect::Close, out_of_time };
        }
        if ahead.error.is_some() {
            // What follows is told when its turn comes.
            *parser = Parser::default();
            return SliceEnd { used_bytes: ahead.parsed_bytes, more: true, effect, out_of_time };
        }
        SliceEnd { used_bytes: ahead.parsed_bytes, more: ahead.more, effect, out_of_time }
    }

    /// Parses whole requests. One at a time where a request may change how the next is read: before
    /// authentication (tighter limits), and inline (decoded in place, so parsed again only from a
    /// copy).
    fn parse(&mut self, context: &Context<'_>, parser: &mut Parser, input: &mut [u8]) -> Ahead {
        self.spans.clear();
        self.requests.clear();
        self.line.clear();
        let paused = context.host.paused(context.now_ms).is_some();
        let unauthenticated = !context.session.authenticated;
        let limits = Limits {
            bulk_bytes_max: context.config.proto_max_bulk_len,
            args_max: ARGS_MAX,
            line_bytes_max: LINE_BYTES_MAX,
            unauthenticated,
        };
        let mut at = 0;
        let mut empty = 0;
        while let Some(first) = input.get(at) {
            let inline = *first != b'*';
            let single = self.requests.len() == 1 && unauthenticated;
            if self.requests.len() + empty == REQUESTS_MAX
                || single
                || (inline && !self.requests.is_empty())
            {
                return Ahead { parsed_bytes: at, more: true, error: None };
            }
            if inline && paused {
                let line = input[at..].split_inclusive(|byte| *byte == b'\n').next();
                self.line.clear();
                self.line.extend_from_slice(line.unwrap_or_default());
            }
            match parser.parse(&mut input[at..], &limits) {
                Ok(Parsed::Request { used_bytes }) => {
                    let bytes = at..at + used_bytes;
                    at = bytes.end;
                    if parser.args().is_empty() {
                        empty += 1;
                        continue;
                    }
                    let start = self.spans.len();
                    self.spans.extend_from_slice(parser.args());
                    self.requests.push(Request { bytes, spans: start..self.spans.len(), inline });
                    if inline {
                        return Ahead { parsed_bytes: at, more: at < input.len(), error: None };
                    }
                }
                Ok(Parsed::Incomplete) => break,
                Err(error) => return Ahead { parsed_bytes: at, more: false, error: Some(error) },
            }
        }
        Ahead { parsed_bytes: at, more: false, error: None }
    }

    fn args<'a>(&'a self, input: &'a [u8], request: &Request) -> Args<'a> {
        Args::new(&input[request.bytes.clone()], &self.spans[request.spans.clone()])
    }

    /// Finds the plain hits and, where there are several, has their counters looked up together.
    fn look_ahead<'i>(&mut self, context: &mut Context<'_>, input: &'i [u8]) -> Vec<Plain<'i>> {
        self.hints.clear();
        let mut plain = Vec::new();
        // While loading nothing is a plain hit: asked once a slice, it costs a hit nothing.
        if context.loading
            || context.session.replies != Replies::On
            || slow_after_ns(context) < TIMED_TOGETHER_BELOW_NS
        {
            return plain;
        }
        let mut names = Vec::new();
        for (at, request) in self.requests.iter().enumerate() {
            let (bytes, spans) =
                (&input[request.bytes.clone()], &self.spans[request.spans.clone()]);
            if let Some(charge) = plain_charge(&Args::new(bytes, spans)) {
                let name = Name::at(context.now_ms, charge.series, spans[1].of(bytes));
                names.push(name);
                plain.push(Plain { at, name, charge });
            }
        }
        match names.as_slice() {
            [name] => self.hints.push(context.reader.hint(name)),
            names => context.reader.locate(names, &mut self.hints),
        }
        plain
    }

    /// Executes the requests in order, as many as fit into the slice.
    fn serve(
        &self,
        context: &mut Context<'_>,
        input: &[u8],
        plain: &[Plain<'_>],
        out: &mut Vec<u8>,
    ) -> Served {
        let full = out.len() + REPLY_BYTES_MAX;
        let mut plain = plain.iter().zip(&self.hints).peekable();
        let mut timer = Timer::start(context);
        let mut served = Served { count: 0, effect: Effect::None, out_of_time: false };
        while let Some(request) = self.requests.get(served.count) {
            if let Some(ms) = self.held_ms(context, input, request) {
                served.effect = Effect::Sleep { ms };
                break;
            }
            let hit = plain.next_if(|(hit, _)| hit.at == served.count);
            match hit.filter(|_| may_shortcut(context)) {
                Some((hit, hint)) => hit_now(context, hit, *hint, &mut timer, out),
                None => {
                    timer.charge(context);
                    let args = self.args(input, request);
                    timer.time(context, &args, out);
                    // Messages that came meanwhile, one's own among them, stand between replies.
                    context.session.deliver(out, full);
                }
            }
            served.count += 1;
            served.effect = context.session.effect;
            served.out_of_time = timer.elapsed_ns() >= SLICE_NS_MAX;
            if served.effect != Effect::None || served.out_of_time || out.len() >= full {
                break;
            }
        }
        timer.charge(context);
        served
    }

    /// How long CLIENT PAUSE holds this request back.
    fn held_ms(&self, context: &Context<'_>, input: &[u8], request: &Request) -> Option<u64> {
        // A pause that began after an inline request was decoded comes too late for it.
        if request.inline && self.line.is_empty() {
            return None;
        }
        let (mode, until_ms) = context.host.paused(context.now_ms)?;
        let writes = || {
            let row = resolve(&self.args(input, request));
            row.is_ok_and(|row| TABLE[row].may_write() || executes_writes(context, row))
        };
        (mode == PauseMode::All || writes())
            .then_some(until_ms.saturating_sub(context.now_ms).max(1))
    }
}

/// True if the row is EXEC and would change data.
fn executes_writes(context: &Context<'_>, row: usize) -> bool {
    let transaction = context.session.transaction.as_ref();
    TABLE[row].name == "exec" && transaction.is_some_and(|transaction| transaction.may_write())
}

/// True if a plain hit may skip the table: nothing that it checks can have changed for the worse,
/// and it is not to be queued.
fn may_shortcut(context: &Context<'_>) -> bool {
    context.session.authenticated
        && context.session.replies == Replies::On
        && context.session.transaction.is_none()
        && context.session.subscriber.is_none()
}

/// The error reply that ends a connection.
fn fatal(error: &ProtocolError) -> Reply {
    Reply::Error(format!("ERR {}", error.0).into())
}

fn slow_after_ns(context: &Context<'_>) -> u64 {
    let micros = context.config.slowlog_log_slower_than;
    u64::try_from(micros).map_or(u64::MAX, |micros| micros.saturating_mul(1000))
}

/// Executes a plain hit.
#[inline]
fn hit_now(
    context: &mut Context<'_>,
    hit: &Plain<'_>,
    hint: Hint,
    timer: &mut Timer,
    out: &mut Vec<u8>,
) {
    let (engine, reader) = (context.engine, &mut context.reader);
    match engine.hit_at(reader, context.now_ms, &hit.name, hint, &hit.charge) {
        Ok(verdict) => {
            timer.count(verdict.allowed);
            encode_five(out, verdict.to_reply());
        }
        Err(refused) => {
            let text = refusal(refused);
            if let Some(row) = timer.row {
                context.stats.fail(row, &text);
            }
            timer.untimed += 1;
            Reply::Error(text).encode(context.session.protocol, out);
        }
    }
}

impl Timer {
    fn start(context: &Context<'_>) -> Timer {
        let mark_ns = (context.ticker)();
        Timer {
            row: lookup(b"rl.hit"),
            start_ns: mark_ns,
            mark_ns,
            untimed: 0,
            allowed: 0,
            denied: 0,
        }
    }

    #[inline]
    fn count(&mut self, allowed: bool) {
        self.untimed += 1;
        if allowed {
            self.allowed += 1;
        } else {
            self.denied += 1;
        }
    }

    /// Charges the plain hits since the last reading to the statistics.
    fn charge(&mut self, context: &Context<'_>) {
        let Some(row) = self.row.filter(|_| self.untimed > 0) else { return };
        let nanos = self.lap(context);
        context.stats.record(row, self.untimed, nanos);
        context.stats.verdicts(self.allowed, self.denied);
        let record = &context.session.record;
        record.last_command.store(row as u64 + 1, Relaxed);
        record.commands.fetch_add(self.untimed, Relaxed);
        (self.untimed, self.allowed, self.denied) = (0, 0, 0);
    }

    /// Executes a request through the table, timed on its own.
    fn time(&mut self, context: &mut Context<'_>, args: &Args<'_>, out: &mut Vec<u8>) {
        let (reply, row) = execute(context, args);
        // Read afterwards: HELLO answers in the protocol that it chooses.
        reply.encode(context.session.protocol, out);
        context.session.record.commands.fetch_add(1, Relaxed);
        let nanos = self.lap(context);
        let Some(row) = row else { return };
        record(context, row, args, nanos);
    }

    /// Nanoseconds from the start to the last reading.
    fn elapsed_ns(&self) -> u64 {
        self.mark_ns.saturating_sub(self.start_ns)
    }

    /// Nanoseconds since the last reading.
    fn lap(&mut self, context: &Context<'_>) -> u64 {
        let now_ns = (context.ticker)();
        now_ns.saturating_sub(std::mem::replace(&mut self.mark_ns, now_ns))
    }
}

/// Charges a request that ran on its own to the statistics, and to the slow log if it was slow.
pub(super) fn record(context: &Context<'_>, row: usize, args: &Args<'_>, nanos: u64) {
    context.stats.record(row, 1, nanos);
    if nanos < slow_after_ns(context) || TABLE[row].flags.contains(Flags::SKIP_SLOWLOG) {
        return;
    }
    let record = &context.session.record;
    context.host.note_slow(SlowEntry {
        id: 0,
        at_s: context.now_ms / 1000,
        micros: nanos / 1000,
        args: slow_args(args),
        addr: record.addr.clone(),
        name: record.identity.lock().name.clone(),
    });
}

#[cfg(test)]
#[path = "slice_tests.rs"]
mod tests;
