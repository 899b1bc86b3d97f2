import { OBSERVATION_TYPES } from "../../../core/record.ts";
import type { Scale } from "./scale.ts";
import { type SpanTree, startNs } from "./tree.ts";

/** In a cell where nothing runs. */
export const NOTHING = 0;
/** In a cell with a failed span; types follow, in the order of `OBSERVATION_TYPES`. */
export const FAILED = 1;
export const FIRST_TYPE = 2;

const CODES = new Map<string, number>(OBSERVATION_TYPES.map((type, i) => [type, FIRST_TYPE + i]));

/**
 * The trace from afar: a grid of `lanes` by `columns` cells, each with what runs there. Spans are spread over the lanes in
 * the tree's order. Of several in a cell the failed one counts, then the one without children.
 */
export function minimapCells(
  tree: SpanTree,
  scale: Scale,
  columns: number,
  lanes: number,
  /** Where spans that have not ended end for now. Nanoseconds since the trace's beginning. */
  nowNs: number = tree.durationNs,
): Uint8Array {
  const cells = new Uint8Array(columns * lanes);
  const { rows, end } = tree;
  const count = rows.length;
  const used = Math.min(lanes, count);
  const draw = (i: number, code: number, least: number) => {
    const lane = Math.floor((i * used) / count) * columns;
    const from = startNs(tree, i);
    const first = Math.min(columns - 1, Math.floor(scale.toUnit(from) * columns));
    const { durationNs, unfinished } = rows[i]!;
    const last = Math.ceil(scale.toUnit(unfinished ? Math.max(nowNs, from) : from + durationNs) * columns);
    cells.fill(code, lane + first, lane + Math.min(columns, Math.max(first + least, last)));
  };
  for (let i = 0; i < count; i++) if (end[i]! > i + 1) draw(i, CODES.get(rows[i]!.type) ?? FIRST_TYPE, 1);
  for (let i = 0; i < count; i++) if (end[i] === i + 1) draw(i, CODES.get(rows[i]!.type) ?? FIRST_TYPE, 1);
  for (let i = 0; i < count; i++) if (rows[i]!.status === "error" && end[i] === i + 1) draw(i, FAILED, 2);
  return cells;
}
