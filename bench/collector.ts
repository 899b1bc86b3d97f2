/**
 * How long a collector's event loop is held up by its own work: batches of 10,000 spans come in (NDJSON, OTLP in protobuf and
 * in JSON), two at a time, while lists are asked for. Five rounds of 40,000 spans for each form, of each the longest that the
 * thread computed in a turn; then their median. The target: 50 ms. `monitorEventLoopDelay` has waiting for a processor as well.
 *
 *     npm run bench:collector
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { SpanRecord } from "../src/core/record.ts";
import { batch } from "../test/collector/lab/batches.ts";
import { otlpJson, otlpProtobuf } from "../test/collector/lab/otlp.ts";
import { folder, type ServedFigures, serve } from "../test/collector/lab/served.ts";
import { count, median } from "../test/fault/lab/figures.ts";

const BATCH = 10_000;
const BATCHES = 4;
const ROUNDS = 5;
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

for (const [form, body] of Object.entries(FORMS)) {
  const ends: (() => void)[] = [];
  const t = { after: (end: () => void) => void ends.push(end) };
  try {
    await measure(form, body, t);
  } finally {
    for (const end of ends) end();
  }
}

async function measure(form: string, { path, type, make }: Body, t: { after(end: () => void): void }): Promise<void> {
  const server = await serve(t, {
    path: join(folder(t), "traces.db"),
    isPriced: true,
    limits: { inflatedBytes: 64 * 2 ** 20, inFlightBytes: 256 * 2 ** 20 },
  });
  const post = async (body: Uint8Array): Promise<void> => {
    const response = await fetch(`${server.url}${path}`, {
      method: "POST",
      headers: { "content-type": type, "content-encoding": "gzip" },
      body: gzipSync(body, { level: 1 }),
    });
    const answer = await response.text();
    assert.equal(response.status, 200, answer);
  };
  // What is compiled on its first run holds up a process once.
  await post(make(batch(0, BATCH, 500)));
  for (const list of LISTS) await (await fetch(server.url + list)).text();

  const rounds: ServedFigures[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const bodies = Array.from({ length: BATCHES }, (_, n) => make(batch(1 + round * BATCHES + n, BATCH, 500)));
    await server.reset();
    let isOver = false;
    const asking = (async () => {
      for (let i = 0; !isOver; i++) {
        const response = await fetch(server.url + LISTS[i % LISTS.length]!);
        await response.text();
        assert.equal(response.status, 200);
      }
    })();
    for (let i = 0; i < bodies.length; i += 2) await Promise.all(bodies.slice(i, i + 2).map(post));
    isOver = true;
    await asking;
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
