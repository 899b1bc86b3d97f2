import { createCapture, type MaskOptions } from "./capture/capture.ts";
import { isMaskOptions, MASK_OPTIONS } from "./capture/mask-options.ts";
import { type Clock, checkedClock, systemClock } from "./core/clock.ts";
import { asyncLocalCarrier, type Carrier } from "./core/context.ts";
import { ConfigError } from "./core/errors.ts";
import { DEBUG_MASK, debug, guard } from "./core/guard.ts";
import { checkedIds, type Ids, systemIds } from "./core/ids.ts";
import { openSpans } from "./core/open-spans.ts";
import type { TraceInfo } from "./core/record.ts";
import { type FlushResult, type Runtime, type Stats, slot } from "./core/runtime.ts";
import { samplingThreshold } from "./core/sampling.ts";
import { suppress } from "./core/suppress.ts";
import { userIdHasher } from "./core/user-id.ts";
import { type EnvironmentVariables, readEnvironment, unknownVariables } from "./environment.ts";
import { installExitHooks } from "./pipeline/exit.ts";
import { createLosses, sayLosses } from "./pipeline/losses.ts";
import { type LaneOptions, laneLimits } from "./pipeline/options.ts";
import { createPipeline, type Pipeline } from "./pipeline/pipeline.ts";
import { EXIT_SIGNALS, installSignalHooks, type SignalsOption } from "./pipeline/signals.ts";
import type { Sink } from "./sinks/sink.ts";

export interface Options {
  /** Where records go. Default: what `SIGHTLINE_SINK` says. None: tracing is off. */
  sinks?: readonly Sink[];
  /** `false` switches everything off; wrappers then call straight through. Default: `SIGHTLINE_ENABLED`, or true. */
  enabled?: boolean;
  /** Stamped on every record. Default: `SIGHTLINE_ENVIRONMENT`, `SIGHTLINE_RELEASE`, `SIGHTLINE_VERSION`. */
  environment?: string;
  release?: string;
  version?: string;
  /**
   * The share of traces that is recorded, 0 to 1, decided by the trace id; a remote parent's flag decides for its children.
   * Sinks with `policy.unsampled` (monitors) get all. Default: `SIGHTLINE_SAMPLE_RATE`, or 1.
   */
  sampleRate?: number;
  /** Record arguments and results of observed functions. Default: true. */
  captureInput?: boolean;
  captureOutput?: boolean;
  /** More keys, texts or personal data to mask; `false` masks nothing. Default: credentials by key name and by shape. */
  mask?: MaskOptions | false;
  /**
   * Replaces every `userId` by `hashUserId(userId, userIdKey)`: at least 16 characters, kept secret, the same in all processes
   * whose users are to be compared. Default: `SIGHTLINE_USER_ID_KEY`, or none: user ids stay as they are.
   */
  userIdKey?: string;
  /** A span open for longer is exported as `unfinished`, in milliseconds. Default: one hour. */
  maxOpenMs?: number;
  /** Remember where spans were started: of manual spans (the default), of all (5 µs a call), of none. */
  callSites?: "manual" | "all" | "none";
  /**
   * The signals on which everything is delivered: SIGTERM and SIGINT (default), some of them, or none. Where you listen
   * yourself you have the word, and nothing is ended; otherwise the process ends by the signal as before, within 2 s.
   * A signal that is listened to does not interrupt a loop that never yields: programs with such loops want `false`.
   */
  signals?: SignalsOption;
  /** Batching, bounds and retries of the lanes. */
  delivery?: LaneOptions;
  clock?: Clock;
  ids?: Ids;
  carrier?: Carrier;
}

const HOUR_MS = 3_600_000;

const DELIVERY: readonly string[] = Object.keys(laneLimits({}));

/** Every option, with what it must be; the one place that says so. */
const OPTIONS: { readonly [K in keyof Required<Options>]: readonly [check: (value: any) => boolean, wanted: string] } =
  {
    sinks: [
      (value) => Array.isArray(value) && value.every(isSink),
      "an array of sinks, each with a name and a write function",
    ],
    enabled: [isBoolean, "true or false"],
    environment: [isText, "a string"],
    release: [isText, "a string"],
    version: [isText, "a string"],
    sampleRate: [(value) => typeof value === "number" && value >= 0 && value <= 1, "a number from 0 to 1"],
    captureInput: [isBoolean, "true or false"],
    captureOutput: [isBoolean, "true or false"],
    mask: [(value) => value === false || isMaskOptions(value), `false, or ${MASK_OPTIONS}`],
    // Checked by its own, which does not show it.
    userIdKey: [() => true, ""],
    maxOpenMs: [(value) => typeof value === "number" && value > 0, "a number of milliseconds above 0"],
    callSites: [(value) => ["manual", "all", "none"].includes(value), '"manual", "all" or "none"'],
    signals: [
      (value) => isBoolean(value) || (Array.isArray(value) && value.every((signal) => EXIT_SIGNALS.includes(signal))),
      `true, false, or an array of ${EXIT_SIGNALS.join(", ")}`,
    ],
    delivery: [
      (value) => isObject(value) && !Array.isArray(value) && Object.keys(value).every((key) => DELIVERY.includes(key)),
      `an object of ${DELIVERY.join(", ")}`,
    ],
    clock: [(value) => hasMethods(value, "epochMs", "monotonicMs"), "a clock with epochMs() and monotonicMs()"],
    ids: [(value) => hasMethods(value, "traceId", "spanId"), "ids with traceId() and spanId()"],
    carrier: [(value) => hasMethods(value, "get", "run"), "a carrier with get() and run()"],
  };

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
  check(options);
  const variables = readEnvironment(process.env, options.sinks === undefined);
  warnOnce(unknownVariables(process.env));
  const enabled = options.enabled ?? variables.enabled ?? true;
  const sinks = options.sinks ?? variables.sinks;
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

function check(options: Options): void {
  if (!isObject(options) || Array.isArray(options))
    throw new ConfigError("CONFIG_BAD_VALUE", `configure() takes an object of options; it got ${show(options)}.`);
  for (const [key, value] of Object.entries(options)) {
    if (!Object.hasOwn(OPTIONS, key)) {
      const known = Object.keys(OPTIONS).join(", ");
      throw new ConfigError("CONFIG_UNKNOWN_OPTION", `configure() has no option "${key}". It takes: ${known}.`);
    }
    const [isRight, wanted] = OPTIONS[key as keyof Options];
    // A getter of the value's may throw: then it is not right either.
    if (value !== undefined && !guard(() => isRight(value), false)) {
      throw new ConfigError("CONFIG_BAD_VALUE", `configure({ ${key} }) takes ${wanted}; it got ${show(value)}.`);
    }
  }
  if (options.userIdKey !== undefined) userIdHasher(options.userIdKey as string);
}

function createRuntime(sinks: readonly Sink[], options: Options, variables: EnvironmentVariables): Runtime {
  const userIdKey = options.userIdKey ?? variables.userIdKey;
  const capture = createCapture({
    ...(options.mask !== undefined && { mask: options.mask }),
    ...(userIdKey !== undefined && { hashUserId: userIdHasher(userIdKey) }),
  });
  const clock = options.clock === undefined ? systemClock : checkedClock(options.clock);
  const pipeline = createPipeline(sinks, { clock, ...options.delivery, suppress, clean: capture.text });
  slot.shared.set(DEBUG_MASK, capture.text);
  const anchor = { epochMs: Number.NEGATIVE_INFINITY, monotonicMs: 0 };
  const open = openSpans({ maxOpenMs: options.maxOpenMs ?? HOUR_MS, monotonicMs: () => clock.monotonicMs() });
  const flush: Runtime["flush"] = (deadline) => pipeline.flush(deadline);
  const atExit = {
    flush,
    abandon: pipeline.abandon,
    stats: pipeline.stats,
    exportOpen: async () => open.exportInTurns(),
    spillSync() {
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
    open,
    // A span that was open when `configure` was called again ends in the new configuration.
    emit: (draft) => (isReplaced && slot.runtime ? slot.runtime.emit(draft) : pipeline.emit(draft)),
    flush,
    async shutdown(deadline) {
      const exporting = open.exportInTurns();
      if (exporting) await exporting;
      open.stop();
      isReplaced = slot.runtime !== self;
      const result = await pipeline.shutdown(deadline);
      for (const release of letGo) release();
      sayLosses([atExit]);
      return result;
    },
    stats: () => statsOf(open, pipeline),
  };
  return self;
}

function traceOptions({ environment, release, version }: Options): TraceInfo {
  return { ...(environment && { environment }), ...(release && { release }), ...(version && { version }) };
}

function statsOf(open: Runtime["open"], pipeline: Pipeline): Stats {
  return {
    started: open.started,
    ended: open.ended,
    open: open.size,
    internalErrors: slot.internalErrors,
    lateUpdates: slot.lateUpdates,
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

function isSink(value: unknown): value is Sink {
  return isObject(value) && isText(value["name"]) && typeof value["write"] === "function";
}

function isBoolean(value: unknown): boolean {
  return typeof value === "boolean";
}

function isText(value: unknown): boolean {
  return typeof value === "string";
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function hasMethods(value: unknown, ...names: string[]): boolean {
  return isObject(value) && names.every((name) => typeof value[name] === "function");
}

function show(value: unknown): string {
  return typeof value === "string"
    ? `"${createCapture().text(value)}"`
    : Array.isArray(value)
      ? "an array with something else in it"
      : typeof value === "object" && value !== null
        ? "an object with something else in it"
        : String(value);
}
