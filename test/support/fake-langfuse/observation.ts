import type { PlainSpan } from "./otlp.ts";
import { AGENT_OPERATIONS, type Field, RULES, TAKEN_OUT, TYPES, USAGE_NAMES } from "./rules.ts";

export type Counts = { readonly [bucket: string]: number };

/** What Langfuse stores of a span. A field that nothing says is `undefined`. */
export interface Observation {
  readonly id: string;
  readonly traceId: string;
  readonly parentId: string | undefined;
  readonly name: string;
  /** `SPAN`, `GENERATION`, … */
  readonly type: string;
  /** ISO 8601, in whole milliseconds. */
  readonly startTime: string;
  readonly endTime: string;
  readonly completionStartTime: string | undefined;
  readonly level: string;
  readonly statusMessage: string | undefined;
  /** As text, as it is stored. */
  readonly input: unknown;
  readonly output: unknown;
  readonly model: string | undefined;
  readonly modelParameters: { readonly [name: string]: string | number };
  /** `undefined` when what was sent is no table of whole numbers from 0 on: then all of it is lost. */
  readonly usage: Counts | undefined;
  readonly cost: Counts | undefined;
  /** Langfuse counts the tokens of input and output itself: a model, no usage, and no error. */
  readonly isUsageEstimated: boolean;
  readonly promptName: string | undefined;
  readonly promptVersion: number | undefined;
  readonly version: string | undefined;
  readonly release: string | undefined;
  readonly environment: string;
  readonly traceName: string | undefined;
  readonly userId: string | undefined;
  readonly sessionId: string | undefined;
  readonly tags: readonly string[];
  readonly public: boolean | undefined;
  readonly isAppRoot: boolean;
  readonly metadata: { readonly [key: string]: unknown };
  /** What no rule reads; filed under `metadata.attributes`. */
  readonly leftOver: { readonly [name: string]: unknown };
  readonly resource: { readonly [name: string]: unknown };
  readonly scope: string;
}

/** Reads a span by the table of rules. */
export function observationOf(span: PlainSpan): Observation {
  const used = new Set<string>();
  const read = (name: string): unknown => {
    if (name === "span:name") return span.name;
    if (name === "span:status.message") return span.status.message;
    if (name.startsWith("resource:")) return span.resource.get(name.slice("resource:".length));
    if (span.attributes.has(name)) used.add(name);
    return span.attributes.get(name);
  };
  const first = (field: Field): unknown => RULES[field].from.map(read).find(saysSomething);
  const text = (field: Field): string | undefined => {
    const value = first(field);
    return value === undefined || typeof value === "string" ? value : JSON.stringify(value);
  };

  const type = typeOf(read);
  const isAgentStep = AGENT_OPERATIONS.includes(String(span.attributes.get("gen_ai.operation.name")));
  const model = isAgentStep ? undefined : text("model");
  const level = text("level") ?? (span.status.code === 2 ? "ERROR" : "DEFAULT");
  const usage = isAgentStep ? {} : usageOf(first("usage"), span.attributes);
  const hasUsage = usage !== undefined && Object.keys(usage).length > 0;
  const promptVersion = Number(first("promptVersion"));
  const isLinked = type === "GENERATION" && Number.isInteger(promptVersion) && promptVersion > 0;
  return {
    id: span.spanId,
    traceId: span.traceId,
    parentId: span.parentSpanId,
    name: text("name") ?? "",
    type,
    startTime: isoOf(span.startNanos),
    endTime: isoOf(span.endNanos),
    completionStartTime: text("completionStartTime"),
    level,
    statusMessage: text("statusMessage"),
    ...inputAndOutput(read),
    model,
    modelParameters: parametersOf(first("modelParameters"), span.attributes),
    usage,
    cost: isAgentStep ? {} : costOf(first("cost"), span.attributes),
    isUsageEstimated: model !== undefined && !hasUsage && level !== "ERROR",
    promptName: isLinked ? text("promptName") : undefined,
    promptVersion: isLinked && first("promptName") !== undefined ? promptVersion : undefined,
    version: text("version"),
    release: text("release"),
    environment: storedEnvironment(text("environment")),
    traceName: text("traceName"),
    userId: text("userId"),
    sessionId: text("sessionId"),
    tags: tagsOf(first("tags")),
    public: isTrue(first("public")),
    isAppRoot: isTrue(first("appRoot")) === true,
    metadata: { ...metadataOf("observationMetadata", span, used), ...metadataOf("traceMetadata", span, used) },
    leftOver: Object.fromEntries([...span.attributes].filter(([name]) => !used.has(name))),
    resource: Object.fromEntries(span.resource),
    scope: span.scope,
  };
}

function saysSomething(value: unknown): boolean {
  return value !== undefined && value !== null && value !== "";
}

/** `ObservationTypeMapper.ts`: the first mapper that gives a type. */
function typeOf(read: (name: string) => unknown): string {
  for (const { from, types } of TYPES) {
    const value = read(from);
    if (!saysSomething(value)) continue;
    if (types === undefined) return from.startsWith("gen_ai.tool.") ? "TOOL" : "GENERATION";
    if (Object.hasOwn(types, String(value))) return types[String(value)]!;
  }
  return "SPAN";
}

/** `resolveSpanTimestamps`: what is below a millisecond is cut off. */
function isoOf(nanos: string): string {
  return new Date(Number(BigInt(nanos) / 1_000_000n)).toISOString();
}

/** An empty text is an input too. */
function inputAndOutput(read: (name: string) => unknown): { input: unknown; output: unknown } {
  const [input, output] = [read(RULES.input.from[0]!), read(RULES.output.from[0]!)];
  if (input !== undefined || output !== undefined) return { input, output };
  for (const [i, name] of RULES.otherInput.from.entries()) {
    const pair = { input: read(name), output: read(RULES.otherOutput.from[i]!) };
    if (saysSomething(pair.input) || saysSomething(pair.output)) return pair;
  }
  return { input: undefined, output: undefined };
}

function parametersOf(
  text: unknown,
  attributes: ReadonlyMap<string, unknown>,
): { readonly [name: string]: string | number } {
  const prefix = "gen_ai.request.";
  const generic = [...attributes].filter(([name]) => name.startsWith(prefix) && name !== `${prefix}model`);
  const given = parsed(text) ?? Object.fromEntries(generic.map(([name, value]) => [name.slice(prefix.length), value]));
  const entries = Object.entries(given as object).map(([name, value]) => {
    return [name, typeof value === "string" || typeof value === "number" ? value : JSON.stringify(value)];
  });
  return Object.fromEntries(entries);
}

function usageOf(text: unknown, attributes: ReadonlyMap<string, unknown>): Counts | undefined {
  const given = parsed(text) ?? genericUsage(attributes);
  return openAiUsage(given) ?? counts(given, Number.isInteger);
}

/** `../ingestion/types.ts` RawUsageDetails, CostDetails: one value that is none refuses the whole table. */
function counts(table: unknown, isCount: (value: number) => boolean): Counts | undefined {
  const values = Object.values(table as object);
  const isValid = values.every((value) => typeof value === "number" && value >= 0 && isCount(value));
  return isValid ? (table as Counts) : undefined;
}

/** `../ingestion/types.ts` OpenAICompletionUsageSchema, OpenAIResponseUsageSchema: strict, so one more key makes it none. */
function openAiUsage(given: any): Counts | undefined {
  const [input, output] = "prompt_tokens" in given ? ["prompt", "completion"] : ["input", "output"];
  const names = [`${input}_tokens`, `${output}_tokens`, "total_tokens"];
  const details = [`${input}_tokens_details`, `${output}_tokens_details`];
  const isOfTheKind =
    names.every((name) => name in given) && Object.keys(given).every((name) => [...names, ...details].includes(name));
  if (!isOfTheKind) return undefined;
  const result: { [bucket: string]: number } = {
    input: given[names[0]!],
    output: given[names[1]!],
    total: given.total_tokens,
  };
  for (const [i, side] of (["input", "output"] as const).entries()) {
    for (const [key, value] of Object.entries<number>(given[details[i]!] ?? {})) {
      result[`${side}_${key}`] = value;
      result[side] = Math.max(result[side]! - value, 0);
    }
  }
  return result;
}

/** Names that it does not know become buckets and are taken out of nothing: they are counted twice. */
function genericUsage(attributes: ReadonlyMap<string, unknown>): Counts {
  const usage: { [bucket: string]: number } = {};
  for (const [attribute, value] of attributes) {
    const name = /^(?:gen_ai\.usage|llm\.token_count)\.(?!cost$)(.+)$/.exec(attribute)?.[1];
    if (name !== undefined && !Number.isNaN(Number(value))) usage[USAGE_NAMES[name] ?? name] = Number(value);
  }
  for (const [bucket, side] of Object.entries(TAKEN_OUT)) {
    if (usage[bucket] !== undefined && usage[side] !== undefined) {
      usage[side] = Math.max(usage[side]! - usage[bucket]!, 0);
    }
  }
  return usage;
}

function costOf(text: unknown, attributes: ReadonlyMap<string, unknown>): Counts | undefined {
  const total = attributes.get("gen_ai.usage.cost") ?? attributes.get("llm.cost.total");
  return counts(parsed(text) ?? (total === undefined ? {} : { total }), Number.isFinite);
}

function parsed(text: unknown): object | undefined {
  if (typeof text !== "string") return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** `../ingestion/types.ts`: lower case, no leading `langfuse`, at most 40 of these characters; else `default`. */
function storedEnvironment(given: string | undefined): string {
  const name = (given ?? "").toLowerCase().replace(/^langfuse/, "");
  return /^[a-z0-9-_]{1,40}$/.test(name) ? name : "default";
}

function tagsOf(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.map(String);
  if (typeof value !== "string") return [];
  const list = parsed(value);
  return Array.isArray(list) ? list.map(String) : value.split(",").map((tag) => tag.trim());
}

function isTrue(value: unknown): boolean | undefined {
  return value === undefined ? undefined : value === true || value === "true";
}

const FORBIDDEN = /(?:^|\.)(?:__proto__|constructor|prototype)(?:\.|$)/;

function metadataOf(
  field: "observationMetadata" | "traceMetadata",
  span: PlainSpan,
  used: Set<string>,
): { [key: string]: unknown } {
  const metadata: { [key: string]: unknown } = {};
  for (const bare of RULES[field].from) {
    Object.assign(metadata, parsed(span.attributes.get(bare)));
    for (const [name, value] of span.attributes) {
      if (!name.startsWith(`${bare}.`)) continue;
      used.add(name);
      if (!FORBIDDEN.test(name.slice(bare.length + 1))) metadata[name.slice(bare.length + 1)] = value;
    }
  }
  return metadata;
}
