/** Tool calls that lead nowhere: too many rounds, or the same call again and again. */
import type { Facts } from "../facts.ts";
import { type Finding, plural, type Rule, type RunFacts, type Scope } from "../finding.ts";
import type { CallFacts } from "../payloads.ts";

export const toolLoop: Rule = {
  name: "tool_loop",
  run: (scope) => [...scope.runs.flatMap((run) => manySteps(run, scope)), ...repeatedCalls(scope)],
};

function manySteps({ agent, tools }: RunFacts, { options }: Scope): Finding[] {
  const steps = new Set(tools.map(roundOf)).size;
  if (steps < options.toolLoopSteps) return [];
  const names = [...new Set(tools.map(({ tool }) => tool!.name))].slice(0, 10);
  return [
    {
      severity: "warning",
      spanId: agent.spanId,
      message: `Run ${agent.openai.runId} called tools in ${steps} steps (${names.join(", ")}).`,
      nextStep: "Look whether the outputs answer what the model asks for, and bound the number of steps.",
      evidence: { steps, tools: names },
    },
  ];
}

/** The calls of one round begin together: without the steps of the run nothing else tells that they are one. */
function roundOf({ openai, startMs }: Facts): string | number {
  return openai.runStepId ?? startMs;
}

interface Calls {
  count: number;
  /** Messages that the model had before it at the last call. */
  asked: number;
}

/** The same function with the same arguments, within one run, one conversation, or among the children of one span. */
function repeatedCalls({ facts, options }: Scope): Finding[] {
  const seen = new Map<string, Calls>();
  const found = new Map<string, Finding>();
  const counted = new Set<string>();
  const chainOf = chains(facts);
  const add = (fact: Facts, call: CallFacts): void => {
    if (call.key === undefined) return;
    if (call.id !== undefined) {
      if (counted.has(call.id)) return;
      counted.add(call.id);
    }
    const chain = chainOf(fact);
    const where = fact.openai.runId ?? chain ?? fact.parentSpanId ?? fact.spanId;
    const key = JSON.stringify([where, call.name, call.key]);
    const calls = seen.get(key) ?? { count: 0, asked: -1 };
    // Calls of several conversations side by side are no loop: in a loop each request holds the ones before.
    const isOne = fact.type === "tool" || fact.openai.runId !== undefined || chain !== undefined;
    const isNext = isOne || fact.asked > calls.asked;
    seen.set(key, { count: isNext ? calls.count + 1 : 1, asked: fact.asked });
    const { count } = seen.get(key)!;
    if (count < options.toolLoopRepeats) return;
    found.set(key, {
      severity: "warning",
      spanId: fact.spanId,
      message: `${call.name} was called ${plural(count, "time")} with the same arguments.`,
      nextStep: "Look at what the tool returned the first time: an error or an empty result makes models try again.",
      evidence: { tool: call.name, count },
    });
  };
  for (const fact of facts) {
    // The arguments of the provider's tools are not all recorded.
    if (fact.tool !== undefined && (fact.tool.type === undefined || fact.tool.type === "function"))
      add(fact, fact.tool);
    // Without ids nothing tells a call from the span of its execution.
    else if (fact.type === "generation") for (const call of fact.answer?.calls ?? []) if (call.id) add(fact, call);
  }
  return [...found.values()];
}

/**
 * The conversation that a response belongs to, by its id or by the first response of its chain; `undefined` for what is
 * linked to nothing. Of several that go on from one response, the first one goes on its chain and the others begin theirs.
 */
function chains(facts: readonly Facts[]): (fact: Facts) => string | undefined {
  const before = new Map<string, string>();
  const next = new Map<string, string>();
  for (const { responseId: id, previousResponseId: previous } of facts) {
    if (id === undefined || previous === undefined || before.has(id)) continue;
    before.set(id, previous);
    if (!next.has(previous)) next.set(previous, id);
  }
  const firsts = new Map<string, string>();
  const firstOf = (id: string): string => {
    const passed = new Set<string>();
    let at = id;
    while (!firsts.has(at) && !passed.has(at)) {
      passed.add(at);
      const previous = before.get(at);
      if (previous !== undefined && next.get(previous) === at) at = previous;
    }
    const first = firsts.get(at) ?? at;
    for (const each of passed) firsts.set(each, first);
    return first;
  };
  return ({ responseId: id, conversationId, openai }) => {
    if (openai.apiType === "responses" && conversationId !== undefined) return conversationId;
    return id !== undefined && (before.has(id) || next.has(id)) ? firstOf(id) : undefined;
  };
}
