<?php
// Symfony's rate limiter on its Redis cache: it stores a serialized object.
declare(strict_types=1);

require_once 'Symfony/Component/Cache/autoload.php';
require_once 'Symfony/Component/RateLimiter/autoload.php';

use Symfony\Component\Cache\Adapter\RedisAdapter;
use Symfony\Component\RateLimiter\LimiterInterface;
use Symfony\Component\RateLimiter\RateLimiterFactory;
use Symfony\Component\RateLimiter\Storage\CacheStorage;

function symfony_limiter(Server $server, array $policy): LimiterInterface
{
    $redis = RedisAdapter::createConnection("redis://$server->host:$server->port");
    $storage = new CacheStorage(new RedisAdapter($redis, str_replace(':', '.', $server->prefix)));
    return (new RateLimiterFactory(['id' => $policy['policy'], 'limit' => LIMIT, ...$policy], $storage))->create('client');
}

function symfony_window(Server $server, array $policy, float $earliest, float $latest): void
{
    $limiter = symfony_limiter($server, $policy);
    $started = now_s();
    for ($left = LIMIT - 1; $left >= 0; $left--) {
        $hit = $limiter->consume();
        expect([$hit->isAccepted(), $hit->getRemainingTokens()], [true, $left], 'within the limit');
    }
    $hit = $limiter->consume();
    expect([$hit->isAccepted(), $hit->getLimit()], [false, LIMIT], 'over the limit');
    between(0, $hit->getRetryAfter()->getTimestamp() - time(), WINDOW_S + 1, 'retry after');
    frees($started, $earliest, $latest, fn () => $limiter->consume()->isAccepted());
    $limiter->reset();
    expect($limiter->consume()->getRemainingTokens(), LIMIT - 1, 'remaining after a reset');
}

return [
    new Row(
        'symfony',
        'strings',
        'php-symfony-rate-limiter',
        'Symfony RateLimiter',
        'php-redis',
        'fixed window; token bucket',
        function (Server $server): void {
            symfony_window($server, ['policy' => 'fixed_window', 'interval' => WINDOW_S . ' seconds'], WINDOW_S - 0.1, WINDOW_S);
            $rate = ['interval' => '1 second', 'amount' => 1];
            symfony_window($server, ['policy' => 'token_bucket', 'rate' => $rate], 0.9, 1);
        },
    ),
];
