/** The requests of otel2 beside @sentry/node, whose spans keep their own parents: they go to Sentry. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { counted, run, suite, treesOf } from "../otel2/suite.js";

const modules = new URL("modules.js", import.meta.url);

suite("sentry", modules, {
  header: "sentry-trace",
  headerOf: ({ traceId, spanId }) => `${traceId}-${spanId}-1`,
  request: [
    "GET /",
    "GET / > answer",
    "GET / > completions",
    "GET / > page",
    "GET / > query",
    "answer > ask",
    "ask > chat gpt-4.1",
    "query > parse",
  ],
  // Outside of any span of Sentry's, the first of its spans is a child of ours.
  job: [
    "answer > ask",
    "answer > page",
    "answer > query",
    "ask > chat gpt-4.1",
    "chat gpt-4.1 > completions",
    "job",
    "job > answer",
    "query > parse",
  ],
  // Its own instrumentation does not look at OpenTelemetry's key.
  quiet: ["GET /", "GET / > completions", "GET / > page"],
});

test("sentry without OpenTelemetry: two trees for each request, nothing lost", async () => {
  const result = await run(modules, { order: ["sdk", "sightline"], isSetUp: false }, [["answer", 1_000]]);
  const trees = treesOf(result.spans).map((tree) => tree.join(", "));
  const theirs = "GET /, GET / > completions, GET / > page";
  const ours = "answer, answer > ask, answer > parse, ask > chat gpt-4.1";
  assert.deepEqual([...new Set(trees)].sort(), [theirs, ours]);
  assert.equal(trees.filter((tree) => tree === ours).length, 1_000);
  assert.equal(trees.length, 2_000);
  counted(result, 4_000);
});
