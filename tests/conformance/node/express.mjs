// Limiters of Express: express-rate-limit on rate-limit-redis, express-limiter.
import assert from "node:assert/strict";
import express from "express";
import expressLimiter from "express-limiter";
import { rateLimit } from "express-rate-limit";
import { RedisStore } from "rate-limit-redis";
import { LIMIT, WINDOW_MS, Wait, row, within } from "./frame.mjs";

async function rateLimitRedis(server, sendCommand) {
  const store = new RedisStore({ sendCommand, prefix: `${server.prefix}:` });
  const keyGenerator = () => "client";
  const limiter = rateLimit({ windowMs: WINDOW_MS, limit: LIMIT, standardHeaders: "draft-6", legacyHeaders: false, keyGenerator, store });
  const get = await server.serve(express().use(limiter).get("/", (_request, response) => response.send("ok")));
  await store.resetKey("client"); // Its scripts are loaded before time counts.

  const wait = new Wait(WINDOW_MS - 100, WINDOW_MS);
  for (let left = LIMIT - 1; left >= 0; left -= 1) {
    const { status, headers } = await get();
    assert.deepEqual([status, headers.get("ratelimit-remaining")], [200, String(left)], "within the limit");
    within(0, Number(headers.get("ratelimit-reset")), WINDOW_MS / 1000, "reset");
  }
  const denied = await get();
  assert.deepEqual([denied.status, denied.headers.get("ratelimit-remaining")], [429, "0"], "over the limit");
  within(0, Number(denied.headers.get("retry-after")), WINDOW_MS / 1000, "Retry-After");
  assert.equal((await limiter.getKey("client")).totalHits, LIMIT + 1, "hits read back");
  await wait.until(async () => (await get()).status === 200);

  await store.decrement("client");
  assert.equal((await store.increment("client")).totalHits, 1, "hits after one was taken back");
  await store.resetKey("client");
  assert.equal((await store.increment("client")).totalHits, 1, "hits after a reset");
}

row("rate-limit-redis-ioredis", "lua", "rate-limit-redis", "ioredis", "fixed window from the first hit", async (server) => {
  const client = server.ioredis();
  await rateLimitRedis(server, (command, ...rest) => client.call(command, ...rest));
});

row("rate-limit-redis-node-redis", "lua", "rate-limit-redis", "redis", "fixed window from the first hit", async (server) => {
  const client = await server.nodeRedis();
  await rateLimitRedis(server, (...command) => client.sendCommand(command));
});

row("express-limiter", "strings", "express-limiter", "ioredis", "fixed window, JSON", async (server) => {
  const app = express();
  const limit = expressLimiter(app, server.ioredis())({ lookup: "headers.x-client", total: LIMIT, expire: WINDOW_MS });
  app.use(limit).get("/", (_request, response) => response.send("ok"));
  const listening = await server.serve(app);
  const get = () => listening({ "x-client": server.key() });

  await listening({ "x-client": server.key("warm") });
  const wait = new Wait(WINDOW_MS - 100, WINDOW_MS);
  for (let left = LIMIT - 1; left >= 0; left -= 1) {
    const { status, headers } = await get();
    assert.deepEqual([status, headers.get("x-ratelimit-remaining")], [200, String(left)], "within the limit");
    within(Date.now() / 1000, Number(headers.get("x-ratelimit-reset")), Date.now() / 1000 + WINDOW_MS / 1000 + 1, "reset");
  }
  const denied = await get();
  assert.equal(denied.status, 429, "over the limit");
  within(0, Number(denied.headers.get("retry-after")), WINDOW_MS / 1000, "Retry-After");
  await wait.until(async () => (await get()).status === 200);
});
