/** `340 ms`, `45 s`, `12 min`, `2 h 05 min`, `3 d 4 h`. */
export function durationText(ms: number): string {
  if (ms >= 1 && ms < 999.5) return `${Math.round(ms)} ms`;
  const seconds = Math.round(Math.max(0, ms) / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10 && seconds % 60 !== 0) return `${minutes} min ${seconds % 60} s`;
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${String(minutes % 60).padStart(2, "0")} min`;
  return hours % 24 === 0 ? `${hours / 24} d` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** `2026-01-01 00:15:20 UTC`. What is no time a `Date` can hold is `unknown`. */
export function timeText(epochMs: number): string {
  const iso = isoText(epochMs);
  return iso === undefined ? "unknown" : `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`;
}

/** ISO 8601. */
export function isoText(epochMs: number): string | undefined {
  return Math.abs(epochMs) <= 8.64e15 ? new Date(epochMs).toISOString() : undefined;
}

/** `first`, `second`, … `11th`. */
export function ordinal(n: number): string {
  const words = ["first", "second", "third", "fourth", "fifth"];
  if (n >= 1 && n <= words.length) return words[n - 1] as string;
  const tail = n % 100 >= 11 && n % 100 <= 13 ? "th" : (["th", "st", "nd", "rd"][n % 10] ?? "th");
  return `${n}${tail}`;
}
