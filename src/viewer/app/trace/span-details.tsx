import type { SpanRecord } from "../../../core/record.ts";
import { costText, duration, exactTime, integer, percent, shortId } from "../format.ts";
import { Chip } from "../parts/chip.tsx";
import { KeyValue } from "../parts/key-value.tsx";
import { href } from "../router.ts";
import { Group, Id } from "./group.tsx";
import { HttpDetails } from "./http-details.tsx";
import { JsonTree } from "./json-tree.tsx";
import { costAt } from "./rollups.ts";
import type { TraceModel } from "./trace-model.ts";
import { startNs } from "./tree.ts";
import { UsageTable } from "./usage-table.tsx";

/** What is known of a span apart from its input and output. */
export function SpanDetails({ model, index, record }: { model: TraceModel; index: number; record: SpanRecord }) {
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
              ["Cost", sums.costUsd[index]! > 0 ? costText(costAt(sums, index)) : undefined],
              ["Errors", sums.errors[index]! > 0 ? integer(sums.errors[index]) : undefined],
            ]}
          />
        </Group>
      )}
      {(usage || cost) && (
        <Group title="Usage and cost">
          <UsageTable record={record} />
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
      {http && <HttpDetails http={http} />}
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
