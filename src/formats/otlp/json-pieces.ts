import type { JsonObject } from "../../core/json.ts";
import { FormatError } from "../format-error.ts";
import { isObject } from "../json-value.ts";
import { type OtlpRequest, type OtlpSignal, parseJson } from "./decode-otlp.ts";

/** Of items that are parsed at once. */
const PIECE_BYTES = 64 * 1024;
/** Of text that is looked through at once. */
const TURN_BYTES = 128 * 1024;
/** From the outermost in: an object, the list under a key of it, an object of that, … */
const LISTS = {
  traces: ["resourceSpans", "scopeSpans", "spans"],
  logs: ["resourceLogs", "scopeLogs", "logRecords"],
} as const;
const LEVELS = 6;

const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a];
const [OBJECT, OBJECT_END, LIST, LIST_END] = [0x7b, 0x7d, 0x5b, 0x5d];

/** Items of a list that are parsed together: spans, or log records. */
interface Run {
  readonly start: number;
  readonly end: number;
}

/**
 * A request in JSON as many small ones, each with its resource and scope. Lists of items are found by looking at brackets
 * and quotes alone; JSON's parser says whether what is in them, and around them, is JSON.
 *
 * @returns false when it cannot be taken apart; nothing was given then
 */
export function* jsonPieces(bytes: Buffer, signal: OtlpSignal): Generator<OtlpRequest | undefined, boolean> {
  const [inRequest, inResource, inScope] = LISTS[signal];
  const { lists, around } = yield* scan(bytes, LISTS[signal]);
  let request: unknown;
  try {
    request = JSON.parse(around);
  } catch {
    return false;
  }
  if (!isObject(request) || !Array.isArray(request[inRequest])) return false;
  const found: { readonly resource: JsonObject; readonly scope: JsonObject; readonly runs: readonly Run[] }[] = [];
  for (const resource of request[inRequest].filter(isObject)) {
    const scopes = Array.isArray(resource[inResource]) ? resource[inResource].filter(isObject) : [];
    for (const scope of scopes) {
      const items = scope[inScope];
      if (items === undefined || items === null) continue;
      const runs = Array.isArray(items) ? lists[items[0] as number] : undefined;
      // Items under a key that is written in another way, or what is no list.
      if (runs === undefined) return false;
      found.push({ resource, scope, runs });
    }
  }
  for (const { resource, scope, runs } of found) {
    for (const run of runs) {
      yield { [inRequest]: [{ ...resource, [inResource]: [{ ...scope, [inScope]: parseRun(bytes, run) }] }] };
    }
  }
  return true;
}

function parseRun(bytes: Buffer, { start, end }: Run): unknown {
  try {
    return parseJson(`[${bytes.toString("utf8", start, end)}]`, "The OTLP request");
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    const offset = start + (error.offset ?? 1) - 1;
    throw new FormatError(error.code, `The OTLP request is no JSON from byte ${offset} on.`, { offset });
  }
}

/** `around` is the text with the number of its list in place of each list's items. */
function* scan(
  bytes: Buffer,
  path: readonly string[],
): Generator<undefined, { readonly lists: readonly Run[][]; readonly around: string }> {
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
      if (depth === onPath && onPath < LEVELS) text = { start, end: at };
    } else if (byte === OBJECT || byte === LIST) {
      if (depth === onPath && onPath < LEVELS) {
        const isNext = onPath % 2 === 0 ? byte === OBJECT : byte === LIST && key === path[onPath >> 1];
        if (isNext) onPath++;
        if (isNext && onPath === LEVELS) {
          around.push(bytes.toString("utf8", copied, at + 1), String(lists.length));
          lists.push([]);
          runStart = at + 1;
        }
      }
      depth++;
      key = "";
    } else if (byte === OBJECT_END || byte === LIST_END) {
      if (depth === onPath && onPath > 0) {
        if (onPath === LEVELS) {
          endRun(at);
          copied = at;
        }
        onPath--;
      }
      depth--;
    } else if (depth === onPath) {
      if (byte === COLON) key = bytes.toString("utf8", text.start, text.end);
      else if (byte === COMMA && onPath === LEVELS) {
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
    // Nothing behind a comma is no JSON, and is found to be none.
    if (runs.length > 0 || bytes.toString("utf8", runStart, end).trim() !== "") runs.push({ start: runStart, end });
  }
}
