/** What the pipeline tests share: drafts, fake time, and the books that must balance after every test. */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { SpanRecord, TraceRecord } from "../../src/core/record.ts";
import type { LaneStats } from "../../src/core/runtime.ts";
import type { Draft } from "../../src/core/trace.ts";
import type { PipelineOptions } from "../../src/pipeline/options.ts";
import { createPipeline, type Pipeline } from "../../src/pipeline/pipeline.ts";
import type { Sink } from "../../src/sinks/sink.ts";
import { assertLane } from "../support/books.ts";

export interface Rig extends Pipeline {
  /** Emits so many drafts named `0`, `1`, … and returns them. */
  emitMany(count: number, bytes?: number): Draft[];
  /** Moves the clock on in steps of 10 ms (100 over a minute), letting promises and immediates run after each. */
  advance(ms: number): Promise<void>;
  /** A lane's stats; the only lane's without a name. */
  lane(name?: string): LaneStats;
}

export function draft(name: string, bytes = 1_000, fields: Partial<SpanRecord> = {}): Draft {
  const trace = { info: {} };
  const record: SpanRecord = {
    record: "span",
    schema: 1,
    traceId: "0".repeat(32),
    spanId: name.padStart(16, "0"),
    traceFlags: 1,
    seq: 0,
    name,
    type: "span",
    kind: "internal",
    startTime: "0",
    endTime: "0",
    status: { code: "ok" },
    level: "DEFAULT",
    trace: trace.info,
    ...fields,
  };
  return { record, trace, bytes };
}

/** A pipeline in fake time without jitter. After the test, its books must balance. */
export function rig(t: TestContext, sinks: readonly Sink[], options: Partial<PipelineOptions> = {}): Rig {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const clock = { epochMs: () => Date.now(), monotonicMs: () => Date.now() };
  const pipeline = createPipeline(sinks, { clock, random: () => 1, suppress: (fn) => fn(), ...options });
  let emitted = 0;
  let total = 0;
  const emit = (one: Draft): void => {
    emitted++;
    pipeline.emit(one);
  };
  t.after(() => assertBooks(pipeline, emitted));
  return {
    ...pipeline,
    emit,
    emitMany: (count, bytes) =>
      Array.from({ length: count }, () => {
        const one = draft(String(total++), bytes);
        emit(one);
        return one;
      }),
    async advance(ms) {
      const step = ms > 60_000 ? 100 : 10;
      await turns();
      for (let done = 0; done < ms; done += step) {
        t.mock.timers.tick(Math.min(step, ms - done));
        await turns();
      }
    },
    lane: (name) => pipeline.stats()[name ?? Object.keys(pipeline.stats())[0]!]!,
  };
}

/** The postcondition of every test: for every sink, what was emitted is written, queued, sampled out or dropped. */
export function assertBooks(pipeline: Pick<Pipeline, "stats">, emitted: number): void {
  for (const [name, stats] of Object.entries(pipeline.stats())) {
    assert.equal(stats.emitted, emitted, `${name}: emitted`);
    assertLane(name, stats);
  }
}

/** Lets everything run that is ready, immediates of immediates included. */
export async function turns(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
}

export interface Recorder extends Sink {
  readonly calls: { readonly at: number; readonly names: readonly string[] }[];
  readonly records: TraceRecord[];
}

/** A sink that remembers when it was called with what. `answer` says what becomes of the n-th call. */
export function recorder(
  answer: (call: number, batch: readonly TraceRecord[]) => any = () => {},
  name = "sink",
): Recorder {
  const calls: { at: number; names: string[] }[] = [];
  const records: TraceRecord[] = [];
  return {
    name,
    calls,
    records,
    write(batch) {
      calls.push({ at: Date.now(), names: batch.map((record) => record.name) });
      records.push(...batch);
      return answer(calls.length, batch);
    },
  };
}

/** The times of the calls. */
export function times(sink: Recorder): number[] {
  return sink.calls.map((call) => call.at);
}

/** The numbers of records of the calls. */
export function sizes(sink: Recorder): number[] {
  return sink.calls.map((call) => call.names.length);
}

export const hang = (): Promise<void> => new Promise(() => {});
