/** The manual side: spans, scores, context. */
import {
  bind,
  carrier,
  client,
  type currentSpan,
  currentSpanId,
  currentTraceId,
  event,
  generation,
  type Span,
  score,
  snapshot,
  startSpan,
  suppress,
  updateSpan,
  updateTrace,
  withContext,
  withSpan,
  withTrace,
} from "sightline";
import { type Equal, same } from "./equal.js";

const span = startSpan("work", { type: "chain", input: { a: 1n }, metadata: { a: 1 }, startTime: new Date() });
same<Equal<typeof span, Span>>(true);
span
  .update({ output: [1], usage: { prompt_tokens: 1 }, cost: 0.1 })
  .event("tick")
  .fail(null)
  .end({ endTime: 2 });
const child = startSpan("child", { parent: span, links: [{ traceId: "t", spanId: "s" }] });
startSpan("remote", { parent: child.traceparent(), startTime: 10n });
startSpan("by ids", { parent: { traceId: "t", spanId: "s" }, startTime: "2026-01-01T00:00:00Z" });
startSpan("root", { parent: null });
// @ts-expect-error: not a parent
startSpan("bad", { parent: 42 });
// @ts-expect-error: the name comes first
startSpan({ name: "bad" });

const sync = withSpan("sync", (s) => s.spanId.length);
same<Equal<typeof sync, number>>(true);
const later: Promise<string> = withSpan("async", { type: "agent" }, async (s) => s.traceId);
// @ts-expect-error: a function is needed
withSpan("nothing");

generation({ name: "g", model: "m", usage: { input_tokens: 1, output_tokens: 2 }, input: "a", output: "b" });
event("e", { metadata: { a: 1 } });
score({ name: "helpful", value: 0.9, comment: "c" });
score({ name: "tone", value: "kind", traceId: "t", spanId: "s" });
score({ name: "right", value: true });
// @ts-expect-error: a score has a value
score({ name: "empty" });
updateSpan({ level: "WARNING", statusMessage: "m" });
updateTrace({ userId: "u", sessionId: "s", tags: ["t"], metadata: { any: new Date() } });
const inside: number = withTrace({ name: "t" }, () => 1);

same<Equal<ReturnType<typeof currentSpan>, Span | undefined>>(true);
const ids: (string | undefined)[] = [currentTraceId(), currentSpanId()];

const bound = bind((a: string, b?: number) => `${a}${b}`);
same<Equal<typeof bound, (a: string, b?: number) => string>>(true);
const run: number = snapshot()(() => 1);
const quiet: string = suppress(() => "x");
const json: string = JSON.stringify(carrier());
const continued: boolean = withContext(JSON.parse(json), () => true);

const trace = client.startTrace({ agentId: "a", input: 1 });
const step = client.startSpan(trace.id, { name: "s", type: "llm", metadata: {} });
client.generation({ traceId: trace.id, parentSpanId: step.id, model: "m", usage: {}, input: 1, output: 2 });
client.endSpan(step.id, { output: 1 });
client.endTrace(trace.id, { status: "success", output: 1, metadata: {} });

export { continued, ids, inside, later, quiet, run };
