import { toMillis } from "../core/clock.ts";
import { SinkError } from "../core/errors.ts";
import { encode, type ScoreRecord, type SpanRecord, type TraceRecord } from "../core/record.ts";
import { buildTraces, rows, type SpanNode } from "../core/tree.ts";
import { type Axis, draw } from "./console-tree.ts";
import { checkOptions } from "./options.ts";
import type { Sink } from "./sink.ts";

export interface ConsoleSinkOptions {
  /** `tree`: one tree for each trace when its root has ended. `json`: one line for each record at once. */
  format?: "tree" | "json";
  /** Standard error by default: what the host prints on standard output stays its own, and pipes stay clean. */
  stream?: NodeJS.WritableStream;
  /** Default: only on a terminal and without `NO_COLOR`; `FORCE_COLOR` decides where it is set. */
  colors?: boolean;
  /** Columns. Default: those of the terminal, at most 140; 100 where there is none. */
  width?: number;
  name?: string;
}

/** Traces that wait for their root, and as many printed ones whose late spans would be recognised. */
const MAX_TRACES = 256;
/** Spans in those traces; about 10 MB without their inputs and outputs. */
const MAX_SPANS = 10_000;

/** What waits to be printed. */
interface Waiting {
  readonly records: TraceRecord[];
}

/** What is known of a printed trace: `seq` and name by span id, and its time axis. */
interface Printed {
  readonly spans: Map<string, { readonly seq: number; readonly name: string }>;
  axis: Axis;
}

/**
 * Prints every trace as one tree: names, types, durations as bars on a common time axis, tokens, cost and errors.
 *
 * A span is printed when its local root has arrived or its parent has been printed, so a trace appears whole. What
 * comes after that is printed by itself as late. `flush()` leaves open traces alone; closing prints all that waits, and
 * so does the synchronous write when the process exits. More than 256 waiting traces or 10,000 waiting spans: the oldest
 * trace is printed as far as it is known.
 */
export function consoleSink(options: ConsoleSinkOptions = {}): Sink {
  checkOptions("consoleSink", options, ["format", "stream", "colors", "width", "name"]);
  const { format = "tree", name = "console" } = options;
  const stream = options.stream ?? process.stderr;
  const waiting = new Map<string, Waiting>();
  const printed = new Map<string, Printed>();
}
