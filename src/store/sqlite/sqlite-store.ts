import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { checkOptions, isBoolean } from "../../core/check-options.ts";
import { checkedStore } from "../checked-store.ts";
import { limitOf } from "../paging.ts";
import { StoreError } from "../store-error.ts";
import type { SpanRow, TraceStore } from "../trace-store.ts";
import type { ConnectionOptions } from "./connection.ts";
import type { DriverName } from "./driver.ts";
import { createLane } from "./lane.ts";
import { sqlProcesses } from "./sql-process.ts";
import { type Caller, loadError, localCaller, threadCaller } from "./thread.ts";

export interface SqliteStoreOptions {
  /** The file; made, for this user only, when something is kept or asked for, with folders that are not there. `:temporary:`: one that is deleted on close. */
  path: string;
  /**
   * `normal` (default): what is appended survives the death of the process; a power cut may take the last moments.
   * `full`: it survives that too.
   */
  durability?: "normal" | "full";
  /** Whether SQLite runs in threads, beside the event loop. Default: true; false is for short programs. */
  thread?: boolean;
  /**
   * The file must be there; nothing is ever written to it. Default: false. Where nothing can be written beside it either, it
   * is taken for one that nobody changes: open it again to see what has come since.
   */
  readOnly?: boolean;
  /** How long a statement of `sql` may take. Default: 30 s. Without threads there is no limit. */
  sqlTimeoutMs?: number;
  /** Default: what this Node has. */
  driver?: DriverName;
}

/** Spans that are asked for at a time: their way between threads takes a few milliseconds. */
const PAGE = 1_000;
const TEMPORARY = ":temporary:";

/**
 * A store in one file, which several processes may read and write at once. SQLite is part of Node from 22.13 on; Node 20
 * takes it from `@photostructure/sqlite`. One thread writes, another answers, a process of its own runs a
 * statement of `sql`: none holds up the others, or the event loop.
 *
 * @throws ConfigError for an option that does not exist or makes no sense. What is wrong with the file is said by the first
 * call: StoreError `STORE_MISSING_DRIVER`, `STORE_NEWER_SCHEMA`, `STORE_NOT_A_STORE`
 * @example
 * const store = sqliteStore({ path: "traces.db" });
 * await store.append(records);
 * const { items } = await store.traces({ userId: "user_42", status: "error" });
 */
export function sqliteStore(options: SqliteStoreOptions): TraceStore {
  checkOptions("sqliteStore", options, {
    path: [(value) => typeof value === "string" && value !== "", "the path of a file"],
    durability: [(value) => value === "normal" || value === "full", `"normal" or "full"`],
    thread: [isBoolean, "true or false"],
    readOnly: [isBoolean, "true or false"],
    sqlTimeoutMs: [(value) => Number.isFinite(value) && (value as number) > 0, "a number of milliseconds above 0"],
    driver: [(value) => value === "node:sqlite" || value === "@photostructure/sqlite", "the name of a driver"],
  });
  const { path: given, durability, thread = true, readOnly = false, sqlTimeoutMs = 30_000, driver } = options;
  const temporary = given === TEMPORARY ? temporaryFile() : undefined;
  const path = temporary?.path ?? resolve(given);
  const name = `sqlite:${temporary ? "temporary" : given}`;
  const connection = (use: ConnectionOptions["use"]): ConnectionOptions => ({
    ...{ path, use, isReadOnly: readOnly, driver },
    durability: temporary ? "off" : durability,
  });
  const caller = thread ? threadCaller : localCaller;
  const writer = caller(connection("write"));
  const reader = caller(connection("read"));
  const lane = createLane(async (loads) => (await writer.call("append", loads)).map(loadError));
  const processes = thread ? sqlProcesses(name) : undefined;
  let closing: Promise<void> | undefined;

  function opened(): Caller {
    if (closing) throw new StoreError("STORE_CLOSED", `The store ${name} is closed.`);
    return reader;
  }

  async function sql(statement: string, asked: { readonly limit?: number } = {}) {
    opened();
    // The file may not be there yet.
    await reader.call("revision", {});
    opened();
    if (processes) return processes.run({ connection: connection("sql"), statement, asked, timeoutMs: sqlTimeoutMs });
    const one = localCaller(connection("sql"));
    try {
      return await one.call("sql", statement, asked);
    } finally {
      await one.close();
    }
  }

  async function close(): Promise<void> {
    processes?.close();
    await lane.drain();
    await Promise.all([writer.close(), reader.close()]);
    temporary?.remove();
  }

  return checkedStore({
    name,

    async append(records, asked = {}) {
      opened();
      await lane.append(asked.project ?? "default", records);
    },

    traces: async (query = {}) => opened().call("traces", query),
    trace: async (traceId, asked = {}) => opened().call("trace", traceId, asked),

    async spans(traceId, asked = {}) {
      const limit = limitOf(asked.limit, PAGE, 10_000);
      const items: SpanRow[] = [];
      let after = asked.after;
      do {
        const rest = Math.min(PAGE, limit - items.length);
        const page = await opened().call("spans", traceId, { ...asked, limit: rest, ...(after && { after }) });
        items.push(...page.items);
        after = page.next;
      } while (after !== undefined && items.length < limit);
      return { items, ...(after !== undefined && { next: after }) };
    },

    span: async (traceId, spanId, asked = {}) => opened().call("span", traceId, spanId, asked),
    aggregate: async (query) => opened().call("aggregate", query),
    sessions: async (query = {}) => opened().call("sessions", query),
    values: async (query) => opened().call("values", query),
    revision: async (asked = {}) => opened().call("revision", asked),
    stats: async (asked = {}) => opened().call("stats", asked),

    async prune(asked) {
      opened();
      const gone = { traces: 0, spans: 0 };
      for (let isDone = false; !isDone; ) {
        const step = await writer.call("pruneStep", asked);
        gone.traces += step.traces;
        gone.spans += step.spans;
        isDone = step.isDone;
      }
      return gone;
    },

    sql,
    close: () => (closing ??= close()),
  });
}

function temporaryFile(): { readonly path: string; remove(): void } {
  const directory = mkdtempSync(join(tmpdir(), "sightline-store-"));
  const remove = () => {
    process.off("exit", remove);
    rmSync(directory, { recursive: true, force: true });
  };
  process.once("exit", remove);
  return { path: join(directory, "traces.db"), remove };
}
