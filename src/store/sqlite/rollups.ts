import type { Connection } from "./connection.ts";

const HOUR_US = 3_600_000_000;
/** The tables, and the time that each sum covers. */
export const WIDTHS: { readonly [table in "hours" | "call_hours" | "days"]: number } = {
  hours: HOUR_US,
  call_hours: HOUR_US,
  days: 24 * HOUR_US,
};
export type RollupTable = keyof typeof WIDTHS;
const TABLES = Object.keys(WIDTHS) as RollupTable[];

/** What of a span is added up: names as the columns of `span_rows`. */
export interface Summed {
  readonly project: number;
  readonly dim: number;
  /** The dim that stands for all calls alike; null for what is no call of a model. */
  readonly call: number | null;
  /** 0 or 1. */
  readonly is_error: number;
  readonly start_us: number;
  readonly duration_ns: number;
  readonly input_tokens: number | null;
  readonly output_tokens: number | null;
  readonly cost_usd: number | null;
  readonly http_status: number | null;
}

/** The changes that a transaction makes to the sums. */
export interface Rollups {
  /** `by`: 1 for a span that has come, -1 for one that has gone. */
  add(span: Summed, by: 1 | -1): void;
  /** Writes them down. */
  flush(): void;
  forget(): void;
}

export function createRollups({ prepare }: Connection): Rollups {
  const noChanges = (): Record<RollupTable, Map<string, number[]>> => ({
    hours: new Map(),
    call_hours: new Map(),
    days: new Map(),
  });
  let changes = noChanges();

  function addTo(table: RollupTable, dim: number, span: Summed, by: 1 | -1): void {
    const time = Math.floor(span.start_us / WIDTHS[table]);
    const key = `${span.project} ${time} ${dim}`;
    let change = changes[table].get(key);
    if (!change) changes[table].set(key, (change = [span.project, time, dim, 0, 0, 0, 0, 0, 0, 0, 0]));
    change[3]! += by;
    change[4]! += by * span.is_error;
    if (span.http_status === 429) change[5]! += by;
    change[6]! += by * (span.input_tokens ?? 0);
    change[7]! += by * (span.output_tokens ?? 0);
    change[8]! += by * (span.cost_usd ?? 0);
    if (span.cost_usd === null && (span.input_tokens ?? span.output_tokens) !== null) change[9]! += by;
    change[10]! += by * span.duration_ns;
  }

  function flush(table: RollupTable): void {
    const add = prepare(
      `INSERT INTO ${table} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
        count = count + excluded.count, errors = errors + excluded.errors, rate_limited = rate_limited + excluded.rate_limited,
        input_tokens = input_tokens + excluded.input_tokens, output_tokens = output_tokens + excluded.output_tokens,
        cost_usd = cost_usd + excluded.cost_usd, unpriced = unpriced + excluded.unpriced,
        duration_ns = duration_ns + excluded.duration_ns`,
    );
    for (const change of changes[table].values()) add.run(...change);
    // What nothing is left of leaves no rest of its sums either.
    const clean = prepare(`DELETE FROM ${table} WHERE project = ? AND time = ? AND dim = ? AND count = 0`);
    for (const [project, time, dim, count] of changes[table].values()) {
      if (count! <= 0) clean.run(project!, time!, dim!);
    }
  }

  return {
    add(span, by) {
      addTo("hours", span.dim, span, by);
      if (span.call !== null) addTo("call_hours", span.call, span, by);
      addTo("days", span.dim, span, by);
    },
    flush() {
      for (const table of TABLES) flush(table);
      changes = noChanges();
    },
    forget() {
      changes = noChanges();
    },
  };
}
