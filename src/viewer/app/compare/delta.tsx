import { compact, duration, integer, NONE, usd } from "../format.ts";
import type { Figure } from "./align.ts";

const FORMATS: { readonly [figure in Figure]: (value: number) => string } = {
  durationNs: duration,
  tokens: compact,
  costUsd: usd,
  errors: integer,
};
/** What is less than a hundredth is noise, in grey. */
const SLIGHT = 0.01;

/** `+1.2 s`, `−$0.003`, `±0`. */
export function deltaText(figure: Figure, delta: number): string {
  if (delta === 0) return "±0";
  const text = FORMATS[figure](Math.abs(delta));
  return text.startsWith("<") ? text : `${delta > 0 ? "+" : "−"}${text}`;
}

/** More of any figure is worse: slower, dearer, more failures. */
export function tone(delta: number, of: number): "worse" | "better" | "slight" {
  if (delta === 0 || (of > 0 && Math.abs(delta) / of < SLIGHT)) return "slight";
  return delta > 0 ? "worse" : "better";
}

interface Props {
  figure: Figure;
  left: number | undefined;
  right: number | undefined;
}

/** A difference, and how large it is beside what it was; none where one of the two is not known. */
export function Delta({ figure, left, right }: Props) {
  if (left === undefined || right === undefined) return <span class="delta faint">{NONE}</span>;
  const delta = right - left;
  const share = left > 0 && delta !== 0 ? delta / left : undefined;
  return (
    <span class={`delta ${tone(delta, Math.max(left, right))}`}>
      {deltaText(figure, delta)}
      {share !== undefined && <span class="delta-share">{shareText(share)}</span>}
    </span>
  );
}

/** `+23%`, `×4.1`. */
export function shareText(share: number): string {
  if (share >= 2) return `×${(share + 1).toFixed(1)}`;
  return `${share > 0 ? "+" : "−"}${Math.round(Math.abs(share) * 100)}%`;
}
