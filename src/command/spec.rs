//! One row of the command table: everything that is known about a command.
//!
//! Not here: the table itself (`table.rs`). Invariant: dispatch, arity, COMMAND, HELP, ACL
//! categories and the documentation all read the same row, so they cannot disagree.

use super::argument::Argument;
pub use super::key_places::Keys;
use super::{Args, Context};
use crate::engine::{Held, Whole};
use crate::resp::Reply;

/// What serves a command that needs no hold of the keyspace.
pub type Plain = fn(&mut Context<'_>, &Args<'_>) -> Reply;
/// What serves a command on the keys that its row names, all of them held.
pub type Keyed = fn(&mut Context<'_>, &mut Held<'_>, &Args<'_>) -> Reply;
/// What serves a command on the whole keyspace.
pub type OnWhole = fn(&mut Context<'_>, &mut Whole<'_, '_>, &Args<'_>) -> Reply;

/// What serves a script: under a hold of every key where one is given, else under its own.
pub type Scripted = fn(&mut Context<'_>, Option<&mut Held<'_>>, &Args<'_>) -> Reply;

/// What serves a command. None but a script takes a hold itself: a transaction or script runs many
/// under one.
#[derive(Clone, Copy, Debug)]
pub enum Handler {
    /// It sees no key of the keyspace.
    Plain(Plain),
    /// It sees the keys of its row.
    Keyed(Keyed),
    /// It may see any key: held by a transaction or script, all must be.
    Whole(OnWhole),
    /// It runs a script, which may reach any key.
    Script(Scripted),
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// Lower case; a subcommand is `container|subcommand`.
    pub name: &'static str,
    /// Number of words, the name (and subcommand) included; negative: at least so many.
    pub arity: i32,
    /// How it behaves.
    pub flags: Flags,
    /// ACL categories that do not follow from the flags.
    pub categories: Categories,
    /// Where its keys are.
    pub keys: Keys,
    /// Group of the documentation, for redis-cli's `help @group`.
    pub group: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// Version that brought it: Redis's for a Redis command, ratel's for an own one.
    pub since: &'static str,
    /// What it costs.
    pub complexity: &'static str,
    /// Its arguments, typed.
    pub arguments: &'static [Argument],
    /// It has subcommands, rows of their own named `name|subcommand`.
    pub container: bool,
    /// What serves it.
    pub handler: Handler,
}

impl Spec {
    /// A row without flags, keys and arguments.
    pub const fn new(name: &'static str, arity: i32, handler: Plain) -> Self {
        Spec::served(name, arity, Handler::Plain(handler))
    }

    /// The same for a command on the keys that its row names.
    pub const fn keyed(name: &'static str, arity: i32, handler: Keyed) -> Self {
        Spec::served(name, arity, Handler::Keyed(handler))
    }

    /// The same for a command on the whole keyspace.
    pub const fn whole(name: &'static str, arity: i32, handler: OnWhole) -> Self {
        Spec::served(name, arity, Handler::Whole(handler))
    }

    /// The same for a command that runs a script.
    pub const fn script(name: &'static str, arity: i32, handler: Scripted) -> Self {
        Spec::served(name, arity, Handler::Script(handler))
    }

    const fn served(name: &'static str, arity: i32, handler: Handler) -> Self {
        Spec {
            name,
            arity,
            flags: Flags::NONE,
            categories: Categories::NONE,
            keys: Keys::None,
            group: "",
            summary: "",
            since: "",
            complexity: "O(1)",
            arguments: &[],
            container: false,
            handler,
        }
    }

    /// The same with flags.
    pub const fn flags(mut self, flags: Flags) -> Self {
        self.flags = flags;
        self
    }

    /// The same with ACL categories.
    pub const fn categories(mut self, categories: Categories) -> Self {
        self.categories = categories;
        self
    }

    /// The same with keys.
    pub const fn keys(mut self, keys: Keys) -> Self {
        self.keys = keys;
        self
    }

    /// The same with its documentation.
    pub const fn docs(
        mut self,
        group: &'static str,
        since: &'static str,
        summary: &'static str,
    ) -> Self {
        self.group = group;
        self.since = since;
        self.summary = summary;
        self
    }

    /// The same with its cost; a row without it costs `O(1)`.
    pub const fn complexity(mut self, complexity: &'static str) -> Self {
        self.complexity = complexity;
        self
    }

    /// The same with its arguments.
    pub const fn arguments(mut self, arguments: &'static [Argument]) -> Self {
        self.arguments = arguments;
        self
    }

    /// The same as a container of subcommands.
    pub const fn container(mut self) -> Self {
        self.container = true;
        self
    }

    /// True if it may change data itself or by a script that it runs.
    pub fn may_write(&self) -> bool {
        self.flags.contains(Flags::WRITE)
            || (matches!(self.handler, Handler::Script(_)) && !self.flags.contains(Flags::READONLY))
    }

    /// True if a request of `words` words has a legal number of them.
    pub fn takes(&self, words: usize) -> bool {
        let bound = usize::try_from(self.arity.unsigned_abs()).unwrap_or(usize::MAX);
        if self.arity < 0 { words >= bound } else { words == bound }
    }

    /// Every ACL category, those that follow from the flags included.
    pub fn all_categories(&self) -> Categories {
        let mut all = self.categories;
        if self.flags.contains(Flags::WRITE) {
            all = all.with(Categories::WRITE);
        }
        if self.flags.contains(Flags::READONLY) {
            all = all.with(Categories::READ);
        }
        if self.flags.contains(Flags::ADMIN) {
            all = all.with(Categories::ADMIN).with(Categories::DANGEROUS);
        }
        if self.flags.contains(Flags::PUBSUB) {
            all = all.with(Categories::PUBSUB);
        }
        if self.flags.contains(Flags::BLOCKING) {
            all = all.with(Categories::BLOCKING);
        }
        all.with(if self.flags.contains(Flags::FAST) { Categories::FAST } else { Categories::SLOW })
    }
}

/// A set of command flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags(u32);

impl Flags {
    /// None.
    pub const NONE: Flags = Flags(0);
    /// It may change data.
    pub const WRITE: Flags = Flags(1);
    /// It reads data and changes none.
    pub const READONLY: Flags = Flags(1 << 1);
    /// It may need memory, and so be refused at `maxmemory`.
    pub const DENYOOM: Flags = Flags(1 << 2);
    /// It administers the server.
    pub const ADMIN: Flags = Flags(1 << 3);
    /// It has to do with channels.
    pub const PUBSUB: Flags = Flags(1 << 4);
    /// Not from a script.
    pub const NOSCRIPT: Flags = Flags(1 << 5);
    /// It may keep its client waiting.
    pub const BLOCKING: Flags = Flags(1 << 6);
    /// Also while the node is not yet ready.
    pub const LOADING: Flags = Flags(1 << 7);
    /// Also while the data may be old.
    pub const STALE: Flags = Flags(1 << 8);
    /// Never shown by MONITOR.
    pub const SKIP_MONITOR: Flags = Flags(1 << 9);
    /// Never kept by SLOWLOG.
    pub const SKIP_SLOWLOG: Flags = Flags(1 << 10);
    /// Constant or logarithmic time.
    pub const FAST: Flags = Flags(1 << 11);
    /// Also without authentication.
    pub const NO_AUTH: Flags = Flags(1 << 12);
    /// Only where `enable-debug-command` lets it.
    pub const PROTECTED: Flags = Flags(1 << 13);
    /// Not between MULTI and EXEC.
    pub const NO_MULTI: Flags = Flags(1 << 14);
    /// Its row names keys, but a request may have none.
    pub const NO_MANDATORY_KEYS: Flags = Flags(1 << 15);
    /// Served at once between MULTI and EXEC, where others are queued; not told by COMMAND INFO.
    pub const NOT_QUEUED: Flags = Flags(1 << 16);
    /// Also to a RESP2 client that is subscribed to something; not told by COMMAND INFO.
    pub const WHILE_SUBSCRIBED: Flags = Flags(1 << 17);
    /// Not from a read-only script, though it writes no key (Redis's name); not told by COMMAND INFO.
    pub const MAY_REPLICATE: Flags = Flags(1 << 18);

    /// In the order that COMMAND INFO prints them.
    const NAMES: [&'static str; 16] = [
        "write",
        "readonly",
        "denyoom",
        "admin",
        "pubsub",
        "noscript",
        "blocking",
        "loading",
        "stale",
        "skip_monitor",
        "skip_slowlog",
        "fast",
        "no_auth",
        "protected",
        "no_multi",
        "no_mandatory_keys",
    ];

    /// Both sets together.
    pub const fn with(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }

    /// True if all of `other` are in this set.
    pub const fn contains(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    /// The names, as COMMAND INFO prints them.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        named(self.0, &Self::NAMES)
    }
}

/// A set of ACL categories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Categories(u32);

impl Categories {
    /// None.
    pub const NONE: Categories = Categories(0);
    /// Commands on keys of any type.
    pub const KEYSPACE: Categories = Categories(1);
    /// Reads.
    pub const READ: Categories = Categories(1 << 1);
    /// Writes.
    pub const WRITE: Categories = Categories(1 << 2);
    /// Sorted sets.
    pub const SORTED_SET: Categories = Categories(1 << 3);
    /// Lists.
    pub const LIST: Categories = Categories(1 << 4);
    /// Hashes.
    pub const HASH: Categories = Categories(1 << 5);
    /// Strings.
    pub const STRING: Categories = Categories(1 << 6);
    /// Channels.
    pub const PUBSUB: Categories = Categories(1 << 7);
    /// Administration.
    pub const ADMIN: Categories = Categories(1 << 8);
    /// Constant or logarithmic time.
    pub const FAST: Categories = Categories(1 << 9);
    /// Not fast.
    pub const SLOW: Categories = Categories(1 << 10);
    /// What may keep its client waiting.
    pub const BLOCKING: Categories = Categories(1 << 11);
    /// What can harm in the wrong hands.
    pub const DANGEROUS: Categories = Categories(1 << 12);
    /// The connection itself.
    pub const CONNECTION: Categories = Categories(1 << 13);
    /// MULTI and its kin.
    pub const TRANSACTION: Categories = Categories(1 << 14);
    /// Scripts.
    pub const SCRIPTING: Categories = Categories(1 << 15);
    /// Rate limiting: RL.*, CL.THROTTLE, THROTTLE.
    pub const RATELIMIT: Categories = Categories(1 << 16);

    /// In Redis's order, own ones last.
    pub const NAMES: [&'static str; 17] = [
        "keyspace",
        "read",
        "write",
        "sortedset",
        "list",
        "hash",
        "string",
        "pubsub",
        "admin",
        "fast",
        "slow",
        "blocking",
        "dangerous",
        "connection",
        "transaction",
        "scripting",
        "ratelimit",
    ];

    /// Both sets together.
    pub const fn with(self, other: Categories) -> Categories {
        Categories(self.0 | other.0)
    }

    /// True if all of `other` are in this set.
    pub const fn contains(self, other: Categories) -> bool {
        self.0 & other.0 == other.0
    }

    /// The category of that name, in any case, without `@`.
    pub fn named(name: &[u8]) -> Option<Categories> {
        let index = Self::NAMES.iter().position(|n| n.as_bytes().eq_ignore_ascii_case(name))?;
        Some(Categories(1 << index))
    }

    /// The names, without `@`.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        named(self.0, &Self::NAMES)
    }
}

fn named(bits: u32, names: &'static [&'static str]) -> impl Iterator<Item = &'static str> {
    let set = move |index: usize| bits & (1 << index) != 0;
    names.iter().enumerate().filter(move |(index, _)| set(*index)).map(|(_, name)| *name)
}
