// Limiters that belong to a web framework: Fastify, Nest, Hono.
import assert from "node:assert/strict";
import "reflect-metadata";
import { RedisStore } from "@hono-rate-limiter/redis";
import fastifyRateLimit from "@fastify/rate-limit";
import { ThrottlerStorageRedisService } from "@nest-lab/throttler-storage-redis";
import { Controller, Get, Module } from "@nestjs/common";
import { APP_GUARD, NestFactory } from "@nestjs/core";
import { ThrottlerGuard, ThrottlerModule } from "@nestjs/throttler";
import fastify from "fastify";
import { Hono } from "hono";
import { rateLimiter } from "hono-rate-limiter";
import { LIMIT, WINDOW_MS, Wait, row, within } from "./frame.mjs";

// `get` answers the status and a function that reads a header.
async function window(get, { remaining, reset, retry }) {
  const wait = new Wait(WINDOW_MS - 100, WINDOW_MS);
  for (let left = LIMIT - 1; left >= 0; left -= 1) {
    const { status, header } = await get();
    assert.deepEqual([status, Number(header(remaining))], [200, left], "within the limit");
    within(0, Number(header(reset)), WINDOW_MS / 1000, "reset");
  }
  const denied = await get();
  assert.equal(denied.status, 429, "over the limit");
  within(1, Number(denied.header(retry)), WINDOW_MS / 1000, "Retry-After");
  await wait.until(async () => (await get()).status === 200);
}

row("fastify", "lua", "@fastify/rate-limit", "ioredis", "fixed window from the first hit", async (server) => {
  const app = fastify();
  const options = { max: LIMIT, timeWindow: WINDOW_MS, nameSpace: `${server.prefix}:`, keyGenerator: () => "client" };
  await app.register(fastifyRateLimit, { ...options, redis: server.ioredis() });
  app.get("/", async () => "ok");
  server.endings.push(() => app.close());
  await window(
    async () => {
      const { statusCode, headers } = await app.inject("/");
      return { status: statusCode, header: (name) => headers[name] };
    },
    { remaining: "x-ratelimit-remaining", reset: "x-ratelimit-reset", retry: "retry-after" },
  );
});

row("nest", "lua", "@nest-lab/throttler-storage-redis", "ioredis", "fixed window and a block", async (server) => {
  class Root {
    answer() {
      return "ok";
    }
  }
  Controller()(Root);
  Get()(Root.prototype, "answer", Object.getOwnPropertyDescriptor(Root.prototype, "answer"));
  class App {}
  const storage = new ThrottlerStorageRedisService(server.ioredis({ keyPrefix: `${server.prefix}:` }));
  Module({
    imports: [ThrottlerModule.forRoot({ throttlers: [{ limit: LIMIT, ttl: WINDOW_MS }], storage })],
    controllers: [Root],
    providers: [{ provide: APP_GUARD, useClass: ThrottlerGuard }],
  })(App);
  const app = await NestFactory.create(App, { logger: false });
  await app.listen(0, "127.0.0.1");
  server.endings.push(() => app.close());
  const url = await app.getUrl();
  await window(
    async () => {
      const { status, headers } = await fetch(url);
      return { status, header: (name) => headers.get(name) };
    },
    { remaining: "x-ratelimit-remaining", reset: "x-ratelimit-reset", retry: "retry-after" },
  );
});

row("hono", "lua", "@hono-rate-limiter/redis", "redis", "fixed window from the first hit", async (server) => {
  const redis = await server.nodeRedis();
  // The store wants a client of Upstash's shape, as its documentation says.
  const client = {
    scriptLoad: (script) => redis.scriptLoad(script),
    evalsha: (sha, keys, words) => redis.evalSha(sha, { keys, arguments: words.map(String) }),
    decr: (key) => redis.decr(key),
    del: (key) => redis.del(key),
  };
  const store = new RedisStore({ client, prefix: `${server.prefix}:` });
  const app = new Hono();
  app.use(rateLimiter({ windowMs: WINDOW_MS, limit: LIMIT, standardHeaders: "draft-6", keyGenerator: () => "client", store }));
  app.get("/", (context) => context.text("ok"));
  await window(
    async () => {
      const { status, headers } = await app.request("/");
      return { status, header: (name) => headers.get(name) };
    },
    { remaining: "ratelimit-remaining", reset: "ratelimit-reset", retry: "retry-after" },
  );
  await store.decrement("client");
  assert.equal((await store.increment("client")).totalHits, 1, "hits after one was taken back");
  await store.resetKey("client");
  assert.equal((await store.increment("client")).totalHits, 1, "hits after a reset");
});
