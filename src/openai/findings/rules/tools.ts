/** Tool calls: what goes into them, what comes back, how often. */
import type { Facts } from "../facts.ts";
import { evidence, type Finding, nameOf, plural, type Rule, type RunFacts, type Scope } from "../finding.ts";
import type { CallFacts } from "../payloads.ts";

/** Characters of a token of English text. */
const CHARS_PER_TOKEN = 4;

export const toolOutputTruncated: Rule = {
  name: "tool_output_truncated",
  run: (scope) => [
    ...scope.runs.flatMap((run) => shortenedPrompts(run, scope)),
    ...scope.facts.flatMap((fact) => cutOutput(fact, scope)),
  ],
};

/**
 * What the model saw between two steps: the growth of the prompt beyond its own answer. Reasoning is not read again. The
 * provider's tools say nothing here: their outputs and contents are often not given, though the model saw them.
 */
function shortenedPrompts({ agent, calls, tools }: RunFacts, { options }: Scope): Finding[] {
  const billed = calls.filter(({ usage }) => usage?.input !== undefined && usage.output !== undefined);
  for (const [i, next] of billed.entries()) {
    const call = billed[i - 1];
    if (call === undefined) continue;
    const seen = next.usage!.input! - call.usage!.input! - call.usage!.output! + call.usage!.reasoning;
    const submitted = tools.filter(({ openai }) => isSame(openai.runStepId, call.openai.runStepId));
    const chars = submitted.every(({ tool }) => tool?.type === "function")
      ? submitted.reduce((sum, { tool }) => sum + (tool!.outputChars ?? 0), 0)
      : 0;
    const tokens = Math.round(chars / CHARS_PER_TOKEN);
    const isShort = tokens >= options.truncationMinTokens && seen < options.truncationShare * tokens;
    if (seen >= 0 && !isShort) continue;
    return [
      {
        severity: "warning",
        spanId: call.spanId,
        message: isShort
          ? `The model saw about ${Math.max(0, seen)} of some ${tokens} tokens of tool output in run ${agent.openai.runId}.`
          : `The prompt of run ${agent.openai.runId} shrank by ${plural(-seen, "token")} from one step to the next: older context was cut.`,
        nextStep: isShort
          ? "Compare the submitted output with the answer, and submit less at once: a summary, a page, a file for search."
          : "Look at the run's truncation_strategy and max_prompt_tokens, and shorten the thread or the tool outputs.",
        evidence: evidence({
          seenTokens: seen,
          submittedTokens: tokens || undefined,
          promptTokens: [call.usage!.input!, next.usage!.input!],
          completionTokens: call.usage!.output,
        }),
      },
    ];
  }
  return [];
}

/** An output that was cut before it was submitted. */
function cutOutput({ tool, spanId }: Facts, { options }: Scope): Finding[] {
  if (tool === undefined || !tool.hasOutput || (tool.type !== undefined && tool.type !== "function")) return [];
  const isAtCap = options.toolOutputCap > 0 && tool.rawChars === options.toolOutputCap;
  const isLong = tool.rawChars >= options.truncationMinTokens * CHARS_PER_TOKEN;
  // Three dots end many a short text.
  const isCut = tool.ending !== undefined && (isLong || /truncated/i.test(tool.ending));
  if (!isAtCap && !isCut) return [];
  const sign = isAtCap ? "is as long as your limit" : `ends with "${tool.ending}"`;
  return [
    {
      severity: "warning",
      spanId,
      message: `The output of ${tool.name} has ${tool.rawChars} characters and ${sign}: the model got a part of it.`,
      nextStep: "Return less on purpose (a summary, a page with a cursor), or say in the output what is missing.",
      evidence: evidence({ characters: tool.rawChars, ending: tool.ending }),
    },
  ];
}

function isSame(a: string | undefined, b: string | undefined): boolean {
  return a !== undefined && a === b;
}

export const toolLoop: Rule = {
  name: "tool_loop",
  run: (scope) => [...scope.runs.flatMap((run) => manySteps(run, scope)), ...repeatedCalls(scope)],
};

function manySteps({ agent, tools }: RunFacts, { options }: Scope): Finding[] {
  const steps = new Set(tools.map(({ openai, spanId }) => openai.runStepId ?? spanId)).size;
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

interface Calls {
  count: number;
  /** Messages that the model had before it at the last call. */
  asked: number;
}

/** The same function with the same arguments, within one run or among the children of one span. */
function repeatedCalls({ facts, options }: Scope): Finding[] {
  const seen = new Map<string, Calls>();
  const found = new Map<string, Finding>();
  const counted = new Set<string>();
  const add = (fact: Facts, call: CallFacts): void => {
    if (call.id !== undefined) {
      if (counted.has(call.id)) return;
      counted.add(call.id);
    }
    const where = fact.openai.runId ?? fact.parentSpanId ?? fact.spanId;
    const key = JSON.stringify([where, call.name, call.key]);
    const calls = seen.get(key) ?? { count: 0, asked: -1 };
    // Calls of several conversations side by side are no loop: in a loop each request holds the ones before.
    const isOne = fact.type === "tool" || fact.openai.runId !== undefined || fact.previousResponseId !== undefined;
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

export const badToolArguments: Rule = {
  name: "bad_tool_arguments",
  run: ({ facts }) => {
    const told = new Set<string>();
    return facts.flatMap((fact): Finding[] => {
      const calls =
        fact.tool === undefined ? (fact.type === "generation" ? fact.answer?.calls : undefined) : [fact.tool];
      const bad = (calls ?? []).filter(({ isBad, id }) => isBad && (id === undefined || !told.has(id)));
      if (bad.length === 0) return [];
      for (const { id } of bad) if (id !== undefined) told.add(id);
      const names = [...new Set(bad.map(({ name }) => name))].join(", ");
      const where = fact.tool === undefined ? ` in ${nameOf(fact)}` : "";
      return [
        {
          severity: "warning",
          spanId: fact.spanId,
          message: `The model called ${names} with arguments that are no JSON${where}.`,
          nextStep:
            "Catch the parse error and submit it as the tool's output, so that the model can correct itself; strict functions avoid it.",
          evidence: evidence({ tools: bad.map(({ name }) => name), callIds: bad.map(({ id }) => id ?? null) }),
        },
      ];
    });
  },
};
