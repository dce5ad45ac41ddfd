<?php
// Laravel's rate limiters, on both clients.
declare(strict_types=1);

require_once 'Illuminate/Cache/autoload.php';
require_once 'Illuminate/Container/autoload.php';
require_once 'Illuminate/Redis/autoload.php';

use Illuminate\Cache\RateLimiter;
use Illuminate\Cache\RedisStore;
use Illuminate\Cache\Repository;
use Illuminate\Container\Container;
use Illuminate\Redis\Limiters\DurationLimiter;
use Illuminate\Redis\RedisManager;

function laravel_redis(Server $server, string $client): RedisManager
{
    $place = ['host' => $server->host, 'port' => $server->port, 'database' => 0];
    return new RedisManager(new Container(), $client, ['default' => $place]);
}

function laravel_rate_limiter(Server $server, string $client): void
{
    $store = new RedisStore(laravel_redis($server, $client), $server->prefix);
    $limiter = new RateLimiter(new Repository($store));
    $limiter->attempts('warm');
    $started = now_s();
    for ($left = LIMIT - 1; $left >= 0; $left--) {
        expect($limiter->tooManyAttempts('client', LIMIT), false, 'within the limit');
        expect($limiter->hit('client', WINDOW_S), LIMIT - $left, 'count');
        expect($limiter->remaining('client', LIMIT), $left, 'remaining');
    }
    expect($limiter->tooManyAttempts('client', LIMIT), true, 'over the limit');
    between(0, $limiter->availableIn('client'), WINDOW_S, 'available in');
    expect($limiter->attempt('client', LIMIT, fn () => 'ran', WINDOW_S), false, 'attempt over the limit');
    frees($started, WINDOW_S - 1.1, WINDOW_S, fn () => !$limiter->tooManyAttempts('client', LIMIT));

    expect($limiter->attempt('other', 1, fn () => 'ran', 60), 'ran', 'attempt within the limit');
    expect($limiter->attempt('other', 1, fn () => 'ran', 60), false, 'attempt over the limit');
    $limiter->clear('other');
    expect($limiter->attempts('other'), 0, 'count after a clear');
    expect($limiter->attempt('other', 1, fn () => 'ran', 60), 'ran', 'attempt after a clear');
}

// Redis::throttle and Redis::funnel: a window in a hash, and places that are held.
function laravel_throttle(Server $server, string $client): void
{
    $redis = laravel_redis($server, $client)->connection();
    $limiter = new DurationLimiter($redis, $server->key('window'), LIMIT, WINDOW_S);
    $denied = fn () => 'denied';
    $throttle = fn () => $redis->throttle($server->key('window'))->allow(LIMIT)->every(WINDOW_S)->block(0)
        ->then(fn () => 'allowed', $denied);
    $started = now_s();
    expect($throttle(), 'allowed', 'within the limit');
    for ($left = LIMIT - 2; $left >= 0; $left--) {
        expect($limiter->acquire(), true, 'within the limit');
        expect($limiter->remaining, $left, 'remaining');
    }
    expect([$throttle(), $limiter->tooManyAttempts()], ['denied', true], 'over the limit');
    between(time() - 1, (float) $limiter->decaysAt, time() + WINDOW_S, 'end of the window');
    // It counts in whole seconds, and its window ends after its last one.
    frees($started, WINDOW_S - 1.1, WINDOW_S + 1, fn () => $throttle() === 'allowed');
    $limiter->clear();
    expect([$limiter->acquire(), $limiter->remaining], [true, LIMIT - 1], 'after a clear');

    $funnel = fn (Closure $task) => $redis->funnel($server->key('funnel'))->limit(1)->releaseAfter(60)->block(0)
        ->then($task, $denied);
    expect($funnel(fn () => $funnel(fn () => 'both')), 'denied', 'a second one inside');
    expect($funnel(fn () => 'allowed'), 'allowed', 'after the first is out');
}

$rows = [];
foreach (['phpredis' => 'php-redis', 'predis' => 'php-predis'] as $client => $package) {
    $rows[] = new Row(
        "laravel-$client",
        'lua',
        'php-illuminate-cache',
        'Laravel RateLimiter',
        $package,
        'fixed window from the first hit',
        fn (Server $server) => laravel_rate_limiter($server, $client),
    );
    $rows[] = new Row(
        "laravel-throttle-$client",
        'hash',
        'php-illuminate-redis',
        'Laravel Redis::throttle, Redis::funnel',
        $package,
        'fixed window; places held',
        fn (Server $server) => laravel_throttle($server, $client),
    );
}
return $rows;
