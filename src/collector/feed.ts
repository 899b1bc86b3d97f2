import { callBack, guard, swallow } from "../core/guard.ts";
import type { TraceRecord } from "../core/record.ts";
import type { Sink } from "../sinks/sink.ts";

/** Tells sinks of records that are durable. They are told later and in small helpings: ingestion waits for none of them. */
export interface Feed {
  see(records: readonly TraceRecord[]): void;
  /** Records that sinks were not told of, as they were too slow. */
  readonly dropped: number;
  /** Tells them what waits, within the time; then closes them. */
  close(timeoutMs: number): Promise<void>;
}

/** For each sink; one that is slower than what comes in misses what is beyond. */
const MAX_WAITING = 20_000;
/** What a monitor does with so many is over in a few milliseconds. */
const HELPING = 200;

interface Lane {
  readonly see: (records: readonly TraceRecord[]) => void;
  readonly idle: () => Promise<void>;
  readonly dropped: () => number;
}

export function createFeed(sinks: readonly Sink[]): Feed {
  const calledOff = new AbortController();
  const lanes = sinks.map((sink) => laneOf(sink, calledOff.signal));
  for (const sink of sinks) callBack(() => sink.open?.());
  return {
    see(records) {
      for (const lane of lanes) lane.see(records);
    },
    get dropped() {
      return lanes.reduce((sum, { dropped }) => sum + dropped(), 0);
    },
    async close(timeoutMs) {
      const timer = setTimeout(() => calledOff.abort(), timeoutMs);
      const over = new Promise<void>((resolve) => calledOff.signal.addEventListener("abort", () => resolve()));
      const end = async (sink: Sink, lane: Lane): Promise<void> => {
        await lane.idle();
        await sink.flush?.(calledOff.signal, true);
        await sink.close?.(calledOff.signal);
      };
      await Promise.race([Promise.all(sinks.map((sink, i) => end(sink, lanes[i]!).catch(swallow))), over]);
      clearTimeout(timer);
      calledOff.abort();
    },
  };
}

function laneOf(sink: Sink, signal: AbortSignal): Lane {
  let waiting: TraceRecord[] = [];
  let dropped = 0;
  let running: Promise<void> | undefined;

  async function run(): Promise<void> {
    while (waiting.length > 0 && !signal.aborted) {
      await new Promise(setImmediate);
      const helping = waiting.slice(0, HELPING);
      waiting = waiting.slice(HELPING);
      const batch = helping.flatMap((record) => prepared(sink, record) ?? []);
      try {
        if (batch.length > 0) await sink.write(batch, signal);
      } catch (error) {
        swallow(error);
      }
    }
    running = undefined;
  }

  return {
    see(records) {
      const room = Math.max(0, MAX_WAITING - waiting.length);
      dropped += Math.max(0, records.length - room);
      waiting = waiting.concat(records.slice(0, room));
      running ??= run();
    },
    idle: async () => running,
    dropped: () => dropped,
  };
}

/** What `filter`, `sample` and `mask` make of it. */
function prepared(sink: Sink, record: TraceRecord): TraceRecord | undefined {
  const prepare = sink.policy?.prepare;
  return prepare === undefined ? record : guard(() => prepare(record), undefined);
}
