import type { FindingRecord, Level, ObservationType, ScoreRecord, SpanRecord, TraceRecord } from "../core/record.ts";

/**
 * Where records are kept so that people can ask about them. Three of them answer alike: `memoryStore`, `sqliteStore`
 * and `clickHouseStore`; `test/store/contract.ts` runs the same data and questions on each and compares every answer.
 *
 * Times are integer microseconds since 1970 (rounded down), durations integer nanoseconds, money USD. A missing figure
 * is unknown; an empty text is a missing one. Every method takes and gives plain data that can be posted to a worker
 * thread or written as JSON.
 *
 * Names, ids and other short texts are as `plainText` has them, in answers and in conditions; payloads, metadata and whole
 * records are as they were received. Texts are ordered by code points (`compareText`). A span ends at
 * `startUs · 1,000 + durationNs`, in nanoseconds: what is said of ends goes by that. Only the newest record of a span,
 * score or finding counts anywhere.
 *
 * A limit above the most allowed is that most. An unknown field, a value of another kind than its field's (NaN and infinite
 * numbers too), and an `after` that no page gave throw `STORE_BAD_QUERY`; a field that is undefined is not there. After
 * `close` everything but `close` throws `STORE_CLOSED`.
 */
export interface TraceStore {
  /** `sqlite:traces.db`, `clickhouse:db.example`. */
  readonly name: string;

  /**
   * Keeps the records. When it resolves they survive the death of this process. Idempotent: of two spans, scores or
   * findings with the same identity the one with the higher `seq` counts, in whatever order and however often they come.
   * A span is known by project, trace and span id; a score and a finding by project and its `id`, and when a newer one
   * names another trace it moves there. What throws has kept nothing that counts as acknowledged.
   *
   * @throws StoreError `STORE_FULL` or `STORE_UNAVAILABLE` (try again later, nothing is acknowledged), `STORE_CLOSED`;
   * `STORE_BAD_RECORD` for what is no span, score or finding with its ids: then nothing of the batch is kept
   */
  append(records: readonly TraceRecord[], options?: AppendOptions): Promise<void>;

  /** Traces, newest first by their start, then by id, the highest first. A trace is what has a span. */
  traces(query?: TraceQuery): Promise<Page<TraceSummary>>;

  /**
   * What is known of one trace apart from its spans. Undefined as long as none of its spans has come: scores and findings
   * that came before wait for one.
   */
  trace(traceId: string, options?: ProjectOption): Promise<StoredTrace | undefined>;

  /** The spans of a trace by start, then by id; without payloads. `after` is a page's `next`. Empty for an unknown trace. */
  spans(traceId: string, options?: SpansOptions): Promise<Page<SpanRow>>;

  /** One span as it was received, payloads and all. */
  span(traceId: string, spanId: string, options?: ProjectOption): Promise<SpanRecord | undefined>;

  /**
   * Figures by group and time. Groups by their count, most first, then by their values in the order of `groupBy`; within a
   * group by time; `other` last. Only what has something in it has a row: nothing counted, no rows.
   */
  aggregate(query: AggregateQuery): Promise<readonly AggregateRow[]>;

  /**
   * The sessions of the traces that the query finds, by the start of their latest trace, newest first, then by id, the
   * highest first. What is told of a session is about those traces.
   */
  sessions(query?: TraceQuery): Promise<Page<SessionSummary>>;

  /** The values that a field has, those of most traces first, then by value; the empty one is none. What a filter offers. */
  values(query: ValuesQuery): Promise<readonly { readonly value: string; readonly traces: number }[]>;

  /** Changes whenever something was appended or pruned, by whatever process. Cheap: a live view asks every second. */
  revision(options?: ProjectOption): Promise<string>;

  stats(options?: ProjectOption): Promise<StoreStats>;

  /**
   * Deletes whole traces that ended (their latest span, to the microsecond) before `beforeUs`, then those that ended first
   * until the store has at most `maxBytes`; of all projects. Their scores and findings go too, and so do those before
   * `beforeUs` that hang on no trace. Figures of `aggregate` no longer contain what is deleted.
   */
  prune(options: PruneOptions): Promise<{ readonly traces: number; readonly spans: number }>;

  /** A statement that only reads, in the store's own SQL. @throws StoreError `STORE_READ_ONLY`, `STORE_BAD_QUERY` */
  sql(statement: string, options?: { readonly limit?: number }): Promise<SqlAnswer>;

  close(): Promise<void>;
}

export interface ProjectOption {
  /** Records of different projects never meet: ids count within one. Default: `default`. */
  readonly project?: string;
}

export interface AppendOptions extends ProjectOption {}

export interface SpansOptions extends ProjectOption {
  readonly after?: string;
  /** Default 1,000, at most 10,000. */
  readonly limit?: number;
}

/**
 * Conditions that must all hold. Those on spans hold when one span of the trace fulfils them; all others are about what
 * the trace's summary says. A trace whose cost is unknown fulfils no condition on cost.
 */
export interface TraceQuery extends ProjectOption {
  /** The trace started at or after. */
  readonly fromUs?: number;
  /** The trace started before. */
  readonly toUs?: number;
  readonly userId?: string;
  readonly sessionId?: string;
  readonly feature?: string;
  readonly team?: string;
  readonly environment?: string;
  readonly release?: string;
  readonly tag?: string;
  /** The trace's name, exactly. */
  readonly name?: string;
  /** A span's model, exactly. */
  readonly model?: string;
  readonly status?: TraceStatus;
  /** The name of a finding's rule, or `*` for any. */
  readonly finding?: string;
  /** Top-level entries of the trace's metadata; values are compared as texts, see `metadataTexts`. */
  readonly metadata?: { readonly [key: string]: string };
  readonly minDurationMs?: number;
  readonly maxDurationMs?: number;
  readonly minCostUsd?: number;
  readonly maxCostUsd?: number;
  /**
   * Whole words, all of them in one span's name, input, output or error, whatever their case: see `searchText` and `words`.
   * A run of letters is one word, also where words are written without spaces. A text without a word is no condition.
   */
  readonly text?: string;
  /** Default 50, at most 500. */
  readonly limit?: number;
  /** A page's `next`. */
  readonly after?: string;
}

/**
 * `open`: a root has not ended. Else `error`: a root failed, or, where the root is missing, any span. Roots are spans
 * without a parent, or whose parent is external; where there is none, those whose parent is in another process.
 */
export type TraceStatus = "ok" | "error" | "open";

export interface Page<T> {
  readonly items: readonly T[];
  /** Where the next page begins; absent on the last one. */
  readonly next?: string;
}

/**
 * What belongs to a trace, and the sums over its spans. `userId` and its like come from one record: that of the span that
 * ends last (then the highest `seq`, then the highest span id).
 */
export interface TraceSummary {
  readonly traceId: string;
  /** The trace's own name, else that of its earliest root, else that of its earliest span. */
  readonly name: string;
  readonly startUs: number;
  /** From the earliest start to the latest end. */
  readonly durationNs: number;
  readonly status: TraceStatus;
  /** No span without (local) parent has come yet. */
  readonly isRootMissing?: true;
  readonly spans: number;
  /** Spans with status `error`. */
  readonly errors: number;
  /** In alphabetical order. */
  readonly models: readonly string[];
  readonly inputTokens?: number;
  readonly outputTokens?: number;
  readonly costUsd?: number;
  /** Spans that used tokens and have no price, where there are any: more was spent than `costUsd`. */
  readonly unpriced?: number;
  readonly userId?: string;
  readonly sessionId?: string;
  readonly feature?: string;
  readonly team?: string;
  readonly environment?: string;
  readonly release?: string;
  /** Each once, in the order given. */
  readonly tags?: readonly string[];
  /** How many findings, and the worst of their severities. */
  readonly findings?: { readonly count: number; readonly worst: FindingRecord["severity"] };
  /** Of the span that the name would come from: the first 120 characters. */
  readonly inputPreview?: string;
  readonly outputPreview?: string;
}

export interface StoredTrace {
  readonly summary: TraceSummary;
  /** Of the same record as the summary's facts. */
  readonly metadata?: SpanRecord["metadata"];
  /** By time, to the microsecond, then by id. */
  readonly scores: readonly ScoreRecord[];
  /** Likewise. */
  readonly findings: readonly FindingRecord[];
}

/** A span as lists and trees need it. */
export interface SpanRow {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly seq: number;
  readonly name: string;
  readonly type: ObservationType;
  readonly status: "ok" | "error" | "unset";
  readonly level: Level;
  readonly startUs: number;
  readonly durationNs: number;
  /** From the start to the first chunk of a stream. */
  readonly firstChunkNs?: number;
  readonly unfinished?: true;
  /** The one that answered, else the one that was asked. */
  readonly model?: string;
  readonly provider?: string;
  readonly inputTokens?: number;
  readonly outputTokens?: number;
  readonly cacheReadTokens?: number;
  readonly reasoningTokens?: number;
  readonly costUsd?: number;
  readonly errorType?: string;
  /** The first 200 characters. */
  readonly errorMessage?: string;
  readonly httpStatus?: number;
  /** The first 120 characters of what a person would read: see `preview.ts`. */
  readonly inputPreview?: string;
  readonly outputPreview?: string;
  /** Characters of the payload's JSON; what that escapes counts as one. */
  readonly inputSize?: number;
  readonly outputSize?: number;
}

/** Which spans are counted, and how they are grouped. */
export interface AggregateQuery extends ProjectOption {
  /**
   * `calls` (default): generations and embeddings. `spans`: all. `scores`: those whose value is a number or a boolean (1 and
   * 0). Spans that have not ended count like others, with their duration so far.
   */
  readonly of?: "calls" | "spans" | "scores";
  /** The span started (the score was given) at or after. */
  readonly fromUs?: number;
  /** … before. */
  readonly toUs?: number;
  readonly groupBy?: readonly AggregateField[];
  /** Width of a time bucket; buckets begin at multiples of it since 1970. Without it, one row a group. */
  readonly bucketUs?: number;
  /** `""` is met by what lacks the field. */
  readonly where?: { readonly [field in AggregateField]?: string };
  /** Whether latency percentiles are wanted; they cost a pass over the spans where roll-ups would do. */
  readonly percentiles?: boolean;
  /** Groups, not rows; the rest is added up under `other: true`, with `group: {}`. Default 50, at most 1,000. */
  readonly limit?: number;
}

/**
 * As the span's or score's own record has it: `feature`, `team`, `userId` and `environment` too, whatever a later record
 * of the trace says. `name` is the span's, or the score's; scores have no `model`, `provider`, `type`, `status`, `errorType`.
 */
export type AggregateField =
  | "model"
  | "provider"
  | "feature"
  | "team"
  | "userId"
  | "environment"
  | "name"
  | "type"
  | "status"
  | "errorType";

export interface AggregateRow {
  /** A field that a span lacks is `""`. */
  readonly group: { readonly [field in AggregateField]?: string };
  /** The rows beyond `limit`, together. */
  readonly other?: true;
  /** The bucket's beginning. */
  readonly timeUs?: number;
  readonly count: number;
  readonly errors: number;
  /** HTTP status 429. */
  readonly rateLimited: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly costUsd: number;
  /** Spans with input or output tokens but without cost: the sum is a lower bound. */
  readonly unpriced: number;
  /** Sum of durations; of values, for scores. */
  readonly sum: number;
  /** Of durations in nanoseconds, linear between neighbours (`percentile_cont`); where asked for. */
  readonly p50?: number;
  readonly p95?: number;
  readonly p99?: number;
}

export interface SessionSummary {
  readonly sessionId: string;
  /** Of the newest trace that has one. */
  readonly userId?: string;
  readonly traces: number;
  /** Traces with status `error`. */
  readonly errors: number;
  /** Start of the first trace; of the latest one. */
  readonly firstUs: number;
  readonly lastUs: number;
  readonly inputTokens?: number;
  readonly outputTokens?: number;
  readonly costUsd?: number;
  /** As of a trace. */
  readonly unpriced?: number;
}

export interface ValuesQuery extends ProjectOption {
  readonly field:
    | "name"
    | "model"
    | "userId"
    | "sessionId"
    | "feature"
    | "team"
    | "environment"
    | "release"
    | "tag"
    | "finding";
  /** What the value begins with, whatever its case (`toLowerCase` of both). */
  readonly prefix?: string;
  /** The trace started at or after. */
  readonly fromUs?: number;
  /** Default 20, at most 1,000. */
  readonly limit?: number;
}

export interface StoreStats {
  readonly spans: number;
  readonly traces: number;
  /** Those that hang on no trace too. */
  readonly scores: number;
  readonly findings: number;
  /** What the whole store occupies, with all projects. */
  readonly bytes?: number;
  /** The earliest and the latest start of a span. */
  readonly oldestUs?: number;
  readonly newestUs?: number;
}

export interface PruneOptions {
  readonly beforeUs?: number;
  readonly maxBytes?: number;
}

export interface SqlAnswer {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number | null)[])[];
  /** There were more rows than `limit` (default 1,000). */
  readonly isCut?: true;
}
