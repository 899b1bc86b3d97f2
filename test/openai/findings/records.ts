import type { FindingRecord, HttpCall, OpenAIDetails, SpanRecord, TraceRecord } from "../../../src/core/record.ts";
import { type FindingsOptions, findings } from "../../../src/openai/index.ts";
import { sampleSpan } from "../../../src/testing/sample-records.ts";

/** 2026-09-21, in seconds: after the Assistants API was switched off. */
export const T = 1_790_000_000;
export const NOW: number = (T + 30) * 1000;

type Part = Partial<SpanRecord>;

const nanos = (seconds: number) => `${Math.round(seconds * 1e6)}000`;
let count = 0;

/** A span from `from` to `to` seconds after `T`, below the root. */
export function spanAt(from: number, to: number, part: Part = {}): SpanRecord {
  const spanId = (++count).toString(16).padStart(16, "a");
  return sampleSpan({ spanId, parentSpanId: ROOT, startTime: nanos(T + from), endTime: nanos(T + to), ...part });
}

const ROOT = "f".repeat(16);

/** The program's own span around everything; it has ended. */
export function root(part: Part = {}): SpanRecord {
  const { parentSpanId, ...record } = spanAt(0, 30, { spanId: ROOT, name: "answer", ...part });
  return record;
}

/** The observation of a run that was created at `T`. */
export function agent(openai: OpenAIDetails = {}, part: Part = {}): SpanRecord {
  return spanAt(0, 20, {
    name: "invoke_agent tutor",
    type: "agent",
    genAi: {
      operation: "invoke_agent",
      openai: {
        apiType: "assistants",
        runId: "run_1",
        threadId: "thread_1",
        runStatus: "completed",
        createdAt: T,
        missing: "messages: not given",
        ...openai,
      },
    },
    ...part,
  });
}

/** A run that was seen so many seconds after its creation and had not ended. */
export function openAgent(seconds: number, openai: OpenAIDetails, part: Part = {}): SpanRecord {
  return agent(openai, { unfinished: true, endTime: nanos(T + seconds), ...part });
}

/** The model call of one step of a run. */
export function step(
  n: number,
  input: number,
  output: number,
  part: Part = {},
  openai: OpenAIDetails = {},
): SpanRecord {
  return spanAt(n, n + 1, {
    name: "chat gpt-4.1",
    type: "generation",
    genAi: {
      requestModel: "gpt-4.1",
      openai: { runId: "run_1", threadId: "thread_1", runStepId: `step_${n}`, runStatus: "completed", ...openai },
    },
    usage: { inputTokens: input, outputTokens: output, totalTokens: input + output },
    ...part,
  });
}

/** A function call of a step of a run. */
export function tool(n: number, name: string, input: unknown, output: unknown, part: Part = {}): SpanRecord {
  return spanAt(n, n + 1, {
    name: `execute_tool ${name}`,
    type: "tool",
    input: input as SpanRecord["input"],
    output: output as SpanRecord["output"],
    genAi: {
      openai: { runId: "run_1", runStepId: `step_${n}` },
      tool: { name, type: "function", callId: `call_${++count}` },
    },
    ...part,
  } as Part);
}

/** A model call that belongs to no run. */
export function chat(part: Part = {}, genAi: SpanRecord["genAi"] = {}): SpanRecord {
  return spanAt(1, 2, {
    name: "chat gpt-4.1",
    type: "generation",
    genAi: { requestModel: "gpt-4.1", ...genAi },
    ...part,
  });
}

export function http(part: Partial<HttpCall> = {}): HttpCall {
  return { method: "POST", route: "/chat/completions", host: "api.openai.com", status: 200, ...part };
}

/** A request that was refused. */
export function refused(status: number, message: string, part: Part = {}, code?: string): SpanRecord {
  return spanAt(1, 2, {
    name: "POST /threads/{thread_id}/runs",
    status: { code: "error" },
    error: { type: "Error", status, message: `${status} ${message}`, ...(code !== undefined && { code }) },
    http: http({ status, route: "/threads/{thread_id}/runs", host: "localhost" }),
    ...part,
  });
}

export function said(...parts: object[]): SpanRecord["output"] {
  return [{ role: "assistant", parts }] as SpanRecord["output"];
}

export const text = (content: string): { type: string; content: string } => ({ type: "text", content });

/** What is found in a trace with these spans and a root. */
export function find(spans: readonly TraceRecord[], options: FindingsOptions = {}): FindingRecord[] {
  return findings([...spans, root()], { nowMs: NOW, ...options });
}

export function names(spans: readonly TraceRecord[], options: FindingsOptions = {}): string[] {
  return find(spans, options).map(({ name }) => name);
}

/** The same spans as of another trace. */
export function inTrace(n: number, ...spans: SpanRecord[]): SpanRecord[] {
  return spans.map((record) => ({ ...record, traceId: `b${n.toString(16).padStart(31, "0")}` }));
}
