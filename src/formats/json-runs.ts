/** Of items that are parsed at once. */
const PIECE_BYTES = 64 * 1024;
/** Of text that is looked through at once. */
const TURN_BYTES = 128 * 1024;

const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a];
const [OBJECT, OBJECT_END, LIST, LIST_END] = [0x7b, 0x7d, 0x5b, 0x5d];

/** Items of a list that are parsed together: where they begin and end. */
export interface Run {
  readonly start: number;
  readonly end: number;
}

/**
 * Finds the items of lists in a text of JSON by looking at brackets and quotes alone: whether it is JSON, JSON's parser says.
 * Yields where others may have their turn.
 *
 * @param path from the outermost in: an object, the list under a key of it, an object of that, …
 * @returns runs of items for each list, and the text around them, with the number of its list in place of each list's items
 */
export function* jsonRuns(
  bytes: Buffer,
  path: readonly string[],
): Generator<undefined, { readonly lists: readonly Run[][]; readonly around: string }> {
  const levels = 2 * path.length;
  const lists: Run[][] = [];
  const around: string[] = [];
  let depth = 0;
  /** How many of the levels around this place are those that lead to items. */
  let onPath = 0;
  let key = "";
  let text = { start: 0, end: 0 };
  let copied = 0;
  let runStart = 0;
  let turn = TURN_BYTES;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (byte === QUOTE) {
      const start = at + 1;
      for (at++; at < bytes.length && bytes[at] !== QUOTE; at++) if (bytes[at] === BACKSLASH) at++;
      if (depth === onPath && onPath < levels) text = { start, end: at };
    } else if (byte === OBJECT || byte === LIST) {
      if (depth === onPath && onPath < levels) {
        const isNext = onPath % 2 === 0 ? byte === OBJECT : byte === LIST && key === path[onPath >> 1];
        if (isNext) onPath++;
        if (isNext && onPath === levels) {
          around.push(bytes.toString("utf8", copied, at + 1), String(lists.length));
          lists.push([]);
          runStart = at + 1;
        }
      }
      depth++;
      key = "";
    } else if (byte === OBJECT_END || byte === LIST_END) {
      if (depth === onPath && onPath > 0) {
        if (onPath === levels) {
          endRun(at);
          copied = at;
        }
        onPath--;
      }
      depth--;
    } else if (depth === onPath) {
      if (byte === COLON) key = bytes.toString("utf8", text.start, text.end);
      else if (byte === COMMA && onPath === levels) {
        if (at - runStart >= PIECE_BYTES) {
          endRun(at);
          runStart = at + 1;
        }
      }
    }
    if (at >= turn) {
      turn = at + TURN_BYTES;
      yield undefined;
    }
  }
  around.push(bytes.toString("utf8", copied));
  return { lists, around: around.join("") };

  function endRun(end: number): void {
    const runs = lists.at(-1)!;
    const isEmpty = /^[ \t\n\r]*$/.test(bytes.toString("utf8", runStart, end));
    // Nothing behind a comma is no JSON: with the comma it is found to be none.
    if (!isEmpty) runs.push({ start: runStart, end });
    else if (runs.length > 0) runs.push({ start: runStart - 1, end });
  }
}
