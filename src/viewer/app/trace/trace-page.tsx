import { signal, useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import "./content.css";
import "./trace.css";
import type { TraceSummary } from "../../../store/trace-store.ts";
import { ApiFailure, download } from "../api.ts";
import { compact, duration, integer, percent, plural, shortId, tokens, usd } from "../format.ts";
import { Button } from "../parts/button.tsx";
import { Badge, Chip, StatusBadge } from "../parts/chip.tsx";
import { CopyButton } from "../parts/copy-button.tsx";
import { Icon } from "../parts/icon.tsx";
import { Empty, ErrorState, Loading } from "../parts/states.tsx";
import { Time } from "../parts/time.tsx";
import { href } from "../router.ts";
import { Flame } from "./flame.tsx";
import { Help } from "./help.tsx";
import { onKey } from "./keys.ts";
import { OverviewPanel } from "./overview-panel.tsx";
import { SpanDiff } from "./span-diff.tsx";
import { SpanPanel } from "./span-panel.tsx";
import { type TraceModel, traceModel, type View } from "./trace-model.ts";
import { Waterfall } from "./waterfall.tsx";

/** From this share of idle time on, to draw it short is offered. */
const MUCH_IDLE = 0.5;
const MOST_TAGS = 6;
const NARROW = "(max-width: 720px)";

const PANEL_KEY = "sightline.panel";
const panelWidth = signal(Number(globalThis.localStorage?.getItem(PANEL_KEY)) || 440);

/** One trace: what ran when, what it cost, what went wrong, and everything about each span. */
export function TracePage({ traceId }: { traceId: string }) {
  const model = useMemo(() => traceModel(traceId), [traceId]);
  const search = useRef<HTMLInputElement>(null);
  const help = useRef<HTMLDialogElement>(null);
  const isNarrow = useMedia(NARROW);
  // Where there is room it is there whenever no span is chosen.
  const showsOverview = useSignal(false);

  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const { target } = event;
      if (target instanceof HTMLElement && target.closest("input, textarea, select, dialog")) return;
      // Within the details the arrows scroll, and Enter and the blank press what has the focus.
      const inPanel = target instanceof HTMLElement && target.closest(".trace-panel, .shell-bar") !== null;
      if (inPanel && /^(Arrow|Page|Home|End|Enter)/.test(event.key)) return;
      if (event.key === "Enter" && target instanceof HTMLElement && target.closest("button, a")) return;
      const page = {
        focusSearch: () => search.current?.focus(),
        toggleHelp: () => (help.current?.open ? help.current.close() : help.current?.showModal()),
        focusPanel: () => document.querySelector<HTMLElement>(".trace-panel")?.focus(),
      };
      if (onKey(event, model, page)) event.preventDefault();
    };
    document.addEventListener("keydown", pressed);
    return () => {
      document.removeEventListener("keydown", pressed);
      model.dispose();
    };
  }, [model]);

  const answer = model.answer.value;
  const error = model.error.value;
  useEffect(() => {
    if (answer) document.title = `${answer.summary.name} – Sightline`;
    return () => {
      document.title = "Sightline";
    };
  }, [answer?.summary.name]);

  if (!answer) {
    if (error instanceof ApiFailure && error.status === 404) {
      return (
        <Empty
          icon="search"
          title="This trace is not here"
          actions={<Button href={href("/traces")}>All traces</Button>}
        >
          {`Nothing is known of ${shortId(traceId)}: it was never received, is in another project, or was pruned.`}
        </Empty>
      );
    }
    return error ? <ErrorState error={error} onRetry={model.reload} /> : <Loading what="Loading the trace" />;
  }
  const { value: selectedId } = model.selectedId;
  const overview = () => {
    model.deselect();
    showsOverview.value = true;
  };
  const pinned = model.pinnedId.value;
  const compares = pinned !== undefined && selectedId !== undefined && pinned !== selectedId;
  const showsPanel = !isNarrow || selectedId !== undefined || showsOverview.value;
  return (
    <div class="trace" ref={(element) => element?.style.setProperty("--panel", `${panelWidth.value}px`)}>
      <Header model={model} summary={answer.summary} onOverview={overview} />
      <Toolbar model={model} search={search} onHelp={() => help.current?.showModal()} />
      <Banners model={model} />
      <div class="trace-body">
        <div class={isNarrow && showsPanel ? "trace-main above" : "trace-main"}>
          {model.view.value === "waterfall" ? (
            <Waterfall model={model} isNarrow={isNarrow} />
          ) : (
            <Flame model={model} by={model.view.value === "flame-cost" ? "cost" : "time"} />
          )}
        </div>
        {showsPanel && (
          <>
            {!isNarrow && <PanelDivider />}
            <aside class="trace-panel" tabIndex={-1} aria-label={selectedId === undefined ? "Overview" : "The span"}>
              {compares ? (
                <SpanDiff
                  key={`${pinned} ${selectedId}`}
                  traceId={traceId}
                  ids={[pinned, selectedId]}
                  onClose={() => (model.pinnedId.value = undefined)}
                />
              ) : selectedId !== undefined ? (
                <SpanPanel model={model} spanId={selectedId} />
              ) : (
                <OverviewPanel model={model} onClose={isNarrow ? () => (showsOverview.value = false) : undefined} />
              )}
            </aside>
          </>
        )}
      </div>
      <Help handle={help} />
    </div>
  );
}

interface HeaderProps {
  model: TraceModel;
  summary: TraceSummary;
  onOverview: () => void;
}

function Header({ model, summary, onOverview }: HeaderProps) {
  const { traceId } = model;
  const { userId, sessionId, feature, environment, tags, findings } = summary;
  const used = summary.inputTokens !== undefined || summary.outputTokens !== undefined;
  return (
    <header class="trace-header">
      <div class="trace-title">
        <a class="trace-back" href={href("/traces")} aria-label="All traces" data-tip="All traces">
          <Icon name="chevron" />
        </a>
        <h1 class="ellipsis">{summary.name || "(no name)"}</h1>
        <StatusBadge status={summary.status} />
        <span class="grow" />
        <CopyButton text={traceId} label={`Copy the id ${traceId}`}>
          {shortId(traceId)}
        </CopyButton>
        <CopyButton text={() => location.href} label="Copy a link to what is shown" look="quiet">
          Link
        </CopyButton>
        <Button
          icon="download"
          look="quiet"
          label="Download the records (NDJSON)"
          onClick={() => void download(`/api/traces/${encodeURIComponent(traceId)}/export`, `${traceId}.ndjson`)}
        />
      </div>
      <div class="trace-facts">
        <Figure
          name="Duration"
          value={duration(model.loading.value.isDone ? model.scale.value.durationNs : summary.durationNs)}
        />
        {summary.costUsd !== undefined && <Figure name="Cost" value={usd(summary.costUsd)} />}
        {used && (
          <Figure
            name="Tokens"
            value={`${tokens(summary.inputTokens)} → ${tokens(summary.outputTokens)}`}
            tip={`${integer(summary.inputTokens)} in, ${integer(summary.outputTokens)} out`}
          />
        )}
        <Figure name="Spans" value={integer(summary.spans)} />
        <span class="figure">
          <span class="figure-name">Started</span>
          <Time us={summary.startUs} />
        </span>
        <div class="trace-chips">
          <button type="button" class="overview-button" onClick={onOverview} data-tip="Overview">
            <Badge tone={findings?.worst === "error" ? "error" : findings?.worst === "warning" ? "warning" : "plain"}>
              {findings ? plural(findings.count, "finding") : "Overview"}
            </Badge>
          </button>
          {userId && (
            <Chip label="user" href={href("/traces", { userId })}>
              {userId}
            </Chip>
          )}
          {sessionId && (
            <Chip label="session" href={href(`/sessions/${encodeURIComponent(sessionId)}`)}>
              {sessionId}
            </Chip>
          )}
          {feature && (
            <Chip label="feature" href={href("/traces", { feature })}>
              {feature}
            </Chip>
          )}
          {environment && (
            <Chip label="env" href={href("/traces", { environment })}>
              {environment}
            </Chip>
          )}
          {tags?.slice(0, MOST_TAGS).map((tag) => (
            <Chip key={tag} href={href("/traces", { tag })}>
              {tag}
            </Chip>
          ))}
          {tags && tags.length > MOST_TAGS && (
            <Badge title={tags.slice(MOST_TAGS).join("\n")}>{`${tags.length - MOST_TAGS} more tags`}</Badge>
          )}
        </div>
      </div>
    </header>
  );
}

function Figure({ name, value, tip }: { name: string; value: string; tip?: string }) {
  return (
    <span class="figure" data-tip={tip}>
      <span class="figure-name">{name}</span>
      {value}
    </span>
  );
}

interface ToolbarProps {
  model: TraceModel;
  search: { readonly current: HTMLInputElement | null };
  onHelp: () => void;
}

function Toolbar({ model, search, onHelp }: ToolbarProps) {
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

function Banners({ model }: { model: TraceModel }) {
  const isOffered = useSignal(true);
  const orphans = model.tree.value.orphans.length;
  const error = model.error.value;
  const { isDone } = model.loading.value;
  const { isRootMissing } = model.answer.value!.summary;
  const offersGaps =
    isOffered.value &&
    isDone &&
    !model.isCompressed.value &&
    model.idle.value > MUCH_IDLE &&
    model.view.value === "waterfall";
  return (
    <>
      {error && (
        <div class="banner error" role="alert">
          <span class="grow">{`Not all spans are shown: ${error.message}`}</span>
          <Button onClick={model.reload}>Try again</Button>
        </div>
      )}
      {isDone && orphans > 0 && (
        <div class="banner">
          <Icon name="info" size={14} />
          <span class="grow">
            {isRootMissing
              ? `The root of this trace has not been received. ${plural(orphans, "span")} stand at the top without their parent.`
              : `${plural(orphans, "span")} without the parent that they name: it was not received or belongs to another service.`}
          </span>
        </div>
      )}
      {offersGaps && (
        <div class="banner">
          <Icon name="gap" size={14} />
          <span class="grow">{`${percent(model.idle.value)} of this trace is idle.`}</span>
          <Button onClick={() => (model.isCompressed.value = true)}>Draw idle times short</Button>
          <Button icon="close" look="quiet" label="No" onClick={() => (isOffered.value = false)} />
        </div>
      )}
    </>
  );
}

function PanelDivider() {
  const set = (width: number) => {
    panelWidth.value = Math.min(window.innerWidth - 360, Math.max(300, width));
    localStorage.setItem(PANEL_KEY, String(panelWidth.peek()));
  };
  const onPointerDown = (event: PointerEvent) => {
    const bar = event.currentTarget as HTMLElement;
    const [x, width] = [event.clientX, panelWidth.peek()];
    bar.setPointerCapture(event.pointerId);
    const move = ({ clientX }: PointerEvent) => set(width + x - clientX);
    const up = () => {
      bar.removeEventListener("pointermove", move);
      bar.removeEventListener("pointerup", up);
    };
    bar.addEventListener("pointermove", move);
    bar.addEventListener("pointerup", up);
  };
  return (
    <div
      class="divider panel-divider"
      role="separator"
      aria-orientation="vertical"
      aria-label="Width of the details"
      aria-valuenow={panelWidth.value}
      aria-valuemin={300}
      aria-valuemax={1600}
      tabIndex={0}
      onPointerDown={onPointerDown}
      onDblClick={() => set(440)}
      onKeyDown={(event) => {
        const by = event.key === "ArrowLeft" ? 16 : event.key === "ArrowRight" ? -16 : 0;
        if (by === 0) return;
        event.preventDefault();
        event.stopPropagation();
        set(panelWidth.peek() + by);
      }}
    />
  );
}

/** Whether a media query holds, now and later. */
function useMedia(query: string): boolean {
  const list = useMemo(() => matchMedia(query), [query]);
  const fits = useSignal(list.matches);
  useEffect(() => {
    const changed = () => (fits.value = list.matches);
    list.addEventListener("change", changed);
    return () => list.removeEventListener("change", changed);
  }, [list]);
  return fits.value;
}
