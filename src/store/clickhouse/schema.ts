/** What the tables are made for. */
export interface SchemaOptions {
  readonly database: string;
  readonly cluster?: string | undefined;
  readonly replicated?: boolean | undefined;
  readonly ttlDays?: number | undefined;
  readonly isInProcess?: boolean | undefined;
}

export interface Migration {
  readonly version: number;
  readonly statements: readonly string[];
}

/** What full text finds a span by. The index is used where a statement has it just so. */
export const WORDS = "concat(lower(texts), ' ', substringIndex(doc, '\\n', 1))";
/** The record's JSON, in which `texts` have their places. */
export const LINE = "substring(doc, position(doc, '\\n') + 1)";

/** The tables by name. In a cluster the name is that of the `Distributed` table over each node's `…_local`. */
export const TABLES = ["span_rows", "payloads", "trace_rows", "scores", "findings", "revisions"] as const;
export type Table = (typeof TABLES)[number];

export const SCHEMA_VERSION = 2;

interface Layout {
  readonly columns: string;
  /** Replaced by what has the same `order` and a higher `version`; sums have neither. */
  readonly engine: "replacing" | "summing";
  readonly order: string;
  readonly isByDay?: boolean;
  /** What it is deleted by, in microseconds. */
  readonly time?: string;
  readonly shard: string;
  readonly granularity?: number;
}

const TEXT_INDEX = "TYPE text(tokenizer = splitByNonAlpha, posting_list_codec = 'bitpacking')";

const FACTS = `
  trace_name String CODEC(ZSTD(1)), user_id String CODEC(LZ4), session_id String CODEC(LZ4),
  feature LowCardinality(String), team LowCardinality(String), environment LowCardinality(String),
  release LowCardinality(String), tags Array(LowCardinality(String)), metadata String CODEC(ZSTD(1)),
  meta Map(String, String) CODEC(ZSTD(1))`;

/**
 * - `version` is twice the `seq`, plus one; a row that only says that the span is in another day's partition now is
 *   `is_moved`, with the even number below.
 * - `trace_rows` are summaries, made of all rows of a trace after each append; the version grows with what they have seen.
 * - `payloads` has each long text once: in `texts` as it is, a newline between. `doc` is the other words that full text
 *   finds the span by, a newline, and the record as a line without the texts (`text-columns.ts`).
 * - `day` is that of the start; dates end in 2149.
 * - `meta` has plain keys: among those of low cardinality, 26.7 does not find the empty one after rows were deleted.
 */
const LAYOUTS: { readonly [table in Table]: Layout } = {
  span_rows: {
    columns: `
  project LowCardinality(String), trace_id String CODEC(ZSTD(1)), span_id String CODEC(ZSTD(1)),
  version UInt64 CODEC(T64, LZ4), is_moved UInt8 CODEC(ZSTD(1)), day Date CODEC(Delta, ZSTD(1)),
  start_us UInt64 CODEC(T64, LZ4), duration_ns UInt64 CODEC(T64, LZ4),
  first_chunk_ns Nullable(UInt64) CODEC(ZSTD(1)), parent_span_id String CODEC(ZSTD(1)), root LowCardinality(String),
  name LowCardinality(String), type LowCardinality(String), status LowCardinality(String),
  level LowCardinality(String), is_unfinished UInt8 CODEC(ZSTD(1)),
  model LowCardinality(String), provider LowCardinality(String),
  input_tokens Nullable(UInt64) CODEC(T64, LZ4), output_tokens Nullable(UInt64) CODEC(T64, LZ4),
  cache_read_tokens Nullable(UInt64) CODEC(ZSTD(1)), reasoning_tokens Nullable(UInt64) CODEC(ZSTD(1)),
  cost_usd Nullable(Float64) CODEC(LZ4), error_type LowCardinality(String), error_message String CODEC(ZSTD(1)),
  http_status Nullable(UInt64) CODEC(T64, LZ4),
  input_preview String CODEC(ZSTD(4)), output_preview String CODEC(ZSTD(4)),
  input_size Nullable(UInt64) CODEC(ZSTD(1)), output_size Nullable(UInt64) CODEC(ZSTD(1)),${FACTS}`,
    engine: "replacing",
    order: "project, trace_id, span_id",
    isByDay: true,
    time: "start_us",
    shard: "trace_id",
    granularity: 2_048,
  },
  payloads: {
    columns: `
  project LowCardinality(String), trace_id String CODEC(ZSTD(1)), span_id String CODEC(ZSTD(1)),
  version UInt64 CODEC(T64, ZSTD(1)), day Date CODEC(Delta, ZSTD(1)),
  doc String CODEC(ZSTD(3)),
  INDEX words_index substringIndex(doc, '\\n', 1) ${TEXT_INDEX}`,
    engine: "replacing",
    order: "project, trace_id, span_id",
    isByDay: true,
    shard: "trace_id",
    granularity: 512,
  },
  trace_rows: {
    columns: `
  project LowCardinality(String), trace_id String CODEC(ZSTD(1)), version UInt128 CODEC(LZ4),
  is_moved UInt8 CODEC(LZ4), day Date CODEC(Delta, ZSTD(1)), start_us UInt64 CODEC(T64, LZ4),
  newest_us UInt64 CODEC(T64, LZ4), duration_ns UInt64 CODEC(T64, LZ4),
  status LowCardinality(String), is_root_missing UInt8 CODEC(ZSTD(1)), name LowCardinality(String),
  spans UInt64 CODEC(T64, LZ4), errors UInt64 CODEC(T64, LZ4), models Array(LowCardinality(String)),
  input_tokens Nullable(UInt64) CODEC(T64, LZ4), output_tokens Nullable(UInt64) CODEC(T64, LZ4),
  cost_usd Nullable(Float64) CODEC(LZ4), unpriced UInt64 CODEC(T64, LZ4), bytes UInt64 CODEC(T64, LZ4),
  input_preview String CODEC(ZSTD(1)), output_preview String CODEC(ZSTD(1)),${FACTS}`,
    engine: "replacing",
    order: "project, trace_id",
    isByDay: true,
    time: "start_us",
    shard: "trace_id",
    granularity: 1_024,
  },
  scores: {
    columns: `
  project LowCardinality(String), id String CODEC(ZSTD(1)), version UInt64 CODEC(T64, ZSTD(1)),
  trace_id String CODEC(ZSTD(1)), time_us UInt64 CODEC(DoubleDelta, ZSTD(1)), name LowCardinality(String),
  value Nullable(Float64) CODEC(ZSTD(1)), feature LowCardinality(String), team LowCardinality(String),
  user_id String CODEC(ZSTD(1)), environment LowCardinality(String), line String CODEC(ZSTD(1)),
  INDEX trace_index trace_id TYPE bloom_filter(0.01) GRANULARITY 1`,
    engine: "replacing",
    order: "project, id",
    time: "time_us",
    shard: "id",
    granularity: 1_024,
  },
  findings: {
    columns: `
  project LowCardinality(String), id String CODEC(ZSTD(1)), version UInt64 CODEC(T64, ZSTD(1)),
  trace_id String CODEC(ZSTD(1)), time_us UInt64 CODEC(DoubleDelta, ZSTD(1)), name LowCardinality(String),
  severity LowCardinality(String), line String CODEC(ZSTD(1)),
  INDEX trace_index trace_id TYPE bloom_filter(0.01) GRANULARITY 1`,
    engine: "replacing",
    order: "project, id",
    time: "time_us",
    shard: "id",
    granularity: 1_024,
  },
  revisions: {
    columns: `
  project String, appended UInt64`,
    engine: "summing",
    order: "project",
    shard: "project",
  },
};

/** The type of what later versions have added. */
const ADDED = "String";

/**
 * Names and types of columns, without dictionaries: a server that looks each value up as it is read takes twice as long
 * as for whole columns.
 */
export function plainTypes(table: Table, columns: readonly string[]): string {
  const plain = LAYOUTS[table].columns
    .replace(/ CODEC\((?:[^()]|\([^()]*\))*\)/g, "")
    .replace(/LowCardinality\((\w+)\)/g, "$1");
  const types = new Map(
    plain.split(/,\s*(?![^()]*\))/).map((column) => column.trim().split(/ (.*)/) as [string, string]),
  );
  return columns.map((column) => `${column} ${types.get(column) ?? ADDED}`).join(", ");
}

/**
 * What each version adds to the one before: statements that do no harm when they run again. Never edited once released: a
 * change is one more entry.
 */
export function migrations(options: SchemaOptions): readonly Migration[] {
  return [
    { version: 1, statements: [...TABLES.flatMap((table) => tableOf(table, options)), ...viewsOf(options)] },
    { version: 2, statements: textsOnce(options) },
  ];
}

/** A change of columns: of the table, and of the one over all nodes. */
function altered(table: Table, options: SchemaOptions, change: string): string[] {
  const stored = storedTable(table, options);
  const tables = options.cluster === undefined ? [stored] : [stored, `${options.database}.${table}`];
  return tables.map((name) => alter(name, options, change));
}

function alter(name: string, options: SchemaOptions, change: string): string {
  return `ALTER TABLE ${name}${onCluster(options)} ${change}`;
}

/** Long texts once, as they are. What was kept before has none, and all its words: it is read by the same rule. */
function textsOnce(options: SchemaOptions): string[] {
  const stored = storedTable("payloads", options);
  return [
    ...altered("payloads", options, "ADD COLUMN IF NOT EXISTS texts String CODEC(ZSTD(4)) AFTER day"),
    alter(stored, options, "DROP INDEX IF EXISTS words_index"),
    alter(stored, options, `ADD INDEX IF NOT EXISTS texts_index ${WORDS} ${TEXT_INDEX}`),
    // In the background; until then, what is without it is read through.
    alter(stored, options, "MATERIALIZE INDEX texts_index SETTINGS mutations_sync = 0"),
    // A merge makes the text index anew, so parts wait until some forty are merged at once.
    alter(stored, options, "MODIFY SETTING merge_selector_base = 100"),
    // Large blocks: texts are much like those of other spans.
    alter(stored, options, "MODIFY SETTING min_compress_block_size = 4194304, max_compress_block_size = 4194304"),
  ];
}

/** The database, and the table that says which migrations it has had. */
export function foundation(options: SchemaOptions): readonly string[] {
  return [
    `CREATE DATABASE IF NOT EXISTS ${options.database}${onCluster(options)}`,
    `CREATE TABLE IF NOT EXISTS ${options.database}.migrations${onCluster(options)} (version UInt32, at DateTime DEFAULT now())
ENGINE = ${engineOf("replacing", "migrations", options, "at", "all")}
ORDER BY version`,
  ];
}

/** The table that rows are really in. */
export function storedTable(table: Table, { database, cluster }: SchemaOptions): string {
  return `${database}.${table}${cluster === undefined ? "" : "_local"}`;
}

export function onCluster({ cluster, replicated }: SchemaOptions): string {
  return cluster !== undefined && replicated ? ` ON CLUSTER ${cluster}` : "";
}

function tableOf(table: Table, options: SchemaOptions): string[] {
  const { database, cluster, ttlDays } = options;
  const layout = LAYOUTS[table];
  const stored = storedTable(table, options);
  const ttl = ttlOf(layout, ttlDays);
  const settings = [
    ...(layout.granularity ? [`index_granularity = ${layout.granularity}`] : []),
    ...(options.replicated || options.isInProcess ? [] : ["non_replicated_deduplication_window = 100"]),
    // A day that nothing comes to any more becomes one part: nothing is left to be told apart when it is read.
    ...(layout.isByDay ? ["min_age_to_force_merge_seconds = 600", "min_age_to_force_merge_on_partition_only = 1"] : []),
    ...(ttl && layout.isByDay ? ["ttl_only_drop_parts = 1"] : []),
  ];
  const statements = [
    `CREATE TABLE IF NOT EXISTS ${stored}${onCluster(options)} (${layout.columns}
)
ENGINE = ${engineOf(layout.engine, table, options)}
${layout.isByDay ? "PARTITION BY day\n" : ""}ORDER BY (${layout.order})${ttl ? `\nTTL ${ttl}` : ""}${settings.length > 0 ? `\nSETTINGS ${settings.join(", ")}` : ""}`,
  ];
  if (cluster !== undefined) {
    statements.push(`CREATE TABLE IF NOT EXISTS ${database}.${table}${onCluster(options)} AS ${stored}
ENGINE = Distributed('${cluster}', '${database}', '${table}_local', cityHash64(${layout.shard}))`);
  }
  return statements;
}

function ttlOf({ isByDay, time }: Layout, days: number | undefined): string | undefined {
  if (days === undefined || (!isByDay && !time)) return undefined;
  // By the day's end, so that whole parts go.
  return isByDay ? `day + toIntervalDay(${days + 1})` : `toDateTime(intDiv(${time}, 1000000)) + toIntervalDay(${days})`;
}

function engineOf(
  kind: Layout["engine"],
  table: string,
  { replicated }: SchemaOptions,
  version = "version",
  shard: "shard" | "all" = "shard",
): string {
  const [engine, column] = kind === "replacing" ? ["ReplacingMergeTree", version] : ["SummingMergeTree", "(appended)"];
  if (!replicated) return `${engine}(${column})`;
  const path = shard === "all" ? "all" : "{shard}";
  const replica = shard === "all" ? "{shard}-{replica}" : "{replica}";
  return `Replicated${engine}('/clickhouse/tables/${path}/{database}/${table}', '${replica}', ${column})`;
}

/** What people ask in `sql`: every span and trace once. */
function viewsOf(options: SchemaOptions): string[] {
  const { database } = options;
  const view = (name: string, from: Table, columns: string) =>
    `CREATE VIEW IF NOT EXISTS ${database}.${name}${onCluster(options)} AS
SELECT ${columns}
FROM ${database}.${from} FINAL WHERE is_moved = 0`;
  return [
    view(
      "spans",
      "span_rows",
      `trace_id, span_id, nullIf(parent_span_id, '') AS parent_span_id, name, type, status, start_us, duration_ns,
  first_chunk_ns, nullIf(toString(model), '') AS model, nullIf(toString(provider), '') AS provider, input_tokens,
  output_tokens, cache_read_tokens, reasoning_tokens, cost_usd, nullIf(toString(error_type), '') AS error_type,
  nullIf(error_message, '') AS error_message, http_status, nullIf(toString(feature), '') AS feature,
  nullIf(toString(team), '') AS team, nullIf(toString(environment), '') AS environment,
  nullIf(user_id, '') AS user_id, project, nullIf(input_preview, '') AS input_preview,
  nullIf(output_preview, '') AS output_preview, input_size, output_size, level, is_unfinished AS unfinished,
  intDiv(version, 2) AS seq, day`,
    ),
    view(
      "traces",
      "trace_rows",
      `trace_id, name, start_us, duration_ns, status, is_root_missing AS root_missing, spans, errors, models,
  input_tokens, output_tokens, cost_usd, unpriced, nullIf(user_id, '') AS user_id, nullIf(session_id, '') AS session_id,
  nullIf(toString(feature), '') AS feature, nullIf(toString(team), '') AS team,
  nullIf(toString(environment), '') AS environment, nullIf(toString(release), '') AS release, tags, metadata, project,
  nullIf(input_preview, '') AS input_preview, nullIf(output_preview, '') AS output_preview, day`,
    ),
  ];
}
