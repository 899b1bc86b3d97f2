/** What must hold of requests.js beside any line of OpenTelemetry's SDK. */
import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { Agent, get } from "node:http";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { collector } from "./collector.js";

const PROGRAM = fileURLToPath(new URL("requests.js", import.meta.url));
const CONCURRENCY = 50;
const agent = new Agent({ keepAlive: true, maxSockets: CONCURRENCY });
after(() => agent.destroy());

/** What is told to whoever is asked, and what one request makes, as lines of parent and name. */
const SDK = {
  header: "traceparent",
  headerOf: ({ traceId, spanId }) => `00-${traceId}-${spanId}-01`,
  request: [
    "GET /",
    "GET / > answer",
    "answer > ask",
    "answer > page",
    "answer > query",
    "ask > chat gpt-4.1",
    "chat gpt-4.1 > completions",
    "query > parse",
  ],
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
  quiet: ["GET /"],
};
const OURS = ["answer", "ask", "chat gpt-4.1", "parse"];

/** The spans of `count` requests to each path, and the program's own books. */
export async function run(modules, scenario, paths) {
  const { url, spans, asked, close } = await collector();
  const args = [fileURLToPath(modules), JSON.stringify({ collector: url, upstream: url, ...scenario })];
  const env = { ...process.env, OTEL_METRICS_EXPORTER: "none", OTEL_LOGS_EXPORTER: "none" };
  const child = fork(PROGRAM, args, { env, stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const exit = once(child, "exit");
  try {
    const [{ port }] = await answerOf(child, exit);
    for (const [path, count] of paths) await load(`http://127.0.0.1:${port}/${path}/`, count);
    child.send("stop");
    const [{ stats, spans: more = [] }] = await answerOf(child, exit);
    await exit;
    return { spans: [...spans, ...more].map(named), asked, stats };
  } finally {
    child.kill();
    await close();
  }
}

/** A program that ends instead says nothing more. */
async function answerOf(child, exit) {
  return Promise.race([once(child, "message"), exit.then(([code]) => assert.fail(`it ended with ${code}`))]);
}

async function load(url, count) {
  let next = 0;
  const client = async () => {
    while (next < count) {
      const [response] = await once(get(`${url}${next++}`, { agent }), "response");
      assert.equal((await response.toArray()).join(""), "x = 1");
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, client));
}

/** OpenTelemetry's client spans have names of their own; here they are called by what they ask for. */
function named(span) {
  const text = (key) => span.attributes.find((attribute) => attribute.key === key)?.value.stringValue ?? "";
  if (span.kind === 2) return { ...span, name: "GET /" };
  if (!span.scope.endsWith("instrumentation-undici") && !span.scope.endsWith("instrumentation-http")) return span;
  const path = new URL(text("url.full") || text("http.url")).pathname.split("/");
  return { ...span, name: path.includes("page") ? "page" : path.at(-1) };
}

/** One tree for each trace: each span once, each parent there, one root. Returns each tree as its sorted lines. */
export function treesOf(spans) {
  const traces = new Map();
  for (const span of spans) {
    const trace = traces.get(span.traceId) ?? new Map();
    assert.ok(!trace.has(span.spanId), `${span.name} came twice`);
    traces.set(span.traceId, trace.set(span.spanId, span));
  }
  return [...traces.values()].map((trace) =>
    [...trace.values()]
      .map(({ name, parentSpanId }) => {
        if (!parentSpanId) return name;
        assert.ok(trace.has(parentSpanId), `the parent of ${name} is nowhere`);
        return `${trace.get(parentSpanId).name} > ${name}`;
      })
      .sort(),
  );
}

export function counted({ stats }, spans) {
  const [lane] = Object.values(stats.sinks);
  assert.deepEqual([lane.written, lane.queued, lane.dropped], [spans, 0, {}]);
  assert.deepEqual([stats.internalErrors, stats.open], [0, 0]);
}

export function suite(title, modules, expected = SDK) {
  const { header, headerOf, request, job, quiet } = expected;
  for (const [order, count] of [
    [["sdk", "sightline"], 10_000],
    [["sightline", "sdk"], 1_000],
  ]) {
    test(`${title}: ${count} requests, ${order[0]} first: one tree each, nothing twice, nothing lost`, async () => {
      const result = await run(modules, { order }, [["answer", count]]);
      assert.equal(result.spans.length, count * request.length);
      const trees = treesOf(result.spans);
      assert.equal(trees.length, count);
      for (const tree of trees) assert.deepEqual(tree, request);
      counted(result, count * OURS.length);
      const sent = new Set(result.spans.map(headerOf));
      assert.equal(result.asked.length, 2 * count);
      for (const { headers } of result.asked) assert.ok(sent.has(headers[header]), headers[header]);
    });
  }

  test(`${title}: a tenth is sampled, by whoever has the root`, async () => {
    const scenario = { order: ["sdk", "sightline"], openTelemetryRate: 0.1 };
    const theirs = await run(modules, scenario, [["answer", 1_000]]);
    const trees = treesOf(theirs.spans);
    assert.ok(trees.length > 50 && trees.length < 160, `${trees.length}`);
    for (const tree of trees) assert.deepEqual(tree, request);
    counted(theirs, trees.length * OURS.length);

    const ours = await run(modules, { order: ["sdk", "sightline"], sightlineRate: 0.1 }, [["job", 1_000]]);
    const jobs = treesOf(ours.spans).filter((tree) => tree.includes("job"));
    assert.ok(jobs.length > 50 && jobs.length < 160, `${jobs.length}`);
    for (const tree of jobs) assert.deepEqual(tree, job);
    assert.equal(ours.spans.length, 1_000 + jobs.length * job.length);
    counted(ours, jobs.length * (OURS.length + 1));
  });

  test(`${title}: where tracing is suppressed nothing is recorded`, async () => {
    const result = await run(modules, { order: ["sightline", "sdk"] }, [["quiet", 50]]);
    assert.deepEqual(treesOf(result.spans), Array(50).fill(quiet));
    counted(result, 0);
  });
}
