import type { AggregateRow } from "../../../store/trace-store.ts";
import { compact, costText, duration, percent } from "../format.ts";

interface Tile {
  readonly label: string;
  readonly value: string;
  readonly note?: string | undefined;
  /** Relative to the time before; `undefined`: nothing to compare with. */
  readonly change?: number | undefined;
  /** Whether more of it is worse. */
  readonly isBad?: boolean;
}

/** The figures of the whole stretch, and how they have changed. */
export function Tiles({ total, before }: { total: AggregateRow | undefined; before: AggregateRow | undefined }) {
  return (
    <dl class="tiles">
      {tilesOf(total, before).map(({ label, value, note, change, isBad }) => (
        <div class="card tile" key={label}>
          <dt>{label}</dt>
          <dd>
            <span class="tile-value">{value}</span>
            {change !== undefined && Math.abs(change) >= 0.005 && (
              <span
                class={isBad && change > 0.1 ? "tile-change worse" : "tile-change"}
                data-tip="Against the same time before"
              >
                {change > 0 ? "↑" : "↓"} {changeText(change)}
              </span>
            )}
            {note && <span class="faint tile-note">{note}</span>}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function tilesOf(total: AggregateRow | undefined, before: AggregateRow | undefined): Tile[] {
  const errorRate = rate(total, ({ errors }) => errors);
  const limitRate = rate(total, ({ rateLimited }) => rateLimited);
  const tokens = total && total.inputTokens + total.outputTokens;
  return [
    { label: "Calls", value: compact(total?.count ?? 0), change: change(total?.count, before?.count) },
    {
      label: "Errors",
      value: percent(errorRate),
      change: change(
        errorRate,
        rate(before, ({ errors }) => errors),
      ),
      isBad: true,
    },
    {
      label: "429",
      value: percent(limitRate),
      change: change(
        limitRate,
        rate(before, ({ rateLimited }) => rateLimited),
      ),
      isBad: true,
    },
    { label: "p95 latency", value: duration(total?.p95), change: change(total?.p95, before?.p95), isBad: true },
    {
      label: "Tokens",
      value: compact(tokens ?? 0),
      change: change(tokens, before && before.inputTokens + before.outputTokens),
    },
    {
      label: "Cost",
      value: costText(total ?? { costUsd: 0 }),
      note: total?.unpriced ? `${compact(total.unpriced)} calls without a price` : undefined,
      change: change(total?.costUsd, before?.costUsd),
      isBad: true,
    },
  ];
}

function rate(row: AggregateRow | undefined, of: (row: AggregateRow) => number): number | undefined {
  return row === undefined || row.count === 0 ? undefined : of(row) / row.count;
}

function change(now: number | undefined, before: number | undefined): number | undefined {
  return now === undefined || before === undefined || before === 0 ? undefined : now / before - 1;
}

/** `12%`, `×3.2`. */
function changeText(change: number): string {
  return change >= 2 ? `×${(change + 1).toFixed(1)}` : `${Math.round(Math.abs(change) * 100)}%`;
}
