import { randomUUID } from "node:crypto";
import { StoreError } from "../store-error.ts";
import { type Client, LOG_OFF, loadDriver, type Params, type Settings } from "./driver.ts";
import { asStoreError, isUnavailable } from "./errors.ts";
import type { ClickHouseStoreOptions } from "./options.ts";
import {
  foundation,
  migrations,
  onCluster,
  plainTypes,
  SCHEMA_VERSION,
  type SchemaOptions,
  type Table,
} from "./schema.ts";
import type { Rows } from "./tab-separated.ts";

/** A ClickHouse, or several nodes of one, with our tables in it. Everything it throws is a StoreError. */
export interface Database {
  readonly schema: SchemaOptions;
  /** Statements that read. Values are parameters, `{name:Type}`, and nothing else. */
  rows<Row = any>(query: string, params?: Params): Promise<Row[]>;
  /** `INSERT … SELECT`. */
  fill(query: string, params: Params): Promise<void>;
  insert(table: Table, columns: readonly string[], rows: Rows): Promise<void>;
  /** On the one server, on every node, or `ON CLUSTER`: statements about stored tables. */
  everywhere(statement: (onCluster: string) => string, params?: Params): Promise<void>;
  /** As it comes, with column names; only reading. */
  raw(query: string, limit: number, timeoutMs: number): Promise<{ meta: { name: string }[]; data: unknown[][] }>;
  close(): Promise<void>;
}

/** Else 26.7 does not find the column of an inner `ORDER BY` that the outer limit makes it read late (code 10). */
const AS_ORDERED = "query_plan_optimize_lazy_materialization = 0";

/** In process there is no `readonly` for one statement: as a part of ours it can only read. */
function within(query: string, database: string, limit: number): string {
  if (query.includes(";"))
    throw new StoreError("STORE_BAD_QUERY", "sql() takes one statement in process, without a semicolon in it.");
  const isTable = /^\s*(?:SELECT|WITH)\b/i.test(query);
  return isTable ? `USE ${database}; SELECT * FROM (\n${query}\n) LIMIT ${limit} SETTINGS ${AS_ORDERED}` : query;
}

/** A batch below this waits for others on the server, which makes one part of them. */
const SMALL = 1_000;

/**
 * Every statement says what it needs itself: in process, settings of one statement stay for the next.
 *
 * - `do_not_merge_across_partitions_select_final`: a row has no version in another partition that is not `is_moved`.
 * - `distributed_product_mode`: what belongs to a trace lives on its shard.
 * - `parallel_distributed_insert_select`: through the `Distributed` table, which writes to every replica.
 */
const READING = "do_not_merge_across_partitions_select_final = 1, max_threads = 0";
const CLUSTER_READING =
  "distributed_product_mode = 'local', optimize_skip_unused_shards = 1, skip_unavailable_shards = 0, connect_timeout_with_failover_ms = 1000";
const QUORUM = "select_sequential_consistency = 1";

export async function openDatabase(options: ClickHouseStoreOptions, name: string): Promise<Database> {
  const { createClient } = await loadDriver();
  const { database = "sightline", cluster, replicated, ttlDays, connection } = options;
  const schema: SchemaOptions = { database, cluster, replicated, ttlDays, isInProcess: connection !== undefined };
  const shared = {
    username: options.username ?? "default",
    password: options.password ?? "",
    request_timeout: options.requestTimeoutMs ?? 60_000,
    application: "sightline",
    log: { level: LOG_OFF },
    use_multipart_params_auto: true,
    ...options.client,
  };
  const urls = typeof options.url === "string" ? [options.url] : (options.url ?? []);
  const clients: Client[] = connection
    ? [createClient({ connection, log: { level: LOG_OFF } })]
    : urls.map((url) => createClient({ ...shared, url }));
  let current = 0;

  const reading = [READING, ...(cluster === undefined ? [] : [CLUSTER_READING]), ...(replicated ? [QUORUM] : [])].join(
    ", ",
  );

  /** A node that does not answer leaves its turn to the next. */
  async function attempt<T>(action: (client: Client) => Promise<T>): Promise<T> {
    for (let left = clients.length; ; left--) {
      const client = clients[current % clients.length]!;
      try {
        return await action(client);
      } catch (error) {
        const known = asStoreError(error, name);
        if (left <= 1 || !isUnavailable(known)) throw known;
        if (client === clients[current % clients.length]) current += 1;
      }
    }
  }

  function insertSettings(count: number): Settings {
    // What is set in process stays set, and there is nobody to wait for.
    if (connection) return {};
    return {
      // Else the same rows again, after a prune, would be taken for a repetition.
      insert_deduplication_token: randomUUID(),
      // A batch has the newest of each already, and is one block.
      ...{ optimize_on_insert: 0, input_format_parallel_parsing: 0 },
      ...(cluster === undefined && count < SMALL
        ? { async_insert: 1, wait_for_async_insert: 1, async_insert_busy_timeout_max_ms: 100 }
        : { async_insert: 0 }),
      ...(cluster !== undefined && { distributed_foreground_insert: 1, parallel_distributed_insert_select: 0 }),
      ...(replicated && { insert_quorum: "auto", insert_quorum_parallel: 0, select_sequential_consistency: 1 }),
      // Files of a whole year may be imported at once.
      max_partitions_per_insert_block: 0,
    };
  }

  async function everywhere(statement: (onCluster: string) => string, params: Params = {}): Promise<void> {
    const query = statement(onCluster(schema));
    const command = (client: Client) => client.command({ query, query_params: params });
    if (cluster === undefined || replicated) {
      await attempt(command);
      return;
    }
    await Promise.all(
      clients.map((client) =>
        command(client).catch((error) => {
          throw asStoreError(error, name);
        }),
      ),
    );
  }

  async function migrate(): Promise<void> {
    // In process, the same server may have been used with other settings.
    const found = await knownVersion();
    if (found > SCHEMA_VERSION) {
      const message = `The store ${name} has version ${found} of our tables; this release knows ${SCHEMA_VERSION}. Use a newer release of sightline.`;
      throw new StoreError("STORE_NEWER_SCHEMA", message);
    }
    if (found === SCHEMA_VERSION) return;
    for (const statement of foundation(schema)) await everywhere(() => statement);
    for (const { version, statements } of migrations(schema)) {
      if (version <= found) continue;
      for (const statement of statements) await everywhere(() => statement);
      await everywhere(() => `INSERT INTO ${database}.migrations (version) VALUES (${version})`);
    }
  }

  async function knownVersion(): Promise<number> {
    try {
      const rows = await attempt((client) => ask(client, `SELECT max(version) AS version FROM ${database}.migrations`));
      return Number(rows[0]?.version ?? 0);
    } catch (error) {
      // UNKNOWN_DATABASE, UNKNOWN_TABLE
      if (error instanceof StoreError && /code (81|60)\)/.test(error.message)) return 0;
      throw error;
    }
  }

  async function ask(client: Client, query: string, params: Params = {}): Promise<any[]> {
    const answer = await client.query({ query, query_params: params, format: "JSONEachRow" });
    return answer.json();
  }

  const opened: Database = {
    schema,
    rows: (query, params) => attempt((client) => ask(client, `${query}\nSETTINGS ${reading}`, params)),
    async fill(query, params) {
      // Another attempt may see more, and must not be taken for the first.
      const settings = () => insertSettings(Number.POSITIVE_INFINITY);
      await attempt((client) => client.command({ query, query_params: params, clickhouse_settings: settings() }));
    },
    async insert(table, columns, rows) {
      if (rows.count === 0) return;
      // The same token for every attempt: a node that has the rows already leaves them out.
      const clickhouse_settings = insertSettings(rows.count);
      const names = `${database}.${table} (${columns.join(", ")})`;
      // What waits for others on the server cannot be selected from.
      const isSelected = !connection && rows.count >= SMALL;
      const into = isSelected ? `${names} SELECT * FROM input('${plainTypes(table, columns)}')` : names;
      const asked = { table: into, format: "TabSeparated" } as const;
      await attempt((client) => client.insert({ ...asked, values: rows.stream(), clickhouse_settings }));
    },
    everywhere,
    async raw(query, limit, timeoutMs) {
      const settings: Settings = {
        ...{ readonly: 1, max_result_rows: String(limit), result_overflow_mode: "break", database },
        max_execution_time: Math.ceil(timeoutMs / 1_000),
      };
      const asked = connection ? { query: within(query, database, limit) } : { query, clickhouse_settings: settings };
      return attempt(async (client) => (await client.query({ ...asked, format: "JSONCompact" })).json());
    },
    async close() {
      await Promise.all(clients.map((client) => client.close()));
    },
  };
  try {
    await migrate();
  } catch (error) {
    await opened.close();
    throw error;
  }
  return opened;
}
