/** What the trace itself says too early, twice, or not to its end. */
import type { Facts } from "../facts.ts";
import { duration, evidence, type Finding, observedMs, plural, type Rule, subjectOf } from "../finding.ts";
import { endlessPollingOf, isTerminal } from "./waiting.ts";

export const usageReadTooEarly: Rule = {
  name: "usage_read_too_early",
  run: (scope) =>
    scope.runs.flatMap(({ agent, calls }): Finding[] => {
      const { runId, runStatus } = agent.openai;
      // Of those that wait or are cancelled other rules tell.
      if (runStatus === undefined || isTerminal(runStatus) || ["requires_action", "cancelling"].includes(runStatus))
        return [];
      if (!scope.isOver || agent.parentSpanId === undefined) return [];
      // Who polled has not slept: the run was left or went on too long.
      if (agent.http?.polls !== undefined || endlessPollingOf(agent, scope) !== undefined) return [];
      if (agent.usage !== undefined || calls.some(({ usage }) => usage !== undefined)) return [];
      return [
        {
          severity: "warning",
          spanId: agent.spanId,
          message: `Run ${runId} was recorded while it was ${runStatus}: it had no usage yet, and none of its cost is known.`,
          nextStep: "Record the run again when it has ended (after createAndPoll, not after a fixed sleep).",
          evidence: evidence({ runId, status: runStatus, afterMs: observedMs(agent, scope) - agent.startMs }),
        },
      ];
    }),
};

export const doubleCounting: Rule = {
  name: "double_counting",
  run: ({ facts }) => {
    const byId = new Map(facts.map((fact) => [fact.spanId, fact]));
    const agents = new Map<string | undefined, Facts>();
    for (const fact of facts) if (fact.type === "agent" && isCounted(fact)) agents.set(fact.openai.runId, fact);
    agents.delete(undefined);
    const below = new Map<Facts, number>();
    for (const fact of facts) {
      const above = isCounted(fact) ? holderAbove(fact, byId, agents) : undefined;
      if (above !== undefined) below.set(above, (below.get(above) ?? 0) + fact.usage!.total);
    }
    return [...below].flatMap(([fact, tokens]): Finding[] => {
      // A model call that makes others, and counts its own tokens only, has another sum.
      if (fact.type !== "agent" && fact.usage!.total !== tokens) return [];
      return [
        {
          severity: "info",
          spanId: fact.spanId,
          message: `${subjectOf(fact)} carries ${plural(fact.usage!.total, "token")}, and the spans below it ${tokens} more: sums over the trace count them twice.`,
          nextStep: "Put usage and cost on one level only, the single model calls.",
          evidence: evidence({ tokens: fact.usage!.total, tokensBelow: tokens }),
        },
      ];
    });
  },
};

function isCounted({ usage }: Facts): boolean {
  return usage !== undefined && usage.total > 0;
}

/** The nearest span above with tokens. */
function holderAbove(
  fact: Facts,
  byId: ReadonlyMap<string, Facts>,
  agents: ReadonlyMap<string | undefined, Facts>,
): Facts | undefined {
  const seen = new Set([fact]);
  for (let at = byId.get(fact.parentSpanId!); at !== undefined && !seen.has(at); at = byId.get(at.parentSpanId!)) {
    if (isCounted(at)) return at;
    seen.add(at);
  }
  const agent = agents.get(fact.openai.runId);
  return agent === fact ? undefined : agent;
}

export const backgroundAbandoned: Rule = {
  name: "background_abandoned",
  run: (scope) =>
    scope.facts.flatMap((fact): Finding[] => {
      const { responseStatus: status, openai, usage } = fact;
      if (openai.background !== true || (status !== "queued" && status !== "in_progress")) return [];
      if (usage !== undefined || !scope.isOver || fact.parentSpanId === undefined) return [];
      return [
        {
          severity: "warning",
          spanId: fact.spanId,
          message: `${subjectOf(fact)} runs in the background and was still ${status} after ${duration(observedMs(fact, scope) - fact.startMs)}, when its trace ended.`,
          nextStep:
            "Retrieve the response until it has ended, take a webhook, or cancel it: it is billed whether it is read or not.",
          evidence: evidence({ responseId: fact.responseId, status }),
        },
      ];
    }),
};
