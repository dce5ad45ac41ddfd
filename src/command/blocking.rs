//! Commands that wait: BLPOP, BRPOP; what a waiting client is answered.
//!
//! Not here: who is served when (store), how long a connection sleeps (edge). Invariant: a request
//! that waits gets exactly one reply, after which the next one is served.

use std::task::{Poll, Waker};

use super::argument::{Argument, double, key};
use super::extended::Extended;
use super::session::{Effect, Replies};
use super::spec::{Categories, Flags, Keyed, Keys, Spec};
use super::table::{WRONG_TYPE, error, failure};
use super::{Args, Context, ErrorText, Session};
use crate::engine::{End, Held, List, Wait, Waited};
use crate::resp::{Reply, array, bulk};

/// Most keys that one client waits for.
pub(super) const WAITED_COUNT_MAX: usize = 1_024;
/// Most bytes of their names.
pub(super) const WAITED_BYTES_MAX: usize = 1 << 20;

const ARGUMENTS: &[Argument] = &[key("key").multiple(), double("timeout")];

const fn row(name: &'static str, handler: Keyed, summary: &'static str) -> Spec {
    Spec::keyed(name, -3, handler)
        .categories(Categories::LIST)
        .flags(Flags::WRITE.with(Flags::NOSCRIPT).with(Flags::BLOCKING))
        .keys(Keys::Range { first: 1, last: -2, step: 1, access: &["RW", "access", "delete"] })
        .docs("list", "2.0.0", summary)
        .complexity("O(N) where N is the number of keys")
        .arguments(ARGUMENTS)
}

pub(super) const ROWS: &[Spec] = &[
    row("blpop", pop_left, "Remove and return the first element of a list, or wait for one"),
    row("brpop", pop_right, "Remove and return the last element of a list, or wait for one"),
];

/// A request that waits for an element.
#[derive(Debug)]
pub struct Blocked {
    wait: Wait,
    /// How long it waits, milliseconds; `None` = as long as it takes.
    pub timeout_ms: Option<u64>,
    /// Its reply is not wanted (CLIENT REPLY).
    is_silent: bool,
}

impl Blocked {
    /// The wait, for who ends it without a reply.
    pub fn into_wait(self) -> Wait {
        self.wait
    }

    /// True once [`Session::poll_blocked`] has a reply; until then `waker` is woken when it has. The
    /// reply is not taken: who has gone must not have it.
    pub fn has_ended(&self, waker: &Waker) -> bool {
        self.wait.mailbox().has_ended(waker)
    }

    /// Its time is over; what [`Session::poll_blocked`] gives then is an element that came just
    /// before, or the reply of a time-out.
    pub fn time_out(&self) {
        self.wait.mailbox().end(false);
    }
}

impl Session {
    /// The reply of the request that waits, once it has one: nothing waits then. Else `waker` is
    /// woken when it does.
    pub fn poll_blocked(&mut self, waker: &Waker) -> Poll<Reply> {
        let Some(blocked) = &mut self.blocked else { return Poll::Ready(Reply::Nothing) };
        let Poll::Ready(waited) = blocked.wait.poll(waker) else { return Poll::Pending };
        let is_silent = blocked.is_silent;
        self.take_blocked();
        Poll::Ready(if is_silent { Reply::Nothing } else { answer(waited) })
    }

    /// Takes the request that waits away, without a reply.
    pub fn take_blocked(&mut self) -> Option<Blocked> {
        let blocked = self.blocked.take()?;
        *self.record.blocked.lock() = None;
        Some(blocked)
    }
}

fn answer(waited: Waited) -> Reply {
    match waited {
        Waited::Served { key, element, .. } => pair(&key, &element),
        Waited::TimedOut => Reply::NullArray,
        Waited::Unblocked => failure("UNBLOCKED client unblocked via CLIENT UNBLOCK"),
    }
}

fn pair(key: &[u8], element: &[u8]) -> Reply {
    Reply::Frame(array(vec![bulk(key.to_vec()), bulk(element.to_vec())]))
}

fn pop_left(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    pop(context, held, args, End::Left).unwrap_or_else(Reply::Error)
}

fn pop_right(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    pop(context, held, args, End::Right).unwrap_or_else(Reply::Error)
}

fn pop(
    context: &mut Context<'_>,
    held: &mut Held<'_>,
    args: &Args<'_>,
    end: End,
) -> Result<Reply, ErrorText> {
    let last = args.len() - 1;
    let timeout_ms = read_timeout(args.get(last))?;
    let keys = (1..last).map(|at| args.get(at));
    for key in keys.clone() {
        let list = held.view::<List>(key).map_err(|_| WRONG_TYPE)?;
        if list.is_none() {
            continue;
        }
        let element = held.edit::<List, _>(key, 0, |list| list.pop(end));
        if let Ok(Some(element)) = element {
            return Ok(pair(key, &element));
        }
    }
    if context.is_held {
        // Nobody else can change anything before the transaction has ended.
        return Ok(Reply::NullArray);
    }
    let bytes = keys.clone().fold(0, |sum: usize, key| sum.saturating_add(key.len()));
    if last - 1 > WAITED_COUNT_MAX || bytes > WAITED_BYTES_MAX {
        return Ok(error(format!(
            "ERR too many keys to wait for, must be at most {WAITED_COUNT_MAX} of \
             {WAITED_BYTES_MAX} bytes together"
        )));
    }
    let wait = held.wait(keys, end).map_err(|full| super::strings::full(context, full))?;
    *context.session.record.blocked.lock() = Some(wait.mailbox().clone());
    let is_silent = context.session.replies != Replies::On;
    context.session.blocked = Some(Blocked { wait, timeout_ms, is_silent });
    context.session.effect = Effect::Wait;
    Ok(Reply::Nothing)
}

/// Milliseconds, rounded up; `None` = for ever.
fn read_timeout(word: &[u8]) -> Result<Option<u64>, ErrorText> {
    let seconds = Extended::parse(word).ok_or("ERR timeout is not a float or out of range")?;
    // What is beyond 64 bits turns negative in Redis 7.0's conversion.
    let ms = seconds.thousandfold_up().and_then(|ms| u64::try_from(ms).ok());
    let ms = ms.ok_or("ERR timeout is negative")?;
    Ok((ms > 0).then_some(ms))
}

#[cfg(test)]
#[path = "blocking_tests.rs"]
mod tests;
