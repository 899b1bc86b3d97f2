import { ConfigError } from "../core/errors.ts";
import { guard, swallow } from "../core/guard.ts";
import type { Sink, SinkPolicy, SinkStats } from "../sinks/sink.ts";
import { isThenable, messageOf } from "./outcome.ts";

/**
 * A sink as a lane uses it: its members are looked at once, every call is suppressed, and what is no answer of the kind
 * that is asked for does not get further. `write` may still do anything.
 *
 * @throws ConfigError for a sink that cannot be read: its policy may be a mask, and must not be left out
 */
export function checkedSink(sink: Sink, suppress: <T>(fn: () => T) => T): Sink {
  /** Looked up at each call, as tests put functions of their own in place of a sink's. */
  function method(name: "writeSync" | "flush" | "close" | "open" | "stats"): ((...args: any[]) => unknown) | undefined {
    if (sink[name] === undefined) return undefined;
    if (typeof sink[name] !== "function") throw new TypeError(`${name} is no function`);
    return (...args) => suppress(() => (sink[name] as (...args: unknown[]) => unknown)(...args));
  }

  try {
    const { name } = sink;
    const [writeSync, flush, close] = [method("writeSync"), method("flush"), method("close")];
    const [open, stats] = [method("open"), method("stats")];
    const policy = checkedPolicy(sink.policy);
    return {
      name,
      write: (batch, signal) => suppress(() => sink.write(batch, signal)),
      ...(writeSync && { writeSync: (batch) => refusePromise(writeSync(batch)) }),
      ...(flush && { flush: (signal, isLast) => flush(signal, isLast) as void }),
      ...(close && { close: (signal) => close(signal) as void }),
      ...(open && { open: () => ignore(guard(open, undefined)) }),
      ...(stats && { stats: () => guard(() => checkedStats(stats()), NONE) }),
      ...(policy && { policy }),
    };
  } catch (error) {
    throw new ConfigError("CONFIG_SINK", `a sink cannot be used: ${messageOf(error)}.`);
  }
}

const NONE: SinkStats = { replayed: 0, spooled: 0, dropped: {} };

function checkedPolicy(policy: SinkPolicy | undefined): SinkPolicy | undefined {
  if (policy === undefined) return undefined;
  const { prepare, tail, durability, batchRecords, concurrency, unsampled } = policy;
  if (prepare !== undefined && typeof prepare !== "function") throw new TypeError("policy.prepare is no function");
  return {
    ...(prepare && { prepare }),
    ...(tail && { tail: { ...tail } }),
    ...((durability === "record" || durability === "batch") && { durability }),
    ...(isCount(batchRecords) && batchRecords! > 0 && { batchRecords: batchRecords! }),
    ...(isCount(concurrency) && concurrency! > 0 && { concurrency: concurrency! }),
    ...(unsampled === true && { unsampled }),
  };
}

function checkedStats(stats: unknown): SinkStats {
  ignore(stats);
  const { taken, replayed, spooled, dropped, lastError } = stats as SinkStats;
  const counts = Object.entries(dropped).filter(([, count]) => isCount(count));
  if (!isCount(replayed) || !isCount(spooled)) throw new TypeError("stats() gave no figures");
  const figures = { ...(isCount(taken) && { taken: taken! }), replayed, spooled, dropped: Object.fromEntries(counts) };
  return typeof lastError === "string" ? { ...figures, lastError } : figures;
}

function isCount(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 0;
}

/** A promise says that nothing has been written yet. */
function refusePromise(outcome: unknown): void {
  if (!isThenable(outcome)) return;
  ignore(outcome);
  throw new Error("writeSync gave a promise, so it is not synchronous");
}

/** What a promise becomes does not matter; that it rejects must not reach the host. */
export function ignore(outcome: unknown): void {
  if (isThenable(outcome)) Promise.resolve(outcome).catch(swallow);
}
