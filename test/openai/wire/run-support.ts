import assert from "node:assert/strict";
import OpenAI from "openai";
import { configure, flush, type MemorySink, memorySink, type SpanRecord, shutdown, stats } from "sightline";
import { tracedFetch } from "../../../src/openai/wire/traced-fetch.ts";
import { event } from "./scripted-server.ts";

export type Wire = Record<string, any>;

export interface Written {
  readonly sink: MemorySink;
  /** The newest record of each span. */
  readonly spans: readonly SpanRecord[];
  /** Every record of the spans with this name, oldest first. */
  all(name: string): SpanRecord[];
  /** The only span of this name. */
  one(name: string): SpanRecord;
}

/** Runs `fn` and ends tracing, as a process does that exits; a fault of our own fails the test. */
export async function written(fn: (sink: MemorySink) => unknown): Promise<Written> {
  const sink = memorySink();
  const before = stats().internalErrors;
  configure({ sinks: [sink], prices: false });
  try {
    await fn(sink);
    await flush();
    assert.equal(stats().internalErrors, before);
  } finally {
    await shutdown();
  }
  const isSpan = (record: unknown): record is SpanRecord => (record as SpanRecord).record === "span";
  const spans = sink.records.filter(isSpan);
  return {
    sink,
    spans,
    all: (name) => sink.all.filter(isSpan).filter((span) => span.name === name),
    one(name) {
      const found = spans.filter((span) => span.name === name);
      assert.equal(found.length, 1, `one ${name} among ${spans.map((span) => span.name).join(", ")}`);
      return found[0]!;
    },
  };
}

export function client(baseURL: string, more: object = {}): OpenAI {
  return new OpenAI({ baseURL, apiKey: "sk-fake-key", fetch: tracedFetch(), maxRetries: 0, ...more });
}

/** The tokens of all spans, and where they stand. */
export function tokens(spans: readonly SpanRecord[]): { input: number; output: number; on: string[] } {
  const sum = { input: 0, output: 0, on: [] as string[] };
  for (const { usage, type } of spans) {
    if (usage === undefined) continue;
    sum.input += usage.inputTokens ?? 0;
    sum.output += usage.outputTokens ?? 0;
    sum.on.push(type);
  }
  return sum;
}

/** A server-sent event with a name. */
export function named(name: string, data: unknown): string {
  return `event: ${name}\n${event(data)}`;
}

export async function drained(stream: AsyncIterable<any>): Promise<any[]> {
  const items: any[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

export const FUNCTION = {
  type: "function" as const,
  function: { name: "lookup", parameters: { type: "object", properties: { x: { type: "number" } } } },
};
