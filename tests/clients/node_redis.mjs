// node-redis, as it is, against the server on the port that is the first argument.
// Goal: HELLO 3 (it fails without), automatic pipelining, errors and AUTH work.
import assert from "node:assert/strict";
import { createClient } from "redis";

const port = Number(process.argv[2]);
const lockedPort = Number(process.argv[3]); // the same build with --requirepass geheim

async function connect(options) {
  const { port: at = port, ...rest } = options;
  const client = createClient({ socket: { port: at, reconnectStrategy: false }, ...rest });
  client.on("error", () => {});
  return client.connect();
}

for (const RESP of [2, 3]) {
  const client = await connect({ RESP });
  const name = `node:${RESP}`;
  const flags = [];
  for (let hit = 0; hit < 4; hit += 1) {
    const verdict = await client.sendCommand(["RL.HIT", `${name}:window`, "86400000", "3"]);
    const [allowed, count, remaining, retry, reset] = verdict;
    flags.push(allowed);
    assert.deepEqual([count, remaining], [hit + 1, Math.max(0, 2 - hit)]);
    assert.ok(reset >= 1 && reset <= 86400000);
    assert.equal(retry, allowed ? 0 : reset);
  }
  assert.deepEqual(flags, [1, 1, 1, 0]);

  // Commands of one tick go out in one write.
  const hits = Array.from({ length: 500 }, () =>
    client.sendCommand(["RL.HIT", `${name}:pipe`, "1d", "200"]));
  (await Promise.all(hits)).forEach((verdict, hit) => {
    assert.deepEqual(verdict.slice(0, 2), [hit < 200 ? 1 : 0, hit + 1]);
  });

  const cell = [];
  for (let hit = 0; hit < 3; hit += 1) {
    cell.push(await client.sendCommand(["CL.THROTTLE", `${name}:cell`, "1", "1", "3600"]));
  }
  assert.deepEqual(cell.map((reply) => reply[0]), [0, 0, 1]);

  await assert.rejects(client.sendCommand(["RL.HIT", "a"]), /wrong number of arguments/);
  await assert.rejects(client.sendCommand(["NOSUCH"]), /unknown command/);
  assert.match(await client.info(), /redis_version:7\./);
  assert.equal(await client.ttl(`${name}:window`) > 0, true);
  assert.equal(await client.ping(), "PONG");

  // One waits, one listens; a third pushes and publishes.
  const waiter = await connect({ RESP });
  const list = `${name}:list`;
  assert.equal(await waiter.blPop(list, 0.01), null);
  const popped = waiter.blPop([`${name}:none`, list], 0);
  while (!/blocked_clients:1\r/.test(await client.info("clients"))) { /* until it waits */ }
  await client.rPush(list, "first");
  assert.deepEqual({ ...(await popped) }, { key: list, element: "first" });
  const listener = await connect({ RESP });
  const channel = `${name}:channel`;
  const heard = new Promise((resolve) => {
    listener.subscribe(channel, (message, from) => resolve([message, from]))
      .then(() => client.publish(channel, "hello"))
      .then((receivers) => assert.equal(receivers, 1));
  });
  assert.deepEqual(await heard, ["hello", channel]);
  await listener.unsubscribe(channel);
  assert.equal(await listener.get(`${name}:none`), null);
  for (const connection of [client, waiter, listener]) connection.destroy();
}

const locked = await connect({ port: lockedPort, password: "geheim" });
assert.equal((await locked.sendCommand(["RL.HIT", "node:locked", "1d", "3"]))[0], 1);
locked.destroy();
await assert.rejects(connect({ port: lockedPort, password: "wrong" }), /WRONGPASS/);
console.log("node-redis: ok");
