import { type Signal, signal, useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import type { HttpCall, Json, SpanRecord } from "../../../core/record.ts";
import { api } from "../api.ts";
import { bytes, duration, exactTime, integer, NONE, percent, shortId, tokens, usd } from "../format.ts";
import { Button } from "../parts/button.tsx";
import { Badge, Chip, StatusBadge } from "../parts/chip.tsx";
import { CopyButton } from "../parts/copy-button.tsx";
import { Icon } from "../parts/icon.tsx";
import { KeyValue } from "../parts/key-value.tsx";
import { ErrorState } from "../parts/states.tsx";
import { type Tab, Tabs } from "../parts/tabs.tsx";
import { href } from "../router.ts";
import { useData } from "../use-data.ts";
import { curlOf } from "./curl.ts";
import { Findings, Scores } from "./findings.tsx";
import { JsonTree } from "./json-tree.tsx";
import { Payload } from "./payload.tsx";
import { RunView } from "./run-view.tsx";
import type { TraceModel } from "./trace-model.ts";
import { startNs } from "./tree.ts";

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
            <System record={record} />
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
        {record && selected === "details" && <Details model={model} index={index} record={record} />}
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

function Failure({
  record,
  message,
  type,
}: {
  record: SpanRecord | undefined;
  message: string | undefined;
  type: string | undefined;
}) {
  const error = record?.error;
  return (
    <section class="failure" aria-label="Error">
      <div class="row wrap">
        <Icon name="error" />
        <strong class="mono">{error?.type ?? type ?? "Error"}</strong>
        {error?.status !== undefined && <Badge tone="error">{error.status}</Badge>}
        {error?.code !== undefined && <span class="mono faint">{error.code}</span>}
      </div>
      <p class="text">{error?.message ?? record?.status.message ?? message}</p>
      {error?.causes?.map((cause) => (
        <p
          class="text muted"
          key={cause.type}
        >{`caused by ${cause.type}${cause.message ? `: ${cause.message}` : ""}`}</p>
      ))}
      {error?.stack && (
        <details>
          <summary>Stack</summary>
          <pre class="stack">{error.stack}</pre>
        </details>
      )}
    </section>
  );
}

/** What the model was told apart from the conversation. */
function System({ record }: { record: SpanRecord }) {
  const { systemInstructions, toolDefinitions } = record.genAi ?? {};
  if (systemInstructions === undefined && toolDefinitions === undefined) return null;
  const count = Array.isArray(toolDefinitions) ? toolDefinitions.length : undefined;
  return (
    <div class="system">
      {systemInstructions !== undefined && (
        <details>
          <summary>Instructions</summary>
          <JsonOrText value={systemInstructions} />
        </details>
      )}
      {toolDefinitions !== undefined && (
        <details>
          <summary>{count === undefined ? "Tools" : `Tools (${count})`}</summary>
          <JsonTree value={toolDefinitions} open={1} />
        </details>
      )}
    </div>
  );
}

function JsonOrText({ value }: { value: Json }) {
  const texts = Array.isArray(value) ? value.map((part) => (part as { content?: Json } | null)?.content) : [value];
  return texts.every((text) => typeof text === "string") ? (
    <p class="text">{texts.join("\n")}</p>
  ) : (
    <JsonTree value={value} />
  );
}

function Details({ model, index, record }: { model: TraceModel; index: number; record: SpanRecord }) {
  const { genAi, usage, cost, http, events, links, metadata, attributes, cuts } = record;
  const sums = model.sums.value;
  const hasBelow = index >= 0 && model.tree.value.end[index]! > index + 1;
  return (
    <>
      {hasBelow && (
        <Group title="With everything below">
          <KeyValue
            facts={[
              ["Spans", integer(model.tree.value.end[index]! - index)],
              [
                "Self time",
                `${duration(sums.selfNs[index])} of ${duration(model.durationOf(index))} (${percent(sums.selfNs[index]! / Math.max(1, model.durationOf(index)))})`,
              ],
              ["Tokens", sums.tokens[index]! > 0 ? integer(sums.tokens[index]) : undefined],
              ["Cost", sums.costUsd[index]! > 0 ? usd(sums.costUsd[index]) : undefined],
              ["Errors", sums.errors[index]! > 0 ? integer(sums.errors[index]) : undefined],
            ]}
          />
        </Group>
      )}
      {(usage || cost) && (
        <Group title="Usage and cost">
          <table class="fact-table">
            <tbody>
              <UsageLine name="Input" count={usage?.inputTokens} money={cost?.input} />
              <UsageLine name="cached" count={usage?.cacheReadInputTokens} isPart />
              <UsageLine name="written to the cache" count={usage?.cacheWriteInputTokens} isPart />
              <UsageLine name="audio" count={usage?.audioInputTokens} isPart />
              <UsageLine name="image" count={usage?.imageInputTokens} isPart />
              <UsageLine name="Output" count={usage?.outputTokens} money={cost?.output} />
              <UsageLine name="reasoning" count={usage?.reasoningOutputTokens} isPart />
              <UsageLine name="audio" count={usage?.audioOutputTokens} isPart />
              <UsageLine name="Tools" count={undefined} money={cost?.tools} />
              <UsageLine
                name="Total"
                count={usage?.totalTokens ?? total(usage?.inputTokens, usage?.outputTokens)}
                money={cost?.total}
                isTotal
              />
            </tbody>
          </table>
          {cost && (
            <p class="faint small">
              {cost.source === "computed"
                ? `Worked out from the prices of ${cost.model ?? genAi?.responseModel ?? "the model"}${cost.book ? ` (${cost.book})` : ""}.`
                : "As the program stated it."}
            </p>
          )}
          {usage && !cost && <p class="faint small">No price is known for this model: sums above are lower bounds.</p>}
        </Group>
      )}
      {genAi && (
        <Group title="Model call">
          <KeyValue
            facts={[
              ["Operation", genAi.operation],
              ["Provider", genAi.provider],
              ["Asked for", genAi.requestModel],
              ["Answered by", genAi.responseModel === genAi.requestModel ? undefined : genAi.responseModel],
              ["Finished by", genAi.finishReasons?.join(", ")],
              ["Streamed", genAi.stream ? "yes" : undefined],
              [
                "First chunk",
                record.firstChunkTime && duration(Number(BigInt(record.firstChunkTime) - BigInt(record.startTime))),
              ],
              ["Agent", genAi.agent?.name ?? genAi.agent?.id],
              ["Tool", genAi.tool?.name],
              [
                "Prompt",
                genAi.prompt &&
                  `${genAi.prompt.name}${genAi.prompt.version === undefined ? "" : ` @ ${genAi.prompt.version}`}`,
              ],
              ["Conversation", genAi.conversationId],
              ["Response", genAi.responseId],
              ["Thread", genAi.openai?.threadId],
              ["Run", genAi.openai?.runId],
              ["Service tier", genAi.openai?.serviceTier],
            ]}
          />
          {genAi.parameters && <JsonTree value={genAi.parameters} open={1} />}
        </Group>
      )}
      {http && <Http http={http} />}
      <Group title="Times and ids">
        <KeyValue
          facts={[
            ["Started", exactTime(Number(BigInt(record.startTime) / 1_000n))],
            ["In the trace", index >= 0 ? `+${duration(startNs(model.tree.value, index))}` : undefined],
            ["Ended", record.unfinished ? "not yet" : exactTime(Number(BigInt(record.endTime) / 1_000n))],
            ["Span", <Id id={record.spanId} />],
            ["Parent", record.parentSpanId && <Id id={record.parentSpanId} />],
            ["Kind", record.kind],
            ["Call site", record.callSite],
          ]}
        />
      </Group>
      {events && events.length > 0 && (
        <Group title="Events">
          <ul class="events">
            {events.map((event) => (
              <li key={event.time + event.name}>
                <span class="faint num">{`+${duration(Number(BigInt(event.time) - BigInt(record.startTime)))}`}</span>
                <div class="grow">
                  <span>{event.name}</span>
                  {event.attributes && <JsonTree value={event.attributes} open={1} />}
                </div>
              </li>
            ))}
          </ul>
        </Group>
      )}
      {links && links.length > 0 && (
        <Group title="Links">
          <ul class="row wrap">
            {links.map((link) => (
              <li key={link.traceId + link.spanId}>
                <Chip label="trace" href={href(`/trace/${link.traceId}`, { span: link.spanId })}>
                  {shortId(link.traceId)}
                </Chip>
              </li>
            ))}
          </ul>
        </Group>
      )}
      {metadata && (
        <Group title="Metadata">
          <JsonTree value={metadata} />
        </Group>
      )}
      {attributes && (
        <Group title="Attributes">
          <JsonTree value={attributes} />
        </Group>
      )}
      {cuts && cuts.length > 0 && (
        <Group title="Not recorded in full">
          <KeyValue
            facts={cuts.map(({ path, reason, size }) => [
              path,
              `${reason}${size === undefined ? "" : `, was ${integer(size)}`}`,
            ])}
          />
        </Group>
      )}
    </>
  );
}

function Group({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <section class="group">
      <h3>{title}</h3>
      {children}
    </section>
  );
}

function Id({ id }: { id: string }) {
  return (
    <span class="id">
      <span class="mono ellipsis">{id}</span>
      <CopyButton text={id} label="Copy" />
    </span>
  );
}

interface UsageLineProps {
  name: string;
  count: number | undefined;
  money?: number | undefined;
  /** Of the line above. */
  isPart?: boolean;
  isTotal?: boolean;
}

function UsageLine({ name, count, money, isPart, isTotal }: UsageLineProps) {
  if (count === undefined && money === undefined) return null;
  if (isPart && !count) return null;
  return (
    <tr class={isTotal ? "total" : isPart ? "part-line" : undefined}>
      <th>{name}</th>
      <td class="num">{count === undefined ? "" : `${integer(count)} tok`}</td>
      <td class="num">{isPart ? "" : money === undefined ? NONE : usd(money)}</td>
    </tr>
  );
}

function total(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined && b === undefined ? undefined : (a ?? 0) + (b ?? 0);
}

function Http({ http }: { http: HttpCall }) {
  const { rateLimit, attempts, stream, polls } = http;
  return (
    <Group title="HTTP">
      <KeyValue
        facts={[
          ["Request", <span class="mono">{`${http.method} ${http.route}`}</span>],
          ["Host", http.host],
          ["Status", http.status],
          ["Request id", http.requestId && <Id id={http.requestId} />],
          ["At the provider", http.processingMs === undefined ? undefined : duration(http.processingMs * 1e6)],
          ["Sent", http.requestBytes === undefined ? undefined : bytes(http.requestBytes)],
          ["Received", http.responseBytes === undefined ? undefined : bytes(http.responseBytes)],
          [
            "Stream",
            stream && `${integer(stream.events)} events, ${stream.end}${stream.truncated ? ", truncated" : ""}`,
          ],
          ["Polls", polls && `${integer(polls.count)}, at most ${polls.maxPerSecond} a second`],
        ]}
      />
      {attempts && attempts.length > 1 && (
        <ol class="attempts">
          {attempts.map((attempt, i) => (
            <li key={i}>
              <span class="faint">{`Attempt ${i + 1}`}</span>
              <Badge tone={attempt.status !== undefined && attempt.status < 400 ? "ok" : "error"}>
                {attempt.status ?? attempt.error ?? "no answer"}
              </Badge>
              <span>{duration(attempt.durationMs * 1e6)}</span>
              {attempt.waitMs !== undefined && <span class="faint">{`after ${duration(attempt.waitMs * 1e6)}`}</span>}
            </li>
          ))}
        </ol>
      )}
      {rateLimit && (
        <div class="limits">
          <Limit
            name="Requests"
            left={rateLimit.remainingRequests}
            of={rateLimit.limitRequests}
            reset={rateLimit.resetRequestsMs}
          />
          <Limit
            name="Tokens"
            left={rateLimit.remainingTokens}
            of={rateLimit.limitTokens}
            reset={rateLimit.resetTokensMs}
          />
        </div>
      )}
    </Group>
  );
}

interface LimitProps {
  name: string;
  left: number | undefined;
  of: number | undefined;
  reset: number | undefined;
}

function Limit({ name, left, of, reset }: LimitProps) {
  if (left === undefined || of === undefined || of <= 0) return null;
  const share = Math.min(1, Math.max(0, left / of));
  return (
    <div class="limit">
      <span class="faint">{`${name} left`}</span>
      <div class={share < 0.1 ? "meter low" : "meter"}>
        <div style={{ width: `${share * 100}%` }} />
      </div>
      <span class="num">{`${tokens(left)} of ${tokens(of)}${reset === undefined ? "" : `, full in ${duration(reset * 1e6)}`}`}</span>
    </div>
  );
}
