import type { TraceQuery } from "../trace-store.ts";
import type { Conditions } from "./conditions.ts";
import type { Connection } from "./connection.ts";
import type { Value } from "./driver.ts";
import { WIDTHS } from "./rollups.ts";
import type { TraceRow } from "./trace-row.ts";

const HOUR_US = WIDTHS.hours;
/** So few traces are looked through sooner than the hours. */
const FEW = 1_000;

/** Bounds from above of what the traces that start in an hour cost, and of how long they last. They never fall. */
export interface Peaks {
  add(trace: TraceRow): void;
  /** Forgets the hours before the oldest trace. */
  prune(): void;
  /** Writes them down. */
  flush(): void;
  forget(): void;
}

export function createPeaks({ prepare }: Connection): Peaks {
  const come = new Map<string, [project: number, time: number, costUsd: number, durationNs: number]>();
  return {
    add({ project, start_us, cost_usd, duration_ns }) {
      const time = Math.floor(start_us / HOUR_US);
      const key = `${project} ${time}`;
      const [, , cost, duration] = come.get(key) ?? [project, time, 0, 0];
      come.set(key, [project, time, Math.max(cost, cost_usd ?? 0), Math.max(duration, duration_ns)]);
    },
    prune() {
      prepare(
        `DELETE FROM peaks WHERE NOT EXISTS
          (SELECT 1 FROM traces t WHERE t.project = peaks.project AND t.start_us < (peaks.time + 1) * ${HOUR_US})`,
      ).run();
    },
    flush() {
      const put = prepare(
        `INSERT INTO peaks VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET
          cost_usd = max(cost_usd, excluded.cost_usd), duration_ns = max(duration_ns, excluded.duration_ns)`,
      );
      for (const peak of come.values()) put.run(...peak);
      come.clear();
    },
    forget: () => come.clear(),
  };
}

/** What a statement that finds traces, newest first, has before its own tables, conditions, values and order. */
export interface Hours {
  readonly from: string;
  readonly where: string;
  readonly values: readonly Value[];
  readonly order: string;
}

const ALL: Hours = { from: "", where: "", values: [], order: "" };

/** The hours, newest first, in which a trace may cost or last as much as is wanted. */
export function hoursOf(project: number, query: TraceQuery, { most, time }: Conditions): Hours {
  const { minCostUsd = 0, minDurationMs = 0, fromUs = 0, toUs = Number.MAX_SAFE_INTEGER } = query;
  if ((minCostUsd <= 0 && minDurationMs <= 0) || most < FEW) return ALL;
  return {
    from: "peaks p CROSS JOIN ",
    where: `p.project = ? AND p.time BETWEEN ? AND ? AND p.cost_usd >= ? AND p.duration_ns >= ?
      AND ${time} >= p.time * ${HOUR_US} AND ${time} < (p.time + 1) * ${HOUR_US} AND `,
    values: [project, Math.floor(fromUs / HOUR_US), Math.floor(toUs / HOUR_US), minCostUsd, minDurationMs * 1e6],
    order: "p.time DESC, ",
  };
}
