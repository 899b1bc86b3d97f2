import type { TraceSummary } from "../../../store/trace-store.ts";
import { download } from "../api.ts";
import { costText, duration, integer, plural, shortId, tokens } from "../format.ts";
import { Button } from "../parts/button.tsx";
import { Badge, Chip, StatusBadge } from "../parts/chip.tsx";
import { CopyButton } from "../parts/copy-button.tsx";
import { Icon } from "../parts/icon.tsx";
import { Time } from "../parts/time.tsx";
import { href } from "../router.ts";
import type { TraceModel } from "./trace-model.ts";

const MOST_TAGS = 6;

interface TraceHeaderProps {
  model: TraceModel;
  summary: TraceSummary;
  onOverview: () => void;
}

/** What a trace is called, how it ended, what it took, and whose it was. */
export function TraceHeader({ model, summary, onOverview }: TraceHeaderProps) {
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
        {summary.costUsd !== undefined && <Figure name="Cost" value={costText(summary)} />}
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
