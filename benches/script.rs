//! What a script costs beside its commands: the calls go to a stub.
//!
//! `cargo bench --bench script`. Compare ratios within one run: machines are shared and noisy. An
//! empty script pays for one entry into Lua and for its two tables; most of what comes on top is
//! Lua's own work and its garbage.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use ratel::resp::{Protocol, Reply};
use ratel::script::{
    CacheLimits, Calls, Interpreter, LogLevel, Options, Request, Run, ScriptCache, Stop,
};

const BUDGET_NS: u64 = 50_000_000;

struct Stub(i64);

impl Calls for Stub {
    fn call(&mut self, _: &Request, _: Protocol, _: u64) -> Result<Reply, Stop> {
        self.0 += 1;
        Ok(Reply::Integer(self.0))
    }

    fn log(&mut self, _: LogLevel, _: &[u8]) {}

    fn may(&mut self, _: &Request) -> Option<bool> {
        Some(true)
    }
}

fn scripts(c: &mut Criterion) {
    let mut group = c.benchmark_group("script");
    let mut interpreter =
        Interpreter::new(Options { redis_version: "7.4.0", seed: 1 }).expect("a Lua state");
    let cache = ScriptCache::new(CacheLimits::default());
    let fixed_window = "local c = redis.call('INCRBY', KEYS[1], ARGV[2]) \
        if tonumber(c) == tonumber(ARGV[2]) then redis.call('EXPIRE', KEYS[1], ARGV[1]) end return c";
    let five = "local c = redis.call('INCR', KEYS[1]) \
        if c == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end \
        local ttl = redis.call('PTTL', KEYS[1]) local limit = tonumber(ARGV[2]) \
        return {c <= limit and 1 or 0, c, math.max(0, limit - c), c <= limit and 0 or ttl, ttl}";
    for (name, source, keys, argv) in [
        ("empty", "return 1", vec![], vec![]),
        ("one INCR", "return redis.call('INCR', KEYS[1])", vec![b"user:1".as_slice()], vec![]),
        ("incr and expire", fixed_window, vec![b"user:1".as_slice()], vec![b"60".as_slice(), b"1"]),
        ("five integers", five, vec![b"user:1".as_slice()], vec![b"60000".as_slice(), b"100"]),
        ("a table of 5", "return {1, 2, 3, 4, 5}", vec![], vec![]),
        ("loop of 1000", "local n = 0 for i = 1, 1000 do n = n + i end return n", vec![], vec![]),
    ] {
        let script = interpreter.learn(&cache, source.as_bytes(), true).expect("it compiles");
        let mut stub = Stub(0);
        group.bench_function(name, |b| {
            b.iter(|| {
                let (keys, argv) = (&keys, &argv);
                let run = Run { script: &script, keys, argv, budget_ns: BUDGET_NS, ticker: || 0 };
                black_box(interpreter.run(&run, &mut stub).is_ok())
            });
        });
    }
    group.bench_function("EVAL of a known script", |b| {
        b.iter(|| black_box(interpreter.learn(&cache, five.as_bytes(), false).is_ok()));
    });
    group.bench_function("compile", |b| {
        let mut number = 0_u64;
        b.iter(|| {
            number += 1;
            let source = format!("{five} -- {number}");
            black_box(interpreter.learn(&cache, source.as_bytes(), false).is_ok())
        });
    });
    group.finish();
}

criterion_group!(benches, scripts);
criterion_main!(benches);
