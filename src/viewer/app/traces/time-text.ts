import type { TimeRange } from "./time-range.ts";

const UNITS: { readonly [unit: string]: string } = { m: "min", h: "h", d: "d", w: "wk" };
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** `Last 24 h`. */
export function stretchText(last: string): string {
  return `Last ${last.slice(0, -1)} ${UNITS[last.at(-1) as string] ?? ""}`;
}

/** What the picker's button says. */
export function rangeText({ last, fromUs, toUs }: TimeRange): string {
  if (last !== undefined) return stretchText(last);
  if (fromUs === undefined && toUs === undefined) return "All time";
  if (fromUs === undefined) return `Until ${momentText(toUs as number)}`;
  if (toUs === undefined) return `Since ${momentText(fromUs)}`;
  const isOneDay = dayText(fromUs) === dayText(toUs);
  return `${momentText(fromUs)} – ${isOneDay ? timeText(toUs) : momentText(toUs)}`;
}

/** `22 Nov 14:03`, in the browser's time zone; seconds where they are not zero. */
export function momentText(us: number): string {
  return `${dayText(us)} ${timeText(us)}`;
}

/** `22 Nov`. */
export function dayText(us: number): string {
  const date = new Date(us / 1_000);
  return `${date.getDate()} ${MONTHS[date.getMonth()]}`;
}

/** `14:03`, `14:03:20`. */
export function timeText(us: number): string {
  const date = new Date(us / 1_000);
  const two = (value: number): string => String(value).padStart(2, "0");
  const seconds = date.getSeconds() === 0 ? "" : `:${two(date.getSeconds())}`;
  return `${two(date.getHours())}:${two(date.getMinutes())}${seconds}`;
}
