import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { encode, type SpanRecord, type TraceRecord } from "../../core/record.ts";
import { count } from "../../sinks/console-text.ts";
import { langfuseOptions } from "../../sinks/langfuse-environment.ts";
import type { Sink } from "../../sinks/sink.ts";
import { type Command, command } from "../command.ts";
import { csvLine } from "../csv.ts";
import { type Delivery, deliver, retrying } from "../deliver.ts";
import { cellsOf, SPAN_COLUMNS } from "../export/columns.ts";
import { checkOutput, writeWhole } from "../export/output-file.ts";
import { FILTER_ARGS, readFilters, SOURCE_ARGS, TIME_ARGS } from "../filters.ts";
import { remark, write } from "../output.ts";
import { progress } from "../progress.ts";
import { many, readCount } from "../quantities.ts";
import { recordsOf } from "../records-of.ts";
import { openSource, type Source, specOf, usualSource } from "../source.ts";
import { UsageError } from "../usage-error.ts";

const FORMS = ["ndjson", "csv", "parquet", "otlp", "langfuse"];
/** Records that are sent at once. */
const BATCH = 256;

export const exportTraces: Command = command({
  about:
    "Writes traces to a file, or sends them elsewhere. CSV and Parquet have a row for each span. Exits with 1 when something did not arrive.",
  takesMore: true,
  args: {
    source: { type: "positional", required: false, description: "as for list" },
    to: {
      type: "enum",
      options: FORMS,
      required: true,
      description: `${FORMS.join(", ")}; for otlp and langfuse the address and the keys are those of OTEL_EXPORTER_OTLP_… and LANGFUSE_…`,
    },
    out: { type: "string", alias: "o", valueHint: "file", description: "default: standard output; Parquet needs it" },
    endpoint: { type: "string", valueHint: "url", description: "of OTLP; default: OTEL_EXPORTER_OTLP_ENDPOINT" },
    header: {
      type: "string",
      valueHint: "name=value",
      description: "for OTLP, may be repeated; OTEL_EXPORTER_OTLP_HEADERS go to OTEL_EXPORTER_OTLP_ENDPOINT only",
    },
    ...TIME_ARGS,
    ...FILTER_ARGS,
    limit: { type: "string", alias: "n", valueHint: "count", description: "of traces, the newest; default: all" },
    ...SOURCE_ARGS,
  },
  examples: [
    ["export traces.db --to parquet --out traces.parquet --last 7d", "for DuckDB, pandas and their like"],
    ["export traces.ndjson --to otlp --endpoint http://localhost:4318", "to any OpenTelemetry collector"],
    ["export --to otlp --endpoint https://otel.example --header x-api-key=…", "to one that wants a key"],
    ["export --to langfuse --session s1", "with LANGFUSE_PUBLIC_KEY and LANGFUSE_SECRET_KEY"],
  ],
  async run({ args, words, all }) {
    const { to, out, endpoint } = args;
    const isSent = to === "otlp" || to === "langfuse";
    if (isSent && out !== undefined) throw new UsageError(`--out goes with ndjson, csv and parquet; ${to} is sent.`);
    if (endpoint !== undefined && to !== "otlp") throw new UsageError("--endpoint goes with --to otlp.");
    const headers = all("header");
    if (headers.length > 0 && to !== "otlp") throw new UsageError("--header goes with --to otlp.");
    if (to === "parquet" && (out === undefined || out === "-"))
      throw new UsageError("Parquet is written into a file: --out traces.parquet");
    const query = readFilters(args, all("metadata"));
    const limit = args.limit === undefined ? {} : { limit: readCount("limit", args.limit) };
    // A wrong address or key is said before anything is read.
    const sink = isSent ? await sinkOf(to, endpoint, headers) : undefined;
    const named = words.length === 0 ? [usualSource()] : words;
    if (out !== undefined && out !== "-") checkOutput(out, specOf(named));
    const source = await openSource(named, { token: args.token, project: args.project });
    try {
      const counts = { traces: new Set<string>(), spans: 0, scores: 0, findings: 0 };
      const records = counted(recordsOf(source.store, { ...query, ...limit }), counts);
      const delivery = sink === undefined ? undefined : await send(sink, records);
      if (to === "ndjson") await writeLines(out, ndjson(records));
      if (to === "csv") await writeLines(out, csv(records));
      if (to === "parquet") {
        const { writeParquet } = await import("../export/parquet.ts");
        await writeWhole(out!, (path) => writeParquet(path, spansOf(records)));
      }
      const isWhole = Object.keys(query).every((key) => key === "project") && args.limit === undefined;
      const isTable = to === "csv" || to === "parquet";
      const failure = delivery && sink && (await failureOf(delivery, sink.name, endpoint));
      tell(counts, delivery, args.json, failure ?? summaryOf(counts, isTable, sink?.name ?? out));
      if (isWhole && delivery?.isBroken !== true && !args.json) await tellLeftOut(source, query.project, counts.scores);
    } finally {
      await source.close();
    }
  },
});

interface Counts {
  readonly traces: Set<string>;
  spans: number;
  scores: number;
  findings: number;
}

async function sinkOf(to: string, endpoint: string | undefined, headers: readonly string[]): Promise<Sink> {
  if (to === "langfuse") {
    const options = langfuseOptions(process.env);
    return (await import("../../sinks/langfuse.ts")).langfuseSink(options);
  }
  const { otlpDestination } = await import("../export/otlp-destination.ts");
  return otlpDestination(endpoint, headers);
}

async function* counted(
  pieces: AsyncIterable<readonly TraceRecord[]>,
  counts: Counts,
): AsyncGenerator<readonly TraceRecord[]> {
  const bar = progress();
  try {
    for await (const records of pieces) {
      for (const record of records) {
        if (record.traceId !== undefined) counts.traces.add(record.traceId);
        counts[`${record.record}s`]++;
      }
      bar.show({ text: `${many(counts.traces.size, "trace")}, ${many(counts.spans, "span")}` });
      yield records;
    }
  } finally {
    bar.clear();
  }
}

async function send(sink: Sink, pieces: AsyncIterable<readonly TraceRecord[]>): Promise<Delivery> {
  const done: Delivery = { delivered: 0, rejected: 0 };
  const batch: TraceRecord[] = [];
  try {
    for await (const records of pieces) {
      batch.push(...records);
      while (batch.length >= BATCH) await deliver(sink, batch.splice(0, BATCH), done);
    }
    await deliver(sink, batch, done);
    await retrying(async () => sink.flush?.(undefined, true));
  } catch (error) {
    done.reason = (error as Error).message;
    done.isBroken = true;
  }
  // It fails as flush did; what is lost by then is counted.
  await Promise.resolve(sink.close?.()).catch(() => {});
  const { dropped = {}, lastError } = sink.stats?.() ?? {};
  const lost = Object.values(dropped).reduce((sum, count) => sum + count, 0);
  // Spans that are still open are held back to the end, and passed for delivered until then.
  done.delivered -= lost;
  if (done.isBroken) return done;
  done.rejected += lost;
  if (lost > 0 && lastError !== undefined) done.reason = lastError;
  return done;
}

async function* ndjson(pieces: AsyncIterable<readonly TraceRecord[]>): AsyncGenerator<string> {
  for await (const records of pieces) yield records.map((record) => `${encode(record)}\n`).join("");
}

async function* csv(pieces: AsyncIterable<readonly TraceRecord[]>): AsyncGenerator<string> {
  yield csvLine(SPAN_COLUMNS.map(({ name }) => name));
  for await (const records of pieces) {
    const lines = records.map((record) => {
      if (record.record !== "span") return "";
      const cells = cellsOf(record);
      return csvLine(
        cells.map((cell, i) =>
          SPAN_COLUMNS[i]!.kind === "time" ? new Date((cell as number) / 1_000).toISOString() : cell,
        ),
      );
    });
    yield lines.join("");
  }
}

async function* spansOf(pieces: AsyncIterable<readonly TraceRecord[]>): AsyncGenerator<SpanRecord> {
  for await (const records of pieces) for (const record of records) if (record.record === "span") yield record;
}

async function writeLines(out: string | undefined, pieces: AsyncIterable<string>): Promise<void> {
  if (out === undefined || out === "-") {
    for await (const piece of pieces) await write(piece);
    return;
  }
  await writeWhole(out, (path) => pipeline(pieces, createWriteStream(path)));
}

/** On stderr, as standard output may be the file. */
function tell(counts: Counts, delivery: Delivery | undefined, json: boolean | undefined, summary: string): void {
  const { traces, spans, scores, findings } = counts;
  if (delivery !== undefined && (delivery.rejected > 0 || delivery.isBroken === true)) process.exitCode = 1;
  remark(json ? JSON.stringify({ traces: traces.size, spans, scores, findings, ...delivery }) : summary);
}

function summaryOf({ traces, spans, scores, findings }: Counts, isTable: boolean, where: string | undefined): string {
  const beside = isTable ? [] : [many(scores, "score"), many(findings, "finding")];
  const what = [many(traces.size, "trace"), many(spans, "span"), ...beside].join(", ");
  return where === undefined ? what : `${what} → ${where}`;
}

/** `undefined`: all has arrived. */
async function failureOf(
  { delivered, rejected, isBroken, reason }: Delivery,
  where: string,
  endpoint: string | undefined,
): Promise<string | undefined> {
  const why = reason === undefined ? "" : `: ${await plainly(reason, endpoint)}`;
  if (isBroken && delivered === 0) return `nothing was sent to ${where}${why}`;
  if (isBroken) return `${many(delivered, "record")} → ${where}, then it took no more${why}`;
  return rejected > 0
    ? `${many(delivered, "record")} → ${where}, ${count(rejected)} ${rejected === 1 ? "was" : "were"} refused${why}`
    : undefined;
}

/** What a connection failed with, and what a receiver wants, in words. */
async function plainly(reason: string, endpoint: string | undefined): Promise<string> {
  if (reason.includes("the headers do not open it")) {
    const { keyHint } = await import("../export/otlp-destination.ts");
    return `${reason}: ${keyHint(endpoint)}`;
  }
  const [, code] = /the connection failed with (.+)$/s.exec(reason) ?? [];
  if (code === "ECONNREFUSED") return "nothing listens there (ECONNREFUSED). Start it, or correct the address.";
  if (code === "ENOTFOUND") return "there is no host of that name (ENOTFOUND). Correct the address.";
  if (code === "a port that fetch blocks")
    return "HTTP clients do not connect to this port, as other protocols use it. Choose another one.";
  return reason;
}

/** Scores of sessions hang on no trace, and no store lists them. */
async function tellLeftOut({ store }: Source, project: string | undefined, exported: number): Promise<void> {
  const { scores } = await store.stats(project === undefined ? {} : { project });
  if (scores > exported) remark(`left out, as they hang on no trace: ${many(scores - exported, "score")}`);
}
