import { compact, percent, plural } from "../format.ts";
import { Button } from "../parts/button.tsx";
import { Icon } from "../parts/icon.tsx";
import type { TraceModel, View } from "./trace-model.ts";

interface TraceToolbarProps {
  model: TraceModel;
  search: { readonly current: HTMLInputElement | null };
  onHelp: () => void;
}

/** Searching a trace, and how it is drawn. */
export function TraceToolbar({ model, search, onHelp }: TraceToolbarProps) {
  const query = model.query.value;
  const matches = model.matches.value;
  const at = matches.indexOf(model.selected.value);
  const failed = model.errors.value.length;
  const { isDone, spans } = model.loading.value;
  const total = model.answer.value!.summary.spans;
  const allCollapsed = model.collapsed.value.size > 0;
  return (
    <div class="trace-toolbar" role="toolbar" aria-label="Trace">
      <div class="trace-search">
        <Icon name="search" size={14} />
        <input
          ref={search as never}
          class="field"
          type="search"
          placeholder="Search in this trace"
          aria-label="Search in this trace"
          value={query}
          onInput={(event) => (model.query.value = event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter") model.nextMatch(event.shiftKey ? -1 : 1);
            else if (event.key === "Escape") {
              if (query === "") event.currentTarget.blur();
              model.query.value = "";
            } else return;
            event.preventDefault();
          }}
        />
        <span class="trace-search-count" role="status">
          {query !== "" ? (
            matches.length === 0 ? (
              "none"
            ) : (
              `${at >= 0 ? `${at + 1}/` : ""}${compact(matches.length)}`
            )
          ) : (
            <kbd class="kbd">/</kbd>
          )}
        </span>
      </div>
      {query !== "" && matches.length > 0 && (
        <>
          <Button icon="up" look="quiet" label="Previous match (N)" onClick={() => model.nextMatch(-1)} />
          <Button icon="down" look="quiet" label="Next match (n)" onClick={() => model.nextMatch(1)} />
        </>
      )}
      {failed > 0 && (
        <Button class="errors" icon="error" look="quiet" label="Next error (e)" onClick={() => model.nextError(1)}>
          {plural(failed, "error")}
        </Button>
      )}
      {!isDone && (
        <span class="faint loading-note" role="status">{`${compact(spans)} of ${compact(total)} spans`}</span>
      )}
      <span class="grow" />
      <div class="view-switch" role="group" aria-label="View">
        {VIEWS.map(([view, label, tip]) => (
          <button
            type="button"
            key={view}
            aria-pressed={model.view.value === view}
            data-tip={tip}
            onClick={() => (model.view.value = view)}
          >
            {label}
          </button>
        ))}
      </div>
      <Button
        icon="path"
        look="quiet"
        label="Critical path: what the trace waited for (c)"
        pressed={model.showsCritical.value}
        onClick={() => (model.showsCritical.value = !model.showsCritical.peek())}
      />
      <Button
        icon="gap"
        look="quiet"
        label={`Draw idle times short (g): ${percent(model.idle.value)} of the trace`}
        pressed={model.isCompressed.value}
        disabled={model.gaps.value.length === 0}
        onClick={() => (model.isCompressed.value = !model.isCompressed.peek())}
      />
      <Button
        icon={allCollapsed ? "expand" : "collapse"}
        look="quiet"
        label={allCollapsed ? "Expand all ( ] )" : "Collapse to the second level ( [ for all)"}
        onClick={() => model.collapseTo(allCollapsed ? Number.POSITIVE_INFINITY : 1)}
      />
      <Button icon="help" look="quiet" label="Keys (?)" onClick={onHelp} />
    </div>
  );
}

const VIEWS: readonly (readonly [view: View, label: string, tip: string])[] = [
  ["waterfall", "Waterfall", "What ran when (f)"],
  ["flame-time", "Time", "Flame graph: where the time went (f)"],
  ["flame-cost", "Cost", "Flame graph: where the money went (f)"],
];
