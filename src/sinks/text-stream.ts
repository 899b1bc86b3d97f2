import { once } from "node:events";
import type { Writable } from "node:stream";
import { SinkError } from "../core/errors.ts";
import { writeSync } from "./write-sync.ts";

/** What is known of a stream that may be a terminal. */
export type Terminal = Writable & {
  readonly isTTY?: boolean;
  readonly columns?: number;
  /** Of the standard streams; not in a worker thread. */
  readonly fd?: number;
  hasColors?(): boolean;
};

/** Writes text for a sink to a stream that is the host's: it may be full, or gone, and its errors must not end the host. */
export interface TextStream {
  /** The stream, which must be open. */
  open(): Terminal;
  /** While the stream is full, when it has drained. */
  ready(signal: AbortSignal): Promise<void> | undefined;
  /** Settles when the text has gone out or has failed to. */
  print(text: string, signal?: AbortSignal): Promise<void> | undefined;
  /** The same while the process exits. */
  printSync(text: string): Promise<void> | undefined;
}

/** `find` is asked at each use: the first touch of a standard stream opens it. What cannot be written is a `SinkError`. */
export function textStream(sink: string, find: () => Terminal): TextStream {
  let isBroken = false;

  function open(): Terminal {
    const stream = find();
    if (isBroken || !stream.writable) throw new SinkError(`sink "${sink}": the stream is closed`, { retry: "never" });
    return stream;
  }

  function broken(error: unknown): SinkError {
    isBroken = true;
    const { code, message } = error as NodeJS.ErrnoException;
    return new SinkError(`sink "${sink}": writing failed with ${code ?? message}`, { retry: "never" });
  }

  async function whenDrained(stream: Terminal, signal: AbortSignal): Promise<void> {
    const stalled = new SinkError(`sink "${sink}": the stream takes nothing now`, { retry: "later" });
    await once(stream, "drain", { signal }).catch(() => Promise.reject(stalled));
  }

  function print(text: string, signal?: AbortSignal): Promise<void> | undefined {
    if (text === "") return undefined;
    const stream = open();
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

  return {
    open,
    ready(signal) {
      const stream = open();
      return stream.writableNeedDrain || signal.aborted ? whenDrained(stream, signal) : undefined;
    },
    print,
    printSync(text) {
      const stream = find();
      const { fd } = stream;
      const isStandard = stream === process.stderr || stream === process.stdout;
      // What a standard stream still holds back is lost now: past it, to its pipe or terminal itself.
      if (text === "" || fd === undefined || !isStandard) return print(text);
      open();
      try {
        // It may have been cut off in the middle of a line.
        writeSync(fd, stream.writableLength > 0 ? `\n${text}` : text);
        return undefined;
      } catch (error) {
        throw broken(error);
      }
    },
  };
}
