import { setTimeout as sleep } from "node:timers/promises";
import { clean, columns, count, duration, fit, padEnd, padStart } from "../../sinks/console-text.ts";
import type { TraceQuery, TraceStore, TraceSummary } from "../../store/trace-store.ts";
import { endUs, latestTraces, namedTraces } from "../changed-traces.ts";
import { type Command, command } from "../command.ts";
import { costText } from "../cost-text.ts";
import { FILTER_ARGS, projectOf, readFilters, SOURCE_ARGS, TIME_ARGS } from "../filters.ts";
import { follow } from "../followed.ts";
import { remark, write } from "../output.ts";
import { timeText } from "../quantities.ts";
import { untilTold } from "../signals.ts";
import { type Colors, colorsOf, widthOf } from "../terminal.ts";
import { UsageError } from "../usage-error.ts";
import { statusColor, statusText, tokensText } from "./list.ts";

const EVERY_MS = 500;
const LINES = 10;
/** A trace whose root does not come is told when nothing else has come for so long. */
const PATIENCE_MS = 5_000;
/** Where nobody can name what has changed: records of a trace may come so long after its end. */
const LATE_US = 60 * 1_000_000;
/** Traces that are remembered, so that none is told twice. */
const MOST_TOLD = 100_000;

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
    const followed = await follow(words, { token: args.token, ...projectOf(args) });
    const colors = colorsOf();
    const stop = new AbortController();
    void untilTold().then(() => stop.abort());
    const tell = async (traces: readonly TraceSummary[]) => {
      for (const trace of traces) await write(args.json ? `${JSON.stringify(trace)}\n` : lineOf(trace, colors));
    };
    try {
      const telling = new Telling(followed.store, query);
      for await (const _ of followed.changes()) if (stop.signal.aborted) return;
      const there = await telling.first(lines);
      await tell(there.slice(Math.max(0, there.length - lines)));
      if (process.stderr.isTTY) remark(colors.dim(`following ${followed.name}; Ctrl-C ends it`));
      while (!stop.signal.aborted) {
        await sleep(EVERY_MS, undefined, { signal: stop.signal }).catch(() => {});
        for await (const ids of followed.changes()) await tell(await telling.next(ids));
        await tell(await telling.waited());
      }
    } finally {
      await followed.close();
    }
  },
});

function readLines(written: string | undefined): number {
  if (written === undefined) return LINES;
  if (/^\d{1,4}$/.test(written)) return Number(written);
  throw new UsageError(`--lines takes a whole number from 0 to 9999; it is "${written}".`);
}

/** Knows what it has told, and tells what has ended since. */
class Telling {
  readonly #store: TraceStore;
  readonly #query: TraceQuery;
  readonly #told = new Map<string, string>();
  /** Ids of those whose root may yet come. */
  readonly #waiting = new Set<string>();

  constructor(store: TraceStore, query: TraceQuery) {
    this.#store = store;
    this.#query = query;
  }

  /** What is there already: the latest, and at least so many of them. */
  async first(lines: number): Promise<TraceSummary[]> {
    return this.#fresh(await latestTraces(this.#store, this.#query, Date.now() * 1_000 - LATE_US, lines));
  }

  /** @param ids of what has changed; `undefined` where nobody can say */
  async next(ids: ReadonlySet<string> | undefined): Promise<TraceSummary[]> {
    return ids === undefined ? this.first(0) : this.#fresh(await namedTraces(this.#store, this.#query, ids));
  }

  async waited(): Promise<TraceSummary[]> {
    return this.#waiting.size === 0 ? [] : this.next(new Set(this.#waiting));
  }

  /** Those that have ended and were not told as they are now, by their ends. */
  #fresh(traces: readonly TraceSummary[]): TraceSummary[] {
    const fresh = traces.filter((trace) => {
      const { traceId, status, spans, errors, isRootMissing } = trace;
      this.#waiting.delete(traceId);
      if (status === "open") return false;
      if (isRootMissing && Date.now() - endUs(trace) / 1_000 < PATIENCE_MS) {
        this.#waiting.add(traceId);
        return false;
      }
      const state = `${status} ${spans} ${errors}`;
      if (this.#told.get(traceId) === state) return false;
      this.#told.delete(traceId);
      this.#told.set(traceId, state);
      return true;
    });
    for (const traceId of this.#told.keys()) {
      if (this.#told.size <= MOST_TOLD) break;
      this.#told.delete(traceId);
    }
    return fresh.sort((a, b) => endUs(a) - endUs(b));
  }
}

function lineOf(trace: TraceSummary, colors: Colors): string {
  const width = widthOf();
  const { traceId, name, startUs, durationNs, userId = "", findings } = trace;
  const right = [duration(durationNs / 1e6), tokensText(trace) && `${tokensText(trace)} tok`, costText(trace)];
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
