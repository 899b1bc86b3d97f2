/** A real exporter of a line as a sink: what it sends is what the program did. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { collector } from "./collector.js";

export function exporterTest(
  line,
  OTLPTraceExporter,
  { configure, generation, observe, otelExporterSink, shutdown, stats },
) {
  test(`${line}: OTLPTraceExporter as a sink`, async () => {
    const { url, spans, close } = await collector();
    configure({ sinks: [otelExporterSink(new OTLPTraceExporter({ url: `${url}/v1/traces` }))] });
    const answer = observe("answer", async () => {
      generation({ model: "gpt-4.1", provider: "openai", usage: { prompt_tokens: 5, completion_tokens: 1 } });
    });
    await answer();
    assert.throws(
      observe("fails", () => {
        throw new TypeError("no");
      }),
    );
    const result = await shutdown();
    await close();
    assert.equal(result.ok, true, result.errors.join());
    assert.deepEqual(Object.values(stats().sinks)[0].written, 3);

    const [parent, call, failed] = ["answer", "chat gpt-4.1", "fails"].map((name) => {
      const found = spans.filter((span) => span.name === name);
      assert.equal(found.length, 1, name);
      return found[0];
    });
    assert.equal(call.parentSpanId, parent.spanId);
    assert.equal(call.traceId, parent.traceId);
    assert.ok(!parent.parentSpanId);
    assert.equal(call.kind, 3);
    const attributes = Object.fromEntries(call.attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
    assert.equal(Number(attributes["gen_ai.usage.input_tokens"]), 5);
    assert.equal(attributes["gen_ai.request.model"], "gpt-4.1");
    assert.equal(failed.status.code, 2);
    assert.deepEqual(
      failed.events.map(({ name }) => name),
      ["exception"],
    );
  });
}
