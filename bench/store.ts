/**
 * What do a store's answers cost on many spans, and what does it cost to keep them? Spans have 2 KB of input and 500 B
 * of output. One engine a process; CPU time is that of all threads of this process (a server's own is not in it).
 *
 *     npm run bench:store -- sqlite 1000000 [--keep=traces.db] [--batch=4000] [--json]
 *     npm run bench:store -- clickhouse 1000000 --url=http://127.0.0.1:8123
 *
 * `--keep` leaves the file there; one that has the spans already is only asked. Spans are made by another process.
 *
 * On a busy machine CPU time is longer. `calibration` is how long a span of a fixed chunk of 32 takes to be compressed (zlib's
 * deflate of level 1), before, between and after: the machine of the reference took 22 µs. Figures "at 22" are
 * divided by that. `event loop with nothing to do` is how long the machine itself keeps the process waiting.
 */
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { sqliteStore } from "../src/store/sqlite/index.ts";
import type { TraceStore } from "../src/store/trace-store.ts";
import {
  BLOCK_SPANS,
  BLOCK_US,
  DATA_FEATURES,
  DATA_MODELS,
  DATA_START_US,
  userOf,
  wordOf,
} from "../test/store/support/data.ts";
import { calibrator, REFERENCE_US } from "./lib/calibrator.ts";
import { spansProcess } from "./store-spans.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    keep: { type: "string" },
    batch: { type: "string", default: "4000" },
    url: { type: "string", default: "http://127.0.0.1:8123" },
    driver: { type: "string" },
    json: { type: "boolean", default: false },
  },
});
const [engine = "sqlite", size = "200000"] = positionals;
const spans = Number(size);
const batch = Number(values.batch);
const SEED = 1;
const HOUR_US = 3_600_000_000;
const RUNS = 21;

const directory = mkdtempSync(join(tmpdir(), "sightline-bench-"));
const path = values.keep ?? join(directory, "traces.db");
const isThere = existsSync(path);
const generator = spansProcess();
const calibration = calibrator(await generator.make({ seed: SEED, from: 0, to: 32 }));
const calibrations: number[] = [];
/** What spans and traces in the middle are asked for by. */
const sample = await sampleOf(Math.floor(spans / 2));
const store = await open();
const figures: { [name: string]: number | string } = { engine, spans };
let peakRss = 0;
const watch = setInterval(() => {
  peakRss = Math.max(peakRss, process.memoryUsage.rss());
}, 100);

try {
  calibrate();
  calibrations.length = 0;
  await store.stats();
  await idle();
  if (!isThere) await fill();
  await asked("idle");
  await whileIngesting();
  figures["RSS MB"] = round(peakRss / 1e6);
  figures["calibration µs (22)"] = calibrations.map(round).join(" ");
} finally {
  generator.stop();
  clearInterval(watch);
  await store.close();
  rmSync(directory, { recursive: true });
}
if (values.json) console.log(JSON.stringify(figures));
else for (const [name, figure] of Object.entries(figures)) console.log(`${name}: ${figure}`);

async function open(): Promise<TraceStore> {
  if (engine === "sqlite")
    return sqliteStore({ path, ...(values.driver && { driver: values.driver as "node:sqlite" }) });
  const { clickHouseStore } = await import(`../src/store/${engine}/index.ts`);
  return clickHouseStore({ url: values.url });
}

/** Kept for the answer. */
function calibrate(): number {
  const unit = calibration();
  calibrations.push(unit);
  return unit;
}

/** How long the machine makes a process wait that does nothing. */
async function idle(): Promise<void> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  await sleep(3_000);
  delay.disable();
  figures["event loop with nothing to do ms"] =
    `p99 ${round(delay.percentile(99) / 1e6)}, most ${round(delay.max / 1e6)}`;
}

async function fill(): Promise<void> {
  let [cpu, atReference, wall, worst] = [0, 0, 0, 0];
  const blocked: number[] = [];
  for (let from = 0; from < spans; from += batch) {
    const records = await generator.make({ seed: SEED, from, to: Math.min(spans, from + batch) });
    const unit = calibrate();
    // One for each: a monitor that is enabled again counts the pause too.
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const [before, start] = [process.cpuUsage(), performance.now()];
    await store.append(records);
    const took = performance.now() - start;
    const { user, system } = process.cpuUsage(before);
    delay.disable();
    blocked.push(delay.max / 1e6);
    cpu += user + system;
    atReference += ((user + system) * REFERENCE_US) / unit;
    wall += took;
    worst = Math.max(worst, took);
  }
  figures["ingest CPU µs/span"] = `${round(cpu / spans)}, at 22: ${round(atReference / spans)}`;
  figures["ingest spans/s"] = Math.round((spans / wall) * 1_000);
  figures["ingest worst batch ms"] = round(worst);
  const [usual, most] = [quantile(blocked, 0.5), Math.max(...blocked)];
  figures["ingest event loop blocked ms"] = `in a batch at most ${round(usual)} (median), ${round(most)} (worst)`;
  calibrations.splice(0, calibrations.length, quantile(calibrations, 0.5));
  if (engine === "sqlite") {
    const bytes = ["", "-wal"].map((end) => statSync(path + end, { throwIfNoEntry: false })?.size ?? 0);
    figures["disk MB"] = `${round(bytes[0]! / 1e6)}, log ${round(bytes[1]! / 1e6)}`;
    figures["disk GB per million, without the log"] = round(bytes[0]! / 1e2 / spans) / 10;
  }
}

interface Sample {
  readonly traceId: string;
  readonly spanId: string;
  readonly sessionId: string;
  readonly metadata: readonly (readonly [string, string])[];
}

/** Few fields of the spans of a block: a store's process would not hold them either. */
async function sampleOf(from: number): Promise<Sample[]> {
  const all: Sample[] = [];
  const first = Math.floor(from / BLOCK_SPANS) * BLOCK_SPANS;
  for (let at = first; at < first + BLOCK_SPANS; at += 1_000) {
    for (const { traceId, spanId, trace } of await generator.make({ seed: SEED, from: at, to: at + 1_000 })) {
      const metadata = Object.entries(trace.metadata ?? {}).map(([key, value]) => [key, String(value)] as const);
      all.push({ traceId, spanId, sessionId: trace.sessionId ?? "none", metadata });
    }
  }
  return all;
}

/** The kinds of question, each with other parameters every time. */
function questions(): { readonly [name: string]: (i: number) => Promise<unknown> } {
  const end = DATA_START_US + (spans / 10_000) * BLOCK_US;
  const day = { fromUs: Math.max(DATA_START_US, end - 24 * HOUR_US), toUs: end };
  const counts = new Map<string, number>();
  for (const { traceId } of sample) counts.set(traceId, (counts.get(traceId) ?? 0) + 1);
  const large = [...counts].filter(([, count]) => count === 200).map(([traceId]) => traceId);
  const keys = sample[0]!.metadata;
  const of = <T>(all: readonly T[], i: number): T => all[i % all.length]!;
  return {
    "list newest": () => store.traces(),
    "list by user": (i) => store.traces({ userId: userOf(i * 37) }),
    "list by session": (i) => store.traces({ sessionId: of(sample, i * 97).sessionId }),
    "list by model, 6 h": (i) =>
      store.traces({ model: of(DATA_MODELS, i), fromUs: end - 12 * HOUR_US, toUs: end - 6 * HOUR_US }),
    "list by status and feature": (i) => store.traces({ status: "error", feature: of(DATA_FEATURES, i) }),
    "list by metadata": (i) => store.traces({ metadata: { [of(keys, i)[0]]: of(keys, i)[1] } }),
    "list, five filters": (i) =>
      store.traces({
        status: "ok",
        feature: of(DATA_FEATURES, i),
        model: of(DATA_MODELS, i + 1),
        minDurationMs: 100,
        ...day,
      }),
    "list by cost": () => store.traces({ minCostUsd: 1 }),
    "list, later page": async () => store.traces({ after: (await store.traces({ limit: 500 })).next! }),
    sessions: () => store.sessions(),
    "trace of 200 spans": (i) => store.spans(of(large, i), { limit: 200 }),
    "one payload": (i) => store.span(of(sample, i * 101).traceId, of(sample, i * 101).spanId),
    "text, rare word": (i) => store.traces({ text: wordOf(19_000 + i * 13) }),
    "text, two words": (i) => store.traces({ text: `${wordOf(500 + i)} ${wordOf(900 + i)}` }),
    "text, frequent word": (i) => store.traces({ text: wordOf(i) }),
    "text and user": (i) => store.traces({ text: wordOf(i), userId: userOf(i) }),
    "cost by feature, team, model, 24 h": () => store.aggregate({ ...day, groupBy: ["feature", "team", "model"] }),
    "cost by feature, team, model, all": () => store.aggregate({ groupBy: ["feature", "team", "model"] }),
    "cost by model per hour, all": () => store.aggregate({ groupBy: ["model"], bucketUs: HOUR_US }),
    "errors by name, 24 h": () => store.aggregate({ ...day, of: "spans", groupBy: ["name", "status"] }),
    "cost by user, 24 h": () => store.aggregate({ ...day, groupBy: ["userId"] }),
    "percentiles by model per 5 min, 24 h": () =>
      store.aggregate({ ...day, groupBy: ["model"], bucketUs: HOUR_US / 12, percentiles: true }),
    values: (i) => store.values({ field: "userId", prefix: userOf(i).slice(0, 6) }),
    "values since": () => store.values({ field: "userId", fromUs: day.fromUs }),
    stats: () => store.stats(),
    revision: () => store.revision(),
  };
}

async function asked(when: string): Promise<void> {
  const all = questions();
  const unit = calibrate();
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const taken = new Map<string, { wall: number[]; cpu: number[] }>(
    Object.keys(all).map((name) => [name, { wall: [], cpu: [] }]),
  );
  delay.enable();
  for (let i = 0; i < RUNS; i++) {
    for (const [name, ask] of Object.entries(all)) {
      const [before, start] = [process.cpuUsage(), performance.now()];
      await ask(i);
      taken.get(name)!.wall.push(performance.now() - start);
      const { user, system } = process.cpuUsage(before);
      taken.get(name)!.cpu.push((user + system) / 1_000);
    }
  }
  delay.disable();
  const after = calibrate();
  for (const [name, { wall, cpu }] of taken) {
    const cost =
      when === "idle"
        ? `, CPU ${round(quantile(cpu, 0.5))}, at 22: ${round((quantile(cpu, 0.5) * REFERENCE_US) / ((unit + after) / 2))}`
        : "";
    figures[`${when}: ${name} ms`] = `${round(quantile(wall, 0.5))}, p95 ${round(quantile(wall, 0.95))}${cost}`;
  }
  figures[`${when}: event loop blocked ms`] =
    `p99 ${round(delay.percentile(99) / 1e6)}, most ${round(delay.max / 1e6)}`;
}

/** What comes meanwhile: a thousand spans at a time, as fast as they are kept. */
async function whileIngesting(): Promise<void> {
  let isDone = false;
  let kept = 0;
  const ingest = (async () => {
    for (; !isDone; kept += 1_000) {
      const from = kept % (2 * BLOCK_SPANS);
      const round = 1 + Math.floor(kept / (2 * BLOCK_SPANS));
      await store.append(await generator.make({ seed: SEED + 1, from, to: from + 1_000, round }));
    }
  })();
  const start = performance.now();
  await asked("while ingesting");
  figures["while ingesting: spans/s"] = Math.round((kept / (performance.now() - start)) * 1_000);
  isDone = true;
  await ingest;
}

function quantile(numbers: readonly number[], p: number): number {
  return numbers.toSorted((a, b) => a - b)[Math.min(numbers.length - 1, Math.floor(numbers.length * p))]!;
}

function round(number: number): number {
  return Math.round(number * 10) / 10;
}
