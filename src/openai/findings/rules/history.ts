/** What shows over several runs and traces only. Each is told once: where it begins to be true. */
import type { Facts } from "../facts.ts";
import { evidence, type Finding, plural, type Rule, runsOf, type Scope } from "../finding.ts";

interface KnownRun {
  readonly agent: Facts;
  /** The largest prompt of its steps. */
  readonly input: number | undefined;
}

/** Earlier facts of the same threads and sessions that are looked at: what is told once needs no more. */
const MAX_RELATED = 200;

/** The runs of this trace and those before it in their threads and sessions. */
function relatedRuns({ history, runs }: Scope): KnownRun[] {
  const threads = new Set(runs.map(({ agent }) => agent.openai.threadId));
  const sessions = new Set(runs.map(({ agent }) => agent.sessionId));
  const isRelated = ({ openai, sessionId }: Facts) =>
    openai.runId !== undefined &&
    ((openai.threadId !== undefined && threads.has(openai.threadId)) ||
      (sessionId !== undefined && sessions.has(sessionId)));
  return runsOf(history.filter(isRelated).slice(-MAX_RELATED))
    .map(({ agent, calls }) => {
      const inputs = calls.flatMap(({ usage }) => usage?.input ?? []);
      return { agent, input: inputs.length === 0 ? agent.usage?.input : Math.max(...inputs) };
    })
    .sort((a, b) => a.agent.startMs - b.agent.startMs);
}

function grouped<T>(values: readonly T[], keyOf: (value: T) => string | undefined): T[][] {
  const groups = new Map<string, T[]>();
  for (const value of values) {
    const key = keyOf(value);
    if (key === undefined) continue;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [value]);
    else group.push(value);
  }
  return [...groups.values()];
}

export const threadAccumulation: Rule = {
  name: "thread_accumulation",
  run: (scope) => {
    if (scope.runs.length === 0) return [];
    const runs = relatedRuns(scope);
    const own = new Set(scope.facts);
    const found = new Map<Facts, Finding>();
    const tell = (finding: Finding | undefined, agent: Facts) => {
      if (finding !== undefined && own.has(agent) && !found.has(agent)) found.set(agent, finding);
    };
    for (const thread of grouped(runs, ({ agent }) => agent.openai.threadId)) grownThread(thread, scope, tell);
    for (const session of grouped(runs, ({ agent }) => agent.sessionId)) manyThreads(session, scope, tell);
    for (const { agent } of scope.runs) tell(morePages(agent), agent);
    return [...found.values()];
  },
};

type Tell = (finding: Finding | undefined, agent: Facts) => void;

/** Every run has read more than the one before: the thread is sent whole each time. */
function grownThread(runs: readonly KnownRun[], { options }: Scope, tell: Tell): void {
  const known = runs.filter(({ input }) => input !== undefined && input > 0);
  let first = 0;
  let wasTrue = false;
  for (const [i, { agent, input }] of known.entries()) {
    if (i > 0 && input! <= known[i - 1]!.input!) [first, wasTrue] = [i, false];
    const begin = known[first]!.input!;
    const isTrue = i - first + 1 >= options.threadGrowthRuns && input! >= begin * options.threadGrowthFactor;
    if (isTrue && !wasTrue) {
      const { threadId } = agent.openai;
      tell(
        {
          severity: "info",
          spanId: agent.spanId,
          message: `Thread ${threadId} grows with every run: from ${begin} to ${input} input tokens in ${plural(i - first + 1, "run")}.`,
          nextStep:
            "Limit what a run reads (truncation_strategy last_messages), sum the thread up, or begin a new one.",
          evidence: evidence({ threadId, runs: i - first + 1, firstInputTokens: begin, lastInputTokens: input }),
        },
        agent,
      );
    }
    wasTrue ||= isTrue;
  }
}

/** A thread for each call: nothing is remembered, and nothing deleted. */
function manyThreads(runs: readonly KnownRun[], { options }: Scope, tell: Tell): void {
  const threads = new Set<string>();
  let wasTrue = false;
  for (const [i, { agent }] of runs.entries()) {
    if (agent.openai.threadId !== undefined) threads.add(agent.openai.threadId);
    const isTrue = i + 1 >= options.threadSessionRuns && threads.size > options.threadsPerRun * (i + 1);
    if (isTrue && !wasTrue) {
      tell(
        {
          severity: "info",
          spanId: agent.spanId,
          message: `${plural(i + 1, "run")} of one session used ${plural(threads.size, "thread")}.`,
          nextStep: "Keep the thread with the session and use it again, or delete it after its run.",
          evidence: evidence({ sessionId: agent.sessionId, runs: i + 1, threads: threads.size }),
        },
        agent,
      );
    }
    wasTrue ||= isTrue;
  }
}

function morePages({ openai, spanId }: Facts): Finding | undefined {
  if (!/messages\b.*more pages/i.test(openai.missing ?? "")) return undefined;
  return {
    severity: "info",
    spanId,
    message: `Thread ${openai.threadId} has more messages than the one page that was read.`,
    nextStep: "List with run_id, or page through the list: 20 messages come by default, newest first.",
    evidence: evidence({ threadId: openai.threadId, missing: openai.missing }),
  };
}

export const cacheNeverHits: Rule = {
  name: "cache_never_hits",
  run: (scope) => {
    const missed = scope.facts.filter((fact) => isCacheable(fact, scope) && fact.usage!.cacheRead === 0);
    const told = new Set<string | undefined>();
    return missed.flatMap((call): Finding[] => {
      if (told.has(call.model)) return [];
      const calls = missesUntil(call, scope);
      if (calls === undefined) return [];
      const last = calls.find((other) => unitOf(other) !== unitOf(call));
      // True of the call before it already: it was told then.
      if (last !== undefined && missesUntil(last, scope) !== undefined) return [];
      told.add(call.model);
      return [uncached(call, calls)];
    });
  },
};

/** A cache that is not told of is not one that was missed. */
function isCacheable({ type, usage, hasFailed }: Facts, { options }: Scope): boolean {
  if (type !== "generation" || hasFailed || usage?.cacheRead === undefined) return false;
  return (usage.input ?? 0) >= options.cacheMinTokens;
}

/** All calls of a run are one: they share a prompt. */
function unitOf({ openai, spanId }: Facts): string {
  return openai.runId ?? spanId;
}

/** The calls up to this one, newest first, when there are enough on end that read nothing. */
function missesUntil(call: Facts, scope: Scope): readonly Facts[] | undefined {
  const { cacheWindowMs, cacheRuns } = scope.options;
  const units = new Set<string>();
  const calls: Facts[] = [];
  for (let i = scope.history.lastIndexOf(call); i >= 0; i--) {
    const fact = scope.history[i]!;
    if (fact.model !== call.model || !isCacheable(fact, scope)) continue;
    if (fact.usage!.cacheRead! > 0 || fact.startMs < call.startMs - cacheWindowMs) return undefined;
    calls.push(fact);
    units.add(unitOf(fact));
    if (units.size >= cacheRuns) return calls;
  }
  return undefined;
}

function uncached({ model, spanId }: Facts, calls: readonly Facts[]): Finding {
  const count = new Set(calls.map(unitOf)).size;
  const tokens = calls.reduce((sum, { usage }) => sum + usage!.input!, 0);
  return {
    severity: "info",
    spanId,
    message: `${plural(count, "call")} of ${model} on end, with ${tokens} input tokens, read nothing from the prompt cache.`,
    nextStep:
      "Put what is always the same (instructions, tools, examples) first and what changes last, and set prompt_cache_key.",
    evidence: evidence({ model, calls: count, inputTokens: tokens, cacheReadInputTokens: 0 }),
  };
}
