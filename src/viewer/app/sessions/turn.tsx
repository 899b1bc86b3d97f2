import { useSignal } from "@preact/signals";
import type { SpanRow, TraceSummary } from "../../../store/trace-store.ts";
import { api } from "../api.ts";
import { costText, dateTime, duration, tokens } from "../format.ts";
import { Button } from "../parts/index.ts";
import { href } from "../router.ts";
import { tokenSum } from "../traces/token-sum.ts";
import { said } from "./said.ts";

interface Said {
  readonly asked: string;
  readonly answered: string;
  readonly problem?: string;
}

/** As many characters as a preview has: there may be more. */
const PREVIEW = 120;
/** Pauses that are worth a word. */
const PAUSE_US = 60e6;

/** One trace of a session: what was asked, and what came of it. */
export function Turn({ trace, before }: { trace: TraceSummary; before: TraceSummary | undefined }) {
  const full = useSignal<Said | undefined>(undefined);
  const isLoading = useSignal(false);
  const { traceId, name, status, startUs, durationNs, inputPreview, outputPreview } = trace;
  const pauseUs = before === undefined ? 0 : startUs - before.startUs - before.durationNs / 1_000;
  const isMore = [inputPreview, outputPreview].some((text) => (text?.length ?? 0) >= PREVIEW);
  const show = async () => {
    isLoading.value = true;
    full.value = await whole(traceId).catch((error: Error) => ({ asked: "", answered: "", problem: error.message }));
    isLoading.value = false;
  };
  const { asked = inputPreview ?? "", answered = outputPreview ?? "" } = full.value?.problem ? {} : (full.value ?? {});
  return (
    <li class="turn">
      {pauseUs > PAUSE_US && <div class="turn-pause faint">{duration(pauseUs * 1_000)} later</div>}
      <article class={`card turn-card ${status}`} aria-label={`${name}, ${dateTime(startUs)}`}>
        <header class="turn-head">
          <span class={`dot ${status}`} />
          <a class="turn-name ellipsis" href={href(`/trace/${encodeURIComponent(traceId)}`)}>
            {name || "(no name)"}
          </a>
          <span class="faint">{dateTime(startUs)}</span>
          <span class="grow" />
          <span class="num muted">{duration(durationNs)}</span>
          <span class="num muted">{tokens(tokenSum(trace))} tok</span>
          <span class="num muted">{costText(trace)}</span>
        </header>
        {asked && (
          <div class="said asked">
            <span class="said-who">In</span>
            <p>{asked}</p>
          </div>
        )}
        {answered ? (
          <div class="said">
            <span class="said-who">Out</span>
            <p>{answered}</p>
          </div>
        ) : (
          <div class="said">
            <span class="said-who">Out</span>
            <p class={status === "error" ? "is-error" : "faint"}>
              {status === "error" ? "It failed." : status === "open" ? "Still running…" : "No output was recorded."}
            </p>
          </div>
        )}
        {full.value?.problem && <p class="form-problem turn-more">{full.value.problem}</p>}
        {isMore && full.value === undefined && (
          <div class="turn-more">
            <Button look="quiet" icon="expand" disabled={isLoading.value} onClick={() => void show()}>
              {isLoading.value ? "Loading…" : "Show all of it"}
            </Button>
          </div>
        )}
      </article>
    </li>
  );
}

async function whole(traceId: string): Promise<Said> {
  const { spans } = await api.trace(traceId);
  const root = rootOf(spans.items);
  if (root === undefined) return { asked: "", answered: "", problem: "The trace has no spans any more." };
  const { record } = await api.span(traceId, root.spanId);
  const [asked, answered] = [said(record.input), said(record.output)];
  return { asked: shown(asked), answered: shown(answered) };
}

function shown({ text, isCut }: { text: string; isCut: boolean }): string {
  return isCut ? `${text} … (the rest is on the trace's page)` : text;
}

function rootOf(spans: readonly SpanRow[]): SpanRow | undefined {
  const ids = new Set(spans.map(({ spanId }) => spanId));
  return spans.find(({ parentSpanId }) => parentSpanId === undefined || !ids.has(parentSpanId)) ?? spans[0];
}
