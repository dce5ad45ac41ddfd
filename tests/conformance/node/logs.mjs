// Limiters that keep a log of the hits in a sorted set.
import assert from "node:assert/strict";
import AsyncRateLimiter from "async-ratelimiter";
import Koa from "koa";
import koaRateLimit from "koa-ratelimit";
import RateLimiter from "ratelimiter";
import { IORedisRateLimiter, NodeRedisRateLimiter } from "rolling-rate-limiter";
import { LIMIT, WINDOW_MS, Wait, row, within } from "./frame.mjs";

const LOG = "sliding log";
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

row("koa-ratelimit", "zset", "koa-ratelimit", "ioredis", LOG, async (server) => {
  const app = new Koa();
  const options = { driver: "redis", db: server.ioredis(), duration: WINDOW_MS, max: LIMIT, namespace: server.prefix };
  app.use(koaRateLimit({ ...options, id: (context) => context.get("x-client") }));
  app.use((context) => {
    context.body = "ok";
  });
  const listening = await server.serve(app);
  const get = () => listening({ "x-client": "client" });
  await listening({ "x-client": "warm" });
  const wait = new Wait(WINDOW_MS - 100, WINDOW_MS);
  for (let left = LIMIT - 1; left >= 0; left -= 1) {
    const { status, headers } = await get();
    assert.deepEqual([status, headers.get("x-ratelimit-remaining")], [200, String(left)], "within the limit");
    assert.equal(headers.get("x-ratelimit-limit"), String(LIMIT), "limit");
  }
  assert.equal((await get()).status, 429, "over the limit");
  await wait.until(async () => (await get()).status === 200);
});

row("async-ratelimiter", "zset", "async-ratelimiter", "ioredis", LOG, async (server) => {
  const options = { db: server.ioredis(), namespace: server.prefix, max: LIMIT, duration: WINDOW_MS };
  const limiter = new AsyncRateLimiter(options);
  await limiter.get({ id: "warm" });
  const wait = new Wait(WINDOW_MS - 100, WINDOW_MS);
  for (let left = LIMIT; left >= 1; left -= 1) {
    const { remaining, total, reset } = await limiter.get({ id: "client" });
    assert.deepEqual([remaining, total], [left, LIMIT], "within the limit");
    within(Date.now() / 1000 - 1, reset, (Date.now() + WINDOW_MS) / 1000, "reset");
  }
  assert.equal((await limiter.get({ id: "client" })).remaining, 0, "over the limit");
  assert.equal((await limiter.get({ id: "client", peek: true })).remaining, 0, "looked at, over the limit");
  await wait.until(async () => (await limiter.get({ id: "client" })).remaining > 0);
});

row("ratelimiter", "zset", "ratelimiter", "ioredis", LOG, async (server) => {
  const db = server.ioredis();
  const get = (id) =>
    new Promise((done, failed) =>
      new RateLimiter({ id: server.key(id), db, max: LIMIT, duration: WINDOW_MS })
        .get((error, limit) => (error ? failed(error) : done(limit))));
  await get("warm");
  let last;
  for (let left = LIMIT; left >= 1; left -= 1) {
    last = await get("client");
    assert.deepEqual([last.remaining, last.total], [left, LIMIT], "within the limit");
    within(Date.now(), last.resetMs, Date.now() + WINDOW_MS, "reset");
  }
  last = await get("client");
  assert.equal(last.remaining, 0, "over the limit");
  // A denied hit is logged too: only who waits as long as it says is let in.
  await pause(WINDOW_MS + 20);
  assert.equal((await get("client")).remaining, LIMIT, "after the window");
});

// A denied hit is logged too, so it waits as long as it is told to.
async function rolling(limiter) {
  await limiter.limit("warm");
  for (let left = LIMIT - 1; left >= 0; left -= 1) {
    const { blocked, actionsRemaining } = await limiter.limitWithInfo("client");
    assert.deepEqual([blocked, actionsRemaining], [false, left], "within the limit");
  }
  assert.equal(await limiter.wouldLimit("client"), true, "asked, at the limit");
  const { blocked, blockedDueToCount, millisecondsUntilAllowed } = await limiter.limitWithInfo("client");
  assert.deepEqual([blocked, blockedDueToCount], [true, true], "over the limit");
  within(1, millisecondsUntilAllowed, WINDOW_MS, "milliseconds until allowed");
  await pause(millisecondsUntilAllowed + 20);
  assert.equal(await limiter.limit("client"), false, "after the window");
  await limiter.clear("client");
  assert.equal((await limiter.limitWithInfo("client")).actionsRemaining, LIMIT - 1, "remaining after a clear");
}

const options = (server) => ({ namespace: `${server.prefix}:`, interval: WINDOW_MS, maxInInterval: LIMIT });

row("rolling-ioredis", "zset", "rolling-rate-limiter", "ioredis", LOG, (server) =>
  rolling(new IORedisRateLimiter({ ...options(server), client: server.ioredis() })));

row("rolling-node-redis", "zset", "rolling-rate-limiter", "redis", LOG, async (server) =>
  rolling(new NodeRedisRateLimiter({ ...options(server), client: await server.nodeRedis() })));
