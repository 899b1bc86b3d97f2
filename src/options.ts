import { createCapture, type MaskOptions } from "./capture/capture.ts";
import { isMaskOptions, MASK_OPTIONS } from "./capture/mask-options.ts";
import { type BaggageRules, isBaggageTarget } from "./core/baggage.ts";
import type { Clock } from "./core/clock.ts";
import type { Carrier } from "./core/context.ts";
import { ConfigError } from "./core/errors.ts";
import { guard } from "./core/guard.ts";
import type { Ids } from "./core/ids.ts";
import { isBaggageKey } from "./core/traceparent.ts";
import { userIdHasher } from "./core/user-id.ts";
import { checkOptions as checkFindings, type FindingsOptions } from "./openai/findings/options.ts";
import { type LaneOptions, laneLimits } from "./pipeline/options.ts";
import { EXIT_SIGNALS, type SignalsOption } from "./pipeline/signals.ts";
import { isPrices, type Prices } from "./pricing/price-book.ts";
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
  /**
   * What model calls cost: a price book, a function, or several of them, of which the first that knows has the word;
   * `false`: no cost but what is stated. What is not known has no cost and one warning. Default: `genaiPrices()`.
   */
  prices?: Prices | false;
  /**
   * Thresholds of the rules that name what went wrong with calls of OpenAI; `false`: none looks. They look from the moment
   * that `sightline/openai` is loaded.
   */
  findings?: FindingsOptions | false;
  /**
   * Which entries of W3C baggage are which trace attributes: `{ "user.id": "userId", "app.plan": "metadata.plan" }`. They are
   * sent by `carrier()` and read by `withContext()`; all others are neither. Default: none.
   */
  baggage?: BaggageRules;
  /** Batching, bounds and retries of the lanes. */
  delivery?: LaneOptions;
  clock?: Clock;
  ids?: Ids;
  carrier?: Carrier;
}

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
    prices: [
      (value) => value === false || isPrices(value),
      "false, a price book such as genaiPrices() or staticPrices(…), a function, or an array of these",
    ],
    // The thresholds are checked by their own.
    findings: [
      (value) => value === false || (isObject(value) && !Array.isArray(value)),
      "false, or an object of thresholds",
    ],
    baggage: [
      (value) =>
        isObject(value) &&
        !Array.isArray(value) &&
        Object.entries(value).every(([key, target]) => isBaggageKey(key) && isBaggageTarget(target)),
      'an object of baggage keys and trace attributes, such as { "user.id": "userId", "plan": "metadata.plan" }',
    ],
    delivery: [
      (value) => isObject(value) && !Array.isArray(value) && Object.keys(value).every((key) => DELIVERY.includes(key)),
      `an object of ${DELIVERY.join(", ")}`,
    ],
    clock: [(value) => hasMethods(value, "epochMs", "monotonicMs"), "a clock with epochMs() and monotonicMs()"],
    ids: [(value) => hasMethods(value, "traceId", "spanId"), "ids with traceId() and spanId()"],
    carrier: [(value) => hasMethods(value, "get", "run"), "a carrier with get() and run()"],
  };

/** Throws a `ConfigError` for an option that does not exist or has a value that it does not take. */
export function checkOptions(options: Options): void {
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
  if (options.findings) checkFindings(options.findings);
}

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
  if (typeof value === "string") return `"${createCapture().text(value)}"`;
  if (typeof value === "function") return "a function, which may want to be called";
  if (Array.isArray(value)) return "an array with something else in it";
  return typeof value === "object" && value !== null ? "an object with something else in it" : String(value);
}
