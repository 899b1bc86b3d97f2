import { useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import type { SpanAnswer } from "../../../collector/api.ts";
import type { Json } from "../../../core/json.ts";
import { api } from "../api.ts";
import { bytes } from "../format.ts";
import { DiffLines } from "../parts/diff-lines.tsx";
import { Button, ErrorState, Loading, type Tab, Tabs } from "../parts/index.ts";
import { lineDiff } from "../parts/line-diff.ts";
import { payloadText } from "../parts/payload-text.ts";
import { href } from "../router.ts";
import { useData } from "../use-data.ts";
import type { AlignedRow } from "./align.ts";

type Part = "input" | "output" | "request" | "error";

interface Props {
  row: AlignedRow;
  leftId: string;
  rightId: string;
  onClose: () => void;
}

/** What a pair of spans was given and gave, line by line. */
export function PairPanel({ row: { left, right }, leftId, rightId, onClose }: Props) {
  const [a, b] = [left?.span, right?.span];
  const { state, reload } = useData(`${leftId} ${a?.spanId} ${rightId} ${b?.spanId}`, (signal) =>
    Promise.all([a && api.span(leftId, a.spanId, { signal }), b && api.span(rightId, b.spanId, { signal })]),
  );
  const chosen = useSignal<Part | undefined>(undefined);
  const { value, error } = state.value;
  const name = (b ?? a)?.name ?? "";
  return (
    <section class="pair" aria-label={`Differences of ${name}`}>
      <header class="pair-head">
        <h2 class="ellipsis">{name}</h2>
        <span class="grow" />
        {a && (
          <Button look="quiet" href={href(`/trace/${encodeURIComponent(leftId)}`, { span: a.spanId })}>
            Open in A
          </Button>
        )}
        {b && (
          <Button look="quiet" href={href(`/trace/${encodeURIComponent(rightId)}`, { span: b.spanId })}>
            Open in B
          </Button>
        )}
        <Button look="quiet" icon="close" label="Close (Escape)" onClick={onClose} />
      </header>
      {error ? (
        <ErrorState error={error} onRetry={reload} />
      ) : value === undefined ? (
        <Loading what="Loading both" />
      ) : (
        <Parts left={value[0]} right={value[1]} chosen={chosen} />
      )}
    </section>
  );
}

interface PartsProps {
  left: SpanAnswer | undefined;
  right: SpanAnswer | undefined;
  chosen: { value: Part | undefined };
}

function Parts({ left, right, chosen }: PartsProps) {
  const diffs = useMemo(() => {
    const [a, b] = [left?.record, right?.record];
    const request = (of: typeof a): Json | undefined =>
      of && ({ model: of.genAi?.requestModel ?? null, ...of.genAi?.parameters } as Json);
    const known: [Part, string, Json | undefined, Json | undefined][] = [
      ["input", "Input", a?.input, b?.input],
      ["output", "Output", a?.output, b?.output],
      ["error", "Error", a?.error as Json | undefined, b?.error as Json | undefined],
      ["request", "Request", a?.genAi && request(a), b?.genAi && request(b)],
    ];
    return known
      .filter(([, , one, other]) => one !== undefined || other !== undefined)
      .map(([id, label, one, other]) => ({ id, label, diff: lineDiff(payloadText(one), payloadText(other)) }));
  }, [left, right]);
  if (diffs.length === 0) return <p class="faint pair-none">Neither has input or output.</p>;
  const differs = diffs.find(({ diff }) => diff.added + diff.removed > 0);
  const shown = diffs.find(({ id }) => id === chosen.value) ?? differs ?? diffs[0]!;
  const tabs: Tab<Part>[] = diffs.map(({ id, label, diff }) => {
    const count = diff.added + diff.removed;
    return { id, label, ...(count > 0 && { count }) };
  });
  const cut = [left?.cut, right?.cut].flatMap((each) => (shown.id === "input" ? each?.input : each?.output) ?? []);
  return (
    <>
      <Tabs
        id="pair"
        label="Parts"
        tabs={tabs}
        selected={shown.id}
        onSelect={(id) => {
          chosen.value = id;
        }}
      />
      <div class="pair-body" role="tabpanel" id="pair-panel" tabIndex={0} aria-label={`${shown.label}: A and B`}>
        {cut.length > 0 && (
          <p class="faint pair-none">Only the beginning is compared: it is {bytes(Math.max(...cut))} long.</p>
        )}
        {shown.diff.added + shown.diff.removed === 0 ? (
          <p class="faint pair-none">The same in both.</p>
        ) : (
          <DiffLines key={shown.id} diff={shown.diff} />
        )}
      </div>
    </>
  );
}
