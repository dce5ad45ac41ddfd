use super::*;

#[test]
fn cjson_writes_what_redis_writes() {
    for (value, text) in [
        ("{}", "{}"),
        ("{1,2,3}", "[1,2,3]"),
        ("{1,nil,3}", "[1,null,3]"),
        ("{[1.5]=1}", "{\"1.5\":1}"),
        ("1/3", "0.33333333333333"),
        ("1e15", "1e+15"),
        ("{a={},b={1}}", ""),
        ("cjson.null", "null"),
        ("'a\"\\\\/\\b\\f\\n\\r\\t\\0\\127'", "\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\u007f\""),
    ] {
        if !text.is_empty() {
            let reply = eval(&format!("return cjson.encode({value})"));
            assert_eq!(reply, format!("${}\r\n{text}\r\n", text.len()), "{value}");
        }
    }
    for (value, error) in [
        ("{[1]=1,[30]=3}", "Cannot serialise table: excessively sparse array"),
        ("function() end", "Cannot serialise function: type not supported"),
        ("{[true]=1}", "Cannot serialise boolean: table key must be a number or string"),
        ("0/0", "Cannot serialise number: must not be NaN or Inf"),
    ] {
        let error = format!("ERR user_script:1: {error}");
        assert_eq!(error_of(&format!("return cjson.encode({value})")), error);
    }
}

#[test]
fn cjson_reads_back_what_it_wrote() {
    holds(
        "local t = {a = {1, 2, {b = 'x\\n\\0', c = true}}, d = cjson.null, e = -1.5} \
         local u = cjson.decode(cjson.encode(t)) \
         return u.a[3].b == 'x\\n\\0' and u.a[3].c and u.d == cjson.null and u.e == -1.5 \
         and #u.a == 3",
    );
    holds(
        "local t = {} local c = t for i = 1, 999 do c[1] = {} c = c[1] end \
           return cjson.encode(cjson.decode(cjson.encode(t))) == cjson.encode(t)",
    );
}

#[test]
fn cmsgpack_reads_back_what_it_wrote() {
    holds(
        "local t = {a = {1, 2, {b = 'x\\0', c = true}}, e = -1.5, [3] = 2^40, n = -70000} \
         local u, v = cmsgpack.unpack(cmsgpack.pack(t, 'tail')) \
         return u.a[3].b == 'x\\0' and u.a[3].c and u.e == -1.5 and u[3] == 2^40 \
         and u.n == -70000 and v == 'tail'",
    );
    holds("local at, a = cmsgpack.unpack_one('\\1\\2\\3', 1) return at == 2 and a == 2");
    holds("local at, a, b = cmsgpack.unpack_limit('\\1\\2\\3', 2) return at == 2 and b == 2");
}

#[test]
fn struct_reads_back_what_it_wrote() {
    holds(
        "local s = struct.pack('>!4 bHi8dsc3', -1, 65535, -2^40, 1.5, 'zero', 'abc') \
         local a, b, c, d, e, f, at = struct.unpack('>!4 bHi8dsc3', s) \
         return a == -1 and b == 65535 and c == -2^40 and d == 1.5 and e == 'zero' and f == 'abc' \
         and at == #s + 1",
    );
}

#[test]
fn a_sort_of_any_length_sorts() {
    holds(
        "for _, n in ipairs{0, 1, 2, 63, 64, 65, 1000} do local t = {} \
         for i = 1, n do t[i] = (i * 7919) % 1009 end table.sort(t) \
         for i = 2, n do if t[i] < t[i - 1] then return n end end \
         table.sort(t, function(a, b) return a > b end) \
         for i = 2, n do if t[i] > t[i - 1] then return n end end end return true",
    );
}

/// The pattern matcher against Lua's own, which the sandbox's prelude is given.
#[test]
fn patterns_match_as_lua_matches_them() {
    let lua = mlua::Lua::new();
    let mut bench = Bench::new();
    let texts =
        ["", "a", "abc", "aab", "hello world", "key:123:x", "a.b-c", "((a)(b))", "  x y ", "%d"];
    let patterns = [
        "",
        "a",
        ".",
        "a*",
        "a+",
        "a-",
        "a?b",
        "^a",
        "b$",
        "^$",
        "^.-$",
        "%w+",
        "%W",
        "%a+:%d+",
        "(%a)(.)",
        "()",
        "()b()",
        "[abc]+",
        "[^a]",
        "[a-c]-b",
        "%b()",
        "%f[%w]%w+",
        "(.)%1",
        "(a*(.)%w(%s*))",
        "%s*(%S+)%s*",
        "[%a.]+",
        "[]a]",
        "[^]a]+",
        "[a-]+",
        ".-b",
        "(.-):(.*)",
        "$",
        "a$b",
        "%.",
        "%-",
        "l+o?",
    ];
    for text in texts {
        for pattern in patterns {
            for call in [
                "{string.find(T, P)}",
                "{string.match(T, P)}",
                "{string.gsub(T, P, '<%0>')}",
                "{string.gsub(T, P, function(a, b) return a .. tostring(b) end)}",
                "(function() local t = {} for a, b in T:gmatch(P) do t[#t + 1] = a t[#t + 1] = b or '-' end return t end)()",
            ] {
                let source = format!(
                    "local T, P = {text:?}, {pattern:?} local t = {call} \
                     for i = 1, 20 do t[i] = tostring(t[i]) end return table.concat(t, '|')"
                );
                let wanted: String = lua.load(&source).eval().unwrap();
                let reply = bench.outcome(source.as_bytes()).unwrap();
                assert_eq!(reply, Reply::Frame(bulk(wanted)), "{source}");
            }
        }
    }
}
