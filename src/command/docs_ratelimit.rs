//! The table rows of rate limiting: what COMMAND, HELP and redis-cli's hints tell about RL.*,
//! CL.THROTTLE and THROTTLE.
//!
//! Not here: their handlers (`ratelimit.rs`, `throttle.rs`).

use super::argument::{Argument, block, integer, key, text, word};
use super::spec::{Categories, Flags, Keyed, Keys, Plain, Spec};
use super::{explain, ratelimit, throttle};

const GROUP: &str = "rate-limit";
const SINCE: &str = "0.1.0";
const READ: Flags = Flags::READONLY.with(Flags::FAST);
const WRITE: Flags = Flags::WRITE.with(Flags::FAST);
const GROW: Flags = WRITE.with(Flags::DENYOOM);
const CHANGED: &[&str] = &["RW", "access", "update"];
const UPDATED: &[&str] = &["RW", "update"];
const READ_ONLY: &[&str] = &["RO", "access"];
const SLIDING: Argument = word("sliding", "SLIDING").optional();
const SCALE: Argument = text("scale");
const INCREMENT: Argument = integer("increment").optional();

const fn row(name: &'static str, arity: i32, handler: Plain) -> Spec {
    Spec::new(name, arity, handler).categories(Categories::RATELIMIT)
}

const fn cell(name: &'static str, arity: i32, handler: Keyed) -> Spec {
    Spec::keyed(name, arity, handler).categories(Categories::RATELIMIT)
}

pub(super) const ROWS: &[Spec] = &[
    row("rl.hit", -4, ratelimit::hit)
        .flags(GROW)
        .keys(Keys::one(CHANGED))
        .docs(GROUP, SINCE, "Count a hit in the current window and tell whether it is allowed")
        .arguments(&[
            key("key"),
            SCALE,
            integer("limit"),
            INCREMENT,
            SLIDING,
            word("nocount", "NOCOUNT").optional(),
        ]),
    row("rl.check", -4, ratelimit::check)
        .flags(READ)
        .keys(Keys::one(READ_ONLY))
        .docs(GROUP, SINCE, "Tell what RL.HIT would answer, and count nothing")
        .arguments(&[key("key"), SCALE, integer("limit"), INCREMENT, SLIDING]),
    row("rl.mhit", -6, ratelimit::mhit)
        .flags(GROW)
        .keys(Keys::Counted { count_at: 1, step: 4, access: CHANGED })
        .docs(GROUP, SINCE, "Count hits under several limits: all of them, or none if one denies")
        .complexity("O(N) where N is the number of limits")
        .arguments(&[
            integer("numlimits"),
            block("hit", &[key("key"), SCALE, integer("limit"), integer("increment")]).multiple(),
            SLIDING,
        ]),
    row("rl.inc", -3, ratelimit::inc)
        .flags(GROW)
        .keys(Keys::one(CHANGED))
        .docs(GROUP, SINCE, "Add to the count of the current window without a limit")
        .arguments(&[key("key"), SCALE, INCREMENT, SLIDING]),
    row("rl.get", -3, ratelimit::get)
        .flags(READ)
        .keys(Keys::one(READ_ONLY))
        .docs(GROUP, SINCE, "Get the count of the current window, 0 if there is none")
        .arguments(&[key("key"), SCALE, SLIDING]),
    row("rl.set", -4, ratelimit::set)
        .flags(GROW)
        .keys(Keys::one(UPDATED))
        .docs(GROUP, SINCE, "Set the count of the current window")
        .arguments(&[key("key"), SCALE, integer("count"), SLIDING]),
    row("rl.expiresat", -3, ratelimit::expires_at)
        .flags(READ)
        .keys(Keys::one(READ_ONLY))
        .docs(GROUP, SINCE, "Get when the current window ends, in ms since the epoch")
        .arguments(&[key("key"), SCALE, SLIDING]),
    row("rl.refund", -4, ratelimit::refund)
        .flags(WRITE)
        .keys(Keys::one(CHANGED))
        .docs(GROUP, SINCE, "Give back what was counted in the current window, at most all of it")
        .arguments(&[key("key"), SCALE, integer("amount"), SLIDING]),
    row("rl.reset", -2, ratelimit::reset)
        .flags(WRITE)
        .keys(Keys::one(&["RW", "delete"]))
        .docs(GROUP, SINCE, "Forget the counters of a key, of all scales or of the scales named")
        .complexity("O(N) where N is the number of scales in use")
        .arguments(&[key("key"), SCALE.optional().multiple()]),
    row("rl.explain", -4, explain::explain)
        .flags(Flags::READONLY)
        .keys(Keys::one(READ_ONLY))
        .docs(
            GROUP,
            "0.2.0",
            "Tell who has counted what, when each was last heard, and why a limit denies",
        )
        .complexity("O(N) where N is the number of nodes and their former lives")
        .arguments(&[key("key"), SCALE, integer("limit"), SLIDING]),
    cell("rl.throttle", -5, throttle::rl_throttle)
        .flags(GROW)
        .keys(Keys::one(CHANGED))
        .docs(GROUP, SINCE, "Ask the generic cell rate algorithm; replies as CL.THROTTLE")
        .arguments(THROTTLE),
    // redis-cell's own arity error comes from the handler.
    cell("cl.throttle", -1, throttle::cl_throttle)
        .flags(GROW)
        .keys(Keys::one(CHANGED))
        .docs(GROUP, SINCE, "Ask the generic cell rate algorithm, compatible with redis-cell")
        .arguments(THROTTLE),
    cell("throttle", -5, throttle::throttle)
        .flags(GROW)
        .keys(Keys::one(CHANGED))
        .docs(GROUP, SINCE, "Ask the generic cell rate algorithm, compatible with throttlecrab")
        .arguments(THROTTLE),
];

const THROTTLE: &[Argument] = &[
    key("key"),
    integer("max_burst"),
    integer("count"),
    integer("period"),
    integer("quantity").optional(),
];
