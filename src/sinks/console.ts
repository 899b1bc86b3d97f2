import { once } from "node:events";
import type { Writable } from "node:stream";
import { SinkError } from "../core/errors.ts";
import { encode, type TraceRecord } from "../core/record.ts";
import { gather } from "./console-gather.ts";
import { draw } from "./console-tree.ts";
import { checkOptions } from "./options.ts";
import type { Sink } from "./sink.ts";
import { writeSync } from "./write-sync.ts";

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

type Terminal = Writable & {
  readonly isTTY?: boolean;
  readonly columns?: number;
  /** Of the standard streams; not in a worker thread. */
  readonly fd?: number;
  hasColors?(): boolean;
};

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
  let isBroken = false;

  /** Looked up late: the first touch of `process.stderr` opens it. */
  const terminal = (): Terminal => options.stream ?? process.stderr;

  function assertOpen(stream: Terminal): void {
    if (isBroken || !stream.writable) throw new SinkError(`sink "${name}": the stream is closed`, { retry: "never" });
  }

  function render(batch: readonly TraceRecord[], isLast: boolean, stream: Terminal): string {
    if (format === "json") return batch.map((record) => `${encode(record)}\n`).join("");
    const pictures = gathering.add(batch);
    if (isLast) pictures.push(...gathering.rest());
    const width = Math.max(MIN_WIDTH, options.width ?? Math.min(stream.columns || 100, MAX_WIDTH));
    const colors = options.colors ?? hasColors(stream);
    return pictures.map((picture) => draw(picture, { width, colors })).join("");
  }

  function print(text: string, stream: Terminal, signal?: AbortSignal): Promise<void> | undefined {
    if (text === "") return undefined;
    assertOpen(stream);
    return new Promise((resolve, reject) => {
      // Once handed over, the text is the stream's; the wait is only for the news of a broken pipe.
      const leave = () => resolve();
      signal?.addEventListener("abort", leave);
      // Unheard, the 'error' event of a broken pipe would end the host. It may follow the callback, so the ear stays.
      const ignore = () => {};
      stream.once("error", ignore);
      stream.write(text, (error) => {
        signal?.removeEventListener("abort", leave);
        if (!error) {
          stream.removeListener("error", ignore);
          return resolve();
        }
        reject(broken(error));
      });
    });
  }

  function broken(error: unknown): SinkError {
    isBroken = true;
    const { code, message } = error as NodeJS.ErrnoException;
    return new SinkError(`sink "${name}": writing failed with ${code ?? message}`, { retry: "never" });
  }

  /** While the process exits, what a standard stream still holds back is lost: past it, to its pipe or terminal itself. */
  function printSync(text: string, stream: Terminal): Promise<void> | undefined {
    const { fd } = stream;
    const isStandard = stream === process.stderr || stream === process.stdout;
    if (text === "" || fd === undefined || !isStandard) return print(text, stream);
    assertOpen(stream);
    try {
      // It may have been cut off in the middle of a line.
      writeSync(fd, stream.writableLength > 0 ? `\n${text}` : text);
      return undefined;
    } catch (error) {
      throw broken(error);
    }
  }

  async function whenDrained(stream: Terminal, signal: AbortSignal): Promise<void> {
    const stalled = new SinkError(`sink "${name}": the stream takes nothing now`, { retry: "later" });
    await once(stream, "drain", { signal }).catch(() => Promise.reject(stalled));
  }

  return {
    name,
    write(batch, signal) {
      const stream = terminal();
      assertOpen(stream);
      const put = () => print(render(batch, false, stream), stream, signal);
      return stream.writableNeedDrain || signal.aborted ? whenDrained(stream, signal).then(put) : put();
    },
    writeSync(batch) {
      const stream = terminal();
      assertOpen(stream);
      printSync(render(batch, false, stream), stream)?.catch(() => {});
    },
    close() {
      const stream = terminal();
      return printSync(render([], true, stream), stream);
    },
  };
}

function hasColors(stream: Terminal): boolean {
  const { FORCE_COLOR, NO_COLOR } = process.env;
  if (FORCE_COLOR !== undefined) return FORCE_COLOR !== "0" && FORCE_COLOR !== "false";
  return !NO_COLOR && stream.isTTY === true && stream.hasColors?.() !== false;
}
