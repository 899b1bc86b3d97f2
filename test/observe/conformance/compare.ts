import { isDeepStrictEqual } from "node:util";
import { flush, type memorySink, type SpanRecord, stats, withSpan } from "sightline";
import type { Case } from "./case.ts";
import { type Played, play } from "./play.ts";
import { type Decorate, plain, type Target } from "./target.ts";

/** Where the records of an observed run go, so that its tree can be looked at. */
export type Memory = ReturnType<typeof memorySink>;

/** Plain runs, for targets that are compared in several modes. */
const played = new WeakMap<Target, Map<Case, Played>>();

async function playPlain(each: Case, target: Target): Promise<Played> {
  const known = played.get(target) ?? new Map<Case, Played>();
  played.set(target, known);
  const result = known.get(each) ?? (await play(each, target, plain, false));
  known.set(each, result);
  return result;
}

/** Runs a case plain and observed. Says what differs; nothing when nothing does. */
export async function compare(each: Case, target: Target, o: Decorate, run?: Around): Promise<readonly string[]> {
  return (await compareRuns(each, target, o, run)).found;
}

/** `compare`, with both runs. */
export async function compareRuns(
  each: Case,
  target: Target,
  o: Decorate,
  run: Around = (fn) => fn(),
): Promise<{ readonly expected: Played; readonly got: Played; readonly found: readonly string[] }> {
  const expected = await playPlain(each, target);
  const got = await play(each, target, o, false, run);
  return { expected, got, found: differences(expected, got, allowedTicks(each, target)) };
}

export type Around = (fn: () => Promise<void>) => Promise<void>;

/** `compare`, and then the tree that the observed run left behind. */
export async function compareTraced(each: Case, target: Target, o: Decorate, memory: Memory): Promise<string[]> {
  const expected = await playPlain(each, target);
  memory.clear();
  const openBefore = stats().open;
  const faultsBefore = stats().internalErrors;
  let outer = "";
  const got = await play(each, target, o, true, (fn) =>
    withSpan("outer", (span) => {
      outer = span.spanId;
      return fn();
    }),
  );
  await flush();
  const found = differences(expected, got, allowedTicks(each, target));
  const spans = memory.all.filter((record): record is SpanRecord => record.record === "span");
  found.push(...treeFaults(each, target, { spans, outer, calls: got.calls, open: stats().open - openBefore }));
  const faults = stats().internalErrors - faultsBefore;
  if (faults > 0 && each.swallows !== true) found.push(`${faults} internal errors were swallowed`);
  return found;
}

/** One for each native promise; a wait may go through the case's and the target's. */
function allowedTicks(each: Case, target: Target): number {
  return (each.slack ?? 0) + (target.slack ?? 0);
}

function differences(expected: Played, got: Played, slack: number): string[] {
  const found: string[] = [];
  const at = expected.lines.findIndex((line, index) => line !== got.lines[index]);
  const line = at === -1 && got.lines.length > expected.lines.length ? expected.lines.length : at;
  if (line !== -1) {
    found.push(`line ${line}: plain "${expected.lines[line] ?? "(end)"}", observed "${got.lines[line] ?? "(end)"}"`);
  }
  if (expected.calls !== got.calls) found.push(`${expected.calls} calls, observed ${got.calls}`);
  for (const [index, { label, count }] of expected.ticks.entries()) {
    const other = got.ticks[index];
    if (other === undefined || other.label !== label) continue;
    const extra = other.count - count;
    if (extra < 0 || extra > slack) found.push(`"${label}" took ${count} microtasks, observed ${other.count}`);
  }
  return found;
}

interface Tree {
  readonly spans: readonly SpanRecord[];
  readonly outer: string;
  readonly calls: number;
  readonly open: number;
}

function treeFaults(each: Case, target: Target, { spans, outer, calls, open }: Tree): string[] {
  const named = (name: string): SpanRecord[] => spans.filter((span) => span.name === name && !span.unfinished);
  const own = target.spans.flatMap(named);
  // With the wrong spans the rest would only say so again.
  if (own.length + open !== calls * target.spans.length) {
    const names = spans.map((span) => span.name).join();
    return [`${calls} calls made ${own.length} spans (${open} open): ${names}`];
  }
  const found: string[] = [];
  if (new Set(spans.map((span) => `${span.spanId} ${span.seq}`)).size < spans.length) found.push("a span ended twice");
  if (named("caller").some((caller) => caller.parentSpanId !== outer)) {
    found.push("a span of the caller is inside the observed span");
  }
  if (calls === 1 && open === 0) found.push(...nestingFaults(target, own, outer));
  if (open === 0 && each.follows !== false && target.follows !== false) {
    const inner = named(target.spans.at(-1) as string).map((span) => span.spanId);
    const strays = named("child").filter((child) => !inner.includes(child.parentSpanId as string));
    if (strays.length > 0) found.push(`${strays.length} children of the body are not inside the span`);
  }
  if (target.transparent) found.push(...endFaults(each, own, open, named("child").length));
  return found;
}

/** Each span inside the one before it, the first inside the caller's. */
function nestingFaults(target: Target, own: readonly SpanRecord[], outer: string): string[] {
  const parents = target.spans.map((name) => own.find((span) => span.name === name)?.parentSpanId);
  const ids = target.spans.map((name) => own.find((span) => span.name === name)?.spanId);
  return isDeepStrictEqual(parents, [outer, ...ids.slice(0, -1)]) ? [] : ["the spans do not nest"];
}

/** How the spans ended, for targets that give back what the body gave. */
function endFaults({ end, output, children }: Case, own: readonly SpanRecord[], open: number, born: number): string[] {
  const found: string[] = [];
  if (children !== undefined && born !== children) found.push(`${born} children instead of ${children}`);
  if (end === undefined) return found;
  if (end === "open") return own.length === 0 ? found : [...found, "the span must be open, and has ended"];
  if (open > 0) found.push(`${open} spans must have ended, and are open`);
  const failed = end !== "ok";
  const level = { ok: "DEFAULT", error: "ERROR", aborted: "WARNING" }[end];
  for (const span of own) {
    if ((span.status.code === "error") !== failed) found.push(`status ${span.status.code}, should be ${end}`);
    if (span.level !== level) found.push(`level ${span.level}, should be ${level}`);
    if (failed && span.error?.type === undefined) found.push("the error was not recorded");
    if (output !== undefined && !isDeepStrictEqual(span.output, output)) {
      found.push(`output ${JSON.stringify(span.output)}, should be ${JSON.stringify(output)}`);
    }
  }
  return found;
}
