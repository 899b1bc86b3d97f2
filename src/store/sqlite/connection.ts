import { existsSync } from "node:fs";
import { StoreError } from "../store-error.ts";
import { type Database, type DriverName, hasSqlite, openDriver, type Statement } from "./driver.ts";
import { APPLICATION_ID, MIGRATIONS } from "./schema.ts";
import { makeStoreFile, unchangingFile } from "./store-file.ts";

export interface ConnectionOptions {
  readonly path: string;
  /** `write` changes rows; `read` does not; `sql` cannot, whatever it is told. */
  readonly use: "write" | "read" | "sql";
  /** Default `normal`. `off`: for a file that is thrown away. */
  readonly durability?: "normal" | "full" | "off" | undefined;
  /** The file must be there, and be a store. */
  readonly isReadOnly?: boolean | undefined;
  readonly driver?: DriverName | undefined;
}

/** An open file, its statements prepared once. */
export interface Connection {
  readonly path: string;
  readonly db: Database;
  prepare(sql: string): Statement;
  /** All of it or nothing, and nobody else writes meanwhile. `DEFERRED`: only reads, and sees all of it at one moment. */
  transaction<T>(action: () => T, kind?: "IMMEDIATE" | "DEFERRED"): T;
  close(): void;
}

const SYNCHRONOUS = { off: "OFF", normal: "NORMAL", full: "FULL" };
/** Statements that depend on what was asked for; the fixed ones are far fewer. */
const MAX_STATEMENTS = 400;
const RETRY_MS = 50;
/** Negative: KiB. What is often read stays in the cache of the file system too. */
const CACHE_KIB = { write: -16_000, read: -8_000, sql: -8_000 };

/** @throws StoreError of every kind but `STORE_CLOSED` and `STORE_BAD_QUERY` */
export function connect(options: ConnectionOptions, attempts = 100): Connection {
  const { path, use, isReadOnly = false } = options;
  try {
    return open(options);
  } catch (error) {
    const code = codeOf(error) & 0xff;
    if ((code === READONLY || code === CANTOPEN) && existsSync(path)) {
      if (use === "read" && !isReadOnly) return connect({ ...options, isReadOnly: true });
      if (use !== "write" || isReadOnly) return openUnchanging(options, error);
    }
    if (code !== BUSY || attempts <= 1) throw storeError(error, path);
    // Switching to WAL waits for nobody: another process is making the same file.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
    return connect(options, attempts - 1);
  }
}

function openUnchanging(options: ConnectionOptions, cause: unknown): Connection {
  const { path } = options;
  const file = unchangingFile(path, cause);
  try {
    return open({ ...options, isReadOnly: true }, file);
  } catch (error) {
    throw storeError(error, path);
  }
}

/** @param file what SQLite opens */
function open(options: ConnectionOptions, file: string = options.path): Connection {
  const { path, use, durability = "normal", isReadOnly = false, driver } = options;
  const isReading = isReadOnly || use === "sql";
  if (!existsSync(path)) {
    if (isReading) {
      throw new StoreError("STORE_NOT_A_STORE", `There is no store ${path}. sightline import makes one of a file.`);
    }
    if (hasSqlite(driver)) makeStoreFile(path);
  }
  const db = openDriver(file, isReading ? { readOnly: true } : {}, driver);
  try {
    db.exec("PRAGMA busy_timeout = 15000; PRAGMA temp_store = MEMORY");
    const isMade = checkVersion(db, path);
    if (!isMade && !isReading) migrate(db, path);
    db.exec(`PRAGMA synchronous = ${SYNCHRONOUS[durability]}; PRAGMA journal_size_limit = 67108864`);
    db.exec(`PRAGMA cache_size = ${CACHE_KIB[use]}`);
    if (use === "write") db.exec("PRAGMA wal_autocheckpoint = 4000");
  } catch (error) {
    db.close();
    throw error;
  }

  const statements = new Map<string, Statement>();
  function prepare(sql: string): Statement {
    let statement = statements.get(sql);
    if (!statement) {
      if (statements.size >= MAX_STATEMENTS) statements.clear();
      statement = db.prepare(sql);
      statements.set(sql, statement);
    }
    return statement;
  }

  function transaction<T>(action: () => T, kind: "IMMEDIATE" | "DEFERRED" = "IMMEDIATE"): T {
    db.exec(`BEGIN ${kind}`);
    try {
      const result = action();
      db.exec("COMMIT");
      return result;
    } catch (error) {
      try {
        db.exec("ROLLBACK");
      } catch {
        // SQLite has already done it.
      }
      throw error;
    }
  }

  return { path, db, prepare, transaction, close: () => db.close() };
}

/** Whether the file is a store of this version. @throws StoreError for one that is none, or a newer one */
function checkVersion(db: Database, path: string): boolean {
  const { application_id: id } = db.prepare("PRAGMA application_id").get();
  const { user_version: version } = db.prepare("PRAGMA user_version").get();
  const { tables } = db.prepare("SELECT count(*) AS tables FROM sqlite_schema").get();
  if (id !== APPLICATION_ID && (tables > 0 || version > 0 || id !== 0)) throw notAStore(path);
  if (version > MIGRATIONS.length) {
    const versions = `it has version ${version}, this Sightline knows ${MIGRATIONS.length}`;
    throw new StoreError("STORE_NEWER_SCHEMA", `A newer Sightline has made the store ${path}: ${versions}. Update it.`);
  }
  return version === MIGRATIONS.length;
}

function migrate(db: Database, path: string): void {
  // Only before the first table is made; the size of a page also only before WAL.
  db.exec("PRAGMA page_size = 8192; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL");
  db.exec("BEGIN IMMEDIATE");
  try {
    // Another process may have been faster.
    if (!checkVersion(db, path)) {
      const { user_version: version } = db.prepare("PRAGMA user_version").get();
      for (const migration of MIGRATIONS.slice(version)) db.exec(migration);
      db.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${MIGRATIONS.length}`);
    }
    db.exec("COMMIT");
  } catch (error) {
    db.exec("ROLLBACK");
    throw error;
  }
}

/** The result codes of SQLite that say something to whoever has the store. */
const [BUSY, LOCKED, READONLY, IOERR, CORRUPT, FULL, CANTOPEN, NOTADB] = [5, 6, 8, 10, 11, 13, 14, 26];
/** Writing and growing a file: how limits on files and quotas show. */
const NO_ROOM = [778, 4874, 1546];

/** What SQLite says, as the store says it. */
export function storeError(error: unknown, path: string): unknown {
  if (error instanceof StoreError || !(error instanceof Error)) return error;
  const extended = codeOf(error);
  const code = extended & 0xff;
  const options = { cause: error };
  if (code === FULL || NO_ROOM.includes(extended)) {
    const message = `There is no room left for the store ${path}. Free some, or prune the store.`;
    return new StoreError("STORE_FULL", message, { ...options, retryAfterMs: 10_000 });
  }
  if (code === BUSY || code === LOCKED) {
    const message = `Another process has been writing to the store ${path} for too long. Try again.`;
    return new StoreError("STORE_UNAVAILABLE", message, { ...options, retryAfterMs: 1_000 });
  }
  if (code === IOERR || code === CANTOPEN) {
    const message = `The store ${path} cannot be read or written: ${error.message}.`;
    // What cannot be opened does not mend by waiting.
    return new StoreError(
      "STORE_UNAVAILABLE",
      message,
      code === IOERR ? { ...options, retryAfterMs: 10_000 } : options,
    );
  }
  if (code === READONLY) return new StoreError("STORE_READ_ONLY", `The store ${path} can only be read.`, options);
  if (code === CORRUPT) {
    const message = `The store ${path} is damaged: ${error.message}. Import its records into a new one.`;
    return new StoreError("STORE_UNAVAILABLE", message, options);
  }
  return code === NOTADB ? notAStore(path, options) : error;
}

function notAStore(path: string, options?: ErrorOptions): StoreError {
  return new StoreError("STORE_NOT_A_STORE", `${path} is no store of Sightline; it is left as it is.`, options);
}

function codeOf(error: unknown): number {
  const { errcode, sqliteExtendedCode } = (error ?? {}) as { errcode?: number; sqliteExtendedCode?: number };
  return sqliteExtendedCode ?? errcode ?? 0;
}
