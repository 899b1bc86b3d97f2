import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import {
  carrier,
  currentTraceId,
  inject,
  readRecords,
  startSpan,
  suppress,
  updateTrace,
  withContext,
  withSpan,
  withTrace,
} from "sightline";
import { traced } from "../support/traced.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const traceparent = `00-${TRACE}-b7ad6b7169203331-01`;
const baggage = { "user.id": "userId" } as const;

test("carrier() is empty without a context, inside suppress, and while tracing is off", async () => {
  assert.deepEqual(carrier(), {});
  assert.deepEqual(carrier("env"), {});
  await traced(() => {
    assert.deepEqual(carrier(), {});
    withSpan("a", () => suppress(() => assert.deepEqual(carrier(), {})));
  });
});

test("the three fields, in both forms", async () => {
  await traced(
    () =>
      withContext({ traceparent, tracestate: "vendor=x,other=y", baggage: "user.id=ada" }, () => {
        const fields = { traceparent, tracestate: "vendor=x,other=y", baggage: "user.id=ada" };
        assert.deepEqual(carrier(), fields);
        const { traceparent: TRACEPARENT, tracestate: TRACESTATE, baggage: BAGGAGE } = fields;
        assert.deepEqual(carrier("env"), { TRACEPARENT, TRACESTATE, BAGGAGE });
        withSpan("child", (span) => {
          assert.deepEqual(carrier(), { ...fields, traceparent: span.traceparent() });
        });
      }),
    { baggage },
  );
});

test("an unsampled trace is carried as unsampled", async () => {
  const unsampled = `${traceparent.slice(0, -2)}00`;
  const sink = await traced(() =>
    withContext({ traceparent: unsampled }, () =>
      withSpan("child", () => assert.deepEqual(carrier(), { traceparent: unsampled })),
    ),
  );
  assert.deepEqual(sink.records, []);
});

test("attributes set around withContext stay, and go before those that arrive", async () => {
  const sink = await traced(
    () => {
      const arrived = { traceparent, baggage: "user.id=theirs,session=s" };
      withTrace({ userId: "ours", tags: ["local"] }, () => withContext(arrived, () => startSpan("both").end()));
      withContext(arrived, () => startSpan("theirs").end());
      withContext(arrived, () => {
        updateTrace({ userId: "late" });
        startSpan("late").end();
      });
    },
    { baggage: { ...baggage, session: "sessionId" } },
  );
  assert.deepEqual(sink.get("both").record.trace, { userId: "ours", sessionId: "s", tags: ["local"] });
  assert.deepEqual(sink.get("theirs").record.trace, { userId: "theirs", sessionId: "s" });
  assert.deepEqual(sink.get("late").record.trace, { userId: "late", sessionId: "s" });
});

test("baggage without a trace is for the traces that start inside, and leaves one that goes on alone", async () => {
  const sink = await traced(
    () => {
      const given = { baggage: "user.id=ada" };
      withContext(given, () => {
        assert.equal(currentTraceId(), undefined);
        assert.deepEqual(carrier(), given);
        startSpan("first").end();
        startSpan("second").end();
      });
      withSpan("going on", () => withContext(given, () => startSpan("inside").end()));
    },
    { baggage },
  );
  assert.equal(sink.get("first").record.trace.userId, "ada");
  assert.equal(sink.get("second").record.trace.userId, "ada");
  assert.notEqual(sink.get("first").record.traceId, sink.get("second").record.traceId);
  assert.equal(sink.get("inside").record.trace.userId, undefined);
  assert.equal(sink.get("inside").parent?.record.name, "going on");
});

test("withContext takes whatever it is given and runs the function once", async () => {
  const hostile: unknown[] = [
    undefined,
    null,
    5,
    traceparent,
    [],
    {},
    { traceparent: "00-zz" },
    { baggage: 5 },
    { baggage: "=" },
    new Proxy(
      {},
      {
        ownKeys() {
          throw new Error("no");
        },
      },
    ),
  ];
  await traced(
    () => {
      for (const given of hostile) {
        let runs = 0;
        assert.equal(
          withContext(given, () => ++runs),
          1,
        );
      }
    },
    { baggage },
  );
});

test("inject() sets the context on the headers that it is given", async () => {
  const plain = { accept: "x" };
  assert.equal(inject(plain), plain);
  assert.deepEqual(inject(), {}, "tracing is off");
  await traced(
    () =>
      withTrace({ userId: "ada" }, () =>
        withSpan("a", (span) => {
          const fields = { traceparent: span.traceparent(), baggage: "user.id=ada" };
          assert.equal(inject(plain), plain);
          assert.deepEqual(plain, { accept: "x", ...fields });
          assert.deepEqual(inject(), fields);
          const headers = new Headers({ accept: "x" });
          assert.equal(inject(headers), headers);
          assert.deepEqual(Object.fromEntries(headers), { accept: "x", ...fields });
          const forwarded = { TraceParent: traceparent, TraceState: "vendor=x", host: "h" };
          assert.deepEqual(inject(forwarded), { TraceParent: span.traceparent(), host: "h", baggage: "user.id=ada" });
        }),
      ),
    { baggage },
  );
});

const CHILD = `
import { configure, fileSink, flush, withContext, withSpan } from "sightline";
configure({ sinks: [fileSink({ path: process.argv[1] })], baggage: { "user.id": "userId" } });
withContext(process.env, () => withSpan("child process", () => {}));
await flush();
`;

test("a child process continues the trace by its environment", async (t) => {
  const { mkdtemp, rm } = await import("node:fs/promises");
  const { tmpdir } = await import("node:os");
  const { join } = await import("node:path");
  const folder = await mkdtemp(join(tmpdir(), "sightline-carrier-"));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, "child.ndjson");
  const sink = await traced(
    () =>
      withContext({ traceparent, tracestate: "vendor=x" }, () =>
        withSpan("parent", async () => {
          updateTrace({ userId: "ada" });
          const args = ["--conditions=@sightline/source", "--import", "tsx", "--input-type=module", "-e", CHILD, path];
          await promisify(execFile)(process.execPath, args, { env: { ...process.env, ...carrier("env") } });
        }),
      ),
    { baggage },
  );
  const records = [];
  for await (const each of readRecords(path)) records.push(each);
  assert.equal(records.length, 1);
  const [record] = records;
  assert.ok(record?.record === "span");
  assert.equal(record.traceId, TRACE);
  assert.equal(record.parentSpanId, sink.get("parent").record.spanId);
  assert.equal(record.parentIsRemote, true);
  assert.equal(record.traceState, "vendor=x");
  assert.equal(record.trace.userId, "ada");
});
