import { count, duration, fit } from "../sinks/console-text.ts";
import { bytesText } from "./quantities.ts";
import { hasColors, widthOf } from "./terminal.ts";

export interface Step {
  /** From 0 to 1; absent where the end is not known. */
  readonly share?: number;
  readonly text: string;
}

/** A line on stderr that is written over on a terminal; elsewhere there is none. */
export interface Progress {
  show(step: Step): void;
  /** Takes the line away. */
  clear(): void;
}

const EVERY_MS = 80;
const BAR = 24;

export function progress(): Progress {
  const { stderr } = process;
  let last = Number.NEGATIVE_INFINITY;
  let isShown = false;
  const clear = () => {
    if (isShown) stderr.write("\r\x1b[K");
    isShown = false;
  };
  return {
    show({ share, text }) {
      const now = performance.now();
      if (stderr.isTTY !== true || now - last < EVERY_MS) return;
      last = now;
      const full = share === undefined ? undefined : Math.round(Math.min(1, Math.max(0, share)) * BAR);
      const bar = full === undefined ? "" : `${paint("━".repeat(full), 36)}${paint("─".repeat(BAR - full), 2)} `;
      const percent = share === undefined ? "" : `${String(Math.floor(share * 100)).padStart(3)}%  `;
      const room = widthOf(stderr) - (full === undefined ? 0 : BAR + 1) - 1;
      stderr.write(`\r${bar}${fit(percent + text, room)}\x1b[K`);
      isShown = true;
    },
    clear,
  };
}

function paint(text: string, style: number): string {
  return hasColors(process.stderr) && text !== "" ? `\x1b[${style}m${text}\x1b[0m` : text;
}

/** `12.3 of 200 MB, 12,000 records, 4.2s` */
export function readingText(
  { bytes, totalBytes, records }: { readonly bytes: number; readonly totalBytes: number; readonly records: number },
  startedMs: number,
): string {
  const taken = duration(performance.now() - startedMs);
  return `${bytesText(bytes)} of ${bytesText(totalBytes)}, ${count(records)} records, ${taken}`;
}
