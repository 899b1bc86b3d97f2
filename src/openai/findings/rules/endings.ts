/** How runs, responses and completions ended. */
import type { Facts, Tokens } from "../facts.ts";
import { evidence, type Finding, nameOf, plural, type Rule, type Scope, subjectOf } from "../finding.ts";
import { stateOf } from "./waiting.ts";

/** Runs, and model calls that are part of none: the chat spans of a run only repeat how it ended. */
function answersOf({ facts, runs }: Scope): readonly Facts[] {
  const known = new Set<string | undefined>(runs.map(({ agent }) => agent.openai.runId));
  return facts.filter(({ type, openai: { runId } }) => type === (known.has(runId) ? "agent" : "generation"));
}

/** Of a run, what its model calls carry. */
function tokensOf(fact: Facts, { runs }: Scope, count: (usage: Tokens) => number | undefined): number {
  const calls = runs.find(({ agent }) => agent === fact)?.calls ?? [];
  const spans = calls.some(({ usage }) => usage !== undefined) ? calls : [fact];
  return spans.reduce((sum, { usage }) => sum + ((usage && count(usage)) ?? 0), 0);
}

export const incompleteTokenCap: Rule = {
  name: "incomplete_token_cap",
  run: (scope) =>
    answersOf(scope).flatMap((fact): Finding[] => {
      const { incompleteReason: reason } = fact.openai;
      const isIncomplete = stateOf(fact) === "incomplete" && (reason === undefined || /^max_\w*tokens$/.test(reason));
      const isCut = stateOf(fact) === undefined && fact.finishReasons.includes("length");
      if (!isIncomplete && !isCut) return [];
      const caps = Object.entries(fact.caps).map(([name, value]) => `${name} ${value}`);
      const tokens = tokensOf(fact, scope, ({ output }) => output);
      const output = tokens === 0 ? "" : ` after ${plural(tokens, "token")} of output`;
      const isPrompt = reason === "max_prompt_tokens";
      return [
        {
          severity: "warning",
          spanId: fact.spanId,
          message: `${subjectOf(fact)} stopped at a token limit (${[reason ?? (isCut ? "finish_reason length" : "no reason given"), ...caps].join(", ")})${output}: its answer is not whole.`,
          nextStep: isPrompt
            ? "Raise max_prompt_tokens, or send less: the limit counts all steps of the run, with the thread and the tool results."
            : "Raise the limit on output tokens (reasoning counts towards it) or ask for less, and check for this ending before the answer is used.",
          evidence: evidence({
            reason,
            finishReasons: [...fact.finishReasons],
            outputTokens: tokens || undefined,
            caps: fact.caps,
          }),
        },
      ];
    }),
};

const QUOTA = /exceeded your current quota|insufficient_quota/i;

export const rateLimitedInRun: Rule = {
  name: "rate_limited_in_run",
  run: (scope) => [...answersOf(scope).flatMap(limitedInside), ...origins(scope.facts).flatMap(outOfQuota)],
};

/** Inside an answer of status 200: no header says so. */
function limitedInside(fact: Facts): Finding[] {
  const { errorCode, errorMessage = "" } = fact.openai;
  if (stateOf(fact) !== "failed") return [];
  if (errorCode !== "rate_limit_exceeded" && errorCode !== "insufficient_quota") return [];
  const isQuota = errorCode === "insufficient_quota" || QUOTA.test(errorMessage);
  return [limited(fact, isQuota, evidence({ quota: isQuota, errorCode, errorMessage }))];
}

/** A refused request: of its kinds, the one that no waiting helps against. */
function outOfQuota(fact: Facts): Finding[] {
  const { error } = fact;
  if (error === undefined || (error.status ?? fact.http?.status) !== 429) return [];
  if (error.code !== "insufficient_quota" && !QUOTA.test(error.message)) return [];
  return [limited(fact, true, evidence({ quota: true, status: 429, code: error.code, errorMessage: error.message }))];
}

function limited(fact: Facts, isQuota: boolean, seen: Finding["evidence"]): Finding {
  return {
    severity: "error",
    spanId: fact.spanId,
    message: isQuota
      ? `${subjectOf(fact)} failed because the account's quota is used up.`
      : `${subjectOf(fact)} failed on a rate limit inside the run, though its requests were answered with status 200.`,
    nextStep: isQuota
      ? "Add credit or raise the budget of the project; trying again cannot help."
      : "Start the run again after a pause that grows, and send fewer tokens a minute: the SDK's own retries do not see this failure.",
    evidence: seen,
  };
}

/** Failed spans, each error where it arose: the spans that it passed on its way up say the same. */
export function origins(facts: readonly Facts[]): readonly Facts[] {
  const below = new Set(facts.map(({ parentSpanId, error }) => error && `${parentSpanId} ${error.message}`));
  return facts.filter(({ spanId, error }) => error !== undefined && !below.has(`${spanId} ${error.message}`));
}

export const billedFailure: Rule = {
  name: "billed_failure",
  run: (scope) =>
    answersOf(scope).flatMap((fact): Finding[] => {
      const tokens = tokensOf(fact, scope, ({ total }) => total);
      if (stateOf(fact) !== "failed" || tokens === 0) return [];
      const { errorCode = "an unknown error", errorMessage } = fact.openai;
      return [
        {
          severity: "error",
          spanId: fact.spanId,
          message: `${subjectOf(fact)} failed with ${errorCode} after it had used ${plural(tokens, "token")}, which are billed.`,
          nextStep: "Count these tokens as lost, and try again only where the answer is still worth them.",
          evidence: evidence({ errorCode, errorMessage, wastedTokens: tokens }),
        },
      ];
    }),
};

export const completedWithoutAnswer: Rule = {
  name: "completed_without_answer",
  run: (scope) =>
    answersOf(scope).flatMap((fact): Finding[] => {
      const { openai, answer, responseStatus, finishReasons } = fact;
      const isRun = openai.runStatus !== undefined;
      const isDone = isRun
        ? openai.runStatus === "completed"
        : responseStatus === undefined
          ? finishReasons.includes("stop")
          : responseStatus === "completed";
      if (!isDone || fact.isUnfinished) return [];
      const isMissing = isRun && answer === undefined && knowsMessages(fact);
      const isEmpty = answer !== undefined && answer.textChars + answer.others + answer.calls.length === 0;
      if (!isMissing && !isEmpty) return [];
      const what = isMissing ? "no message" : answer!.refusals > 0 ? "nothing but a refusal" : "no text";
      return [
        {
          severity: "warning",
          spanId: fact.spanId,
          message: `${subjectOf(fact)} completed with ${what} as its answer.`,
          nextStep: isRun
            ? "List the messages with run_id and check that one of them has content before it is used."
            : "Check the answer for content and for a refusal before it is used.",
          evidence: evidence({
            messages: isMissing ? 0 : undefined,
            refusals: answer?.refusals,
            outputTokens: fact.usage?.output,
          }),
        },
      ];
    }),
};

/** The messages of the run were read, all of them: otherwise its record says what is missing. Without any, none are recorded. */
function knowsMessages({ openai, asked }: Facts): boolean {
  return openai.apiType === "assistants" && asked > 0 && !openai.missing?.includes("messages");
}

export const staleAnswerRead: Rule = {
  name: "stale_answer_read",
  run: (scope) =>
    scope.runs.flatMap(({ agent }): Finding[] => {
      const { runId, runStatus = "unknown", threadId } = agent.openai;
      const { asked, lastRole = "unknown" } = agent;
      // Who cancels a run does not wait for its answer.
      if (agent.isUnfinished || runStatus === "cancelled") return [];
      if (agent.answer !== undefined || !knowsMessages(agent)) return [];
      return [
        {
          severity: "info",
          spanId: agent.spanId,
          message: `None of the messages that were read is of run ${runId} (${runStatus}): the newest one, of role ${lastRole}, is from before it.`,
          nextStep: "Take an answer only from messages whose run_id is the run's: messages.list(threadId, { run_id }).",
          evidence: evidence({ runId, threadId, status: runStatus, messages: asked, newestRole: lastRole }),
        },
      ];
    }),
};

export const contentFilterOrRefusal: Rule = {
  name: "content_filter_or_refusal",
  run: (scope) => [
    ...origins(scope.facts).flatMap(refusedPrompt),
    ...answersOf(scope).flatMap((fact): Finding[] => {
      const { openai, answer, finishReasons } = fact;
      const reasons = [openai.incompleteReason, openai.errorCode, ...finishReasons, ...(answer?.finishReasons ?? [])];
      const isFiltered = reasons.includes("content_filter");
      const refusals = answer?.refusals ?? 0;
      if (!isFiltered && refusals === 0) return [];
      return [
        {
          severity: "warning",
          spanId: fact.spanId,
          message: isFiltered
            ? `The content filter stopped the answer of ${nameOf(fact)}.`
            : `${subjectOf(fact)} was answered with a refusal.`,
          nextStep: "Tell the user so, and do not parse what there is as an answer; look at the input that led to it.",
          evidence: evidence({ filtered: isFiltered, refusals }),
        },
      ];
    }),
  ],
};

/** Azure's filter of prompts, OpenAI's of prompts for images (the older models and gpt-image). */
const PROMPT_CODES = new Set<string | undefined>(["content_filter", "content_policy_violation", "moderation_blocked"]);

/** A request that was not answered at all. */
function refusedPrompt(fact: Facts): Finding[] {
  const { code, status = fact.http?.status } = fact.error!;
  if (status !== 400 || !PROMPT_CODES.has(code)) return [];
  return [
    {
      severity: "warning",
      spanId: fact.spanId,
      message: `The content filter refused the prompt of ${nameOf(fact)} with status 400 (${code}).`,
      nextStep: "Tell the user so, and look at the input that led to it: the same prompt is refused again.",
      evidence: evidence({ filtered: true, status, code }),
    },
  ];
}
