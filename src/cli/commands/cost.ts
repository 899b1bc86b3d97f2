import { sumUsd, usd } from "../../core/usd.ts";
import { count, dollars } from "../../sinks/console-text.ts";
import type { AggregateField, AggregateRow } from "../../store/trace-store.ts";
import { type Command, command } from "../command.ts";
import { csvLine } from "../csv.ts";
import { projectOf, readLimit, readTimes, SOURCE_ARGS, TIME_ARGS } from "../filters.ts";
import { say, sayJson, write } from "../output.ts";
import { readDuration, timeText } from "../quantities.ts";
import { openSource } from "../source.ts";
import { type Column, table } from "../table.ts";
import { type Colors, colorsOf, widthOf } from "../terminal.ts";
import { UsageError } from "../usage-error.ts";

const FIELDS: { readonly [word: string]: AggregateField } = {
  feature: "feature",
  team: "team",
  model: "model",
  provider: "provider",
  user: "userId",
  environment: "environment",
  name: "name",
  type: "type",
  status: "status",
};
const LIMIT = 50;
const BAR = 16;

export const cost: Command = command({
  about: "What model calls cost, the dearest first: as a table, as CSV or as JSON.",
  takesMore: true,
  args: {
    source: { type: "positional", required: false, description: "as for list" },
    by: {
      type: "string",
      valueHint: "fields",
      default: "model",
      description: `one or more of ${Object.keys(FIELDS).join(", ")}, separated by commas; default: model`,
    },
    every: { type: "string", valueHint: "time", description: "1h, 1d: figures for each" },
    ...TIME_ARGS,
    limit: {
      type: "string",
      alias: "n",
      valueHint: "count",
      description: `of groups, the rest together; default: ${LIMIT}`,
    },
    format: { type: "enum", options: ["table", "csv", "json"], description: "default: table" },
    ...SOURCE_ARGS,
  },
  examples: [
    ["cost --by feature,team --last 24h", "who spends what"],
    ["cost traces.db --by model --every 1d --last 30d --format csv", "for a spreadsheet"],
  ],
  async run({ args, words }) {
    const by = args.by.split(",").map((word) => word.trim());
    const groupBy = by.map(fieldOf);
    if (new Set(groupBy).size < groupBy.length) throw new UsageError(`--by names a field twice: ${args.by}`);
    const every = args.every === undefined ? {} : { bucketUs: readDuration("every", args.every) * 1_000 };
    const times = readTimes(args);
    const limit = readLimit(args, LIMIT, 1_000);
    const source = await openSource(words, { token: args.token, project: args.project });
    try {
      const rows = await source.store.aggregate({ ...projectOf(args), ...times, ...every, groupBy, limit });
      // A sum of prices is not to read 0.27999999999999997.
      const exact = rows.map((row) => ({ ...row, costUsd: usd(row.costUsd) }));
      const sorted = args.every === undefined ? exact.sort(dearestFirst) : exact;
      if (args.json || args.format === "json") return sayJson(sorted);
      if (args.format === "csv") return await write(csvText(sorted, by, groupBy));
      if (sorted.length === 0) return say("no model calls");
      const total = sumUsd(sorted.map(({ costUsd }) => costUsd));
      const colors = colorsOf();
      await write(table(sorted, columnsOf(by, groupBy, total, colors), { width: widthOf(), colors }));
      const calls = sorted.reduce((sum, row) => sum + row.count, 0);
      const unpriced = sorted.reduce((sum, row) => sum + row.unpriced, 0);
      const missing =
        unpriced === 0 ? "" : colors.yellow(`; ${count(unpriced)} of them have tokens and no known price`);
      say(`${colors.bold(dollars(total))} for ${count(calls)} ${calls === 1 ? "call" : "calls"}${missing}`);
    } finally {
      await source.close();
    }
  },
});

function fieldOf(word: string): AggregateField {
  const field = FIELDS[word];
  if (field !== undefined && Object.hasOwn(FIELDS, word)) return field;
  throw new UsageError(`--by takes ${Object.keys(FIELDS).join(", ")}; it is "${word}".`);
}

function dearestFirst(a: AggregateRow, b: AggregateRow): number {
  return Number(a.other ?? false) - Number(b.other ?? false) || b.costUsd - a.costUsd || b.count - a.count;
}

function columnsOf(
  by: readonly string[],
  groupBy: readonly AggregateField[],
  total: number,
  colors: Colors,
): readonly Column<AggregateRow>[] {
  const right = "right" as const;
  return [
    { title: "time", text: ({ timeUs }) => (timeUs === undefined ? "" : timeText(timeUs)) },
    ...groupBy.map(
      (field, i): Column<AggregateRow> => ({
        title: by[i]!,
        text: ({ group, other }) => (other ? (i === 0 ? "others" : "") : group[field] || "-"),
        shrinksTo: 8,
      }),
    ),
    { title: "calls", text: (row) => count(row.count), align: right },
    {
      title: "errors",
      text: (row) => (row.errors > 0 ? count(row.errors) : ""),
      align: right,
      from: 80,
      paint: colors.red,
    },
    { title: "in", text: (row) => count(row.inputTokens), align: right, from: 80 },
    { title: "out", text: (row) => count(row.outputTokens), align: right, from: 80 },
    {
      title: "unpriced",
      text: (row) => (row.unpriced > 0 ? count(row.unpriced) : ""),
      align: right,
      from: 100,
      paint: colors.yellow,
    },
    { title: "cost", text: (row) => dollars(row.costUsd), align: right, paint: colors.bold },
    { title: "share", text: (row) => (total > 0 ? `${((100 * row.costUsd) / total).toFixed(1)}%` : ""), align: right },
    {
      title: "",
      text: (row) => "━".repeat(total > 0 ? Math.round((BAR * row.costUsd) / total) : 0),
      from: 90,
      paint: colors.cyan,
    },
  ];
}

function csvText(rows: readonly AggregateRow[], by: readonly string[], groupBy: readonly AggregateField[]): string {
  const isTimed = rows.some(({ timeUs }) => timeUs !== undefined);
  const time = ({ timeUs }: AggregateRow) => (isTimed ? [new Date(timeUs! / 1_000).toISOString()] : []);
  const heading = csvLine([
    ...(isTimed ? ["time"] : []),
    ...by,
    "calls",
    "errors",
    "input_tokens",
    "output_tokens",
    "cost_usd",
    "unpriced_calls",
  ]);
  return (
    heading +
    rows
      .map((row) => {
        const group = groupBy.map((field, i) => (row.other ? (i === 0 ? "(others)" : "") : row.group[field]));
        return csvLine([
          ...time(row),
          ...group,
          row.count,
          row.errors,
          row.inputTokens,
          row.outputTokens,
          row.costUsd,
          row.unpriced,
        ]);
      })
      .join("")
  );
}
