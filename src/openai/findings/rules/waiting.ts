/** Runs that wait, are waited for, or were waited for too long. */
import type { Facts } from "../facts.ts";
import { duration, evidence, type Finding, observedMs, plural, type Rule, type Scope, subjectOf } from "../finding.ts";

const TERMINAL = new Set(["completed", "incomplete", "failed", "cancelled", "expired"]);

/** The state of a run, or of a response in the background. */
export function stateOf({ openai, responseStatus }: Facts): string | undefined {
  return openai.runStatus ?? responseStatus;
}

export function isTerminal(status: string): boolean {
  return TERMINAL.has(status);
}

/** Milliseconds from the creation of a run to when it was last seen; where the wire was seen, on our clock. */
function ageOf(fact: Facts, scope: Scope): number {
  return observedMs(fact, scope) - fact.startMs;
}

export const stuckInRequiresAction: Rule = {
  name: "stuck_in_requires_action",
  run: (scope) =>
    scope.runs.flatMap(({ agent, tools }): Finding[] => {
      if (agent.openai.runStatus !== "requires_action") return [];
      const { stuckAfterMs, expiryMarginMs } = scope.options;
      const { runId, expiresAt, pendingToolCalls } = agent.openai;
      const waitedMs = ageOf(agent, scope);
      const leftMs = expiresAt === undefined ? undefined : expiresAt * 1000 - observedMs(agent, scope);
      const isLate = leftMs !== undefined && leftMs < expiryMarginMs;
      // A run that is all there is of its trace was recorded from data: nobody has left it yet.
      const isLeft = scope.isOver && agent.parentSpanId !== undefined;
      if (!isLate && !isLeft && waitedMs <= stuckAfterMs) return [];
      const open = tools.filter(({ tool }) => tool !== undefined && !tool.hasOutput && tool.type === "function");
      const calls = pendingToolCalls ?? open.map(({ tool }) => ({ id: tool!.id, name: tool!.name }));
      const names = calls.map(({ id, name }) => (id === undefined ? name : `${name} (${id})`)).join(", ");
      const since = `${duration(waitedMs)} after its creation${isLeft ? ", when its trace ended" : ""}`;
      const expiry = isLate ? `, with ${leftMs > 0 ? duration(leftMs) : "no time"} left before it expires` : "";
      return [
        {
          severity: isLate ? "error" : "warning",
          spanId: agent.spanId,
          message: `Run ${runId} was still in requires_action ${since}${expiry}; it waits for the outputs of ${names || "its tool calls"}.`,
          nextStep:
            "Submit an output for every pending call in one submitToolOutputs request, an error text for what failed, or cancel the run.",
          evidence: evidence({ runId, waitedMs, leftMs, pending: calls.map((call) => evidence(call)) }),
        },
      ];
    }),
};

interface Polling {
  readonly status: string;
  readonly ageMs: number;
  readonly isOpen: boolean;
  readonly isHot: boolean;
}

/** What is wrong with how a run or response was asked for; `undefined` when nothing is. */
export function endlessPollingOf(fact: Facts, scope: Scope): Polling | undefined {
  const status = stateOf(fact);
  if (status === undefined || (fact.type !== "agent" && fact.http?.polls === undefined)) return undefined;
  const { maxPolls, maxPollsPerSecond, pollingAfterMs } = scope.options;
  const { count = 0, maxPerSecond = 0 } = fact.http?.polls ?? {};
  const ageMs = ageOf(fact, scope);
  const isOpen = !isTerminal(status);
  const isHot = maxPerSecond > maxPollsPerSecond;
  // What waits for the program, for its end, or for outputs has rules of its own.
  const isOld = isOpen && ageMs > pollingAfterMs && status !== "requires_action" && status !== "cancelling";
  // A response in the background has no time to live, and what has completed was worth waiting for.
  const isMuch = count > maxPolls && fact.openai.runId !== undefined && status !== "completed";
  return isHot || isOld || isMuch ? { status, ageMs, isOpen, isHot } : undefined;
}

export const endlessPolling: Rule = {
  name: "endless_polling",
  run: (scope) =>
    scope.facts.flatMap((fact): Finding[] => {
      const polling = endlessPollingOf(fact, scope);
      if (polling === undefined) return [];
      const { status, ageMs, isOpen, isHot } = polling;
      const { count: polls = 0, maxPerSecond = 0 } = fact.http?.polls ?? {};
      const asked = polls > 0 ? ` and was asked for ${plural(polls, "time")}` : "";
      const rate = isHot ? `, up to ${plural(maxPerSecond, "time")} a second` : "";
      return [
        {
          severity: isHot || isOpen ? "error" : "warning",
          spanId: fact.spanId,
          message: `${subjectOf(fact)} was ${isOpen ? "still " : ""}${status} after ${duration(isOpen ? ageMs : fact.endMs - fact.startMs)}${asked}${rate}.`,
          nextStep: (fact.openai.runId === undefined ? RESPONSE_STEPS : RUN_STEPS)[isHot ? "hot" : "long"],
          evidence: evidence({ status, ageMs, polls, maxPerSecond }),
        },
      ];
    }),
};

const RUN_STEPS = {
  hot: "Wait between polls (pollIntervalMs), and stop at any status that your loop does not know: the SDK polls those without a pause.",
  long: "Give the polling loop a deadline of its own and cancel the run then: createAndPoll and poll never time out by themselves.",
} as const;

const RESPONSE_STEPS = {
  hot: "Wait a second or more between two retrievals of the response, and stop at any status that your loop does not know.",
  long: "Give the loop that retrieves the response a deadline of its own and cancel the response then, or take a webhook instead.",
} as const;

/** A run lives ten minutes at most: it expires then, and is cancelled within them. */
const LONGEST_RUN_MS = 600_000;

/** ` after 10 min`, or nothing: the record of an expired run may end when it was read, a long time after. */
function lifetime({ openai, endMs }: Facts): string {
  const { createdAt, expiresAt } = openai;
  if (createdAt === undefined) return "";
  const ms = (expiresAt === undefined ? endMs : expiresAt * 1000) - createdAt * 1000;
  const isSure = expiresAt !== undefined || ms <= LONGEST_RUN_MS + POLL_SLACK_MS;
  return isSure && ms > 0 ? ` after ${duration(ms)}` : "";
}

/** From the end of a run to the poll that sees it, at most. */
const POLL_SLACK_MS = 60_000;

export const runExpired: Rule = {
  name: "run_expired",
  run: (scope) =>
    scope.runs.flatMap(({ agent }): Finding[] => {
      const { runId, runStatus, expiresAt, pendingToolCalls } = agent.openai;
      if (runStatus === undefined || (runStatus !== "expired" && isTerminal(runStatus))) return [];
      const isPast = expiresAt !== undefined && observedMs(agent, scope) >= expiresAt * 1000;
      if (runStatus !== "expired" && !isPast) return [];
      const waiting = pendingToolCalls?.map(({ name }) => name).join(", ");
      return [
        {
          severity: "error",
          spanId: agent.spanId,
          message:
            runStatus === "expired"
              ? `Run ${runId} expired${lifetime(agent)} without an answer.`
              : `Run ${runId} was last seen in ${runStatus}, and its time to expire has passed.`,
          nextStep:
            "Start a new run and submit tool outputs sooner: a run lives 10 minutes, the time in requires_action included.",
          evidence: evidence({ runId, status: runStatus, expiresAt, waiting }),
        },
      ];
    }),
};

export const cancellingStuck: Rule = {
  name: "cancelling_stuck",
  run: (scope) =>
    scope.runs.flatMap(({ agent }): Finding[] => {
      const { runId, runStatus, cancellingSince } = agent.openai;
      if (runStatus !== "cancelling") return [];
      const { cancellingAfterMs } = scope.options;
      const longestMs = ageOf(agent, scope) - LONGEST_RUN_MS;
      const knownMs = cancellingSince === undefined ? longestMs : observedMs(agent, scope) - cancellingSince * 1000;
      const forMs = Math.max(knownMs, longestMs);
      if (forMs <= cancellingAfterMs) return [];
      return [
        {
          severity: "warning",
          spanId: agent.spanId,
          message: `Run ${runId} has been cancelling for ${forMs > knownMs || cancellingSince === undefined ? "more than " : ""}${duration(forMs)}.`,
          nextStep:
            "Use a new thread or wait: the run ends as cancelled or expired within 10 minutes of its creation, and blocks its thread until then.",
          evidence: evidence({ runId, cancellingForMs: forMs, cancellingSince }),
        },
      ];
    }),
};

export const queueDelay: Rule = {
  name: "queue_delay",
  run: (scope) =>
    scope.runs.flatMap(({ agent, calls, tools }): Finding[] => {
      const { runId, createdAt, startedAt } = agent.openai;
      if (createdAt === undefined || startedAt === undefined) return [];
      const children = [...calls, ...tools].filter(({ openai }) => openai.runStepId !== undefined);
      // started_at is rewritten after tool outputs: without steps or polls nothing says that this is the first.
      if (agent.hasFunctions && children.length === 0 && agent.http?.polls === undefined) return [];
      const startedMs = Math.min(startedAt * 1000, ...children.map(({ startMs }) => startMs));
      const delayMs = startedMs - createdAt * 1000;
      if (delayMs <= scope.options.queueAfterMs) return [];
      return [
        {
          severity: "info",
          spanId: agent.spanId,
          message: `Run ${runId} was queued for ${duration(delayMs)} before it started.`,
          nextStep: "Look at the provider's status and at your rate limits: queued time is not the model's.",
          evidence: evidence({ runId, delayMs, createdAt, startedAt }),
        },
      ];
    }),
};
