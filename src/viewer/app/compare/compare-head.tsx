import type { TraceSummary } from "../../../store/trace-store.ts";
import type { ApiFailure } from "../api.ts";
import { costText, dateTime, duration, integer, shortId, tokens } from "../format.ts";
import { Button, StatusBadge } from "../parts/index.ts";
import { href } from "../router.ts";
import { tokenSum } from "../traces/token-sum.ts";
import type { Figure } from "./align.ts";
import { Delta } from "./delta.tsx";
import type { LoadedTrace } from "./load-trace.ts";

interface Side {
  readonly traceId: string;
  readonly loaded: LoadedTrace | undefined;
  readonly error: Error | ApiFailure | undefined;
  /** Where another one is picked for this side. */
  readonly change: string;
}

type Row = readonly [
  label: string,
  figure: Figure,
  text: (trace: TraceSummary) => string,
  /** Undefined where it is not known: no difference is told then. */
  of: (trace: TraceSummary) => number | undefined,
];

const FIGURES: readonly Row[] = [
  ["Duration", "durationNs", ({ durationNs }) => duration(durationNs), ({ durationNs }) => durationNs],
  ["Cost", "costUsd", costText, ({ costUsd, unpriced }) => (unpriced ? undefined : costUsd)],
  ["Tokens", "tokens", (trace) => tokens(tokenSum(trace)), tokenSum],
  ["Failed spans", "errors", ({ errors }) => integer(errors), ({ errors }) => errors],
];

/** What the two traces are, and how their figures differ. */
export function CompareHead({ left, right }: { left: Side; right: Side }) {
  const [a, b] = [left.loaded?.trace.summary, right.loaded?.trace.summary];
  return (
    <div class="compare-head">
      <SideCard label="A" side={left} />
      <SideCard label="B" side={right} />
      {a && b && (
        <table class="card compare-figures">
          <thead>
            <tr>
              {["", "A", "B", "Difference"].map((label) => (
                <th scope="col" class="num" key={label}>
                  {label || <span class="visually-hidden">Figure</span>}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {FIGURES.map(([label, figure, text, of]) => (
              <tr key={figure}>
                <th scope="row">{label}</th>
                <td class="num">{text(a)}</td>
                <td class="num">{text(b)}</td>
                <td class="num">
                  <Delta figure={figure} left={of(a)} right={of(b)} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </div>
  );
}

function SideCard({ label, side: { traceId, loaded, error, change } }: { label: string; side: Side }) {
  const summary = loaded?.trace.summary;
  return (
    <section class="card compare-side" aria-label={`Trace ${label}`}>
      <div class="row">
        <span class="side-letter" aria-hidden="true">
          {label}
        </span>
        <a class="ellipsis compare-name" href={href(`/trace/${encodeURIComponent(traceId)}`)}>
          {summary?.name ?? shortId(traceId)}
        </a>
        {summary && <StatusBadge status={summary.status} />}
        <span class="grow" />
        <Button look="quiet" href={change}>
          Change
        </Button>
      </div>
      {summary ? (
        <>
          <div class="faint compare-facts">
            {[
              dateTime(summary.startUs),
              summary.userId,
              summary.release && `release ${summary.release}`,
              summary.models.join(", "),
            ]
              .filter(Boolean)
              .join(" · ")}
          </div>
          {summary.inputPreview && <div class="ellipsis muted compare-facts">{summary.inputPreview}</div>}
        </>
      ) : (
        <div class={error ? "is-error compare-facts" : "faint compare-facts"} role={error ? "alert" : "status"}>
          {error ? error.message : "Loading…"}
        </div>
      )}
    </section>
  );
}
