import { useMemo } from "preact/hooks";
import type { Json } from "../../../core/json.ts";
import type { SpanRecord } from "../../../core/record.ts";
import { api } from "../api.ts";
import { duration, NONE, plural, tokens, usd } from "../format.ts";
import { Button } from "../parts/button.tsx";
import { DiffLines } from "../parts/diff-lines.tsx";
import { lineDiff } from "../parts/line-diff.ts";
import { payloadText } from "../parts/payload-text.ts";
import { ErrorState, Loading } from "../parts/states.tsx";
import { useData } from "../use-data.ts";
import { messagesOf } from "./chat.ts";

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
  const diff = useMemo(() => lineDiff(asLines(a), asLines(b)), [a, b]);
  if (a === undefined && b === undefined) return null;
  const changed = diff.added + diff.removed;
  return (
    <section class="payload">
      <header class="payload-head">
        <h3>{name}</h3>
        <span class="faint">{changed === 0 ? "the same" : `${plural(changed, "line")} changed`}</span>
      </header>
      {changed > 0 && <DiffLines diff={diff} />}
    </section>
  );
}

/** Messages as what was said, by whom, so that lines are lines; anything else as it is. */
function asLines(value: Json | undefined): string {
  const messages = messagesOf(value);
  if (!messages) return payloadText(value);
  return messages
    .map(({ role, parts }) =>
      [`[${role}]`, ...parts.map((part) => ("text" in part ? part.text : payloadText(part as unknown as Json)))].join(
        "\n",
      ),
    )
    .join("\n");
}

function nanos({ startTime, endTime }: SpanRecord): number {
  return Number(BigInt(endTime) - BigInt(startTime));
}
