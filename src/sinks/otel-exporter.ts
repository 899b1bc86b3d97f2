import { ConfigError, SinkError } from "../core/errors.ts";
import type { SpanRecord } from "../core/record.ts";
import { finalSpans } from "./final-spans.ts";
import { checkOptions } from "./options.ts";
import { type ReadableSpan, readableSpans } from "./otel-readable-span.ts";
import { FORM_OPTIONS, type OtlpFormOptions, otlpForm } from "./otlp/form.ts";
import type { Sink } from "./sink.ts";

export type { HrTime, OtelResource, OtelSpanContext, OtelTraceState, ReadableSpan } from "./otel-readable-span.ts";

/** What an exporter answers: code 0 is success. */
export interface ExportResult {
  readonly code: number;
  readonly error?: unknown;
}

/** `SpanExporter` of OpenTelemetry JS, of any line. */
export interface OtelSpanExporter {
  export(spans: any, done: (result: ExportResult) => void): void;
  forceFlush?(): Promise<void>;
  shutdown(): Promise<void>;
}

/** With `content`, inputs and outputs are on the spans for `spans` and `both`: an exporter of spans takes no events. */
export interface OtelExporterSinkOptions extends OtlpFormOptions {
  /** Default `otel:` and the name of the exporter's class. */
  name?: string;
}

/**
 * Any span exporter of OpenTelemetry JS as a sink: of its lines 1.x, 2.x and 3.x, without depending on any of them.
 *
 * Spans only: scores and findings are counted as `sampledOut`. A span goes out once, when it has ended. What the exporter
 * reports as failed is tried again, after the exporter's own attempts; not so where its error has a status, of HTTP or
 * gRPC, that says it would fail again. A callback that never comes ends with the attempt, and the batch is tried again.
 * `flush()` calls `forceFlush`, `close()` calls `shutdown`.
 *
 * @throws ConfigError for what is no exporter, and for bad options and variables
 * @example
 * import { ConsoleSpanExporter } from "@opentelemetry/sdk-trace-base";
 * import { otelExporterSink } from "sightline/sinks/otel-exporter";
 * configure({ sinks: [otelExporterSink(new ConsoleSpanExporter())] });
 */
export function otelExporterSink(exporter: OtelSpanExporter, options: OtelExporterSinkOptions = {}): Sink {
  checkExporter(exporter);
  checkOptions("otelExporterSink", options, { ...FORM_OPTIONS, name: "string" });
  const name = options.name ?? `otel:${exporter.constructor?.name || "exporter"}`;
  const form = otlpForm("otelExporterSink", options, process.env).spans;
  /** Configurations that use it; the next one opens it before the previous one closes it. */
  let openers = 0;
  let closing: Promise<void> | undefined;
  return finalSpans({
    name,
    policy: { prepare: (record) => (record.record === "span" ? record : undefined) },
    open() {
      openers++;
    },
    async write(batch, signal) {
      const spans = batch.filter((record): record is SpanRecord => record.record === "span");
      if (spans.length > 0) await send(name, exporter, readableSpans(spans, form), signal);
    },
    async flush() {
      await exporter.forceFlush?.();
    },
    async close() {
      openers = Math.max(0, openers - 1);
      if (openers === 0) await (closing ??= (async () => exporter.shutdown())());
    },
  });
}

function checkExporter(exporter: OtelSpanExporter): void {
  const { export: write, shutdown } = (exporter ?? {}) as Partial<OtelSpanExporter>;
  if (typeof write === "function" && typeof shutdown === "function") return;
  throw new ConfigError(
    "CONFIG_SINK_OPTION",
    "otelExporterSink() takes a span exporter of OpenTelemetry first: an object with export and shutdown functions.",
  );
}

/** Ends with the exporter's answer, or with the signal: an exporter may forget to call back. */
function send(name: string, exporter: OtelSpanExporter, spans: ReadableSpan[], signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(new SinkError(`sink "${name}": the attempt was called off`, { retry: "later" }));
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    const settle = (result: ExportResult) => {
      signal.removeEventListener("abort", abort);
      if (result?.code === 0) resolve();
      else reject(failureOf(name, result?.error));
    };
    const fail = (error: unknown) => {
      signal.removeEventListener("abort", abort);
      reject(error);
    };
    // Some are asynchronous all the same, and a rejection that nobody sees would end the process.
    try {
      Promise.resolve(exporter.export(spans, settle) as unknown).catch(fail);
    } catch (error) {
      fail(error);
    }
  });
}

/** Of gRPC: what the OTLP specification calls retryable. Cancelled, deadline, resource exhausted, aborted, out of range, unavailable, data loss. */
const PASSING_GRPC: ReadonlySet<number> = new Set([1, 4, 8, 10, 11, 14, 15]);

/** Only its code or name: messages of exporters may hold the address. */
function failureOf(name: string, error: unknown): SinkError {
  const { code, httpCode, name: type } = (error ?? {}) as { code?: unknown; httpCode?: unknown; name?: unknown };
  const status = typeof code === "number" ? code : httpCode;
  const problem = `sink "${name}": the exporter failed with ${status ?? code ?? type ?? "no error"}`;
  const retry = retryOf(status);
  // Keys and addresses may be put right, and a spool waits for that; what is refused for itself would be so again.
  const reason = retry === "never" && !CLOSED.has(status as number) ? "rejected_by_sink" : "too_large";
  return new SinkError(problem, { retry, reason, cause: error });
}

/** HTTP: unauthorized, forbidden, not found. gRPC: not found, permission denied, unimplemented, unauthenticated. */
const CLOSED: ReadonlySet<number> = new Set([401, 403, 404, 5, 7, 12, 16]);

function retryOf(status: unknown): SinkError["retry"] {
  if (typeof status !== "number") return "later";
  if (status < 100) return PASSING_GRPC.has(status) ? "later" : "never";
  if (status === 413) return "split";
  return status === 408 || status === 429 || status >= 500 ? "later" : "never";
}
