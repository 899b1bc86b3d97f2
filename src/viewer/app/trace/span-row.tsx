import type { ReadonlySignal } from "@preact/signals";
import { costText, plural, tokens } from "../format.ts";
import { Icon } from "../parts/icon.tsx";
import { costAt } from "./rollups.ts";
import { SpanBar } from "./span-bar.tsx";
import type { TraceModel } from "./trace-model.ts";

const INDENT = 14;
/** Deeper spans are not moved in further: the name would have no room. */
const DEEPEST = 16;

interface SpanRowProps {
  model: TraceModel;
  /** Among the rows that are not folded away. */
  position: number;
  /** Pixels that the bars have. */
  width: ReadonlySignal<number>;
}

/** One span: its place in the tree, what it cost, and when it ran. */
export function SpanRow({ model, position, width }: SpanRowProps) {
  const index = model.visible.value[position];
  if (index === undefined) return null;
  const tree = model.tree.value;
  const sums = model.sums.value;
  const row = tree.rows[index]!;
  const { spanId } = row;
  const level = tree.depth[index]!;
  const below = tree.end[index]! - index - 1;
  const isCollapsed = below > 0 && model.collapsed.value.has(spanId);
  const isSelected = model.selectedId.value === spanId;
  const failed = row.status === "error";
  const hiddenErrors = isCollapsed ? sums.errors[index]! - (failed ? 1 : 0) : 0;
  const found = model.findings.value.get(spanId);
  const isMatch = model.query.value !== "" && model.matchSet.value.has(index);
  const isDimmed = model.query.value !== "" && !isMatch;
  // With what is hidden, where something is; otherwise its own, so that a column never counts twice.
  const cost = isCollapsed ? sums.costUsd[index]! : (row.costUsd ?? 0);
  const used = isCollapsed ? sums.tokens[index]! : (row.inputTokens ?? 0) + (row.outputTokens ?? 0);
  const isBelow = !isCollapsed && below > 0;
  const subtreeCost = isBelow ? sums.costUsd[index]! : 0;
  const subtreeTokens = isBelow ? sums.tokens[index]! : 0;
  const classes = [
    "span-row",
    isSelected && "selected",
    failed && "failed",
    isDimmed && "dimmed",
    model.pinnedId.value === spanId && "pinned",
  ];
  return (
    <div
      class={classes.filter(Boolean).join(" ")}
      id={`span-${spanId}`}
      role="treeitem"
      aria-level={level + 1}
      aria-expanded={below > 0 ? !isCollapsed : undefined}
      aria-selected={isSelected}
      aria-description={failed ? `${row.type}, failed` : row.type}
      onClick={() => model.select(index)}
      onDblClick={() => model.zoomToSpan(index)}
    >
      <div class="span-name">
        {level > 0 && <span class="indent" style={{ width: `${Math.min(level, DEEPEST) * INDENT}px` }} />}
        {below > 0 && (
          <span
            class={isCollapsed ? "twisty folded" : "twisty open"}
            onClick={(event) => {
              event.stopPropagation();
              if (event.altKey) model.collapseTo(isCollapsed ? Number.POSITIVE_INFINITY : level);
              else model.toggle(index);
            }}
          />
        )}
        <span class={`dot square type-${row.type}${below > 0 ? "" : " leaf"}`} />
        <span class={isMatch ? "span-label match" : "span-label"}>{row.name || "(no name)"}</span>
        {isCollapsed && <span class="span-count">{below}</span>}
        {failed && (
          <span class="span-mark error" data-tip={row.errorMessage ?? row.errorType ?? "failed"}>
            <Icon name="error" size={13} />
            {row.httpStatus}
          </span>
        )}
        {hiddenErrors > 0 && <span class="span-mark error">{plural(hiddenErrors, "error")}</span>}
        {found && (
          <span class={`span-mark ${worst(found)}`} data-tip={found.map(({ message }) => message).join("\n")}>
            <span class="finding-mark" />
          </span>
        )}
        {row.model !== undefined && !row.name.includes(family(row.model)) && (
          <span class="span-model">{row.model}</span>
        )}
      </div>
      {sums.hasTokens && (
        <span class={subtreeTokens > 0 ? "cell-tokens sum" : "cell-tokens"}>
          {used > 0 || subtreeTokens > 0 ? tokens(subtreeTokens || used) : ""}
        </span>
      )}
      {sums.hasCost && (
        <span class={subtreeCost > 0 ? "cell-cost sum" : "cell-cost"}>
          {cost > 0 || subtreeCost > 0 ? costText(below > 0 ? costAt(sums, index) : { costUsd: cost }) : ""}
        </span>
      )}
      <SpanBar model={model} index={index} width={width} />
    </div>
  );
}

/** Without the date of its version: `gpt-4.1-2025-04-14` → `gpt-4.1`. */
function family(model: string): string {
  return model.replace(/-\d{4}-?\d{2}-?\d{2}$/, "");
}

function worst(found: readonly { readonly severity: string }[]): string {
  for (const severity of ["error", "warning"]) if (found.some((one) => one.severity === severity)) return severity;
  return "info";
}
