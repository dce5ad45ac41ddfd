//! The `redis` crate, as it is, against a running server.

mod support;

use redis::{Commands, ConnectionLike, RedisResult, Value, cmd, pipe};
use support::Server;

fn client(server: &Server, suffix: &str) -> redis::Connection {
    connect(&format!("redis://127.0.0.1:{}/{suffix}", server.port())).expect("a connection")
}

fn connect(url: &str) -> RedisResult<redis::Connection> {
    redis::Client::open(url)?.get_connection()
}

fn error_text(result: RedisResult<Value>) -> String {
    result.expect_err("an error").to_string()
}

#[test]
fn a_fixed_window_lets_three_of_four_pass() {
    let server = Server::start(&[]);
    for suffix in ["", "?protocol=resp3"] {
        let mut client = client(&server, suffix);
        // A day, so that the test does not straddle the end of a window but at midnight.
        let hit = || cmd("RL.HIT").arg(format!("user{suffix}")).arg("1d").arg(3).clone();
        for (count, allowed) in [(1, 1), (2, 1), (3, 1), (4, 0)] {
            let verdict: [i64; 5] = hit().query(&mut client).expect("a verdict");
            let [passed, seen, remaining, retry_after_ms, reset_after_ms] = verdict;
            assert_eq!((passed, seen, remaining), (allowed, count, (3 - count).max(0)));
            assert!((1..=86_400_000).contains(&reset_after_ms), "{verdict:?}");
            let retry = if allowed == 1 { 0 } else { reset_after_ms };
            assert_eq!(retry_after_ms, retry, "{verdict:?}");
        }
    }
}

#[test]
fn a_pipeline_keeps_the_order_of_its_requests() {
    let server = Server::start(&[]);
    let mut client = client(&server, "");
    let mut batch = pipe();
    for _ in 0..1000 {
        batch.cmd("RL.HIT").arg("batch").arg("1d").arg(400);
    }
    let verdicts: Vec<[i64; 5]> = batch.query(&mut client).expect("verdicts");
    for (count, verdict) in (1..).zip(&verdicts) {
        assert_eq!((verdict[0], verdict[1]), (i64::from(count <= 400), count));
    }
    assert_eq!(verdicts.len(), 1000);
}

#[test]
fn cl_throttle_answers_as_redis_cell() {
    let server = Server::start(&[]);
    let mut client = client(&server, "");
    let mut throttle = || -> [i64; 5] {
        cmd("CL.THROTTLE").arg(&["cell", "1", "1", "3600"]).query(&mut client).expect("a verdict")
    };
    // 0 = allowed; the limit is the burst plus one.
    assert_eq!(throttle()[..4], [0, 2, 1, -1]);
    assert_eq!(throttle()[..4], [0, 2, 0, -1]);
    let denied = throttle();
    assert_eq!(denied[..3], [1, 2, 0]);
    assert!((3598..=3600).contains(&denied[3]), "{denied:?}");
    assert!((7198..=7200).contains(&denied[4]), "{denied:?}");
}

#[test]
fn a_password_is_asked_for_and_taken() {
    let server = Server::start(&["--requirepass", "geheim"]);
    let port = server.port();
    let mut stranger = connect(&format!("redis://127.0.0.1:{port}/")).expect("a connection");
    let text = error_text(cmd("RL.HIT").arg(&["a", "1d", "3"]).query(&mut stranger));
    assert!(text.to_lowercase().contains("authentication required"), "{text}");
    assert!(connect(&format!("redis://:wrong@127.0.0.1:{port}/")).is_err());
    for protocol in ["", "?protocol=resp3"] {
        let mut friend =
            connect(&format!("redis://:geheim@127.0.0.1:{port}/{protocol}")).expect("in");
        assert_eq!(cmd("PING").query::<String>(&mut friend).expect("a reply"), "PONG");
    }
}

#[test]
fn hello_3_answers_a_map_that_names_a_redis_of_version_7() {
    let server = Server::start(&[]);
    let mut client = client(&server, "?protocol=resp3");
    let Value::Map(fields) = cmd("HELLO").arg(3).query::<Value>(&mut client).expect("a reply")
    else {
        panic!("no map")
    };
    let field = |wanted: &str| {
        let found = fields.iter().find(
            |(name, _)| matches!(name, Value::BulkString(bytes) if bytes == wanted.as_bytes()),
        );
        found.map(|(_, value)| value.clone())
    };
    assert_eq!(field("proto"), Some(Value::Int(3)));
    let version: String =
        redis::from_redis_value(field("version").expect("version")).expect("text");
    assert!(version.starts_with("7."), "{version}");
}

#[test]
fn generic_commands_see_a_limited_key() {
    let server = Server::start(&[]);
    let mut client = client(&server, "");
    let _: [i64; 5] =
        cmd("RL.HIT").arg(&["seen", "1d", "3"]).query(&mut client).expect("a verdict");
    assert_eq!(client.exists::<_, i64>("seen").expect("exists"), 1);
    assert_eq!(cmd("TYPE").arg("seen").query::<String>(&mut client).expect("type"), "ratelimit");
    assert!((1..=86_400).contains(&client.ttl::<_, i64>("seen").expect("ttl")));
    let names: Vec<String> = client.scan().expect("scan").map(|name| name.expect("name")).collect();
    assert_eq!(names, ["seen"]);
    assert_eq!(client.del::<_, i64>("seen").expect("del"), 1);
    assert_eq!(client.exists::<_, i64>("seen").expect("exists"), 0);
}

#[test]
fn errors_are_errors_and_the_connection_goes_on() {
    let server = Server::start(&[]);
    let mut client = client(&server, "");
    for (words, expected) in [
        (&["RL.HIT", "a"][..], "wrong number of arguments"),
        (&["RL.HIT", "a", "0", "3"], ""),
        (&["RL.HIT", "a", "1d", "3", "-1"], "RL.REFUND"),
        (&["RL.HIT", "a", "1d", "3", "SLIDING", "SLIDING"], "syntax error"),
        (&["NOSUCH"], "unknown command"),
        (&["CONFIG", "SET", "port", "1"], "immutable"),
    ] {
        let mut command = cmd(words[0]);
        let text = error_text(command.arg(&words[1..]).query(&mut client));
        assert!(text.contains(expected), "{words:?}: {text}");
    }
    assert!(client.check_connection());
}
