// A tiny HTTP server whose clients get 10 requests a minute each, with node-redis.
//
// Run: npm install redis; node examples/limit.mjs; then: curl -i localhost:8000
// Fails open: a limiter that does not answer within 50 ms lets the request pass, and says so.
import { createServer } from "node:http";
import { createClient } from "redis";

const limit = 10;
const scaleMs = 60_000;
const limiter = createClient({ socket: { port: 6379 }, disableOfflineQueue: true });
limiter.on("error", (error) => console.error(`rate limiter: ${error.message}`));
limiter.connect().catch(() => {});

// The verdict [allowed, count, remaining, retry_after_ms, reset_after_ms], or null.
async function hit(key) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("no answer within 50 ms")), 50);
  });
  try {
    const command = ["RL.HIT", key, String(scaleMs), String(limit)];
    return await Promise.race([limiter.sendCommand(command), late]);
  } catch (error) {
    console.error(`rate limiter: ${error.message}; letting the request pass`);
    return null;
  } finally {
    clearTimeout(timer);
  }
}

createServer(async (request, response) => {
  const verdict = await hit(`http:${request.socket.remoteAddress}`);
  const allowed = verdict === null || verdict[0] === 1;
  if (verdict) {
    const [, , remaining, retryAfterMs, resetAfterMs] = verdict;
    response.setHeader("RateLimit-Limit", limit);
    response.setHeader("RateLimit-Remaining", remaining);
    response.setHeader("RateLimit-Reset", Math.ceil(resetAfterMs / 1000));
    if (!allowed) response.setHeader("Retry-After", Math.ceil(retryAfterMs / 1000));
  }
  response.statusCode = allowed ? 200 : 429;
  response.end(allowed ? "hello\n" : "too many requests\n");
}).listen(8000, "127.0.0.1");
