// A limiter whose programs stand before different nodes: together they allow one limit.
// What a node has not heard of yet may pass it: so a few hits more are allowed, and the denial is
// waited for.
import assert from "node:assert/strict";
import fastifyRateLimit from "@fastify/rate-limit";
import fastify from "fastify";
import { row } from "./frame.mjs";

const LIMIT_IN_ALL = 30;
// Counts reach the other nodes within 100 ms: at one poll in 50 ms on each of three nodes.
const MORE = 6;
const DEADLINE_MS = 3000;
const POLL_MS = 50;

// `nodes` has a function for each node that hits and tells whether the hit passed.
async function limitsInAll(nodes) {
  let allowed = 0;
  for (let hit = 0; hit < LIMIT_IN_ALL; hit += 1) allowed += await nodes[hit % nodes.length]();
  assert.equal(allowed, LIMIT_IN_ALL, "hits that passed within the limit");
  const end = Date.now() + DEADLINE_MS;
  for (const node of nodes) {
    while (await node()) {
      allowed += 1;
      assert.ok(Date.now() < end, `${allowed} of ${LIMIT_IN_ALL} passed, and not every node denies`);
      await new Promise((done) => setTimeout(done, POLL_MS));
    }
  }
  assert.ok(allowed <= LIMIT_IN_ALL + MORE, `${allowed} hits passed instead of ${LIMIT_IN_ALL}`);
}

async function program(server, port) {
  const app = fastify();
  await app.register(fastifyRateLimit, {
    max: LIMIT_IN_ALL,
    timeWindow: 60_000,
    nameSpace: `${server.prefix}:`,
    keyGenerator: () => "client",
    redis: server.ioredis({ port }),
  });
  app.get("/", async () => "ok");
  server.endings.push(() => app.close());
  return async () => (await app.inject("/")).statusCode === 200;
}

row("cluster-fastify", "cluster", "@fastify/rate-limit", "ioredis", "fixed window from the first hit, several nodes", async (server) => {
  const ports = server.ports.length === 1 ? Array(3).fill(server.port) : server.ports;
  await limitsInAll(await Promise.all(ports.map((port) => program(server, port))));
});
