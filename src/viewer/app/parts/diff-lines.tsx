import { useSignal } from "@preact/signals";
import { integer } from "../format.ts";
import { Button } from "./button.tsx";
import type { DiffLine, LineDiff } from "./line-diff.ts";
import "./diff-lines.css";

/** So many lines are drawn at first. */
const FIRST_LINES = 1_500;

/** A line diff as in a patch, with the words marked that differ; what is equal and far from any change is left out. */
export function DiffLines({ diff }: { diff: LineDiff }) {
  const most = useSignal(FIRST_LINES);
  const hidden = diff.lines.length - most.value;
  return (
    <div class="diff">
      <div class="diff-lines mono">
        {diff.lines.slice(0, most.value).map((line, index) => (
          <Line key={index} line={line} />
        ))}
      </div>
      {hidden > 0 && (
        <p class="diff-note">
          <Button
            onClick={() => {
              most.value += 10 * FIRST_LINES;
            }}
          >
            {`Show ${integer(hidden)} more lines`}
          </Button>
        </p>
      )}
      {diff.isCut && <p class="faint diff-note">There are more lines than are compared.</p>}
    </div>
  );
}

const SIGNS = { same: " ", removed: "−", added: "+" } as const;

function Line({ line }: { line: DiffLine }) {
  if (line.kind === "skipped") {
    return <div class="diff-skipped">⋯ {line.count === 1 ? "1 equal line" : `${integer(line.count)} equal lines`}</div>;
  }
  return (
    <div class={`diff-line ${line.kind}`}>
      <span class="diff-number">{line.kind === "added" ? "" : line.left}</span>
      <span class="diff-number">{line.kind === "removed" ? "" : line.right}</span>
      <span class="diff-sign">{SIGNS[line.kind]}</span>
      <span class="diff-text">
        {line.kind === "same"
          ? line.text
          : line.pieces.map((piece, index) => (piece.isOwn ? <b key={index}>{piece.text}</b> : piece.text))}
      </span>
    </div>
  );
}
