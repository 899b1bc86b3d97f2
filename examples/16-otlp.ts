// The same program as any other, sent as OTLP: to an OpenTelemetry collector, Jaeger, Grafana, Datadog, Phoenix. Here the
// receiver prints what arrives. With no code: SIGHTLINE_SINK=otlp OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { configure, generation, observe, score, shutdown, withTrace } from "sightline";
import { otlpSink } from "sightline/sinks/otlp";

const receiver = createServer(async (request, response) => {
  const data = JSON.parse(await text(request));
  console.log(request.method, request.url);
  for (const { scopeSpans = [], scopeLogs = [] } of [...(data.resourceSpans ?? []), ...(data.resourceLogs ?? [])]) {
    for (const { attributes, name, eventName } of [...scopeSpans, ...scopeLogs].flatMap(
      (scope) => scope.spans ?? scope.logRecords,
    )) {
      const keys = attributes
        .map(({ key }: { key: string }) => key)
        .filter((key: string) => /^(gen_ai|user)\./.test(key));
      console.log(" ", name ?? eventName, keys.sort().join(" "));
    }
  }
  response.setHeader("content-type", "application/json").end("{}");
}).listen(0, "127.0.0.1");
await once(receiver, "listening");

const endpoint = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
configure({ sinks: [otlpSink({ endpoint, protocol: "http/json" })] });

const solve = observe("solve", (question: string) => {
  const usage = { input_tokens: 12, output_tokens: 5 };
  generation({ model: "gpt-4.1", provider: "openai", input: question, output: "x = 1", usage });
  score({ name: "correct", value: true });
});
withTrace({ userId: "ada" }, () => solve("3x + 11 = 14"));
await shutdown();
receiver.close();
