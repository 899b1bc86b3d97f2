/** Takes the bytes of a stream of server-sent events as they come. */
export interface SseParser {
  /** The next bytes, cut anywhere. They are not kept: what is unfinished is copied. */
  push(bytes: Uint8Array): void;
  /** The stream is over. An event whose empty line has not come is dropped, as the rules have it. */
  end(): void;
  /** Events that were larger than the cap and have been skipped. */
  readonly truncated: number;
}

const LF = 10;
const CR = 13;
/** A full `response.completed` of long conversations has some 100 KiB. */
const MAX_EVENT_BYTES = 1024 * 1024;
/** Of an event that is larger: enough for what stands around its large parts. */
const END_BYTES = 16 * 1024;

/**
 * A parser of server-sent events after the WHATWG rules: lines end in CR, LF or CRLF, several `data` lines are one text,
 * comments and unknown fields are left out. Memory does not grow beyond one event of `maxEventBytes` (default 1 MiB): of a
 * larger one `onLong` gets both ends.
 *
 * Works on whole lines: neither byte of a line end occurs inside of a UTF-8 sequence, so no character is ever cut.
 *
 * @example
 * const parser = createSseParser((name, data) => seen.push({ name, data }));
 * parser.push(new TextEncoder().encode("event: ping\ndata: {}\n\n"));
 */
export function createSseParser(
  onEvent: (name: string | undefined, data: string) => void,
  options: {
    readonly maxEventBytes?: number;
    readonly onLong?: (name: string | undefined, head: string, tail: string) => void;
  } = {},
): SseParser {
  const { maxEventBytes = MAX_EVENT_BYTES, onLong } = options;
  /** The unfinished line. */
  let rest: Buffer[] = [];
  let restBytes = 0;
  /** The event so far. */
  let name: string | undefined;
  let data: string | undefined;
  let isFirst = true;
  /** The last byte was a CR: an LF that follows belongs to it. */
  let afterCr = false;
  /** The event is too large: only its name and the ends of its data are kept until its empty line. */
  let skipping = false;
  let head: string | undefined;
  let tail: Buffer = Buffer.alloc(0);
  /** The start of the unfinished line has been thrown away. */
  let inLine = false;
  let truncated = 0;

  /** `start` is where the data begins. */
  const skip = (start: string | undefined): void => {
    if (!skipping) truncated++;
    skipping = true;
    head ??= start?.slice(0, END_BYTES);
    data = undefined;
  };

  const addTail = (bytes: Buffer): void => {
    if (head === undefined) return;
    tail = Buffer.concat([tail, bytes.subarray(-END_BYTES)]);
    if (tail.length > END_BYTES) tail = Buffer.from(tail.subarray(-END_BYTES));
  };

  /** A line that is too large, and has not come to its end. */
  const skipLine = (bytes: Buffer): void => {
    const line = Buffer.concat([...rest, bytes]);
    const text = line.toString("utf8", 0, END_BYTES);
    const value = text.startsWith("data") ? fieldValue(text, 4, text.length) : undefined;
    skip(data === undefined ? value : `${data}\n`);
    if (value !== undefined) addTail(line);
  };

  const keep = (bytes: Buffer): void => {
    if (bytes.length === 0) return;
    if (inLine) {
      addTail(bytes);
      return;
    }
    if (restBytes + bytes.length > maxEventBytes) {
      skipLine(bytes);
      rest = [];
      restBytes = 0;
      inLine = true;
      return;
    }
    rest.push(Buffer.from(bytes));
    restBytes += bytes.length;
  };

  const dispatch = (): void => {
    const event = name;
    const text = data;
    name = data = undefined;
    if (!skipping) {
      if (text !== undefined) onEvent(event, text);
      return;
    }
    const start = head;
    const end = tail;
    skipping = false;
    head = undefined;
    tail = Buffer.alloc(0);
    if (start !== undefined) onLong?.(event, start, end.toString("utf8"));
  };

  const field = (text: string, at: number, end: number): void => {
    if (text.startsWith("data", at)) {
      const value = fieldValue(text, at + 4, end);
      if (value === undefined) return;
      const whole = data === undefined ? value : `${data}\n${value}`;
      data = skipping ? undefined : whole;
      if (whole.length <= maxEventBytes && !skipping) return;
      skip(whole);
      addTail(Buffer.from(whole.slice(-END_BYTES)));
    } else if (text.startsWith("event", at)) {
      const value = fieldValue(text, at + 5, end);
      if (value !== undefined) name = value === "" ? undefined : value;
    }
  };

  /** Text that ends in a line end. */
  const lines = (text: string): void => {
    let at = 0;
    while (at < text.length) {
      const end = text.indexOf("\n", at);
      if (end === at) dispatch();
      else field(text, at, end);
      at = end + 1;
    }
  };

  const push = (bytes: Uint8Array): void => {
    let chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (chunk.length === 0) return;
    if (afterCr && chunk[0] === LF) chunk = chunk.subarray(1);
    afterCr = chunk.length === 0 ? false : chunk[chunk.length - 1] === CR;
    const end = afterLastLine(chunk);
    const text = end === 0 ? "" : wholeLines(chunk, end);
    if (text !== "") lines(text.includes("\r") ? text.replace(/\r\n?/g, "\n") : text);
    if (end < chunk.length) keep(chunk.subarray(end));
  };

  /** What was left of the line before, and the chunk up to its last line end. */
  const wholeLines = (chunk: Buffer, end: number): string => {
    let start = 0;
    if (inLine) {
      start = afterFirstLine(chunk);
      addTail(chunk.subarray(0, start));
      inLine = false;
    }
    let text: string;
    if (rest.length === 0) text = chunk.toString("utf8", start, end);
    else {
      text = Buffer.concat([...rest, chunk.subarray(start, end)]).toString("utf8");
      rest = [];
      restBytes = 0;
    }
    if (!isFirst) return text;
    isFirst = false;
    return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
  };

  return {
    push,
    end() {
      rest = [];
      restBytes = 0;
      name = data = head = undefined;
      skipping = inLine = afterCr = false;
    },
    get truncated() {
      return truncated;
    },
  };
}

/** The value of a field whose name ends at `at`; `undefined` when the name is longer than that. */
function fieldValue(text: string, at: number, end: number): string | undefined {
  if (at === end) return "";
  if (text[at] !== ":") return undefined;
  const start = text[at + 1] === " " ? at + 2 : at + 1;
  return start >= end ? "" : text.slice(start, end);
}

/** The index after the last line end; 0 when there is none. The usual chunk ends in one. */
function afterLastLine(chunk: Buffer): number {
  const last = chunk[chunk.length - 1];
  if (last === LF || last === CR) return chunk.length;
  return Math.max(chunk.lastIndexOf(LF), chunk.lastIndexOf(CR)) + 1;
}

/** The index after the first line end, which is there. */
function afterFirstLine(chunk: Buffer): number {
  const [lf, cr] = [chunk.indexOf(LF), chunk.indexOf(CR)];
  if (cr === -1 || (lf !== -1 && lf < cr)) return lf + 1;
  return lf === cr + 1 ? lf + 1 : cr + 1;
}
