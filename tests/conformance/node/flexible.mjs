// rate-limiter-flexible, on both clients, and its burst limiter.
import assert from "node:assert/strict";
import { BurstyRateLimiter, RateLimiterRedis } from "rate-limiter-flexible";
import { LIMIT, WINDOW_MS, Wait, refused, row, within } from "./frame.mjs";

const limiterOf = (server, client, name = "window") =>
  new RateLimiterRedis({
    ...client,
    keyPrefix: `${server.prefix}:${name}`,
    points: LIMIT,
    duration: WINDOW_MS / 1000,
    rejectIfRedisNotReady: true,
  });

async function flexible(server, client) {
  const limiter = limiterOf(server, client);
  await limiter.consume("warm");
  const wait = new Wait(WINDOW_MS - 100, WINDOW_MS);
  for (let left = LIMIT - 1; left >= 0; left -= 1) {
    const { remainingPoints, consumedPoints, msBeforeNext } = await limiter.consume("client");
    assert.deepEqual([remainingPoints, consumedPoints], [left, LIMIT - left], "within the limit");
    within(1, msBeforeNext, WINDOW_MS, "reset");
  }
  const { remainingPoints, msBeforeNext } = await refused(limiter.consume("client"), "over the limit");
  assert.equal(remainingPoints, 0, "over the limit");
  within(1, msBeforeNext, WINDOW_MS, "reset when denied");
  assert.equal((await limiter.get("client")).consumedPoints, LIMIT + 1, "points read back");
  const passes = () => limiter.consume("client").then(() => true, (reason) => {
    if (reason instanceof Error) throw reason;
    return false;
  });
  await wait.until(passes);
  await others(limiter);
}

// What its interface has besides consume: each is another command on the wire.
async function others(limiter) {
  await limiter.penalty("other", 2);
  assert.equal((await limiter.reward("other")).consumedPoints, 1, "points after a penalty and a reward");
  await limiter.set("other", LIMIT, WINDOW_MS / 1000);
  await refused(limiter.consume("other"), "over points that were set");
  await limiter.block("other", 10);
  within(9000, (await refused(limiter.consume("other"), "blocked")).msBeforeNext, 10000, "end of the block");
  assert.equal(await limiter.delete("other"), true, "delete");
  assert.equal(await limiter.get("other"), null, "points after a delete");
}

row("flexible-ioredis", "lua", "rate-limiter-flexible", "ioredis", "fixed window from the first hit", async (server) => {
  const storeClient = server.ioredis();
  await storeClient.ping(); // Until it is ready it would be rejected.
  await flexible(server, { storeClient });
});

row("flexible-node-redis", "lua", "rate-limiter-flexible", "redis", "fixed window from the first hit", async (server) => {
  await flexible(server, { storeClient: await server.nodeRedis(), useRedisPackage: true });
});

row("flexible-bursty", "lua", "rate-limiter-flexible (BurstyRateLimiter)", "ioredis", "two fixed windows", async (server) => {
  const client = { storeClient: server.ioredis() };
  await client.storeClient.ping();
  const burst = new RateLimiterRedis({ ...client, keyPrefix: `${server.prefix}:burst`, points: 2, duration: 60 });
  const limiter = new BurstyRateLimiter(limiterOf(server, client), burst);
  await limiter.consume("warm");
  const wait = new Wait(WINDOW_MS - 100, WINDOW_MS);
  for (let left = LIMIT - 1; left >= 0; left -= 1) {
    assert.equal((await limiter.consume("client")).remainingPoints, left, "within the limit");
  }
  for (let hit = 0; hit < 2; hit += 1) await limiter.consume("client");
  const { msBeforeNext } = await refused(limiter.consume("client"), "over the limit and the burst");
  within(1, msBeforeNext, WINDOW_MS, "reset when denied");
  assert.equal((await burst.get("client")).consumedPoints, 3, "points of the burst");
  await wait.until(() => limiter.consume("client").then(() => true, () => false));
});
