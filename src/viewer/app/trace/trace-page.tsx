import { signal, useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import "./content.css";
import "./trace.css";
import { ApiFailure } from "../api.ts";
import { shortId } from "../format.ts";
import { Button } from "../parts/button.tsx";
import { Divider, keptWidth } from "../parts/divider.tsx";
import { Empty, ErrorState, Loading } from "../parts/states.tsx";
import { useMedia } from "../parts/use-media.ts";
import { href } from "../router.ts";
import { Banners } from "./banners.tsx";
import { Flame } from "./flame.tsx";
import { Help } from "./help.tsx";
import { onKey } from "./keys.ts";
import { OverviewPanel } from "./overview-panel.tsx";
import { SpanDiff } from "./span-diff.tsx";
import { SpanPanel } from "./span-panel.tsx";
import { TraceHeader } from "./trace-header.tsx";
import { traceModel } from "./trace-model.ts";
import { TraceToolbar } from "./trace-toolbar.tsx";
import { Waterfall } from "./waterfall.tsx";

const NARROW = "(max-width: 720px)";

const PANEL_KEY = "sightline.panel";
const PANEL_WIDTH = 440;
const panelWidth = signal(keptWidth(PANEL_KEY, PANEL_WIDTH));

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
      <TraceHeader model={model} summary={answer.summary} onOverview={overview} />
      <TraceToolbar model={model} search={search} onHelp={() => help.current?.showModal()} />
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
            {!isNarrow && (
              <Divider
                class="panel-divider"
                label="Width of the details"
                width={panelWidth}
                storageKey={PANEL_KEY}
                usual={PANEL_WIDTH}
                least={300}
                most={() => window.innerWidth - 360}
                isRight
              />
            )}
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
