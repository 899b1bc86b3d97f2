import type { SpanRecord } from "../../../core/record.ts";
import { api } from "../api.ts";
import { dateTime, duration, exactTime } from "../format.ts";
import { Badge } from "../parts/chip.tsx";
import { CopyButton } from "../parts/copy-button.tsx";
import { KeyValue } from "../parts/key-value.tsx";
import { ErrorState, Loading } from "../parts/states.tsx";
import { useData } from "../use-data.ts";
import { messagesOf } from "./chat.ts";
import { Chat } from "./chat.tsx";
import { stepsOf } from "./run.ts";
import type { TraceModel } from "./trace-model.ts";

/** Spans of one run that are read; a run has a handful of steps. */
const MOST = 60;

/** A run of a thread as the API tells it: the thread, the run and its states, each step with its messages and tool calls. */
export function RunView({ model, record }: { model: TraceModel; record: SpanRecord }) {
  const run = record.genAi!.openai!;
  const tree = model.tree.value;
  const index = tree.indexOf.get(record.spanId) ?? -1;
  const below = index < 0 ? [] : tree.rows.slice(index + 1, tree.end[index]).slice(0, MOST);
  const { state } = useData(`${record.spanId} ${record.seq} ${below.length}`, (signal) =>
    Promise.all(
      below.map(({ spanId }) => api.span(record.traceId, spanId, { signal }).then((answer) => answer.record)),
    ),
  );
  const { value, error } = state.value;
  const asked = messagesOf(record.input);
  const said = messagesOf(record.output);
  return (
    <div class="run">
      <ol class="run-line">
        <li class="run-node">
          <h3>Thread</h3>
          <Id id={run.threadId} />
          {asked && <Chat messages={asked} isMarkdown={false} />}
        </li>
        <li class="run-node">
          <div class="row wrap">
            <h3>Run</h3>
            {run.runStatus && <Badge tone={tone(run.runStatus)}>{run.runStatus}</Badge>}
          </div>
          <Id id={run.runId} />
          <KeyValue
            facts={[
              ["Assistant", run.assistantId && <Id id={run.assistantId} />],
              ["Created", seconds(run.createdAt)],
              ["Started", seconds(run.startedAt)],
              ["Expires", seconds(run.expiresAt)],
              ["Cancelling since", seconds(run.cancellingSince)],
              ["Error", [run.errorCode, run.errorMessage].filter(Boolean).join(": ")],
              ["Incomplete", run.incompleteReason],
              ["Not known", run.missing],
            ]}
          />
          {run.pendingToolCalls && run.pendingToolCalls.length > 0 && (
            <div class="notice warning">
              {`Waits for the outputs of ${run.pendingToolCalls.map(({ name }) => name).join(", ")}.`}
            </div>
          )}
        </li>
        {error && <ErrorState error={error} />}
        {!value && !error && <Loading what="Loading the steps" />}
        {value &&
          stepsOf(value).map((step, i) => (
            <li class="run-node" key={step.id}>
              <div class="row wrap">
                <h3>{`Step ${i + 1}`}</h3>
                <Badge>{step.kind}</Badge>
                {step.isFailed && <Badge tone="error">failed</Badge>}
                <span class="faint">{duration(step.durationNs)}</span>
              </div>
              {step.id !== step.spans[0]!.spanId && <Id id={step.id} />}
              {step.spans.map((span) => (
                <div class={`run-span type-${span.type}`} key={span.spanId}>
                  <button
                    type="button"
                    class="run-link"
                    onClick={() => model.select(tree.indexOf.get(span.spanId) ?? -1, { where: "center" })}
                    data-tip={exactTime(Number(BigInt(span.startTime) / 1_000n))}
                  >
                    <span class="dot square" />
                    {span.name}
                  </button>
                  {span.type === "tool" ? (
                    <Chat
                      isMarkdown={false}
                      messages={[
                        {
                          role: "tool",
                          parts: [
                            { kind: "call", name: span.genAi?.tool?.name ?? span.name, value: span.input ?? null },
                            ...(span.output === undefined ? [] : [{ kind: "result" as const, value: span.output }]),
                          ],
                        },
                      ]}
                    />
                  ) : (
                    <Chat messages={messagesOf(span.output) ?? []} isMarkdown={false} />
                  )}
                </div>
              ))}
            </li>
          ))}
        {value && stepsOf(value).length === 0 && said && (
          <li class="run-node">
            <h3>Answer</h3>
            <Chat messages={said} isMarkdown={false} />
          </li>
        )}
      </ol>
    </div>
  );
}

function Id({ id }: { id: string | undefined }) {
  if (!id) return null;
  return (
    <span class="id">
      <span class="mono ellipsis">{id}</span>
      <CopyButton text={id} label="Copy" />
    </span>
  );
}

function seconds(value: number | undefined): string | undefined {
  return value === undefined ? undefined : dateTime(value * 1e6);
}

function tone(status: string) {
  if (status === "completed") return "ok";
  if (status === "failed" || status === "expired") return "error";
  return status === "queued" || status === "in_progress" ? "accent" : "warning";
}
