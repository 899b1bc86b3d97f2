import { count, duration } from "../../sinks/console-text.ts";
import type { AggregateRow } from "../../store/trace-store.ts";
import { type Command, command } from "../command.ts";
import { costText } from "../cost-text.ts";
import { projectOf, readTimes, SOURCE_ARGS, TIME_ARGS } from "../filters.ts";
import { say, sayJson, write } from "../output.ts";
import { bytesText, many, timeText } from "../quantities.ts";
import { openSource } from "../source.ts";
import { table } from "../table.ts";
import { colorsOf, widthOf } from "../terminal.ts";

export const stats: Command = command({
  about: "How much there is, and how the models do: calls, errors, latency, tokens, cost.",
  takesMore: true,
  args: {
    source: { type: "positional", required: false, description: "as for list" },
    ...TIME_ARGS,
    ...SOURCE_ARGS,
  },
  examples: [["stats traces.db --last 7d", "the last week"]],
  async run({ args, words }) {
    const times = readTimes(args);
    const project = projectOf(args);
    const { store, name, close } = await openSource(words, { token: args.token, project: args.project });
    try {
      const [all, models] = await Promise.all([
        store.stats(project),
        store.aggregate({ ...project, ...times, groupBy: ["model"], percentiles: true }),
      ]);
      if (args.json) return sayJson({ store: store.name, ...all, models });
      const { spans, traces, scores, findings, bytes, oldestUs, newestUs } = all;
      const colors = colorsOf();
      const size = bytes === undefined ? "" : `, ${bytesText(bytes)}`;
      say(
        `${colors.bold(name)}: ${many(traces, "trace")}, ${many(spans, "span")}, ${many(scores, "score")}, ${many(findings, "finding")}${size}`,
      );
      if (oldestUs !== undefined && newestUs !== undefined) say(`from ${timeText(oldestUs)} to ${timeText(newestUs)}`);
      if (models.length === 0) return;
      say("");
      const time = (ns: number | undefined) => (ns === undefined ? "" : duration(ns / 1e6));
      const right = "right" as const;
      await write(
        table<AggregateRow>(
          models,
          [
            { title: "model", text: (row) => (row.other ? "others" : row.group.model || "?"), shrinksTo: 10 },
            { title: "calls", text: (row) => count(row.count), align: right },
            {
              title: "errors",
              text: (row) => (row.errors > 0 ? count(row.errors) : ""),
              align: right,
              paint: colors.red,
            },
            {
              title: "429",
              text: (row) => (row.rateLimited > 0 ? count(row.rateLimited) : ""),
              align: right,
              paint: colors.yellow,
            },
            { title: "p50", text: (row) => time(row.p50), align: right },
            { title: "p95", text: (row) => time(row.p95), align: right },
            { title: "p99", text: (row) => time(row.p99), align: right, from: 100 },
            { title: "in", text: (row) => count(row.inputTokens), align: right, from: 80 },
            { title: "out", text: (row) => count(row.outputTokens), align: right, from: 80 },
            { title: "cost", text: costText, align: right },
          ],
          { width: widthOf(), colors },
        ),
      );
    } finally {
      await close();
    }
  },
});
