import { jsonRuns } from "../json-runs.ts";
import { isObject, isShallow, MAX_DEPTH } from "../json-value.ts";
import { tooDeep } from "./results.ts";

/** A body of this size is parsed in a few milliseconds. */
const SMALL_BYTES = 256 * 1024;

/**
 * The events of a body of `/api/public/ingestion`, a few hundred at a time: between them others may have their turn. Returns
 * false when the body has no list named `batch`.
 *
 * @throws SyntaxError for what is no JSON; FormatError for what is nested too deep
 */
export function* eventPieces(bytes: Buffer): Generator<readonly unknown[], boolean> {
  if (bytes.length > SMALL_BYTES) {
    const scan = jsonRuns(bytes, ["batch"]);
    let step = scan.next();
    for (; !step.done; step = scan.next()) yield [];
    const { lists, around } = step.value;
    const body: unknown = JSON.parse(around);
    // Of two lists under one name JSON takes the last, and a name may be written with escapes: then as below.
    if (lists.length === 1 && !around.includes("\\") && isObject(body) && Array.isArray(body["batch"])) {
      for (const { start, end } of lists[0]!) yield shallow(JSON.parse(`[${bytes.toString("utf8", start, end)}]`));
      return true;
    }
  }
  const value: unknown = JSON.parse(bytes.toString());
  if (!isObject(value) || !Array.isArray(value["batch"])) return false;
  yield shallow(value["batch"]);
  return true;
}

function shallow(events: readonly unknown[]): readonly unknown[] {
  if (!isShallow(events, MAX_DEPTH - 1)) throw tooDeep();
  return events;
}
