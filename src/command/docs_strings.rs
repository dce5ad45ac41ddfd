//! The table rows of strings and of the deadlines of keys.
//!
//! Not here: their handlers (`strings.rs`, `substrings.rs`, `counters.rs`, `increx.rs`,
//! `expiry.rs`).

use super::argument::{Argument, block, double, integer, key, one_of, text, word};
use super::spec::{Categories, Flags, Keyed, Keys, Spec};
use super::{counters, expiry, increx, keys, strings, substrings};

const STRING: &str = "string";
const GENERIC: &str = "generic";
const READ: Flags = Flags::READONLY.with(Flags::FAST);
const WRITE: Flags = Flags::WRITE.with(Flags::FAST);
const GROW: Flags = Flags::WRITE.with(Flags::DENYOOM);
const GROW_FAST: Flags = GROW.with(Flags::FAST);
const LOOKED_AT: &[&str] = &["RO", "access"];
const CHANGED: &[&str] = &["RW", "access", "update"];
const ENDED: &[&str] = &["RW", "update"];
const OVERWRITTEN: &[&str] = &["OW", "update"];
const INSERTED: &[&str] = &["OW", "insert"];
const PAIRS: &[Argument] = &[block("data", &[key("key"), text("value")]).multiple()];
const ONE_KEY: &[Argument] = &[key("key")];
const CONDITION: Argument =
    one_of("condition", &[word("nx", "NX"), word("xx", "XX"), word("gt", "GT"), word("lt", "LT")])
        .optional();
const SECONDS: Argument = integer("seconds").token("EX");
const MILLISECONDS: Argument = integer("milliseconds").token("PX");
const AT_SECONDS: Argument = integer("unix-time-seconds").token("EXAT");
const AT_MILLISECONDS: Argument = integer("unix-time-milliseconds").token("PXAT");

const fn string(name: &'static str, arity: i32, handler: Keyed) -> Spec {
    Spec::keyed(name, arity, handler).categories(Categories::STRING)
}

/// A row of a command that counts.
const fn counter(name: &'static str, arity: i32, handler: Keyed) -> Spec {
    string(name, arity, handler).flags(GROW_FAST).keys(Keys::one(CHANGED))
}

const fn ending(name: &'static str, handler: Keyed) -> Spec {
    Spec::keyed(name, -3, handler)
        .categories(Categories::KEYSPACE)
        .flags(WRITE)
        .keys(Keys::one(ENDED))
}

const fn telling(name: &'static str, handler: Keyed) -> Spec {
    Spec::keyed(name, 2, handler)
        .categories(Categories::KEYSPACE)
        .flags(READ)
        .keys(Keys::one(LOOKED_AT))
        .arguments(ONE_KEY)
}

pub(super) const ROWS: &[Spec] = &[
    string("get", 2, strings::get)
        .flags(READ)
        .keys(Keys::one(LOOKED_AT))
        .docs(STRING, "1.0.0", "Get the value of a key")
        .arguments(ONE_KEY),
    string("set", -3, strings::set)
        .flags(GROW)
        .keys(Keys::one(CHANGED))
        .docs(STRING, "1.0.0", "Set the string value of a key")
        .arguments(&[
            key("key"),
            text("value"),
            one_of("condition", &[word("nx", "NX"), word("xx", "XX")]).optional(),
            word("get", "GET").optional(),
            one_of(
                "expiration",
                &[SECONDS, MILLISECONDS, AT_SECONDS, AT_MILLISECONDS, word("keepttl", "KEEPTTL")],
            )
            .optional(),
        ]),
    string("setnx", 3, strings::setnx)
        .flags(GROW_FAST)
        .keys(Keys::one(INSERTED))
        .docs(STRING, "1.0.0", "Set the value of a key, only if the key does not exist")
        .arguments(&[key("key"), text("value")]),
    string("setex", 4, strings::setex)
        .flags(GROW)
        .keys(Keys::one(OVERWRITTEN))
        .docs(STRING, "2.0.0", "Set the value and expiration of a key")
        .arguments(&[key("key"), integer("seconds"), text("value")]),
    string("psetex", 4, strings::psetex)
        .flags(GROW)
        .keys(Keys::one(OVERWRITTEN))
        .docs(STRING, "2.6.0", "Set the value and expiration in milliseconds of a key")
        .arguments(&[key("key"), integer("milliseconds"), text("value")]),
    string("getset", 3, strings::getset)
        .flags(GROW_FAST)
        .keys(Keys::one(CHANGED))
        .docs(STRING, "1.0.0", "Set the string value of a key and return its old value")
        .arguments(&[key("key"), text("value")]),
    string("getdel", 2, strings::getdel)
        .flags(WRITE)
        .keys(Keys::one(&["RW", "access", "delete"]))
        .docs(STRING, "6.2.0", "Get the value of a key and delete the key")
        .arguments(ONE_KEY),
    string("getex", -2, strings::getex)
        .flags(WRITE)
        .keys(Keys::one(CHANGED))
        .docs(STRING, "6.2.0", "Get the value of a key and optionally set its expiration")
        .arguments(&[
            key("key"),
            one_of(
                "expiration",
                &[SECONDS, MILLISECONDS, AT_SECONDS, AT_MILLISECONDS, word("persist", "PERSIST")],
            )
            .optional(),
        ]),
    string("mget", -2, strings::mget)
        .flags(READ)
        .keys(Keys::all(LOOKED_AT))
        .docs(STRING, "1.0.0", "Get the values of all the given keys")
        .complexity("O(N) where N is the number of keys to retrieve")
        .arguments(&[key("key").multiple()]),
    string("mset", -3, strings::mset)
        .flags(GROW)
        .keys(Keys::Range { first: 1, last: -1, step: 2, access: OVERWRITTEN })
        .docs(STRING, "1.0.1", "Set multiple keys to multiple values")
        .complexity("O(N) where N is the number of keys to set")
        .arguments(PAIRS),
    string("msetnx", -3, strings::msetnx)
        .flags(GROW)
        .keys(Keys::Range { first: 1, last: -1, step: 2, access: INSERTED })
        .docs(STRING, "1.0.1", "Set multiple keys to multiple values, only if none of them exist")
        .complexity("O(N) where N is the number of keys to set")
        .arguments(PAIRS),
    string("append", 3, substrings::append)
        .flags(GROW_FAST)
        .keys(Keys::one(&["RW", "insert"]))
        .docs(STRING, "2.0.0", "Append a value to a key")
        .arguments(&[key("key"), text("value")]),
    string("strlen", 2, substrings::strlen)
        .flags(READ)
        .keys(Keys::one(&["RO"]))
        .docs(STRING, "2.2.0", "Get the length of the value stored in a key")
        .arguments(ONE_KEY),
    string("getrange", 4, substrings::getrange)
        .flags(Flags::READONLY)
        .keys(Keys::one(LOOKED_AT))
        .docs(STRING, "2.4.0", "Get a substring of the string stored at a key")
        .complexity("O(N) where N is the length of the returned string")
        .arguments(&[key("key"), integer("start"), integer("end")]),
    string("substr", 4, substrings::getrange)
        .flags(Flags::READONLY)
        .keys(Keys::one(LOOKED_AT))
        .docs(STRING, "1.0.0", "Get a substring of the string stored at a key; use GETRANGE")
        .complexity("O(N) where N is the length of the returned string")
        .arguments(&[key("key"), integer("start"), integer("end")]),
    string("setrange", 4, substrings::setrange)
        .flags(GROW)
        .keys(Keys::one(ENDED))
        .docs(STRING, "2.2.0", "Overwrite part of a string at key starting at the specified offset")
        .complexity("O(N) where N is the length of the string")
        .arguments(&[key("key"), integer("offset"), text("value")]),
    counter("incrbyfloat", 3, counters::incrbyfloat)
        .docs(STRING, "2.6.0", "Increment the float value of a key by the given amount")
        .arguments(&[key("key"), double("increment")]),
    counter("increx", -2, increx::increx)
        .docs(STRING, "8.8.0", "Increment a number within bounds and set its expiration")
        .arguments(&[
            key("key"),
            one_of(
                "increment",
                &[integer("integer").token("BYINT"), double("number").token("BYFLOAT")],
            )
            .optional(),
            double("lower-bound").token("LBOUND").optional(),
            double("upper-bound").token("UBOUND").optional(),
            word("saturate", "SATURATE").optional(),
            one_of(
                "expiration",
                &[SECONDS, MILLISECONDS, AT_SECONDS, AT_MILLISECONDS, word("persist", "PERSIST")],
            )
            .optional(),
            word("enx", "ENX").optional(),
        ]),
    counter("incr", 2, counters::incr)
        .docs(STRING, "1.0.0", "Increment the integer value of a key by one")
        .arguments(ONE_KEY),
    counter("decr", 2, counters::decr)
        .docs(STRING, "1.0.0", "Decrement the integer value of a key by one")
        .arguments(ONE_KEY),
    counter("incrby", 3, counters::incrby)
        .docs(STRING, "1.0.0", "Increment the integer value of a key by the given amount")
        .arguments(&[key("key"), integer("increment")]),
    counter("decrby", 3, counters::decrby)
        .docs(STRING, "1.0.0", "Decrement the integer value of a key by the given number")
        .arguments(&[key("key"), integer("decrement")]),
    ending("expire", expiry::expire)
        .docs(GENERIC, "1.0.0", "Set a key's time to live in seconds")
        .arguments(&[key("key"), integer("seconds"), CONDITION]),
    ending("pexpire", expiry::pexpire)
        .docs(GENERIC, "2.6.0", "Set a key's time to live in milliseconds")
        .arguments(&[key("key"), integer("milliseconds"), CONDITION]),
    ending("expireat", expiry::expireat)
        .docs(GENERIC, "1.2.0", "Set the expiration for a key as a UNIX timestamp")
        .arguments(&[key("key"), integer("unix-time-seconds"), CONDITION]),
    ending("pexpireat", expiry::pexpireat)
        .docs(
            GENERIC,
            "2.6.0",
            "Set the expiration for a key as a UNIX timestamp specified in milliseconds",
        )
        .arguments(&[key("key"), integer("unix-time-milliseconds"), CONDITION]),
    Spec::keyed("persist", 2, expiry::persist)
        .categories(Categories::KEYSPACE)
        .flags(WRITE)
        .keys(Keys::one(ENDED))
        .docs(GENERIC, "2.2.0", "Remove the expiration from a key")
        .arguments(ONE_KEY),
    telling("ttl", keys::ttl).docs(GENERIC, "1.0.0", "Get the time to live for a key in seconds"),
    telling("pttl", keys::pttl).docs(
        GENERIC,
        "2.6.0",
        "Get the time to live for a key in milliseconds",
    ),
    telling("expiretime", keys::expiretime).docs(
        GENERIC,
        "7.0.0",
        "Get the expiration Unix timestamp for a key",
    ),
    telling("pexpiretime", keys::pexpiretime).docs(
        GENERIC,
        "7.0.0",
        "Get the expiration Unix timestamp for a key in milliseconds",
    ),
];
