import type { Metric, Reading } from "../reading.ts";
import type { Alert, AlertRule, AlertState } from "./alert.ts";
import { groupOf } from "./judge.ts";
import { messageOf } from "./message.ts";

/** `stale`: no data for too long. `rule_gone`: not there any more, or about something else. `source_failed`: it threw. */
export type Reason = "stale" | "rule_gone" | "source_failed";

/** An alert as it is worked on. Names that end in `At` without a word on epoch are monotonic milliseconds. */
export interface Watched {
  readonly fingerprint: string;
  readonly rule: AlertRule;
  readonly labels: Alert["labels"];
  readonly unit: Metric["unit"];
  /** The labels of its reading, as `groupOf` writes them. */
  readonly group: string;
  state: AlertState;
  value: number | undefined;
  samples: number;
  traces: readonly string[];
  /** Why it is over or without data, where its figure does not say it. */
  reason: Reason | undefined;
  isStale: boolean;
  isSilenced: boolean;
  /** No evaluation has seen it yet. */
  isNew: boolean;
  /** People know that it fires. */
  isTold: boolean;
  /** Epoch. */
  since: number;
  /** Epoch. */
  startedAt: number | undefined;
  /** Epoch. */
  firedAt: number | undefined;
  /** Epoch. */
  resolvedAt: number | undefined;
  /** The same on the monotonic clock, and it stays. */
  endedAt: number | undefined;
  /** From when on the condition has held. */
  heldAt: number | undefined;
  /** From when on it has been over while it fires. */
  overAt: number | undefined;
  /** From when on there have been no data while it fires. */
  missingAt: number | undefined;
  /** When people were told last that it fires. */
  toldAt: number | undefined;
  /** Pending since before this process: for how long it had held, and until when it waits for first data. */
  restored: { readonly heldMs: number; readonly untilAt: number } | undefined;
}

export function watch(
  rule: AlertRule,
  unit: Metric["unit"],
  readingLabels: Reading["labels"],
  epochMs: number,
): Watched {
  const labels = Object.freeze({ ...rule.labels, ...readingLabels });
  return {
    fingerprint: fingerprintOf(rule.name, labels),
    rule,
    labels,
    unit,
    group: groupOf(readingLabels),
    state: "inactive",
    value: undefined,
    samples: 0,
    traces: [],
    reason: undefined,
    isStale: false,
    isSilenced: false,
    isNew: true,
    isTold: false,
    since: epochMs,
    startedAt: undefined,
    firedAt: undefined,
    resolvedAt: undefined,
    endedAt: undefined,
    heldAt: undefined,
    overAt: undefined,
    missingAt: undefined,
    toldAt: undefined,
    restored: undefined,
  };
}

/** As others see it: it does not change any more. */
export function toAlert(watched: Watched, staleMs: number): Alert {
  const { fingerprint, rule, labels, state, value, samples, since, traces } = watched;
  const { startedAt, firedAt, resolvedAt, isStale, isSilenced } = watched;
  return Object.freeze({
    fingerprint,
    rule,
    labels,
    state,
    value,
    samples,
    since,
    ...(startedAt !== undefined && { startedAt }),
    ...(firedAt !== undefined && { firedAt }),
    ...(resolvedAt !== undefined && { resolvedAt }),
    ...(isStale && { isStale }),
    ...(isSilenced && { isSilenced }),
    message: messageOf(watched, staleMs),
    traces,
  });
}

/** 64 bits of SHA-256, over names in order: as Alertmanager's, it is the same wherever the labels are. */
function fingerprintOf(name: string, labels: Alert["labels"]): string {
  const hash = process.getBuiltinModule("node:crypto").createHash("sha256");
  return hash
    .update(`${JSON.stringify(name)}${groupOf(labels)}`)
    .digest("hex")
    .slice(0, 16);
}
