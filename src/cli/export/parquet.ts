import { fileWriter, parquetWriteRows } from "hyparquet-writer";
import type { SpanRecord } from "../../core/record.ts";
import { cellsOf, SPAN_COLUMNS } from "./columns.ts";

/** Payloads of so many spans are in memory at once. */
const ROW_GROUP = 5_000;
const TYPES = {
  text: "STRING",
  json: "STRING",
  time: "TIMESTAMP",
  integer: "INT64",
  number: "DOUBLE",
  flag: "BOOLEAN",
} as const;

/** Spans as a Parquet file, compressed by Snappy. */
export async function writeParquet(path: string, spans: AsyncIterable<SpanRecord>): Promise<void> {
  async function* rows(): AsyncGenerator<Record<string, unknown>> {
    for await (const span of spans) {
      const cells = cellsOf(span).map((value, i) => typed(value, SPAN_COLUMNS[i]!.kind));
      yield Object.fromEntries(SPAN_COLUMNS.map(({ name }, i) => [name, cells[i]]));
    }
  }
  await parquetWriteRows({
    writer: fileWriter(path),
    rows: rows(),
    columns: SPAN_COLUMNS.map(({ name, kind }) => ({ name, type: TYPES[kind], nullable: true })),
    rowGroupSize: ROW_GROUP,
    createdBy: "sightline",
  });
}

function typed(value: string | number | boolean | undefined, kind: keyof typeof TYPES): unknown {
  if (value === undefined) return null;
  if (kind === "time") return new Date((value as number) / 1_000);
  if (kind === "integer") return BigInt(Math.round(value as number));
  return value;
}
