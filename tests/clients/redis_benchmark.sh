#!/usr/bin/env bash
# redis-benchmark, as it is, against the server on the port that is the first argument.
# Goal: it runs without a warning, and no hit is lost or invented under 50 connections.
set -euo pipefail
port=$1
fail() { printf 'redis-benchmark: %s\n' "$1" >&2; exit 1; }
redis-cli -p "$port" FLUSHALL >/dev/null
for pipeline in 1 16 64; do
  out=$(redis-benchmark -p "$port" -c 50 -n 64000 -P "$pipeline" -q RL.HIT "bench:$pipeline" 1d 100 2>&1)
  grep -q 'requests per second' <<<"$out" || fail "no result: $out"
  grep -qiE 'error|warning' <<<"$out" && fail "$out"
  count=$(redis-cli -p "$port" RL.GET "bench:$pipeline" 1d)
  # It stops once n replies are in, while up to c * P requests are still under way.
  [ "$count" -ge 64000 ] && [ "$count" -le $((64000 + 50 * pipeline)) ] || fail "count $count at -P $pipeline"
done
redis-benchmark -p "$port" -c 50 -n 50000 -P 16 -r 1000000 -q RL.HIT user:__rand_int__ 1d 100 >/dev/null
keys=$(redis-cli -p "$port" DBSIZE)
# 50,000 draws of 1,000,000 names: 48,770 different ones are to be expected, give or take 100.
[ "$keys" -ge 48000 ] && [ "$keys" -le 50003 ] || fail "$keys keys after 50,000 random hits"
printf 'redis-benchmark: ok\n'
