import { isObject } from "../../semconv/messages.ts";
import type { Metric } from "../reading.ts";
import type { AlertRule } from "./alert.ts";
import { isReading } from "./check-reading.ts";
import type { Now } from "./step.ts";
import { type Watched, watch } from "./watched.ts";

/** Flapping around a threshold is told every five minutes at most: the course's figure. */
const COOLDOWN_MS = 300_000;

/** What of an alert the next process must know. Plain JSON. */
export function toSaved(watched: Watched, now: Now): object | undefined {
  const { rule, unit, group, state, value, samples, traces, isTold } = watched;
  const { since, startedAt, firedAt, resolvedAt } = watched;
  const cooldownMs = cooldownLeft(watched, now);
  if (state !== "pending" && state !== "firing" && cooldownMs <= 0) return undefined;
  const ago = (at: number | undefined) => (at === undefined ? undefined : now.monotonicMs - at);
  const heldMs = watched.restored?.heldMs ?? ago(watched.heldAt);
  const times = { since, startedAt, firedAt, resolvedAt };
  const lasting = { heldMs, missingMs: ago(watched.missingAt), cooldownMs };
  return { rule, unit, group, state, value, samples, traces, isTold, ...times, ...lasting };
}

/** For how long it is not told again. */
export function cooldownLeft({ toldAt, rule }: Watched, { monotonicMs }: Now): number {
  return toldAt === undefined ? 0 : toldAt + (rule.cooldownMs ?? COOLDOWN_MS) - monotonicMs;
}

/**
 * An alert of an earlier process, `gapMs` after it was saved. One that fires goes on under the rule as it is now, as long as
 * that is about the same metric and labels; otherwise it is an orphan, and over. One that is pending goes on after a gap of
 * at most its window: for how long the condition had held is kept, the gap does not count, and for another window it waits
 * for data, as a new process has none. After that, and for an orphan, it is forgotten.
 */
export function fromSaved(
  saved: unknown,
  rules: readonly { readonly rule: AlertRule; readonly metric: Metric }[],
  gapMs: number,
  now: Now,
): { readonly watched: Watched; readonly isOrphan: boolean } | undefined {
  if (!isObject(saved)) return undefined;
  const { rule: before, unit, group, heldMs = 0, missingMs, cooldownMs } = saved as any;
  const { state, value, samples, traces, isTold, since, startedAt, firedAt, resolvedAt } = saved as any;
  const figures = { state, value, samples, traces, isTold, since, startedAt, firedAt, resolvedAt };
  const readingLabels = Object.fromEntries(JSON.parse(group));
  if (!isReading({ value, samples, traces, labels: readingLabels })) return undefined;
  const found = rules.find(({ rule }) => rule.name === before.name && isSameSubject(rule, before));
  const rule = found?.rule ?? (Object.freeze(before) as AlertRule);
  const watched = watch(rule, found?.metric.unit ?? unit, readingLabels, now.epochMs);
  const isOrphan = found === undefined;
  const lastingAt = (ms: number | undefined) => (ms === undefined ? undefined : now.monotonicMs - ms);
  if (cooldownMs > 0) {
    const { cooldownMs: whole = COOLDOWN_MS } = rule;
    watched.toldAt = now.monotonicMs - (whole - Math.min(cooldownMs - gapMs, whole));
  }
  const windowMs = rule.widenToMs ?? rule.windowMs;
  if (state === "firing") {
    Object.assign(watched, figures, { isStale: true, missingAt: lastingAt(missingMs) });
  } else if (isOrphan) {
    return undefined;
  } else if (state === "pending" && gapMs <= windowMs) {
    Object.assign(watched, figures, { restored: { heldMs, untilAt: now.monotonicMs + windowMs } });
  } else if (watched.toldAt === undefined) {
    return undefined;
  }
  return { watched, isOrphan };
}

/** Its labels make the fingerprint: with others it is another alert. */
function isSameSubject(rule: AlertRule, before: AlertRule): boolean {
  const subject = ({ metric, comparison, by, where, labels }: AlertRule) =>
    JSON.stringify([metric, comparison.slice(0, 1), by ?? null, where ?? null, Object.entries(labels ?? {}).sort()]);
  return subject(rule) === subject(before);
}
