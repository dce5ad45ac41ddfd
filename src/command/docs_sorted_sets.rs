//! The table rows of sorted sets.
//!
//! Not here: their handlers (`sorted_sets.rs`, `sorted_ranges.rs`, `sorted_walks.rs`).

use super::argument::{Argument, block, double, integer, key, one_of, pattern, text, word};
use super::spec::{Categories, Flags, Keyed, Keys, Spec};
use super::{sorted_ranges as ranges, sorted_sets as sets, sorted_walks as walks};

const READ: Flags = Flags::READONLY;
const READ_FAST: Flags = READ.with(Flags::FAST);
const WRITE_FAST: Flags = Flags::WRITE.with(Flags::FAST);
const GROW_FAST: Flags = WRITE_FAST.with(Flags::DENYOOM);
const LOOKED_AT: &[&str] = &["RO", "access"];
const TAKEN: &[&str] = &["RW", "access", "delete"];
const REMOVED_FROM: &[&str] = &["RW", "delete"];
const WITHSCORES: Argument = word("withscores", "WITHSCORES").optional();
const LIMIT: Argument =
    block("offset_count", &[integer("offset"), integer("count")]).token("LIMIT").optional();
const LOG: &str = "O(log(N)) where N is the number of elements in the sorted set.";
const RETURNED: &str = "O(log(N)+M) with N being the number of elements in the sorted set and M \
     the number of elements returned.";
const REMOVED: &str = "O(log(N)+M) with N being the number of elements in the sorted set and M \
     the number of elements removed by the operation.";
const POP: &str = "O(log(N)*M) with N being the number of elements in the sorted set, and M being \
     the number of elements popped.";

const fn row(
    name: &'static str,
    arity: i32,
    handler: Keyed,
    flags: Flags,
    access: &'static [&'static str],
) -> Spec {
    let keys = Keys::one(access);
    Spec::keyed(name, arity, handler).categories(Categories::SORTED_SET).flags(flags).keys(keys)
}

pub(super) const ROWS: &[Spec] = &[
    row("zadd", -4, sets::zadd, GROW_FAST, &["RW", "update"])
        .docs("sorted-set", "1.2.0", "Add one or more members to a sorted set, or update its score if it already exists")
        .complexity("O(log(N)) for each item added, where N is the number of elements in the sorted set.")
        .arguments(&[
            key("key"),
            one_of("condition", &[word("nx", "NX"), word("xx", "XX")]).optional(),
            one_of("comparison", &[word("gt", "GT"), word("lt", "LT")]).optional(),
            word("change", "CH").optional(),
            word("increment", "INCR").optional(),
            block("score_member", &[double("score"), text("member")]).multiple(),
        ]),
    row("zincrby", 4, sets::zincrby, GROW_FAST, &["RW", "access", "update"])
        .docs("sorted-set", "1.2.0", "Increment the score of a member in a sorted set")
        .complexity(LOG)
        .arguments(&[key("key"), integer("increment"), text("member")]),
    row("zrem", -3, sets::zrem, WRITE_FAST, REMOVED_FROM)
        .docs("sorted-set", "1.2.0", "Remove one or more members from a sorted set")
        .complexity("O(M*log(N)) with N being the number of elements in the sorted set and M the number of elements to be removed.")
        .arguments(&[key("key"), text("member").multiple()]),
    row("zcard", 2, sets::zcard, READ_FAST, &["RO"])
        .docs("sorted-set", "1.2.0", "Get the number of members in a sorted set")
        .arguments(&[key("key")]),
    row("zscore", 3, sets::zscore, READ_FAST, LOOKED_AT)
        .docs("sorted-set", "1.2.0", "Get the score associated with the given member in a sorted set")
        .arguments(&[key("key"), text("member")]),
    row("zmscore", -3, sets::zmscore, READ_FAST, LOOKED_AT)
        .docs("sorted-set", "6.2.0", "Get the score associated with the given members in a sorted set")
        .complexity("O(N) where N is the number of members being requested.")
        .arguments(&[key("key"), text("member").multiple()]),
    row("zrank", 3, sets::zrank, READ_FAST, LOOKED_AT)
        .docs("sorted-set", "2.0.0", "Determine the index of a member in a sorted set")
        .complexity("O(log(N))")
        .arguments(&[key("key"), text("member")]),
    row("zrevrank", 3, sets::zrevrank, READ_FAST, LOOKED_AT)
        .docs("sorted-set", "2.0.0", "Determine the index of a member in a sorted set, with scores ordered from high to low")
        .complexity("O(log(N))")
        .arguments(&[key("key"), text("member")]),
    row("zpopmin", -2, sets::zpopmin, WRITE_FAST, TAKEN)
        .docs("sorted-set", "5.0.0", "Remove and return members with the lowest scores in a sorted set")
        .complexity(POP)
        .arguments(&[key("key"), integer("count").optional()]),
    row("zpopmax", -2, sets::zpopmax, WRITE_FAST, TAKEN)
        .docs("sorted-set", "5.0.0", "Remove and return members with the highest scores in a sorted set")
        .complexity(POP)
        .arguments(&[key("key"), integer("count").optional()]),
    row("zcount", 4, ranges::zcount, READ_FAST, LOOKED_AT)
        .docs("sorted-set", "2.0.0", "Count the members in a sorted set with scores within the given values")
        .complexity(LOG)
        .arguments(&[key("key"), double("min"), double("max")]),
    row("zlexcount", 4, ranges::zlexcount, READ_FAST, LOOKED_AT)
        .docs("sorted-set", "2.8.9", "Count the number of members in a sorted set between a given lexicographical range")
        .complexity(LOG)
        .arguments(&[key("key"), text("min"), text("max")]),
    row("zrange", -4, ranges::zrange, READ, LOOKED_AT)
        .docs("sorted-set", "1.2.0", "Return a range of members in a sorted set")
        .complexity(RETURNED)
        .arguments(&[
            key("key"),
            text("start"),
            text("stop"),
            one_of("sortby", &[word("byscore", "BYSCORE"), word("bylex", "BYLEX")]).optional(),
            word("rev", "REV").optional(),
            LIMIT,
            WITHSCORES,
        ]),
    row("zrevrange", -4, ranges::zrevrange, READ, LOOKED_AT)
        .docs("sorted-set", "1.2.0", "Return a range of members in a sorted set, by index, with scores ordered from high to low")
        .complexity(RETURNED)
        .arguments(&[key("key"), integer("start"), integer("stop"), WITHSCORES]),
    row("zrangebyscore", -4, ranges::zrangebyscore, READ, LOOKED_AT)
        .docs("sorted-set", "1.0.5", "Return a range of members in a sorted set, by score")
        .complexity(RETURNED)
        .arguments(&[key("key"), double("min"), double("max"), WITHSCORES, LIMIT]),
    row("zrevrangebyscore", -4, ranges::zrevrangebyscore, READ, LOOKED_AT)
        .docs("sorted-set", "2.2.0", "Return a range of members in a sorted set, by score, with scores ordered from high to low")
        .complexity(RETURNED)
        .arguments(&[key("key"), double("max"), double("min"), WITHSCORES, LIMIT]),
    row("zrangebylex", -4, ranges::zrangebylex, READ, LOOKED_AT)
        .docs("sorted-set", "2.8.9", "Return a range of members in a sorted set, by lexicographical range")
        .complexity(RETURNED)
        .arguments(&[key("key"), text("min"), text("max"), LIMIT]),
    row("zrevrangebylex", -4, ranges::zrevrangebylex, READ, LOOKED_AT)
        .docs("sorted-set", "2.8.9", "Return a range of members in a sorted set, by lexicographical range, ordered from higher to lower strings")
        .complexity(RETURNED)
        .arguments(&[key("key"), text("max"), text("min"), LIMIT]),
    row("zremrangebyscore", 4, ranges::zremrangebyscore, Flags::WRITE, REMOVED_FROM)
        .docs("sorted-set", "1.2.0", "Remove all members in a sorted set within the given scores")
        .complexity(REMOVED)
        .arguments(&[key("key"), double("min"), double("max")]),
    row("zremrangebyrank", 4, ranges::zremrangebyrank, Flags::WRITE, REMOVED_FROM)
        .docs("sorted-set", "2.0.0", "Remove all members in a sorted set within the given indexes")
        .complexity(REMOVED)
        .arguments(&[key("key"), integer("start"), integer("stop")]),
    row("zremrangebylex", 4, ranges::zremrangebylex, Flags::WRITE, REMOVED_FROM)
        .docs("sorted-set", "2.8.9", "Remove all members in a sorted set between the given lexicographical range")
        .complexity(REMOVED)
        .arguments(&[key("key"), text("min"), text("max")]),
    row("zrandmember", -2, walks::zrandmember, READ, LOOKED_AT)
        .docs("sorted-set", "6.2.0", "Get one or multiple random elements from a sorted set")
        .complexity("O(N) where N is the number of elements returned")
        .arguments(&[
            key("key"),
            block("options", &[integer("count"), WITHSCORES]).optional(),
        ]),
    row("zscan", -3, walks::zscan, READ, LOOKED_AT)
        .docs("sorted-set", "2.8.0", "Incrementally iterate sorted sets elements and associated scores")
        .complexity("O(1) for every call. O(N) for a complete iteration, including enough command calls for the cursor to return back to 0. N is the number of elements inside the collection..")
        .arguments(&[
            key("key"),
            integer("cursor"),
            pattern("pattern").token("MATCH").optional(),
            integer("count").token("COUNT").optional(),
        ]),
];
