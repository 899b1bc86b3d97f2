import { ConfigError } from "../../core/errors.ts";

/** Every threshold with its default; times in milliseconds. */
export const DEFAULTS = {
  /** `stuck_in_requires_action`: waiting for tool outputs for longer than this. */
  stuckAfterMs: 60_000,
  /** `stuck_in_requires_action`: or this close to the expiry of the run. */
  expiryMarginMs: 60_000,
  /** `tool_output_truncated`: shorter outputs are not judged, in tokens of four characters. */
  truncationMinTokens: 200,
  /** `tool_output_truncated`: the model saw less than this share of what was submitted. */
  truncationShare: 0.5,
  /** `tool_output_truncated`: the characters at which your own code cuts outputs. 0: it does not. */
  toolOutputCap: 0,
  /** `endless_polling`: more requests for the state of one run that did not complete. At one a second it expires before. */
  maxPolls: 600,
  /** `endless_polling`: in any one second. */
  maxPollsPerSecond: 20,
  /** `endless_polling`: still going on so long after its creation. */
  pollingAfterMs: 600_000,
  /** `cancelling_stuck`. */
  cancellingAfterMs: 60_000,
  /** `thread_accumulation`: in so many runs of a thread on end the input grew, … */
  threadGrowthRuns: 5,
  /** … to this many times the first one's. */
  threadGrowthFactor: 3,
  /** `thread_accumulation`: a session with at least so many runs … */
  threadSessionRuns: 10,
  /** … in more new threads than this share of them. */
  threadsPerRun: 0.9,
  /** `retry_storm`: retries of one call. */
  maxRetries: 2,
  /** `retry_storm`: answers of status 429 within a minute. */
  maxRateLimitsPerMinute: 3,
  /** `retry_storm`: two runs of one thread begun within this time, one of them by a retried call. */
  duplicateRunWithinMs: 60_000,
  /** `tool_loop`: steps with tool calls in one run. */
  toolLoopSteps: 8,
  /** `tool_loop`: calls of one function with the same arguments. */
  toolLoopRepeats: 3,
  /** `cache_never_hits`: so many runs or responses of one model … */
  cacheRuns: 5,
  /** … with at least so many input tokens each (fewer are never cached) … */
  cacheMinTokens: 1_024,
  /** … within this time. */
  cacheWindowMs: 3_600_000,
  /** `queue_delay`: from the creation of a run to its start. */
  queueAfterMs: 10_000,
} as const;

/** The thresholds in force. */
export type Limits = { readonly [K in keyof typeof DEFAULTS]: number };

/** The rules, in the order in which they look. */
export const RULES = [
  "stuck_in_requires_action",
  "tool_output_truncated",
  "endless_polling",
  "run_expired",
  "cancelling_stuck",
  "thread_accumulation",
  "incomplete_token_cap",
  "rate_limited_in_run",
  "billed_failure",
  "active_run_conflict",
  "late_or_partial_submit",
  "completed_without_answer",
  "stale_answer_read",
  "usage_read_too_early",
  "stream_dropped",
  "empty_stream",
  "event_status_mismatch",
  "double_counting",
  "retry_storm",
  "content_filter_or_refusal",
  "tool_loop",
  "bad_tool_arguments",
  "api_gone",
  "cache_never_hits",
  "background_abandoned",
  "queue_delay",
] as const;

export type RuleName = (typeof RULES)[number];

/** Thresholds that differ from `DEFAULTS`, and rules that are not wanted. */
export interface FindingsOptions extends Partial<Limits> {
  /** Rules that stay silent. */
  readonly off?: readonly RuleName[];
  /** The time of looking, in epoch milliseconds. Default: now. */
  readonly nowMs?: number;
}

export interface CheckedOptions {
  readonly limits: Limits;
  readonly off: ReadonlySet<string>;
  readonly nowMs: number | undefined;
}

/** Throws a `ConfigError` that names the option, its value and what it takes. */
export function checkOptions(options: FindingsOptions = {}): CheckedOptions {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new ConfigError("CONFIG_BAD_VALUE", `findings() takes an object of options; it got ${show(options)}.`);
  }
  const { off = [], nowMs, ...thresholds } = options;
  if (!Array.isArray(off) || off.some((name) => !RULES.includes(name))) refuse("off", "an array of rule names", off);
  if (nowMs !== undefined && !isAmount(nowMs)) refuse("nowMs", "a time in epoch milliseconds", nowMs);
  for (const [key, value] of Object.entries(thresholds)) {
    if (!Object.hasOwn(DEFAULTS, key)) {
      const known = ["off", "nowMs", ...Object.keys(DEFAULTS)].join(", ");
      throw new ConfigError("CONFIG_UNKNOWN_OPTION", `findings() has no option "${key}". It takes: ${known}.`);
    }
    if (value !== undefined && !isAmount(value)) refuse(key, "a number, 0 or more", value);
  }
  const given = Object.fromEntries(Object.entries(thresholds).filter(([, value]) => value !== undefined));
  return { limits: { ...DEFAULTS, ...given }, off: new Set(off), nowMs };
}

function refuse(key: string, wanted: string, value: unknown): never {
  const names = key === "off" ? ` (${RULES.join(", ")})` : "";
  throw new ConfigError("CONFIG_BAD_VALUE", `findings({ ${key} }) takes ${wanted}${names}; it got ${show(value)}.`);
}

function isAmount(value: unknown): boolean {
  return Number.isFinite(value) && (value as number) >= 0;
}

function show(value: unknown): string {
  if (typeof value === "string") return `"${value.slice(0, 100)}"`;
  if (Array.isArray(value)) return `[${value.slice(0, 30).map(show).join(", ")}]`;
  return typeof value === "object" && value !== null ? "an object" : String(value);
}
