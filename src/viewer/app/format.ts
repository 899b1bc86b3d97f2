/** Figures and times as people read them. Everything is plain text; a missing figure is `–`. */
import type { TraceSummary } from "../../store/trace-store.ts";

export const NONE = "–";

const MINUTE = 60e9;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Nanoseconds: `840 ns`, `12.3 µs`, `412 ms`, `6.21 s`, `4 m 02 s`, `3 h 12 m`, `2 d 4 h`. */
export function duration(ns: number | undefined): string {
  if (ns === undefined || !Number.isFinite(ns)) return NONE;
  if (ns < 0) return `-${duration(-ns)}`;
  if (ns === 0) return "0 ms";
  // What would be rounded up to the next unit belongs there.
  if (ns < 999.5) return `${Math.round(ns)} ns`;
  if (ns < 999.5e3) return `${three(ns / 1e3)} µs`;
  if (ns < 999.5e6) return `${three(ns / 1e6)} ms`;
  if (ns < 59.95e9) return `${three(ns / 1e9)} s`;
  if (ns < HOUR - 0.5e9) {
    const seconds = Math.round(ns / 1e9);
    return `${Math.floor(seconds / 60)} m ${two(seconds % 60)} s`;
  }
  if (ns < DAY - MINUTE / 2) {
    const minutes = Math.round(ns / MINUTE);
    return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} m`;
  }
  const hours = Math.round(ns / HOUR);
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** `1,204`; with grouping whatever the browser's language, as all else here is English. */
export function integer(n: number | undefined): string {
  return n === undefined ? NONE : INTEGER.format(n);
}

/** Short: `412`, `12.4k`, `1.24M`, `3.1B`. For tokens and counts. */
export function compact(n: number | undefined): string {
  if (n === undefined || !Number.isFinite(n)) return NONE;
  const size = Math.abs(n);
  if (size < 999.5) return String(Math.round(n * 10) / 10).replace(/\.0$/, "");
  if (size < 999.5e3) return `${three(n / 1e3)}k`;
  if (size < 999.5e6) return `${three(n / 1e6)}M`;
  return `${three(n / 1e9)}B`;
}

/** `1,204 tokens` at a glance: `1.2k`. */
export const tokens: (n: number | undefined) => string = compact;

/** `$0`, `<$0.0001`, `$0.0012`, `$0.123`, `$1.23`, `$1,234`, `$12.3k`. */
export function usd(amount: number | undefined): string {
  if (amount === undefined || !Number.isFinite(amount)) return NONE;
  if (amount < 0) return `-${usd(-amount)}`;
  if (amount === 0) return "$0";
  if (amount < 0.00005) return "<$0.0001";
  if (amount < 0.09995) return `$${amount.toFixed(4)}`;
  if (amount < 0.9995) return `$${amount.toFixed(3)}`;
  if (amount < 999.995) return `$${amount.toFixed(2)}`;
  if (amount < 9_999.5) return `$${INTEGER.format(Math.round(amount))}`;
  return `$${compact(amount)}`;
}

/** What something cost; at least so much where some of it has no price. */
export function costText({ costUsd, unpriced }: Pick<TraceSummary, "costUsd" | "unpriced">): string {
  return `${unpriced && costUsd !== undefined ? "≥ " : ""}${usd(costUsd)}`;
}

/** Decimal units: `812 B`, `1.2 kB`, `20.4 MB`. */
export function bytes(n: number | undefined): string {
  if (n === undefined || !Number.isFinite(n)) return NONE;
  if (n < 999.5) return `${Math.round(n)} B`;
  if (n < 999.5e3) return `${three(n / 1e3)} kB`;
  if (n < 999.5e6) return `${three(n / 1e6)} MB`;
  return `${three(n / 1e9)} GB`;
}

/** A share of one: `12.3%`, `<0.1%`. */
export function percent(share: number | undefined): string {
  if (share === undefined || !Number.isFinite(share)) return NONE;
  if (share > 0 && share < 0.0005) return "<0.1%";
  const value = share * 100;
  return `${value >= 99.95 || value === 0 ? Math.round(value) : value.toFixed(1)}%`;
}

/** `1 span`, `2 spans`, `1,204 spans`. */
export function plural(n: number, one: string, many: string = `${one}s`): string {
  return `${integer(n)} ${n === 1 ? one : many}`;
}

/** How long ago: `just now`, `12 s ago`, `3 min ago`, `5 h ago`, `2 d ago`, then the date. Microseconds. */
export function relativeTime(us: number | undefined, nowUs: number = Date.now() * 1000): string {
  if (us === undefined) return NONE;
  const seconds = (nowUs - us) / 1e6;
  if (seconds < -60) return dateTime(us);
  if (seconds < 5) return "just now";
  if (seconds < 60) return `${Math.floor(seconds)} s ago`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h ago`;
  if (seconds < 7 * 86_400) return `${Math.floor(seconds / 86_400)} d ago`;
  return day(us);
}

/** `2026-11-22 02:03:42`, in the browser's time zone. */
export function dateTime(us: number | undefined): string {
  if (us === undefined) return NONE;
  const date = new Date(us / 1000);
  return `${day(us)} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** `2026-11-22 02:03:42.123456`: as exact as it is known. */
export function exactTime(us: number | undefined): string {
  if (us === undefined) return NONE;
  return `${dateTime(us)}.${String(Math.floor(us % 1e6)).padStart(6, "0")}`;
}

/** `2026-11-22`. */
export function day(us: number): string {
  const date = new Date(us / 1000);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** `02:03:42`. */
export function clock(us: number): string {
  return dateTime(us).slice(-8);
}

/** An id as it fits a line: `0af76519…319c`. */
export function shortId(id: string): string {
  return id.length <= 13 ? id : `${id.slice(0, 8)}…${id.slice(-4)}`;
}

const INTEGER = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/** Three digits: `1.23`, `12.3`, `123`. */
function three(n: number): string {
  const size = Math.abs(n);
  if (size < 9.995) return trimmed(n.toFixed(2));
  if (size < 99.95) return trimmed(n.toFixed(1));
  return n.toFixed(0);
}

function trimmed(text: string): string {
  return text.replace(/\.?0+$/, "");
}

function two(n: number): string {
  return String(n).padStart(2, "0");
}
