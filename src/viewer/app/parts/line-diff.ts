import { common } from "./common.ts";

/** A stretch of a line, and whether the other side has it too. */
export interface Piece {
  readonly text: string;
  readonly isOwn: boolean;
}

/** One line of a diff; line numbers begin at 1. `skipped`: so many equal lines that are left out. */
export type DiffLine =
  | { readonly kind: "same"; readonly left: number; readonly right: number; readonly text: string }
  | { readonly kind: "removed"; readonly left: number; readonly pieces: readonly Piece[] }
  | { readonly kind: "added"; readonly right: number; readonly pieces: readonly Piece[] }
  | { readonly kind: "skipped"; readonly count: number; readonly left: number; readonly right: number };

export interface LineDiff {
  readonly lines: readonly DiffLine[];
  readonly removed: number;
  readonly added: number;
  /** Only the beginnings were compared. */
  readonly isCut: boolean;
}

export interface LineDiffOptions {
  /** Equal lines that are shown around each change. Default 3. */
  readonly context?: number;
  /** Of each side. Default 20,000. */
  readonly maxLines?: number;
}

/** Longer ones are marked as a whole. */
const MAX_LINE = 4_000;
const WORDS = /[\p{L}\p{N}_]+|\s+|[^\p{L}\p{N}_\s]/gu;

/** Two texts line by line; in lines that were changed, word by word. */
export function lineDiff(left: string, right: string, options: LineDiffOptions = {}): LineDiff {
  const { context = 3, maxLines = 20_000 } = options;
  const [allA, allB] = [left, right].map((text) => (text === "" ? [] : text.split("\n"))) as [string[], string[]];
  const [a, b] = [allA.slice(0, maxLines), allB.slice(0, maxLines)];
  const lines: DiffLine[] = [];
  let [removed, added, x, y] = [0, 0, 0, 0];
  for (const [nextX, nextY] of [...common(a, b), [a.length, b.length] as const]) {
    removed += nextX - x;
    added += nextY - y;
    lines.push(...changed(a.slice(x, nextX), b.slice(y, nextY), x, y));
    if (nextX < a.length) lines.push({ kind: "same", left: nextX + 1, right: nextY + 1, text: a[nextX] as string });
    [x, y] = [nextX + 1, nextY + 1];
  }
  const isCut = allA.length > a.length || allB.length > b.length;
  return { lines: withoutFar(lines, context), removed, added, isCut };
}

/** All that went, then all that came, as in a patch. */
function changed(gone: readonly string[], come: readonly string[], x: number, y: number): DiffLine[] {
  const marked = gone.slice(0, come.length).map((text, index) => words(text, come[index] as string));
  return [
    ...gone.map((text, index) => {
      const pieces = marked[index]?.[0] ?? [{ text, isOwn: false }];
      return { kind: "removed", left: x + index + 1, pieces } as const;
    }),
    ...come.map((text, index) => {
      const pieces = marked[index]?.[1] ?? [{ text, isOwn: false }];
      return { kind: "added", right: y + index + 1, pieces } as const;
    }),
  ];
}

/** Undefined where the lines have too little in common for marks to help. */
function words(left: string, right: string): [Piece[], Piece[]] | undefined {
  if (left.length > MAX_LINE || right.length > MAX_LINE) return undefined;
  const [a, b] = [left.match(WORDS) ?? [], right.match(WORDS) ?? []];
  const pairs = common(a, b, 200_000);
  const shared = pairs.reduce((sum, [x]) => sum + (a[x] as string).trim().length, 0);
  if (shared * 3 < Math.max(left.trim().length, right.trim().length)) return undefined;
  const [inA, inB] = [new Set(pairs.map(([x]) => x)), new Set(pairs.map(([, y]) => y))];
  return [pieces(a, inA), pieces(b, inB)];
}

function pieces(words: readonly string[], shared: ReadonlySet<number>): Piece[] {
  const found: { text: string; isOwn: boolean }[] = [];
  words.forEach((text, index) => {
    const isOwn = !shared.has(index);
    const last = found.at(-1);
    if (last?.isOwn === isOwn) last.text += text;
    else found.push({ text, isOwn });
  });
  return found;
}

function withoutFar(lines: readonly DiffLine[], context: number): DiffLine[] {
  const shown: DiffLine[] = [];
  for (let from = 0; from < lines.length; ) {
    const first = lines[from] as DiffLine;
    if (first.kind !== "same") {
      shown.push(first);
      from++;
      continue;
    }
    let to = from;
    while (to < lines.length && lines[to]?.kind === "same") to++;
    const head = from === 0 ? from : from + context;
    const tail = to === lines.length ? to : to - context;
    // One line that is left out takes as much room as the line.
    if (tail - head <= 1) shown.push(...lines.slice(from, to));
    else {
      const { left, right } = lines[head] as { left: number; right: number };
      shown.push(...lines.slice(from, head), { kind: "skipped", count: tail - head, left, right });
      shown.push(...lines.slice(tail, to));
    }
    from = to;
  }
  return shown;
}
