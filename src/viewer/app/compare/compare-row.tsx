import { duration, NONE } from "../format.ts";
import { TypeDot } from "../parts/index.ts";
import type { AlignedRow, Change, Figure } from "./align.ts";
import { deltaText, tone } from "./delta.tsx";

interface Props {
  row: AlignedRow;
  index: number;
  isActive: boolean;
  /** The figures are those of the span alone: in a list that is sorted by difference. */
  isOwn: boolean;
  /** The largest difference of duration among the rows. */
  most: number;
  onSelect: () => void;
}

const SIGNS: { readonly [kind in AlignedRow["kind"]]: readonly [string, string] } = {
  same: ["", "in both"],
  changed: ["~", "changed"],
  removed: ["−", "only in A"],
  added: ["+", "only in B"],
};
/** Deeper levels are not indented further: names must stay readable. */
const DEEPEST = 16;

/** A span of A, of B, or of both. */
export function CompareRow({ row, index, isActive, isOwn, most, onSelect }: Props) {
  const { kind, depth, left, right, changes } = row;
  const span = (right ?? left)!.span;
  const delta = isOwn ? row.ownDelta : row.delta;
  const [sign, word] = SIGNS[kind];
  const figures = (of: typeof left) => (isOwn ? of?.own : of?.total);
  return (
    <div
      class={`compare-row ${kind}${isActive ? " active" : ""}`}
      role="row"
      id={`compare-${index}`}
      aria-level={isOwn ? undefined : depth + 1}
      aria-selected={isActive}
      aria-rowindex={index + 2}
      onClick={onSelect}
    >
      <div class="k-sign" role="gridcell">
        <span aria-hidden="true">{sign}</span>
        <span class="visually-hidden">{word}</span>
      </div>
      <div class="k-name" role="gridcell" style={{ paddingLeft: isOwn ? "0" : `${Math.min(depth, DEEPEST) * 14}px` }}>
        <TypeDot type={span.type} />
        <span class="ellipsis">{span.name}</span>
        {shownChanges(changes).map((change) => (
          <ChangeBadge key={change} change={change} row={row} />
        ))}
        {kind === "removed" && span.status === "error" && <span class="badge error">failed</span>}
        {kind === "added" && span.status === "error" && <span class="badge error">failed</span>}
      </div>
      <div class="k-a num" role="gridcell">
        {left ? duration(figures(left)?.durationNs) : <span class="faint">–</span>}
      </div>
      <div class="k-b num" role="gridcell">
        {right ? duration(figures(right)?.durationNs) : <span class="faint">–</span>}
      </div>
      <div class="k-delta" role="gridcell">
        <Cell
          figure="durationNs"
          delta={delta.durationNs}
          of={Math.max(figures(left)?.durationNs ?? 0, figures(right)?.durationNs ?? 0)}
        />
        <DeltaBar delta={delta.durationNs} most={most} />
      </div>
      <div class="k-tokens" role="gridcell">
        <Cell figure="tokens" delta={delta.tokens} of={0} />
      </div>
      <div class="k-cost" role="gridcell">
        <Cell figure="costUsd" delta={delta.costUsd} of={0} />
      </div>
      <div class="k-errors" role="gridcell">
        <Cell figure="errors" delta={delta.errors} of={0} />
      </div>
    </div>
  );
}

/** Names of model calls often have the model in them: one of the two says it. */
function shownChanges(changes: readonly Change[]): readonly Change[] {
  return changes.includes("model") ? changes.filter((change) => change !== "name") : changes;
}

function Cell({ figure, delta, of }: { figure: Figure; delta: number | undefined; of: number }) {
  if (delta === undefined) return <span class="num faint delta-cell">{NONE}</span>;
  if (delta === 0) return <span class="num faint delta-cell">·</span>;
  return <span class={`num delta-cell ${tone(delta, of)}`}>{deltaText(figure, delta)}</span>;
}

/** To the right: slower. Square root, so that small ones are seen beside large ones. */
function DeltaBar({ delta, most }: { delta: number; most: number }) {
  const share = most > 0 ? Math.sqrt(Math.min(1, Math.abs(delta) / most)) : 0;
  return (
    <span class="delta-bar" aria-hidden="true">
      <span class={delta > 0 ? "worse" : "better"} style={{ transform: `scaleX(${delta > 0 ? share : -share})` }} />
    </span>
  );
}

function ChangeBadge({ change, row: { left, right } }: { change: Change; row: AlignedRow }) {
  const [a, b] = [left!.span, right!.span];
  if (change === "status") {
    return b.status === "error" ? (
      <span class="badge error">now fails</span>
    ) : (
      <span class="badge ok">now {b.unfinished ? "runs" : "works"}</span>
    );
  }
  if (change === "place") return <span class="badge">moved</span>;
  if (change === "model") {
    return (
      <span class="badge" data-tip={`Model: ${a.model ?? "none"} → ${b.model ?? "none"}`}>
        {a.model ?? "none"} → {b.model ?? "none"}
      </span>
    );
  }
  return (
    <span class="badge" data-tip={`Name: ${a.name} → ${b.name}`}>
      renamed
    </span>
  );
}
