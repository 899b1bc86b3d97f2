/** How long a limit counts before it begins anew. */
export type Per = "hour" | "day" | "month";

export const PERS: readonly Per[] = ["hour", "day", "month"];

/** A stretch of wall time: `2026-03-29T02+02:00`, `2026-03-29`, `2026-03`. */
export interface Period {
  readonly key: string;
  readonly startMs: number;
  /** The first millisecond that is no more in it. */
  readonly endMs: number;
}

const HOUR_MS = 3_600_000;
/** Longer than any period of the kind: a day with a change of the clocks has up to 25 hours. */
const LONGER_MS: { readonly [per in Per]: number } = {
  hour: 1.1 * HOUR_MS,
  day: 26 * HOUR_MS,
  month: 32 * 24 * HOUR_MS,
};
/** What a key has of `2026-03-29T02:31:07`. */
const KEY_LENGTH: { readonly [per in Per]: number } = { hour: 13, day: 10, month: 7 };
/** From here on, ISO 8601 has years of six digits. */
const LAST_MS = Date.UTC(9999, 11, 31);

/**
 * Tells in which period a moment of wall time is. Days and months are those of the time zone, so that a day has 23 or 25
 * hours where clocks are changed. An hour is an hour, and the one that comes twice is two periods; but where clocks are changed
 * by half an hour, on Lord Howe Island alone, two periods a year have half an hour, and the full limit.
 *
 * @throws RangeError for a time zone that is not known
 */
export function calendar(per: Per, timeZone: string): (epochMs: number) => Period {
  const offsetAt = offsets(timeZone);
  const keyAt = (ms: number): string => {
    const offsetMs = offsetAt(ms);
    const key = new Date(ms + offsetMs).toISOString().slice(0, KEY_LENGTH[per]);
    return per === "hour" ? key + offsetText(offsetMs) : key;
  };
  let last: Period = { key: "", startMs: 0, endMs: 0 };
  return (epochMs) => {
    if (epochMs >= last.startMs && epochMs < last.endMs) return last;
    const ms = Math.floor(Math.min(Math.max(0, epochMs), LAST_MS));
    const key = keyAt(ms);
    const isOther = (at: number): boolean => keyAt(at) !== key;
    last = {
      key,
      startMs: edge(ms - LONGER_MS[per], ms, (at) => !isOther(at)),
      endMs: edge(ms, ms + LONGER_MS[per], isOther),
    };
    return last;
  };
}

/** The first millisecond in `(low, high]` of which `isPast` says yes; it says no of `low` and yes of `high`. */
function edge(low: number, high: number, isPast: (ms: number) => boolean): number {
  let [before, after] = [low, high];
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (isPast(middle)) after = middle;
    else before = middle;
  }
  return after;
}

/** How far the local time is ahead of UTC, in milliseconds. `Intl` takes 30 ms to start, which UTC does not need. */
function offsets(timeZone: string): (epochMs: number) => number {
  if (timeZone === "UTC") return () => 0;
  const format = new Intl.DateTimeFormat("en", {
    timeZone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  return (epochMs) => {
    const at: { [type: string]: number } = {};
    for (const { type, value } of format.formatToParts(epochMs)) at[type] = Number(value);
    const localMs = Date.UTC(at["year"]!, at["month"]! - 1, at["day"], at["hour"], at["minute"], at["second"]);
    return localMs - Math.floor(epochMs / 1000) * 1000;
  };
}

/** `Z`, `+02:00`, `-03:30`. */
function offsetText(offsetMs: number): string {
  if (offsetMs === 0) return "Z";
  const minutes = Math.abs(Math.round(offsetMs / 60_000));
  const pad = (n: number): string => String(n).padStart(2, "0");
  return `${offsetMs < 0 ? "-" : "+"}${pad(Math.floor(minutes / 60))}:${pad(minutes % 60)}`;
}
