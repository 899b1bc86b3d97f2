import assert from "node:assert/strict";
import { test } from "node:test";
import { durationMs, readHeaders } from "../../../src/openai/wire/headers.ts";

const NOW = Date.UTC(2026, 10, 21, 12, 0, 0);
const read = (headers: Record<string, string>) => readHeaders((name) => headers[name] ?? null, NOW);

test("durations as Go writes them are milliseconds", () => {
  const durations = {
    "2ms": 2,
    "1.5s": 1500,
    "6m0s": 360_000,
    "1h2m3.5s": 3_723_500,
    "7.66s": 7660,
    "2m59.56s": 179_560,
    "250µs": 0.25,
    "0": 0,
    "0s": 0,
    "12": 12_000,
    "-1": undefined,
    "-1s": undefined,
    "": undefined,
    soon: undefined,
    "5 minutes": undefined,
  };
  for (const [text, ms] of Object.entries(durations)) assert.equal(durationMs(text), ms, text);
  assert.equal(durationMs(null), undefined);
});

test("OpenAI's headers", () => {
  const facts = read({
    "x-request-id": "req_1",
    "openai-processing-ms": "312",
    "x-ratelimit-limit-requests": "10000",
    "x-ratelimit-remaining-requests": "9999",
    "x-ratelimit-reset-requests": "8.64s",
    "x-ratelimit-limit-tokens": "200000",
    "x-ratelimit-remaining-tokens": "0",
    "x-ratelimit-reset-tokens": "6m0s",
    "retry-after-ms": "1500",
    "retry-after": "2",
    "x-should-retry": "false",
  });
  assert.deepEqual(facts, {
    requestId: "req_1",
    processingMs: 312,
    rateLimit: {
      limitRequests: 10_000,
      remainingRequests: 9999,
      resetRequestsMs: 8640,
      limitTokens: 200_000,
      remainingTokens: 0,
      resetTokensMs: 360_000,
    },
    retryAfterMs: 1500,
    shouldRetry: false,
  });
});

test("other hosts' headers: what is unknown is left out", () => {
  assert.deepEqual(read({}), {});
  assert.deepEqual(read({ "apim-request-id": "azure", "x-ratelimit-remaining-tokens": "-1" }), { requestId: "azure" });
  assert.deepEqual(read({ "request-id": "r", "x-should-retry": "maybe", "openai-processing-ms": "soon" }), {
    requestId: "r",
  });
  assert.deepEqual(read({ "x-litellm-response-cost": "0.00042" }), { statedCost: 0.00042 });
  assert.deepEqual(read({ "retry-after": "Sat, 21 Nov 2026 12:00:30 GMT" }), { retryAfterMs: 30_000 });
  assert.deepEqual(read({ "retry-after": "7" }), { retryAfterMs: 7000 });
});
