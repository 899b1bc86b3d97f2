import type {
  AggregateField,
  AggregateQuery,
  Page,
  TraceQuery,
  TraceStore,
  ValuesQuery,
} from "../../../src/store/trace-store.ts";
import {
  FEATURES,
  FIRST_US,
  METADATA_KEYS,
  MODELS,
  NAMES,
  ODD_TEXTS,
  RULES,
  SESSIONS,
  SPAN_US,
  TAGS,
  TEAMS,
  USERS,
  VOCABULARY,
} from "./mean-records.ts";
import { type Random, random } from "./random.ts";

/** One thing to ask of two stores. */
export interface Question {
  readonly kind: string;
  readonly asked: unknown;
  ask(store: TraceStore): Promise<unknown>;
}

const HOUR_US = 3_600_000_000;
const FIELDS: readonly AggregateField[] = [
  ...(["model", "provider", "feature", "team", "userId"] as const),
  ...(["environment", "name", "type", "status", "errorType"] as const),
];

/** Every page to the end. */
export async function pages<T>(ask: (after: string | undefined) => Promise<Page<T>>, most = 1_000): Promise<T[][]> {
  const all: T[][] = [];
  let after: string | undefined;
  do {
    const page = await ask(after);
    all.push([...page.items]);
    after = page.next;
  } while (after !== undefined && all.length < most);
  return all;
}

/** Questions of every kind about what `meanRecords` made; `oracle` says which traces and spans there are. */
export async function questions(oracle: TraceStore, seed: number, times = 1): Promise<Question[]> {
  const r = random(seed + 1);
  const all: Question[] = [];
  for (const project of [undefined, "other", "nobody's"]) {
    const scope = project === undefined ? {} : { project };
    const share = Math.ceil((project === undefined ? 10 : 2) * times);
    const traces = (await pages((after) => oracle.traces({ ...scope, limit: 500, ...(after && { after }) }))).flat();
    const ids = r.shuffle(traces.map(({ traceId }) => traceId)).slice(0, share);
    const large = [...traces].sort((a, b) => b.spans - a.spans).slice(0, 2);
    for (const traceId of [...ids, ...large.map(({ traceId }) => traceId), "0".repeat(32)]) {
      all.push(...(await traceQuestions(oracle, r, traceId, scope)));
    }
    all.push(...listQuestions(r, scope, share), ...aggregateQuestions(r, scope, share));
    all.push(...valuesQuestions(r, scope, share), statsQuestion(scope));
  }
  return all;
}

type Scope = { readonly project?: string };

async function traceQuestions(oracle: TraceStore, r: Random, traceId: string, scope: Scope): Promise<Question[]> {
  const limit = r.pick([1, 3, 50, 10_000]);
  const rows = (await oracle.spans(traceId, { ...scope, limit: 10_000 })).items;
  const spanIds = rows.length === 0 ? ["0".repeat(16)] : [r.pick(rows).spanId, rows[0]!.spanId];
  return [
    { kind: "trace", asked: { traceId, scope }, ask: (store) => store.trace(traceId, scope) },
    {
      kind: "spans",
      asked: { traceId, limit, scope },
      ask: (store) => pages((after) => store.spans(traceId, { ...scope, limit, ...(after && { after }) })),
    },
    ...spanIds.map((spanId) => ({
      kind: "span",
      asked: { traceId, spanId, scope },
      ask: (store: TraceStore) => store.span(traceId, spanId, scope),
    })),
  ];
}

/** Every condition on its own with several values, then several at once. */
function listQuestions(r: Random, scope: Scope, share: number): Question[] {
  const single: TraceQuery[] = CONDITIONS.flatMap((condition) => Array.from({ length: share }, () => condition(r)));
  const several = Array.from({ length: share * 6 }, () =>
    Object.assign(
      {},
      ...r
        .shuffle(CONDITIONS)
        .slice(0, 2 + r.int(3))
        .map((condition) => condition(r)),
    ),
  );
  const queries: TraceQuery[] = [{}, ...single, ...several];
  return queries.flatMap((query, i) => {
    const asked = { ...scope, ...query, limit: i === 0 ? 37 : r.pick([5, 50, 500]) };
    const most = i === 0 ? 1_000 : 3;
    const kind = query.text === undefined ? "traces" : "text";
    const list = {
      kind,
      asked,
      ask: (store: TraceStore) => pages((after) => store.traces({ ...asked, ...(after && { after }) }), most),
    };
    if (i > 0 && !r.chance(0.25)) return [list];
    const sessions = {
      kind: "sessions",
      asked,
      ask: (store: TraceStore) => pages((after) => store.sessions({ ...asked, ...(after && { after }) }), most),
    };
    return [list, sessions];
  });
}

const CONDITIONS: readonly ((r: Random) => TraceQuery)[] = [
  (r) => range(r),
  (r) => ({ fromUs: FIRST_US + r.int(SPAN_US) }),
  (r) => ({ toUs: FIRST_US + r.int(SPAN_US) }),
  (r) => ({ userId: r.skewed(USERS) }),
  (r) => ({ userId: r.pick(ODD_TEXTS) }),
  (r) => ({ sessionId: r.pick(SESSIONS) }),
  (r) => ({ feature: r.pick(FEATURES.filter(Boolean)) }),
  (r) => ({ team: r.pick(TEAMS) }),
  (r) => ({ environment: r.pick(["production", "test", "Test", "nowhere"]) }),
  (r) => ({ release: r.pick(["1.2.3", "1.2.4", "1.2"]) }),
  (r) => ({ tag: r.pick(TAGS.filter(Boolean)) }),
  (r) => ({ name: r.pick(["math tutor", "été", ...NAMES]) }),
  (r) => ({ model: r.pick([...MODELS, "gpt-4.1-2025", "gpt"]) }),
  (r) => ({ status: r.pick(["ok", "error", "open"] as const) }),
  (r) => ({ finding: r.pick(["*", ...RULES]) }),
  (r) => ({ metadata: metadata(r, 1) }),
  (r) => ({ metadata: metadata(r, 2) }),
  (r) => ({ minDurationMs: r.pick([0, 0.5, 10, 1_000]) }),
  (r) => ({ maxDurationMs: r.pick([0.001, 5, 500]) }),
  // No sum of whole millionths is near these.
  (r) => ({ minCostUsd: (r.int(200_000) + 0.3) / 1e6 }),
  (r) => ({ maxCostUsd: (r.int(200_000) + 0.3) / 1e6 }),
  (r) => ({ text: r.skewed(VOCABULARY) }),
  (r) => ({ text: r.pick(VOCABULARY).toUpperCase() }),
  (r) => ({ text: `${r.skewed(VOCABULARY)}  ${r.skewed(VOCABULARY)}` }),
  (r) => ({
    text: r.pick(["patient tutor", "role", "content", "Tutor.answer", "NOT the", 'the OR "x"', "rar", "rare1*", "!!!"]),
  }),
];

function range(r: Random): { fromUs: number; toUs: number } {
  const fromUs = FIRST_US + r.int(SPAN_US);
  return { fromUs, toUs: fromUs + r.int(12 * HOUR_US) };
}

function metadata(r: Random, count: number): { [key: string]: string } {
  const values = ["pro", "it's", "1", "0.1", "1e+21", "true", "null", "nul\0value", "x".repeat(501), ""];
  return Object.fromEntries(Array.from({ length: count }, () => [r.pick(METADATA_KEYS), r.pick(values)]));
}

function aggregateQuestions(r: Random, scope: Scope, share: number): Question[] {
  const fixed: AggregateQuery[] = [
    {},
    { percentiles: true },
    { of: "spans", groupBy: ["type"] },
    { of: "scores", groupBy: ["name"], percentiles: true },
    { groupBy: ["feature", "team", "model"], fromUs: FIRST_US, toUs: FIRST_US + 24 * HOUR_US },
    { groupBy: ["model"], bucketUs: HOUR_US },
    { groupBy: ["model"], bucketUs: 300_000_000, fromUs: FIRST_US, toUs: FIRST_US + 24 * HOUR_US, percentiles: true },
    { groupBy: ["userId"], limit: 5 },
    { groupBy: ["userId"], limit: 3, bucketUs: 6 * HOUR_US, percentiles: true },
    { of: "spans", groupBy: ["name", "status"], limit: 1_000 },
  ];
  const mixed = Array.from({ length: share * 8 }, (): AggregateQuery => {
    const groupBy = r.shuffle(FIELDS).slice(0, r.int(4));
    return {
      of: r.pick(["calls", "calls", "spans", "scores"] as const),
      groupBy,
      ...(r.chance(0.6) && range(r)),
      ...(r.chance(0.3) && { fromUs: FIRST_US + r.int(60) * HOUR_US, toUs: FIRST_US + 72 * HOUR_US }),
      ...(r.chance(0.4) && { bucketUs: r.pick([1, 24, 5 / 60]) * HOUR_US }),
      ...(r.chance(0.4) && { where: where(r) }),
      ...(r.chance(0.4) && { percentiles: true }),
      ...(r.chance(0.5) && { limit: 1 + r.int(10) }),
    };
  });
  return [...fixed, ...mixed].map((query) => {
    const asked = { ...query, ...scope };
    return { kind: query.percentiles ? "percentiles" : "aggregate", asked, ask: (store) => store.aggregate(asked) };
  });
}

function where(r: Random): NonNullable<AggregateQuery["where"]> {
  return r.pick([
    { model: r.pick(MODELS) },
    { model: "" },
    { feature: r.pick(FEATURES) },
    { team: r.pick(TEAMS), feature: r.pick(FEATURES) },
    { userId: r.pick(USERS) },
    { status: "error" },
    { errorType: "Fehler'Ü" },
    { name: r.pick(NAMES), type: "generation" },
    { environment: "" },
  ]);
}

const VALUES: readonly ValuesQuery["field"][] = [
  ...(["name", "model", "userId", "sessionId", "feature"] as const),
  ...(["team", "environment", "release", "tag", "finding"] as const),
];

function valuesQuestions(r: Random, scope: Scope, share: number): Question[] {
  const queries = VALUES.flatMap((field): ValuesQuery[] => [
    { field },
    { field, limit: 3 },
    { field, limit: 1_000 },
    { field, fromUs: FIRST_US + r.int(SPAN_US) },
    { field, prefix: r.pick(["U", "é", "ÉT", "%", "_", "οδ", "G", "session-1", "nul\0", "Ма"]), limit: 1_000 },
  ]);
  const some = r.shuffle(queries).slice(0, share * 5);
  return some.map((query) => {
    const asked = { ...query, ...scope };
    return { kind: "values", asked, ask: (store) => store.values(asked) };
  });
}

function statsQuestion(scope: Scope): Question {
  const ask = async (store: TraceStore) => {
    const { bytes, ...stats } = await store.stats(scope);
    return stats;
  };
  return { kind: "stats", asked: scope, ask };
}
