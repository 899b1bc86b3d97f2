import { checkedStore } from "../checked-store.ts";
import { StoreError } from "../store-error.ts";
import type { TraceStore } from "../trace-store.ts";
import { aggregate } from "./aggregate.ts";
import { append } from "./append.ts";
import { type Database, openDatabase } from "./database.ts";
import { type ClickHouseStoreOptions, checkClickHouse, withoutAddressParts } from "./options.ts";
import { sessionsOf, spanOf, spansOf, traceOf, tracesOf, valuesOf } from "./traces.ts";
import { prune, revisionOf, sqlOf, statsOf } from "./upkeep.ts";

/**
 * A store in ClickHouse: one server, a cluster of shards and replicas, or in process through chDB. Any number of processes
 * may write and read it at once. The tables are made, and brought up to date, when it is first used.
 *
 * @throws ConfigError for an option that does not exist or makes no sense. What is wrong with the server is said by the
 * first call: StoreError `STORE_MISSING_DRIVER`, `STORE_UNAVAILABLE`, `STORE_NEWER_SCHEMA`
 * @example
 * const store = clickHouseStore({ url: "http://db.example:8123", username: "sightline", password });
 * await store.append(records);
 * @example
 * import { createChdbConnection } from "chdb/connection";
 * const store = clickHouseStore({ connection: createChdbConnection({ path: "traces.chdb" }) });
 */
export function clickHouseStore(given: ClickHouseStoreOptions): TraceStore {
  checkClickHouse("clickHouseStore", given);
  const options = withoutAddressParts(given);
  const name = `clickhouse:${nameOf(options)}`;
  let opening: Promise<Database> | undefined;
  let closing: Promise<void> | undefined;

  /** What has failed to open is tried again by the next call. */
  async function opened(): Promise<Database> {
    if (closing) throw new StoreError("STORE_CLOSED", `The store ${name} is closed.`);
    opening ??= openDatabase(options, name).catch((error) => {
      opening = undefined;
      throw error;
    });
    return opening;
  }

  async function close(): Promise<void> {
    await (await opening?.catch(() => undefined))?.close();
  }

  const projectOf = (asked: { readonly project?: string } | undefined): string => asked?.project ?? "default";

  return checkedStore({
    name,
    async append(records, asked) {
      const db = await opened();
      if (records.length > 0) await append(db, projectOf(asked), records);
    },
    traces: async (query = {}) => tracesOf(await opened(), projectOf(query), query),
    trace: async (traceId, asked) => traceOf(await opened(), projectOf(asked), traceId),
    spans: async (traceId, asked = {}) => spansOf(await opened(), projectOf(asked), traceId, asked),
    span: async (traceId, spanId, asked) => spanOf(await opened(), projectOf(asked), traceId, spanId),
    aggregate: async (query) => aggregate(await opened(), projectOf(query), query),
    sessions: async (query = {}) => sessionsOf(await opened(), projectOf(query), query),
    values: async (query) => valuesOf(await opened(), projectOf(query), query),
    revision: async (asked) => revisionOf(await opened(), projectOf(asked)),
    stats: async (asked) => statsOf(await opened(), projectOf(asked)),
    prune: async (asked) => prune(await opened(), asked),
    sql: async (statement, asked = {}) => sqlOf(await opened(), name, statement, asked, options.sqlTimeoutMs ?? 30_000),
    close: () => (closing ??= close()),
  });
}

function nameOf({ url, connection }: ClickHouseStoreOptions): string {
  if (connection) return "chdb";
  const first = typeof url === "string" ? url : url![0]!;
  return new URL(first).host;
}
