import { FormatError } from "../format-error.ts";
import { jsonRuns, type Run } from "../json-runs.ts";
import { isObject } from "../json-value.ts";
import { type OtlpRequest, type OtlpSignal, parseJson } from "./decode-otlp.ts";

/** From the outermost in: an object, the list under a key of it, an object of that, … */
const LISTS = {
  traces: ["resourceSpans", "scopeSpans", "spans"],
  logs: ["resourceLogs", "scopeLogs", "logRecords"],
} as const;

/**
 * A request in JSON as many small ones, each with its resource and scope. Lists of items are found by looking at brackets
 * and quotes alone; JSON's parser says whether what is in them, and around them, is JSON.
 *
 * @returns false when it cannot be taken apart; nothing was given then
 */
export function* jsonPieces(bytes: Buffer, signal: OtlpSignal): Generator<OtlpRequest | undefined, boolean> {
  const [inRequest, inResource, inScope] = LISTS[signal];
  const { lists, around } = yield* jsonRuns(bytes, LISTS[signal]);
  let request: unknown;
  try {
    request = JSON.parse(around);
  } catch {
    return false;
  }
  if (!isObject(request) || !Array.isArray(request[inRequest])) return false;
  const found: { readonly resource: unknown; readonly scope: unknown; readonly runs: readonly Run[] }[] = [];
  for (const resource of request[inRequest].filter(isObject)) {
    const scopes = Array.isArray(resource[inResource]) ? resource[inResource].filter(isObject) : [];
    for (const scope of scopes) {
      const items = scope[inScope];
      if (items === undefined || items === null) continue;
      const runs = Array.isArray(items) ? lists[items[0] as number] : undefined;
      // Items under a key that is written in another way, or what is no list.
      if (runs === undefined) return false;
      found.push({ resource: resource["resource"], scope: scope["scope"], runs });
    }
  }
  // Of two lists under one name JSON takes the last, and all must be JSON.
  if (found.length !== lists.length) return false;
  for (const { resource, scope, runs } of found) {
    for (const run of runs) {
      yield { [inRequest]: [{ resource, [inResource]: [{ scope, [inScope]: parseRun(bytes, run) }] }] };
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
