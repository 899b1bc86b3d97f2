import type { Readable } from "node:stream";
import { StoreError } from "../store-error.ts";

/** What we use of `@clickhouse/client`. */
export interface Client {
  query(asked: Asked & { readonly format: "JSONEachRow" | "JSONCompact" }): Promise<{ json(): Promise<any> }>;
  command(asked: Asked): Promise<unknown>;
  /** `table`: all that stands between `INSERT INTO` and `FORMAT`. */
  insert(asked: {
    readonly table: string;
    readonly format: "TabSeparated";
    readonly values: Readable;
    readonly clickhouse_settings?: Settings;
  }): Promise<unknown>;
  close(): Promise<void>;
}

interface Asked {
  readonly query: string;
  readonly query_params?: Params;
  readonly clickhouse_settings?: Settings;
}

export type Params = { readonly [name: string]: string | number | readonly string[] };
export type Settings = { readonly [name: string]: string | number };

interface Driver {
  createClient(options: object): Client;
}

/** @throws StoreError `STORE_MISSING_DRIVER` */
export async function loadDriver(): Promise<Driver> {
  try {
    // Not a literal: compilers and bundlers of hosts without it must not look for it.
    const name = "@clickhouse/client";
    return await import(name);
  } catch (error) {
    const way = "npm install @clickhouse/client@1";
    throw new StoreError("STORE_MISSING_DRIVER", `clickHouseStore needs the package @clickhouse/client: ${way}`, {
      cause: error,
    });
  }
}

/** The client writes to the console by itself; whoever gets an error decides. */
export const LOG_OFF = 127;
