import type { SpanRecord, TraceRecord } from "../../src/core/record.ts";
import { sampleScore, sampleSpan } from "../../src/testing/sample-records.ts";

const START = 1_732_000_000_000;

/** A span of the tutor's trace: times in milliseconds from its beginning. */
export function span(
  id: number,
  parent: number | undefined,
  from: number,
  to: number,
  part: Partial<SpanRecord> & { name: string },
): SpanRecord {
  const hex = (n: number) => n.toString(16).padStart(16, "0");
  return sampleSpan({
    spanId: hex(id),
    ...(parent === undefined ? {} : { parentSpanId: hex(parent) }),
    startTime: `${START + from}000000`,
    endTime: `${START + to}000000`,
    trace: { userId: "user_42", sessionId: "algebra-7", environment: "production" },
    ...part,
  });
}

const failure = {
  status: { code: "error", message: "Rate limit reached, try again in 3 s" },
  level: "ERROR",
  error: { type: "RateLimitError", message: "Rate limit reached,\n  try again in 3 s", status: 429 },
} as const;

/** The cookbook's tutor with a failing search and a forgotten span, children before parents as they end. */
export const mathTutor: readonly TraceRecord[] = [
  span(2, 1, 4, 414, { name: "create_assistant" }),
  span(4, 3, 420, 640, { name: "threads.create" }),
  span(5, 3, 645, 1250, { name: "threads.messages.create" }),
  span(6, 3, 1255, 1630, { name: "threads.runs.create" }),
  span(3, 1, 416, 1632, { name: "run_assistant" }),
  span(9, 8, 2100, 3400, {
    name: "chat gpt-4.1",
    type: "generation",
    kind: "client",
    genAi: { requestModel: "gpt-4.1", responseModel: "gpt-4.1-2025-04-14" },
    usage: { inputTokens: 412, outputTokens: 88, totalTokens: 500 },
    cost: { currency: "USD", total: 0.001528, source: "computed" },
  }),
  span(10, 8, 3400, 4150, { name: "execute_tool code_interpreter", type: "tool" }),
  span(12, 11, 4210, 4520, { name: "GET /v1/vector_stores/search", kind: "client", ...failure }),
  span(11, 8, 4200, 4530, { name: "execute_tool file_search", type: "tool", ...failure }),
  span(13, 8, 4560, 5890, {
    name: "chat gpt-4.1",
    type: "generation",
    kind: "client",
    genAi: { requestModel: "gpt-4.1" },
    usage: { inputTokens: 1204, outputTokens: 131, totalTokens: 1335 },
    cost: { currency: "USD", total: 0.003456, source: "computed" },
  }),
  span(8, 7, 1700, 5900, { name: "invoke_agent Math Tutor", type: "agent" }),
  span(14, 7, 5910, 5910, { name: "answer.cached", type: "event" }),
  span(15, 7, 5920, 6214, { name: "save_transcript", unfinished: true, callSite: "src/tutor.ts:88:18" }),
  span(16, 7, 5915, 6010, {
    name: "summarise",
    type: "generation",
    genAi: { requestModel: "gpt-4.1-mini" },
    level: "WARNING",
    status: { code: "ok", message: "usage was missing" },
  }),
  span(7, 1, 1634, 6212, { name: "get_response" }),
  sampleScore({ spanId: "0000000000000007", comment: "clear steps" }),
  span(1, undefined, 0, 6214, { name: "run_math_tutor" }),
];
