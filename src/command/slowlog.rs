//! SLOWLOG, and what of a request may be kept in it.
//!
//! Not here: the log itself (`Host` keeps it). Invariant: a password never gets past
//! [`slow_args`].

use bytes::Bytes;

use super::argument::integer;
use super::spec::{Flags, Spec};
use super::table::failure;
use super::{Args, Context, SlowEntry, help};
use crate::resp::{self, Frame, Reply};

/// Most arguments kept of one request, the note about the rest included: Redis's bound.
const ARGS_MAX: usize = 32;
/// Most bytes kept of one argument: Redis's bound.
const ARG_BYTES_MAX: usize = 128;
/// Entries that SLOWLOG GET shows if not told how many.
const SHOWN_DEFAULT: usize = 10;
const REDACTED: &[u8] = b"(redacted)";

const FLAGS: Flags = Flags::ADMIN.with(Flags::LOADING).with(Flags::STALE);

pub(super) const ROWS: &[Spec] = &[
    Spec::new("slowlog", -2, len).container().docs(
        "server",
        "2.2.12",
        "A container for slow log commands",
    ),
    Spec::new("slowlog|get", -2, get)
        .flags(FLAGS)
        .docs("server", "2.2.12", "Get the slow log's entries, newest first")
        .complexity("O(N) where N is the number of entries returned")
        .arguments(&[integer("count").optional()]),
    Spec::new("slowlog|len", 2, len).flags(FLAGS).docs(
        "server",
        "2.2.12",
        "Get the slow log's length",
    ),
    Spec::new("slowlog|reset", 2, reset)
        .flags(FLAGS)
        .docs("server", "2.2.12", "Clear all entries from the slow log")
        .complexity("O(N) where N is the number of entries in the slowlog"),
    help::row("slowlog|help", "server", "6.2.0"),
];

fn get(context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    let count = match args.len() {
        2 => SHOWN_DEFAULT,
        3 => {
            let text = "ERR count should be greater than or equal to -1";
            match args.integer_or(2, text) {
                Ok(-1) => usize::MAX,
                Ok(count) => match usize::try_from(count) {
                    Ok(count) => count,
                    Err(_) => return failure(text),
                },
                Err(text) => return Reply::Error(text),
            }
        }
        _ => {
            return failure(
                "ERR unknown subcommand or wrong number of arguments for 'get'. Try SLOWLOG HELP.",
            );
        }
    };
    let entries = context.host.slowlog(count).into_iter().map(entry).collect();
    Reply::Frame(resp::array(entries))
}

fn entry(entry: SlowEntry) -> Frame {
    let number = |value: u64| resp::integer(i64::try_from(value).unwrap_or(i64::MAX));
    resp::array(vec![
        number(entry.id),
        number(entry.at_s),
        number(entry.micros),
        resp::array(entry.args.into_iter().map(resp::bulk).collect()),
        resp::text(&entry.addr),
        resp::bulk(entry.name),
    ])
}

fn len(context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    Reply::Integer(i64::try_from(context.host.slowlog_len()).unwrap_or(i64::MAX))
}

fn reset(context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    context.host.slowlog_reset();
    Reply::Simple("OK")
}

/// What is kept of a request: as Redis bounds it: at most 32 words of 128 bytes, secrets
/// replaced by `(redacted)`.
pub fn slow_args(args: &Args<'_>) -> Vec<Bytes> {
    let secret = secrets(args);
    let kept = if args.len() > ARGS_MAX { ARGS_MAX - 1 } else { args.len() };
    let word = |(index, word): (usize, &[u8])| {
        if secret(index) { Bytes::from_static(REDACTED) } else { shortened(word) }
    };
    let mut words: Vec<Bytes> = args.iter().take(kept).enumerate().map(word).collect();
    if kept < args.len() {
        words.push(Bytes::from(format!("... ({} more arguments)", args.len() - kept)));
    }
    words
}

fn shortened(word: &[u8]) -> Bytes {
    match word.get(..ARG_BYTES_MAX) {
        Some(front) if word.len() > ARG_BYTES_MAX => {
            let note = format!("... ({} more bytes)", word.len() - ARG_BYTES_MAX);
            [front, note.as_bytes()].concat().into()
        }
        _ => Bytes::copy_from_slice(word),
    }
}

/// Tells which words of a request are secret, whatever state the request is in: a command that
/// failed shows no more than one that succeeded.
fn secrets<'a>(args: &'a Args<'_>) -> Box<dyn Fn(usize) -> bool + 'a> {
    let any_name_but_first = |index: usize| index >= 1;
    if args.is(0, "auth") {
        return Box::new(any_name_but_first);
    }
    if args.is(0, "hello") {
        let auth = (2..args.len()).find(|index| args.is(*index, "auth"));
        return Box::new(move |index| auth.is_some_and(|auth| index > auth && index <= auth + 2));
    }
    if args.is(0, "acl") && args.is(1, "setuser") {
        return Box::new(|index| index >= 2);
    }
    if args.is(0, "config") && args.is(1, "set") {
        return Box::new(|index| index >= 3 && is_secret_setting(args, index - 1));
    }
    Box::new(|_| false)
}

fn is_secret_setting(args: &Args<'_>, name_at: usize) -> bool {
    let name = args.get(name_at).to_ascii_lowercase();
    [b"pass".as_slice(), b"secret"].iter().any(|part| name.windows(part.len()).any(|w| w == *part))
}

#[cfg(test)]
mod tests {
    use super::super::fake::words;
    use super::*;

    fn kept(request: &[&str]) -> Vec<String> {
        let (bytes, spans) = words(request);
        let kept = slow_args(&Args::new(&bytes, &spans));
        kept.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect()
    }

    #[test]
    fn secrets_are_never_kept() {
        assert_eq!(kept(&["AUTH", "u", "p"]), ["AUTH", "(redacted)", "(redacted)"]);
        assert_eq!(
            kept(&["hello", "3", "Auth", "u", "p", "SETNAME", "n"]),
            ["hello", "3", "Auth", "(redacted)", "(redacted)", "SETNAME", "n"]
        );
        assert_eq!(
            kept(&["CONFIG", "SET", "maxclients", "5", "RequirePass", "p"]),
            ["CONFIG", "SET", "maxclients", "5", "RequirePass", "(redacted)"]
        );
        assert_eq!(
            kept(&["ACL", "SETUSER", "u", ">p"]),
            ["ACL", "SETUSER", "(redacted)", "(redacted)"]
        );
        assert_eq!(kept(&["CONFIG", "GET", "requirepass"]), ["CONFIG", "GET", "requirepass"]);
    }

    #[test]
    fn long_requests_are_shortened_as_redis_does() {
        let long = "x".repeat(130);
        assert_eq!(kept(&["ping", &long])[1], format!("{}... (2 more bytes)", "x".repeat(128)));
        let many = vec!["a"; 40];
        let kept = kept(&many);
        assert_eq!((kept.len(), kept[31].as_str()), (32, "... (9 more arguments)"));
        assert_eq!(super::tests::kept(&["a"; 32]).len(), 32);
    }
}
