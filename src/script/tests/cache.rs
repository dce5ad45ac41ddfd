use super::*;

#[test]
fn eval_is_enough_for_evalsha_on_every_worker() {
    let (mut one, two) = (Bench::new(), Bench::new());
    let script = one.interpreter.learn(&one.cache, b"return 1", false).unwrap();
    let sha = script.sha().to_uppercase();
    assert!(two.interpreter.find(&one.cache, sha.as_bytes()).is_some());
    assert!(two.interpreter.find(&two.cache, sha.as_bytes()).is_none());
}

#[test]
fn a_flush_is_seen_by_a_worker_that_has_compiled_the_script() {
    let mut bench = Bench::new();
    let script = bench.interpreter.learn(&bench.cache, b"return 1", true).unwrap();
    bench.cache.flush();
    assert!(bench.interpreter.find(&bench.cache, script.sha().as_bytes()).is_none());
    let again = bench.interpreter.learn(&bench.cache, b"return 1", false).unwrap();
    assert!(!again.is_gone());
    assert!(bench.interpreter.find(&bench.cache, script.sha().as_bytes()).is_some());
    assert_eq!(bench.run(&again, &[], &[]), Ok(Reply::Integer(1)));
}

#[test]
fn what_does_not_compile_is_not_remembered() {
    let mut bench = Bench::new();
    for source in ["x x", "#!lua flags=bogus\nreturn 1", "#!lua"] {
        assert!(bench.interpreter.learn(&bench.cache, source.as_bytes(), true).is_err());
    }
    let long = format!("return 1 --{}", "x".repeat(2 << 20));
    assert!(bench.interpreter.learn(&bench.cache, long.as_bytes(), true).is_err());
    assert_eq!(bench.cache.count(), 0);
}

#[test]
fn a_full_cache_runs_eval_and_refuses_script_load() {
    let mut bench = Bench::new();
    bench.cache = ScriptCache::new(CacheLimits { evictable_count: 10, source_bytes: 12 });
    bench.interpreter.learn(&bench.cache, b"return 1", true).unwrap();
    assert_eq!(bench.eval("return 2"), ":2\r\n");
    let refused = bench.interpreter.learn(&bench.cache, b"return 3", true);
    assert!(refused.unwrap_err().starts_with("ERR too many bytes of scripts"));
    assert_eq!(bench.cache.count(), 1);
}

#[test]
fn more_scripts_than_a_state_compiles_still_run() {
    let mut bench = Bench::new();
    for number in 0..3000 {
        assert_eq!(bench.eval(&format!("return {number}")), format!(":{number}\r\n"));
    }
    assert_eq!(bench.cache.count(), 500);
}

#[test]
fn scripts_that_use_up_a_state_are_compiled_in_a_new_one() {
    let mut bench = Bench::new();
    for number in 0..30 {
        // About 1 MiB each once compiled.
        let source = format!("local t = {{{}}} return #t", "{'x'},".repeat(10_000 + number));
        let length = 10_000 + number;
        assert_eq!(bench.eval(&source), format!(":{length}\r\n"));
    }
    assert!(bench.interpreter.used_memory_bytes() < MEMORY_BYTES_MAX);
}

#[test]
fn a_flush_reaches_what_another_worker_loaded_meanwhile() {
    let (mut one, mut two) = (Bench::new(), Bench::new());
    let cache = &one.cache;
    let script = one.interpreter.learn(cache, b"return 1", false).unwrap();
    two.interpreter.learn(cache, b"return 1", true).unwrap();
    cache.flush();
    one.interpreter.learn(cache, b"return 1", false).unwrap();
    two.interpreter.learn(cache, b"return 1", true).unwrap();
    assert!(two.interpreter.find(cache, script.sha().as_bytes()).is_some());
    cache.flush();
    assert!(two.interpreter.find(cache, script.sha().as_bytes()).is_none());
}

#[test]
fn a_script_that_found_no_room_is_not_found() {
    let mut bench = Bench::new();
    bench.cache = ScriptCache::new(CacheLimits { evictable_count: 9, source_bytes: 10 });
    let source = b"return 1 -- too long";
    let script = bench.interpreter.learn(&bench.cache, source, false).unwrap();
    assert!(bench.interpreter.find(&bench.cache, script.sha().as_bytes()).is_none());
    assert!(bench.interpreter.learn(&bench.cache, source, true).is_err());
}
