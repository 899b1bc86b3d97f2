import { statSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { clean, columns, count, dollars, duration, fit, padEnd, padStart } from "../../sinks/console-text.ts";
import { memoryStore } from "../../store/memory-store.ts";
import type { TraceStore, TraceSummary } from "../../store/trace-store.ts";
import { type Command, command } from "../command.ts";
import { FILTER_ARGS, readFilters, SOURCE_ARGS, TIME_ARGS } from "../filters.ts";
import { followFiles } from "../follow-files.ts";
import { remark, write } from "../output.ts";
import { timeText } from "../quantities.ts";
import { untilTold } from "../signals.ts";
import { openSource, type Source, specOf, usualSource } from "../source.ts";
import { type Colors, colorsOf, widthOf } from "../terminal.ts";
import { UsageError } from "../usage-error.ts";
import { statusColor, statusText, tokensText } from "./list.ts";

const EVERY_MS = 500;
const LINES = 10;
/** Traces that are looked at each time; more that change within half a second are told the next time. */
const WINDOW = 200;
/** A trace whose root does not come is told when nothing else has come for so long. */
const PATIENCE_MS = 5_000;
/** Of a file that is followed, so much stays in memory. */
const KEPT_US = 15 * 60 * 1_000_000;

export const tail: Command = command({
  about:
    "Traces as they end, a line for each: of a file that a program writes, of a store, of a collector. Ctrl-C ends it.",
  takesMore: true,
  args: {
    source: { type: "positional", required: false, description: "as for list" },
    lines: { type: "string", valueHint: "count", description: `that are there already; default: ${LINES}` },
    ...TIME_ARGS,
    ...FILTER_ARGS,
    ...SOURCE_ARGS,
  },
  examples: [
    ["tail", "what the program here does"],
    ["tail http://127.0.0.1:4600 --status error", "what fails, of everyone"],
  ],
  async run({ args, words, all }) {
    const query = readFilters(args, all("metadata"));
    const lines = readLines(args.lines);
    const { source, update } = await openFollowed(words, args.token);
    const colors = colorsOf();
    const told = new Map<string, string>();
    let ended = false;
    const stop = new AbortController();
    void untilTold().then(() => {
      ended = true;
      stop.abort();
    });
    try {
      for (let isFirst = true; !ended; isFirst = false) {
        await update();
        const fresh = await changed(source.store, query, told);
        const shown = isFirst ? (lines === 0 ? [] : fresh.slice(-lines)) : fresh;
        for (const trace of shown) await write(args.json ? `${JSON.stringify(trace)}\n` : lineOf(trace, colors));
        if (isFirst && process.stderr.isTTY) remark(colors.dim(`following ${source.store.name}; Ctrl-C ends it`));
        await sleep(EVERY_MS, undefined, { signal: stop.signal }).catch(() => {});
      }
    } finally {
      await source.close();
    }
  },
});

function readLines(written: string | undefined): number {
  if (written === undefined) return LINES;
  if (/^\d{1,4}$/.test(written)) return Number(written);
  throw new UsageError(`--lines takes a whole number from 0 to 9999; it is "${written}".`);
}

/** Files are read as they grow; what is asked for elsewhere is there anyway. */
async function openFollowed(
  words: readonly string[],
  token: string | undefined,
): Promise<{ source: Source; update: () => Promise<void> }> {
  const named = words.length === 0 ? [usualSource()] : words;
  // A file that a program is about to write is worth waiting for.
  const [first = ""] = named;
  const isAwaited = named.length === 1 && /\.(?:nd)?jsonl?$/.test(first) && isFolder(dirname(resolve(first)));
  const spec = isAwaited && !isThere(first) ? { kind: "files" as const, paths: named } : specOf(named);
  if (spec.kind !== "files") return { source: await openSource(named, { token }), update: async () => {} };
  const name = spec.paths.length === 1 ? basename(spec.paths[0]!) : `${spec.paths.length} files`;
  const store = memoryStore({ name });
  const files = followFiles(spec.paths);
  const update = async () => {
    for await (const records of files.read()) await store.append(records);
    const { newestUs } = await store.stats();
    if (newestUs !== undefined) await store.prune({ beforeUs: newestUs - KEPT_US });
  };
  return { source: { store, name, close: () => store.close() }, update };
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** Ended traces that have not been told as they are now, the oldest first. */
async function changed(store: TraceStore, query: object, told: Map<string, string>): Promise<TraceSummary[]> {
  const { items } = await store.traces({ ...query, limit: WINDOW });
  const fresh = items.filter((trace) => {
    const { traceId, status, spans, errors, isRootMissing, startUs, durationNs } = trace;
    if (status === "open") return false;
    const endedMs = startUs / 1_000 + durationNs / 1e6;
    if (isRootMissing && Date.now() - endedMs < PATIENCE_MS) return false;
    const state = `${status} ${spans} ${errors}`;
    const isNew = told.get(traceId) !== state;
    told.set(traceId, state);
    return isNew;
  });
  // Older than the window, they do not come again.
  for (const traceId of told.keys()) {
    if (told.size <= 10 * WINDOW) break;
    told.delete(traceId);
  }
  return fresh.reverse();
}

function lineOf(trace: TraceSummary, colors: Colors): string {
  const width = widthOf();
  const { traceId, name, startUs, durationNs, costUsd, userId = "", findings } = trace;
  const right = [
    duration(durationNs / 1e6),
    tokensText(trace) && `${tokensText(trace)} tok`,
    costUsd === undefined ? "" : dollars(costUsd),
  ];
  const cells = [9, 10, 9].map((wide, i) => padStart(right[i]!, wide)).slice(0, width < 80 ? 1 : 3);
  const time = timeText(startUs).slice(11);
  const state = padEnd(fit(statusText(trace), 9), 9);
  const id = width < 100 ? traceId.slice(0, 12) : traceId;
  const flag = findings === undefined ? "" : ` ⚑ ${count(findings.count)}`;
  const used = time.length + 1 + 9 + 1 + 1 + columns(cells.join(" ")) + 2 + id.length + columns(flag);
  const about = fit(clean(userId === "" ? name : `${name} · ${userId}`), Math.max(8, width - used));
  const room = Math.max(8, width - used);
  return `${colors.dim(time)} ${statusColor(colors, trace)(state)} ${padEnd(about, room)} ${cells.join(" ")}  ${colors.cyan(id)}${colors.yellow(flag)}\n`;
}
