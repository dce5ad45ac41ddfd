//! GCRA under the names and with the replies of redis-cell and throttlecrab.
//!
//! Not here: the arithmetic (limiter::gcra). Invariant: `CL.THROTTLE` and `RL.THROTTLE` say 0 for
//! allowed, `THROTTLE` says 1; their argument errors (redis-cell really says both prefixes) are those of the server they stand in for.

use super::table::{WRONG_TYPE, failure};
use super::{Args, Context, ErrorText};
use crate::engine::{Held, ThrottleError};
use crate::limiter::gcra::{GcraError, Quota};
use crate::resp::Reply;

/// redis-cell's answer to a wrong number of arguments.
pub(super) const USAGE: &str = "Cell error: Store error: Usage: cl.throttle <key> <max_burst> \
                                <count per period> <period> [<quantity>]";

/// How a server reads one integer argument, named for its error.
type ReadInteger = fn(&Args<'_>, usize, &str) -> Result<i64, ErrorText>;

pub(super) fn rl_throttle(
    context: &mut Context<'_>,
    held: &mut Held<'_>,
    args: &Args<'_>,
) -> Reply {
    if args.len() > 6 {
        return failure("ERR syntax error");
    }
    let read: ReadInteger = |args, at, _| args.integer(at);
    decide(context, held, args, read, Quota::cell)
}

pub(super) fn cl_throttle(
    context: &mut Context<'_>,
    held: &mut Held<'_>,
    args: &Args<'_>,
) -> Reply {
    if args.len() != 5 && args.len() != 6 {
        return failure(USAGE);
    }
    decide(context, held, args, cell_integer, Quota::cell)
}

pub(super) fn throttle(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    if args.len() > 6 {
        return failure("ERR wrong number of arguments for 'throttle' command");
    }
    let read: ReadInteger = |args, at, name| {
        args.integer(at).map_err(|_| ErrorText::Owned(format!("ERR invalid {name}")))
    };
    decide(context, held, args, read, Quota::crab)
}

/// Reads an integer as redis-cell does, by Rust's rules: a plus sign and leading zeros are fine.
fn cell_integer(args: &Args<'_>, at: usize, _name: &str) -> Result<i64, ErrorText> {
    let word = String::from_utf8_lossy(args.get(at));
    word.parse().map_err(|_| {
        ErrorText::Owned(format!("Cell error: Store error: Couldn't parse as integer: {word}"))
    })
}

fn decide(
    context: &mut Context<'_>,
    held: &mut Held<'_>,
    args: &Args<'_>,
    read: ReadInteger,
    quota: fn(i64, i64, i64) -> Result<Quota, GcraError>,
) -> Reply {
    let decided = (|| {
        let key = super::ratelimit::key(args, 1)?;
        let max_burst = read(args, 2, "max_burst")?;
        let count = read(args, 3, "count_per_period")?;
        let period_s = read(args, 4, "period")?;
        let quantity = if args.len() > 5 { read(args, 5, "quantity")? } else { 1 };
        let refused = |gcra: GcraError| ErrorText::Owned(gcra.to_string());
        let quota = quota(max_burst, count, period_s).map_err(refused)?;
        let decided = context.engine.throttle_held(held, context.now_ns, key, &quota, quantity);
        decided.map_err(|why| match why {
            ThrottleError::Gcra(gcra) => refused(gcra),
            ThrottleError::Refused(refusal) => super::ratelimit::refusal(refusal),
            ThrottleError::WrongType => WRONG_TYPE.into(),
        })
    })();
    match decided {
        Ok(decision) => {
            let denied = u64::from(decision.limited);
            context.stats.verdicts(1 - denied, denied);
            Reply::Five(decision.to_reply())
        }
        Err(text) => Reply::Error(text),
    }
}
