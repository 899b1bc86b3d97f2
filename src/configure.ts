import { createCapture } from "./capture/capture.ts";
import type { Capture } from "./core/capture.ts";
import { type Clock, checkedClock, systemClock } from "./core/clock.ts";
import { asyncLocalCarrier } from "./core/context.ts";
import { type Finder, finderFactory } from "./core/finder.ts";
import { DEBUG_MASK, debug, guard } from "./core/guard.ts";
import { checkedIds, systemIds } from "./core/ids.ts";
import { type JoinedWatches, joinWatches } from "./core/join-watches.ts";
import { openSpans } from "./core/open-spans.ts";
import type { TraceInfo } from "./core/record.ts";
import { type FlushResult, type Runtime, type Stats, slot } from "./core/runtime.ts";
import { samplingThreshold } from "./core/sampling.ts";
import { suppress } from "./core/suppress.ts";
import { keepUserIdHasher, keptUserIdHasher, userIdHasher } from "./core/user-id.ts";
import { type EnvironmentVariables, readEnvironment, unknownVariables } from "./environment.ts";
import { checkOptions, type Options } from "./options.ts";
import { installExitHooks } from "./pipeline/exit.ts";
import { createIntake, type Intake } from "./pipeline/intake.ts";
import { createLosses, say, sayLosses } from "./pipeline/losses.ts";
import { MAX_TIMER_MS } from "./pipeline/options.ts";
import { createPipeline, type FlushOptions, type Pipeline } from "./pipeline/pipeline.ts";
import { installSignalHooks } from "./pipeline/signals.ts";
import { genaiPrices } from "./pricing/genai-prices.ts";
import { priceBook } from "./pricing/price-book.ts";
import { type RecordPrices, recordPrices } from "./pricing/record-prices.ts";
import type { Sink } from "./sinks/sink.ts";

const HOUR_MS = 3_600_000;

/**
 * Switches tracing on for the process, from options over environment variables. Synchronous. Calling it again replaces
 * the configuration; what was still queued is delivered to the old sinks in the background.
 *
 * Throws a `ConfigError` that names the option, its value and what it takes. The only call that throws at a user.
 *
 * @example
 * configure({ sinks: [consoleSink(), fileSink({ path: "traces.ndjson" })], environment: "production" });
 */
export function configure(options: Options = {}): void {
  checkOptions(options);
  const variables = readEnvironment(process.env, options.sinks === undefined);
  warnOnce(unknownVariables(process.env));
  const enabled = options.enabled ?? variables.enabled ?? true;
  const sinks = options.sinks ?? variables.sinks;
  const userIdKey = options.userIdKey ?? variables.userIdKey;
  keepUserIdHasher(userIdKey === undefined ? undefined : userIdHasher(userIdKey));
  const previous = slot.runtime;
  slot.runtime = enabled && sinks.length > 0 ? createRuntime(sinks, options, variables) : null;
  if (slot.runtime === null) debug(enabled ? "no sinks: tracing is off" : "disabled: tracing is off");
  if (previous) void previous.shutdown();
}

/** The same line is not written again by the next `configure()`. */
function warnOnce(line: string | undefined): void {
  if (line === undefined || line === warned) return;
  warned = line;
  process.stderr.write(`sightline: ${line}\n`);
}

let warned: string | undefined;

function createRuntime(sinks: readonly Sink[], options: Options, variables: EnvironmentVariables): Runtime {
  const hashUserId = keptUserIdHasher();
  const capture = createCapture({
    ...(options.mask !== undefined && { mask: options.mask }),
    ...(hashUserId !== undefined && { hashUserId }),
  });
  const clock = options.clock === undefined ? systemClock : checkedClock(options.clock);
  const modelCalls = joinWatches(sinks.map((sink) => guard(() => sink.modelCalls, undefined)));
  const pipeline = createPipeline(sinks, { clock, ...options.delivery, suppress, clean: capture.text });
  slot.shared.set(DEBUG_MASK, capture.text);
  const anchor = { epochMs: Number.NEGATIVE_INFINITY, monotonicMs: 0 };
  const intake = createIntake({
    pricing: pricing(options, capture),
    finder: options.findings === false ? undefined : finder(options, clock, capture),
    emit: pipeline.emit,
    // Such a sink has written a record when the call that made it returns.
    mayWait: !sinks.some((sink) => guard(() => sink.policy?.durability === "record", false)),
  });
  const maxOpenMs = options.maxOpenMs ?? HOUR_MS;
  const open = openSpans({
    maxOpenMs,
    monotonicMs: () => clock.monotonicMs(),
    left: modelCalls && (({ traceId, spanId }) => modelCalls.ended(traceId, spanId)),
  });
  const flush = (deadline?: FlushOptions): Promise<FlushResult> => {
    open.settle();
    intake.drain();
    return pipeline.flush(deadline);
  };
  const atExit = {
    flush,
    abandon: pipeline.abandon,
    stats: pipeline.stats,
    exportOpen: async () => open.exportInTurns(),
    spillSync() {
      intake.finish();
      open.exportAll(() => pipeline.spillSync());
      pipeline.spillSync();
    },
    losses: createLosses(pipeline.stats, capture.text),
  };
  const letGo = [installExitHooks(slot, atExit), installSignalHooks(slot, atExit, options.signals)];
  let isReplaced = false;
  const self: Runtime = {
    carrier: options.carrier ?? asyncLocalCarrier,
    clock,
    anchor,
    ids: options.ids === undefined ? systemIds : checkedIds(options.ids),
    capture,
    captureInput: options.captureInput ?? true,
    captureOutput: options.captureOutput ?? true,
    callSites: options.callSites ?? "manual",
    samplingThreshold: samplingThreshold(options.sampleRate ?? variables.sampleRate ?? 1),
    recordUnsampled: sinks.some((sink) => guard(() => sink.policy?.unsampled === true, false)),
    traceDefaults: Object.freeze({ ...variables.trace, ...traceOptions(options) }),
    baggage: Object.freeze({ ...options.baggage }),
    open,
    modelCalls,
    countsAtOnce: sinks.some((sink) => guard(() => sink.modelCalls && sink.policy?.durability === "record", false)),
    // A span that was open when `configure` was called again ends in the new configuration.
    emit: (draft) => (isReplaced && slot.runtime ? slot.runtime.emit(draft) : intake.emit(draft)),
    flush,
    async shutdown(deadline) {
      const exporting = open.exportInTurns();
      if (exporting) await exporting;
      open.stop();
      intake.drain();
      isReplaced = slot.runtime !== self;
      if (modelCalls !== undefined) giveUp(modelCalls, slot.runtime === null ? 0 : maxOpenMs);
      const result = await pipeline.shutdown(deadline);
      for (const release of letGo) release();
      sayLosses([atExit]);
      return result;
    },
    stats: () => statsOf(open, intake, pipeline),
  };
  return self;
}

/** Calls that another configuration overtakes go on, and those who were asked hear of their ends, for as long as they may take. */
function giveUp(modelCalls: JoinedWatches, afterMs: number): void {
  if (afterMs > 0) setTimeout(modelCalls.endAll, Math.min(afterMs, MAX_TIMER_MS)).unref();
  else modelCalls.endAll();
}

function traceOptions({ environment, release, version }: Options): TraceInfo {
  return { ...(environment && { environment }), ...(release && { release }), ...(version && { version }) };
}

/** Some books are functions of the user's: what they call is not traced. */
function pricing({ prices }: Options, capture: Capture): RecordPrices | undefined {
  if (prices === false) return undefined;
  const { prepare, costOf } = recordPrices(priceBook(prices ?? genaiPrices()), capture.text, say);
  return { ...(prepare && { prepare }), costOf: (record) => suppress(() => costOf(record)) };
}

/** Made when the rules have been loaded; one that cannot be made is not tried again. */
function finder({ findings }: Options, clock: Clock, capture: Capture): () => Finder | undefined {
  return () => {
    const make = finderFactory();
    return make && guard(() => make({ clock, capture, options: findings || undefined }), { see: () => [] });
  };
}

function statsOf(open: Runtime["open"], intake: Intake, pipeline: Pipeline): Stats {
  return {
    started: open.started,
    ended: open.ended,
    open: open.size,
    internalErrors: slot.internalErrors,
    lateUpdates: slot.lateUpdates,
    unpriced: intake.unpriced,
    sinks: pipeline.stats(),
  };
}

const NOTHING: FlushResult = { ok: true, written: 0, pending: 0, spooled: 0, dropped: 0, errors: [] };

/** Delivers what is queued. Resolves within `timeoutMs` (default 5,000) whatever the sinks do; never rejects. */
export async function flush(options?: { timeoutMs?: number }): Promise<FlushResult> {
  return (await (slot.runtime?.flush(options) ?? closing)) ?? NOTHING;
}

/** Exports open spans as `unfinished`, delivers what is queued, closes the sinks and switches tracing off. Never rejects. */
export async function shutdown(options?: { timeoutMs?: number }): Promise<FlushResult> {
  const runtime = slot.runtime;
  slot.runtime = null;
  if (runtime) {
    last = runtime;
    const ours = (closing = runtime.shutdown(options).finally(() => {
      if (closing === ours) closing = undefined;
    }));
  }
  return (await closing) ?? NOTHING;
}

/** The books stay open to read when tracing has been shut down. */
let last: Runtime | undefined;

/** The shutdown under way: who asks again waits for it too. */
let closing: Promise<FlushResult> | undefined;

/** What has been started, ended, written, queued and dropped, per sink and by reason. */
export function stats(): Stats {
  const off: Stats = {
    started: 0,
    ended: 0,
    open: 0,
    internalErrors: slot.internalErrors,
    lateUpdates: slot.lateUpdates,
    unpriced: 0,
    sinks: {},
  };
  return (slot.runtime ?? last)?.stats() ?? off;
}

// Until `configure` says otherwise, what is shown for debugging is masked by default.
if (!slot.shared.has(DEBUG_MASK)) slot.shared.set(DEBUG_MASK, (text: string) => createCapture().text(text));

// With no `configure()` call the environment alone decides, at the first use. A bad variable must not break the host then.
slot.boot ??= () => {
  try {
    configure();
  } catch (error) {
    process.stderr.write(`sightline: tracing stays off: ${(error as Error).message}\n`);
  }
};
