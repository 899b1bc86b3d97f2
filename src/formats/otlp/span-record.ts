import {
  type GenAi,
  type Json,
  type JsonObject,
  LEVELS,
  type Level,
  OBSERVATION_TYPES,
  SCHEMA_VERSION,
  SPAN_KINDS,
  type SpanLink,
  type SpanRecord,
  type Status,
} from "../../core/record.ts";
import { OPEN_INFERENCE } from "../../semconv/open-inference-registry.ts";
import { PREFIXES } from "../../semconv/registry.ts";
import { compact, countOf, fromJsonText, isObject, listOfObjects, textOf } from "../json-value.ts";
import { isoNanos } from "../times.ts";
import { Unreadable } from "../unreadable.ts";
import { type Bag, bagOf } from "./bag.ts";
import { type Content, contentOf, contentOfEvents } from "./content.ts";
import { eventsOf } from "./events.ts";
import { genAiOf } from "./gen-ai.ts";
import { httpOf } from "./http.ts";
import { NAMES } from "./names.ts";
import type { Origin, Scope } from "./origin.ts";
import { bareObject, traceInfoOf } from "./trace-info.ts";
import { typeOf } from "./type.ts";
import { costOf, usageOf } from "./usage.ts";
import { attributesOf, idOf, listOf, objectOf, timeOf } from "./values.ts";

const IS_REMOTE = 0x200;
const STATUS_CODES = ["unset", "ok", "error"] as const;
const TYPES: ReadonlySet<unknown> = new Set(OBSERVATION_TYPES);

/** What our own resource says of the process; of no use in a record. */
const DETECTED =
  /^(?:telemetry\.sdk\.|process\.(?:pid|executable\.name|runtime\.)|host\.(?:name|arch)$|os\.type$|service\.instance\.id$)/;

/**
 * A span as a record.
 *
 * @param now epoch nanoseconds, for a span without an end
 * @throws Unreadable without valid ids or times
 */
export function spanRecordOf(span: JsonObject, origin: Origin, now: string): SpanRecord {
  const traceId = idOf(span["traceId"], 16, "traceId");
  const spanId = idOf(span["spanId"], 8, "spanId");
  if (traceId === undefined || spanId === undefined) throw new Unreadable("it has no traceId or no spanId");
  const bag = bagOf(attributesOf(span["attributes"]));
  const resource = bagOf(origin.resource);
  const isOurs = TYPES.has(bag.peek("sightline.type"));
  const times = timesOf(span, now);
  const hasOpenInference = isOurs && dropOpenInference(bag);
  const spanName = textOf(span["name"]);
  const name = bag.text(NAMES.name) ?? spanName;
  const type = typeOf(bag);
  const trace = traceInfoOf(bag, resource, isOurs);
  const usage = usageOf(bag, type, isOurs);
  const cost = costOf(bag);
  const state = stateOf(span, bag, isOurs);
  const { error, events } = eventsOf(span, bag, state.status, times.endTime, isOurs);
  const firstChunkTime = firstChunkOf(bag, times.startTime);
  const said = contentOf(bag, isOurs);
  const { input, output, toolDefinitions } = withEvents(said, span);
  const genAi = genAiOf(bag, { isOurs, type, name, spanName, usage });
  const links = linksOf(span, bag);
  const flags = countOf(span["flags"]) ?? 1;
  const unfinished = bag.flag(NAMES.unfinished) === true || times.isOpen;
  const { parentSpanId, parentIsRemote } = parentOf(span, flags);
  const record: { -readonly [field in keyof SpanRecord]: SpanRecord[field] | undefined } = {
    record: "span",
    schema: SCHEMA_VERSION,
    traceId,
    spanId,
    parentSpanId,
    parentIsRemote,
    traceFlags: flags & 0xff,
    traceState: typeof span["traceState"] === "string" && span["traceState"] !== "" ? span["traceState"] : undefined,
    // Of a span that others send twice, the one that has ended counts.
    seq: countOf(bag.number(NAMES.seq)) ?? (isOurs || unfinished ? 0 : 1),
    name,
    type,
    kind: kindOf(span["kind"]),
    startTime: times.startTime,
    endTime: times.endTime,
    firstChunkTime,
    unfinished: unfinished ? true : undefined,
    callSite: bag.text(NAMES.callSite),
    ...state,
    error,
    input,
    output,
    genAi: genAi === undefined && toolDefinitions === undefined ? undefined : genAiWith(genAi, toolDefinitions),
    usage,
    cost,
    http: httpOf(bag),
    events,
    links,
    metadata: isOurs ? jsonEntries(bag.under(PREFIXES.metadata)) : metadataOf(bag),
    cuts: cutsOf(bag),
    trace,
  };
  if (isOurs) bag.drop(["error.type", ...CONTENT_NAMES, ...(hasOpenInference ? VALUE_NAMES : [])]);
  record.attributes = restOf(bag, resource, span, origin.scope, isOurs);
  return compact<SpanRecord>(record as SpanRecord)!;
}

function genAiWith(genAi: GenAi | undefined, toolDefinitions: Json | undefined): GenAi {
  return toolDefinitions === undefined ? genAi! : { toolDefinitions, ...genAi };
}

function timesOf(span: JsonObject, now: string): { startTime: string; endTime: string; isOpen: boolean } {
  const end = timeOf(span["endTimeUnixNano"]);
  const startTime = timeOf(span["startTimeUnixNano"]) ?? end;
  if (startTime === undefined) throw new Unreadable("it has no startTimeUnixNano");
  if (end !== undefined) return { startTime, endTime: end, isOpen: false };
  return { startTime, endTime: BigInt(now) > BigInt(startTime) ? now : startTime, isOpen: true };
}

function parentOf(span: JsonObject, flags: number): Pick<SpanRecord, "parentSpanId" | "parentIsRemote"> {
  const parentSpanId = idOf(span["parentSpanId"], 8, "parentSpanId");
  if (parentSpanId === undefined) return {};
  return { parentSpanId, ...((flags & IS_REMOTE) !== 0 && { parentIsRemote: true as const }) };
}

/** Numbers; old exporters write the names of the enum. */
function kindOf(value: unknown): SpanRecord["kind"] {
  const word = typeof value === "string" ? value.replace(/^SPAN_KIND_/, "").toLowerCase() : "";
  const named = SPAN_KINDS.find((kind) => kind === word);
  return named ?? SPAN_KINDS[(countOf(value) ?? 1) - 1] ?? "internal";
}

function statusOf(value: unknown): Status["code"] {
  const word = typeof value === "string" ? value.replace(/^STATUS_CODE_/, "").toLowerCase() : "";
  return STATUS_CODES.find((code) => code === word) ?? STATUS_CODES[countOf(value) ?? 0] ?? "unset";
}

/** Langfuse knows levels alone: what failed there is an error here. */
function stateOf(span: JsonObject, bag: Bag, isOurs: boolean): { status: Status; level: Level } {
  const given = isObject(span["status"]) ? span["status"] : {};
  const level = levelOf(bag);
  const said = statusOf(given["code"]);
  const code = said === "unset" && level === "ERROR" && !isOurs ? "error" : said;
  const ownMessage = bag.text([...NAMES.statusMessage, "langfuse.observation.status_message"]);
  const message = typeof given["message"] === "string" && given["message"] !== "" ? given["message"] : ownMessage;
  return {
    status: { code, ...(message !== undefined && { message }) },
    level: level ?? (code === "error" ? "ERROR" : "DEFAULT"),
  };
}

const LEVEL_WORDS: ReadonlyMap<string, Level> = new Map<string, Level>([
  ...LEVELS.map((level) => [level, level] as const),
  ["INFO", "DEFAULT"],
  ["WARN", "WARNING"],
  ["FATAL", "ERROR"],
]);

function levelOf(bag: Bag): Level | undefined {
  const name = ["sightline.level", "langfuse.observation.level"].find((each) => bag.has(each));
  const level = name && LEVEL_WORDS.get(textOf(bag.peek(name)).toUpperCase());
  if (name !== undefined && level !== undefined) bag.drop([name]);
  return level || undefined;
}

function firstChunkOf(bag: Bag, startTime: string): string | undefined {
  const seconds = bag.number(NAMES.timeToFirstChunk);
  const ms = seconds === undefined ? bag.number(["ai.response.msToFirstChunk"]) : undefined;
  const nanos = seconds === undefined ? (ms === undefined ? undefined : ms * 1e6) : seconds * 1e9;
  if (nanos !== undefined && nanos >= 0 && nanos < Number.MAX_SAFE_INTEGER) {
    return String(BigInt(startTime) + BigInt(Math.round(nanos)));
  }
  const iso = bag.peek("langfuse.observation.completion_start_time");
  const time = iso === undefined ? undefined : isoNanos(fromQuoted(textOf(iso)));
  if (time !== undefined) bag.drop(["langfuse.observation.completion_start_time"]);
  return time;
}

/** Langfuse's SDK writes the time as JSON, quotes and all. */
function fromQuoted(text: string): string {
  return text.replace(/^"(.*)"$/, "$1");
}

/** Messages as events count where the span itself says nothing. */
function withEvents(content: Content, span: JsonObject): Content {
  if (content.input !== undefined && content.output !== undefined) return content;
  const events = contentOfEvents(span["events"]);
  return { ...content, input: content.input ?? events.input, output: content.output ?? events.output };
}

function linksOf(span: JsonObject, bag: Bag): SpanLink[] | undefined {
  const links: SpanLink[] = [];
  const invalid: Json[] = [];
  for (const each of listOf(span["links"])) {
    if (!isObject(each)) continue;
    try {
      const traceId = idOf(each["traceId"], 16, "traceId");
      const spanId = idOf(each["spanId"], 8, "spanId");
      const attributes = objectOf(each["attributes"]);
      if (traceId === undefined || spanId === undefined) throw new Unreadable("a link without ids");
      links.push({ traceId, spanId, ...(attributes && { attributes }) });
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      invalid.push(`${textOf(each["traceId"])} ${textOf(each["spanId"])}`.slice(0, 200));
    }
  }
  if (invalid.length > 0) bag.rest().set("otel.invalid_links", invalid);
  return links.length === 0 ? undefined : links;
}

function metadataOf(bag: Bag): JsonObject | undefined {
  const all = [
    bareObject(bag, "metadata"),
    bareObject(bag, "langfuse.observation.metadata"),
    bag.under("langfuse.observation.metadata."),
  ].flatMap((each) => Object.entries(each ?? {}));
  return jsonEntries(Object.fromEntries(all));
}

function jsonEntries(fields: JsonObject | undefined): JsonObject | undefined {
  const entries = Object.entries(fields ?? {});
  return entries.length === 0
    ? undefined
    : Object.fromEntries(entries.map(([name, value]) => [name, fromJsonText(value)]));
}

function cutsOf(bag: Bag): SpanRecord["cuts"] {
  return listOfObjects(bag.any(NAMES.cuts)) as SpanRecord["cuts"];
}

/** OpenInference beside our own names says nothing that these do not. */
const OPEN_INFERENCE_NAMES = new RegExp(
  `^(?:${Object.values(OPEN_INFERENCE)
    .map(({ name }) => name)
    .filter((name) => !/^(?:input|output)\./.test(name))
    .map((name) => name.replaceAll(".", "\\.").replaceAll("{i}", "\\d+"))
    .join("|")})$`,
);

function dropOpenInference(bag: Bag): boolean {
  const isThere = bag.has("openinference.span.kind");
  if (isThere) bag.matching(OPEN_INFERENCE_NAMES);
  return isThere;
}

/** Our spans say each content once, under the name that their operation has for it, and once more in OpenInference. */
const CONTENT_NAMES = [
  ...NAMES.inputMessages,
  ...NAMES.outputMessages,
  ...NAMES.toolArguments,
  ...NAMES.toolResult,
  ...NAMES.retrievalQuery,
  ...NAMES.retrievalDocuments,
];
const VALUE_NAMES = ["input.value", "input.mime_type", "output.value", "output.mime_type"];

/** Attributes that nobody here understands, those of the resource and the scope below the span's own. */
function restOf(bag: Bag, resource: Bag, span: JsonObject, scope: Scope, isOurs: boolean): JsonObject | undefined {
  const rest = new Map<string, Json>();
  for (const [name, value] of resource.rest()) {
    const isKnown = DETECTED.test(name) || (name === "service.name" && textOf(value).startsWith("unknown_service"));
    if (!isOurs || !isKnown) rest.set(name, value);
  }
  if (!isOurs) {
    // The names that OpenTelemetry has for formats without fields for these.
    if (scope.name !== "") rest.set("otel.scope.name", scope.name);
    if (scope.version !== "") rest.set("otel.scope.version", scope.version);
    for (const [name, value] of scope.attributes) rest.set(name, value);
    for (const [field, name] of DROPPED) {
      const count = countOf(span[field]) ?? 0;
      if (count > 0) rest.set(name, count);
    }
  }
  for (const [name, value] of bag.rest()) rest.set(name, value);
  return rest.size === 0 ? undefined : Object.fromEntries(rest);
}

const DROPPED = [
  ["droppedAttributesCount", "otel.dropped_attributes_count"],
  ["droppedEventsCount", "otel.dropped_events_count"],
  ["droppedLinksCount", "otel.dropped_links_count"],
] as const;
