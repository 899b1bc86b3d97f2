import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import type { SessionSummary } from "../../../store/trace-store.ts";
import { api, project } from "../api.ts";
import { duration, integer, tokens, usd } from "../format.ts";
import { Button, Empty, ErrorState, Loading, Time } from "../parts/index.ts";
import { href, navigate, route } from "../router.ts";
import { FilterBar } from "../traces/filter-bar.tsx";
import { type Filters, NO_FILTERS, readFilters, traceQuery, writeFilters } from "../traces/filters.ts";
import { useKeys } from "../traces/keys.ts";
import { tokenSum } from "../traces/token-sum.ts";
import { useTail } from "../traces/use-tail.ts";
import { useData } from "../use-data.ts";

const PAGE = 100;
const MOST = 500;

/** Sessions by their latest trace; those with a trace that fits the filters. */
export function SessionList() {
  const params = route.value.params.toString();
  const filters = useMemo(() => readFilters(new URLSearchParams(params)), [params]);
  const limit = useSignal(PAGE);
  const menu = useSignal(false);
  useEffect(() => {
    limit.value = PAGE;
  }, [params]);
  const { state, reload } = useData(`${project.value} ${params} ${limit.value}`, (signal) =>
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
          <SessionTable sessions={value.items} />
          {value.next !== undefined && (
            <p class="session-more">
              {limit.value < MOST ? (
                <Button
                  onClick={() => {
                    limit.value = Math.min(MOST, limit.value + PAGE);
                  }}
                >
                  Show more
                </Button>
              ) : (
                <span class="faint">The latest {MOST}. Filters find the others.</span>
              )}
            </p>
          )}
        </div>
      )}
    </div>
  );
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
            <td class="num s-cost">{usd(session.costUsd)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
