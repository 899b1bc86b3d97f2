/** Tool calls: what goes into them, what comes back. */
import type { Facts } from "../facts.ts";
import { evidence, type Finding, nameOf, plural, type Rule, type RunFacts, type Scope } from "../finding.ts";

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
