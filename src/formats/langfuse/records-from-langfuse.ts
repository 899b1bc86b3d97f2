import type { JsonObject } from "../../core/json.ts";
import type { ScoreRecord, SpanRecord, TraceInfo } from "../../core/record.ts";
import { FormatError } from "../format-error.ts";
import { isObject, isSame, isShallow, textOf } from "../json-value.ts";
import { nowNanos } from "../times.ts";
import { Unreadable } from "../unreadable.ts";
import { fieldsOf } from "./fields.ts";
import { rootIdOf, traceIdOf } from "./ids.ts";
import { ingestion } from "./ingestion.ts";
import type { LangfuseMemory } from "./memory.ts";
import { observationRecord, rootRecord, scoreRecord, traceInfoOf } from "./observation.ts";
import { boundsOf, type LangfuseRecords, type Rejection, rejectionOf, tooDeep } from "./results.ts";

export interface FromLangfuseOptions {
  /** Epoch nanoseconds, decimal: the time of scores that say none. Default: the clock's time. */
  readonly now?: string;
  /** Between batches of one stream: what is known of things that a later batch updates. */
  readonly memory?: LangfuseMemory;
}

/**
 * What Langfuse's public API and its exports give (traces, with observations and scores or without, lists of observations
 * or scores, pages of these), and what its SDKs send to `/api/public/ingestion` (a batch, or its events), as records.
 *
 * Exclusive token buckets become inclusive totals. A trace becomes the root span of its observations, unless it has one
 * already that says the same. An update becomes a record with a higher `seq`: with `memory`, of things that an earlier
 * batch made.
 *
 * @throws FormatError `FORMAT_NOT_LANGFUSE` for anything else
 */
export function recordsFromLangfuse(value: unknown, options: FromLangfuseOptions = {}): LangfuseRecords {
  if (!isShallow(value)) throw tooDeep();
  const now = options.now ?? nowNanos();
  const events = eventsOf(value);
  if (events !== undefined) return ended(ingestion(events, now, options.memory));
  const records: (SpanRecord | ScoreRecord)[] = [];
  const rejected: Rejection[] = [];
  for (const entity of entitiesOf(value)) {
    try {
      records.push(...recordsOf(entity, now, rejected));
    } catch (error) {
      rejected.push(rejectionOf(entity, error));
    }
  }
  return { records, rejected };
}

/**
 * The same of the events of an ingestion batch, in steps between which others may have their turn; but not another batch
 * with the same memory.
 *
 * @throws FormatError before the first step, for what are no events
 */
export function eventSteps(
  events: readonly unknown[],
  options: FromLangfuseOptions = {},
): Generator<undefined, LangfuseRecords> {
  if (events.length > 0 && !isEvent(events[0])) throw notLangfuse();
  return ingestion(events, options.now ?? nowNanos(), options.memory);
}

function ended<R>(steps: Generator<undefined, R>): R {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** Whether a value looks like anything of Langfuse's. */
export function isLangfuse(value: unknown): boolean {
  if (eventsOf(value) !== undefined) return true;
  const [first] = listOf(value) ?? [value];
  return isObject(first) && kindOf(first) !== undefined;
}

/** The events of a batch; `undefined` for what is none. */
function eventsOf(value: unknown): readonly unknown[] | undefined {
  if (isEvent(value)) return [value];
  const list = isObject(value) && Array.isArray(value["batch"]) ? value["batch"] : value;
  if (!Array.isArray(list)) return undefined;
  return list.length > 0 ? (isEvent(list[0]) ? list : undefined) : list === value ? undefined : list;
}

function isEvent(value: unknown): boolean {
  return isObject(value) && isObject(value["body"]) && /-(?:create|update)$|^sdk-log$/.test(textOf(value["type"]));
}

function listOf(value: unknown): readonly unknown[] | undefined {
  if (Array.isArray(value)) return value;
  return isObject(value) && Array.isArray(value["data"]) ? value["data"] : undefined;
}

function entitiesOf(value: unknown): readonly unknown[] {
  const list = listOf(value) ?? [value];
  if (list.length > 0 && !list.some((each) => isObject(each) && kindOf(each) !== undefined)) {
    throw notLangfuse();
  }
  return list;
}

function notLangfuse(): FormatError {
  const wanted = "traces, observations, scores, or a batch of ingestion events";
  return new FormatError("FORMAT_NOT_LANGFUSE", `This is nothing that Langfuse gives or takes: ${wanted}.`);
}

function kindOf(entity: JsonObject): "trace" | "observation" | "score" | undefined {
  if (typeof entity["id"] !== "string") return undefined;
  if (typeof entity["traceId"] === "string" && entity["startTime"] !== undefined) return "observation";
  const isScore = "value" in entity || "stringValue" in entity;
  if (isScore && typeof entity["name"] === "string") return "score";
  const isTrace = entity["timestamp"] !== undefined || Array.isArray(entity["observations"]);
  return isTrace && entity["traceId"] === undefined ? "trace" : undefined;
}

function recordsOf(entity: unknown, now: string, rejected: Rejection[]): readonly (SpanRecord | ScoreRecord)[] {
  const kind = isObject(entity) ? kindOf(entity) : undefined;
  if (!isObject(entity) || kind === undefined) throw new Unreadable("neither a trace, an observation nor a score");
  if (kind === "observation") return [observationRecord(entity, { seq: 0, trace: infoOf(entity) })];
  if (kind === "score") return [scoreRecord(entity, 0, infoOf(entity["trace"]), now)];
  return traceRecords(entity, now, rejected);
}

/** What an exported row says of its trace beside itself. */
function infoOf(value: unknown): TraceInfo {
  if (!isObject(value)) return {};
  const { userId, sessionId, tags, traceName, release } = value;
  const row = { userId, sessionId, tags, name: traceName, release };
  return traceInfoOf(
    fieldsOf(Object.fromEntries(Object.entries(row).filter(([, each]) => each !== undefined)) as JsonObject),
  );
}

/** A trace with what it has of observations and scores; lists of the API have their ids alone. */
function traceRecords(entity: JsonObject, now: string, rejected: Rejection[]): readonly (SpanRecord | ScoreRecord)[] {
  const traceId = traceIdOf(textOf(entity["id"]));
  const trace = traceInfoOf(fieldsOf(entity));
  const observations = itemsOf(entity["observations"], entity);
  const roots = observations.filter((each) => typeof each["parentObservationId"] !== "string");
  const only = roots.length === 1 && saysTheSame(entity, roots[0]!) ? roots[0] : undefined;
  const rootId = only === undefined ? rootIdOf(traceId) : undefined;
  const records: (SpanRecord | ScoreRecord)[] = [];
  const add = (item: JsonObject, make: () => SpanRecord | ScoreRecord): void => {
    try {
      records.push(make());
    } catch (error) {
      rejected.push(rejectionOf(item, error));
    }
  };
  for (const each of observations) add(each, () => observationRecord(each, { seq: 0, trace, rootId }));
  if (only === undefined) {
    const root = rootRecord(entity, 0, boundsOf(records));
    records.unshift(root);
  }
  for (const each of itemsOf(entity["scores"], entity)) add(each, () => scoreRecord(each, 0, trace, now));
  return records;
}

function itemsOf(value: unknown, trace: JsonObject): readonly JsonObject[] {
  const items = Array.isArray(value) ? value.filter(isObject) : [];
  return items.map((each) => (each["traceId"] === undefined ? { ...each, traceId: trace["id"]! } : each));
}

/** A trace says the same as its only root when it says nothing of its own. */
function saysTheSame(trace: JsonObject, root: JsonObject): boolean {
  return ["input", "output"].every((name) => {
    const own = trace[name];
    return own === undefined || own === null || isSame(own, root[name] ?? null);
  });
}
