/** Sources and options that are not as they should be. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as soon } from "node:timers/promises";
import { ConfigError } from "sightline";
import { prometheus } from "sightline/monitors/prometheus";
import { call, parse, totalOf, write } from "./prometheus-text.ts";

const METRIC = { name: "own", unit: "count", description: "Own" } as const;
const RIGHT = { value: 2, samples: 3, labels: {} };
const ALERT = { rule: { name: "Right", severity: "sev2" }, state: "firing", labels: {} };

async function scraped(source: object): Promise<ReturnType<typeof parse>> {
  const sink = prometheus({ sources: [source as any] });
  write(sink, call());
  const text = parse(await sink.text());
  // An unhandled rejection fails the test, as it would end the process.
  await soon();
  assert.equal(totalOf(text, "sightline_model_calls_total"), 1, "counters stay");
  return text;
}

test("a source that gives no list fails no scrape and ends no process", async () => {
  const rejects = async () => assert.fail("later");
  const throws = () => assert.fail("now");
  for (const give of [rejects, throws, () => undefined, () => null, () => "text", () => ({})]) {
    const text = await scraped({ metrics: [METRIC], read: give, all: give });
    assert.equal(totalOf(text, "sightline_own"), undefined);
    assert.equal(totalOf(text, "sightline_alert"), undefined);
  }
});

test("what is no reading or alert is left out, and the others stay", async () => {
  const wrong = [
    null,
    undefined,
    { value: 1, samples: 1 },
    { ...RIGHT, value: "1 2", labels: { budget: "a" } },
    { ...RIGHT, value: null, labels: { budget: "b" } },
    { ...RIGHT, value: 5n, labels: { budget: "c" } },
    { ...RIGHT, samples: "many", labels: { budget: "d" } },
    { ...RIGHT, labels: { budget: { toJSON: () => assert.fail("json") } } },
  ];
  const text = await scraped({
    metrics: [METRIC],
    read: (_: string, { by }: { by?: string }) => (by === undefined ? [...wrong, RIGHT] : []),
    all: () => [null, undefined, {}, { ...ALERT, rule: null }, ALERT, { ...ALERT, labels: undefined }],
  });
  const own = text.samples.filter(({ name }) => ["sightline_own", "sightline_samples"].includes(name));
  assert.deepEqual(
    own.map(({ name, labels, value }) => [name, labels, value]),
    [
      ["sightline_own", {}, 2],
      ["sightline_samples", { metric: "own" }, 3],
    ],
  );
  assert.equal(totalOf(text, "sightline_alert", { name: "Right" }), 1);
});

test("a metric without a description fails no scrape, one without a name is refused", async () => {
  const text = await scraped({ metrics: [{ name: "own" }], read: () => [RIGHT] });
  assert.equal(totalOf(text, "sightline_own"), 2);
  for (const metrics of [[null], [{}], [{ name: 7 }]]) {
    assert.throws(() => prometheus({ sources: [{ metrics, read: () => [] } as any] }), ConfigError);
  }
});

test("labels that are Prometheus's own are refused", () => {
  for (const name of ["le", "quantile"]) {
    assert.throws(
      () => prometheus({ labels: { service: "tutor", [name]: "x" } }),
      (error: unknown) =>
        error instanceof ConfigError && /texts by name, but not by le and quantile/.test(error.message),
    );
  }
  assert.doesNotThrow(() => prometheus({ labels: { level: "x" } }));
});
