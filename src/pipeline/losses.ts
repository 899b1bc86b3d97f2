import { grouped } from "../core/grouped.ts";
import { oneLine } from "../core/one-line.ts";
import type { LaneStats } from "../core/runtime.ts";
import { lossesSince } from "./ledger.ts";

/** Longer errors are cut: the line is read on a terminal. */
const MAX_ERROR_LENGTH = 300;

/**
 * What was lost since the last call, for all sinks in one line, or `undefined`:
 * `12 of 1,000 records for "http:host" were lost (exit 12); last error: …`.
 *
 * @param mask takes credentials out of texts that sinks of others may have written
 */
export function createLosses(
  stats: () => { readonly [sink: string]: LaneStats },
  mask: (text: string) => string,
): () => string | undefined {
  let told = new Map<string, LaneStats>();
  return () => {
    const now = Object.entries(stats());
    const texts = now.flatMap(([name, lane]) => lossText(name, lane, told.get(name)) ?? []);
    told = new Map(now);
    return texts.length === 0 ? undefined : mask(texts.join(". "));
  };
}

/** One line on standard error, written before this returns, as the process may have no other moment. */
export function sayLosses(sources: Iterable<{ losses(): string | undefined }>): void {
  const texts = [...sources].flatMap(({ losses }) => losses() ?? []);
  if (texts.length > 0) say(texts.join(". "));
}

/** One line on standard error. Never throws. */
export function say(line: string): void {
  try {
    process.getBuiltinModule("node:fs").writeSync(2, `sightline: ${line}\n`);
  } catch {
    // Nobody reads (EPIPE), or the pipe is full (EAGAIN).
  }
}

function lossText(name: string, now: LaneStats, before: LaneStats | undefined): string | undefined {
  const { count, reasons } = lossesSince(now, before);
  if (count === 0) return undefined;
  const all = grouped(now.emitted + now.replayed);
  const text = `${grouped(count)} of ${all} records for "${name}" were lost (${reasons})`;
  return now.lastError === undefined ? text : `${text}; last error: ${oneLine(now.lastError, MAX_ERROR_LENGTH)}`;
}
