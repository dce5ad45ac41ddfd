//! The table rows of lists.
//!
//! Not here: their handlers (`lists.rs`, `list_edits.rs`).

use super::argument::{Argument, integer, key, one_of, text, word};
use super::spec::{Categories, Flags, Keyed, Keys, Spec};
use super::{list_edits, lists};

const LIST: &str = "list";
const READ: Flags = Flags::READONLY;
const WRITE: Flags = Flags::WRITE;
const GROW: Flags = Flags::WRITE.with(Flags::DENYOOM);
const LOOKED_AT: &[&str] = &["RO", "access"];
const INSERTED: &[&str] = &["RW", "insert"];
const DELETED: &[&str] = &["RW", "delete"];
const POPPED: &[&str] = &["RW", "access", "delete"];
const EACH_PUSHED: &str = "O(1) for each element added, so O(N) to add N elements when the command \
                           is called with multiple arguments.";
const PUSH: &[Argument] = &[key("key"), text("element").multiple()];
const POP: &[Argument] = &[key("key"), integer("count").optional()];
const RANGE: &[Argument] = &[key("key"), integer("start"), integer("stop")];
const ENDS: &[Argument] = &[word("left", "LEFT"), word("right", "RIGHT")];

const fn list(name: &'static str, arity: i32, handler: Keyed) -> Spec {
    Spec::keyed(name, arity, handler).categories(Categories::LIST)
}

/// A row of a command that pushes.
const fn push(name: &'static str, handler: Keyed) -> Spec {
    list(name, -3, handler)
        .flags(GROW.with(Flags::FAST))
        .keys(Keys::one(INSERTED))
        .complexity(EACH_PUSHED)
        .arguments(PUSH)
}

/// A row of a command that takes elements at an end.
const fn pop(name: &'static str, handler: Keyed) -> Spec {
    list(name, -2, handler)
        .flags(WRITE.with(Flags::FAST))
        .keys(Keys::one(POPPED))
        .complexity("O(N) where N is the number of elements returned")
        .arguments(POP)
}

/// A row of a command that moves an element between lists.
const fn shift(name: &'static str, arity: i32, handler: Keyed) -> Spec {
    list(name, arity, handler).flags(GROW).keys(Keys::Range {
        first: 1,
        last: 2,
        step: 1,
        access: POPPED,
    })
}

pub(super) const ROWS: &[Spec] = &[
    push("lpush", lists::lpush).docs(LIST, "1.0.0", "Prepend one or multiple elements to a list"),
    push("rpush", lists::rpush).docs(LIST, "1.0.0", "Append one or multiple elements to a list"),
    push("lpushx", lists::lpushx).docs(
        LIST,
        "2.2.0",
        "Prepend an element to a list, only if the list exists",
    ),
    push("rpushx", lists::rpushx).docs(
        LIST,
        "2.2.0",
        "Append an element to a list, only if the list exists",
    ),
    pop("lpop", lists::lpop).docs(LIST, "1.0.0", "Remove and get the first elements in a list"),
    pop("rpop", lists::rpop).docs(LIST, "1.0.0", "Remove and get the last elements in a list"),
    list("llen", 2, lists::llen)
        .flags(READ.with(Flags::FAST))
        .keys(Keys::one(&["RO"]))
        .docs(LIST, "1.0.0", "Get the length of a list")
        .arguments(&[key("key")]),
    list("lindex", 3, lists::lindex)
        .flags(READ)
        .keys(Keys::one(LOOKED_AT))
        .docs(LIST, "1.0.0", "Get an element from a list by its index")
        .arguments(&[key("key"), integer("index")]),
    list("lrange", 4, lists::lrange)
        .flags(READ)
        .keys(Keys::one(LOOKED_AT))
        .docs(LIST, "1.0.0", "Get a range of elements from a list")
        .complexity("O(N) where N is the number of elements in the specified range")
        .arguments(RANGE),
    shift("lmove", 5, lists::lmove)
        .docs(LIST, "6.2.0", "Pop an element from a list, push it to another list and return it")
        .arguments(&[
            key("source"),
            key("destination"),
            one_of("wherefrom", ENDS),
            one_of("whereto", ENDS),
        ]),
    shift("rpoplpush", 3, lists::rpoplpush)
        .docs(
            LIST,
            "1.2.0",
            "Remove the last element in a list, prepend it to another list and return it",
        )
        .arguments(&[key("source"), key("destination")]),
    list("lset", 4, list_edits::lset)
        .flags(GROW)
        .keys(Keys::one(&["RW", "update"]))
        .docs(LIST, "1.0.0", "Set the value of an element in a list by its index")
        .arguments(&[key("key"), integer("index"), text("element")]),
    list("linsert", 5, list_edits::linsert)
        .flags(GROW)
        .keys(Keys::one(INSERTED))
        .docs(LIST, "2.2.0", "Insert an element before or after another element in a list")
        .complexity("O(N) where N is the length of the list")
        .arguments(&[
            key("key"),
            one_of("where", &[word("before", "BEFORE"), word("after", "AFTER")]),
            text("pivot"),
            text("element"),
        ]),
    list("lrem", 4, list_edits::lrem)
        .flags(WRITE)
        .keys(Keys::one(DELETED))
        .docs(LIST, "1.0.0", "Remove elements from a list")
        .complexity("O(N) where N is the length of the list")
        .arguments(&[key("key"), integer("count"), text("element")]),
    list("ltrim", 4, list_edits::ltrim)
        .flags(WRITE)
        .keys(Keys::one(DELETED))
        .docs(LIST, "1.0.0", "Trim a list to the specified range")
        .complexity("O(N) where N is the number of elements to be removed by the operation.")
        .arguments(RANGE),
    list("lpos", -3, list_edits::lpos)
        .flags(READ)
        .keys(Keys::one(LOOKED_AT))
        .docs(LIST, "6.0.6", "Return the index of matching elements on a list")
        .complexity("O(N) where N is the number of elements looked at, at most MAXLEN")
        .arguments(&[
            key("key"),
            text("element"),
            integer("rank").token("RANK").optional(),
            integer("num-matches").token("COUNT").optional(),
            integer("len").token("MAXLEN").optional(),
        ]),
];
