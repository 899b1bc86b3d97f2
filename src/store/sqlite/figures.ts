import { CHUNK } from "./chunk.ts";
import { columnsOf } from "./columns.ts";
import type { Connection } from "./connection.ts";
import type { Summed } from "./rollups.ts";

/** A span, as its chunk's figures have it. */
export interface Figure extends Omit<Summed, "project"> {
  /** Its place in the chunk. */
  readonly place: number;
  readonly user: number | null;
}

/** Spans of up to 16 chunks, column by column. NaN: not known; user 0: none. */
export interface Figures {
  readonly count: number;
  readonly startUs: Float64Array;
  readonly durationNs: Float64Array;
  readonly inputTokens: Float64Array;
  readonly outputTokens: Float64Array;
  readonly costUsd: Float64Array;
  readonly dim: Uint32Array;
  readonly user: Uint32Array;
  readonly place: Uint8Array;
  readonly flags: Uint8Array;
}

export const IS_RATE_LIMITED = 1;
/** The flags above this bit: how many chunks later than the row's first. */
const LATER = 1;
/** Chunks of a row, at most. To step to a row takes 6 µs: with one chunk in each that was a third of a dashboard's time. */
const ROW = 16;
/** Bytes of a span: five doubles, two numbers of 32 bits, two bytes. */
const SIZE = 5 * 8 + 2 * 4 + 2;
const UNKNOWN = Number.NaN;

function columns(bytes: Uint8Array): Figures {
  const count = bytes.length / SIZE;
  const next = columnsOf(bytes, count);
  return {
    count,
    startUs: next(Float64Array),
    durationNs: next(Float64Array),
    inputTokens: next(Float64Array),
    outputTokens: next(Float64Array),
    costUsd: next(Float64Array),
    dim: next(Uint32Array),
    user: next(Uint32Array),
    place: next(Uint8Array),
    flags: next(Uint8Array),
  };
}

function packed(figures: Row["figures"]): Uint8Array {
  const bytes = new Uint8Array(figures.length * SIZE);
  const to = columns(bytes);
  for (const [i, [later, figure]] of figures.entries()) {
    to.startUs[i] = figure.start_us;
    to.durationNs[i] = figure.duration_ns;
    to.inputTokens[i] = figure.input_tokens ?? UNKNOWN;
    to.outputTokens[i] = figure.output_tokens ?? UNKNOWN;
    to.costUsd[i] = figure.cost_usd ?? UNKNOWN;
    to.dim[i] = figure.dim;
    to.user[i] = figure.user ?? 0;
    to.place[i] = figure.place;
    to.flags[i] = (figure.http_status === 429 ? IS_RATE_LIMITED : 0) | (later << LATER);
  }
  return bytes;
}

/** Without those at the places of one chunk. */
function without(bytes: Uint8Array, later: number, places: ReadonlySet<number>): Uint8Array {
  const from = columns(bytes);
  const isGone = (i: number) => from.flags[i]! >> LATER === later && places.has(from.place[i]!);
  const kept = [...from.place.keys()].filter((i) => !isGone(i));
  const left = new Uint8Array(kept.length * SIZE);
  const to = columns(left);
  for (const name of Object.keys(from) as (keyof Figures)[]) {
    const [source, target] = [from[name], to[name]];
    if (typeof source === "number" || typeof target === "number") continue;
    for (const [i, place] of kept.entries()) target[i] = source[place]!;
  }
  return left;
}

function ends(bytes: Uint8Array): [oldestUs: number, newestUs: number] {
  let [oldest, newest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const us of columns(bytes).startUs) {
    if (us < oldest) oldest = us;
    if (us > newest) newest = us;
  }
  return [oldest, newest];
}

/** The figures of a project's spans in a chunk, and that they are gone. */
export interface FigureBook {
  put(chunk: number, project: number, figures: readonly Figure[]): void;
  take(chunk: number, project: number, place: number): void;
  /** Writes down what was taken. */
  flush(): void;
  forget(): void;
}

export function createFigureBook({ prepare }: Connection): FigureBook {
  let come = new Map<number, Row>();
  let taken = new Map<string, { readonly chunk: number; readonly project: number; readonly places: Set<number> }>();

  function write(project: number, { chunk, figures }: Row): void {
    const bytes = packed(figures);
    const sql = "INSERT INTO figures (chunk, project, oldest_us, newest_us, spans) VALUES (?, ?, ?, ?, ?)";
    prepare(sql).run(chunk, project, ...ends(bytes), bytes);
  }

  function remove(chunk: number, project: number, places: ReadonlySet<number>): void {
    const sql = "SELECT id, chunk, spans FROM figures WHERE project = ? AND chunk <= ? ORDER BY chunk DESC LIMIT 1";
    const stored = prepare(sql).get(project, chunk);
    const left = without(stored.spans, chunk - stored.chunk, places);
    if (left.length === 0) prepare("DELETE FROM figures WHERE id = ?").run(stored.id);
    else {
      const update = prepare("UPDATE figures SET oldest_us = ?, newest_us = ?, spans = ? WHERE id = ?");
      update.run(...ends(left), left, stored.id);
    }
  }

  return {
    put(chunk, project, figures) {
      let row = come.get(project);
      if (row && chunk - row.chunk >= ROW) write(project, row);
      if (!row || chunk - row.chunk >= ROW) come.set(project, (row = { chunk, figures: [] }));
      for (const figure of figures) row.figures.push([chunk - row.chunk, figure]);
    },
    take(chunk, project, place) {
      const key = `${chunk} ${project}`;
      const known = taken.get(key);
      if (known) known.places.add(place);
      else taken.set(key, { chunk, project, places: new Set([place]) });
    },
    flush() {
      for (const [project, row] of come) write(project, row);
      for (const { chunk, project, places } of taken.values()) remove(chunk, project, places);
      come = new Map();
      taken = new Map();
    },
    forget() {
      come = new Map();
      taken = new Map();
    },
  };
}

/** What is about to be a row of `figures`: the number of its first chunk, and its spans, each with how many chunks later it is. */
interface Row {
  readonly chunk: number;
  readonly figures: [later: number, figure: Figure][];
}

/**
 * Row by row, those that have spans which started in this time; they may have others too. What is given is good until the
 * next: all are read into the same bytes.
 */
export function* figuresBetween(
  { prepare }: Connection,
  project: number,
  fromUs: number,
  toUs: number,
): Generator<Figures> {
  const buffer = new Uint8Array(ROW * CHUNK * SIZE);
  const ofLength = new Map<number, Figures>();
  const sql = "SELECT spans FROM figures WHERE project = ? AND newest_us >= ? AND oldest_us < ?";
  for (const { spans } of prepare(sql).iterate(project, fromUs, toUs)) {
    buffer.set(spans);
    let figures = ofLength.get(spans.length);
    if (!figures) ofLength.set(spans.length, (figures = columns(buffer.subarray(0, spans.length))));
    yield figures;
  }
}
