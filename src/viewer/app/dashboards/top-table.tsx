import type { AggregateRow } from "../../../store/trace-store.ts";
import { compact, duration, integer, percent, usd } from "../format.ts";
import { href } from "../router.ts";
import { writeFilters } from "../traces/filters.ts";
import { brushFilters, groupFilters } from "./brush.ts";
import { SPLIT_LABELS, type Split, type View } from "./queries.ts";
import { type Measure, type Share, shares } from "./shape.ts";

export type Ranking = "costUsd" | "tokens" | "count" | "errors";

export const RANKINGS: { readonly [ranking in Ranking]: { readonly label: string; readonly measure: Measure } } = {
  costUsd: { label: "Cost", measure: ({ costUsd }) => costUsd },
  tokens: { label: "Tokens", measure: ({ inputTokens, outputTokens }) => inputTokens + outputTokens },
  count: { label: "Calls", measure: ({ count }) => count },
  errors: { label: "Errors", measure: ({ errors }) => errors },
};

interface Props {
  rows: readonly AggregateRow[];
  by: Split;
  ranking: Ranking;
  view: View;
  fromUs: number;
  toUs: number;
  onRank: (ranking: Ranking) => void;
  onOnly: (value: string) => void;
}

/** Who has most of it, with everybody's share of the whole. */
export function TopTable({ rows, by, ranking, view, fromUs, toUs, onRank, onOnly }: Props) {
  const found = shares(rows, by, RANKINGS[ranking].measure);
  const most = Math.max(...found.map(({ share }) => share), 0);
  const columns: readonly Ranking[] = ["costUsd", "tokens", "count", "errors"];
  return (
    <section class="card top" aria-label={`By ${SPLIT_LABELS[by]}`}>
      <div class="chart-head">
        <h2>By {SPLIT_LABELS[by].toLowerCase()}</h2>
        <span class="faint">share of {RANKINGS[ranking].label.toLowerCase()}</span>
      </div>
      <div class="top-scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">{SPLIT_LABELS[by]}</th>
              <th scope="col" class="top-share">
                Share
              </th>
              {columns.map((each) => (
                <th scope="col" class="num" key={each} aria-sort={each === ranking ? "descending" : undefined}>
                  <button type="button" class="cell-value" onClick={() => onRank(each)}>
                    {RANKINGS[each].label}
                    {each === ranking ? " ↓" : ""}
                  </button>
                </th>
              ))}
              <th scope="col" class="num">
                p95
              </th>
              <th scope="col">
                <span class="visually-hidden">Traces</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {found.map((share) => (
              <TopRow
                key={`${share.isOther} ${share.value}`}
                share={share}
                most={most}
                onOnly={onOnly}
                link={linkOf(share, by, view, fromUs, toUs)}
              />
            ))}
          </tbody>
        </table>
      </div>
      {found.length === 0 && <p class="chart-none faint">No calls in this time</p>}
    </section>
  );
}

interface RowProps {
  share: Share;
  most: number;
  link: string | undefined;
  onOnly: (value: string) => void;
}

function TopRow({ share: { row, value, label, isOther, share }, most, link, onOnly }: RowProps) {
  const canNarrow = !isOther && value !== "";
  return (
    <tr>
      <th scope="row">
        {canNarrow ? (
          <button type="button" class="cell-value" data-tip={`Only ${value}`} onClick={() => onOnly(value)}>
            <span class="ellipsis">{label}</span>
          </button>
        ) : (
          <span class="faint">{label}</span>
        )}
      </th>
      <td class="top-share">
        <span class="share">
          <span class="share-bar" aria-hidden="true">
            <span style={{ transform: `scaleX(${most > 0 ? share / most : 0})` }} />
          </span>
          <span class="num">{percent(share)}</span>
        </span>
      </td>
      <td class="num">{usd(row.costUsd)}</td>
      <td class="num">{compact(row.inputTokens + row.outputTokens)}</td>
      <td class="num">{integer(row.count)}</td>
      <td class={row.errors > 0 ? "num is-error" : "num faint"}>{integer(row.errors)}</td>
      <td class="num">{duration(row.p95)}</td>
      <td class="num">{link && <a href={link}>Traces</a>}</td>
    </tr>
  );
}

function linkOf(share: Share, by: Split, view: View, fromUs: number, toUs: number): string | undefined {
  if (share.isOther || Object.keys(groupFilters({ [by]: share.value })).length === 0) return undefined;
  const where = { ...view.where, [by]: share.value };
  const filters = { ...brushFilters({ fromS: fromUs / 1e6, toS: toUs / 1e6, where }) };
  const range = view.range.last === undefined ? filters.range : view.range;
  return href("/traces", Object.fromEntries(writeFilters({ ...filters, range })));
}
