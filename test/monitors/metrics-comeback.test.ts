import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeClock } from "sightline/testing";
import type { SpanRecord } from "../../src/core/record.ts";
import { metrics } from "../../src/monitors/metrics/metrics.ts";
import { sampleSpan } from "../../src/testing/sample-records.ts";

const FIVE_MINUTES = 300_000;
let made = 0;

function call(user: string, part: Partial<SpanRecord> = {}): SpanRecord {
  made++;
  return sampleSpan({
    spanId: made.toString(16).padStart(16, "0"),
    type: "generation",
    genAi: { operation: "chat", provider: "openai", requestModel: "gpt-4.1" },
    trace: { userId: user },
    ...part,
  });
}

test("a group that comes back after another had its place has the rate of the time since then", () => {
  const clock = fakeClock();
  const watched = metrics({ clock, maxGroups: 1 });
  const rate = (user: string) =>
    watched.read("calls_per_minute", { windowMs: FIVE_MINUTES, where: { user } })[0]?.value;
  watched.write([call("a")]);
  clock.advance(FIVE_MINUTES);
  watched.write([call("b")]);
  assert.equal(rate("a"), undefined);
  clock.advance(FIVE_MINUTES);
  for (let second = 0; second < 120; second++) {
    watched.write([call("a")]);
    clock.advance(1_000);
  }
  assert.equal(rate("a"), 60);
  assert.equal(rate("b"), undefined);
});

test("a group that is new while there is room has been silent before: its rate is that of the whole window", () => {
  const clock = fakeClock();
  const watched = metrics({ clock, maxGroups: 2 });
  const rates = () =>
    watched.read("calls_per_minute", { windowMs: FIVE_MINUTES, by: "user" }).map(({ value }) => value);
  watched.write([call("a")]);
  clock.advance(2 * FIVE_MINUTES);
  watched.write(Array.from({ length: 10 }, () => call("b")));
  assert.deepEqual(rates(), [0, 2]);
  // The others too: nothing of them was counted elsewhere.
  watched.write(["a", "c", "d", "e", "f", "g"].map((user) => call(user)));
  assert.deepEqual(rates(), [0.2, 2, 1]);
});

test("models without a place of their own share the newest word on their quota", () => {
  const clock = fakeClock();
  const watched = metrics({ clock, maxGroups: 1 });
  const told = (requestModel: string, remainingTokens: number) =>
    call("u", {
      genAi: { operation: "chat", requestModel },
      http: { method: "POST", route: "/x", status: 200, rateLimit: { limitTokens: 100, remainingTokens } },
    });
  watched.write([told("first", 90), told("second", 20), told("third", 30)]);
  const readings = watched.read("token_quota_used", { windowMs: FIVE_MINUTES, by: "model" });
  assert.deepEqual(
    readings.map(({ labels, value }) => [labels["model"], value]),
    [
      ["first", 0.1],
      ["other", 0.7],
    ],
  );
});
