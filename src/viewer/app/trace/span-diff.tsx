import { useMemo } from "preact/hooks";
import type { Json } from "../../../core/json.ts";
import type { SpanRecord } from "../../../core/record.ts";
import { api } from "../api.ts";
import { duration, NONE, tokens, usd } from "../format.ts";
import { Button } from "../parts/button.tsx";
import { ErrorState, Loading } from "../parts/states.tsx";
import { useData } from "../use-data.ts";
import { messagesOf } from "./chat.ts";
import { type DiffLine, lineDiff } from "./line-diff.ts";

/** Lines of what is the same around what is not. */
const CONTEXT = 3;
const MOST_LINES = 2_000;

/** Two spans next to each other: figures, and what differs in what they were given and gave. */
export function SpanDiff({
  traceId,
  ids,
  onClose,
}: {
  traceId: string;
  ids: readonly [string, string];
  onClose: () => void;
}) {
  const { state } = useData(ids.join(" "), (signal) =>
    Promise.all(ids.map((id) => api.span(traceId, id, { signal }).then(({ record }) => record))),
  );
  const { value, error } = state.value;
  if (error) return <ErrorState error={error} />;
  if (!value) return <Loading what="Loading both spans" />;
  const [before, after] = value as [SpanRecord, SpanRecord];
  return (
    <div class="span-panel-scroll">
      <header class="span-panel-head">
        <div class="row">
          <h2 class="grow ellipsis">Two spans compared</h2>
          <Button icon="close" look="quiet" label="Close the comparison" onClick={onClose} />
        </div>
        <table class="fact-table">
          <thead>
            <tr>
              <th />
              <th class="num">{before.name}</th>
              <th class="num">{after.name}</th>
              <th class="num">Change</th>
            </tr>
          </thead>
          <tbody>
            <Figure name="Duration" a={nanos(before)} b={nanos(after)} told={duration} />
            <Figure name="Input tokens" a={before.usage?.inputTokens} b={after.usage?.inputTokens} told={tokens} />
            <Figure name="Output tokens" a={before.usage?.outputTokens} b={after.usage?.outputTokens} told={tokens} />
            <Figure name="Cost" a={before.cost?.total} b={after.cost?.total} told={usd} />
          </tbody>
        </table>
      </header>
      <Sides name="Input" a={before.input} b={after.input} />
      <Sides name="Output" a={before.output} b={after.output} />
      <Sides name="Parameters" a={before.genAi?.parameters} b={after.genAi?.parameters} />
      <Sides name="Metadata" a={before.metadata} b={after.metadata} />
    </div>
  );
}

interface FigureProps {
  name: string;
  a: number | undefined;
  b: number | undefined;
  told: (value: number | undefined) => string;
}

function Figure({ name, a, b, told }: FigureProps) {
  if (a === undefined && b === undefined) return null;
  const change = a === undefined || b === undefined ? undefined : b - a;
  return (
    <tr>
      <th>{name}</th>
      <td class="num">{told(a)}</td>
      <td class="num">{told(b)}</td>
      <td class="num muted">{change === undefined ? NONE : `${change > 0 ? "+" : ""}${told(change)}`}</td>
    </tr>
  );
}

function Sides({ name, a, b }: { name: string; a: Json | undefined; b: Json | undefined }) {
  const lines = useMemo(() => lineDiff(asLines(a), asLines(b)), [a, b]);
  if (a === undefined && b === undefined) return null;
  const changed = lines.filter(({ kind }) => kind !== "same").length;
  return (
    <section class="payload">
      <header class="payload-head">
        <h3>{name}</h3>
        <span class="faint">{changed === 0 ? "the same" : `${changed} lines differ`}</span>
      </header>
      {changed > 0 && <Lines lines={lines} />}
    </section>
  );
}

/** A line diff with what is the same far from any change left out. */
export function Lines({ lines }: { lines: readonly DiffLine[] }) {
  const shown: (DiffLine | undefined)[] = [];
  const near = new Uint8Array(lines.length);
  lines.forEach(({ kind }, i) => {
    if (kind !== "same") near.fill(1, Math.max(0, i - CONTEXT), i + CONTEXT + 1);
  });
  lines.forEach((line, i) => {
    if (near[i]) shown.push(line);
    else if (i === 0 || near[i - 1]) shown.push(undefined);
  });
  return (
    <div class="diff">
      {shown.slice(0, MOST_LINES).map((line) =>
        line ? (
          <div class={`diff-line ${line.kind}`}>
            <span class="diff-sign">{SIGNS[line.kind]}</span>
            <span class="grow">{line.text || " "}</span>
          </div>
        ) : (
          <div class="diff-line skipped">⋯</div>
        ),
      )}
      {shown.length > MOST_LINES && <div class="diff-line skipped">{`${shown.length - MOST_LINES} more lines`}</div>}
    </div>
  );
}

const SIGNS = { same: " ", removed: "−", added: "+" };

/** Texts as they are, so that lines are lines; anything else as JSON. */
function asLines(value: Json | undefined): string {
  if (value === undefined) return "";
  if (typeof value === "string") return value;
  const messages = messagesOf(value);
  if (!messages) return JSON.stringify(value, null, 2);
  return messages
    .map(({ role, parts }) =>
      [`[${role}]`, ...parts.map((part) => ("text" in part ? part.text : JSON.stringify(part, null, 2)))].join("\n"),
    )
    .join("\n");
}

function nanos({ startTime, endTime }: SpanRecord): number {
  return Number(BigInt(endTime) - BigInt(startTime));
}
