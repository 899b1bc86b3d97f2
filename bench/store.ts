/**
 * What do a store's answers cost on many spans, and what does it cost to keep them? Spans have 2 KB of input and 500 B
 * of output. One engine a process; CPU time is that of all threads of this process (a server's own is not in it).
 *
 *     npm run bench:store -- sqlite 1000000 [--keep=traces.db] [--batch=10000] [--json]
 *     npm run bench:store -- clickhouse 1000000 --url=http://127.0.0.1:8123
 *
 * `--keep` leaves the file there; one that has the spans already is only asked.
 */
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { sqliteStore } from "../src/store/sqlite/index.ts";
import type { TraceStore } from "../src/store/trace-store.ts";
import {
  BLOCK_US,
  block,
  blocks,
  DATA_FEATURES,
  DATA_MODELS,
  DATA_START_US,
  userOf,
  wordOf,
} from "../test/store/support/data.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    keep: { type: "string" },
    batch: { type: "string", default: "10000" },
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
const store = await open();
const figures: { [name: string]: number | string } = { engine, spans };
let peakRss = 0;
const watch = setInterval(() => {
  peakRss = Math.max(peakRss, process.memoryUsage.rss());
}, 100);

try {
  await store.stats();
  if (!isThere) await fill();
  await asked("idle");
  await whileIngesting();
  figures["RSS MB"] = round(peakRss / 1e6);
} finally {
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

async function fill(): Promise<void> {
  let cpu = 0;
  let wall = 0;
  let worst = 0;
  let blocked = 0;
  for (const records of blocks(SEED, spans)) {
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    for (let i = 0; i < records.length; i += batch) {
      const [before, start] = [process.cpuUsage(), performance.now()];
      await store.append(records.slice(i, i + batch));
      const took = performance.now() - start;
      const { user, system } = process.cpuUsage(before);
      cpu += user + system;
      wall += took;
      worst = Math.max(worst, took);
    }
    delay.disable();
    blocked = Math.max(blocked, delay.max / 1e6);
  }
  figures["ingest CPU µs/span"] = round(cpu / spans);
  figures["ingest spans/s"] = Math.round((spans / wall) * 1_000);
  figures["ingest worst batch ms"] = round(worst);
  figures["ingest event loop blocked ms"] = round(blocked);
  if (engine === "sqlite") {
    const bytes = ["", "-wal"].map((end) => statSync(path + end, { throwIfNoEntry: false })?.size ?? 0);
    figures["disk MB"] = round((bytes[0]! + bytes[1]!) / 1e6);
    figures["disk GB per million"] = round((bytes[0]! + bytes[1]!) / 1e3 / spans);
  }
}

/** The kinds of question, each with other parameters every time. */
function questions(): { readonly [name: string]: (i: number) => Promise<unknown> } {
  const end = DATA_START_US + (spans / 10_000) * BLOCK_US;
  const day = { fromUs: Math.max(DATA_START_US, end - 24 * HOUR_US), toUs: end };
  const sample = block(SEED, Math.floor(spans / 10_000 / 2));
  const counts = new Map<string, number>();
  for (const { traceId } of sample) counts.set(traceId, (counts.get(traceId) ?? 0) + 1);
  const large = [...counts].filter(([, count]) => count === 200).map(([traceId]) => traceId);
  const keys = Object.entries(sample[0]!.trace.metadata ?? {});
  const of = <T>(all: readonly T[], i: number): T => all[i % all.length]!;
  return {
    "list newest": () => store.traces(),
    "list by user": (i) => store.traces({ userId: userOf(i * 37) }),
    "list by session": (i) => store.traces({ sessionId: of(sample, i * 97).trace.sessionId ?? "none" }),
    "list by model, 6 h": (i) =>
      store.traces({ model: of(DATA_MODELS, i), fromUs: end - 12 * HOUR_US, toUs: end - 6 * HOUR_US }),
    "list by status and feature": (i) => store.traces({ status: "error", feature: of(DATA_FEATURES, i) }),
    "list by metadata": (i) => store.traces({ metadata: { [of(keys, i)[0]]: String(of(keys, i)[1]) } }),
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
  for (const [name, { wall, cpu }] of taken) {
    const cost = when === "idle" ? `, CPU ${round(quantile(cpu, 0.5))}` : "";
    figures[`${when}: ${name} ms`] = `${round(quantile(wall, 0.5))}, p95 ${round(quantile(wall, 0.95))}${cost}`;
  }
  figures[`${when}: event loop blocked ms`] = round(delay.max / 1e6);
}

async function whileIngesting(): Promise<void> {
  const more = Array.from({ length: 2 }, (_, i) => block(SEED + 1, spans / 10_000 + i));
  let isDone = false;
  const ingest = (async () => {
    for (let i = 0; !isDone; i++) {
      const records = more[i % more.length]!;
      const later = BigInt(Math.floor(i / more.length) * more.length * BLOCK_US) * 1_000n;
      const shifted = (time: string) => String(BigInt(time) + later);
      for (let from = 0; from < records.length && !isDone; from += 1_000) {
        // The same spans again would be found to be there.
        const again = records.slice(from, from + 1_000).map((record) => ({
          ...record,
          traceId: `${record.traceId.slice(0, 28)}${String(i).padStart(4, "0")}`,
          startTime: shifted(record.startTime),
          endTime: shifted(record.endTime),
        }));
        await store.append(again);
      }
    }
  })();
  await asked("while ingesting");
  isDone = true;
  await ingest;
}

function quantile(numbers: readonly number[], p: number): number {
  return numbers.toSorted((a, b) => a - b)[Math.min(numbers.length - 1, Math.floor(numbers.length * p))]!;
}

function round(number: number): number {
  return Math.round(number * 10) / 10;
}
