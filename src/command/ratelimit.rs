//! Temporary handlers, replaced at the merge.

use super::{Args, Context};
use crate::resp::Reply;

pub(super) fn hit(_context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    super::table::failure("ERR not merged yet")
}

pub(super) fn check(_context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    super::table::failure("ERR not merged yet")
}

pub(super) fn mhit(_context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    super::table::failure("ERR not merged yet")
}

pub(super) fn inc(_context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    super::table::failure("ERR not merged yet")
}

pub(super) fn get(_context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    super::table::failure("ERR not merged yet")
}

pub(super) fn set(_context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    super::table::failure("ERR not merged yet")
}

pub(super) fn expires_at(_context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    super::table::failure("ERR not merged yet")
}

pub(super) fn refund(_context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    super::table::failure("ERR not merged yet")
}

pub(super) fn reset(_context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    super::table::failure("ERR not merged yet")
}
