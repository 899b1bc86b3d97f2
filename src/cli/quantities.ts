import { count } from "../sinks/console-text.ts";
import { UsageError } from "./usage-error.ts";

const TIME_UNITS: { readonly [unit: string]: number } = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
};
const SIZE_UNITS: { readonly [unit: string]: number } = { "": 1, K: 1e3, M: 1e6, G: 1e9, T: 1e12 };

/** `90s`, `15m`, `24h`, `30d`, `2w` in milliseconds. @throws UsageError */
export function readDuration(option: string, written: string): number {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)([smhdw])$/.exec(written) ?? [];
  const ms = Number(amount) * TIME_UNITS[unit ?? ""]!;
  if (amount !== undefined && ms > 0) return ms;
  throw new UsageError(`--${option} takes a time such as 90s, 15m, 24h or 30d; it is "${written}".`);
}

/** `500MB`, `10GB`, `1048576` in bytes. @throws UsageError */
export function readSize(option: string, written: string): number {
  const [, amount, unit = ""] = /^(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?$/i.exec(written) ?? [];
  const bytes = Math.round(Number(amount) * SIZE_UNITS[unit.toUpperCase()]!);
  if (amount !== undefined && bytes > 0) return bytes;
  throw new UsageError(`--${option} takes a size such as 500MB or 10GB; it is "${written}".`);
}

/** A moment in microseconds: ISO 8601, or so long ago. @throws UsageError */
export function readMoment(option: string, written: string, nowMs: number): number {
  if (/^\d+(?:\.\d+)?[smhdw]$/.test(written)) return Math.round((nowMs - readDuration(option, written)) * 1_000);
  const ms = Date.parse(written);
  if (!Number.isNaN(ms)) return ms * 1_000;
  throw new UsageError(`--${option} takes a time such as 2026-11-22, 2026-11-22T09:30:00Z or 24h; it is "${written}".`);
}

/** @throws UsageError */
export function readAmount(option: string, written: string): number {
  const amount = Number(written);
  if (written.trim() !== "" && amount >= 0 && Number.isFinite(amount)) return amount;
  throw new UsageError(`--${option} takes a number from 0 on; it is "${written}".`);
}

/** @throws UsageError */
export function readCount(option: string, written: string, most: number = Number.MAX_SAFE_INTEGER): number {
  const amount = Number(written);
  if (/^\d+$/.test(written) && amount >= 1 && amount <= most) return amount;
  const upTo = most === Number.MAX_SAFE_INTEGER ? "1 on" : `1 to ${most}`;
  throw new UsageError(`--${option} takes a whole number from ${upTo}; it is "${written}".`);
}

/** 0: any that is free. @throws UsageError */
export function readPort(written: string): number {
  if (/^\d{1,5}$/.test(written) && Number(written) < 65_536) return Number(written);
  throw new UsageError(`--port takes a port from 0 to 65535; it is "${written}".`);
}

/** `1.2 GB`, `840 kB`, `17 B` */
export function bytesText(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  const units = ["kB", "MB", "GB", "TB"];
  let amount = bytes / 1_000;
  let unit = 0;
  while (amount >= 999.5 && unit < units.length - 1) {
    amount /= 1_000;
    unit++;
  }
  return `${amount < 9.95 ? amount.toFixed(1) : Math.round(amount)} ${units[unit]}`;
}

/** `2026-11-22 09:30:05` where the terminal is. */
export function timeText(us: number): string {
  const at = new Date(us / 1_000);
  const two = (n: number) => String(n).padStart(2, "0");
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** `1 trace`, `1,204 traces` */
export function many(n: number, what: string): string {
  return `${count(n)} ${what}${n === 1 ? "" : "s"}`;
}
