import type { JsonObject } from "../../../src/core/json.ts";
import {
  type FindingRecord,
  OBSERVATION_TYPES,
  type ScoreRecord,
  type SpanRecord,
  type TraceInfo,
  type TraceRecord,
} from "../../../src/core/record.ts";
import { type Random, random } from "./random.ts";

/** What one call of `append` gets. */
export interface Batch {
  readonly project: string;
  readonly records: readonly TraceRecord[];
}

/** 2025-11-13T02:13:20Z, in microseconds. */
export const FIRST_US = 1_763_000_000_000_000;
export const SPAN_US: number = 72 * 3_600_000_000;

/** Texts that have broken a parser, a collation or a binding somewhere. */
export const ODD_TEXTS: readonly string[] = [
  "Zoë",
  "Zoe\u0308",
  "数学",
  "nul\0inside",
  "\ud800lone",
  "lone\udc00",
  "😀 astral",
  "\uff5e wide",
  "it's",
  'say "hi"',
  "back\\slash",
  "100%_sure",
  "a;DROP TABLE spans;--",
  "line\nbreak\ttab",
  "\u2028",
  "$.path[0]",
  " spaces ",
  "İstanbul",
  "ΟΔΟΣ",
  "ß",
];

export const USERS: readonly string[] = [...Array.from({ length: 25 }, (_, i) => `user_${i}`), ...ODD_TEXTS];
export const SESSIONS: readonly string[] = [
  ...Array.from({ length: 40 }, (_, i) => `session-${i}`),
  ...ODD_TEXTS.slice(0, 8),
];
export const FEATURES: readonly string[] = ["tutor", "search", "Füße", "it's", ""];
export const TEAMS: readonly string[] = ["learning", "growth", "ΟΔΟΣ"];
export const TAGS: readonly string[] = ["beta", "été", "a,b", "nul\0tag", "😀", "\uff5e", ""];
export const MODELS: readonly string[] = [
  "gpt-4.1",
  "gpt-4.1-mini",
  "o3",
  "text-embedding-3",
  "mödel/😀",
  "model'quote",
];
export const NAMES: readonly string[] = [
  "chat",
  "Tutor.answer",
  "plan",
  "retrieve docs",
  "数学の先生",
  "nul\0name",
  "\ud83d",
];
export const RULES: readonly string[] = ["run_expired", "stuck_in_requires_action", "rate'limited"];
export const SCORES: readonly string[] = ["helpfulness", "format", "été"];
export const METADATA_KEYS: readonly string[] = [
  "plan",
  "a.b",
  "$",
  "$.x",
  "it's",
  'a"b',
  "[0]",
  "",
  "__proto__",
  "nul\0key",
  "%",
  "ключ",
];
const METADATA_VALUES: readonly unknown[] = [
  "pro",
  "",
  "it's",
  "nul\0value",
  1,
  0.1,
  1e21,
  -5,
  true,
  false,
  null,
  [1],
  { a: 1 },
  "1",
  "x".repeat(501),
];
/** Words of payloads, the frequent ones first; some are one word to some tokenizers and two to others. */
export const VOCABULARY: readonly string[] = [
  ...["the", "equation", "solve", "x", "error", "42", "gpt", "Straße", "ΟΔΟΣ", "İstanbul", "naïve", "nai\u0308ve"],
  ...[
    "数学",
    "don't",
    "snake_case",
    "kebab-case",
    "a.b.c",
    "1,000",
    "3.14",
    "e\u0301té",
    "UPPER",
    "ﬁne",
    "x²",
    "Ⅳ",
    "👩‍🏫",
  ],
  ...["मराठी", "\u0663\u0664", "tab\tbed", "new\nline", "nul\0byte", '"quoted"', "\\n", "\u2028", "\ud800", "Ǆ", "ſ"],
  ...Array.from({ length: 400 }, (_, i) => `rare${i}`),
];

/**
 * Batches of records as a mean network brings them, a pure function of the seed: traces whose root is late, missing, open,
 * in another process or twice there; records again, out of order, and replaced; scores of nothing; two projects that share
 * ids; texts and keys that break things. The batches of `late` come after people have looked.
 */
export function meanRecords(seed: number, spans = 4_000): { early: Batch[]; late: Batch[] } {
  const r = random(seed);
  const early: Batch[] = [];
  const late: Batch[] = [];
  const shared = r.hex(32);
  for (const [project, share] of [
    ["default", 0.8],
    ["other", 0.2],
  ] as const) {
    const records: TraceRecord[] = [];
    let count = 0;
    while (count < spans * share) {
      const traceId = records.length === 0 ? shared : r.hex(32);
      const trace = oneTrace(r, traceId);
      count += trace.filter(({ record }) => record === "span").length;
      records.push(...trace);
    }
    for (let i = 0; i < 30; i++) records.push(score(r, i % 3 === 0 ? undefined : r.hex(32), undefined, r.int(SPAN_US)));
    for (let i = 0; i < 10; i++) records.push(finding(r, r.hex(32), undefined, r.int(SPAN_US)));
    // Neighbours mostly stay neighbours, as in life, but not all of them, and some come twice.
    const arrival = new Map(records.map((record, i) => [record, i + (r.chance(0.3) ? r.int(2_000) : 0)]));
    const ordered = [...records].sort((a, b) => arrival.get(a)! - arrival.get(b)!);
    const stream = ordered.flatMap((record) => (r.chance(0.05) ? [record, record] : [record]));
    const again = ordered.filter(() => r.chance(0.05));
    const parts = cut(r, [...stream, ...again]).map((part) => ({ project, records: part }));
    const half = Math.ceil(parts.length * 0.6);
    early.push(...parts.slice(0, half));
    late.push(...parts.slice(half));
  }
  return { early: r.shuffle(early), late: r.shuffle(late) };
}

/** Batches of one, of some, and of many. */
function cut(r: Random, records: readonly TraceRecord[]): TraceRecord[][] {
  const parts: TraceRecord[][] = [];
  for (let i = 0; i < records.length; ) {
    const size = 1 + r.int(r.pick([1, 20, 400]));
    parts.push(records.slice(i, i + size));
    i += size;
  }
  return parts;
}

type Building<T> = { -readonly [K in keyof T]: T[K] };

function oneTrace(r: Random, traceId: string): TraceRecord[] {
  const count = r.chance(0.02) ? 200 : r.chance(0.15) ? 20 + r.int(30) : 1 + r.int(10);
  // Whole milliseconds often enough for two traces to begin together.
  const startUs = r.chance(0.3) ? r.int(SPAN_US / 60_000_000) * 60_000_000 : r.int(SPAN_US);
  const info = traceInfo(r);
  const records: TraceRecord[] = [];
  const ids: string[] = [];
  for (let i = 0; i < count; i++) {
    const parent = i === 0 ? undefined : r.pick(ids.slice(-5));
    const span = oneSpan(r, traceId, parent, startUs + (i === 0 ? 0 : r.int(r.pick([2, 1_000_000]))), info);
    ids.push(span.spanId);
    if (i === 0) {
      const fate = r.next();
      if (fate < 0.1) continue; // missing
      if (fate < 0.2) Object.assign(span, { parentSpanId: r.hex(16), parentIsRemote: true });
      else if (fate < 0.25) Object.assign(span, { parentSpanId: r.hex(16), parentIsExternal: true });
      else if (fate < 0.28) Object.assign(span, { parentSpanId: "" });
    } else {
      const fate = r.next();
      if (fate < 0.02) delete span.parentSpanId;
      else if (fate < 0.04) span.parentSpanId = r.hex(16);
      else if (fate < 0.06) span.parentIsRemote = true;
    }
    records.push(...lives(r, span));
    if (r.chance(0.05)) records.push(score(r, traceId, r.chance(0.7) ? span.spanId : undefined, startUs));
    if (r.chance(0.02)) records.push(finding(r, traceId, r.chance(0.7) ? span.spanId : undefined, startUs));
  }
  return records;
}

/** The span as it was while it was open, and after. */
function lives(r: Random, last: Building<SpanRecord>): SpanRecord[] {
  if (r.chance(0.8)) return [last];
  if (r.chance(0.3)) return [{ ...last, unfinished: true, callSite: "src/tutor.ts:88:18" }];
  const { output, usage, cost, ...open } = last;
  const before: SpanRecord = {
    ...open,
    unfinished: true,
    name: r.pick(NAMES),
    trace: traceInfo(r),
    status: { code: "unset" },
  };
  const after: SpanRecord = { ...last, seq: last.seq + 1 + r.int(3) };
  return r.chance(0.5) ? [before, after] : [after, before];
}

function oneSpan(
  r: Random,
  traceId: string,
  parentSpanId: string | undefined,
  startUs: number,
  trace: TraceInfo,
): Building<SpanRecord> {
  const type = r.pick(OBSERVATION_TYPES);
  const durationUs = r.chance(0.02) ? -r.int(1_000) : Math.floor(10 ** (2 + r.next() * 6));
  const isCall = type === "generation" || type === "embedding" || r.chance(0.05);
  const isFailed = r.chance(0.08);
  const firstChunkUs = startUs + Math.floor(durationUs / 3);
  return {
    record: "span",
    schema: 1,
    traceId,
    spanId: r.hex(16),
    ...(parentSpanId !== undefined && { parentSpanId }),
    traceFlags: 1,
    seq: 1 + r.int(2),
    name: r.chance(0.01) ? "" : r.pick(NAMES),
    type,
    kind: "internal",
    startTime: nanos(r, startUs),
    endTime: nanos(r, startUs + durationUs),
    ...(isCall && r.chance(0.3) && { firstChunkTime: nanos(r, firstChunkUs) }),
    status: isFailed
      ? { code: "error", ...(r.chance(0.5) && { message: text(r, 8) }) }
      : { code: r.pick(["ok", "unset"] as const) },
    level: isFailed ? "ERROR" : "DEFAULT",
    ...(isFailed && r.chance(0.8) && { error: failure(r) }),
    ...(r.chance(0.8) && { input: payload(r) }),
    ...(r.chance(0.8) && { output: payload(r) }),
    ...(isCall && modelCall(r)),
    ...(r.chance(0.1) && { http: { method: "POST", route: "/v1/responses", status: r.pick([200, 429, 500]) } }),
    ...(r.chance(0.1) && { metadata: metadata(r), attributes: metadata(r) }),
    trace: r.chance(0.1) ? traceInfo(r) : trace,
  };
}

function modelCall(r: Random): Pick<Building<SpanRecord>, "genAi" | "usage" | "cost"> {
  const requestModel = r.skewed(MODELS);
  return {
    genAi: {
      provider: r.pick(["openai", "azüre", ""]),
      ...(r.chance(0.9) && { requestModel }),
      ...(r.chance(0.4) && { responseModel: `${requestModel}-2025` }),
    },
    ...(r.chance(0.85) && {
      usage: {
        ...(r.chance(0.9) && { inputTokens: r.int(20_000) }),
        ...(r.chance(0.9) && { outputTokens: r.int(2_000) }),
        ...(r.chance(0.3) && { cacheReadInputTokens: r.int(500) }),
        ...(r.chance(0.3) && { reasoningOutputTokens: r.int(500) }),
      },
    }),
    ...(r.chance(0.8) && { cost: { currency: "USD", total: r.int(100_000) / 1e6, source: "computed" } }),
  };
}

function failure(r: Random): SpanRecord["error"] & object {
  return {
    type: r.pick(["RateLimitError", "TypeError", "Fehler'Ü"]),
    message: r.chance(0.1) ? "😀".repeat(150) : text(r, 30),
    ...(r.chance(0.4) && { status: r.pick([429, 500]) }),
  };
}

function traceInfo(r: Random): TraceInfo {
  return {
    ...(r.chance(0.5) && { name: r.pick(["math tutor", "nightly", "été", ""]) }),
    ...(r.chance(0.8) && { userId: r.skewed(USERS) }),
    ...(r.chance(0.6) && { sessionId: r.skewed(SESSIONS) }),
    ...(r.chance(0.7) && { feature: r.pick(FEATURES) }),
    ...(r.chance(0.7) && { team: r.pick(TEAMS) }),
    ...(r.chance(0.5) && { environment: r.pick(["production", "test"]) }),
    ...(r.chance(0.5) && { release: r.pick(["1.2.3", "1.2.4"]) }),
    ...(r.chance(0.4) && { tags: Array.from({ length: r.int(4) }, () => r.pick(TAGS)) }),
    ...(r.chance(0.5) && { metadata: metadata(r) }),
  };
}

function metadata(r: Random): JsonObject {
  const entries = Array.from({ length: r.int(4) }, () => [r.pick(METADATA_KEYS), r.pick(METADATA_VALUES)] as const);
  return Object.fromEntries(entries) as JsonObject;
}

function payload(r: Random): NonNullable<SpanRecord["input"]> | null {
  const kind = r.next();
  if (kind < 0.03) return r.pick([null, "", 0, -1.5e300, true, [], {}]);
  if (kind < 0.035) return text(r, 20_000);
  if (kind < 0.05) return { [r.pick(METADATA_KEYS)]: { deep: [[[text(r, 5)]]], n: r.int(100) } };
  if (kind < 0.5) return text(r, 40);
  return [
    { role: "system", content: "You are a patient tutor of mathematics. ".repeat(3) },
    { role: "user", content: text(r, 40) },
  ];
}

function text(r: Random, words: number): string {
  return Array.from({ length: 1 + r.int(words) }, () => r.skewed(VOCABULARY)).join(r.pick([" ", ", ", "\n"]));
}

function score(r: Random, traceId: string | undefined, spanId: string | undefined, startUs: number): ScoreRecord {
  const value = r.pick([r.next(), r.int(10), true, false, "good", ""]);
  return {
    record: "score",
    schema: 1,
    // From few ids, so that newer scores replace and move older ones.
    id: `score-${r.int(200)}`,
    // No two with one seq, or the answer would hang on who came first.
    seq: r.int(2 ** 31),
    ...(traceId === undefined ? { sessionId: r.pick(SESSIONS) } : { traceId }),
    ...(spanId !== undefined && { spanId }),
    time: nanos(r, startUs + r.int(1_000_000)),
    name: r.pick(SCORES),
    value,
    dataType: typeof value === "number" ? "NUMERIC" : typeof value === "boolean" ? "BOOLEAN" : "CATEGORICAL",
    ...(r.chance(0.3) && { comment: text(r, 5) }),
    trace: traceInfo(r),
  };
}

function finding(r: Random, traceId: string, spanId: string | undefined, startUs: number): FindingRecord {
  return {
    record: "finding",
    schema: 1,
    id: r.hex(16),
    seq: 1,
    traceId,
    ...(spanId !== undefined && { spanId }),
    time: nanos(r, startUs + r.int(1_000_000)),
    name: r.pick(RULES),
    severity: r.pick(["info", "warning", "error"]),
    message: text(r, 10),
    nextStep: "Look at it.",
    evidence: metadata(r),
    trace: traceInfo(r),
  };
}

/** Epoch nanoseconds; the last three digits vary. */
function nanos(r: Random, us: number): string {
  return `${FIRST_US + us}${String(r.int(1_000)).padStart(3, "0")}`;
}
