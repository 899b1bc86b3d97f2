import type { FindingRecord, Level, ObservationType, ScoreRecord, SpanRecord, TraceRecord } from "../core/record.ts";

/**
 * Where records are kept so that people can ask about them. Three of them answer alike: `memoryStore`, `sqliteStore`
 * and `clickHouseStore`; `test/store/contract.ts` runs the same data and questions on each and compares every answer.
 *
 * Times are integer microseconds since 1970, durations integer nanoseconds, money USD. A missing figure is unknown.
 * Every method takes and gives plain data that can be posted to a worker thread or written as JSON.
 */
export interface TraceStore {
  /** `sqlite:traces.db`, `clickhouse:db.example`. */
  readonly name: string;

  /**
   * Keeps the records. When it resolves they survive the death of this process. Idempotent: of two spans, scores or
   * findings with the same identity the one with the higher `seq` counts, in whatever order and however often they come.
   *
   * @throws StoreError `STORE_FULL` or `STORE_UNAVAILABLE` (try again later, nothing is acknowledged), `STORE_CLOSED`
   */
  append(records: readonly TraceRecord[], options?: AppendOptions): Promise<void>;

  /** Traces, newest first by their start; then by id. */
  traces(query?: TraceQuery): Promise<Page<TraceSummary>>;

  /** What is known of one trace apart from its spans; undefined when nothing is. */
  trace(traceId: string, options?: ProjectOption): Promise<StoredTrace | undefined>;

  /** The spans of a trace by start, then by id; without payloads. `after` is a page's `next`. Empty for an unknown trace. */
  spans(traceId: string, options?: SpansOptions): Promise<Page<SpanRow>>;

  /** One span as it was received, payloads and all. */
  span(traceId: string, spanId: string, options?: ProjectOption): Promise<SpanRecord | undefined>;

  /** Figures by group and time. Groups by their calls, most first; within a group by time. */
  aggregate(query: AggregateQuery): Promise<readonly AggregateRow[]>;

  /** Sessions by their latest trace, newest first. */
  sessions(query?: TraceQuery): Promise<Page<SessionSummary>>;

  /** The values that a field has, most frequent first; what a filter offers. */
  values(query: ValuesQuery): Promise<readonly { readonly value: string; readonly traces: number }[]>;

  /** Changes whenever something was appended, by whatever process. Cheap: asked for every second by a live view. */
  revision(options?: ProjectOption): Promise<string>;

  stats(options?: ProjectOption): Promise<StoreStats>;

  /** Deletes whole traces whose latest span is older than `beforeUs`, then oldest first until at most `maxBytes` are kept. */
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

/** Conditions that must all hold. Those on spans hold when one span of the trace fulfils them. */
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
  /** Top-level entries of the trace's metadata; values are compared as text. */
  readonly metadata?: { readonly [key: string]: string };
  readonly minDurationMs?: number;
  readonly maxDurationMs?: number;
  readonly minCostUsd?: number;
  readonly maxCostUsd?: number;
  /** Whole words, all of them in one span's name, input, output or error, whatever their case. See `words.ts`. */
  readonly text?: string;
  /** Default 50, at most 500. */
  readonly limit?: number;
  /** A page's `next`. */
  readonly after?: string;
}

/** `error`: a span without parent failed, or, where the root is missing, any. `open`: the root has not ended. */
export type TraceStatus = "ok" | "error" | "open";

export interface Page<T> {
  readonly items: readonly T[];
  /** Where the next page begins; absent on the last one. */
  readonly next?: string;
}

/** What belongs to a trace as the newest of its records (highest end time) tells it, and the sums over its spans. */
export interface TraceSummary {
  readonly traceId: string;
  /** The trace's own name, else that of its root or earliest span. */
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
  readonly userId?: string;
  readonly sessionId?: string;
  readonly feature?: string;
  readonly team?: string;
  readonly environment?: string;
  readonly release?: string;
  readonly tags?: readonly string[];
  /** How many findings, and the worst of their severities. */
  readonly findings?: { readonly count: number; readonly worst: FindingRecord["severity"] };
  /** Of the root, or of the earliest span: the first 120 characters. */
  readonly inputPreview?: string;
  readonly outputPreview?: string;
}

export interface StoredTrace {
  readonly summary: TraceSummary;
  readonly metadata?: SpanRecord["metadata"];
  readonly scores: readonly ScoreRecord[];
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
  /** Characters of the payload's JSON. */
  readonly inputSize?: number;
  readonly outputSize?: number;
}

/** Which spans are counted, and how they are grouped. */
export interface AggregateQuery extends ProjectOption {
  /** `calls` (default): generations and embeddings. `spans`: all. `scores`: numeric and boolean scores, by their value. */
  readonly of?: "calls" | "spans" | "scores";
  /** The span started (the score was given) at or after. */
  readonly fromUs?: number;
  /** … before. */
  readonly toUs?: number;
  readonly groupBy?: readonly AggregateField[];
  /** Width of a time bucket; buckets begin at multiples of it. Without it, one row a group. */
  readonly bucketUs?: number;
  readonly where?: { readonly [field in AggregateField]?: string };
  /** Whether latency percentiles are wanted; they cost a pass over the spans where roll-ups would do. */
  readonly percentiles?: boolean;
  /** Groups, not rows; the rest is added up under `other: true`, with no group. Default 50, at most 1,000. */
  readonly limit?: number;
}

/** `name` is the span's, or the score's. */
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
  /** Spans with usage but without cost: the sum is a lower bound. */
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
  readonly userId?: string;
  readonly traces: number;
  readonly errors: number;
  readonly firstUs: number;
  readonly lastUs: number;
  readonly inputTokens?: number;
  readonly outputTokens?: number;
  readonly costUsd?: number;
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
  /** What the value begins with, whatever its case. */
  readonly prefix?: string;
  readonly fromUs?: number;
  /** Default 20. */
  readonly limit?: number;
}

export interface StoreStats {
  readonly spans: number;
  readonly traces: number;
  readonly scores: number;
  readonly findings: number;
  readonly bytes?: number;
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
