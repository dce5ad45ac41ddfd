//! The first line of a script that names its engine and its flags: `#!lua flags=no-writes`.
//!
//! Not here: what a flag forbids. Invariant: a script without such a line is run as Redis ran
//! scripts before there were flags.

/// The flags of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct ScriptFlags {
    /// The script has a `#!` line; without one, nothing is forbidden beforehand.
    pub declared: bool,
    /// `no-writes`: it only reads, and a write in it is an error.
    pub no_writes: bool,
    /// `allow-oom`: it may run when memory is used up.
    pub allow_oom: bool,
    /// `allow-stale`: it may run while the node is not up to date.
    pub allow_stale: bool,
    /// `no-cluster`: it must not run on a node of a cluster.
    pub no_cluster: bool,
    /// `allow-cross-slot-keys`: its keys may belong to any slot.
    pub allow_cross_slot_keys: bool,
}

impl ScriptFlags {
    fn set(&mut self, name: &str) -> bool {
        let flag = match name {
            "no-writes" => &mut self.no_writes,
            "allow-oom" => &mut self.allow_oom,
            "allow-stale" => &mut self.allow_stale,
            "no-cluster" => &mut self.no_cluster,
            "allow-cross-slot-keys" => &mut self.allow_cross_slot_keys,
            _ => return false,
        };
        *flag = true;
        true
    }
}

/// The flags of `source`, and where its code begins: at the line break, so that its lines keep
/// their numbers. The error is Redis's text, with its code.
pub(super) fn read(source: &[u8]) -> Result<(ScriptFlags, usize), String> {
    let mut flags = ScriptFlags::default();
    if !source.starts_with(b"#!") {
        return Ok((flags, 0));
    }
    let Some(end) = memchr::memchr(b'\n', source) else {
        return Err("ERR Invalid script shebang".to_owned());
    };
    let line = String::from_utf8_lossy(source.get(..end).unwrap_or_default());
    let mut words = line.split_ascii_whitespace();
    let engine = words.next().unwrap_or_default();
    if engine != "#!lua" {
        return Err(format!("ERR Unexpected engine in script shebang: {engine}"));
    }
    flags.declared = true;
    for word in words {
        let Some(names) = word.strip_prefix("flags=") else {
            return Err(format!("ERR Unknown lua shebang option: {word}"));
        };
        for name in names.split(',').filter(|name| !name.is_empty()) {
            if !flags.set(name) {
                return Err(format!("ERR Unexpected flag in script shebang: {name}"));
            }
        }
    }
    Ok((flags, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_read_and_the_line_break_is_left() {
        let (flags, at) = read(b"#!lua flags=no-writes,allow-oom\nreturn 1").unwrap();
        assert!(flags.declared && flags.no_writes && flags.allow_oom && !flags.no_cluster);
        assert_eq!(at, 31);
        assert_eq!(read(b"return 1").unwrap(), (ScriptFlags::default(), 0));
        let all = b"#!lua flags=allow-stale,no-cluster flags=allow-cross-slot-keys\n";
        let (flags, _) = read(all).unwrap();
        assert!(flags.allow_stale && flags.no_cluster && flags.allow_cross_slot_keys);
    }

    #[test]
    fn what_redis_refuses_is_refused_in_its_words() {
        for (source, error) in [
            ("#!lua", "ERR Invalid script shebang"),
            ("#!\nreturn 1", "ERR Unexpected engine in script shebang: #!"),
            ("#!py\n", "ERR Unexpected engine in script shebang: #!py"),
            ("#!lua name=x\n", "ERR Unknown lua shebang option: name=x"),
            ("#!lua flags=bogus\n", "ERR Unexpected flag in script shebang: bogus"),
        ] {
            assert_eq!(read(source.as_bytes()), Err(error.to_owned()), "{source}");
        }
    }
}
