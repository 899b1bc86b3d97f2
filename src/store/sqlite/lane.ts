import type { TraceRecord } from "../../core/record.ts";
import { takeTurn } from "../../core/turns.ts";
import { type Load, loadWriter } from "./load.ts";

/** How long records are encoded before others have their turn. */
const TURN_MS = 5;
/** What is written in one transaction: a quarter would take a quarter longer each, and four times as much would lock out others. */
const MAX_LINES = 4_000;
const MAX_BYTES = 16 * 1024 * 1024;
/** Sent ahead, so that the thread need not wait for us. */
const MAX_SENT = 2;

/** Where records wait for the thread that writes: small appends become one transaction. */
export interface Lane {
  /** Resolves when they are kept. */
  append(project: string, records: readonly TraceRecord[]): Promise<void>;
  /** When all that waits has been written, or not. */
  drain(): Promise<void>;
}

interface Piece {
  readonly load: Load;
  readonly count: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** `send` writes loads, and tells for each what was wrong with it. */
export function createLane(send: (loads: readonly Load[]) => Promise<readonly (unknown | undefined)[]>): Lane {
  const waiting: Piece[] = [];
  const open = new Set<Promise<void>>();
  let sent = 0;

  async function append(project: string, records: readonly TraceRecord[]): Promise<void> {
    const pieces: Promise<void>[] = [];
    let next = 0;
    while (next < records.length) {
      const { load, count } = encodeSome(project, records, next);
      next += count;
      const piece = new Promise<void>((resolve, reject) => {
        waiting.push({ load, count, resolve, reject });
      });
      // It may fail before all are encoded; whoever waits hears of it then.
      piece.catch(() => {});
      pieces.push(piece);
      if (next === records.length || isEnough()) pump();
      if (next < records.length) await takeTurn();
    }
    await Promise.all(pieces);
  }

  /** Whether what waits fills a transaction: smaller ones cost more for each span. */
  function isEnough(): boolean {
    let [lines, bytes] = [0, 0];
    for (const { load, count } of waiting) {
      lines += count;
      bytes += load.lines.length + load.texts.length;
    }
    return lines >= MAX_LINES || bytes >= MAX_BYTES;
  }

  function pump(): void {
    while (sent < MAX_SENT && waiting.length > 0) {
      const pieces = takeSome(waiting);
      sent += 1;
      send(pieces.map(({ load }) => load))
        .then(
          (errors) => {
            for (const [i, { resolve, reject }] of pieces.entries()) {
              if (errors[i] === undefined) resolve();
              else reject(errors[i]);
            }
          },
          (error) => {
            for (const { reject } of pieces) reject(error);
          },
        )
        .finally(() => {
          sent -= 1;
          pump();
        });
    }
  }

  return {
    append(project, records) {
      const done = append(project, records);
      open.add(done);
      const forget = () => void open.delete(done);
      done.then(forget, forget);
      return done;
    },
    async drain() {
      while (open.size > 0) await Promise.allSettled(open);
    },
  };
}

function encodeSome(
  project: string,
  records: readonly TraceRecord[],
  from: number,
): { readonly load: Load; readonly count: number } {
  const writer = loadWriter(project);
  let count = 0;
  const end = performance.now() + TURN_MS;
  for (; from + count < records.length && count < MAX_LINES && writer.size() < MAX_BYTES; count++) {
    if (count % 32 === 31 && performance.now() > end) break;
    writer.add(records[from + count]!);
  }
  return { load: writer.load(), count };
}

function takeSome(waiting: Piece[]): Piece[] {
  let [pieces, lines, bytes] = [0, 0, 0];
  for (const piece of waiting) {
    const size = piece.load.lines.length + piece.load.texts.length;
    if (pieces > 0 && (lines + piece.count > MAX_LINES || bytes + size > MAX_BYTES)) break;
    pieces += 1;
    lines += piece.count;
    bytes += size;
  }
  return waiting.splice(0, pieces);
}
