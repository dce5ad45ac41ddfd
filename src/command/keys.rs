//! Temporary handlers, replaced at the merge.

use super::{Args, Context};
use crate::resp::Reply;

pub(super) fn dbsize(_context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    super::table::failure("ERR not merged yet")
}

pub(super) fn scan(_context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    super::table::failure("ERR not merged yet")
}

pub(super) fn key_type(_context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    super::table::failure("ERR not merged yet")
}

pub(super) fn ttl(_context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    super::table::failure("ERR not merged yet")
}

pub(super) fn pttl(_context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    super::table::failure("ERR not merged yet")
}

pub(super) fn exists(_context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    super::table::failure("ERR not merged yet")
}

pub(super) fn del(_context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    super::table::failure("ERR not merged yet")
}

pub(super) fn unlink(_context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    super::table::failure("ERR not merged yet")
}

pub(super) fn flushall(_context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    super::table::failure("ERR not merged yet")
}

pub(super) fn flushdb(_context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    super::table::failure("ERR not merged yet")
}

pub(super) fn keys(_context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    super::table::failure("ERR not merged yet")
}

pub(super) fn object(_context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    super::table::failure("ERR not merged yet")
}

pub(super) fn memory(_context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    super::table::failure("ERR not merged yet")
}
