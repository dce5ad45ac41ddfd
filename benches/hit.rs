//! What one hit costs below the socket: the parser, the store one by one and in batches, the reply.
//!
//! `cargo bench --bench hit`. Compare ratios within one run: machines are shared and noisy. What to
//! expect and why: a single hit at a million keys waits for two or three cache misses (390 ns); 64
//! looked up together overlap them (about 100 ns); parser and reply are 15 to 25 ns each.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use ratel::config::MemoryPolicy;
use ratel::engine::{Charge, Engine, Hint, Hit, Name, Options, Series};
use ratel::limiter::{Kind, Scale};
use ratel::resp::{Limits, Parsed, Parser, encode_five};

const NOW_MS: u64 = 1_790_000_000_123;

fn engine() -> Engine {
    Engine::new(Options {
        seed: 1,
        stamp_tag: 1,
        memory_limit_bytes: u64::MAX,
        policy: MemoryPolicy::NoEviction,
        track_changes: false,
    })
}

fn charge() -> Charge {
    let scale = Scale::new(3_600_000).expect("an hour is a scale");
    Charge { series: Series { kind: Kind::Fixed, scale }, increment: 1, limit: 100 }
}

fn key(i: u64) -> Vec<u8> {
    format!("rl:user:{:012}:apix", i.wrapping_mul(0x9E37_79B9_7F4A_7C15) % 1_000_000_000_000)
        .into_bytes()
}

/// Keys in an order that no cache foresees.
fn scattered(i: u64, keys: u64) -> u64 {
    i.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E) % keys
}

fn hits(c: &mut Criterion) {
    for keys in [10_000_u64, 1_000_000] {
        let engine = engine();
        for i in 0..keys {
            let _ = engine.hit(&mut engine.reader(), NOW_MS, &key(i), &charge(), Hit::Always);
        }
        let mut group = c.benchmark_group(format!("hit, {keys} keys"));
        for batch in [1_usize, 16, 64] {
            let mut next = 0_u64;
            let mut hints: Vec<Hint> = Vec::new();
            group.throughput(Throughput::Elements(batch as u64));
            group.bench_function(format!("batch of {batch}"), |b| {
                b.iter_batched(
                    || {
                        next += batch as u64;
                        (next..next + batch as u64)
                            // In the cache, as the bytes of a request just read are.
                            .map(|i| key(scattered(i, keys)))
                            .collect::<Vec<_>>()
                    },
                    |picked| {
                        let mut reader = engine.reader();
                        let batch: Vec<Name<'_>> = picked
                            .iter()
                            .map(|key| Name::at(NOW_MS, charge().series, key))
                            .collect();
                        reader.locate(&batch, &mut hints);
                        for (name, hint) in batch.iter().zip(&hints) {
                            let verdict =
                                engine.hit_at(&mut reader, NOW_MS, name, *hint, &charge());
                            black_box(verdict.is_ok());
                        }
                    },
                    BatchSize::SmallInput,
                );
            });
        }
        group.finish();
    }
}

fn wire(c: &mut Criterion) {
    let request =
        b"*4\r\n$6\r\nRL.HIT\r\n$25\r\nrl:user:000000123456:apix\r\n$5\r\n60000\r\n$3\r\n100\r\n";
    let limits = Limits {
        bulk_bytes_max: 1 << 20,
        args_max: 65_536,
        line_bytes_max: 65_536,
        unauthenticated: false,
    };
    let mut parser = Parser::default();
    let mut input = request.to_vec();
    c.bench_function("parse RL.HIT", |b| {
        b.iter(|| match parser.parse(black_box(&mut input), &limits) {
            Ok(Parsed::Request { used_bytes }) => used_bytes + parser.args().len(),
            _ => 0,
        });
    });
    let mut out = Vec::with_capacity(1 << 16);
    c.bench_function("encode a verdict", |b| {
        b.iter(|| {
            out.clear();
            encode_five(&mut out, black_box([1, 17, 83, 0, 41_234]));
            out.len()
        });
    });
}

criterion_group!(benches, hits, wire);
criterion_main!(benches);
