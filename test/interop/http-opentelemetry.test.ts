import assert from "node:assert/strict";
import { test } from "node:test";
import { type Context, context, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import { observe, suppress } from "sightline";
import { traceRequests } from "sightline/interop/http";
import { openTelemetryCarrier } from "sightline/interop/opentelemetry";
import { traced } from "../support/traced.ts";
import { serve } from "./serve.ts";

context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
const SAMPLED = { decision: 2 };
const DROPPED = { decision: 0 };
const provider = new BasicTracerProvider({
  sampler: {
    shouldSample: (_context: Context, _traceId: string, name: string) => (name.endsWith("dropped") ? DROPPED : SAMPLED),
    toString: () => "by name",
  },
});
const tracer = provider.getTracer("test");
const work = observe("work", () => "done");

/** What is recorded of three requests to a server that was started in `boot`, and whose requests have a span of their own. */
function recorded(boot: string, isOpen: boolean, own?: string): Promise<Awaited<ReturnType<typeof traced>>> {
  const middleware = traceRequests();
  return traced(
    async () => {
      const span = tracer.startSpan(boot);
      await context.with(trace.setSpan(context.active(), span), () =>
        serve(
          (request, response) => {
            const answer = (): void => middleware(request, response, () => void response.end(work()));
            if (own === undefined) return answer();
            const theirs = tracer.startSpan(own, {}, trace.deleteSpan(context.active()));
            response.once("close", () => theirs.end());
            context.with(trace.setSpan(context.active(), theirs), answer);
          },
          async (url) => {
            if (!isOpen) span.end();
            for (let i = 0; i < 3; i++) await suppress(async () => (await fetch(url)).text());
          },
        ),
      );
      span.end();
    },
    { carrier: openTelemetryCarrier() },
  );
}

for (const boot of ["boot", "boot dropped"]) {
  test(`OpenTelemetry's span of the request is the parent, and its decision counts, under ${boot}`, async () => {
    for (const isOpen of [true, false]) {
      const sink = await recorded(boot, isOpen, "request");
      const spans = sink.findAll("GET").map(({ record }) => record);
      assert.deepEqual(
        spans.map(({ kind, parentSpanId }) => [kind, parentSpanId !== undefined]),
        Array.from({ length: 3 }, () => ["internal", true]),
      );
      assert.equal(new Set(spans.map(({ traceId }) => traceId)).size, 3);
      assert.deepEqual((await recorded(boot, isOpen, "request dropped")).records, []);
    }
  });
}

test("a span of OpenTelemetry's that has ended since listen() is no request's", async () => {
  const spans = (await recorded("boot", false)).findAll("GET").map(({ record }) => record);
  assert.deepEqual(
    spans.map(({ kind, parentSpanId }) => [kind, parentSpanId]),
    Array.from({ length: 3 }, () => ["server", undefined]),
  );
});

test("one that OpenTelemetry dropped at listen() silences the first request at most", async () => {
  const spans = (await recorded("boot dropped", true)).findAll("GET").map(({ record }) => record);
  assert.deepEqual(
    spans.map(({ kind, parentSpanId }) => [kind, parentSpanId]),
    Array.from({ length: 2 }, () => ["server", undefined]),
  );
});
