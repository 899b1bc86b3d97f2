/** Sinks: ours, and what others write. */
import {
  type ConfigError,
  configure,
  consoleSink,
  fileSink,
  flush,
  memorySink,
  type Sink,
  SinkError,
  type SpanRecord,
  shutdown,
  stats,
  type TraceRecord,
} from "sightline";
import { httpSink } from "sightline/sinks/http";
import { type Equal, same } from "./equal.js";

// One object with a name and a function; sync, async, partial.
const least: Sink = { name: "least", write: (batch) => console.log(batch.length) };
const sending: Sink = {
  name: "sending",
  async write(batch, signal) {
    same<Equal<typeof batch, readonly TraceRecord[]>>(true);
    same<Equal<typeof signal, AbortSignal>>(true);
    if (batch.length > 100) throw new SinkError("too many", { retry: "split" });
    throw new SinkError("busy", { retry: "later", retryAfterMs: 1000 });
  },
};
const partial: Sink = {
  name: "partial",
  write: (batch) => ({
    rejected: batch.flatMap((r) => (r.record === "span" ? { spanId: r.spanId, reason: "x" } : [])),
  }),
  writeSync() {},
  flush: async () => {},
  close() {},
};
// @ts-expect-error: a name is needed
const nameless: Sink = { write() {} };
// @ts-expect-error: write returns nothing or a WriteResult
const chatty: Sink = { name: "chatty", write: () => "done" };
// @ts-expect-error: one of later, split, never
new SinkError("x", { retry: "sometimes" });

configure({ sinks: [least, sending, partial, consoleSink(), consoleSink({ format: "json" })] });
configure({ sinks: [fileSink({ path: "t.ndjson" }), httpSink({ url: "https://h/p", headers: { a: "b" } })] });
configure({ sinks: [memorySink()], environment: "test", release: "1", version: "2", sampleRate: 0.5, enabled: true });
configure();
// @ts-expect-error: sinks is an array
configure({ sinks: least });
// @ts-expect-error: no such option
configure({ sink: [least] });
// @ts-expect-error: a file sink needs its path
fileSink({});
// @ts-expect-error: an HTTP sink needs its address
httpSink({});

// Records are told apart by `record`; they are frozen.
export function name(record: TraceRecord): string {
  // @ts-expect-error: read only
  record.name = "x";
  if (record.record === "score") return `${record.name}=${record.value}`;
  if (record.record === "finding") return `${record.name} ${record.severity} ${record.message}`;
  same<Equal<typeof record, SpanRecord>>(true);
  return `${record.type} ${record.usage?.inputTokens ?? 0} ${record.genAi?.openai?.runId ?? ""}`;
}

const memory = memorySink();
export const kept: TraceRecord | undefined = memory.records[0];
memory.clear();

export async function end(): Promise<boolean> {
  const { ok, written, pending, dropped, errors } = await flush({ timeoutMs: 100 });
  const total: number = written + pending + dropped + stats().started;
  return ok && errors.length + total > 0 && (await shutdown()).ok;
}

export function code(error: ConfigError | SinkError): string {
  return error.code;
}
export { chatty, nameless };
