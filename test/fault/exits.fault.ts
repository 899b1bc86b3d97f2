/** All ways to die over all sinks, from the built package, and what must arrive of each. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, type TestContext, test } from "node:test";
import { replaySpool, type SpanRecord } from "sightline";
import { httpSink } from "sightline/sinks/http";
import {
  arrived,
  type Collector,
  collector,
  type Death,
  type DeathOptions,
  die,
  parseRecords,
  type Run,
} from "./lab/deaths.ts";
import { count, figure, median } from "./lab/figures.ts";

const root = mkdtempSync(join(tmpdir(), "sightline-exits-"));
after(() => rmSync(root, { recursive: true }));

const SPANS = 1_000;
/** How long a process that would have ended goes on for what is queued (`pipeline/signals.ts`, `pipeline/exit.ts`). */
const DEADLINE_MS = 2_000;

/** `all`: every span, and the open one as unfinished. `acknowledged`: what had been written. `none`: lost and counted. */
type Arrival = "all" | "acknowledged" | "none" | "all but open";

interface Way {
  readonly ends: number | NodeJS.Signals;
  /** Spans beyond the first thousand. */
  readonly more?: number;
  readonly hosts?: number;
  readonly raise?: readonly NodeJS.Signals[];
  readonly nodeArgs?: readonly string[];
  /** Sinks that write synchronously: file, console, and spool with the next process. */
  readonly local: Arrival;
  readonly http: Arrival;
}

const WAYS: { readonly [death: string]: Way } = {
  natural: { ends: 0, local: "all", http: "all" },
  late: { ends: 0, more: 2, local: "all", http: "all" },
  exit: { ends: 0, local: "all", http: "none" },
  "exit in flight": { ends: 3, local: "all", http: "none" },
  throw: { ends: 1, local: "all", http: "none" },
  reject: { ends: 1, local: "all", http: "none" },
  signal: { ends: "SIGTERM", raise: ["SIGTERM"], local: "all", http: "all" },
  "signal SIGINT": { ends: "SIGINT", raise: ["SIGINT"], local: "all", http: "all" },
  "signal, twice": { ends: "SIGTERM", raise: ["SIGTERM", "SIGTERM"], local: "all", http: "none" },
  "signal, host drains": { ends: 7, more: 10, hosts: 1, raise: ["SIGTERM"], local: "all", http: "all but open" },
  abort: { ends: "SIGABRT", local: "acknowledged", http: "acknowledged" },
  kill: { ends: "SIGKILL", local: "acknowledged", http: "acknowledged" },
  "out of memory": {
    ends: "SIGABRT",
    nodeArgs: ["--max-old-space-size=48"],
    local: "acknowledged",
    http: "acknowledged",
  },
  "worker exit": { ends: 0, local: "all", http: "none" },
  "worker terminate": { ends: 0, local: "acknowledged", http: "acknowledged" },
};

/**
 * Runs the program until it is dead, with a server that takes 200 ms, or for ever where nothing may arrive, and reads what
 * its sink has.
 */
async function run(death: string, sink: DeathOptions["sink"], way: Way, delayMs = delayOf(sink, way)) {
  const server = await collector(delayMs);
  const path = join(root, `${death}.ndjson`);
  const dir = join(root, `${death.replace(",", "")}.spool`);
  const options: DeathOptions = {
    death: death.replace(/ SIGINT$|, twice$/, ""),
    sink,
    count: SPANS,
    target: { file: path, console: "", http: server.url, spool: `${server.url},${dir}` }[sink],
  };
  const onReady: Run["onReady"] = (child) => {
    for (const [i, signal] of (way.raise ?? []).entries()) setTimeout(() => child.kill(signal), 100 * i);
  };
  const end = await die(options, { nodeArgs: way.nodeArgs ?? [], onReady });
  // What is in the spool, the next process delivers.
  if (sink === "spool") await replaySpool(dir, httpSink({ url: server.url, name: "http" }));
  server.close();
  return { ...end, records: recordsOf(sink, end, path, server) };
}

function delayOf(sink: DeathOptions["sink"], way: Way): number {
  return sink === "http" && way.http === "none" ? Number.POSITIVE_INFINITY : 200;
}

/**
 * Once more, a few times, where the deadline came first: a busy machine may give a process less than two seconds of work
 * in two seconds. What it lost must have been counted; a request that was on its way may have arrived all the same.
 */
async function runInTime(t: TestContext, death: string, sink: DeathOptions["sink"], way: Way) {
  for (let tries = 1; ; tries++) {
    const end = await run(death, sink, way);
    const [loss] = end.losses;
    if (sink !== "http" || way.http !== "all" || loss === undefined || end.ms < DEADLINE_MS || tries === 5) return end;
    const lost = Number(/: ([\d,]+) of/.exec(loss)![1]!.replaceAll(",", ""));
    const { spans, open } = arrived(end.records);
    assert.ok(spans + Number(open) + lost > SPANS, `${spans} spans arrived, open: ${open}, and ${loss}`);
    figure(t, `run ${tries}: the deadline came first, ${loss}`);
  }
}

function recordsOf(sink: string, end: Death, path: string, server: Collector): readonly SpanRecord[] {
  if (sink === "http" || sink === "spool") return server.records;
  return parseRecords(sink === "file" ? readFileSync(path, "utf8") : end.stderr);
}

for (const [death, way] of Object.entries(WAYS)) {
  for (const sink of ["file", "console", "http", "spool"] as const) {
    const arrival = sink === "http" ? way.http : way.local;
    test(`${death.startsWith("signal") ? "P10" : "P11"} ${death}, ${sink}: ${arrival}`, async (t) => {
      const { code, signal, hosts, acknowledged, records, losses, stats } = await runInTime(t, death, sink, way);
      assert.equal(code ?? signal, way.ends);
      assert.equal(hosts, way.hosts ?? 0, "the host's handler");
      const emitted = SPANS + (way.more ?? 0);
      const { spans, open } = arrived(records);
      if (arrival === "acknowledged") {
        assert.equal(acknowledged, SPANS);
        assert.equal(spans, SPANS);
      } else assert.deepEqual({ spans, open }, { spans: arrival === "none" ? 0 : emitted, open: arrival === "all" });
      const lost = arrival === "none" ? emitted + 1 : arrival === "all but open" ? 1 : 0;
      const said = `sightline: ${count(lost)} of ${count(emitted + 1)} records for "http" were lost (exit ${count(lost)})`;
      assert.deepEqual(losses, lost > 0 ? [said] : []);
      if (stats !== undefined && lost > 0) assert.deepEqual(stats.sinks["http"]?.dropped, { exit: lost });
      figure(
        t,
        `${count(spans)} of ${count(emitted)} records arrived, ${count(lost)} counted as lost, ended by ${way.ends}`,
      );
    });
  }
}

test("P10 SIGTERM with 1,000 queued records and a 200 ms server, five times: all delivered, SIGTERM", async (t) => {
  const times: number[] = [];
  for (let i = 0; i < 5; i++) {
    const { signal, records, losses, ms } = await runInTime(t, "signal", "http", WAYS["signal"]!);
    times.push(Math.round(ms));
    assert.deepEqual(
      { signal, ...arrived(records), losses },
      { signal: "SIGTERM", spans: SPANS, open: true, losses: [] },
    );
  }
  figure(
    t,
    `5 runs, ${count(5 * SPANS)} records, 0 lost, ended after ${count(median(times))} ms (median of ${times.join(", ")})`,
  );
});

test("P10 SIGTERM with a server that never answers: ended by SIGTERM after the deadline, the loss said", async (t) => {
  const { signal, losses, ms } = await run("signal", "http", WAYS["signal"]!, Number.POSITIVE_INFINITY);
  assert.equal(signal, "SIGTERM");
  assert.deepEqual(losses, ['sightline: 1,001 of 1,001 records for "http" were lost (exit 1,001)']);
  assert.ok(ms < 10_000, `${ms} ms`);
  figure(t, `ended after ${count(Math.round(ms))} ms, 1,001 of 1,001 records counted as lost`);
});

test("P10 Ctrl-C twice with a server that never answers: the second ends it", async (t) => {
  const way: Way = { ...WAYS["signal"]!, raise: ["SIGINT", "SIGINT"] };
  const { signal, losses, ms } = await run("signal", "http", way, Number.POSITIVE_INFINITY);
  assert.equal(signal, "SIGINT");
  assert.equal(losses.length, 1);
  figure(t, `the second SIGINT after 100 ms, ended after ${count(Math.round(ms))} ms`);
});
