import { count } from "../../sinks/console-text.ts";
import type { SqlAnswer } from "../../store/trace-store.ts";
import { type Command, command } from "../command.ts";
import { csvLine } from "../csv.ts";
import { readLimit } from "../filters.ts";
import { remark, sayJson, write } from "../output.ts";
import { openSource } from "../source.ts";
import { table } from "../table.ts";
import { colorsOf, widthOf } from "../terminal.ts";

const LIMIT = 1_000;

export const query: Command = command({
  about: "A statement in the store's own SQL that only reads. Files are read into a SQLite store first.",
  takesMore: true,
  args: {
    sql: { type: "positional", required: true, description: "one statement" },
    source: { type: "positional", required: false, description: "as for list" },
    limit: { type: "string", alias: "n", valueHint: "count", description: `of rows; default: ${LIMIT}` },
    format: { type: "enum", options: ["table", "csv", "json"], description: "default: table" },
    json: { type: "boolean", description: "an object for each row, a line each" },
  },
  examples: [
    ["query \"SELECT name FROM sqlite_master WHERE type = 'table'\" traces.db", "the tables there are"],
    ['query "SELECT count(*) FROM spans" traces.ndjson --json', "of a file"],
  ],
  async run({ args, words: [sql = "", ...words] }) {
    const limit = readLimit(args, LIMIT);
    const source = await openSource(words, { sql: true });
    try {
      const answer = await source.store.sql(sql, { limit });
      if (args.format === "json" && !args.json) sayJson(objectsOf(answer));
      else if (args.json) for (const row of objectsOf(answer)) await write(`${JSON.stringify(row)}\n`);
      else if (args.format === "csv")
        await write([answer.columns, ...answer.rows].map((row) => csvLine([...row])).join(""));
      else await write(answerTable(answer));
      if (answer.isCut) remark(`only the first ${count(limit)} rows: --limit`);
    } finally {
      await source.close();
    }
  },
});

function objectsOf({ columns, rows }: SqlAnswer): object[] {
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
