/** What `otlpSink` and `langfuseSink` really send, as a server gets it. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { gunzipSync } from "node:zlib";
import type { SpanRecord, TraceRecord } from "../../src/core/record.ts";
import { decodeOtlp, recordsFromOtlp, recordsFromOtlpLogs } from "../../src/formats/index.ts";
import { langfuseSink } from "../../src/sinks/langfuse.ts";
import { otlpSink } from "../../src/sinks/otlp/otlp-sink.ts";
import { sampleFinding, sampleScore, sampleSpan } from "../../src/testing/sample-records.ts";

let received: TraceRecord[] = [];

const server = createServer(async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const raw = Buffer.concat(chunks);
  const body = request.headers["content-encoding"] === "gzip" ? gunzipSync(raw) : raw;
  const signal = request.url!.endsWith("/v1/logs") ? "logs" : "traces";
  const decoded = decodeOtlp(body, request.headers["content-type"]!, { signal });
  received.push(...(signal === "logs" ? recordsFromOtlpLogs(decoded) : recordsFromOtlp(decoded)).records);
  response.setHeader("content-type", request.headers["content-type"]!);
  response.end(request.headers["content-type"]!.includes("json") ? "{}" : "");
});
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
after(() => server.close());
const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

const span = sampleSpan({
  type: "generation",
  input: "What is 3x?",
  usage: { inputTokens: 10, outputTokens: 5, totalTokens: 15, cacheReadInputTokens: 4 },
  metadata: { plan: { name: "pro" } },
});
const never = new AbortController().signal;

for (const protocol of ["http/json", "http/protobuf"] as const) {
  test(`otlpSink with ${protocol}, compressed: spans, scores and findings are the same`, async () => {
    received = [];
    const sink = otlpSink({ endpoint, protocol, compression: "gzip", profile: "1.36" }, {});
    const batch = [span, sampleScore(), sampleFinding()];
    await sink.write(batch, never);
    await sink.close?.();
    assert.deepEqual(received, batch);
  });
}

test("langfuseSink: what Langfuse would read is what the record said", async () => {
  received = [];
  const sink = langfuseSink({ baseUrl: endpoint, publicKey: "pk", secretKey: "sk" });
  await sink.write([span], never);
  await sink.close?.();
  const [record] = received as SpanRecord[];
  for (const field of ["name", "type", "input", "usage", "startTime", "endTime", "level", "trace"] as const) {
    assert.deepEqual(record![field], span[field], field);
  }
  assert.deepEqual(record!.metadata, span.metadata);
});
