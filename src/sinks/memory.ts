import type { TraceRecord } from "../core/record.ts";
import { buildTraces, latest, type Searchable, searchable, type TraceTree } from "../core/tree.ts";
import type { Sink } from "./sink.ts";

export interface MemorySink extends Sink, Searchable {
  /** One record for each span and score, the one with the highest `seq`, in order of arrival. */
  readonly records: readonly TraceRecord[];
  /** Everything that was written, repetitions included. */
  readonly all: readonly TraceRecord[];
  /** The spans as trees, one for each trace, by start time. */
  traces(): TraceTree[];
  /** Forgets everything. */
  clear(): void;
  write(batch: readonly TraceRecord[]): void;
  writeSync(batch: readonly TraceRecord[]): void;
}

/**
 * Keeps records in memory, for tests and for looking at what a piece of code did. It grows until `clear()`.
 *
 * @example
 * const sink = memorySink();
 * configure({ sinks: [sink] });
 * await tutor.answer("3x + 11 = 14");
 * await flush();
 * sink.get("Tutor.answer").find("generation")?.record.usage;
 * sink.expectTree(`
 *   Tutor.answer
 *   └─ chat gpt-4.1 [generation]
 * `);
 */
export function memorySink(options: { name?: string } = {}): MemorySink {
  const all: TraceRecord[] = [];
  const traces = () => buildTraces(all);
  const write = (batch: readonly TraceRecord[]) => {
    for (const record of batch) all.push(record);
  };
  return {
    name: options.name ?? "memory",
    get records() {
      return latest(all);
    },
    all,
    traces,
    clear: () => void (all.length = 0),
    write,
    writeSync: write,
    ...searchable(() => traces().flatMap((trace) => trace.roots)),
  };
}
