import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError } from "sightline";
import { readEnvironment } from "../src/environment.ts";

test("SIGHTLINE_SINK names sinks, several separated by commas", () => {
  const { sinks } = readEnvironment({ SIGHTLINE_SINK: "console, file:./t.ndjson,http://127.0.0.1:4000/records" }, true);
  assert.equal(sinks.length, 3);
  assert.deepEqual(readEnvironment({ SIGHTLINE_SINK: "" }, true).sinks, []);
  assert.deepEqual(readEnvironment({}, true).sinks, []);
});

test("the other variables", () => {
  const read = readEnvironment(
    { SIGHTLINE_ENABLED: "no", SIGHTLINE_SAMPLE_RATE: "0.25", SIGHTLINE_ENVIRONMENT: "prod", SIGHTLINE_RELEASE: "r" },
    true,
  );
  const trace = { environment: "prod", release: "r" };
  assert.deepEqual(read, { sinks: [], enabled: false, sampleRate: 0.25, userIdKey: undefined, trace });
  assert.equal(readEnvironment({ SIGHTLINE_USER_ID_KEY: "k".repeat(16) }, true).userIdKey, "k".repeat(16));
});

test("a wrong value throws and names variable, value and what it takes", () => {
  const wrong = [
    [{ SIGHTLINE_SINK: "syslog:x" }, /SIGHTLINE_SINK takes console.*"syslog:x"/],
    [{ SIGHTLINE_ENABLED: "maybe" }, /SIGHTLINE_ENABLED takes true or false; it is "maybe"/],
    [{ SIGHTLINE_SAMPLE_RATE: "10%" }, /SIGHTLINE_SAMPLE_RATE takes a number from 0 to 1; it is "10%"/],
    [{ SIGHTLINE_SINK: "http://127.0.0.1/x", SIGHTLINE_HEADERS: "Bearer" }, /SIGHTLINE_HEADERS takes key=value/],
  ] as const;
  for (const [env, message] of wrong) {
    assert.throws(
      () => readEnvironment(env, true),
      (error) => error instanceof ConfigError && message.test(error.message),
    );
  }
});
