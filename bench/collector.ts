/**
 * How long a collector's event loop is held up by its own work: batches of 10,000 spans come in (NDJSON, OTLP in protobuf and
 * in JSON), two at a time, while lists are asked for. Five rounds, or as many as said, of 40,000 spans for each form, of each the longest that the
 * thread computed in a turn; then their median. The target: 50 ms. `monitorEventLoopDelay` has waiting for a processor as well.
 *
 * With a number: as many spans of `bench:store` (2 KB of input, 500 B of output) as NDJSON, in batches of a mebibyte as our sinks send
 * them, sixteen at a time, while all of that is asked for.
 *
 *     npm run bench:collector [-- --rounds=5]
 *     npm run bench:collector -- 1000000
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import type { SpanRecord } from "../src/core/record.ts";
import { batch } from "../test/collector/lab/batches.ts";
import { otlpJson, otlpProtobuf } from "../test/collector/lab/otlp.ts";
import { folder, type Served, type ServedFigures, serve } from "../test/collector/lab/served.ts";
import { count, median } from "../test/fault/lab/figures.ts";
import { spansProcess } from "./store-spans.ts";

const BATCH = 10_000;
const BATCHES = 4;
/** Spans of 2.5 KB: a mebibyte, the `batchBytes` of our sinks. */
const LARGE_BATCH = 400;
const SENDERS = 16;
const TARGET_MS = 50;
const LISTS = ["/api/traces?limit=100", "/api/aggregate?groupBy=model&percentiles=1", "/api/sessions", "/metrics"];

interface Body {
  readonly path: string;
  readonly type: string;
  make(records: readonly SpanRecord[]): Uint8Array;
}

const FORMS: { readonly [form: string]: Body } = {
  ndjson: {
    path: "/v1/records",
    type: "application/x-ndjson",
    make: (records) => Buffer.from(records.map((record) => `${JSON.stringify(record)}\n`).join("")),
  },
  "OTLP protobuf": { path: "/v1/traces", type: "application/x-protobuf", make: otlpProtobuf },
  "OTLP JSON": { path: "/v1/traces", type: "application/json", make: otlpJson },
};

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: "string", default: "5" } },
});
const ROUNDS = Number(flags.rounds);
const spans = Number(positionals[0] ?? 0);
const ends: (() => void)[] = [];
const t = { after: (end: () => void) => void ends.push(end) };
try {
  if (spans > 0) await measureMany(FORMS["ndjson"]!);
  else for (const [form, body] of Object.entries(FORMS)) await measure(form, body);
} finally {
  for (const end of ends) end();
}

async function started(): Promise<Served> {
  return serve(t, {
    path: join(folder(t), "traces.db"),
    isPriced: true,
    limits: { inflatedBytes: 64 * 2 ** 20, inFlightBytes: 256 * 2 ** 20 },
  });
}

async function post(url: string, { path, type }: Body, body: Uint8Array): Promise<void> {
  const response = await fetch(`${url}${path}`, {
    method: "POST",
    headers: { "content-type": type, "content-encoding": "gzip" },
    body: gzipSync(body, { level: 1 }),
  });
  const answer = await response.text();
  assert.equal(response.status, 200, answer);
}

/** Asks for the lists, one after the other, until the work is done. */
async function askDuring(url: string, work: () => Promise<void>): Promise<void> {
  let isOver = false;
  const asking = (async () => {
    for (let i = 0; !isOver; i++) {
      const response = await fetch(url + LISTS[i % LISTS.length]!);
      await response.text();
      assert.equal(response.status, 200);
    }
  })();
  await work();
  isOver = true;
  await asking;
}

async function measureMany(body: Body): Promise<void> {
  const generator = spansProcess();
  t.after(() => generator.stop());
  const server = await started();
  const rounds: ServedFigures[] = [];
  const perRound = Math.min(spans, 100_000);
  for (let from = 0; from < spans; from += perRound) {
    await server.reset();
    const end = Math.min(spans, from + perRound);
    await askDuring(server.url, async () => {
      for (let at = from; at < end; ) {
        const sent: Promise<void>[] = [];
        for (; sent.length < SENDERS && at < end; at += LARGE_BATCH) {
          const records = await generator.make({ seed: 1, from: at, to: Math.min(end, at + LARGE_BATCH) });
          sent.push(post(server.url, body, body.make(records)));
        }
        await Promise.all(sent);
      }
    });
    rounds.push(await server.figures());
    const { blockedMs, delayMaxMs, rssMiB, peakMiB, cpuMs } = rounds.at(-1)!;
    console.log(
      `${count(end)} spans: held up for at most ${blockedMs.toFixed(1)} ms (by the clock ${delayMaxMs.toFixed(1)}), RSS ` +
        `${Math.round(rssMiB)} MiB, peak ${Math.round(peakMiB)}, ${Math.round((cpuMs * 1_000) / (end - from))} µs of CPU a span`,
    );
  }
  // The first hundred thousand have what is compiled on its first run.
  const most = (name: keyof ServedFigures): number => Math.max(...rounds.slice(1).map((figures) => figures[name]));
  console.log(
    `after the first: at most ${most("blockedMs").toFixed(1)} ms, ${Math.round((most("peakMiB") * 2 ** 20) / 1e6)} MB`,
  );
}

async function measure(form: string, body: Body): Promise<void> {
  const { make } = body;
  const server = await started();
  // What is compiled on its first run holds up a process once.
  await post(server.url, body, make(batch(0, BATCH, 500)));
  for (const list of LISTS) await (await fetch(server.url + list)).text();

  const rounds: ServedFigures[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const bodies = Array.from({ length: BATCHES }, (_, n) => make(batch(1 + round * BATCHES + n, BATCH, 500)));
    await server.reset();
    await askDuring(server.url, async () => {
      for (let i = 0; i < bodies.length; i += 2) {
        await Promise.all(bodies.slice(i, i + 2).map((each) => post(server.url, body, each)));
      }
    });
    rounds.push(await server.figures());
  }
  const of = (name: keyof ServedFigures): number => median(rounds.map((figures) => figures[name]));
  const blockedMs = of("blockedMs");
  const all = rounds.map((figures) => figures.blockedMs.toFixed(1)).join(", ");
  console.log(
    `${form}: held up for at most ${blockedMs.toFixed(1)} ms (median of ${all}), target ${TARGET_MS}: ` +
      `${blockedMs <= TARGET_MS ? "reached" : "MISSED"}; delay p99 ${of("delayP99Ms").toFixed(1)} ms, peak RSS ` +
      `${Math.round(of("peakMiB"))} MiB, ${Math.round((of("cpuMs") * 1_000) / (BATCHES * BATCH))} µs of CPU a span in all threads ` +
      `(${count(ROUNDS * BATCHES * BATCH)} spans)`,
  );
}
