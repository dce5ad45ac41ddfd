// bottleneck, clustered: scripts over hashes and sorted sets, and messages between its instances.
import assert from "node:assert/strict";
import Bottleneck from "bottleneck";
import Redis from "ioredis";
import { LIMIT, WINDOW_MS, Wait, refused, row } from "./frame.mjs";

// A job that may run does so at once.
async function soon(promise, what) {
  let timer;
  const late = new Promise((_done, failed) => {
    timer = setTimeout(() => failed(new assert.AssertionError({ message: `${what}: it does not run` })), WINDOW_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

row("bottleneck", "pubsub", "bottleneck", "ioredis", "reservoir and concurrency", async (server) => {
  const clientOptions = { host: server.host, port: server.port };
  const instance = async (name, options) => {
    const limiter = new Bottleneck({ id: server.key(name), datastore: "ioredis", Redis, clientOptions, ...options });
    server.endings.push(() => limiter.disconnect(false));
    limiter.on("error", () => {});
    await limiter.ready();
    return limiter;
  };
  const job = async () => "done";

  const options = { reservoir: LIMIT, reservoirRefreshAmount: LIMIT, reservoirRefreshInterval: WINDOW_MS };
  const refusing = { ...options, highWater: 0, strategy: Bottleneck.strategy.OVERFLOW };
  const wait = new Wait(WINDOW_MS - 300, WINDOW_MS + 500);
  const [one, other] = [await instance("reservoir", refusing), await instance("reservoir", refusing)];
  for (let left = LIMIT - 1; left >= 0; left -= 1) {
    await soon((left % 2 ? one : other).schedule(job), "within the reservoir");
    assert.equal(await one.currentReservoir(), left, "reservoir");
  }
  const dropped = await soon(refused(other.schedule(job), "over the reservoir"), "over the reservoir");
  assert.match(dropped.message, /dropped/, "over the reservoir");
  await wait.until(() => one.schedule(job).then(() => true, () => false));

  // A job waits for one of the other instance, which tells it by a message when it is done.
  const [here, there] = [await instance("jobs", { maxConcurrent: 1 }), await instance("jobs", { maxConcurrent: 1 })];
  const order = [];
  let finish;
  const first = here.schedule(() => new Promise((done) => (finish = done)).then(() => order.push("first")));
  const begun = async () => {
    while (!finish) await new Promise((done) => setTimeout(done, 5));
  };
  await soon(begun(), "the first job");
  const second = there.schedule(async () => order.push("second"));
  assert.equal(await there.check(), false, "room while a job runs elsewhere");
  finish();
  await soon(Promise.all([first, second]), "the second job");
  assert.deepEqual(order, ["first", "second"], "order of jobs");
});
