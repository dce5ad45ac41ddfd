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
}
return $rows;
