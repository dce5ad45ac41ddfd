//! The holes that Redis's Lua had: each is refused here, or bounded.

use super::*;

/// CVE-2025-49844: the parser's chunk name was collected while a function that gave the text ran.
#[test]
fn text_from_a_function_is_compiled_after_that_function_ended() {
    holds(
        "local n = 0 \
         local f = load(function() n = n + 1 collectgarbage() local t = {} \
         for i = 1, 1000 do t[i] = ('x'):rep(i) end \
         return ({'return ', '4', '2'})[n] end) return f() == 42",
    );
    holds("local f, e = load(function() return {} end) return f == nil and type(e) == 'string'");
    holds("return load(function() return nil end) ~= nil");
}

/// CVE-2025-46817: integers that overflow in `unpack`.
#[test]
fn unpack_refuses_ranges_beyond_the_stack() {
    for range in [
        "0, 2147483647",
        "-2147483648, 2147483647",
        "1, 1e8",
        "-1, 2147483647",
        "2147483646, 2147483647 + 1e5",
    ] {
        let source = format!(
            "local ok, e = pcall(unpack, {{1}}, {range}) \
                              return not ok and e:find('too many results') and 1"
        );
        assert_eq!(eval(&source), ":1\r\n", "{range}");
    }
    holds("return select('#', unpack({}, 2147483647, 2147483647)) == 1");
    holds("return select('#', unpack({}, 2, 1)) == 0");
    holds("local t = {} for i = 1, 5000 do t[i] = i end return select('#', unpack(t)) == 5000");
}

/// CVE-2025-46818: one script changed the metatable of a basic type for all.
#[test]
fn metatables_of_basic_types_cannot_be_changed() {
    assert_eq!(
        error_of("getmetatable('').__index = function() end"),
        "ERR user_script:1: Attempt to modify a readonly table"
    );
    holds("return getmetatable('').__index == string");
    for value in ["nil", "1", "true", "function() end", "coroutine.create(function() end)"] {
        holds(&format!("return getmetatable({value}) == nil"));
    }
    for change in [
        "rawset(getmetatable(''), '__index', 1)",
        "setmetatable(getmetatable(''), {})",
        "getmetatable('').__metatable = nil",
        "table.insert(getmetatable(''), 1)",
    ] {
        let error = error_of(change);
        assert!(error.ends_with("Attempt to modify a readonly table"), "{change}: {error}");
    }
    assert_eq!(eval("return ('x'):rep(2)"), "$2\r\nxx\r\n");
}

/// CVE-2024-31449: `bit.tohex` wrote beyond its buffer.
#[test]
fn tohex_is_at_most_eight_digits() {
    holds("return bit.tohex(65535, -2147483648) == '0000FFFF'");
    holds("return bit.tohex(1, 2147483647) == '00000001' and bit.tohex(1, 0) == ''");
}

/// CVE-2022-24834: `cjson` overflowed on long and deep data; CVE-2020-14147 and issue 5017 are
/// `struct`'s.
#[test]
fn sizes_of_the_libraries_cannot_overflow() {
    assert_eq!(error_of("return cjson.encode(('\\1'):rep(15e6))"), "ERR not enough memory");
    assert!(error_of("return cjson.decode(('['):rep(1001))").contains("too many nested"));
    assert!(error_of("return struct.pack('I2147483648', 1)").contains("integral size overflow"));
    assert!(error_of("return struct.size('c2147483647c1')").contains("too large"));
    assert!(error_of("return struct.unpack('c0', 'x')").contains("needs a previous size"));
    assert!(
        error_of("return struct.unpack('>Ic0', '\\255\\255\\255\\255x')").contains("too short")
    );
    assert!(error_of("return struct.unpack('bc0', '\\255x')").contains("too short"));
    assert!(error_of("return struct.unpack('b', 'x', 2147483647)").contains("too short"));
    assert!(error_of("return cmsgpack.unpack('\\219\\255\\255\\255\\255')").contains("Missing"));
}

/// CVE-2022-0543: Debian's package table was left in the state.
#[test]
fn nothing_that_reaches_the_system_is_there() {
    for name in [
        "package", "require", "module", "io", "os", "debug", "dofile", "loadfile", "print",
        "newproxy", "getfenv", "setfenv",
    ] {
        assert_eq!(
            error_of(&format!("return {name}")),
            format!(
                "ERR user_script:1: Script attempted to access nonexistent global variable '{name}'"
            )
        );
        holds(&format!("return rawget(_G, '{name}') == nil"));
    }
    holds("return string.dump == nil");
}

#[test]
fn byte_code_is_refused() {
    holds("local f, e = loadstring('\\27Lua') return f == nil and type(e) == 'string'");
    holds("return (load(function() return '\\27Lua' end)) == nil");
    let mut bench = Bench::new();
    let Reply::Error(text) = bench.outcome(b"\x1bLua").unwrap() else { panic!("compiled") };
    assert!(text.starts_with("ERR Error compiling script"), "{text}");
}

#[test]
fn finalizers_never_run() {
    holds(
        "local t = setmetatable({}, {__gc = function() while true do end end}) t = nil \
           collectgarbage() return true",
    );
}
