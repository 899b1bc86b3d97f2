import type * as Module from "node:module";
import { StoreError } from "../store-error.ts";

/** Not imported: the command line, bundled, has a `createRequire` of its own. */
const nodeModule: Pick<typeof Module, "createRequire"> = process.getBuiltinModule("node:module");

/** What we use of `node:sqlite`; `@photostructure/sqlite` has the same. */
export interface Database {
  exec(sql: string): void;
  prepare(sql: string): Statement;
  close(): void;
  /** From Node 24 on. */
  setAuthorizer?(callback: ((action: number, ...names: (string | null)[]) => number) | null): void;
}

export interface Statement {
  run(...values: Value[]): { readonly lastInsertRowid: number | bigint; readonly changes: number | bigint };
  get(...values: Value[]): any;
  all(...values: Value[]): any[];
  iterate(...values: Value[]): IterableIterator<any>;
  setReturnArrays?(isArrays: boolean): void;
  setReadBigInts(isBigInts: boolean): void;
  columns?(): { readonly name: string }[];
}

export type Value = string | number | null | Uint8Array;

interface Driver {
  readonly DatabaseSync: new (path: string, options?: { readOnly?: boolean }) => Database;
}

export type DriverName = "node:sqlite" | "@photostructure/sqlite";

const DRIVERS: readonly DriverName[] = ["node:sqlite", "@photostructure/sqlite"];

/**
 * SQLite as this Node has it: built in from 22.13 on, else the package.
 *
 * @throws StoreError `STORE_MISSING_DRIVER`
 */
export function openDriver(path: string, options: { readOnly?: boolean } = {}, wanted?: DriverName): Database {
  for (const name of wanted ? [wanted] : DRIVERS) {
    const driver = load(name);
    if (driver) return new driver.DatabaseSync(path, options);
  }
  throw new StoreError(
    "STORE_MISSING_DRIVER",
    `sqliteStore needs SQLite, which Node has from 22.13 on; this is ${process.version}. Use a newer Node, or: npm install @photostructure/sqlite@1`,
  );
}

/** Whether this process could open a store: without it a viewer keeps what it shows in memory. */
export function hasSqlite(wanted?: DriverName): boolean {
  return (wanted ? [wanted] : DRIVERS).some((name) => load(name) !== undefined);
}

function load(name: DriverName): Driver | undefined {
  if (name === "node:sqlite") return quietly(() => process.getBuiltinModule(name) as Driver | undefined);
  try {
    return nodeModule.createRequire(import.meta.url)(name);
  } catch {
    return undefined;
  }
}

/** Node 22 warns once that its SQLite is experimental; every other warning is left to come. */
function quietly<T>(action: () => T): T {
  const { emitWarning } = process;
  process.emitWarning = ((warning: string | Error, ...rest: any[]) => {
    const type = typeof rest[0] === "object" ? rest[0]?.type : rest[0];
    if (type === "ExperimentalWarning" && String(warning).includes("SQLite")) return;
    (emitWarning as (...all: any[]) => void).call(process, warning, ...rest);
  }) as typeof emitWarning;
  try {
    return action();
  } finally {
    process.emitWarning = emitWarning;
  }
}
