//! `math.random`, with the generator of Redis: `lrand48`'s.
//!
//! Not here: secrets. Invariant: a script that seeds it gets the numbers that it would get from
//! Redis, and the next script is not affected.

use std::cell::Cell;
use std::rc::Rc;

use mlua::{Lua, Result, Table, Value};

use super::arguments::Arguments;
use super::interpreter::Shared;
use super::sandbox::function;

/// `lrand48`: x = x * a + c modulo 2^48, of which the upper 31 bits are given.
const MULTIPLIER: u64 = 0x5_DEEC_E66D;
const INCREMENT: u64 = 0xB;
const MASK: u64 = (1 << 48) - 1;
/// The lower bits after a seed.
const SEED_TAIL: u64 = 0x330E;
/// Weyl's increment of splitmix64, so that the seeds of scripts are far apart.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// The state of the generator.
pub(super) struct Random {
    state: Cell<u64>,
    seeds: Cell<u64>,
}

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Random { state: Cell::new(SEED_TAIL), seeds: Cell::new(seed) }
    }

    /// Begins a sequence that no earlier script chose.
    pub(super) fn next_script(&self) {
        let seed = self.seeds.get().wrapping_add(GOLDEN);
        self.seeds.set(seed);
        let mixed = (seed ^ (seed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        self.state.set((mixed ^ (mixed >> 27)) & MASK);
    }

    fn seed(&self, seed: i64) {
        let bits = u64::from_le_bytes(seed.to_le_bytes()) & 0xFFFF_FFFF;
        self.state.set((bits << 16) | SEED_TAIL);
    }

    /// From 0 up to, not including, 1.
    fn next(&self) -> f64 {
        let state = self.state.get().wrapping_mul(MULTIPLIER).wrapping_add(INCREMENT) & MASK;
        self.state.set(state);
        let bits = u32::try_from(state >> 17).unwrap_or(u32::MAX);
        f64::from(bits % 0x7FFF_FFFF) / f64::from(0x7FFF_FFFF_u32)
    }
}

/// Adds `random` and `randomseed`.
pub(super) fn add(lua: &Lua, shared: &Rc<Shared>, server: &Table) -> Result<()> {
    let (one, other) = (Rc::clone(shared), Rc::clone(shared));
    server.raw_set("random", function(lua, "random", move |_, args| random(&one.random, args))?)?;
    server.raw_set(
        "randomseed",
        function(lua, "randomseed", move |_, args| {
            other.random.seed(args.integer(1)?);
            Ok(())
        })?,
    )
}

fn random(generator: &Random, args: &Arguments<'_>) -> Result<Value> {
    let fraction = generator.next();
    let (low, high) = match args.len() {
        0 => return Ok(Value::Number(fraction)),
        1 => (1, args.integer(1)?),
        2 => (args.integer(1)?, args.integer(2)?),
        _ => return Err(args.fail("wrong number of arguments").into()),
    };
    if low > high {
        return Err(args.bad(args.len(), "interval is empty").into());
    }
    #[allow(clippy::cast_precision_loss, reason = "Lua's numbers are doubles")]
    let (low, high) = (low as f64, high as f64);
    Ok(Value::Number((fraction * (high - low + 1.0)).floor() + low))
}
