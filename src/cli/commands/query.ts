import { setTimeout as sleep } from "node:timers/promises";
import { count } from "../../sinks/console-text.ts";
import { StoreError } from "../../store/store-error.ts";
import type { SqlAnswer } from "../../store/trace-store.ts";
import { type Command, command } from "../command.ts";
import { csvLine } from "../csv.ts";
import { readLimit } from "../filters.ts";
import { remark, sayJson, write } from "../output.ts";
import { readDuration } from "../quantities.ts";
import { openSource, type Source } from "../source.ts";
import { table } from "../table.ts";
import { colorsOf, widthOf } from "../terminal.ts";
import { UsageError } from "../usage-error.ts";

const LIMIT = 1_000;
/** A store that is closed while a statement runs may wait for it. */
const CLOSE_MS = 2_000;
/** The first word of a statement, after blanks and comments. */
const WRITING =
  /^(?:\s|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)*(?:insert|replace|update|delete|create|alter|drop|truncate|rename|attach|detach|vacuum|reindex|optimize)\b/i;
/** The store that files are read into, as it names itself. */
const TEMPORARY = /(?:sqlite:temporary\b|\S*sightline-store-[^/\\]*[/\\]traces\.db)/g;

export const query: Command = command({
  about: "A statement in the store's own SQL that only reads. Files are read into a SQLite store first.",
  takesMore: true,
  args: {
    sql: { type: "positional", required: true, description: "one statement" },
    source: { type: "positional", required: false, description: "as for list" },
    limit: { type: "string", alias: "n", valueHint: "count", description: `of rows; default: ${LIMIT}` },
    timeout: { type: "string", valueHint: "time", description: "how long the statement may take; default: 30s" },
    format: { type: "enum", options: ["table", "csv", "json"], description: "default: table" },
    json: { type: "boolean", description: "an object for each row, a line each" },
  },
  examples: [
    ["query \"SELECT name FROM sqlite_master WHERE type = 'table'\" traces.db", "the tables there are"],
    ['query "SELECT count(*) FROM spans" traces.ndjson --json', "of a file"],
  ],
  async run({ args, words: [sql = "", ...words] }) {
    const limit = readLimit(args, LIMIT);
    const timeoutMs = args.timeout === undefined ? undefined : readDuration("timeout", args.timeout);
    const source = await openSource(words, { sql: true, sqlTimeoutMs: timeoutMs });
    try {
      const answer = await ask(source, sql, limit);
      if (args.format === "json" && !args.json) sayJson(objectsOf(answer));
      else if (args.json) for (const row of objectsOf(answer)) await write(`${JSON.stringify(row)}\n`);
      else if (args.format === "csv")
        await write([answer.columns, ...answer.rows].map((row) => csvLine([...row])).join(""));
      else await write(answerTable(answer));
      if (answer.isCut) remark(`only the first ${count(limit)} rows: --limit`);
    } finally {
      await Promise.race([source.close(), sleep(CLOSE_MS, undefined, { ref: false })]);
    }
  },
});

/** What is wrong is said of what the user has named. */
async function ask({ store, name }: Source, sql: string, limit: number): Promise<SqlAnswer> {
  try {
    return await store.sql(sql, { limit });
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    if (error.code === "STORE_READ_ONLY" || WRITING.test(sql))
      throw new StoreError(
        "STORE_READ_ONLY",
        `query only reads: ${name} stays as it is. A statement begins with SELECT, WITH, VALUES or EXPLAIN.`,
        { cause: error },
      );
    const said = error.message.replace(TEMPORARY, name).replace("sqlTimeoutMs", "--timeout");
    throw new StoreError(error.code, said, { cause: error });
  }
}

/** @throws UsageError, as an object has a name but once */
function objectsOf({ columns, rows }: SqlAnswer): object[] {
  const twice = columns.find((column, i) => columns.indexOf(column) !== i);
  if (twice !== undefined)
    throw new UsageError(
      `two columns are named ${twice}, which JSON has no place for: name one with AS, or ask for csv.`,
    );
  return rows.map((row) => Object.fromEntries(columns.map((column, i) => [column, row[i]])));
}

function answerTable({ columns, rows }: SqlAnswer): string {
  const colors = colorsOf();
  if (rows.length === 0) return "no rows\n";
  const all = columns.map((title, i) => {
    const isNumber = rows.every((row) => typeof row[i] !== "string");
    return {
      title,
      text: (row: SqlAnswer["rows"][number]) => (row[i] === null ? "NULL" : String(row[i])),
      shrinksTo: 8,
      ...(isNumber && { align: "right" as const }),
      paint: (text: string, row: SqlAnswer["rows"][number]) => (row[i] === null ? colors.dim(text) : text),
    };
  });
  return table(rows, all, { width: widthOf(), colors });
}
