//! The table rows of the generic key commands.
//!
//! Not here: their handlers (`keys.rs`).

use super::argument::{Argument, integer, key, one_of, pattern, text, word};
use super::spec::{Categories, Flags, Keyed, Keys, OnWhole, Plain, Spec};
use super::{generic, help, keys};

const GROUP: &str = "generic";
const READ: Flags = Flags::READONLY.with(Flags::FAST);
const FLUSH: &[Argument] =
    &[one_of("flush-type", &[word("async", "ASYNC"), word("sync", "SYNC")]).optional()];
const ONE_KEY: &[Argument] = &[key("key")];
const DELETED: &[&str] = &["RM", "delete"];
const MOVED: &[&str] = &["RW", "access", "delete", "update"];
const READ_ONLY: &[&str] = &["RO"];
const EACH_KEY: &str = "O(N) where N is the number of keys named";
const EVERY_KEY: &str = "O(N) where N is the number of keys in the database";

const fn row(name: &'static str, arity: i32, handler: Plain) -> Spec {
    Spec::new(name, arity, handler).categories(Categories::KEYSPACE)
}

const fn keyed(name: &'static str, arity: i32, handler: Keyed) -> Spec {
    Spec::keyed(name, arity, handler).categories(Categories::KEYSPACE)
}

const fn whole(name: &'static str, arity: i32, handler: OnWhole) -> Spec {
    Spec::whole(name, arity, handler).categories(Categories::KEYSPACE)
}

const fn flush(name: &'static str, handler: OnWhole, summary: &'static str) -> Spec {
    whole(name, -1, handler)
        .flags(Flags::WRITE)
        .categories(Categories::KEYSPACE.with(Categories::DANGEROUS))
        .docs("server", "1.0.0", summary)
        .complexity(EVERY_KEY)
        .arguments(FLUSH)
}

const fn object(name: &'static str, since: &'static str, summary: &'static str) -> Spec {
    keyed(name, 3, keys::object)
        .flags(Flags::READONLY)
        .keys(Keys::Range { first: 2, last: 2, step: 1, access: READ_ONLY })
        .docs(GROUP, since, summary)
        .arguments(ONE_KEY)
}

pub(super) const ROWS: &[Spec] = &[
    Spec::new("dbsize", 1, keys::dbsize).categories(Categories::KEYSPACE).flags(READ).docs(
        "server",
        "1.0.0",
        "Return the number of keys in the database",
    ),
    whole("scan", -2, keys::scan)
        .flags(Flags::READONLY)
        .docs(GROUP, "2.8.0", "Incrementally iterate the keys space")
        .complexity(
            "O(N / 256) for every call where N is the number of keys, more for a larger COUNT",
        )
        .arguments(&[
            integer("cursor"),
            pattern("pattern").token("MATCH").optional(),
            integer("count").token("COUNT").optional(),
            text("type").token("TYPE").optional(),
        ]),
    keyed("type", 2, keys::key_type)
        .flags(READ)
        .keys(Keys::one(READ_ONLY))
        .docs(GROUP, "1.0.0", "Determine the type stored at key")
        .arguments(&[key("key")]),
    keyed("exists", -2, keys::exists)
        .flags(READ)
        .keys(Keys::all(READ_ONLY))
        .docs(GROUP, "1.0.0", "Determine how many of the keys exist")
        .complexity(EACH_KEY)
        .arguments(&[key("key").multiple()]),
    keyed("del", -2, keys::del)
        .flags(Flags::WRITE)
        .keys(Keys::all(DELETED))
        .docs(GROUP, "1.0.0", "Delete keys, their counters included")
        .complexity(EACH_KEY)
        .arguments(&[key("key").multiple()]),
    keyed("unlink", -2, keys::unlink)
        .flags(Flags::WRITE.with(Flags::FAST))
        .keys(Keys::all(DELETED))
        .docs(GROUP, "4.0.0", "Delete keys, their counters included; the same as DEL here")
        .complexity(EACH_KEY)
        .arguments(&[key("key").multiple()]),
    keyed("touch", -2, keys::touch)
        .flags(READ)
        .keys(Keys::all(READ_ONLY))
        .docs(GROUP, "3.2.1", "Determine how many of the keys exist; access times are not kept")
        .complexity(EACH_KEY)
        .arguments(&[key("key").multiple()]),
    keyed("rename", 3, generic::rename)
        .flags(Flags::WRITE)
        .keys(Keys::Range { first: 1, last: 2, step: 1, access: MOVED })
        .docs(GROUP, "1.0.0", "Rename a key")
        .arguments(&[key("key"), key("newkey")]),
    keyed("renamenx", 3, generic::renamenx)
        .flags(Flags::WRITE.with(Flags::FAST))
        .keys(Keys::Range { first: 1, last: 2, step: 1, access: MOVED })
        .docs(GROUP, "1.0.0", "Rename a key, only if the new key does not exist")
        .arguments(&[key("key"), key("newkey")]),
    keyed("copy", -3, generic::copy)
        .flags(Flags::WRITE.with(Flags::DENYOOM))
        .keys(Keys::Range { first: 1, last: 2, step: 1, access: &["RW", "access", "update"] })
        .docs(GROUP, "6.2.0", "Copy a key")
        .complexity("O(N) where N is the length of the string")
        .arguments(&[
            key("source"),
            key("destination"),
            integer("destination-db").token("DB").optional(),
            word("replace", "REPLACE").optional(),
        ]),
    whole("randomkey", 1, generic::randomkey).flags(Flags::READONLY).docs(
        GROUP,
        "1.0.0",
        "Return a random key from the keyspace",
    ),
    flush("flushall", keys::flushall, "Remove all keys and counters"),
    flush("flushdb", keys::flushdb, "Remove all keys and counters; the same as FLUSHALL here"),
    whole("keys", 2, keys::keys)
        .flags(Flags::READONLY)
        .categories(Categories::KEYSPACE.with(Categories::DANGEROUS))
        .docs(GROUP, "1.0.0", "Find all keys matching the given pattern")
        .complexity(EVERY_KEY)
        .arguments(&[pattern("pattern")]),
    row("object", -2, keys::container).container().docs(
        GROUP,
        "2.2.3",
        "A container for object introspection commands",
    ),
    object("object|encoding", "2.2.3", "Inspect the internal encoding of a key"),
    object("object|freq", "4.0.0", "Get the access frequency of a key"),
    object("object|idletime", "2.2.3", "Get the time since a key was last accessed"),
    object("object|refcount", "2.2.3", "Get the number of references to the value of a key"),
    help::row("object|help", GROUP, "6.2.0"),
    row("memory", -2, keys::container).container().docs(
        "server",
        "4.0.0",
        "A container for memory diagnostics commands",
    ),
    keyed("memory|usage", -3, keys::memory_usage)
        .flags(Flags::READONLY)
        .keys(Keys::Range { first: 2, last: 2, step: 1, access: READ_ONLY })
        .docs("server", "4.0.0", "Estimate the memory usage of a key")
        .arguments(&[key("key"), integer("count").token("SAMPLES").optional()]),
    row("memory|stats", 2, keys::memory_stats)
        .docs("server", "4.0.0", "Return details about memory usage")
        .complexity(EVERY_KEY),
    row("memory|doctor", 2, keys::memory_doctor).docs(
        "server",
        "4.0.0",
        "Return a memory problems report",
    ),
    help::row("memory|help", "server", "4.0.0"),
];
