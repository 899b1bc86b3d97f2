import { encode, type TraceRecord } from "../core/record.ts";
import type { Sink } from "../sinks/sink.ts";
import { sampleRecords } from "./sample-records.ts";

export interface SinkContractOptions {
  /** Registers one case. Default: `test` of `node:test`; pass the one of another runner. */
  test?: (name: string, run: () => Promise<void>) => unknown;
  /** Called after every case, to remove what `makeSink` made. */
  cleanUp?: () => void | Promise<void>;
  /** How long a call may take before it counts as hanging. Milliseconds, default 10,000. */
  patienceMs?: number;
}

/**
 * Registers the tests that every sink must pass; a test file for a sink begins with it.
 *
 * @param makeSink called for every case; must return a fresh sink that can take records
 * @example
 * sinkContract(() => mySink({ url: server.url }));
 */
export function sinkContract(makeSink: () => Sink | Promise<Sink>, options: SinkContractOptions = {}): void {
  // Here, not at the top: the module can then be imported under runners that do not have `node:test`.
  const test = options.test ?? process.getBuiltinModule("node:test").test;
  const { patienceMs = 10_000 } = options;

  const never = new AbortController().signal;

  const rule = (name: string, play: (sink: Sink) => Promise<void>) =>
    test(`sink contract: ${name}`, async () => {
      const unhandled: unknown[] = [];
      const note = (reason: unknown) => unhandled.push(reason);
      process.on("unhandledRejection", note);
      try {
        const sink = await makeSink();
        await inTime(play(sink), "the case");
        await inTime(Promise.resolve(sink.close?.()), "close()");
        await new Promise(setImmediate);
      } finally {
        process.off("unhandledRejection", note);
        await options.cleanUp?.();
      }
      if (unhandled.length > 0) throw new Error("a rejection was not handled", { cause: unhandled[0] });
    });

  function inTime<T>(promise: Promise<T>, what: string): Promise<T> {
    let timer: NodeJS.Timeout;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`${what} hangs: no end after ${patienceMs} ms`)), patienceMs);
    });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
  }

  rule("has a name, and keeps it", async (sink) => {
    const { name } = sink;
    check(typeof name === "string" && name !== "", "the name must be a text");
    await sink.write(sampleRecords(), never);
    await sink.close?.();
    check(sink.name === name, "the name must stay the same");
  });

  rule("takes an empty batch", async (sink) => {
    await sink.write([], never);
    sink.writeSync?.([]);
  });

  rule("takes records of every kind, together and alone", async (sink) => {
    await sink.write(sampleRecords(), never);
    for (const record of sampleRecords()) await sink.write([record], never);
    await sink.flush?.();
  });

  rule("leaves the batch and its records as they were", async (sink) => {
    const batch = deepFreeze(sampleRecords());
    const before = batch.map((record) => JSON.stringify(record));
    await sink.write(batch, never);
    sink.writeSync?.(batch);
    await sink.flush?.();
    await sink.close?.();
    check(
      batch.every((record, i) => JSON.stringify(record) === before[i] && encode(record) === before[i]),
      "a record has changed",
    );
  });

  rule("writeSync, where there is one, is done when it returns", async (sink) => {
    check(sink.writeSync?.(sampleRecords()) === undefined, "writeSync must return nothing, a promise least of all");
  });

  rule("flush and close may come at any time, and again", async (sink) => {
    await sink.flush?.();
    await sink.write(sampleRecords(), never);
    await sink.flush?.();
    await sink.flush?.();
    await sink.close?.();
    await sink.close?.();
  });

  rule("close without a write", async (sink) => {
    await sink.close?.();
  });

  rule("a write after close ends, well or with an Error", async (sink) => {
    await sink.write(sampleRecords(), never);
    await sink.close?.();
    await settled(() => sink.write(sampleRecords(), never));
  });

  rule("an aborted signal ends a write, well or with an Error", async (sink) => {
    await settled(() => sink.write(sampleRecords(), AbortSignal.abort()));
    const controller = new AbortController();
    const writing = settled(() => sink.write(sampleRecords(), controller.signal));
    controller.abort();
    await writing;
  });
}

function check(condition: boolean, message: string): void {
  if (!condition) throw new Error(message);
}

async function settled(run: () => unknown): Promise<void> {
  try {
    await run();
  } catch (error) {
    check(error instanceof Error, "what a sink throws must be an Error");
  }
}

function deepFreeze(records: readonly TraceRecord[]): readonly TraceRecord[] {
  const freeze = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    Object.freeze(value);
    for (const part of Object.values(value)) freeze(part);
  };
  freeze(records);
  return records;
}
