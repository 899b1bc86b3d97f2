/** Whole lines, one after the other: what is parsed at once. */
export interface Block {
  /** Ends with a newline, but for the last block. */
  readonly bytes: Buffer;
  /** Of its first byte, from the beginning. */
  readonly offset: number;
  /** Number of its first line, from 1. */
  readonly line: number;
}

/** A line that is longer than the limit; none of it is kept. */
export interface LongLine {
  readonly offset: number;
  readonly line: number;
  /** Without its newline. */
  readonly size: number;
}

export interface LineBlocks {
  /** What is whole with this chunk. */
  push(chunk: Buffer): (Block | LongLine)[];
  end(): (Block | LongLine)[];
}

const NEWLINE = 10;

/** Cuts a stream into blocks of whole lines. Never keeps more of a line than `limit` bytes. */
export function lineBlocks(limit: number): LineBlocks {
  let parts: Buffer[] = [];
  let size = 0;
  let offset = 0;
  let line = 1;

  function add(part: Buffer): void {
    size += part.length;
    if (size <= limit) parts.push(part);
    else parts = [];
  }

  /** The line that was under way, now whole. */
  function finish(newline: 0 | 1): Block | LongLine {
    const found = size > limit ? { offset, line, size: size - newline } : { bytes: Buffer.concat(parts), offset, line };
    offset += size;
    line++;
    parts = [];
    size = 0;
    return found;
  }

  function push(chunk: Buffer): (Block | LongLine)[] {
    // So that no line of a block is too long.
    if (chunk.length > limit) {
      const found: (Block | LongLine)[] = [];
      for (let at = 0; at < chunk.length; at += limit) found.push(...push(chunk.subarray(at, at + limit)));
      return found;
    }
    const last = chunk.lastIndexOf(NEWLINE);
    if (last === -1) {
      add(chunk);
      return [];
    }
    const found: (Block | LongLine)[] = [];
    let from = 0;
    if (size > 0) {
      from = chunk.indexOf(NEWLINE) + 1;
      add(chunk.subarray(0, from));
      found.push(finish(1));
    }
    if (from <= last) {
      const bytes = chunk.subarray(from, last + 1);
      found.push({ bytes, offset, line });
      offset += bytes.length;
      line += newlines(bytes);
    }
    if (last + 1 < chunk.length) add(chunk.subarray(last + 1));
    return found;
  }

  return {
    push,
    end: () => (size === 0 ? [] : [finish(0)]),
  };
}

function newlines(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, at + 1)) count++;
  return count;
}
