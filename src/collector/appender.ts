import type { Clock } from "../core/clock.ts";
import type { TraceRecord } from "../core/record.ts";
import type { TraceStore } from "../store/trace-store.ts";

export interface RejectedRecord {
  readonly record: TraceRecord;
  readonly reason: string;
}

/** Puts records into the store. */
export interface Appender {
  /**
   * Resolves when they are durable, with those that the store cannot keep whenever it is asked.
   *
   * @throws whatever the store throws; nothing is acknowledged then
   */
  append(project: string, records: readonly TraceRecord[]): Promise<readonly RejectedRecord[]>;
  /** Records that wait, or are being written. */
  readonly waiting: number;
}

export interface AppenderOptions {
  readonly store: Pick<TraceStore, "append">;
  readonly clock: Clock;
  /** Of every call of `store.append`. */
  readonly onAppend: (seconds: number, isDone: boolean) => void;
  /** Of every one of them too, with what the store has thrown that is no fault of the records. */
  readonly onWritten?: (error?: unknown) => void;
}

interface Waiting {
  readonly records: readonly TraceRecord[];
  readonly resolve: (rejected: readonly RejectedRecord[]) => void;
  readonly reject: (error: unknown) => void;
}

/** A store is at its best with thousands; one that takes longer than a sender waits is no help. */
const MAX_GROUP_RECORDS = 10_000;

/**
 * One `store.append` at a time for each project: what comes while it runs goes together into the next one. So a thousand
 * small requests cost the store a few writes, and one alone waits for nobody.
 */
export function createAppender({ store, clock, onAppend, onWritten }: AppenderOptions): Appender {
  const queues = new Map<string, Waiting[]>();
  let waiting = 0;

  async function write(project: string, records: readonly TraceRecord[]): Promise<void> {
    const startedAt = clock.monotonicMs();
    let isDone = false;
    try {
      await store.append(records, { project });
      isDone = true;
      onWritten?.();
    } catch (error) {
      if (!isFaultOfRecords(error)) onWritten?.(error);
      throw error;
    } finally {
      onAppend((clock.monotonicMs() - startedAt) / 1_000, isDone);
    }
  }

  async function run(project: string, queue: Waiting[]): Promise<void> {
    // Requests that came in the same turn go together from the first one on.
    await new Promise(setImmediate);
    while (queue.length > 0) {
      const group = nextGroup(queue);
      await commit(project, group);
      for (const { records } of group) waiting -= records.length;
    }
    queues.delete(project);
  }

  /** Settles every request of the group; never rejects. */
  async function commit(project: string, group: readonly Waiting[]): Promise<void> {
    try {
      await write(
        project,
        group.flatMap(({ records }) => records),
      );
      for (const { resolve } of group) resolve([]);
    } catch (error) {
      if (!isFaultOfRecords(error)) {
        for (const { reject } of group) reject(error);
      } else if (group.length > 1) {
        for (const one of group) await commit(project, [one]);
      } else {
        const [{ records, resolve, reject }] = group as [Waiting];
        await find(project, records, error).then(resolve, reject);
      }
    }
  }

  /** The records at fault, by halves; the others are written. */
  async function find(project: string, records: readonly TraceRecord[], why: unknown): Promise<RejectedRecord[]> {
    if (records.length === 1)
      return [{ record: records[0]!, reason: `cannot be stored: ${String(why).slice(0, 200)}` }];
    const rejected: RejectedRecord[] = [];
    const middle = Math.ceil(records.length / 2);
    for (const half of [records.slice(0, middle), records.slice(middle)]) {
      try {
        await write(project, half);
      } catch (error) {
        if (!isFaultOfRecords(error)) throw error;
        rejected.push(...(await find(project, half, error)));
      }
    }
    return rejected;
  }

  return {
    get waiting() {
      return waiting;
    },
    append(project, records) {
      if (records.length === 0) return Promise.resolve([]);
      waiting += records.length;
      return new Promise((resolve, reject) => {
        const queue = queues.get(project);
        const entry = { records, resolve, reject };
        if (queue !== undefined) return void queue.push(entry);
        const started = [entry];
        queues.set(project, started);
        void run(project, started);
      });
    },
  };
}

function nextGroup(queue: Waiting[]): Waiting[] {
  let size = 0;
  let count = 0;
  for (const { records } of queue) {
    if (count > 0 && size + records.length > MAX_GROUP_RECORDS) break;
    size += records.length;
    count++;
  }
  return queue.splice(0, count);
}

/** As everywhere that records are written: these mean one of them, all others mean later. */
function isFaultOfRecords(error: unknown): boolean {
  const isSuch =
    error instanceof TypeError ||
    error instanceof RangeError ||
    error instanceof SyntaxError ||
    (error as Error | undefined)?.name === "DataCloneError";
  return isSuch && (error as Error).cause === undefined;
}
