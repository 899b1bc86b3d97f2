import { useMemo } from "preact/hooks";
import { api, project } from "../api.ts";
import { costText, dateTime, duration } from "../format.ts";
import { ErrorState, Loading } from "../parts/index.ts";
import { href, navigate } from "../router.ts";
import { useData } from "../use-data.ts";
import { pathOf } from "./sides.ts";

interface Props {
  /** The sides that are known; the other one is picked here. */
  left: string | undefined;
  right: string | undefined;
}

const OFFERED = 25;

/** Picks the trace that is still missing: by its id or address, or among those of the same name. */
export function Picker({ left, right }: Props) {
  const known = left ?? right;
  const { state, reload } = useData(`${project.value} ${known ?? ""}`, async (signal) => {
    // One that is not known any more still lets another be picked.
    const other = known === undefined ? undefined : await api.trace(known, { signal }).catch(() => undefined);
    const name = other?.summary.name;
    const { items } = await api.traces({ limit: OFFERED, ...(name && { name }) }, { signal });
    return { name, items };
  });
  const { value, error } = state.value;
  const pathFor = (traceId: string): string =>
    left === undefined && right === undefined ? pathOf(traceId, undefined) : pathOf(left ?? traceId, right ?? traceId);
  const traces = useMemo(() => value?.items.filter(({ traceId }) => traceId !== known) ?? [], [value, known]);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const text = String(new FormData(event.currentTarget as HTMLFormElement).get("trace")).trim();
    const traceId = /#\/trace\/([^?/]+)/.exec(text)?.[1] ?? text;
    if (traceId !== "") navigate(pathFor(traceId));
  };
  const letter = left === undefined ? "A" : "B";
  return (
    <section class="card picker" aria-label={`Pick trace ${letter}`}>
      <h2>
        {known === undefined
          ? "Pick the first trace"
          : `Pick trace ${letter}, to compare with trace ${letter === "A" ? "B" : "A"}`}
      </h2>
      <form class="row" onSubmit={submit}>
        <input
          class="field grow mono"
          name="trace"
          aria-label="A trace's id or address"
          placeholder="A trace's id or address"
          autocomplete="off"
          spellcheck={false}
        />
        <button type="submit" class="button primary">
          Take it
        </button>
      </form>
      <p class="faint">
        {value?.name ? (
          <>
            The latest named <b>{value.name}</b>:
          </>
        ) : (
          "The latest traces. On the page of traces two can be picked with the key x, and compared with c."
        )}
      </p>
      {error ? (
        <ErrorState error={error} onRetry={reload} />
      ) : value === undefined ? (
        <Loading />
      ) : (
        <ul class="picker-list">
          {traces.map((trace) => (
            <li key={trace.traceId}>
              <a href={href(pathFor(trace.traceId))}>
                <span class={`dot ${trace.status}`} />
                <span class="visually-hidden">{trace.status}</span>
                <span class="picker-name ellipsis">{trace.name}</span>
                <span class="muted ellipsis grow">{trace.inputPreview}</span>
                <span class="num muted">{duration(trace.durationNs)}</span>
                <span class="num muted">{costText(trace)}</span>
                <span class="faint picker-time">{dateTime(trace.startUs)}</span>
              </a>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
