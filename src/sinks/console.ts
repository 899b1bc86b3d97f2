import type { Writable } from "node:stream";
import { encode, type TraceRecord } from "../core/record.ts";
import { gather } from "./console-gather.ts";
import { draw } from "./console-tree.ts";
import { checkOptions } from "./options.ts";
import type { Sink } from "./sink.ts";
import { type Terminal, textStream } from "./text-stream.ts";

export interface ConsoleSinkOptions {
  /** `tree` (default): a tree for each trace once it is complete. `json`: a line for each record at once. */
  format?: "tree" | "json";
  /** Default: standard error, so that the host's standard output stays its own and pipes stay clean. */
  stream?: Writable;
  /** Default: only on a terminal and without `NO_COLOR`; where `FORCE_COLOR` is set, it decides. */
  colors?: boolean;
  /** Columns, at least 24. Default: those of the terminal, up to 140; 100 where there is no terminal. */
  width?: number;
  /** Default `console`. */
  name?: string;
}

/** Wider, and the eye loses the line from a name to its time. */
const MAX_WIDTH = 140;
const MIN_WIDTH = 24;

/**
 * Prints every trace as one tree: names, types, durations as bars on one time axis, tokens, cost, errors in place.
 *
 * A trace is printed when its root has arrived; what comes later is printed after it, marked as late. Traces whose root
 * is still open are left alone by `flush()` and printed by `close()`. At most 256 traces and 10,000 records wait; beyond
 * that the oldest trace is printed as far as it is known.
 *
 * @throws ConfigError for an option that does not exist or makes no sense
 * @example
 * configure({ sinks: [consoleSink()] });
 */
export function consoleSink(options: ConsoleSinkOptions = {}): Sink {
  checkOptions("consoleSink", options, {
    format: ["tree", "json"],
    stream: "object",
    colors: "boolean",
    width: "positive",
    name: "string",
  });
  const { name = "console", format = "tree" } = options;
  const gathering = gather();
  /** Looked up late: the first touch of `process.stderr` opens it. */
  const terminal = (): Terminal => options.stream ?? process.stderr;
  const out = textStream(name, terminal);

  function render(batch: readonly TraceRecord[], isLast: boolean, stream: Terminal): string {
    if (format === "json") return batch.map((record) => `${encode(record)}\n`).join("");
    const pictures = gathering.add(batch);
    if (isLast) pictures.push(...gathering.rest());
    const width = Math.max(MIN_WIDTH, options.width ?? Math.min(stream.columns || 100, MAX_WIDTH));
    const colors = options.colors ?? hasColors(stream);
    return pictures.map((picture) => draw(picture, { width, colors })).join("");
  }

  return {
    name,
    write(batch, signal) {
      const put = () => out.print(render(batch, false, out.open()), signal);
      return out.ready(signal)?.then(put) ?? put();
    },
    writeSync(batch) {
      out.printSync(render(batch, false, out.open()))?.catch(() => {});
    },
    close() {
      return out.printSync(render([], true, terminal()));
    },
  };
}

function hasColors(stream: Terminal): boolean {
  const { FORCE_COLOR, NO_COLOR } = process.env;
  if (FORCE_COLOR !== undefined) return FORCE_COLOR !== "0" && FORCE_COLOR !== "false";
  return !NO_COLOR && stream.isTTY === true && stream.hasColors?.() !== false;
}
