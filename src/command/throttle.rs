//! Temporary handlers, replaced at the merge.

use super::{Args, Context};
use crate::resp::Reply;

pub(super) fn rl_throttle(_context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    super::table::failure("ERR not merged yet")
}

pub(super) fn cl_throttle(_context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    super::table::failure("ERR not merged yet")
}

pub(super) fn throttle(_context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    super::table::failure("ERR not merged yet")
}
