import { columnsOf } from "./columns.ts";
import type { Connection } from "./connection.ts";

/** The tables, and the time that each sum covers. */
export const WIDTHS: { readonly hours: number; readonly days: number } = {
  hours: 3_600_000_000,
  days: 24 * 3_600_000_000,
};
export type Width = keyof typeof WIDTHS;

/** What of a span is added up: names as the columns of `span_rows`. */
export interface Summed {
  readonly project: number;
  readonly dim: number;
  readonly start_us: number;
  readonly duration_ns: number;
  readonly input_tokens: number | null;
  readonly output_tokens: number | null;
  readonly cost_usd: number | null;
  readonly http_status: number | null;
}

/** The changes that a transaction makes to the sums of hours and days. */
export interface Rollups {
  /** `by`: 1 for a span that has come, -1 for one that has gone. */
  add(span: Summed, by: 1 | -1): void;
  /** Writes them down. */
  flush(): void;
  forget(): void;
}

/** Dims whose sums are in one row: it is written anew when one of them changes. */
const PAGE = 512;
/** Bytes of a dim: four doubles, four numbers of 32 bits. */
const SIZE = 4 * 8 + 4 * 4;

/** The sums of a row, column by column. */
export interface Sums {
  readonly inputTokens: Float64Array;
  readonly outputTokens: Float64Array;
  readonly costUsd: Float64Array;
  readonly durationNs: Float64Array;
  readonly dim: Uint32Array;
  readonly count: Uint32Array;
  readonly rateLimited: Uint32Array;
  readonly unpriced: Uint32Array;
}

function sumsOf(bytes: Uint8Array): Sums {
  const next = columnsOf(bytes, bytes.length / SIZE);
  return {
    inputTokens: next(Float64Array),
    outputTokens: next(Float64Array),
    costUsd: next(Float64Array),
    durationNs: next(Float64Array),
    dim: next(Uint32Array),
    count: next(Uint32Array),
    rateLimited: next(Uint32Array),
    unpriced: next(Uint32Array),
  };
}

/** The spans that come to the sums of a row, and go from them. */
interface Change {
  readonly project: number;
  readonly time: number;
  readonly page: number;
  readonly spans: (readonly [span: Summed, by: 1 | -1])[];
}

export function createRollups({ prepare }: Connection): Rollups {
  const noChanges = (): Record<Width, Map<string, Change>> => ({ hours: new Map(), days: new Map() });
  let changes = noChanges();

  function addTo(width: Width, span: Summed, by: 1 | -1): void {
    const { project } = span;
    const time = Math.floor(span.start_us / WIDTHS[width]);
    const page = Math.floor(span.dim / PAGE);
    const key = `${project} ${time} ${page}`;
    let change = changes[width].get(key);
    if (!change) changes[width].set(key, (change = { project, time, page, spans: [] }));
    change.spans.push([span, by]);
  }

  function flush(width: Width): void {
    const find = prepare(`SELECT id, sums FROM ${width} WHERE project = ? AND time = ? AND page = ?`);
    const insert = prepare(`INSERT INTO ${width} (project, time, page, sums) VALUES (?, ?, ?, ?)`);
    const update = prepare(`UPDATE ${width} SET sums = ? WHERE id = ?`);
    const remove = prepare(`DELETE FROM ${width} WHERE id = ?`);
    for (const { project, time, page, spans } of changes[width].values()) {
      const stored = find.get(project, time, page);
      const sums = changed(stored?.sums ?? new Uint8Array(0), spans);
      if (stored && sums.length > 0) update.run(sums, stored.id);
      else if (stored) remove.run(stored.id);
      else if (sums.length > 0) insert.run(project, time, page, sums);
    }
  }

  return {
    add(span, by) {
      addTo("hours", span, by);
      addTo("days", span, by);
    },
    flush() {
      flush("hours");
      flush("days");
      changes = noChanges();
    },
    forget() {
      changes = noChanges();
    },
  };
}

/** The sums with the spans that came, and without those that went. */
function changed(stored: Uint8Array, spans: Change["spans"]): Uint8Array {
  const before = sumsOf(stored);
  const places = new Map<number, number>();
  for (const dim of before.dim) places.set(dim, places.size);
  for (const [{ dim }] of spans) if (!places.has(dim)) places.set(dim, places.size);
  const bytes = new Uint8Array(places.size * SIZE);
  const sums = sumsOf(bytes);
  for (const name of Object.keys(sums) as (keyof Sums)[]) sums[name].set(before[name]);
  for (const [dim, at] of places) sums.dim[at] = dim;
  for (const [span, by] of spans) {
    const at = places.get(span.dim)!;
    sums.count[at]! += by;
    if (span.http_status === 429) sums.rateLimited[at]! += by;
    sums.inputTokens[at]! += by * (span.input_tokens ?? 0);
    sums.outputTokens[at]! += by * (span.output_tokens ?? 0);
    sums.costUsd[at]! += by * (span.cost_usd ?? 0);
    if (span.cost_usd === null && (span.input_tokens ?? span.output_tokens) !== null) sums.unpriced[at]! += by;
    sums.durationNs[at]! += by * span.duration_ns;
  }
  return withoutEmpty(bytes, sums);
}

/** What nothing is left of leaves no rest of its sums either. */
function withoutEmpty(bytes: Uint8Array, from: Sums): Uint8Array {
  const kept = [...from.count.keys()].filter((i) => from.count[i]! > 0);
  if (kept.length === from.count.length) return bytes;
  const left = new Uint8Array(kept.length * SIZE);
  const to = sumsOf(left);
  for (const name of Object.keys(to) as (keyof Sums)[]) {
    for (const [i, place] of kept.entries()) to[name][i] = from[name][place]!;
  }
  return left;
}

/** Row by row, the sums of the whole hours (days) from `from` to before `to`, counted since 1970. */
export function* sumsBetween(
  { prepare }: Connection,
  width: Width,
  project: number,
  from: number,
  to: number,
): Generator<{ readonly time: number; readonly sums: Sums }> {
  const sql = `SELECT time, sums FROM ${width} WHERE project = ? AND time >= ? AND time < ?`;
  for (const { time, sums } of prepare(sql).iterate(project, from, to)) yield { time, sums: sumsOf(sums) };
}
