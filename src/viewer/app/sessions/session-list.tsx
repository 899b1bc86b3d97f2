import { useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { Page, SessionSummary } from "../../../store/trace-store.ts";
import { api, project } from "../api.ts";
import { costText, duration, integer, tokens } from "../format.ts";
import { Button, Empty, ErrorState, Loading, Time } from "../parts/index.ts";
import { href, navigate, route } from "../router.ts";
import { FilterBar } from "../traces/filter-bar.tsx";
import { type Filters, NO_FILTERS, readFilters, traceQuery, writeFilters } from "../traces/filters.ts";
import { useKeys } from "../traces/keys.ts";
import { tokenSum } from "../traces/token-sum.ts";
import { useTail } from "../traces/use-tail.ts";
import { useData } from "../use-data.ts";

const PAGE = 100;
/** Beyond so many they come in pages of as many, and stay as they were when they came. */
const LIVE = 500;

/** Sessions by their latest trace; those with a trace that fits the filters. */
export function SessionList() {
  const params = route.value.params.toString();
  const filters = useMemo(() => readFilters(new URLSearchParams(params)), [params]);
  const limit = useSignal(PAGE);
  const older = useSignal<Page<SessionSummary> | undefined>(undefined);
  const olderError = useSignal<Error | undefined>(undefined);
  const isAsking = useSignal(false);
  const menu = useSignal(false);
  const key = `${project.value} ${params}`;
  const latest = useRef(key);
  latest.current = key;
  useEffect(() => {
    limit.value = PAGE;
    older.value = undefined;
    olderError.value = undefined;
  }, [key]);
  const { state, reload } = useData(`${key} ${limit.value}`, (signal) =>
    api.sessions({ ...traceQuery(filters, Date.now() * 1_000), limit: limit.value }, { signal }),
  );
  useTail(["changed", "reading"], reload);
  useKeys({
    "/": () => document.getElementById("trace-search")?.focus(),
    f: () => {
      menu.value = true;
    },
  });
  const change = (next: Filters) => navigate("/sessions", Object.fromEntries(writeFilters(next)));
  const { value, error } = state.value;
  const next = older.value ? older.value.next : value?.next;
  const more = async () => {
    if (limit.value < LIVE) {
      limit.value = Math.min(LIVE, limit.value + PAGE);
      return;
    }
    isAsking.value = true;
    const asked = key;
    const query = { ...traceQuery(filters, Date.now() * 1_000), limit: LIVE, after: next! };
    try {
      const page = await api.sessions(query);
      if (asked === latest.current) {
        // With those that are live now: what is new will push some of them out.
        older.value = { ...page, items: [...(older.value?.items ?? value!.items), ...page.items] };
        olderError.value = undefined;
      }
    } catch (problem) {
      if (asked === latest.current) olderError.value = problem as Error;
    }
    isAsking.value = false;
  };
  return (
    <div class="page-sessions">
      <h1 class="visually-hidden">Sessions</h1>
      <FilterBar filters={filters} onChange={change} open={menu} />
      {error && value === undefined ? (
        <ErrorState error={error} onRetry={reload} />
      ) : value === undefined ? (
        <Loading what="Looking for sessions" />
      ) : value.items.length === 0 ? (
        <NoSessions isNarrowed={params !== ""} onClear={() => change(NO_FILTERS)} />
      ) : (
        <div class="session-scroll">
          <SessionTable sessions={union(value.items, older.value?.items ?? [])} />
          {next !== undefined && (
            <p class="session-more">
              {olderError.value && <span class="is-error">{olderError.value.message} </span>}
              <Button disabled={isAsking.value} onClick={() => void more()}>
                Show more
              </Button>
            </p>
          )}
        </div>
      )}
    </div>
  );
}

/** A session that something new was heard of moves to the top, and leaves its old place. */
function union(live: readonly SessionSummary[], older: readonly SessionSummary[]): readonly SessionSummary[] {
  const shown = new Set(live.map(({ sessionId }) => sessionId));
  return [...live, ...older.filter(({ sessionId }) => !shown.has(sessionId))];
}

function NoSessions({ isNarrowed, onClear }: { isNarrowed: boolean; onClear: () => void }) {
  return (
    <Empty
      icon="thread"
      title={isNarrowed ? "No session fits" : "No sessions yet"}
      actions={isNarrowed && <Button onClick={onClear}>Clear all filters</Button>}
    >
      {isNarrowed ? (
        "A session is listed when one of its traces fits."
      ) : (
        <>
          Traces that are given the same <code>sessionId</code> make a session: a conversation, a job, a visit.
        </>
      )}
    </Empty>
  );
}

function SessionTable({ sessions }: { sessions: readonly SessionSummary[] }) {
  return (
    <table class="session-table">
      <thead>
        <tr>
          {["Session", "User", "Latest", "From first to last", "Traces", "Failed", "Tokens", "Cost"].map(
            (label, index) => (
              <th scope="col" class={index > 2 ? "num" : undefined} key={label}>
                {label}
              </th>
            ),
          )}
        </tr>
      </thead>
      <tbody>
        {sessions.map((session) => (
          <tr key={session.sessionId}>
            <th scope="row" class="s-id">
              <a class="row-link ellipsis" href={href(`/sessions/${encodeURIComponent(session.sessionId)}`)}>
                {session.sessionId}
              </a>
            </th>
            <td class="s-user">
              {session.userId ? <span class="ellipsis">{session.userId}</span> : <span class="faint">–</span>}
            </td>
            <td class="s-last">
              <Time us={session.lastUs} />
            </td>
            <td class="num s-long">
              {session.traces > 1 ? duration((session.lastUs - session.firstUs) * 1_000) : <span class="faint">–</span>}
            </td>
            <td class="num s-traces">
              {integer(session.traces)}
              <span class="unit">{session.traces === 1 ? " trace" : " traces"}</span>
            </td>
            <td class={session.errors > 0 ? "num s-errors is-error" : "num s-errors faint"}>
              {integer(session.errors)}
            </td>
            <td class="num s-tokens">{tokens(tokenSum(session))}</td>
            <td class="num s-cost">{costText(session)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
