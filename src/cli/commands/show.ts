import { ConfigError } from "../../core/errors.ts";
import type { SpanRecord } from "../../core/record.ts";
import { count } from "../../sinks/console-text.ts";
import { draw } from "../../sinks/console-tree.ts";
import type { SpanRow, StoredTrace, TraceStore } from "../../store/trace-store.ts";
import { type Command, command } from "../command.ts";
import { projectOf, readLimit, SOURCE_ARGS } from "../filters.ts";
import { findTrace } from "../find-trace.ts";
import { remark, sayJson, write } from "../output.ts";
import { openSource } from "../source.ts";
import { payloadsText, spanText } from "../span-text.ts";
import { colorsOf, hasColors, widthOf } from "../terminal.ts";
import { headText } from "../trace-head.ts";
import { pictureOf } from "../trace-picture.ts";

/** Of a larger trace the first ones: what is before a terminal reads no more. */
const LIMIT = 2_000;
/** Up to here spans are fetched in whole: retries and causes are in the records only. */
const WHOLE = 300;
const AT_ONCE = 64;

export const show: Command = command({
  about: "One trace as a tree with its waterfall: times, tokens, costs, errors and findings in place.",
  takesMore: true,
  args: {
    trace: { type: "positional", required: true, description: 'its id, the beginning of it, or "latest"' },
    source: { type: "positional", required: false, description: "as for list" },
    span: { type: "string", valueHint: "id|name", description: "this span in full: input, output, error, attributes" },
    payloads: { type: "boolean", description: "inputs and outputs below the tree" },
    limit: { type: "string", alias: "n", valueHint: "count", description: `of spans; default: ${LIMIT}` },
    ...SOURCE_ARGS,
  },
  examples: [
    ["show latest", "the newest trace"],
    ["show 0199a3c2 traces.ndjson --payloads", "with what went in and out"],
    ["show 0199a3c2 --span messages.list", "one span in full"],
  ],
  async run({ args, words: [word = "", ...words] }) {
    const limit = readLimit(args, LIMIT);
    const project = projectOf(args);
    const source = await openSource(words, { token: args.token, project: args.project });
    try {
      const trace = await findTrace(source.store, word, project);
      const { traceId } = trace.summary;
      const rows = await rowsOf(source.store, traceId, limit, project);
      const records = async (some: readonly SpanRow[]) => wholeSpans(source.store, traceId, some, project);
      if (args.span !== undefined) {
        const row = spanOf(rows, args.span);
        const record = (await records([row])).get(row.spanId)!;
        if (args.json) return sayJson(record);
        return await write(spanText(record, widthOf(), colorsOf()));
      }
      const wantsAll = args.payloads || args.json || rows.length <= WHOLE;
      const whole = wantsAll ? await records(rows) : new Map<string, SpanRecord>();
      if (args.json) return sayJson({ ...trace, spans: rows.map((row) => whole.get(row.spanId) ?? row) });
      await write(treeText(trace, rows, whole));
      if (args.payloads) await write(payloadsText([...whole.values()], widthOf(), colorsOf()));
      if (source.url !== undefined) await write(`${source.url}/#/trace/${traceId}\n`);
      if (rows.length < trace.summary.spans) {
        remark(`${count(rows.length)} of ${count(trace.summary.spans)} spans; more of them: --limit`);
      }
    } finally {
      await source.close();
    }
  },
});

function treeText(trace: StoredTrace, rows: readonly SpanRow[], records: ReadonlyMap<string, SpanRecord>): string {
  const drawn = draw(pictureOf(trace, rows, records), { width: widthOf(), colors: hasColors() });
  // A heading of ours has room for more than that of a console, and the drawing ends with a blank line.
  const tree = drawn.slice(drawn.indexOf("\n") + 1).replace(/\n\n$/, "\n");
  return headText(trace.summary, widthOf(), colorsOf()) + tree;
}

async function rowsOf(
  store: TraceStore,
  traceId: string,
  limit: number,
  project: { project?: string },
): Promise<SpanRow[]> {
  const rows: SpanRow[] = [];
  let after: string | undefined;
  do {
    const page = await store.spans(traceId, {
      ...project,
      limit: Math.min(10_000, limit - rows.length),
      ...(after !== undefined && { after }),
    });
    rows.push(...page.items);
    after = page.next;
  } while (after !== undefined && rows.length < limit);
  return rows;
}

async function wholeSpans(
  store: TraceStore,
  traceId: string,
  rows: readonly SpanRow[],
  project: { project?: string },
): Promise<Map<string, SpanRecord>> {
  const records = new Map<string, SpanRecord>();
  for (let i = 0; i < rows.length; i += AT_ONCE) {
    const some = rows.slice(i, i + AT_ONCE);
    const found = await Promise.all(some.map(({ spanId }) => store.span(traceId, spanId, project)));
    for (const record of found) if (record !== undefined) records.set(record.spanId, record);
  }
  return records;
}

/** By its id, the beginning of it, or its name. @throws ConfigError */
function spanOf(rows: readonly SpanRow[], word: string): SpanRow {
  const byId = rows.filter(({ spanId }) => spanId.startsWith(word.toLowerCase()));
  const found = byId.length > 0 ? byId : rows.filter(({ name }) => name === word);
  const [first] = found;
  if (first !== undefined && found.length === 1) return first;
  if (first === undefined) {
    const names = [...new Set(rows.map(({ name }) => name))].slice(0, 8).join(", ");
    throw new ConfigError("CLI_NO_SPAN", `The trace has no span "${word}". It has: ${names}.`);
  }
  const told = found.slice(0, 5).map(({ spanId, name, type }) => `\n  ${spanId}  ${type}  ${name}`);
  throw new ConfigError("CLI_WHICH_SPAN", `"${word}" means ${found.length} spans:${told.join("")}`);
}
