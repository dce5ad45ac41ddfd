// Limiters that are bound to no framework and use plain commands.
import assert from "node:assert/strict";
import { create } from "redis-rate-limiter";
import { LIMIT, WINDOW_MS, Wait, row } from "./frame.mjs";

row("redis-rate-limiter", "multi", "redis-rate-limiter", "ioredis", "fixed window from the first hit", async (server) => {
  const limit = create({ redis: server.ioredis(), key: (request) => request.id, limit: LIMIT, window: WINDOW_MS / 1000 });
  const hit = (id) =>
    new Promise((done, failed) => limit({ id }, (error, rate) => (error ? failed(error) : done(rate))));
  await hit(server.key("warm"));
  const wait = new Wait(WINDOW_MS - 100, WINDOW_MS);
  for (let count = 1; count <= LIMIT + 1; count += 1) {
    const { current, over } = await hit(server.key());
    assert.deepEqual([current, over], [count, count > LIMIT], "count and whether it is over the limit");
  }
  await wait.until(async () => !(await hit(server.key())).over);
});
