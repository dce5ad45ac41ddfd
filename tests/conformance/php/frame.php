<?php
// What every PHP row shares: where the server is, what may be asserted, and how a row is run.
// A row is one function that uses one library as its documentation says and asserts what it answers.
// It never talks to the server itself, so that it holds for any server. Each line printed is one row:
// name, library, version, client, algorithm, verdict, seconds, detail, with tabs between.
declare(strict_types=1);

const LIMIT = 3;
const WINDOW_S = 2;
// A shared machine may stall a process; a window that ends this much later is still sane.
const SLACK_S = 1.5;
const POLL_US = 50_000;
// No row needs a third of it: a library that waits for ever is broken.
const DEADLINE_S = 30;

// An outcome differs from what is asserted.
final class Difference extends Exception
{
}

// Where the server is, and the prefix of all keys of this try.
final class Server
{
    public function __construct(public string $host, public int $port, public string $prefix)
    {
    }

    public function key(string $name = 'client'): string
    {
        return "$this->prefix:$name";
    }
}

final class Row
{
    public function __construct(
        public string $name,
        public string $needs,
        public string $package,
        public string $library,
        public string $client,
        public string $algorithm,
        public Closure $check,
    ) {
    }
}

function expect(mixed $found, mixed $expected, string $what): void
{
    if ($found !== $expected) {
        throw new Difference("$what: " . json_encode($found) . ' instead of ' . json_encode($expected));
    }
}

function between(float $low, float $found, float $high, string $what): void
{
    if ($found < $low || $found > $high) {
        throw new Difference("$what: $found is not in $low to $high");
    }
}

function now_s(): float
{
    return hrtime(true) / 1e9;
}

// Asks until the limiter lets a hit pass again: not before and not after the seconds since $started.
function frees(float $started, float $earliest, float $latest, Closure $passes): void
{
    while (!$passes()) {
        if (now_s() - $started > $latest + SLACK_S) {
            throw new Difference('the window did not free within ' . ($latest + SLACK_S) . ' s');
        }
        usleep(POLL_US);
    }
    between($earliest, now_s() - $started, $latest + SLACK_S, 'seconds until the window freed');
}

// The version of a Debian package that is installed, without Debian's own part.
function version_of(string $package): string
{
    $found = (string) shell_exec('dpkg-query -W -f \'${Version}\' ' . escapeshellarg($package));
    return preg_replace(['/^\d+:/', '/[+-].*$/'], '', $found);
}

// The verdict over one try: pass, FAIL (an outcome differs) or BROKEN (the library gave up).
function attempt(Row $row, string $host, int $port): array
{
    pcntl_alarm(DEADLINE_S);
    try {
        ($row->check)(new Server($host, $port, 'conformance:' . bin2hex(random_bytes(6))));
        return ['pass', ''];
    } catch (Difference $error) {
        return ['FAIL', $error->getMessage()];
    } catch (Throwable $error) { // A library may throw anything: it is the row's verdict.
        return ['BROKEN', get_class($error) . ': ' . $error->getMessage()];
    } finally {
        pcntl_alarm(0);
    }
}

function run(Row $row, string $host, int $port, int $tries): void
{
    $first = '';
    for ($number = 1; $number <= $tries; $number++) {
        $started = now_s();
        [$verdict, $detail] = attempt($row, $host, $port);
        $detail = substr(preg_replace('/\s+/', ' ', $detail), 0, 200);
        if ($verdict === 'pass') {
            $detail = $number > 1 ? "second try; the first: $first" : '';
            break;
        }
        $first = $detail;
    }
    $client = preg_replace(['/^php-redis/', '/^php-/'], ['phpredis', ''], $row->client) . ' ' . version_of($row->client);
    $cells = [$row->name, $row->library, version_of($row->package), $client, $row->algorithm, $verdict];
    echo implode("\t", [...$cells, sprintf('%.1f', now_s() - $started), $detail]), "\n";
}

// Arguments: HOST PORT[,PORT...] TRIES NAME...; a name is that of a row or of what rows need. No row of
// PHP is about a cluster: the first port is the server.
function main(array $rows, string $host, string $port, string $_nodes, string $tries, string ...$wanted): void
{
    pcntl_async_signals(true);
    pcntl_signal(SIGALRM, fn () => throw new RuntimeException('no outcome within ' . DEADLINE_S . ' s'));
    foreach ($rows as $row) {
        if (in_array($row->name, $wanted, true) || in_array($row->needs, $wanted, true)) {
            run($row, $host, (int) $port, (int) $tries);
        }
    }
}
