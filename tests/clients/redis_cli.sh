#!/usr/bin/env bash
# redis-cli, as it is, against the server on the port that is the first argument; the second is the
# same build with --requirepass geheim.
# Goal: its commands, its modes (--stat, --latency, --bigkeys, --memkeys, --scan, --pipe) and AUTH work.
set -euo pipefail
port=$1 locked=$2
cli() { redis-cli -p "$port" "$@"; }
fail() { printf 'redis-cli: %s\n' "$1" >&2; exit 1; }
# $1 found, $2 expected, $3 what
equal() { [ "$1" = "$2" ] || fail "$3: '$1' instead of '$2'"; }
# $1 text, $2 extended regular expression, $3 what
matches() { grep -qE "$2" <<<"$1" || fail "$3: no '$2' in: $1"; }

first=() counts=()
for _ in 1 2 3 4; do
  mapfile -t verdict < <(cli RL.HIT cli:window 1d 3)
  equal "${#verdict[@]}" 5 'RL.HIT: five elements'
  first+=("${verdict[0]}") counts+=("${verdict[1]}")
done
equal "${first[*]}" '1 1 1 0' 'RL.HIT: allowed'
equal "${counts[*]}" '1 2 3 4' 'RL.HIT: count'
equal "$(cli RL.GET cli:window 1d)" 4 'RL.GET'
equal "$(cli RL.CHECK cli:window 1d 5 | head -n 1)" 1 'RL.CHECK'
equal "$(cli -3 RL.HIT cli:three 1d 3 | head -n 1)" 1 'RL.HIT by RESP3'
equal "$(cli TYPE cli:window)" ratelimit 'TYPE'
equal "$(cli RL.RESET cli:window)" 1 'RL.RESET'
equal "$(cli EXISTS cli:window)" 0 'EXISTS after RL.RESET'
matches "$(cli RL.HIT a 2>&1)" "ERR wrong number of arguments for 'rl.hit' command" 'arity'
matches "$(cli NOSUCH 2>&1)" "ERR unknown command 'NOSUCH'" 'unknown command'
matches "$(cli INFO server)" 'redis_version:7\.' 'INFO'

equal "$(redis-cli -p "$locked" PING 2>&1)" 'NOAUTH Authentication required.' 'without the password'
equal "$(REDISCLI_AUTH=geheim redis-cli -p "$locked" PING)" PONG 'with the password'
matches "$(REDISCLI_AUTH=wrong redis-cli -p "$locked" PING 2>&1)" WRONGPASS 'with a wrong one'

for index in $(seq 200); do printf 'RL.HIT cli:many:%d 1d 3\r\n' "$index"; done > "$TMPDIR/pipe"
matches "$(cli --pipe < "$TMPDIR/pipe")" 'errors: 0, replies: 200' '--pipe'
equal "$(cli --scan --pattern 'cli:many:*' | sort -u | wc -l)" 200 '--scan'
matches "$(cli --bigkeys)" 'Sampled 20[0-9] keys' '--bigkeys'
matches "$(cli --memkeys)" 'Sampled 20[0-9] keys' '--memkeys'
# These two run until they are stopped; the first two lines are enough. Without a terminal
# --latency prints "min max avg count" and ends after the interval of -i.
matches "$(timeout 10 redis-cli -p "$port" --stat -i 0.1 2>&1 | head -n 3 || true)" \
  '^20[0-9] +[0-9.]+[KMG]? +' '--stat'
matches "$(timeout 10 redis-cli -p "$port" --latency --raw -i 1)" '^[0-9]+ [0-9]+ [0-9.]+ [0-9]+' '--latency'
printf 'redis-cli: ok\n'
