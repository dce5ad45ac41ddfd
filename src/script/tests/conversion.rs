use crate::resp::*;

use super::*;

fn seen(frame: Frame, source: &str) -> String {
    let mut bench = Bench::new();
    bench.fake.frame = Some(frame);
    bench.eval(source)
}

#[test]
fn what_a_script_returns_becomes_a_reply() {
    for (source, reply) in [
        ("return 3.99", ":3\r\n"),
        ("return -3.99", ":-3\r\n"),
        ("return 1e30", ":-9223372036854775808\r\n"),
        ("return 0/0", ":-9223372036854775808\r\n"),
        ("return 'a'", "$1\r\na\r\n"),
        ("return ''", "$0\r\n\r\n"),
        ("return true", ":1\r\n"),
        ("return false", "$-1\r\n"),
        ("return nil", "$-1\r\n"),
        ("return", "$-1\r\n"),
        ("return function() end", "$-1\r\n"),
        ("return cjson.null", "$-1\r\n"),
        ("return {}", "*0\r\n"),
        ("return {1,2,nil,4}", "*2\r\n:1\r\n:2\r\n"),
        ("return {1,false,3}", "*3\r\n:1\r\n$-1\r\n:3\r\n"),
        ("return {1.9,'2',true,{3}}", "*4\r\n:1\r\n$1\r\n2\r\n:1\r\n*1\r\n:3\r\n"),
        ("return {ok='fine'}", "+fine\r\n"),
        ("return {ok='a\\nb'}", "+a b\r\n"),
        ("return {err='FOO bar'}", "-FOO bar\r\n"),
        ("return {err='FOO'}", "-FOO\r\n"),
        ("return {err='a\\r\\nb'}", "-a  b\r\n"),
        ("return {1,{err='ERR x'},{ok='y'}}", "*3\r\n:1\r\n-ERR x\r\n+y\r\n"),
        ("return {double=3.5}", "$3\r\n3.5\r\n"),
        ("return {double=3}", "$1\r\n3\r\n"),
        ("return {map={a=1}}", "*2\r\n$1\r\na\r\n:1\r\n"),
        ("return {set={a=true}}", "*1\r\n$1\r\na\r\n"),
        ("return {big_number='12\\n3'}", "$4\r\n12 3\r\n"),
        ("return {verbatim_string={format='txt',string='abc'}}", "$3\r\nabc\r\n"),
        ("return setmetatable({},{__index=function() return 'x' end})", "*0\r\n"),
        ("return redis.status_reply('all right')", "+all right\r\n"),
    ] {
        assert_eq!(eval(source), reply, "{source}");
    }
}

#[test]
fn resp3_shapes_reach_a_client_that_speaks_it() {
    for (source, reply) in [
        ("return true", ":1\r\n"),
        ("return false", "_\r\n"),
        ("redis.setresp(3) return true", "#t\r\n"),
        ("redis.setresp(3) return false", "#f\r\n"),
        ("return {double=3.5}", ",3.5\r\n"),
        ("return {map={a=1}}", "%1\r\n$1\r\na\r\n:1\r\n"),
        ("return {set={a=true}}", "~1\r\n$1\r\na\r\n"),
        ("return {big_number='123'}", "(123\r\n"),
        ("return {verbatim_string={format='mkd',string='abc'}}", "=7\r\nmkd:abc\r\n"),
    ] {
        assert_eq!(Bench::new().wire(source, Protocol::Resp3), reply, "{source}");
    }
    assert_eq!(eval("redis.setresp(3) return false"), ":0\r\n");
}

#[test]
fn replies_of_commands_are_seen_in_resp2() {
    for (frame, claim) in [
        (integer(7), "r == 7"),
        (bulk("x"), "r == 'x'"),
        (null(), "r == false"),
        (simple("OK"), "type(r) == 'table' and r.ok == 'OK'"),
        (array(vec![integer(1), null(), text("x")]), "#r == 3 and r[2] == false and r[3] == 'x'"),
        (array(vec![error("ERR in"), integer(1)]), "r[1].err == 'ERR in' and r[2] == 1"),
        (map(vec![(text("a"), integer(1))]), "#r == 2 and r[1] == 'a' and r[2] == 1"),
        (set(vec![text("a")]), "#r == 1 and r[1] == 'a'"),
        (double(0.1), "r == '0.10000000000000001'"),
        (boolean(true), "r == 1"),
        (boolean(false), "r == 0"),
        (verbatim("v"), "r == 'v'"),
    ] {
        let reply = seen(frame.clone(), &format!("local r = redis.call('frame') return {claim}"));
        assert_eq!(reply, ":1\r\n", "{frame:?}: {claim}");
    }
    assert_eq!(eval("return redis.call('five')"), "*5\r\n:1\r\n:2\r\n:3\r\n:4\r\n:5\r\n");
}

#[test]
fn replies_of_commands_are_seen_in_resp3_after_setresp() {
    let big = Frame::BigNumber { data: "123".into(), attributes: None };
    for (frame, claim) in [
        (null(), "r == nil"),
        (double(0.5), "r.double == 0.5"),
        (boolean(true), "r == true"),
        (boolean(false), "r == false"),
        (map(vec![(text("a"), null())]), "type(r.map) == 'table' and next(r.map) == nil"),
        (map(vec![(text("a"), integer(1))]), "r.map.a == 1"),
        (set(vec![text("a")]), "r.set.a == true"),
        (verbatim("v"), "r.verbatim_string.string == 'v' and r.verbatim_string.format == 'txt'"),
        (big, "r.big_number == '123'"),
        (array(vec![null(), integer(2)]), "r[1] == nil and r[2] == 2"),
    ] {
        let source =
            format!("redis.setresp(3) local r = redis.call('frame') return ({claim}) and 1");
        assert_eq!(seen(frame.clone(), &source), ":1\r\n", "{frame:?}: {claim}");
    }
}

#[test]
fn the_protocol_is_the_scripts_own_and_ends_with_it() {
    let mut bench = Bench::new();
    bench.eval("redis.call('five') redis.setresp(3) redis.call('five')");
    bench.eval("redis.call('five')");
    assert_eq!(bench.fake.protocols, [Protocol::Resp2, Protocol::Resp3, Protocol::Resp2]);
}

#[test]
fn a_number_becomes_an_argument_with_17_digits() {
    for (number, text) in [
        ("0.1", "0.10000000000000001"),
        ("1", "1"),
        ("1e17", "1e+17"),
        ("99999999999999984", "99999999999999984"),
        ("123456789012345678", "1.2345678901234568e+17"),
        ("-7.5", "-7.5"),
        ("-1/0", "-inf"),
    ] {
        let reply = eval(&format!("return redis.call('echo', {number})"));
        assert_eq!(reply, format!("${}\r\n{text}\r\n", text.len()), "{number}");
    }
}

#[test]
fn arguments_are_strings_or_numbers() {
    for bad in ["{}", "true", "nil", "function() end"] {
        assert_eq!(
            error_of(&format!("return redis.call('echo', {bad})")),
            "ERR Lua redis lib command arguments must be strings or integers"
        );
    }
    assert_eq!(
        error_of("return redis.pcall()"),
        "ERR Please specify at least one argument for this redis lib call"
    );
}

#[test]
fn errors_are_told_as_redis_7_tells_them() {
    for (source, text) in [
        ("return redis.call('nope')", "ERR Unknown Redis command called from script script: S:1."),
        ("error('boo')", "ERR user_script:1: boo script: S:1."),
        ("error({err='My boo'})", "My boo script: S:1."),
        ("error()", "ERR nil script: S:1."),
        ("error(true)", "ERR true script: S:1."),
        ("local function f()\n error('in f') end\nf()", "ERR user_script:2: in f script: S:2."),
        (
            "\n return nil + 1",
            "ERR user_script:2: attempt to perform arithmetic on a nil value script: S:2.",
        ),
        ("#!lua flags=allow-stale\nerror('x')", "ERR user_script:2: x script: S:2."),
        (
            "return cjson.encode()",
            "ERR user_script:1: bad argument #1 to 'encode' (expected 1 argument) script: S:1.",
        ),
        ("x x", "ERR Error compiling script (new function): user_script:1: '=' expected near 'x'"),
        (
            "return 1 +",
            "ERR Error compiling script (new function): user_script:1: unexpected symbol near '<eof>'",
        ),
    ] {
        let sha = String::from_utf8(digest::sha1_hex(source.as_bytes()).to_vec()).unwrap();
        let text = text.replace(" S:", &format!(" {sha}, on @user_script:"));
        assert_eq!(eval(source), format!("-{text}\r\n"), "{source}");
    }
}

#[test]
fn an_error_reply_of_one_code_stays_one_word() {
    for (text, reply) in [
        ("FOO bar", "-FOO bar\r\n"),
        ("-FOO bar", "-FOO bar\r\n"),
        ("UNKNOWN_CLIENT", "-UNKNOWN_CLIENT\r\n"),
        ("oops", "-ERR oops\r\n"),
        ("", "-ERR \r\n"),
    ] {
        assert_eq!(eval(&format!("return redis.error_reply('{text}')")), reply);
    }
    let wrong = "-ERR wrong number or type of arguments\r\n";
    assert_eq!(eval("return redis.error_reply(1)"), wrong);
    assert_eq!(eval("return redis.status_reply('a', 'b')"), wrong);
}

#[test]
fn a_caught_error_is_what_redis_gives() {
    holds(
        "local ok, e = pcall(redis.call, 'nope') \
           return not ok and e == 'ERR Unknown Redis command called from script'",
    );
    holds(
        "local ok, e = xpcall(function() redis.call('nope') end, function(e) return e end) \
           return not ok and e.err == 'ERR Unknown Redis command called from script'",
    );
    holds(
        "local co = coroutine.create(function() redis.call('nope') end) \
           local ok, e = coroutine.resume(co) return not ok and type(e) == 'table'",
    );
    holds(
        "local ok, e = pcall(coroutine.wrap(function() redis.call('nope') end)) \
           return not ok and e == 'ERR Unknown Redis command called from script'",
    );
    holds("local ok, e = pcall(error, {ok='x'}) return not ok and e.ok == 'x'");
    holds(
        "local ok, e = pcall(cjson.decode, '[') \
           return not ok and e == 'Expected value but found T_END at character 2'",
    );
    holds(
        "local r = redis.pcall('nope') return r.err:sub(1, 3) == 'ERR' and \
           r.ignore_error_stats_update",
    );
}

#[test]
fn a_table_that_holds_itself_is_an_error() {
    assert_eq!(error_of("local t = {} t[1] = t return t"), "ERR reached lua stack limit");
    let wide = "local t = {1} for i = 1, 60 do t = {t, t} end return t";
    let mut bench = Bench::new();
    assert_eq!(bench.eval(wide), "-ERR the reply of the script is too large\r\n");
    let many = "local s, t = ('x'):rep(1e6), {} for i = 1, 100 do t[i] = s end return t";
    assert_eq!(bench.eval(many), "-ERR the reply of the script is too large\r\n");
}

#[test]
fn a_list_is_answered_alike_however_long_it_is() {
    for length in [0, 1, 2, 15, 16, 17, 40] {
        let body: String = (1..=length).map(|number| format!(":{number}\r\n")).collect();
        let made = format!("local t = {{}} for i = 1, {length} do t[i] = i end");
        assert_eq!(eval(&format!("{made} return t")), format!("*{length}\r\n{body}"));
        // A key that tells another kind of reply goes first, whatever else there is.
        assert_eq!(eval(&format!("{made} t.ok = 'FINE' return t")), "+FINE\r\n", "{length}");
        assert_eq!(eval(&format!("{made} t.err = 'ERR x' return t")), "-ERR x\r\n", "{length}");
        // A key that says nothing is nothing.
        assert_eq!(eval(&format!("{made} t.ok = 1 return t")), format!("*{length}\r\n{body}"));
        // No metamethod is asked.
        let meta = "setmetatable(t, {__index = function() return 'no' end})";
        let wanted = format!("*{length}\r\n{body}");
        assert_eq!(eval(&format!("{made} return {meta}")), wanted, "{length}");
    }
}

#[test]
fn a_list_ends_at_its_first_nil_and_may_hold_anything() {
    assert_eq!(eval("return {1, nil, 3}"), "*1\r\n:1\r\n");
    assert_eq!(eval("return {nil, 2}"), "*0\r\n");
    assert_eq!(eval("return {1, 'a', false, {2, {ok = 'X'}}, true, 3.9}"), {
        "*6\r\n:1\r\n$1\r\na\r\n$-1\r\n*2\r\n:2\r\n+X\r\n:1\r\n:3\r\n"
    });
    assert_eq!(eval("return {'a\\0\\255b'}").len(), "*1\r\n$4\r\n....\r\n".len() + 2);
}

#[test]
fn keys_and_arguments_arrive_whole_however_many_they_are() {
    let mut bench = Bench::new();
    let source =
        b"return #KEYS .. ',' .. #ARGV .. ',' .. table.concat(KEYS) .. table.concat(ARGV) \
        .. ',' .. table.maxn(ARGV) .. ',' .. select('#', unpack(ARGV))";
    let script = bench.interpreter.learn(&bench.cache, source, false).unwrap();
    let words: Vec<&[u8]> = vec![b"x"; 40];
    for key_count in [0, 1, 2, 3, 20] {
        for count in [0, 1, 15, 16, 17, 40] {
            let reply = bench.run(&script, &words[..key_count], &words[..count]).unwrap();
            let text =
                format!("{key_count},{count},{},{count},{count}", "x".repeat(key_count + count));
            assert_eq!(reply, Reply::Frame(bulk(text)));
        }
    }
    let odd: &[&[u8]] = &[b"\xff\0\xfe", b""];
    let script =
        bench.interpreter.learn(&bench.cache, b"return KEYS[1] .. ARGV[1]", false).unwrap();
    assert_eq!(
        bench.run(&script, odd, odd).unwrap(),
        Reply::Frame(bulk(b"\xff\0\xfe\xff\0\xfe".to_vec()))
    );
}
