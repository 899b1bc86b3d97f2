import type { TraceSummary } from "../../../store/trace-store.ts";
import { clock, costText, duration, exactTime, integer, plural, tokens } from "../format.ts";
import { Icon } from "../parts/index.ts";
import { href } from "../router.ts";
import type { ValueField } from "./filters.ts";
import { dayText } from "./time-text.ts";
import { tokenSum } from "./token-sum.ts";

interface Props {
  trace: TraceSummary;
  index: number;
  isActive: boolean;
  isPicked: boolean;
  /** Of the longest trace that is shown. */
  longestNs: number;
  onPick: () => void;
  onFilter: (field: ValueField, value: string) => void;
}

const DAY_US = 86_400e6;

/** One trace. The link covers the row; what filters or picks lies above it. */
export function TraceRow({ trace, index, isActive, isPicked, longestNs, onPick, onFilter }: Props) {
  const { traceId, name, status, startUs, models } = trace;
  const all = tokenSum(trace);
  return (
    <div
      class={`trace-row ${status}${isActive ? " active" : ""}${isPicked ? " picked" : ""}`}
      role="row"
      id={`trace-${index}`}
      aria-rowindex={index + 2}
      aria-selected={isPicked}
    >
      <div class="c-pick" role="gridcell">
        <input type="checkbox" tabIndex={-1} checked={isPicked} aria-label={`Compare ${name}`} onChange={onPick} />
      </div>
      <div class="c-time" role="gridcell">
        <time dateTime={new Date(startUs / 1_000).toISOString()} data-tip={exactTime(startUs)}>
          <span class="faint c-day">{isToday(startUs) ? "" : `${dayText(startUs)} `}</span>
          {clock(startUs)}
        </time>
      </div>
      <div class="c-name" role="gridcell">
        <span class={`dot ${status}`} />
        <span class="visually-hidden">{status === "open" ? "running" : status}</span>
        <a class="trace-link ellipsis" href={href(`/trace/${encodeURIComponent(traceId)}`)} tabIndex={-1}>
          {name || "(no name)"}
        </a>
        <Marks trace={trace} />
      </div>
      <div class="c-input ellipsis" role="gridcell">
        {trace.inputPreview ?? <span class="faint">–</span>}
      </div>
      <div class="c-duration" role="gridcell">
        <span class="num">{status === "open" ? `${duration(trace.durationNs)}…` : duration(trace.durationNs)}</span>
        <span class="bar" aria-hidden="true">
          <span style={{ transform: `scaleX(${barShare(trace.durationNs, longestNs)})` }} />
        </span>
      </div>
      <div class="c-tokens num" role="gridcell" data-tip={tokensTip(trace)}>
        {all === undefined ? <span class="faint">–</span> : tokens(all)}
      </div>
      <div class="c-cost num" role="gridcell">
        {trace.costUsd === undefined ? <span class="faint">–</span> : costText(trace)}
      </div>
      <div class="c-model" role="gridcell">
        {models[0] === undefined ? (
          <span class="faint">–</span>
        ) : (
          <Value field="model" value={models[0]} onFilter={onFilter} />
        )}
        {models.length > 1 && (
          <span class="faint" data-tip={models.join("\n")}>
            +{models.length - 1}
          </span>
        )}
      </div>
      <div class="c-user" role="gridcell">
        {trace.userId ? (
          <Value field="userId" value={trace.userId} onFilter={onFilter} />
        ) : (
          <span class="faint">–</span>
        )}
      </div>
      <div class="c-session" role="gridcell">
        {trace.sessionId ? (
          <Value field="sessionId" value={trace.sessionId} onFilter={onFilter} />
        ) : (
          <span class="faint">–</span>
        )}
      </div>
      <div class="c-feature" role="gridcell">
        {trace.feature && <Value field="feature" value={trace.feature} onFilter={onFilter} chip />}
        {trace.team && <Value field="team" value={trace.team} onFilter={onFilter} chip />}
      </div>
    </div>
  );
}

function Marks({ trace: { errors, findings, isRootMissing, status } }: { trace: TraceSummary }) {
  const tone = findings?.worst === "error" ? "error" : findings?.worst === "warning" ? "warning" : "plain";
  return (
    <>
      {isRootMissing && (
        <span class="badge" data-tip="The span that began this trace has not come (yet)">
          no root
        </span>
      )}
      {errors > 0 && (
        <span
          class="badge error"
          data-tip={`${plural(errors, "span")} failed${status === "ok" ? ", the trace did not" : ""}`}
        >
          {integer(errors)} ✗
        </span>
      )}
      {findings && (
        <span class={`badge ${tone}`} data-tip={plural(findings.count, "finding")}>
          <Icon name="warning" size={12} />
          {integer(findings.count)}
          <span class="visually-hidden"> findings, the worst: {findings.worst}</span>
        </span>
      )}
    </>
  );
}

interface ValueProps {
  field: ValueField;
  value: string;
  onFilter: Props["onFilter"];
  chip?: boolean;
}

/** Clicked, it filters by itself. */
function Value({ field, value, onFilter, chip }: ValueProps) {
  return (
    <button
      type="button"
      class={chip ? "cell-value chip" : "cell-value"}
      tabIndex={-1}
      data-tip={`Only ${value}`}
      onClick={() => onFilter(field, value)}
    >
      <span class="ellipsis">{value}</span>
    </button>
  );
}

/** Square root: what is ten times as long is seen to be longer, and what is short is still seen. */
function barShare(ns: number, longestNs: number): number {
  return longestNs > 0 ? Math.max(0.02, Math.sqrt(Math.min(1, ns / longestNs))) : 0;
}

function tokensTip({ inputTokens, outputTokens }: TraceSummary): string | undefined {
  if (inputTokens === undefined && outputTokens === undefined) return undefined;
  return `${integer(inputTokens)} in, ${integer(outputTokens)} out`;
}

function isToday(us: number): boolean {
  const now = Date.now() * 1_000;
  return now - us < DAY_US && dayText(us) === dayText(now);
}
