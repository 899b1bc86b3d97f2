/**
 * How many records a second one core takes through `metrics().write`, the id window on: batches of 256 distinct records of
 * ten models, forty features, eight teams and 10,000 users, one in thirty of them failed, one in five tried again. Twenty
 * batches are gone through forty times, each time with new ids: 10 MB, as records come that have just been made. (With
 * 204,800 records made beforehand, 400 MB, it is the memory that is measured, and a fifth less.) Each case
 * runs in processes of its own, as what ran before in one changes what the compiler makes of it. Median of nine, by the
 * clock and by the processor's own time: on a machine that is busy only the second says something. The target: 500,000 a
 * second.
 *
 *     npm run bench:monitors [-- --rounds=9]
 *
 * `floor` is a loop that reads the same fields and adds them up, nothing else.
 */
import { execFileSync } from "node:child_process";
import { randomFillSync } from "node:crypto";
import { parseArgs } from "node:util";
import { fakeClock } from "sightline/testing";
import type { SpanRecord } from "../src/core/record.ts";
import { idWindow } from "../src/monitors/id-window.ts";
import { metrics } from "../src/monitors/metrics/metrics.ts";
import { modelCallOf } from "../src/monitors/model-call.ts";

const WARM = 4;
const PASSES = 40;
const BATCHES = 20;
const BATCH = 256;
const RECORDS = PASSES * BATCHES * BATCH;
const TARGET = 500_000;

const START_MS = 1_780_000_000_000;
const hex = (length: number): string =>
  Array.from({ length: length / 8 }, () =>
    Math.floor(Math.random() * 2 ** 32)
      .toString(16)
      .padStart(8, "0"),
  ).join("");
const pick = (count: number): number => Math.floor(Math.random() ** 2 * count);

/** As it comes from a line of JSON: nothing is shared between two records. */
function record(i: number): SpanRecord {
  const startMs = START_MS + i;
  const latencyMs = Math.exp(
    Math.log(1200) + 0.8 * Math.sqrt(-2 * Math.log(Math.random())) * Math.cos(6.283 * Math.random()),
  );
  const failed = i % 30 === 0;
  const model = `gpt-4.${pick(10)}`;
  const [inputTokens, outputTokens] = [200 + pick(4000), 20 + pick(800)];
  const made = {
    record: "span",
    schema: 1,
    traceId: hex(32),
    spanId: hex(16),
    parentSpanId: hex(16),
    traceFlags: 1,
    seq: 1,
    name: `chat ${model}`,
    type: "generation",
    kind: "client",
    startTime: `${startMs}000000`,
    endTime: `${startMs + Math.round(latencyMs)}123456`,
    ...(i % 2 === 0 && { firstChunkTime: `${startMs + Math.round(latencyMs / 4)}654321` }),
    status: { code: failed ? "error" : "ok" },
    level: failed ? "ERROR" : "DEFAULT",
    ...(failed && {
      error: { type: "RateLimitError", message: "Too many requests", code: "rate_limit_exceeded", status: 429 },
    }),
    input: [{ role: "user", parts: [{ type: "text", content: "Solve 3x + 11 = 14" }] }],
    output: [{ role: "assistant", parts: [{ type: "text", content: "x = 1" }] }],
    genAi: {
      operation: "chat",
      provider: "openai",
      requestModel: model,
      responseModel: `${model}-2026-04-14`,
      finishReasons: ["stop"],
      openai: { apiType: "chat_completions", serviceTier: "default" },
    },
    ...(!failed && {
      usage: { inputTokens, outputTokens, totalTokens: inputTokens + outputTokens },
      cost: { currency: "USD", total: inputTokens * 2e-6 + outputTokens * 8e-6, source: "computed" },
    }),
    http: {
      method: "POST",
      route: "/chat/completions",
      host: "api.openai.com",
      status: failed ? 429 : 200,
      requestId: `req_${hex(32)}`,
      rateLimit: {
        limitRequests: 5000,
        remainingRequests: 4000 - pick(1000),
        limitTokens: 800_000,
        remainingTokens: 790_000,
      },
      ...(i % 5 === 0 && {
        attempts: [
          { status: 429, durationMs: 80 },
          { status: failed ? 429 : 200, durationMs: 900, waitMs: 500 },
        ],
      }),
    },
    trace: {
      userId: `user_${pick(10_000)}`,
      sessionId: `session_${pick(50_000)}`,
      feature: `feature_${pick(40)}`,
      team: `team_${pick(8)}`,
    },
  };
  return JSON.parse(JSON.stringify(made));
}

const batches = Array.from({ length: BATCHES }, (_, b) =>
  Array.from({ length: BATCH }, (_, i) => record(b * BATCH + i)),
);

const ID_BYTES = 16 + 8;
const noise = Buffer.alloc(ID_BYTES * BATCH);

/**
 * As if they were others. Not measured, and made with little to throw away: ids that are put together of pieces leave so
 * much waste behind that the records are in no near cache any more, and `floor` takes three times as long.
 */
function renew(): void {
  for (const batch of batches) {
    randomFillSync(noise);
    for (const [i, each] of batch.entries()) {
      const at = i * ID_BYTES;
      const traceId = noise.toString("hex", at, at + 16);
      Object.assign(each, { traceId, spanId: noise.toString("hex", at + 16, at + ID_BYTES) });
    }
  }
}

interface Round {
  readonly perSecond: number;
  readonly perCpuSecond: number;
}

function measure(run: (batch: readonly SpanRecord[]) => unknown): Round {
  let [seconds, cpuSeconds] = [0, 0];
  for (let pass = 0; pass < PASSES; pass++) {
    renew();
    const cpu = process.cpuUsage();
    const start = performance.now();
    for (const batch of batches) run(batch);
    seconds += (performance.now() - start) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    cpuSeconds += (user + system) / 1e6;
  }
  return { perSecond: RECORDS / seconds, perCpuSecond: RECORDS / cpuSeconds };
}

/** So that no loop is left out for having no effect. */
const read = { sum: 0 };

function floor(batch: readonly SpanRecord[]): void {
  for (const { traceId, spanId, type, status, genAi, http, usage, cost, trace, startTime, endTime } of batch) {
    read.sum += traceId.length + spanId.length + type.length + status.code.length + startTime.length + endTime.length;
    read.sum += (genAi?.responseModel?.length ?? 0) + (http?.status ?? 0) + (http?.attempts?.length ?? 0);
    read.sum +=
      (usage?.totalTokens ?? 0) + (cost?.total ?? 0) + (trace.feature?.length ?? 0) + (trace.userId?.length ?? 0);
  }
}

/** Each begins anew, and its clock goes on by a tenth of a second with each batch: slices come and go. */
const CASES: { readonly [name: string]: () => (batch: readonly SpanRecord[]) => unknown } = {
  floor: () => floor,
  "modelCallOf alone": () => (batch) => {
    for (const each of batch) read.sum += modelCallOf(each)?.totalTokens ?? 0;
  },
  "idWindow alone": () => {
    const ids = idWindow();
    return (batch) => {
      for (const { traceId, spanId } of batch) read.sum += ids.add(traceId, spanId) ? 1 : 0;
    };
  },
  "metrics().write": () => {
    const clock = fakeClock();
    const watched = metrics({ clock });
    return (batch) => {
      clock.advance(100);
      watched.write(batch);
    };
  },
};

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;
const thousands = (value: number): string => Math.round(value).toLocaleString("en").padStart(13);

const [, script] = process.argv;
const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: "string", default: "9" } },
});
const [asked] = positionals;
if (asked === undefined) compare();
else {
  const start = CASES[asked]!;
  // For the compiler: after one the id window takes 1.7 times as long as after four.
  for (let warm = 0; warm < WARM; warm++) measure(start());
  console.log(JSON.stringify(measure(start())));
  if (Number.isNaN(read.sum)) throw new Error("a field was not there");
}

/** All cases in turn, so that a slow minute of the machine meets all. */
function compare(): void {
  const rounds = new Map(Object.keys(CASES).map((name) => [name, [] as Round[]]));
  for (let round = 0; round < Number(flags.rounds); round++) {
    for (const [name, all] of rounds) {
      const stdio = ["ignore", "pipe", "inherit"] as const;
      const text = execFileSync(process.execPath, [...process.execArgv, script!, name], {
        encoding: "utf8",
        stdio: [...stdio],
      });
      all.push(JSON.parse(text));
    }
  }
  console.log(
    `records a second, median of ${flags.rounds} processes of ${RECORDS.toLocaleString("en")} records, Node ${process.version}`,
  );
  const titles = ["by the clock", "CPU second", "least", "most", "x floor"];
  console.log(`${"".padEnd(20)}${titles.map((title) => title.padStart(13)).join("")}`);
  const floorRate = median(rounds.get("floor")!.map(({ perCpuSecond }) => perCpuSecond));
  for (const [name, all] of rounds) {
    const cpu = all.map(({ perCpuSecond }) => perCpuSecond);
    const figures = [median(all.map(({ perSecond }) => perSecond)), median(cpu), Math.min(...cpu), Math.max(...cpu)];
    console.log(
      `${name.padEnd(20)}${figures.map(thousands).join("")}${(floorRate / median(cpu)).toFixed(1).padStart(13)}`,
    );
  }
  const reached = median(rounds.get("metrics().write")!.map(({ perCpuSecond }) => perCpuSecond));
  console.log(`target ${TARGET.toLocaleString("en")} a CPU second: ${reached >= TARGET ? "reached" : "missed"}`);
}
