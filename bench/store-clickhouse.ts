/**
 * What do a ClickHouse store's answers cost on many spans, and what does it cost to keep them? One server, batches of
 * 10,000; CPU time is that of this process and of the server. Spans have 2 KB of input and 500 B of output.
 *
 *     npm ci --prefix test/compat/chdb
 *     npm run bench:store:clickhouse -- 1000000 [--json]
 *
 * On a busy machine CPU time is longer. `calibration` is how long a span of a fixed chunk of 32 takes to be compressed (zlib's
 * deflate of level 1): the machine of the reference took 22 µs. Figures "at 22" are divided by that, batch by batch.
 *
 * The server is one out of the package `chdb`. Queries run right after the ingest, and when every day is one part:
 * de-duplication is part of every answer either way.
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { clickHouseStore } from "../src/store/clickhouse/index.ts";
import { ask, oneServer } from "../test/compat/chdb/lab.ts";
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
import { calibrator, REFERENCE_US } from "./lib/calibrator.ts";
import { cpuOf } from "./lib/cpu-of.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { batch: { type: "string", default: "10000" }, json: { type: "boolean", default: false } },
});
const spans = Number(positionals[0] ?? "200000");
const batch = Number(values.batch);
const SEED = 1;
const HOUR_US = 3_600_000_000;
const RUNS = 7;
const DATABASE = "bench";

const lab = await oneServer();
const server = lab.servers[0]!;
const store = clickHouseStore({ url: server.url, database: DATABASE });
/** Told as they come: what follows takes long. */
const figures: { [name: string]: number | string } = new Proxy<{ [name: string]: number | string }>(
  {},
  {
    set(known, name: string, figure) {
      if (!values.json) console.log(`${name}: ${figure}`);
      known[name] = figure;
      return true;
    },
  },
);
figures["spans"] = spans;
const calibration = calibrator(block(SEED, 0));
const serverCpu = () => cpuOf(server.pid);

try {
  calibration();
  await store.stats();
  await fill();
  await asked("just ingested");
  await settle();
  await size();
  await asked("settled");
  figures["server RSS MB"] = Math.round(serverMemory() / 1e6);
} finally {
  await store.close();
  await lab.close();
}
if (values.json) console.log(JSON.stringify(figures));

async function fill(): Promise<void> {
  let wall = 0;
  const [client, served] = [cpuSum(), cpuSum()];
  const units: number[] = [];
  for (const records of blocks(SEED, spans)) {
    for (let i = 0; i < records.length; i += batch) {
      const unit = calibration();
      units.push(unit);
      const [before, serverBefore, start] = [process.cpuUsage(), serverCpu(), performance.now()];
      await store.append(records.slice(i, i + batch));
      wall += performance.now() - start;
      const { user, system } = process.cpuUsage(before);
      served.add(serverCpu() - serverBefore, unit);
      client.add(user + system, unit);
    }
  }
  figures["ingest CPU µs/span, client"] = client.perSpan();
  figures["ingest CPU µs/span, server"] = served.perSpan();
  figures["calibration µs (22)"] = [0.05, 0.5, 0.95].map((p) => round(quantile(units, p))).join(" ");
  figures["ingest spans/s"] = Math.round((spans / wall) * 1_000);
}

function cpuSum() {
  let [us, atReference] = [0, 0];
  return {
    add(taken: number, unit: number) {
      us += taken;
      atReference += (taken * REFERENCE_US) / unit;
    },
    perSpan: () => `${round(us / spans)}, at 22: ${round(atReference / spans)}`,
  };
}

/** What the server does by itself ten minutes after the last row of a day: its parts become one. */
async function settle(): Promise<void> {
  const [before, unit] = [serverCpu(), calibration()];
  figures["parts, just ingested"] = await parts();
  const days = await ask(
    server,
    `SELECT DISTINCT table, partition_id FROM system.parts WHERE active AND database = '${DATABASE}' AND partition_id != 'all'`,
  );
  // One at a time: a request's answer is waited for for five minutes.
  for (const [table, day] of days.split("\n").map((line) => line.split("\t")))
    await ask(server, `OPTIMIZE TABLE ${DATABASE}.${table} PARTITION ID '${day}' FINAL`);
  const settling = cpuSum();
  settling.add(serverCpu() - before, (unit + calibration()) / 2);
  figures["settling, CPU µs/span"] = settling.perSpan();
  figures["parts, settled"] = await parts();
}

function parts(): Promise<string> {
  return ask(server, `SELECT count() FROM system.parts WHERE active AND database = '${DATABASE}'`);
}

async function size(): Promise<void> {
  const bytes = Number(
    await ask(server, `SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = '${DATABASE}'`),
  );
  const columns = await ask(
    server,
    `SELECT concat(table, '.', name), sum(data_compressed_bytes) AS bytes FROM system.columns WHERE database = '${DATABASE}'
     GROUP BY 1 ORDER BY bytes DESC LIMIT 4`,
  );
  figures["largest columns"] = columns.replaceAll("\n", ", ").replaceAll("\t", " ");
  figures["text index MB"] = round(
    Number(
      await ask(
        server,
        `SELECT sum(data_compressed_bytes) FROM system.data_skipping_indices WHERE database = '${DATABASE}'`,
      ),
    ) / 1e6,
  );
  figures["disk MB"] = round(bytes / 1e6);
  figures["disk GB per million"] = Math.round(bytes / 10 / spans) / 100;
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
  const all = Object.entries(questions());
  const taken = new Map<string, { wall: number[]; cpu: number[] }>(all.map(([name]) => [name, { wall: [], cpu: [] }]));
  const unit = calibration();
  for (let i = 0; i < RUNS; i++) {
    for (const [name, ask] of all) {
      const [before, start] = [serverCpu(), performance.now()];
      await ask(i);
      taken.get(name)!.wall.push(performance.now() - start);
      taken.get(name)!.cpu.push((serverCpu() - before) / 1_000);
    }
  }
  const slowness = (unit + calibration()) / 2 / REFERENCE_US;
  for (const [name, { wall, cpu }] of taken) {
    const [usual, most] = [quantile(wall, 0.5), quantile(wall, 0.95)];
    const atReference = `at ${REFERENCE_US}: ${round(usual / slowness)}`;
    figures[`${when}: ${name} ms`] =
      `${round(usual)}, p95 ${round(most)}, ${atReference}, server CPU ${round(quantile(cpu, 0.5))}`;
  }
}

function serverMemory(): number {
  return Number(readFileSync(`/proc/${server.pid}/statm`, "utf8").split(" ")[1]) * 4_096;
}

function quantile(numbers: readonly number[], p: number): number {
  return numbers.toSorted((a, b) => a - b)[Math.min(numbers.length - 1, Math.floor(numbers.length * p))]!;
}

function round(number: number): number {
  return Math.round(number * 10) / 10;
}
