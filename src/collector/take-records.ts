import type { TraceRecord } from "../core/record.ts";
import { takeTurn } from "../core/turns.ts";
import { json } from "./answer.ts";
import { problemOf } from "./check-record.ts";
import type { Form, ReadBody } from "./receive.ts";
import { Refusal } from "./refusal.ts";

interface Rejected {
  /** Empty for what has none. */
  readonly spanId: string;
  /** From 1 on. */
  readonly line?: number;
  readonly reason: string;
}

interface ReadLines extends ReadBody {
  readonly rejected: readonly Rejected[];
}

/** Named in an answer; beyond, they are counted only. */
const MAX_NAMED = 1_000;
/** Bytes that are parsed in one step: half a millisecond. */
const STEP_BYTES = 64 * 1024;

/** What `httpSink` sends: NDJSON, a record a line. The answer names the lines that are none. */
export const takeRecords: Form<ReadLines> = {
  name: "ndjson",
  path: "/v1/records",
  async read(bytes, request) {
    const type = request.headers["content-type"] ?? "";
    if (!/^application\/(?:x-ndjson|ndjson|jsonl|x-jsonlines|json)\s*(?:;|$)/i.test(type)) {
      throw new Refusal(415, "BAD_CONTENT_TYPE", "Records come as application/x-ndjson, one a line.");
    }
    const records: TraceRecord[] = [];
    const rejected: Rejected[] = [];
    let line = 0;
    for (let at = 0, step = STEP_BYTES; at < bytes.length; ) {
      const newline = bytes.indexOf(10, at);
      const end = newline < 0 ? bytes.length : newline;
      line++;
      const found = readLine(bytes.toString("utf8", at, end));
      if (found !== undefined && "record" in found) records.push(found.record);
      else if (found !== undefined) rejected.push({ ...found, line });
      at = end + 1;
      if (at < step) continue;
      step = at + STEP_BYTES;
      await takeTurn();
    }
    return { records, rejected, unreadable: rejected.length };
  },
  answer(read, rejected) {
    const all = [
      ...read.rejected,
      ...rejected.map(({ record, reason }) => ({ spanId: record.spanId ?? "", reason }) satisfies Rejected),
    ];
    const more = all.length > MAX_NAMED ? { more: all.length - MAX_NAMED } : {};
    return json({ rejected: all.slice(0, MAX_NAMED), ...more });
  },
};

/** `undefined` for an empty line. */
function readLine(line: string): { record: TraceRecord } | Omit<Rejected, "line"> | undefined {
  if (line.trim() === "") return undefined;
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return { spanId: "", reason: "no JSON" };
  }
  const reason = problemOf(value);
  if (reason === undefined) return { record: value as TraceRecord };
  const { spanId } = (value ?? {}) as { spanId?: unknown };
  return { spanId: typeof spanId === "string" ? spanId.slice(0, 64) : "", reason };
}
