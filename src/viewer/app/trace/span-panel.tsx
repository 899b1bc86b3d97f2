import { type Signal, signal, useSignal } from "@preact/signals";
import type { Json } from "../../../core/record.ts";
import { api } from "../api.ts";
import { duration, tokens, usd } from "../format.ts";
import { Button } from "../parts/button.tsx";
import { Badge, StatusBadge } from "../parts/chip.tsx";
import { CopyButton } from "../parts/copy-button.tsx";
import { ErrorState } from "../parts/states.tsx";
import { type Tab, Tabs } from "../parts/tabs.tsx";
import { href } from "../router.ts";
import { useData } from "../use-data.ts";
import { curlOf } from "./curl.ts";
import { Failure } from "./failure.tsx";
import { Findings, Scores } from "./findings.tsx";
import { Instructions } from "./instructions.tsx";
import { JsonTree } from "./json-tree.tsx";
import { Payload } from "./payload.tsx";
import { RunView } from "./run-view.tsx";
import { SpanDetails } from "./span-details.tsx";
import type { TraceModel } from "./trace-model.ts";

type PanelTab = "content" | "run" | "details" | "raw";

/** Stays while one walks through the spans. */
const tab: Signal<PanelTab> = signal("content");

/** Everything about one span. */
export function SpanPanel({ model, spanId }: { model: TraceModel; spanId: string }) {
  const { traceId } = model;
  const index = model.selected.value;
  const row = model.tree.value.rows[index];
  const wholeOf = useSignal<string | undefined>(undefined);
  const full = wholeOf.value === spanId;
  const { state } = useData(`${spanId} ${row?.seq} ${full}`, (signal) => api.span(traceId, spanId, { signal, full }));
  const { value, error } = state.value;
  // The answer before is of another span.
  const answer = value?.record.spanId === spanId ? value : undefined;
  const record = answer?.record;
  if (!row && !record) return error ? <ErrorState error={error} /> : null;
  const run = record?.genAi?.openai;
  const hasRun = record?.type === "agent" && run?.runId !== undefined;
  const tabs: Tab<PanelTab>[] = [
    { id: "content", label: "Content" },
    ...(hasRun ? [{ id: "run" as const, label: "Run" }] : []),
    { id: "details", label: "Details" },
    { id: "raw", label: "Raw" },
  ];
  const selected = tabs.some(({ id }) => id === tab.value) ? tab.value : "content";
  const name = row?.name ?? record!.name;
  const type = row?.type ?? record!.type;
  const status = row?.unfinished ? "open" : (row?.status ?? record!.status.code);
  const findings = model.findings.value.get(spanId);
  const scores = model.scores.value.get(spanId);
  const curl = record && answer?.cut?.input === undefined ? curlOf(record) : undefined;
  const { pinnedId } = model;
  return (
    <div class="span-panel-scroll">
      <header class={`span-panel-head type-${type}`}>
        <div class="row">
          <span class="dot square" />
          <h2 class="grow span-panel-title">{name || "(no name)"}</h2>
          <Button icon="close" look="quiet" label="Close (Esc)" onClick={model.deselect} />
        </div>
        <div class="row wrap span-panel-facts">
          <span class="span-panel-type">{type}</span>
          {status !== "ok" && status !== "unset" && <StatusBadge status={status} />}
          {row?.level === "WARNING" && <Badge tone="warning">warning</Badge>}
          {row && <Fact value={duration(model.durationOf(index))} tip="Duration" />}
          {row && model.sums.value.selfNs[index]! < row.durationNs && (
            <Fact
              value={`${duration(model.sums.value.selfNs[index])} self`}
              tip="Time in which none of its children ran"
            />
          )}
          {row?.costUsd !== undefined && <Fact value={usd(row.costUsd)} tip="Cost" />}
          {row && (row.inputTokens !== undefined || row.outputTokens !== undefined) && (
            <Fact
              value={`${tokens(row.inputTokens)} → ${tokens(row.outputTokens)} tok`}
              tip="Input and output tokens"
            />
          )}
          {row?.model && <Fact value={row.model} tip="Model" />}
        </div>
        <div class="row wrap span-panel-actions">
          <CopyButton
            text={() => `${location.origin}${location.pathname}${href(`/trace/${traceId}`, { span: spanId })}`}
            label="Copy link to this span"
            look="plain"
          >
            Link
          </CopyButton>
          <CopyButton text={() => JSON.stringify(record, null, 2)} label="Copy the record as JSON" look="plain">
            JSON
          </CopyButton>
          {curl && (
            <CopyButton text={curl} label="Copy the call as a curl command; the key comes from your shell" look="plain">
              curl
            </CopyButton>
          )}
          <Button
            icon="pin"
            pressed={pinnedId.value === spanId}
            label="Pin, then choose another span to compare"
            onClick={() => (pinnedId.value = pinnedId.peek() === spanId ? undefined : spanId)}
          >
            {pinnedId.value === spanId ? "Pinned" : "Pin"}
          </Button>
        </div>
      </header>
      {record?.error || row?.errorMessage ? (
        <Failure record={record} message={row?.errorMessage} type={row?.errorType} />
      ) : null}
      {findings && <Findings findings={findings} />}
      {scores && <Scores scores={scores} />}
      <Tabs id="span" label="About the span" tabs={tabs} selected={selected} onSelect={(id) => (tab.value = id)} />
      <div role="tabpanel" id="span-panel" aria-labelledby={`span-${selected}`} class="span-panel-body">
        {error && !answer && <ErrorState error={error} />}
        {!answer && !error && <Skeleton />}
        {record && selected === "content" && (
          <>
            <Instructions record={record} />
            <Payload
              side="input"
              value={record.input}
              cut={answer.cut?.input}
              {...{ traceId, spanId }}
              onWhole={() => (wholeOf.value = spanId)}
            />
            <Payload
              side="output"
              value={record.output}
              cut={answer.cut?.output}
              {...{ traceId, spanId }}
              onWhole={() => (wholeOf.value = spanId)}
            />
            {record.input === undefined && record.output === undefined && (
              <p class="faint span-panel-none">Neither input nor output was recorded.</p>
            )}
          </>
        )}
        {record && selected === "run" && <RunView model={model} record={record} />}
        {record && selected === "details" && <SpanDetails model={model} index={index} record={record} />}
        {record && selected === "raw" && <JsonTree value={record as unknown as Json} />}
      </div>
    </div>
  );
}

function Fact({ value, tip }: { value: string; tip: string }) {
  return <span data-tip={tip}>{value}</span>;
}

function Skeleton() {
  return (
    <div class="span-panel-skeleton" role="status" aria-label="Loading">
      {[40, 92, 80, 64].map((width) => (
        <div class="skeleton" key={width} style={{ width: `${width}%` }} />
      ))}
    </div>
  );
}
