/** An SDK of a line sends to our collector, out of the package: everything is there and right, and it comes again when told to. */
import assert from "node:assert/strict";
import { createServer, request as send } from "node:http";
import { test } from "node:test";

/** A time that SDKs take, so many milliseconds after the beginning. */
const START = Date.now() - 60_000;
const at = (ms) => START + ms;
const nanos = (ms) => `${START + ms}000000`;

/** Refuses a few times first, as a store does that is full. */
function failing(StoreError, store, failures) {
  const attempts = [];
  return Object.assign(Object.create(store), {
    name: store.name,
    attempts,
    async append(...args) {
      attempts.push(performance.now());
      if (failures-- > 0) throw new StoreError("STORE_FULL", "There is no room left.", { retryAfterMs: 2_000 });
      return store.append(...args);
    },
  });
}

/**
 * @param ours what `sightline/collector` and `sightline/store` export
 * @param api `@opentelemetry/api`
 * @param provider makes a tracer provider of an exporter and attributes of a resource
 * @param exporters by the name of their form: `(options) => exporter`
 */
export function ingestTest(line, ours, api, provider, exporters) {
  const { collector, memoryStore, StoreError } = ours;
  const { SpanKind, SpanStatusCode, ROOT_CONTEXT, trace } = api;

  for (const [form, make] of Object.entries(exporters)) {
    for (const compression of ["none", "gzip"]) {
      test(`${line}: ${form}, ${compression}: spans with everything`, async () => {
        const store = memoryStore();
        const server = await collector({ store, port: 0, projects: { shop: "token-of-the-shop" } });
        const seen = [];
        const proxy = await watched(server, seen);
        const exporter = make({
          url: `${proxy.url}/v1/traces`,
          compression,
          headers: { authorization: "Bearer token-of-the-shop" },
        });
        const resource = {
          "service.name": "tutor",
          "service.version": "1.4",
          "deployment.environment.name": "staging",
        };
        const sdk = provider(exporter, resource);
        const tracer = sdk.getTracer("agent", "0.9");
        const earlier = tracer.startSpan("earlier", { root: true, startTime: at(0) });
        earlier.end(at(1));
        const root = tracer.startSpan(
          "invoke_agent tutor",
          {
            root: true,
            kind: SpanKind.SERVER,
            startTime: at(10),
            attributes: {
              "gen_ai.operation.name": "invoke_agent",
              "gen_ai.agent.name": "tutor",
              "user.id": "ada",
              "session.id": "visit-1",
            },
            links: [{ context: earlier.spanContext(), attributes: { why: "again" } }],
          },
          ROOT_CONTEXT,
        );
        const inRoot = trace.setSpan(ROOT_CONTEXT, root);
        const call = tracer.startSpan(
          "chat gpt-4.1",
          {
            kind: SpanKind.CLIENT,
            startTime: at(20),
            attributes: {
              "gen_ai.operation.name": "chat",
              "gen_ai.provider.name": "openai",
              "gen_ai.request.model": "gpt-4.1",
              "gen_ai.response.model": "gpt-4.1-2025-04-14",
              "gen_ai.response.id": "chatcmpl-1",
              "gen_ai.response.finish_reasons": ["stop"],
              "gen_ai.request.temperature": 0.2,
              "gen_ai.request.max_tokens": 100,
              "gen_ai.usage.input_tokens": 90,
              "gen_ai.usage.output_tokens": 20,
              "gen_ai.input.messages": JSON.stringify([
                { role: "user", parts: [{ type: "text", content: "Ünïcødé? 🙂" }] },
              ]),
              "gen_ai.output.messages": JSON.stringify([
                { role: "assistant", parts: [{ type: "text", content: "Yes." }] },
              ]),
              "my.flags": [true, false],
              "my.long": 9_007_199_254_740_991,
              "my.ratio": 0.1,
            },
          },
          inRoot,
        );
        call.addEvent("first token", { n: 1 }, at(120));
        call.end(at(250));
        const tool = tracer.startSpan(
          "execute_tool lookup",
          {
            startTime: at(300),
            attributes: {
              "gen_ai.operation.name": "execute_tool",
              "gen_ai.tool.name": "lookup",
              "gen_ai.tool.call.id": "call_7",
              "gen_ai.tool.call.arguments": '{"id":7}',
            },
          },
          inRoot,
        );
        tool.recordException(new TypeError("no such order"), at(340));
        tool.setStatus({ code: SpanStatusCode.ERROR, message: "no such order" });
        tool.end(at(350));
        root.setStatus({ code: SpanStatusCode.OK });
        root.end(at(400));
        await sdk.forceFlush();
        await sdk.shutdown();

        assert.ok(seen.length > 0);
        for (const { headers } of seen) {
          assert.equal(headers["content-encoding"], compression === "gzip" ? "gzip" : undefined);
          assert.match(headers["content-type"], form === "protobuf" ? /x-protobuf/ : /json/);
        }
        const project = { project: "shop" };
        const { traceId } = root.spanContext();
        const { summary } = await store.trace(traceId, project);
        const { name, spans, errors, status, models, inputTokens, outputTokens, startUs, durationNs } = summary;
        assert.deepEqual([name, spans, errors, status], ["invoke_agent tutor", 3, 1, "ok"]);
        assert.deepEqual([models, inputTokens, outputTokens], [["gpt-4.1-2025-04-14"], 90, 20]);
        assert.deepEqual([startUs, durationNs], [at(10) * 1_000, 390e6]);
        assert.deepEqual([summary.userId, summary.sessionId, summary.environment], ["ada", "visit-1", "staging"]);
        assert.ok(summary.costUsd > 0, "worked out of the price book");

        const of = async (span) => store.span(traceId, span.spanContext().spanId, project);
        const said = await of(call);
        assert.deepEqual(
          [said.type, said.kind, said.parentSpanId],
          ["generation", "client", root.spanContext().spanId],
        );
        assert.deepEqual([said.startTime, said.endTime], [nanos(20), nanos(250)]);
        assert.match(JSON.stringify(said.input), /Ünïcødé\? 🙂/);
        assert.match(JSON.stringify(said.output), /Yes\./);
        assert.deepEqual(said.genAi, {
          operation: "chat",
          provider: "openai",
          requestModel: "gpt-4.1",
          responseModel: "gpt-4.1-2025-04-14",
          responseId: "chatcmpl-1",
          finishReasons: ["stop"],
          parameters: { temperature: 0.2, max_tokens: 100 },
        });
        assert.deepEqual(said.usage, { inputTokens: 90, outputTokens: 20, totalTokens: 110 });
        assert.deepEqual(
          said.events.map((event) => [event.name, event.time, event.attributes]),
          [["first token", nanos(120), { n: 1 }]],
        );
        const { attributes } = said;
        assert.deepEqual(
          ["my.flags", "my.long", "my.ratio", "service.name", "otel.scope.name", "otel.scope.version"].map(
            (each) => attributes[each],
          ),
          [[true, false], 9_007_199_254_740_991, 0.1, "tutor", "agent", "0.9"],
        );
        assert.equal(said.trace.version, "1.4");

        const failed = await of(tool);
        assert.deepEqual([failed.type, failed.status], ["tool", { code: "error", message: "no such order" }]);
        assert.deepEqual([failed.error.type, failed.error.message], ["TypeError", "no such order"]);
        assert.match(failed.error.stack, /ingest\.js/);
        assert.deepEqual(failed.genAi.tool, { name: "lookup", callId: "call_7" });
        assert.deepEqual(failed.input, { id: 7 });
        const first = await of(root);
        assert.deepEqual([first.type, first.kind, first.status.code], ["agent", "server", "ok"]);
        const { traceId: linked, spanId } = earlier.spanContext();
        assert.deepEqual(first.links, [{ traceId: linked, spanId, attributes: { why: "again" } }]);
        assert.equal((await store.stats(project)).spans, 4);
        proxy.close();
        await server.close();
      });
    }

    test(`${line}: ${form}: a span that cannot be kept costs itself alone, and the SDK hears of it`, async () => {
      const store = memoryStore();
      const server = await collector({ store, port: 0, prices: false });
      const answers = [];
      const proxy = await watched(server, [], answers);
      const exporter = make({ url: `${proxy.url}/v1/traces` });
      const spans = [];
      const sdk = provider({
        export(batch, done) {
          spans.push(...batch);
          done({ code: 0 });
        },
        shutdown: async () => {},
      });
      for (const name of ["good", "bad", "fine"]) sdk.getTracer("t").startSpan(name, { root: true }).end();
      await sdk.forceFlush();
      const bad = spans.map((span) => {
        if (span.name !== "bad") return span;
        const spanContext = () => ({ ...span.spanContext(), spanId: "0000000000000000" });
        return Object.assign(Object.create(span), { spanContext });
      });
      const warnings = [];
      const remember = (...args) => warnings.push(args.map(String).join(" "));
      api.diag.setLogger(
        { error: remember, warn: remember, info() {}, debug() {}, verbose() {} },
        { suppressOverrideMessage: true },
      );
      const result = await new Promise((resolve) => exporter.export(bad, resolve));
      api.diag.disable();
      assert.equal(result.code, 0, "the others are kept: it is no failure");
      const { items } = await store.traces();
      assert.deepEqual(items.map(({ name }) => name).sort(), ["fine", "good"]);
      assert.match(warnings.join("\n"), /partial/i, "partial success is told");
      assert.equal(answers.at(-1).status, 200);
      await exporter.shutdown();
      await sdk.shutdown();
      proxy.close();
      await server.close();
    });

    test(`${line}: ${form}: 429 with Retry-After: the SDK waits, and comes again`, async () => {
      const kept = memoryStore();
      const store = failing(StoreError, kept, 1);
      const server = await collector({ store, port: 0, prices: false, log() {} });
      const answers = [];
      const proxy = await watched(server, [], answers);
      const sdk = provider(make({ url: `${proxy.url}/v1/traces` }));
      for (let n = 0; n < 20; n++) sdk.getTracer("t").startSpan(`span ${n}`, { root: true }).end();
      await sdk.forceFlush();
      await sdk.shutdown();
      assert.deepEqual(
        answers.map(({ status, headers }) => [status, headers["retry-after"]]),
        [
          [429, "2"],
          [200, undefined],
        ],
      );
      const [first, second] = store.attempts;
      assert.ok(second - first >= 1_950, `it came after ${second - first} ms`);
      assert.equal((await kept.stats()).spans, 20);
      proxy.close();
      await server.close();
    });
  }
}

/** Passes requests on, and remembers them and what was answered. */
async function watched({ port }, requests, answers = []) {
  const server = createServer((incoming, outgoing) => {
    const { url, method, headers } = incoming;
    requests.push({ url, headers });
    const passed = send({
      port,
      host: "127.0.0.1",
      path: url,
      method,
      headers: { ...headers, host: `127.0.0.1:${port}` },
    });
    passed.on("response", (answer) => {
      answers.push({ status: answer.statusCode, headers: answer.headers });
      outgoing.writeHead(answer.statusCode, answer.headers);
      answer.pipe(outgoing);
    });
    incoming.pipe(passed);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
