// ioredis, as it is, against the server on the port that is the first argument.
// Goal: its ready check, both ways of pipelining, errors and AUTH work.
import assert from "node:assert/strict";
import Redis from "ioredis";

const port = Number(process.argv[2]);
const lockedPort = Number(process.argv[3]); // the same build with --requirepass geheim
const options = { port, maxRetriesPerRequest: 1, retryStrategy: null };

const client = new Redis(options);
const flags = [];
for (let hit = 0; hit < 4; hit += 1) {
  const [allowed, count, remaining, retry, reset] =
    await client.call("RL.HIT", "io:window", 86400000, 3);
  flags.push(allowed);
  assert.equal(count, hit + 1);
  assert.equal(remaining, Math.max(0, 2 - hit));
  assert.ok(reset >= 1 && reset <= 86400000);
  assert.equal(retry, allowed ? 0 : reset);
}
assert.deepEqual(flags, [1, 1, 1, 0]);

const pipeline = client.pipeline();
for (let hit = 0; hit < 500; hit += 1) pipeline.call("RL.HIT", "io:pipe", "1d", 200);
const replies = await pipeline.exec();
replies.forEach(([error, verdict], hit) => {
  assert.equal(error, null);
  assert.deepEqual(verdict.slice(0, 2), [hit < 200 ? 1 : 0, hit + 1]);
});

const cell = [];
for (let hit = 0; hit < 3; hit += 1) cell.push(await client.call("CL.THROTTLE", "io:cell", 1, 1, 3600));
assert.deepEqual(cell.map((reply) => reply[0]), [0, 0, 1]);
assert.deepEqual(cell.map((reply) => reply[1]), [2, 2, 2]);

await assert.rejects(client.call("RL.HIT", "a"), /wrong number of arguments/);
await assert.rejects(client.call("NOSUCH"), /unknown command/);
assert.match(await client.info(), /redis_version:7\./);
assert.equal(await client.ping(), "PONG");

// It hits while one connection does: no hit is lost between clients.
const other = new Redis(options);
const both = [];
for (let hit = 0; hit < 50; hit += 1) {
  both.push(client.call("RL.HIT", "io:two", "1d", 60), other.call("RL.HIT", "io:two", "1d", 60));
}
const counts = (await Promise.all(both)).map((verdict) => verdict[1]).sort((a, b) => a - b);
assert.deepEqual(counts, Array.from({ length: 100 }, (_, index) => index + 1));

// One waits, one listens; a third pushes and publishes.
const waiter = new Redis(options);
assert.equal(await waiter.blpop("io:list", 0.01), null);
const popped = waiter.blpop("io:none", "io:list", 0);
while (!/blocked_clients:1\r/.test(await client.info("clients"))) { /* until it waits */ }
assert.equal(await client.rpush("io:list", "first", "second"), 2);
assert.deepEqual(await popped, ["io:list", "first"]);
assert.deepEqual(await waiter.brpop("io:list", 0), ["io:list", "second"]);
const listener = new Redis(options);
const heard = [];
const both_heard = new Promise((resolve) => {
  const note = (...message) => { if (heard.push(message) === 2) resolve(); };
  listener.on("message", note);
  listener.on("pmessage", note);
});
assert.equal(await listener.subscribe("io:channel"), 1);
assert.equal(await listener.psubscribe("io:ch*"), 2);
assert.equal(await client.publish("io:channel", "hello"), 2);
await both_heard;
assert.deepEqual(heard, [["io:channel", "hello"], ["io:ch*", "io:channel", "hello"]]);
assert.equal(await listener.unsubscribe("io:channel"), 1);
assert.equal(await listener.punsubscribe("io:ch*"), 0);
assert.equal(await listener.get("io:none"), null);

const locked = new Redis({ ...options, port: lockedPort, password: "geheim" });
assert.equal((await locked.call("RL.HIT", "io:locked", "1d", 3))[0], 1);
const stranger = new Redis({ ...options, port: lockedPort, enableReadyCheck: false });
stranger.on("error", () => {});
await assert.rejects(stranger.call("RL.HIT", "a", "1d", 3), /NOAUTH/);

for (const connection of [client, other, waiter, listener, locked, stranger]) connection.disconnect();
console.log("ioredis: ok");
