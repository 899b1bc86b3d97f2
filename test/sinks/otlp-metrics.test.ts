import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";
import fc from "fast-check";
import OpenAI from "openai";
import { configure, flush, memorySink, shutdown, stats } from "sightline";
import { tracedFetch } from "sightline/openai";
import { fakeClock, fakeOpenAI, sinkContract } from "sightline/testing";
import type { SpanRecord, TraceRecord } from "../../src/core/record.ts";
import { type OtlpMetricsOptions, otlpMetrics } from "../../src/sinks/otlp/metrics.ts";
import type { Sink } from "../../src/sinks/sink.ts";
import { sampleSpan } from "../../src/testing/sample-records.ts";
import type { Message } from "../proto/otlp-proto.ts";
import { type OtlpAnswer, type OtlpRequest, otlpServer } from "../support/otlp-server.ts";

const signal = new AbortController().signal;
const USAGE = "gen_ai.client.token.usage";
const DURATION = "gen_ai.client.operation.duration";

/** A receiver that answers by script, then 200. */
async function receiver(t: Pick<TestContext, "after">, script: OtlpAnswer[] = []) {
  const { url: endpoint, requests: posted, answer, close } = await otlpServer();
  t.after(close);
  answer(() => script.shift());
  /** Resolves when so many posts have come. */
  const count = async (wanted: number): Promise<void> => {
    while (posted.length < wanted) await new Promise(setImmediate);
  };
  return { endpoint, posted, script, count, close };
}

const pointsOf = ({ message }: OtlpRequest, metric: string): Message[] => {
  const metrics: Message[] = message!["resourceMetrics"][0].scopeMetrics[0].metrics;
  const found = metrics.find(({ name }) => name === metric);
  return (found?.["histogram"] ?? found?.["sum"])?.dataPoints ?? [];
};

const attributesOf = (point: Message): { [name: string]: unknown } =>
  Object.fromEntries(point["attributes"].map(({ key, value }: Message) => [key, Object.values(value ?? {})[0]]));

let spans = 0;
/** A model call that no other test has. */
function call(part: Partial<SpanRecord> = {}, model = "gpt-4.1"): SpanRecord {
  return sampleSpan({
    spanId: (++spans).toString(16).padStart(16, "0"),
    seq: 0,
    type: "generation",
    kind: "client",
    genAi: { operation: "chat", provider: "openai", requestModel: model },
    usage: { inputTokens: 412, outputTokens: 88 },
    ...part,
  });
}

const contractClosers: (() => Promise<void>)[] = [];
sinkContract(
  async () => {
    const { endpoint } = await receiver({ after: (close) => contractClosers.push(close as () => Promise<void>) });
    return otlpMetrics({ endpoint });
  },
  { cleanUp: () => contractClosers.pop()?.() },
);

test("both forms are one message: resource, scope, schema, metrics", async (t) => {
  const { endpoint, posted } = await receiver(t);
  const clock = fakeClock();
  const record = call();
  for (const protocol of ["http/protobuf", "http/json"] as const) {
    const sink = otlpMetrics({ endpoint, protocol, clock, compression: "gzip", resource: { "service.name": "tutor" } });
    clock.advance(1_000);
    await sink.write([record], signal);
    await sink.flush!();
    await sink.close!();
    clock.jump(-1_000);
  }
  const [binary, json] = posted as [OtlpRequest, OtlpRequest];
  assert.equal(posted.length, 2);
  assert.equal(binary.path, "/v1/metrics");
  assert.equal(binary.headers["content-type"], "application/x-protobuf");
  assert.equal(json.headers["content-type"], "application/json");
  assert.equal(json.headers["content-encoding"], "gzip");
  assert.deepEqual(binary.message, json.message);
  const [{ resource, scopeMetrics, schemaUrl }] = json.message!["resourceMetrics"];
  assert.equal(attributesOf(resource)["service.name"], "tutor");
  assert.equal(scopeMetrics[0].scope.name, "sightline");
  assert.equal(schemaUrl, "https://opentelemetry.io/schemas/1.41.0");
  const [input, output] = pointsOf(json, USAGE) as [Message, Message];
  assert.equal(attributesOf(input)["gen_ai.token.type"], "input");
  assert.equal(input["count"], "1");
  assert.equal(input["sum"], 412);
  assert.equal(input["bucketCounts"][5], "1");
  assert.equal(input["explicitBounds"].length + 1, input["bucketCounts"].length);
  assert.equal(output["sum"], 88);
  const [duration] = pointsOf(json, DURATION) as [Message];
  assert.equal(duration["sum"], 0.25);
  assert.equal(BigInt(duration["timeUnixNano"]) - BigInt(duration["startTimeUnixNano"]), 1_000_000_000n);
});

test("cumulative: the start stays and the counts grow; delta: each post begins where the last one ended", async (t) => {
  for (const temporality of ["cumulative", "delta"] as const) {
    const { endpoint, posted } = await receiver(t);
    const clock = fakeClock();
    const sink = otlpMetrics({ endpoint, temporality, clock });
    for (let n = 0; n < 3; n++) {
      clock.advance(1_000);
      await sink.write([call(), call()], signal);
      await sink.flush!();
    }
    const points = posted.map((post) => pointsOf(post, DURATION)[0]!);
    const base = BigInt(fakeClock().epochMs()) * 1_000_000n;
    const seconds = (key: string) => points.map((point) => Number((BigInt(point[key]) - base) / 1_000_000_000n));
    assert.deepEqual(seconds("timeUnixNano"), [1, 2, 3]);
    const isDelta = temporality === "delta";
    assert.deepEqual(seconds("startTimeUnixNano"), isDelta ? [0, 1, 2] : [0, 0, 0]);
    assert.deepEqual(
      points.map(({ count }) => count),
      isDelta ? ["2", "2", "2"] : ["2", "4", "6"],
    );
    const [metric] = posted[0]!.message!["resourceMetrics"][0].scopeMetrics[0].metrics;
    assert.equal(metric.histogram.aggregationTemporality, isDelta ? 1 : 2);
    await sink.close!();
    // Nothing new, nothing sent.
    assert.equal(posted.length, 3);
  }
});

test("a clock that is set back makes no interval that ends before it begins", async (t) => {
  const { endpoint, posted } = await receiver(t);
  const clock = fakeClock();
  const sink = otlpMetrics({ endpoint, temporality: "delta", clock });
  clock.jump(-60_000);
  await sink.write([call()], signal);
  await sink.flush!();
  const [point] = pointsOf(posted[0]!, DURATION);
  assert.equal(point!["timeUnixNano"], point!["startTimeUnixNano"]);
});

for (const temporality of ["cumulative", "delta"] as const) {
  test(`${temporality}: a post that fails loses nothing, and its error is there to see until one is taken`, async (t) => {
    const { endpoint, posted } = await receiver(t, [{ status: 503 }, { status: 400 }]);
    const sink = otlpMetrics({ endpoint, temporality });
    await sink.write([call()], signal);
    await assert.rejects(async () => sink.flush!(), { name: "SinkError", retry: "later" });
    assert.match(sink.stats!().lastError!, /answered 503/);
    await sink.write([call()], signal);
    await assert.rejects(async () => sink.flush!(), { name: "SinkError", retry: "never" });
    await sink.write([call()], signal);
    await sink.flush!();
    assert.equal(sink.stats!().lastError, undefined);
    assert.deepEqual(
      posted.map((post) => [post.isAccepted, pointsOf(post, DURATION)[0]!["count"]]),
      [
        [false, "1"],
        [false, "2"],
        [true, "3"],
      ],
    );
    const starts = new Set(posted.map((post) => pointsOf(post, DURATION)[0]!["startTimeUnixNano"]));
    assert.equal(starts.size, 1);
    await sink.close!();
  });
}

test("a receiver that is not there yet gets everything later", async (t) => {
  const gone = await receiver({ after: () => {} });
  await gone.close();
  let target = gone.endpoint;
  const there = await receiver(t);
  const sink = otlpMetrics({
    endpoint: gone.endpoint,
    temporality: "delta",
    fetch: (url, init) => fetch(String(url).replace(gone.endpoint, target), init),
  });
  await sink.write([call()], signal);
  await assert.rejects(async () => sink.flush!(), /the connection failed with ECONNREFUSED/);
  target = there.endpoint;
  await sink.close!();
  assert.equal(pointsOf(there.posted[0]!, DURATION)[0]!["count"], "1");
});

test("whatever fails: what was taken with delta adds up to what cumulative says and to what was written", async (t) => {
  const delta = await receiver(t);
  const cumulative = await receiver(t);
  const statuses = fc.constantFrom(200, 200, 429, 400, 500, 503);
  const step = fc.record({ tokens: fc.array(fc.nat(100_000), { maxLength: 4 }), status: statuses });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), async (steps) => {
      const before = [delta.posted.length, cumulative.posted.length] as const;
      const sinks = [
        otlpMetrics({ endpoint: delta.endpoint, temporality: "delta" }),
        otlpMetrics({ endpoint: cumulative.endpoint, temporality: "cumulative" }),
      ];
      for (const { tokens, status } of steps) {
        const batch = tokens.map((inputTokens) => call({ usage: { inputTokens } }));
        delta.script.splice(0, Number.POSITIVE_INFINITY, { status });
        cumulative.script.splice(0, Number.POSITIVE_INFINITY, { status });
        for (const sink of sinks) {
          await sink.write(batch, signal);
          await Promise.resolve(sink.flush!()).catch(() => {});
        }
      }
      for (const { script } of [delta, cumulative]) script.length = 0;
      for (const sink of sinks) await sink.close!();
      const all = steps.flatMap(({ tokens }) => tokens);
      const taken = (posts: readonly OtlpRequest[]) => posts.filter(({ isAccepted }) => isAccepted);
      const deltas = taken(delta.posted.slice(before[0])).flatMap((post) => pointsOf(post, USAGE));
      const last = taken(cumulative.posted.slice(before[1]))
        .slice(-1)
        .flatMap((post) => pointsOf(post, USAGE));
      const added = (points: readonly Message[]) => {
        const buckets = new Array<number>(15).fill(0);
        for (const point of points) {
          for (const [i, n] of (point["bucketCounts"] as string[]).entries()) buckets[i]! += Number(n);
        }
        const sum = (key: string) => points.reduce((total, point) => total + Number(point[key] ?? 0), 0);
        return { count: sum("count"), sum: sum("sum"), buckets };
      };
      assert.deepEqual(added(deltas), added(last));
      assert.equal(added(last).count, all.length);
      assert.equal(
        added(last).sum,
        all.reduce((a, b) => a + b, 0),
      );
    }),
    { numRuns: 25 },
  );
});

test("a span counts once, when it has ended", async (t) => {
  const { endpoint, posted } = await receiver(t);
  const sink = otlpMetrics({ endpoint });
  const open = call({ unfinished: true });
  await sink.write([open], signal);
  await sink.flush!();
  assert.equal(posted.length, 0);
  const { unfinished: _, ...ended } = { ...open, seq: 1 };
  await sink.write([ended, ended], signal);
  await sink.write([{ ...ended, seq: 2 }], signal);
  // Of another trace: the ids of what is recorded from data derive from the object.
  await sink.write([{ ...ended, traceId: "0193489c5a7e7c3e9f2e4d7a1b2c3d4f" }], signal);
  await sink.flush!();
  assert.equal(pointsOf(posted[0]!, DURATION)[0]!["count"], "2");
  await sink.close!();
});

test("a record that cannot be read costs itself alone", async (t) => {
  const { endpoint, posted } = await receiver(t);
  const sink = otlpMetrics({ endpoint });
  await sink.write([call(), call({ endTime: "tomorrow" }), { record: "span" } as TraceRecord, call()], signal);
  await sink.flush!();
  assert.equal(pointsOf(posted[0]!, DURATION)[0]!["count"], "2");
  await sink.close!();
});

test("series beyond maxSeries count together", async (t) => {
  const { endpoint, posted } = await receiver(t);
  const sink = otlpMetrics({ endpoint, maxSeries: 3 });
  await sink.write(
    Array.from({ length: 10 }, (_, n) => call({}, `model-${n}`)),
    signal,
  );
  await sink.flush!();
  const points = pointsOf(posted[0]!, DURATION);
  assert.equal(points.length, 3);
  assert.deepEqual([attributesOf(points[2]!), points[2]!["count"]], [{ "otel.metric.overflow": true }, "8"]);
  await sink.close!();
});

test("what a receiver takes but for some points is told, not sent again", async (t) => {
  const body = JSON.stringify({ partialSuccess: { rejectedDataPoints: "2", errorMessage: "too old" } });
  const { endpoint, posted } = await receiver(t, [{ status: 200, body }]);
  const sink = otlpMetrics({ endpoint, temporality: "delta" });
  await sink.write([call()], signal);
  await sink.flush!();
  assert.match(sink.stats!().lastError!, /rejected 2 points: too old/);
  await sink.close!();
  assert.equal(posted.length, 1);
});

/** Node's own `fetch` keeps timers of its module, which a mocked `setTimeout` would stop for good. */
const withoutTimers: typeof fetch = async (url, init) => {
  const sent = request(String(url), { method: "POST", headers: init!.headers as IncomingHttpHeaders, agent: false });
  sent.end(init!.body);
  const [answer] = (await once(sent, "response")) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk);
  const headers = answer.headers as { [name: string]: string };
  return new Response(Buffer.concat(chunks), { status: answer.statusCode!, headers });
};

/** Time in steps, each until what it has begun is over. */
async function ticking(t: TestContext, script: OtlpAnswer[], options: OtlpMetricsOptions = {}) {
  const server = await receiver(t, script);
  const sink = otlpMetrics({ endpoint: server.endpoint, fetch: withoutTimers, ...options });
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const turn = () => new Promise(setImmediate);
  return {
    ...server,
    sink,
    async pass(ms: number, posts: number) {
      t.mock.timers.tick(ms);
      await server.count(posts);
      // Waits for a post that is under way, and has nothing to send itself unless that failed.
      if (sink.stats!().lastError === undefined && server.posted.at(-1)?.isAccepted === true) await sink.flush!();
      else if (posts > 0) while (sink.stats!().lastError === undefined) await turn();
      await turn();
      assert.equal(server.posted.length, posts);
    },
  };
}

test("cumulative: posts at its interval, also when nothing is new, until it is closed", async (t) => {
  const { sink, posted, pass } = await ticking(t, []);
  await pass(600_000, 0);
  await sink.write([call()], signal);
  await pass(59_999, 0);
  await pass(1, 1);
  await pass(60_000, 2);
  await pass(60_000, 3);
  await sink.close!();
  await pass(600_000, 3);
  // A write after that begins again.
  await sink.write([call()], signal);
  await pass(60_000, 4);
  assert.equal(pointsOf(posted[3]!, DURATION)[0]!["count"], "2");
  await sink.close!();
});

test("delta: posts at its interval what is new", async (t) => {
  const { sink, posted, pass } = await ticking(t, [], { temporality: "delta", intervalMs: 5_000 });
  await sink.write([call()], signal);
  await pass(5_000, 1);
  for (let n = 0; n < 10; n++) await pass(5_000, 1);
  await sink.write([call()], signal);
  await pass(5_000, 2);
  assert.deepEqual(
    posted.map((post) => pointsOf(post, DURATION)[0]!["count"]),
    ["1", "1"],
  );
  await sink.close!();
});

test("a receiver that asks to wait is left alone for so long", async (t) => {
  const script = [{ status: 429, headers: { "retry-after": "30" } }];
  const { sink, posted, pass } = await ticking(t, script, { intervalMs: 1_000 });
  await sink.write([call()], signal);
  await pass(1_000, 1);
  await sink.write([call()], signal);
  await pass(29_999, 1);
  await pass(1, 2);
  assert.equal(pointsOf(posted[1]!, DURATION)[0]!["count"], "2");
  await sink.close!();
});

test("a flush that nobody waits for any more ends with its signal, and the figures stay", async (t) => {
  const { endpoint, posted, count } = await receiver(t, [{ hang: true }]);
  const sink = otlpMetrics({ endpoint });
  await sink.write([call()], signal);
  const controller = new AbortController();
  const flushing = assert.rejects(async () => sink.flush!(controller.signal), { name: "SinkError", retry: "later" });
  await count(1);
  controller.abort();
  await flushing;
  await sink.flush!(AbortSignal.abort());
  assert.equal(posted.length, 1);
  await sink.close!();
  assert.equal(pointsOf(posted[1]!, DURATION)[0]!["count"], "1");
});

test("a close that nobody waits for any more ends with its signal, posts nothing again and says so", async (t) => {
  const { endpoint, posted, count } = await receiver(t, [{ hang: true }]);
  const sink = otlpMetrics({ endpoint });
  await sink.write([call()], signal);
  const [flushing, closing] = [new AbortController(), new AbortController()];
  const flushed = assert.rejects(async () => sink.flush!(flushing.signal), { name: "SinkError" });
  await count(1);
  const closed = sink.close!(closing.signal);
  flushing.abort();
  closing.abort();
  await Promise.all([flushed, closed]);
  assert.equal(posted.length, 1);
  assert.match(sink.stats!().lastError!, /could not be posted in time/);
});

test("a configuration that takes the sink over goes on posting at its interval", async (t) => {
  const { sink, pass } = await ticking(t, []);
  sink.open!();
  await sink.write([call()], signal);
  sink.open!();
  await sink.close!();
  await pass(60_000, 1);
  await pass(60_000, 2);
  await sink.close!();
  await pass(600_000, 2);
});

test("a program that ends on its own has posted, and no timer has kept it", async (t) => {
  const { endpoint, posted } = await receiver(t);
  const program = `
    import { configure, startSpan } from "sightline";
    import { otlpMetrics } from "sightline/sinks/otlp";
    configure({ sinks: [otlpMetrics({ endpoint: ${JSON.stringify(endpoint)} })] });
    startSpan("chat", { type: "generation", genAi: { operation: "chat", provider: "openai" } }).end();
  `;
  const flags = ["--conditions=@sightline/source", "--import", "tsx", "--input-type=module", "-e", program];
  const { stderr } = await promisify(execFile)(process.execPath, flags, { timeout: 30_000 });
  assert.equal(stderr, "");
  assert.equal(pointsOf(posted.at(-1)!, DURATION)[0]!["count"], "1");
});

/** Variables, none of them set before, for one test. */
function withEnv(t: TestContext, variables: { readonly [name: string]: string }): void {
  Object.assign(process.env, variables);
  t.after(() => {
    for (const name of Object.keys(variables)) delete process.env[name];
  });
}

test("OpenTelemetry's variables say where, how and how often", async (t) => {
  const server = await receiver(t);
  withEnv(t, {
    OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `${server.endpoint}/mine/v1/metrics`,
    OTEL_EXPORTER_OTLP_METRICS_HEADERS: "x-tenant=a%20b",
    OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: "http/json",
    OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: "LowMemory",
    OTEL_METRIC_EXPORT_INTERVAL: "250",
    OTEL_SEMCONV_STABILITY_OPT_IN: "http,gen_ai_latest_experimental",
    OTEL_SERVICE_NAME: "tutor",
  });
  const sink = otlpMetrics({ fetch: withoutTimers });
  t.mock.timers.enable({ apis: ["setTimeout"] });
  await sink.write([call()], signal);
  t.mock.timers.tick(250);
  await server.count(1);
  const [{ path, headers, message }] = server.posted as [OtlpRequest];
  assert.equal(path, "/mine/v1/metrics");
  assert.equal(headers["x-tenant"], "a b");
  assert.equal(headers["content-type"], "application/json");
  const [{ resource, scopeMetrics }] = message!["resourceMetrics"];
  assert.equal(attributesOf(resource)["service.name"], "tutor");
  const [metric] = scopeMetrics[0].metrics;
  assert.equal(metric.name, "gen_ai.client.inference.duration");
  assert.equal(metric.histogram.aggregationTemporality, 1);
  const counter = scopeMetrics[0].metrics.find(({ name }: Message) => name.endsWith("usage.input_tokens"));
  assert.equal(counter.sum.dataPoints[0].asInt, "412");
  await sink.close!();
});

test("a name, options and variables that make no sense are refused when the sink is made", (t) => {
  assert.equal(otlpMetrics({ endpoint: "http://localhost:4318" }).name, "otlp-metrics:localhost:4318");
  assert.equal(otlpMetrics({ name: "mine" }).name, "mine");
  const refused = (options: object, message: RegExp) =>
    assert.throws(() => otlpMetrics(options), { name: "ConfigError", message });
  refused({ temporality: "lowmemory" }, /temporality must be "cumulative" or "delta"/);
  refused({ intervalMs: 0 }, /intervalMs must be a number above zero/);
  refused({ content: "spans" }, /no option "content"/);
  refused({ maxBodyBytes: 1 }, /no option "maxBodyBytes"/);
  refused({ resource: { a: {} } }, /resource: "a"/);
  refused({ endpoint: "collector" }, /the address must be absolute and begin with http/);
  refused({ endpoint: "http://collector.example", headers: { authorization: "Bearer x" } }, /credentials/);
  withEnv(t, { OTEL_METRIC_EXPORT_INTERVAL: "soon" });
  refused({}, /OTEL_METRIC_EXPORT_INTERVAL takes a number of milliseconds above zero; it is "soon"/);
  delete process.env["OTEL_METRIC_EXPORT_INTERVAL"];
  withEnv(t, { OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: "both" });
  refused({}, /takes cumulative, delta or lowmemory; it is "both"/);
});

/** Everything, whatever was sampled: the oracle of what there was to count. */
function everything(): { sink: Sink; spans: SpanRecord[] } {
  const spans: SpanRecord[] = [];
  return {
    spans,
    sink: {
      name: "everything",
      policy: { unsampled: true },
      write: (batch) => void spans.push(...batch.filter((record) => record.record === "span")),
    },
  };
}

test("calls of a client: all count, though few traces are sampled", async (t) => {
  const server = await receiver(t);
  await using fake = await fakeOpenAI({});
  const sampled = memorySink();
  const oracle = everything();
  configure({ sinks: [sampled, oracle.sink, otlpMetrics({ endpoint: server.endpoint })], sampleRate: 0.1 });
  const openai = new OpenAI({ baseURL: fake.baseURL, apiKey: fake.apiKey, fetch: tracedFetch(), maxRetries: 0 });
  const messages = [{ role: "user" as const, content: "Solve 3x + 11 = 14." }];
  for (let n = 0; n < 40; n++) {
    if (n % 2 === 0) await openai.chat.completions.create({ model: "gpt-4.1", messages });
    else {
      const stream = await openai.chat.completions.create({
        model: "gpt-4.1",
        messages,
        stream: true,
        stream_options: { include_usage: true },
      });
      for await (const _ of stream);
    }
  }
  await openai.embeddings.create({ model: "text-embedding-3-small", input: "algebra" });
  await assert.rejects(openai.chat.completions.create({ model: "gpt-4.1", messages: "none" as never }));
  const result = await shutdown();
  assert.deepEqual(result.errors, []);
  const calls = oracle.spans.filter(({ genAi }) => genAi?.operation !== undefined);
  assert.equal(calls.length, 42);
  const kept = sampled.records.filter((record) => record.record === "span");
  assert.ok(kept.length < 25, `${kept.length} of 42 were sampled`);
  const last = server.posted.at(-1)!;
  const durations = pointsOf(last, DURATION);
  const total = (points: readonly Message[], key: string) =>
    points.reduce((sum, point) => sum + Number(point[key] ?? 0), 0);
  assert.equal(total(durations, "count"), 42);
  const spent = calls.reduce((sum, { usage }) => sum + (usage?.inputTokens ?? 0) + (usage?.outputTokens ?? 0), 0);
  assert.ok(spent > 0);
  assert.equal(total(pointsOf(last, USAGE), "sum"), spent);
  assert.equal(total(pointsOf(last, "gen_ai.client.operation.time_to_first_chunk"), "count"), 20);
  const failures = durations.filter((point) => attributesOf(point)["error.type"] !== undefined);
  assert.equal(total(failures, "count"), 1);
  const { hostname, port } = new URL(fake.baseURL);
  for (const point of durations) {
    const attributes = attributesOf(point);
    assert.equal(attributes["server.address"], hostname);
    assert.equal(attributes["server.port"], port);
  }
});

test("a run that is polled and then recorded again: its tokens once", async (t) => {
  const server = await receiver(t);
  await using fake = await fakeOpenAI({});
  const oracle = everything();
  configure({ sinks: [oracle.sink, otlpMetrics({ endpoint: server.endpoint, profile: "latest" })] });
  const openai = new OpenAI({ baseURL: fake.baseURL, apiKey: fake.apiKey, fetch: tracedFetch(), maxRetries: 0 });
  const assistant = await openai.beta.assistants.create({ model: "gpt-4o", name: "Tutor" });
  const thread = await openai.beta.threads.create({ messages: [{ role: "user", content: "3x + 11 = 14" }] });
  const run = await openai.beta.threads.runs.createAndPoll(thread.id, { assistant_id: assistant.id });
  await flush();
  await openai.beta.threads.runs.steps.list(run.id, { thread_id: thread.id });
  await openai.beta.threads.messages.list(thread.id);
  const result = await shutdown();
  assert.deepEqual(result.errors, []);
  const last = server.posted.at(-1)!;
  const [input, output] = ["input", "output"].map((type) =>
    pointsOf(last, `gen_ai.client.inference.usage.${type}_tokens`).reduce((sum, { asInt }) => sum + Number(asInt), 0),
  );
  assert.deepEqual([input, output], [run.usage!.prompt_tokens, run.usage!.completion_tokens]);
  const operations = pointsOf(last, DURATION).map((point) => [
    attributesOf(point)["gen_ai.operation.name"],
    point["count"],
  ]);
  assert.deepEqual(operations.sort(), [
    ["create_agent", "1"],
    ["invoke_agent", "1"],
  ]);
});

test("a receiver that refuses is seen in stats() and in the result of a flush, and harms nobody", async (t) => {
  const server = await receiver(t, [{ status: 401 }, { status: 401 }]);
  const memory = memorySink();
  configure({ sinks: [memory, otlpMetrics({ endpoint: server.endpoint, name: "metrics" })] });
  const { startSpan } = await import("sightline");
  startSpan("chat", { type: "generation", genAi: { operation: "chat", provider: "openai" } } as object).end();
  const result = await flush();
  assert.equal(result.ok, false);
  assert.match(result.errors.join(), /metrics: .*answered 401/);
  assert.match(stats().sinks["metrics"]!.lastError!, /answered 401/);
  assert.equal(memory.records.length, 1);
  await shutdown();
});
