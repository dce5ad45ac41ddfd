//! What an origin says of a counter of the keyspace, behind its key.
//!
//! ```text
//! share    flags 1 B, birth, born_ms, up, [down], [until_ms], [until_stamp]
//!          [erased], [ended], [moved: stamp, until, at_ms, first_stamp, first_ms]
//! ```
//! Fields in brackets are there if the flags say so; an until is one more than its ms, 0 = never.

use super::input::Input;
use super::{Malformed, output};
use crate::engine::{Moved, NEVER_MS, Share, ShareSaid};

const HOLDS: u8 = 1;
const DOWN: u8 = 1 << 1;
const ENDS: u8 = 1 << 2;
/// What said the end is the birth itself (a SET), so it is not repeated.
const BORN_ENDING: u8 = 1 << 3;
const END_STAMPED: u8 = 1 << 4;
const ERASED: u8 = 1 << 5;
const ENDED: u8 = 1 << 6;
const MOVED: u8 = 1 << 7;

fn flags(said: &ShareSaid) -> u8 {
    let ShareSaid { share, erased, ended, moved } = said;
    let is_born_ending = share.until_stamp == share.birth;
    let set = [
        (HOLDS, share.holds),
        (DOWN, share.down > 0),
        (ENDS, share.until_ms != NEVER_MS),
        (BORN_ENDING, is_born_ending),
        (END_STAMPED, !is_born_ending && share.until_stamp > 0),
        (ERASED, *erased > 0),
        (ENDED, *ended > 0),
        (MOVED, *moved != Moved::default()),
    ];
    set.into_iter().filter(|(_, is_set)| *is_set).fold(0, |flags, (flag, _)| flags | flag)
}

fn write_until(out: &mut Vec<u8>, until_ms: u64) {
    output::number(out, until_ms.wrapping_add(1));
}

fn read_until(body: &mut Input<'_>) -> Result<u64, Malformed> {
    Ok(body.number()?.wrapping_sub(1))
}

pub(super) fn write(out: &mut Vec<u8>, said: &ShareSaid) {
    let ShareSaid { share, erased, ended, moved } = said;
    let flags = flags(said);
    out.push(flags);
    output::number(out, share.birth);
    output::number(out, share.born_ms);
    output::number(out, share.up);
    let optional = [(DOWN, share.down), (ENDS, share.until_ms.wrapping_add(1))];
    let stamps = [(END_STAMPED, share.until_stamp), (ERASED, *erased), (ENDED, *ended)];
    for (_, number) in optional.into_iter().chain(stamps).filter(|(flag, _)| flags & flag != 0) {
        output::number(out, number);
    }
    if flags & MOVED != 0 {
        output::number(out, moved.stamp);
        write_until(out, moved.until_ms);
        for number in [moved.at_ms, moved.first_stamp, moved.first_ms] {
            output::number(out, number);
        }
    }
}

pub(super) fn read(body: &mut Input<'_>) -> Result<ShareSaid, Malformed> {
    let flags = body.byte()?;
    let (birth, born_ms, up) = (body.number()?, body.number()?, body.number()?);
    let has = |flag| flags & flag != 0;
    let down = if has(DOWN) { body.number()? } else { 0 };
    let until_ms = if has(ENDS) { read_until(body)? } else { NEVER_MS };
    let until_stamp = match (has(BORN_ENDING), has(END_STAMPED)) {
        (true, true) => return Err(Malformed),
        (true, false) => birth,
        (false, true) => body.number()?,
        (false, false) => 0,
    };
    let share = Share { birth, born_ms, up, down, holds: has(HOLDS), until_ms, until_stamp };
    let erased = if has(ERASED) { body.number()? } else { 0 };
    let ended = if has(ENDED) { body.number()? } else { 0 };
    let moved = if has(MOVED) { read_moved(body)? } else { Moved::default() };
    Ok(ShareSaid { share, erased, ended, moved })
}

fn read_moved(body: &mut Input<'_>) -> Result<Moved, Malformed> {
    Ok(Moved {
        stamp: body.number()?,
        until_ms: read_until(body)?,
        at_ms: body.number()?,
        first_stamp: body.number()?,
        first_ms: body.number()?,
    })
}
