//! The table rows of hashes.
//!
//! Not here: their handlers (`hashes.rs`, `hash_counts.rs`, `hash_walks.rs`).

use super::argument::{Argument, block, double, integer, key, pattern, text, word};
use super::spec::{Categories, Flags, Keyed, Keys, Spec};
use super::{hash_counts, hash_walks, hashes};

const HASH: &str = "hash";
const READ: Flags = Flags::READONLY;
const READ_FAST: Flags = Flags::READONLY.with(Flags::FAST);
const GROW: Flags = Flags::WRITE.with(Flags::DENYOOM).with(Flags::FAST);
const LOOKED_AT: &[&str] = &["RO", "access"];
const COUNTED: &[&str] = &["RW", "access", "update"];
const ONE_KEY: &[Argument] = &[key("key")];
const ONE_FIELD: &[Argument] = &[key("key"), text("field")];
const PAIRS: &[Argument] =
    &[key("key"), block("field_value", &[text("field"), text("value")]).multiple()];
const WHOLE: &str = "O(N) where N is the size of the hash.";

const fn hash(name: &'static str, arity: i32, handler: Keyed) -> Spec {
    Spec::keyed(name, arity, handler).categories(Categories::HASH)
}

/// A row of a command that reads one field.
const fn field(name: &'static str, handler: Keyed, access: &'static [&'static str]) -> Spec {
    hash(name, 3, handler).flags(READ_FAST).keys(Keys::one(access)).arguments(ONE_FIELD)
}

/// A row of a command that reads all fields.
const fn whole(name: &'static str, handler: Keyed) -> Spec {
    hash(name, 2, handler)
        .flags(READ)
        .keys(Keys::one(LOOKED_AT))
        .complexity(WHOLE)
        .arguments(ONE_KEY)
}

pub(super) const ROWS: &[Spec] = &[
    hash("hset", -4, hashes::hset)
        .flags(GROW)
        .keys(Keys::one(&["RW", "update"]))
        .docs(HASH, "2.0.0", "Set the string value of a hash field")
        .complexity(
            "O(1) for each field/value pair added, so O(N) to add N field/value pairs when the \
             command is called with multiple field/value pairs.",
        )
        .arguments(PAIRS),
    hash("hmset", -4, hashes::hmset)
        .flags(GROW)
        .keys(Keys::one(&["RW", "update"]))
        .docs(HASH, "2.0.0", "Set multiple hash fields to multiple values")
        .complexity("O(N) where N is the number of fields being set.")
        .arguments(PAIRS),
    hash("hsetnx", 4, hashes::hsetnx)
        .flags(GROW)
        .keys(Keys::one(&["RW", "insert"]))
        .docs(HASH, "2.0.0", "Set the value of a hash field, only if the field does not exist")
        .arguments(&[key("key"), text("field"), text("value")]),
    field("hget", hashes::hget, LOOKED_AT).docs(HASH, "2.0.0", "Get the value of a hash field"),
    hash("hmget", -3, hashes::hmget)
        .flags(READ_FAST)
        .keys(Keys::one(LOOKED_AT))
        .docs(HASH, "2.0.0", "Get the values of all the given hash fields")
        .complexity("O(N) where N is the number of fields being requested.")
        .arguments(&[key("key"), text("field").multiple()]),
    hash("hdel", -3, hashes::hdel)
        .flags(Flags::WRITE.with(Flags::FAST))
        .keys(Keys::one(&["RW", "delete"]))
        .docs(HASH, "2.0.0", "Delete one or more hash fields")
        .complexity("O(N) where N is the number of fields to be removed.")
        .arguments(&[key("key"), text("field").multiple()]),
    field("hexists", hashes::hexists, &["RO"]).docs(
        HASH,
        "2.0.0",
        "Determine if a hash field exists",
    ),
    hash("hlen", 2, hashes::hlen)
        .flags(READ_FAST)
        .keys(Keys::one(&["RO"]))
        .docs(HASH, "2.0.0", "Get the number of fields in a hash")
        .arguments(ONE_KEY),
    field("hstrlen", hashes::hstrlen, &["RO"]).docs(
        HASH,
        "3.2.0",
        "Get the length of the value of a hash field",
    ),
    hash("hincrby", 4, hash_counts::hincrby)
        .flags(GROW)
        .keys(Keys::one(COUNTED))
        .docs(HASH, "2.0.0", "Increment the integer value of a hash field by the given number")
        .arguments(&[key("key"), text("field"), integer("increment")]),
    hash("hincrbyfloat", 4, hash_counts::hincrbyfloat)
        .flags(GROW)
        .keys(Keys::one(COUNTED))
        .docs(HASH, "2.6.0", "Increment the float value of a hash field by the given amount")
        .arguments(&[key("key"), text("field"), double("increment")]),
    whole("hgetall", hash_walks::hgetall).docs(
        HASH,
        "2.0.0",
        "Get all the fields and values in a hash",
    ),
    whole("hkeys", hash_walks::hkeys).docs(HASH, "2.0.0", "Get all the fields in a hash"),
    whole("hvals", hash_walks::hvals).docs(HASH, "2.0.0", "Get all the values in a hash"),
    hash("hrandfield", -2, hash_walks::hrandfield)
        .flags(READ)
        .keys(Keys::one(LOOKED_AT))
        .docs(HASH, "6.2.0", "Get one or multiple random fields from a hash")
        .complexity("O(N) where N is the number of fields returned")
        .arguments(&[
            key("key"),
            block("options", &[integer("count"), word("withvalues", "WITHVALUES").optional()])
                .optional(),
        ]),
    hash("hscan", -3, hash_walks::hscan)
        .flags(READ)
        .keys(Keys::one(LOOKED_AT))
        .docs(HASH, "2.8.0", "Incrementally iterate hash fields and associated values")
        .complexity(
            "O(N) for a complete iteration, in calls of at most COUNT or 10,000 fields each",
        )
        .arguments(&[
            key("key"),
            integer("cursor"),
            pattern("pattern").token("MATCH").optional(),
            integer("count").token("COUNT").optional(),
        ]),
];
