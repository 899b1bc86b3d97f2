import type { FindingRecord, TraceRecord } from "../../core/record.ts";
import { findings as look } from "../../openai/findings/findings.ts";
import { count, wrap } from "../../sinks/console-text.ts";
import type { TraceQuery, TraceStore } from "../../store/trace-store.ts";
import { type Command, command } from "../command.ts";
import { FILTER_ARGS, readFilters, readLimit, SOURCE_ARGS, TIME_ARGS } from "../filters.ts";
import { remark, say, write } from "../output.ts";
import { recordsOf, summariesOf } from "../records-of.ts";
import { openSource } from "../source.ts";
import { type Colors, colorsOf, widthOf } from "../terminal.ts";

/** Traces that are looked at: with --run their records are in memory together. */
const LIMIT = 1_000;

export const findings: Command = command({
  about:
    "What rules have found in model calls and runs, each with what to do about it. Exits with 1 when there is something.",
  takesMore: true,
  args: {
    source: { type: "positional", required: false, description: "as for list" },
    run: { type: "boolean", description: "run the rules over the stored traces now; nothing is stored" },
    severity: { type: "enum", options: ["info", "warning", "error"], description: "at least; default: info" },
    ...TIME_ARGS,
    ...FILTER_ARGS,
    limit: { type: "string", alias: "n", valueHint: "count", description: `of traces, the newest; default: ${LIMIT}` },
    ...SOURCE_ARGS,
  },
  examples: [
    ["findings --last 24h", "what was found since yesterday"],
    ["findings traces.ndjson --run --severity warning", "with the rules of this version"],
  ],
  async run({ args, words, all }) {
    const query = { ...readFilters(args, all("metadata")), limit: readLimit(args, LIMIT) };
    const source = await openSource(words, { token: args.token, project: args.project });
    try {
      const found = args.run ? await runRules(source.store, query) : await stored(source.store, query);
      const least = SEVERITIES.indexOf(args.severity ?? "info");
      const shown = found.filter(({ severity }) => SEVERITIES.indexOf(severity) >= least);
      if (shown.length > 0) process.exitCode = 1;
      if (args.json) for (const finding of shown) await write(`${JSON.stringify(finding)}\n`);
      else if (shown.length === 0) say("nothing was found");
      else await write(findingsText(shown, widthOf(), colorsOf()));
    } finally {
      await source.close();
    }
  },
});

const SEVERITIES = ["info", "warning", "error"];

async function stored(store: TraceStore, query: TraceQuery): Promise<FindingRecord[]> {
  const found: FindingRecord[] = [];
  const project = query.project === undefined ? {} : { project: query.project };
  for await (const { traceId } of summariesOf(store, { finding: "*", ...query })) {
    const trace = await store.trace(traceId, project);
    found.push(...(trace?.findings ?? []));
  }
  return found;
}

async function runRules(store: TraceStore, query: TraceQuery): Promise<FindingRecord[]> {
  const records: TraceRecord[] = [];
  for await (const piece of recordsOf(store, query)) for (const record of piece) records.push(record);
  const traces = new Set(records.map(({ traceId }) => traceId)).size;
  if (traces === query.limit) remark(`only the newest ${count(traces)} traces are looked at: --limit`);
  return look(records);
}

/** By rule, the gravest first: one fault is told once, with the traces that have it. */
function findingsText(found: readonly FindingRecord[], width: number, colors: Colors): string {
  const byRule = new Map<string, FindingRecord[]>();
  for (const finding of found) byRule.set(finding.name, [...(byRule.get(finding.name) ?? []), finding]);
  const grave = ([, [first]]: [string, FindingRecord[]]) => SEVERITIES.indexOf(first!.severity);
  const rules = [...byRule].sort((a, b) => grave(b) - grave(a) || b[1].length - a[1].length);
  const paint = { error: colors.red, warning: colors.yellow, info: colors.blue };
  return rules
    .map(([name, all]) => {
      const first = all[0]!;
      const head = `${paint[first.severity](`⚑ ${name}`)}  ${first.severity}${all.length > 1 ? `, ${count(all.length)} times` : ""}`;
      const each = all.slice(0, MOST_TOLD).flatMap(({ traceId, message }) => {
        return [`  ${colors.cyan(traceId)}`, ...wrap(plain(message), width - 4).map((line) => `    ${line}`)];
      });
      const more = all.length > MOST_TOLD ? [`  … ${count(all.length - MOST_TOLD)} more; --json has them all`] : [];
      const way = wrap(plain(first.nextStep), width - 4).map((line, i) =>
        colors.dim(`${i === 0 ? "  → " : "    "}${line}`),
      );
      return `${[head, ...each, ...more, ...way].join("\n")}\n`;
    })
    .join("\n");
}

const MOST_TOLD = 5;

function plain(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu, " ");
}
