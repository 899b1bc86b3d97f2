import { useMemo } from "preact/hooks";
import type { TraceSummary } from "../../../store/trace-store.ts";
import { api, project } from "../api.ts";
import { costText, dateTime, duration, integer, tokens } from "../format.ts";
import { Button, Chip, Empty, ErrorState, Loading } from "../parts/index.ts";
import { href } from "../router.ts";
import { useTail } from "../traces/use-tail.ts";
import { useData } from "../use-data.ts";
import { totals } from "./totals.ts";
import { Turn } from "./turn.tsx";

const MOST = 500;

/** A session as what it was: one turn after the other. */
export function SessionView({ sessionId }: { sessionId: string }) {
  const { state, reload } = useData(`${project.value} ${sessionId}`, (signal) =>
    api.traces({ sessionId, limit: MOST }, { signal }),
  );
  useTail(["changed"], reload);
  const { value, error } = state.value;
  const traces = useMemo(() => [...(value?.items ?? [])].reverse(), [value]);
  if (error && value === undefined) return <ErrorState error={error} onRetry={reload} />;
  if (value === undefined) return <Loading what="Loading the session" />;
  if (traces.length === 0) {
    return (
      <Empty icon="thread" title="No such session" actions={<Button href={href("/sessions")}>All sessions</Button>}>
        No trace that is kept belongs to {sessionId}.
      </Empty>
    );
  }
  return (
    <div class="page-session">
      <Head sessionId={sessionId} traces={traces} />
      {value.next !== undefined && <p class="faint session-more">The latest {MOST} traces of this session.</p>}
      <ol class="turns">
        {traces.map((trace, index) => (
          <Turn key={trace.traceId} trace={trace} before={traces[index - 1]} />
        ))}
      </ol>
    </div>
  );
}

function Head({ sessionId, traces }: { sessionId: string; traces: readonly TraceSummary[] }) {
  const all = totals(traces);
  const users = [...new Set(traces.flatMap(({ userId }) => (userId === undefined ? [] : [userId])))];
  const figures: readonly (readonly [string, string, boolean?])[] = [
    ["Traces", integer(all.traces)],
    ["Failed", integer(all.errors), all.errors > 0],
    ["Busy", duration(all.busyNs)],
    ["From first to last", duration((all.toUs - all.fromUs) * 1_000)],
    ["Tokens", tokens(all.tokens)],
    ["Cost", costText(all)],
  ];
  return (
    <header class="session-head">
      <div class="row wrap">
        <a class="faint" href={href("/sessions")}>
          Sessions
        </a>
        <span class="faint">/</span>
        <h1 class="ellipsis">{sessionId}</h1>
        <span class="grow" />
        <Button icon="list" href={href("/traces", { sessionId })}>
          As a list
        </Button>
      </div>
      <div class="row wrap">
        <span class="faint">{dateTime(all.fromUs)}</span>
        {users.slice(0, 3).map((user) => (
          <Chip key={user} label="user" href={href("/traces", { userId: user })}>
            {user}
          </Chip>
        ))}
        {all.models.map((model) => (
          <Chip key={model} label="model">
            {model}
          </Chip>
        ))}
      </div>
      <dl class="figures">
        {figures.map(([label, text, isBad]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd class={isBad ? "is-error" : undefined}>{text}</dd>
          </div>
        ))}
      </dl>
    </header>
  );
}
