import { count, duration } from "../../sinks/console-text.ts";
import type { TraceSummary } from "../../store/trace-store.ts";
import { type Command, command } from "../command.ts";
import { costText } from "../cost-text.ts";
import { FILTER_ARGS, readFilters, readLimit, SOURCE_ARGS, TIME_ARGS } from "../filters.ts";
import { remark, say, write } from "../output.ts";
import { timeText } from "../quantities.ts";
import { summariesOf } from "../records-of.ts";
import { openSource } from "../source.ts";
import { type Column, table } from "../table.ts";
import { type Colors, colorsOf, widthOf } from "../terminal.ts";
import { shortestIds } from "../trace-ids.ts";

const LIMIT = 30;

export const list: Command = command({
  about: "Traces, newest first, as a table; with --json a line for each.",
  takesMore: true,
  args: {
    source: {
      type: "positional",
      required: false,
      description:
        "files, a directory, a store (traces.db), or a collector's address; default: .traces/, traces.ndjson or traces.db",
    },
    ...TIME_ARGS,
    ...FILTER_ARGS,
    limit: { type: "string", alias: "n", valueHint: "count", description: `of traces; default: ${LIMIT}` },
    ...SOURCE_ARGS,
  },
  examples: [
    ["list --last 24h --status error", "what failed since yesterday"],
    ["list traces.db --user user_42 --min-cost 0.10", "a user's dear ones"],
    ['list --text "rate limit" --json | jq .traceId', "for programs"],
  ],
  async run({ args, words, all }) {
    const query = readFilters(args, all("metadata"));
    const limit = readLimit(args, LIMIT);
    const source = await openSource(words, { token: args.token, project: args.project });
    try {
      const found: TraceSummary[] = [];
      for await (const summary of summariesOf(source.store, { ...query, limit: args.json ? limit : limit + 1 })) {
        if (args.json) await write(`${JSON.stringify(summary)}\n`);
        else found.push(summary);
      }
      if (args.json) return;
      if (found.length === 0) return say("no traces");
      const shown = found.slice(0, limit);
      const ids = shortestIds(shown.map(({ traceId }) => traceId));
      await write(table(shown, tableColumns(ids, widthOf(), colorsOf()), { width: widthOf(), colors: colorsOf() }));
      if (found.length > limit) remark(`more than ${limit}: --limit`);
    } finally {
      await source.close();
    }
  },
});

function tableColumns(
  ids: ReadonlyMap<string, string>,
  width: number,
  colors: Colors,
): readonly Column<TraceSummary>[] {
  const right = "right" as const;
  return [
    { title: "trace", text: ({ traceId }) => ids.get(traceId)!, paint: colors.cyan },
    { title: "started", text: ({ startUs }) => timeText(startUs).slice(width < 120 ? 5 : 0), from: 80 },
    { title: "status", text: statusText, paint: (text, trace) => statusColor(colors, trace)(text) },
    { title: "name", text: ({ name }) => name, shrinksTo: 12, paint: colors.bold },
    { title: "took", text: ({ durationNs }) => duration(durationNs / 1e6), align: right, from: 50 },
    { title: "spans", text: ({ spans }) => count(spans), align: right, from: 110 },
    { title: "tokens", text: tokensText, align: right, from: 80 },
    { title: "cost", text: costText, align: right, from: 60 },
    { title: "user", text: ({ userId = "" }) => userId, shrinksTo: 8, from: 80 },
    { title: "session", text: ({ sessionId = "" }) => sessionId, shrinksTo: 8, from: 160 },
    { title: "models", text: ({ models }) => models.join(", "), shrinksTo: 10, from: 120 },
    {
      title: "findings",
      text: ({ findings }) => (findings === undefined ? "" : `⚑ ${findings.count}`),
      paint: (text, { findings }) => (findings?.worst === "error" ? colors.red(text) : colors.yellow(text)),
      from: 100,
    },
  ];
}

export function statusText({ status, errors, isRootMissing }: TraceSummary): string {
  if (status === "open") return "open";
  if (status === "error") return "error";
  return isRootMissing ? "ok?" : errors > 0 ? `ok, ${errors} ✗` : "ok";
}

export function statusColor(colors: Colors, { status, errors }: TraceSummary): (text: string) => string {
  return status === "error" ? colors.red : status === "open" || errors > 0 ? colors.yellow : colors.green;
}

export function tokensText({ inputTokens, outputTokens }: TraceSummary): string {
  if (inputTokens === undefined && outputTokens === undefined) return "";
  return count((inputTokens ?? 0) + (outputTokens ?? 0));
}
