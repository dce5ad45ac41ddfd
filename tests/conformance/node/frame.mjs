// What every Node row shares: where the server is, what may be asserted, and how a row is run.
// A row is one function that uses one library as its documentation says and asserts what it answers.
// It never talks to the server itself, so that it holds for any server. Each line printed is one row:
// name, library, version, client, algorithm, verdict, seconds, detail, with tabs between.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import Redis from "ioredis";
import { createClient } from "redis";

export const LIMIT = 3;
export const WINDOW_MS = 2000;
// A shared machine may stall a process; a window that ends this much later is still sane.
const SLACK_MS = 1500;
const POLL_MS = 50;
// No row needs a third of it: a library that waits for ever is broken.
const DEADLINE_MS = 30_000;
const STRAY = ["unhandledRejection", "uncaughtException"];
const rows = [];

// Declares a row. `needs` is the part of Redis it stands on: strings, multi, lua, ...
export function row(name, needs, library, client, algorithm, check) {
  rows.push({ name, needs, library, client, algorithm, check });
}

export function within(low, found, high, what) {
  assert.ok(low <= found && found <= high, `${what}: ${found} is not in ${low} to ${high}`);
}

// The value that a promise is rejected with, as limiters answer by it that the limit is reached.
export function refused(promise, what) {
  return promise.then(
    (answer) => assert.fail(`${what}: ${JSON.stringify(answer)} instead of a refusal`),
    (reason) => reason,
  );
}

// Waits for a window to end: not before and not after the milliseconds given since it was made.
export class Wait {
  constructor(earliest, latest) {
    Object.assign(this, { earliest, latest: latest + SLACK_MS, started: Date.now() });
  }

  // Asks until the limiter lets a hit pass again.
  async until(passes) {
    while (!(await passes())) {
      assert.ok(Date.now() - this.started <= this.latest, `the window did not free within ${this.latest} ms`);
      await new Promise((done) => setTimeout(done, POLL_MS));
    }
    within(this.earliest, Date.now() - this.started, this.latest, "milliseconds until the window freed");
  }
}

// One try of a row: its connections and HTTP servers, all ended with it.
class Try {
  // `ports` are those of the nodes of a cluster: one, where there is none.
  constructor(host, port, ports) {
    Object.assign(this, { host, port, ports, prefix: `conformance:${randomBytes(6).toString("hex")}`, endings: [] });
  }

  key(name = "client") {
    return `${this.prefix}:${name}`;
  }

  ioredis(options = {}) {
    const client = new Redis({ host: this.host, port: this.port, maxRetriesPerRequest: 1, ...options });
    this.endings.push(() => client.disconnect());
    return client;
  }

  async nodeRedis() {
    const client = createClient({ socket: { host: this.host, port: this.port, reconnectStrategy: false } });
    client.on("error", () => {});
    await client.connect();
    this.endings.push(() => client.destroy());
    return client;
  }

  // The answer to GET / of a program that listens: status, headers and body.
  async serve(app) {
    const listening = await new Promise((done) => {
      const server = app.listen(0, "127.0.0.1", () => done(server));
    });
    this.endings.push(() => listening.close(), () => listening.closeAllConnections());
    return (headers = {}) => fetch(`http://127.0.0.1:${listening.address().port}/`, { headers });
  }

  async end() {
    for (const ending of this.endings) await ending();
  }
}

function versionOf(library) {
  return JSON.parse(readFileSync(new URL(`./node_modules/${library}/package.json`, import.meta.url))).version;
}

const oneLine = (text) => String(text).replace(/\s+/g, " ").trim().slice(0, 200);

// The verdict over one try: pass, FAIL (an outcome differs) or BROKEN (the library gave up).
async function attempt(check, where) {
  const server = new Try(...where);
  // Some libraries leave an error to nobody: it is the row's verdict, not the end of all rows.
  let astray;
  const stray = new Promise((_done, failed) => (astray = failed));
  for (const event of STRAY) process.on(event, astray);
  try {
    await Promise.race([check(server), giveUp(), stray]);
    return ["pass", ""];
  } catch (error) {
    if (error instanceof assert.AssertionError) return ["FAIL", oneLine(error.message)];
    return ["BROKEN", oneLine(error?.stack ? `${error.name}: ${error.message}` : JSON.stringify(error))];
  } finally {
    await Promise.race([server.end(), giveUp()]).catch(() => {});
    for (const event of STRAY) process.off(event, astray);
  }
}

function giveUp() {
  return new Promise((_done, failed) => {
    setTimeout(() => failed(new Error(`no outcome within ${DEADLINE_MS} ms`)), DEADLINE_MS).unref();
  });
}

async function run({ name, library, client, algorithm, check }, where, tries) {
  let verdict, detail, started, first;
  for (let number = 1; number <= tries; number += 1) {
    started = Date.now();
    [verdict, detail] = await attempt(check, where);
    if (verdict === "pass") break;
    first = detail;
  }
  if (verdict === "pass" && first) detail = `second try; the first: ${first}`;
  const [package_] = library.split(" ");
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  const cells = [name, library, versionOf(package_), `${client} ${versionOf(client)}`, algorithm];
  console.log([...cells, verdict, seconds, detail].join("\t"));
}

// Arguments: HOST PORT NODE[,NODE...] TRIES NAME..., nodes by their ports; a name is that of a row or of what rows need.
export async function main([host, port, nodes, tries, ...wanted]) {
  const where = [host, Number(port), nodes.split(",").map(Number)];
  for (const one of rows) {
    if (wanted.includes(one.name) || wanted.includes(one.needs)) await run(one, where, Number(tries));
  }
  process.exit(0); // Some libraries leave a timer behind.
}
