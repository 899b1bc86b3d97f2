import type { Checks } from "../core/check-options.ts";
import { showValue } from "../core/show-value.ts";
import { AGGREGATE_FIELDS } from "./aggregate-rows.ts";
import { StoreError } from "./store-error.ts";
import type {
  AggregateQuery,
  AppendOptions,
  ProjectOption,
  PruneOptions,
  SpansOptions,
  TraceQuery,
  TraceStore,
  ValuesQuery,
} from "./trace-store.ts";

interface Questions {
  readonly append: AppendOptions;
  readonly traces: TraceQuery;
  readonly sessions: TraceQuery;
  readonly aggregate: AggregateQuery;
  readonly values: ValuesQuery;
  readonly spans: SpansOptions;
  readonly trace: ProjectOption;
  readonly span: ProjectOption;
  readonly revision: ProjectOption;
  readonly stats: ProjectOption;
  readonly prune: PruneOptions;
  readonly sql: NonNullable<Parameters<TraceStore["sql"]>[1]>;
}

type Kind = Checks<{ field: unknown }>["field"];

const isText = (value: unknown): value is string => typeof value === "string";
const TEXT: Kind = [isText, "a text"];
const NUMBER: Kind = [Number.isFinite, "a finite number"];
const COUNT: Kind = [(value) => Number.isInteger(value) && (value as number) > 0, "a whole number above 0"];
const WIDTH: Kind = [
  (value) => Number.isSafeInteger(value) && (value as number) > 0,
  "a whole number of microseconds above 0",
];
const FLAG: Kind = [(value) => typeof value === "boolean", "true or false"];
const TEXTS: Kind = [(value) => isTexts(value), "texts by their keys"];

function oneOf(words: readonly string[]): Kind {
  return [(value) => isText(value) && words.includes(value), `one of ${words.join(", ")}`];
}

const PROJECT: Checks<ProjectOption> = { project: TEXT };
const TRACES: Checks<TraceQuery> = {
  ...PROJECT,
  fromUs: NUMBER,
  toUs: NUMBER,
  userId: TEXT,
  sessionId: TEXT,
  feature: TEXT,
  team: TEXT,
  environment: TEXT,
  release: TEXT,
  tag: TEXT,
  name: TEXT,
  model: TEXT,
  status: oneOf(["ok", "error", "open"]),
  finding: TEXT,
  metadata: TEXTS,
  minDurationMs: NUMBER,
  maxDurationMs: NUMBER,
  minCostUsd: NUMBER,
  maxCostUsd: NUMBER,
  text: TEXT,
  limit: COUNT,
  after: TEXT,
};
/** What `values` takes as its field. */
export const VALUE_FIELDS: readonly ValuesQuery["field"][] = [
  ...(["name", "model", "userId", "sessionId", "feature"] as const),
  ...(["team", "environment", "release", "tag", "finding"] as const),
];
const QUESTIONS: { readonly [Q in keyof Questions]: Checks<Questions[Q]> } = {
  append: PROJECT,
  traces: TRACES,
  sessions: TRACES,
  aggregate: {
    ...PROJECT,
    of: oneOf(["calls", "spans", "scores"]),
    fromUs: NUMBER,
    toUs: NUMBER,
    groupBy: [
      (value) => Array.isArray(value) && value.every((field) => AGGREGATE_FIELDS.includes(field)),
      `a list of ${AGGREGATE_FIELDS.join(", ")}`,
    ],
    bucketUs: WIDTH,
    where: [(value) => isTexts(value, AGGREGATE_FIELDS), `texts for ${AGGREGATE_FIELDS.join(", ")}`],
    percentiles: FLAG,
    limit: COUNT,
  },
  values: { ...PROJECT, field: oneOf(VALUE_FIELDS), prefix: TEXT, fromUs: NUMBER, limit: COUNT },
  spans: { ...PROJECT, after: TEXT, limit: COUNT },
  trace: PROJECT,
  span: PROJECT,
  revision: PROJECT,
  stats: PROJECT,
  prune: { beforeUs: NUMBER, maxBytes: NUMBER },
  sql: { limit: COUNT },
};

/**
 * What a store is asked, before it is: an unknown field, or a value that its field does not take, is refused; what
 * is undefined is not there. A cursor is only seen to be a text.
 *
 * @throws StoreError `STORE_BAD_QUERY`
 */
export function checkQuery<Q extends keyof Questions>(question: Q, query: Questions[Q]): void {
  if (!isPlain(query)) throw bad(`${question}() takes a plain object of fields; it got ${showValue(query)}.`);
  const kinds: { readonly [field: string]: Kind } = QUESTIONS[question];
  for (const [field, value] of Object.entries(query)) {
    if (!Object.hasOwn(kinds, field)) {
      const shown = `${showValue(field)} (${showValue(value)})`;
      throw bad(`${question}() has no field ${shown}. It takes: ${Object.keys(kinds).join(", ")}.`);
    }
    if (value !== undefined) check(question, kinds, field, value);
  }
  // The only field that must be there.
  if (question === "values") check(question, kinds, "field", (query as ValuesQuery).field);
}

/** @throws StoreError `STORE_BAD_QUERY` for an id that is no text */
export function checkIds(question: "trace" | "spans" | "span", ids: { readonly [name: string]: unknown }): void {
  for (const [name, id] of Object.entries(ids)) {
    if (!isText(id)) throw bad(`${question}() takes a text for ${name}; it got ${showValue(id)}.`);
  }
}

function check(question: string, kinds: { readonly [field: string]: Kind }, field: string, value: unknown): void {
  const [isRight, wanted] = kinds[field]!;
  if (!isRight(value)) throw bad(`${question}({ ${field} }) takes ${wanted}; it got ${showValue(value)}.`);
}

function isTexts(value: unknown, keys?: readonly string[]): boolean {
  if (!isPlain(value)) return false;
  return Object.entries(value).every(
    ([key, text]) => (keys === undefined || keys.includes(key)) && (text === undefined || isText(text)),
  );
}

/** As from `{}` or JSON, in whatever realm. */
function isPlain(value: unknown): value is object {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function bad(message: string): StoreError {
  return new StoreError("STORE_BAD_QUERY", message);
}
