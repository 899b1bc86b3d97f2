import { useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import type { SpanAnswer } from "../../../collector/api.ts";
import type { Json } from "../../../core/json.ts";
import { api } from "../api.ts";
import { bytes, integer } from "../format.ts";
import { Button, ErrorState, Loading, type Tab, Tabs } from "../parts/index.ts";
import { href } from "../router.ts";
import { useData } from "../use-data.ts";
import type { AlignedRow } from "./align.ts";
import { type DiffLine, type LineDiff, lineDiff } from "./line-diff.ts";
import { payloadText } from "./payload-text.ts";

type Part = "input" | "output" | "request" | "error";

interface Props {
  row: AlignedRow;
  leftId: string;
  rightId: string;
  onClose: () => void;
}

/** So many lines are drawn at first. */
const FIRST_LINES = 1_500;

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
        <Lines key={shown.id} diff={shown.diff} />
      </div>
    </>
  );
}

function Lines({ diff }: { diff: LineDiff }) {
  const most = useSignal(FIRST_LINES);
  if (diff.added + diff.removed === 0) return <p class="faint pair-none">The same in both.</p>;
  return (
    <>
      <div class="pd mono">
        {diff.lines.slice(0, most.value).map((line, index) => (
          <Row key={index} line={line} />
        ))}
      </div>
      {diff.lines.length > most.value && (
        <p class="pair-none">
          <Button
            onClick={() => {
              most.value += 10 * FIRST_LINES;
            }}
          >
            {`Show ${integer(diff.lines.length - most.value)} more lines`}
          </Button>
        </p>
      )}
      {diff.isCut && <p class="faint pair-none">There are more lines than are compared.</p>}
    </>
  );
}

const SIGNS = { same: " ", removed: "−", added: "+", skipped: "" } as const;

function Row({ line }: { line: DiffLine }) {
  if (line.kind === "skipped") return <div class="pd-skipped">⋯ {integer(line.count)} equal lines</div>;
  return (
    <div class={`pd-line ${line.kind}`}>
      <span class="pd-number">{line.kind === "added" ? "" : line.left}</span>
      <span class="pd-number">{line.kind === "removed" ? "" : line.right}</span>
      <span class="pd-sign">{SIGNS[line.kind]}</span>
      <span class="pd-text">
        {line.kind === "same"
          ? line.text
          : line.pieces.map((piece, index) => (piece.isOwn ? <b key={index}>{piece.text}</b> : piece.text))}
      </span>
    </div>
  );
}
