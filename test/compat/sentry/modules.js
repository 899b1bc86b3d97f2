/** Sentry with its own OpenTelemetry set-up; its transport keeps the spans in the form of OTLP instead of sending them. */
import * as api from "@opentelemetry/api";
import * as Sentry from "@sentry/node";
import * as sightline from "sightline";

export { openTelemetryCarrier } from "sightline/interop/opentelemetry";
export { tracedFetch } from "sightline/openai";
export { otlpSink } from "sightline/sinks/otlp";
export { api, sightline };

const spans = [];

export const sdk = {
  start({ collector, openTelemetryRate = 1, isSetUp = true }) {
    const ignoreOutgoingRequests = (url) => url.startsWith(`${collector}/v1/traces`);
    Sentry.init({
      dsn: "http://key@127.0.0.1:9/1",
      enableOpenTelemetrySetup: isSetUp,
      ...(!isSetUp && { integrations: [Sentry.nativeNodeFetchIntegration({ ignoreOutgoingRequests })] }),
      tracesSampleRate: openTelemetryRate,
      transport: (options) => Sentry.createTransport(options, keep),
      transportOptions: { bufferSize: 100_000 },
    });
  },
  async stop() {
    await Sentry.close(10_000);
    return spans;
  },
};

/** A line of an envelope that holds spans has them as items. */
async function keep({ body }) {
  for (const line of Buffer.from(body).toString().split("\n")) {
    const { items = [] } = line.startsWith('{"') ? JSON.parse(line) : {};
    spans.push(...items.filter((item) => item.span_id).map(otlpOf));
  }
  return {};
}

function otlpOf({ trace_id: traceId, span_id: spanId, parent_span_id: parentSpanId, name, attributes }) {
  const op = attributes["sentry.op"]?.value;
  return {
    traceId,
    spanId,
    parentSpanId,
    name,
    kind: op === "http.server" ? 2 : 1,
    scope: op === "http.client" ? "instrumentation-undici" : "",
    attributes: [{ key: "url.full", value: { stringValue: attributes["url.full"]?.value } }],
  };
}
