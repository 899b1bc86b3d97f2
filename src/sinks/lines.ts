export interface Line {
  /** Without the newline; `undefined` when the line is longer than the limit. */
  readonly bytes: Buffer | undefined;
  readonly size: number;
  /** Where it begins, in bytes from the beginning. */
  readonly offset: number;
  /** Counted from 1. */
  readonly number: number;
}

export interface LineSplitter {
  /** The lines that end in this chunk. Their bytes may share the chunk's memory. */
  push(chunk: Buffer): Line[];
  /** What follows the last newline, if anything. */
  end(): Line | undefined;
}

/** Cuts a stream of bytes into lines and never keeps more than `limit` bytes of one. */
export function lineSplitter(limit: number): LineSplitter {
  let parts: Buffer[] = [];
  let size = 0;
  let offset = 0;
  let number = 1;

  function add(part: Buffer): void {
    size += part.length;
    if (size <= limit) parts.push(part);
    else parts = [];
  }

  function finish(newline: number): Line {
    const bytes = size > limit ? undefined : parts.length === 1 ? parts[0] : Buffer.concat(parts);
    const line = { bytes, size, offset, number };
    offset += size + newline;
    number++;
    parts = [];
    size = 0;
    return line;
  }

  return {
    push(chunk) {
      const lines: Line[] = [];
      let from = 0;
      for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, from)) {
        add(chunk.subarray(from, at));
        lines.push(finish(1));
        from = at + 1;
      }
      // A copy, as the rest outlives the chunk.
      if (from < chunk.length)
        add(size + chunk.length - from > limit ? chunk.subarray(from) : Buffer.from(chunk.subarray(from)));
      return lines;
    },
    end: () => (size === 0 ? undefined : finish(0)),
  };
}
