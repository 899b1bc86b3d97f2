import { guard } from "./guard.ts";

/** The two times that Sightline reads. Injectable: `configure({ clock })`, `fakeClock()` from `sightline/testing`. */
export interface Clock {
  /** Wall time, milliseconds since 1970. May jump. */
  epochMs(): number;
  /** Never goes back; only differences mean anything. */
  monotonicMs(): number;
}

/** Bound at the first call: the first touch of `performance` loads `perf_hooks`, 1 ms. Bound, a call takes 30 ns less. */
let monotonicMs = (): number => {
  monotonicMs = performance.now.bind(performance);
  return monotonicMs();
};

export const systemClock: Clock = {
  epochMs: Date.now,
  monotonicMs: () => monotonicMs(),
};

/** The times that a `Date` can hold from 1970 on. */
const MAX_MS = 8.64e15;

function isTime(ms: unknown): ms is number {
  return typeof ms === "number" && ms >= 0 && ms <= MAX_MS;
}

/**
 * A clock of the user's, made safe: where it throws, says what is no time, or lets the monotonic time go back, the
 * system's own time goes on from its last good reading.
 */
export function checkedClock(clock: Clock): Clock {
  const read = (name: keyof Clock): number =>
    guard(() => {
      const ms: unknown = clock[name]();
      if (!isTime(ms)) throw new TypeError(`clock.${name}() gave ${typeof ms === "number" ? ms : `a ${typeof ms}`}`);
      return ms;
    }, Number.NaN);
  let last = 0;
  let ahead = 0;
  let lastSystemMs = systemClock.monotonicMs();
  return {
    epochMs() {
      const ms = read("epochMs");
      return Number.isNaN(ms) ? Date.now() : ms;
    },
    monotonicMs() {
      const systemMs = systemClock.monotonicMs();
      const ms = read("monotonicMs");
      if (Number.isNaN(ms)) last += systemMs - lastSystemMs;
      else {
        ahead = Math.max(ahead, last - ms);
        last = ms + ahead;
      }
      lastSystemMs = systemMs;
      return last;
    },
  };
}

/** Epoch milliseconds (fractions allowed) to epoch nanoseconds in decimal. Split in two, as the product exceeds 2^53. */
export function toNanos(epochMs: number): string {
  const whole = Math.floor(epochMs);
  const nanos = Math.round((epochMs - whole) * 1e6);
  if (nanos === 1_000_000) return `${whole + 1}000000`;
  return `${whole}${nanos === 0 ? "000000" : String(nanos).padStart(6, "0")}`;
}

/** Epoch nanoseconds in decimal to epoch milliseconds with fractions. */
export function toMillis(nanos: string): number {
  return Number(nanos.slice(0, -6)) + Number(nanos.slice(-6)) / 1e6;
}

/** A moment as people write it: `Date`, epoch milliseconds, epoch nanoseconds (`bigint`, or 16 digits and more), ISO 8601. */
export type TimeInput = Date | number | bigint | string;

/** The moment in epoch milliseconds, or `undefined` when it is no time at all. */
export function toEpochMs(time: TimeInput | undefined): number | undefined {
  if (time === undefined) return undefined;
  let ms: unknown;
  if (typeof time === "number") ms = time;
  else if (typeof time === "bigint") ms = toMillis(time.toString().padStart(7, "0"));
  else if (typeof time === "string") ms = /^\d{16,}$/.test(time) ? toMillis(time) : Date.parse(time);
  else if (typeof time === "object" && time !== null) ms = millisOf(time);
  return isTime(ms) ? ms : undefined;
}

function millisOf(time: object): number {
  return guard(() => Number(time), Number.NaN);
}
