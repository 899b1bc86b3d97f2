import type { Connection } from "./connection.ts";

/** The tables, and the time that each sum covers. */
export const WIDTHS: { readonly hours: number; readonly days: number } = {
  hours: 3_600_000_000,
  days: 24 * 3_600_000_000,
};
type Width = keyof typeof WIDTHS;

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

export function createRollups({ prepare }: Connection): Rollups {
  const noChanges = (): Record<Width, Map<string, number[]>> => ({ hours: new Map(), days: new Map() });
  let changes = noChanges();

  function addTo(width: Width, span: Summed, by: 1 | -1): void {
    const time = Math.floor(span.start_us / WIDTHS[width]);
    const key = `${span.project} ${time} ${span.dim}`;
    let change = changes[width].get(key);
    if (!change) changes[width].set(key, (change = [span.project, time, span.dim, 0, 0, 0, 0, 0, 0, 0]));
    change[3]! += by;
    if (span.http_status === 429) change[4]! += by;
    change[5]! += by * (span.input_tokens ?? 0);
    change[6]! += by * (span.output_tokens ?? 0);
    change[7]! += by * (span.cost_usd ?? 0);
    if (span.cost_usd === null && (span.input_tokens ?? span.output_tokens) !== null) change[8]! += by;
    change[9]! += by * span.duration_ns;
  }

  function flush(width: Width): void {
    const add = prepare(
      `INSERT INTO ${width} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
        count = count + excluded.count, rate_limited = rate_limited + excluded.rate_limited,
        input_tokens = input_tokens + excluded.input_tokens, output_tokens = output_tokens + excluded.output_tokens,
        cost_usd = cost_usd + excluded.cost_usd, unpriced = unpriced + excluded.unpriced,
        duration_ns = duration_ns + excluded.duration_ns`,
    );
    for (const change of changes[width].values()) add.run(...change);
    // What nothing is left of leaves no rest of its sums either.
    const clean = prepare(`DELETE FROM ${width} WHERE project = ? AND time = ? AND dim = ? AND count = 0`);
    for (const [project, time, dim, count] of changes[width].values()) {
      if (count! <= 0) clean.run(project!, time!, dim!);
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
