import { limitOf } from "../paging.ts";
import { StoreError } from "../store-error.ts";
import type { SqlAnswer } from "../trace-store.ts";
import type { Connection } from "./connection.ts";
import { checkOneStatement } from "./one-statement.ts";

/** Blanks and comments, then the word that says what the statement does. */
const FIRST_WORD = /^(?:\s|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)*([a-z]*)/i;
const READING = ["select", "with", "values", "explain"];
/** Actions as an authorizer is asked for them: reading, functions, recursion, and statements that select. */
const ALLOWED = [20, 21, 31, 33];
const [OK, DENY] = [0, 1];
/** What SQLite says of a statement that would write: by its authorizer, or as the file is opened. */
const [READONLY, AUTH] = [8, 23];

/** Runs a statement on a connection that cannot write, nor open other files. */
export function runSql({ db, path }: Connection, statement: string, options: { limit?: number } = {}): SqlAnswer {
  const limit = limitOf(options.limit, 1_000, 100_000);
  checkOneStatement(statement);
  db.setAuthorizer?.((action) => (ALLOWED.includes(action) ? OK : DENY));
  try {
    const prepared = db.prepare(statement);
    const word = FIRST_WORD.exec(statement)?.[1]?.toLowerCase() ?? "";
    if (!READING.includes(word)) throw readOnly(path, "it takes what begins with SELECT, WITH, VALUES or EXPLAIN");
    prepared.setReadBigInts(true);
    prepared.setReturnArrays?.(true);
    const columns = prepared.columns?.().map(({ name }) => name);
    const rows: (string | number | null)[][] = [];
    let isCut = false;
    for (const row of prepared.iterate()) {
      isCut = rows.length === limit;
      if (isCut) break;
      rows.push((Array.isArray(row) ? row : Object.values(row)).map(plainValue));
    }
    return { columns: columns ?? [], rows, ...(isCut && { isCut }) };
  } catch (error) {
    if (error instanceof StoreError) throw error;
    const code = (error as { errcode?: number }).errcode ?? 0;
    const message = error instanceof Error ? error.message : String(error);
    if (code === AUTH || (code & 0xff) === READONLY) throw readOnly(path, message);
    throw new StoreError("STORE_BAD_QUERY", `The store ${path} does not understand the statement: ${message}.`, {
      cause: error,
    });
  } finally {
    db.setAuthorizer?.(null);
  }
}

function readOnly(path: string, why: string): StoreError {
  return new StoreError("STORE_READ_ONLY", `sql() only reads the store ${path}: ${why}.`);
}

/** As JSON can have it: a number beyond its range as text, bytes as hexadecimal digits. */
function plainValue(value: unknown): string | number | null {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  if (typeof value === "number" && !Number.isFinite(value)) return String(value);
  return value as string | number | null;
}
