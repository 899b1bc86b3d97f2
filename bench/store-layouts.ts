/**
 * How much CPU time does our store take for a span beside the plainest layout, which keeps much less? Batches go to both in
 * turns, in one run: the reference's machine has measured that layout, so its figures can be compared on any.
 *
 *     npm run bench:store:layouts -- sqlite [batches] [--size=4000]
 *     npm ci --prefix test/compat/chdb && npm run bench:store:layouts -- clickhouse [batches]
 *
 * A store's CPU time is that of this process, its threads and the server. Told are medians over all batches but the first two.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { clickHouseStore } from "../src/store/clickhouse/index.ts";
import { sqliteStore } from "../src/store/sqlite/index.ts";
import type { TraceStore } from "../src/store/trace-store.ts";
import { oneServer } from "../test/compat/chdb/lab.ts";
import { clickHouseLayout } from "./layouts/clickhouse.ts";
import type { Layout } from "./layouts/layout.ts";
import { sqliteLayout } from "./layouts/sqlite.ts";
import { calibrator, REFERENCE_US } from "./lib/calibrator.ts";
import { cpuOf } from "./lib/cpu-of.ts";
import { spansProcess } from "./store-spans.ts";

/** µs of CPU a span on the reference's machine, and how much of it is allowed. */
const REFERENCE = {
  sqlite: { layout: process.versions.node.startsWith("20.") ? 81 : 74, budget: 95, size: "4000" },
  clickhouse: { layout: 88, budget: 110, size: "10000" },
};
const WARM = 2;

const { values, positionals } = parseArgs({ allowPositionals: true, options: { size: { type: "string" } } });
const engine = positionals[0] === "clickhouse" ? "clickhouse" : "sqlite";
const batches = Number(positionals[1] ?? 24);
const reference = REFERENCE[engine];
const size = Number(values.size ?? reference.size);

interface Both {
  readonly store: TraceStore;
  readonly layout: Layout;
  /** Microseconds of a process beside this one. */
  served(): number;
  close(): Promise<void>;
}

const { store, layout, served, close } = engine === "sqlite" ? await onDisk() : await onServer();
const generator = spansProcess();
const calibration = calibrator(await generator.make({ seed: 1, from: 0, to: 32 }));
const taken: { ours: number; theirs: number; deflate: number }[] = [];
try {
  await store.stats();
  for (let i = 0; i < batches + WARM; i++) {
    const records = await generator.make({ seed: 1, from: i * size, to: (i + 1) * size });
    const ours = () => store.append(records);
    const theirs = () => layout.append(records);
    const row = { ours: 0, theirs: 0, deflate: calibration() };
    if (i % 2 === 0) row.ours = await perSpan(ours);
    row.theirs = await perSpan(theirs);
    if (i % 2 === 1) row.ours = await perSpan(ours);
    taken.push(row);
  }
  tell();
} finally {
  generator.stop();
  await store.close();
  await layout.close();
  await close();
}

function tell(): void {
  const [ours, theirs] = [median(({ ours }) => ours), median(({ theirs }) => theirs)];
  const ratio = median((row) => row.ours / row.theirs);
  const deflate = median((row) => row.deflate);
  console.log(`${engine}, ${batches} batches of ${size} spans, CPU a span, medians:`);
  console.log(`ours ${round(ours)} µs, the plainest layout ${round(theirs)} µs: ${ratio.toFixed(2)}`);
  const allowed = (reference.budget / reference.layout).toFixed(2);
  console.log(
    `the reference's machine took ${reference.layout} µs for that layout, ${reference.budget} are allowed: ${allowed}`,
  );
  console.log(`so ours would take ${round(ratio * reference.layout)} µs there`);
  console.log(
    `by deflate of a chunk, ${round(deflate)} µs here and ${REFERENCE_US} there, ${round((ours / deflate) * REFERENCE_US)} µs`,
  );
}

async function onDisk(): Promise<Both> {
  const directory = mkdtempSync(join(tmpdir(), "sightline-bench-"));
  return {
    store: sqliteStore({ path: join(directory, "ours.db") }),
    layout: sqliteLayout(join(directory, "plainest.db")),
    served: () => 0,
    close: async () => rmSync(directory, { recursive: true }),
  };
}

async function onServer(): Promise<Both> {
  const lab = await oneServer();
  const { url, pid } = lab.servers[0]!;
  return {
    store: clickHouseStore({ url, database: "ours" }),
    layout: await clickHouseLayout(url, "plainest"),
    served: () => cpuOf(pid),
    close: () => lab.close(),
  };
}

async function perSpan(action: () => Promise<unknown>): Promise<number> {
  const [before, servedBefore] = [process.cpuUsage(), served()];
  await action();
  const { user, system } = process.cpuUsage(before);
  return (user + system + served() - servedBefore) / size;
}

function median(numberOf: (row: (typeof taken)[number]) => number): number {
  const numbers = taken.slice(WARM).map(numberOf);
  return numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)]!;
}

function round(number: number): number {
  return Math.round(number * 10) / 10;
}
