import type { Json, JsonObject } from "../../core/json.ts";
import type { ScoreRecord, SpanRecord, TraceInfo } from "../../core/record.ts";
import { isObject, textOf } from "../json-value.ts";
import { Unreadable } from "../unreadable.ts";
import { fieldsOf } from "./fields.ts";
import { rootIdOf, traceIdOf } from "./ids.ts";
import { type Known, type LangfuseMemory, langfuseMemory } from "./memory.ts";
import { observationRecord, rootRecord, scoreRecord, traceInfoOf } from "./observation.ts";
import { type LangfuseRecords, type Rejection, rejectionOf } from "./results.ts";

/** A thing that a batch is about; kept here too, as the memory may forget it meanwhile. */
interface Touched {
  readonly event: unknown;
  readonly known: Known;
}

/**
 * The events of an ingestion batch. What one batch says of a thing becomes one record of it; `seq` counts the events that
 * have been told of it. Yields where others may have their turn; not other batches with the same memory.
 */
export function* ingestion(
  events: readonly unknown[],
  now: string,
  memory: LangfuseMemory = langfuseMemory(Math.max(1, events.length)),
): Generator<undefined, LangfuseRecords> {
  const touched = new Map<string, Touched>();
  const scores: JsonObject[] = [];
  const rejected: Rejection[] = [];
  const knownOf = (key: string): Known | undefined => touched.get(key)?.known ?? memory.get(key);
  const attempt = (event: unknown, run: () => void): void => {
    try {
      run();
    } catch (error) {
      rejected.push(rejectionOf(event, error));
    }
  };
  for (const event of yield* inOrder(events)) {
    yield;
    attempt(event, () => {
      if (!isObject(event) || !isObject(event["body"])) throw new Unreadable("an event has no body");
      if (event["type"] === "score-create") scores.push(event);
      else if (event["type"] !== "sdk-log") {
        const { key, known } = learned(event, event["body"], knownOf);
        memory.set(key, known);
        touched.set(key, { event, known });
      }
    });
  }
  const infoOf = (traceId: unknown): TraceInfo => {
    const known = typeof traceId === "string" ? knownOf(`trace ${traceId}`) : undefined;
    return known === undefined ? {} : traceInfoOf(fieldsOf(known.body));
  };
  const records: (SpanRecord | ScoreRecord)[] = [];
  /** When the last observation of a trace in this batch ended. */
  const ends = new Map<string, string>();
  for (const [key, { event, known }] of touched) {
    if (key.startsWith("trace ")) continue;
    yield;
    attempt(event, () => {
      const { traceId } = known.body;
      const record = observationOf(known, infoOf(traceId));
      const trace = `trace ${textOf(traceId)}`;
      if (isLater(record.endTime, ends.get(trace))) ends.set(trace, record.endTime);
      records.push(record);
    });
  }
  // Traces end with their observations, also with those that come in a later batch.
  for (const [key, endTime] of ends) {
    yield;
    const known = knownOf(key);
    if (known === undefined || !isLater(endTime, known.endTime)) continue;
    const told = touched.get(key);
    const longer = { ...known, endTime, seq: told === undefined ? known.seq + 1 : known.seq };
    memory.set(key, longer);
    touched.set(key, { event: told?.event, known: longer });
  }
  for (const [key, { event, known }] of touched) {
    yield;
    if (key.startsWith("trace ")) attempt(event, () => void records.push(rootRecord(known.body, known.seq, known)));
  }
  for (const event of scores) {
    yield;
    attempt(event, () => void records.push(scoreOf(event, infoOf, now)));
  }
  return { records, rejected };
}

function isLater(time: string, other: string | undefined): boolean {
  return other === undefined || BigInt(time) > BigInt(other);
}

/**
 * What makes things goes first, then by their times, as SDKs send them in any order: one with little in it overtakes one
 * with much. Sorting is stable: the same time stays in order.
 */
function* inOrder(events: readonly unknown[]): Generator<undefined, readonly unknown[]> {
  const placed: { readonly event: unknown; readonly isUpdate: number; readonly time: number }[] = [];
  for (const event of events) {
    yield;
    const { type, timestamp } = isObject(event) ? event : {};
    placed.push({ event, isUpdate: Number(/-update$/.test(textOf(type))), time: Date.parse(textOf(timestamp)) || 0 });
  }
  return placed.sort((a, b) => a.isUpdate - b.isUpdate || a.time - b.time).map(({ event }) => event);
}

/** What is known with what an event adds; what it does not say stays. */
function learned(
  event: JsonObject,
  body: JsonObject,
  knownOf: (key: string) => Known | undefined,
): { readonly key: string; readonly known: Known } {
  const word = textOf(event["type"]).replace(/-(?:create|update)$/, "");
  const id = body["id"];
  if (typeof id !== "string" || id === "") throw new Unreadable("an event's body has no id");
  const key = word === "trace" ? `trace ${id}` : `observation ${id}`;
  const known = knownOf(key);
  if (known === undefined && !textOf(event["type"]).endsWith("-create")) {
    throw new Unreadable("an update of something that is not known; its create was in another batch");
  }
  const first = { timestamp: event["timestamp"] ?? null, ...known?.body };
  const seq = known === undefined ? 0 : known.seq + 1;
  return { key, known: { ...known, body: merged(first, body), type: known?.type ?? word, seq } };
}

/**
 * Metadata is merged, as Langfuse does; other fields are replaced, but for the time of a trace: where the program says none,
 * SDKs write that of the update.
 */
function merged(first: JsonObject, second: JsonObject): JsonObject {
  const entries = Object.entries(second).filter(([, value]) => value !== null && value !== undefined);
  const result = new Map<string, Json>(Object.entries(first));
  for (const [name, value] of entries) {
    const before = result.get(name);
    if (name === "timestamp" && Date.parse(textOf(before)) <= Date.parse(textOf(value))) continue;
    const isMerged = name === "metadata" && isObject(before) && isObject(value);
    result.set(name, isMerged ? Object.fromEntries([...Object.entries(before), ...Object.entries(value)]) : value);
  }
  return Object.fromEntries(result);
}

function observationOf({ body, type, seq }: Known, trace: TraceInfo): SpanRecord {
  const traceId = body["traceId"];
  if (typeof traceId !== "string") throw new Unreadable("an observation has no traceId");
  return observationRecord(body, { seq, trace, type, rootId: rootIdOf(traceIdOf(traceId)) });
}

function scoreOf(event: JsonObject, infoOf: (traceId: unknown) => TraceInfo, now: string): ScoreRecord {
  const body = isObject(event["body"]) ? event["body"] : {};
  const timestamp = body["timestamp"] ?? event["timestamp"] ?? null;
  const id = body["id"] ?? event["id"] ?? null;
  return scoreRecord({ ...body, timestamp, id }, 0, infoOf(body["traceId"]), now);
}
