/** Requests that were refused, and requests that were repeated. */
import type { Facts, HttpFacts } from "../facts.ts";
import { duration, evidence, type Finding, plural, type Rule, type Scope } from "../finding.ts";
import { origins } from "./endings.ts";

function statusOf({ error, http }: Facts): number | undefined {
  return error?.status ?? http?.status;
}

const ACTIVE = [/already has an active run (run_\w+)/, /while a run (run_\w+) is active/];

export const activeRunConflict: Rule = {
  name: "active_run_conflict",
  run: ({ facts, history, runs }) =>
    origins(facts).flatMap((fact): Finding[] => {
      const { message } = fact.error!;
      const runId = ACTIVE.map((pattern) => pattern.exec(message)?.[1]).find((id) => id !== undefined);
      if (runId === undefined) return [];
      const blocking =
        runs.find(({ agent }) => agent.openai.runId === runId)?.agent ??
        history.findLast(({ openai, type }) => type === "agent" && openai.runId === runId);
      const status = blocking?.openai.runStatus;
      const what = status === undefined ? "" : `, last seen in ${status}`;
      return [
        {
          severity: "error",
          spanId: fact.spanId,
          message: `The request was refused because run ${runId} is active in its thread${what}.`,
          nextStep: mayHaveBegun(fact)
            ? "Take this run for yours: an earlier attempt of the same call began it, and its answer was lost."
            : status === "requires_action"
              ? "Submit the outputs that the blocking run waits for (stuck_in_requires_action), or cancel it, before the thread is used again."
              : "Wait for the blocking run to end or cancel it, and let one request at a time use a thread.",
          evidence: evidence({ blockingRunId: runId, blockingStatus: status, blockingSpanId: blocking?.spanId }),
        },
      ];
    }),
};

/** An attempt that got no answer, or one of a server that had broken, may have begun the run; a refused one has not. */
function mayHaveBegun({ http }: Facts): boolean {
  return http?.method === "POST" && BEGINS.test(http.route) && hasLostAnswer(http);
}

/** Requests that begin a run. */
const BEGINS = /\/threads(?:\/[^/]+)?\/runs$/;

/** Of the attempts before the last. */
function hasLostAnswer({ attempts }: HttpFacts): boolean {
  return attempts.slice(0, -1).some(({ status }) => status === undefined || status >= 500);
}

const LATE = /Runs in status "(\w+)" do not accept tool outputs/;
const PARTIAL = /Expected tool outputs for call_ids \[([^\]]*)\], got \[([^\]]*)\]/;

export const lateOrPartialSubmit: Rule = {
  name: "late_or_partial_submit",
  run: ({ facts }) =>
    origins(facts).flatMap((fact): Finding[] => {
      const { message } = fact.error!;
      const late = LATE.exec(message);
      const partial = PARTIAL.exec(message);
      if (late === null && partial === null) return [];
      const [expected, got] = [idsIn(partial?.[1]), idsIn(partial?.[2])];
      const missing = expected.filter((id) => !got.includes(id));
      return [
        {
          severity: "error",
          spanId: fact.spanId,
          message:
            late === null
              ? `Outputs were submitted for ${got.length} of ${plural(expected.length, "tool call")}; missing: ${missing.join(", ")}.`
              : `Tool outputs were submitted to a run that was ${late[1]} and takes none.`,
          nextStep:
            late === null
              ? "Submit the outputs of all pending calls in one request, an error text for those that failed."
              : "Submit within the 10 minutes that a run lives and only once; retrieve the run to see how it ended.",
          evidence: evidence({ runStatus: late?.[1], expected: partial && expected, got: partial && got }),
        },
      ];
    }),
};

/** The ids of `'call_A', 'call_B'`. */
function idsIn(list = ""): string[] {
  return list.split(",").flatMap((id) => id.trim().replace(/^['"]|['"]$/g, "") || []);
}

const MINUTE_MS = 60_000;

export const retryStorm: Rule = {
  name: "retry_storm",
  run: (scope) => {
    const rate = limitedAMinute(scope);
    return scope.facts.flatMap((fact): Finding[] => {
      const { http } = fact;
      if (http === undefined) return [];
      const retries = Math.max(0, http.attempts.length - 1);
      const isStorm = retries >= scope.options.maxRetries && retries > 0;
      const perMinute = fact === rate?.fact ? rate.count : 0;
      const twin = duplicateRun(fact, scope);
      const isEmpty = http.remainingTokens === 0 && (http.limitTokens ?? 0) > 0;
      if (!isStorm && perMinute === 0 && twin === undefined && !isEmpty) return [];
      const isLimited = isEmpty || perMinute > 0 || http.attempts.some(({ status }) => status === 429);
      const said = [
        isStorm && `the call was tried ${plural(retries + 1, "time")} (${outcomes(http)})`,
        perMinute > 0 && `${perMinute} requests to ${http.host || "this host"} were answered with 429 within a minute`,
        twin && `a retried call began run ${fact.openai.runId} beside run ${twin.openai.runId} in one thread`,
        isEmpty && "no tokens were left of the rate limit",
      ].filter((part) => typeof part === "string");
      return [
        {
          severity: isStorm || perMinute > 0 || twin ? "warning" : "info",
          spanId: fact.spanId,
          message: `"${fact.name}" ${isLimited ? "ran into limits" : "did not get through"}: ${said.join("; ")}.`,
          nextStep: twin
            ? "Cancel the run that nobody waits for, and look for the active run of a thread before one is begun again."
            : isLimited
              ? "Spread the requests, send fewer at once or raise the limit: every retry counts against it too."
              : "Look at the connection and at the provider's status; each retry makes the caller wait longer.",
          evidence: evidence({
            retries,
            statuses: http.attempts.map(({ status }) => status ?? null),
            waitedMs: http.attempts.reduce((sum, { waitMs }) => sum + waitMs, 0),
            perMinute: perMinute || undefined,
            remainingTokens: http.remainingTokens,
            otherRunId: twin?.openai.runId,
          }),
        },
      ];
    });
  },
};

function outcomes({ attempts, status }: HttpFacts): string {
  const statuses = attempts.map((attempt) => attempt.status ?? "no answer");
  const waited = attempts.reduce((sum, { waitMs }) => sum + waitMs, 0);
  return `${(statuses.length > 0 ? statuses : [status]).slice(0, 10).join(", ")}; waited ${duration(waited)}`;
}

/** The most answers of status 429 in a minute that ends in this trace, and the span of the last of them. */
function limitedAMinute({ facts, history, options }: Scope): { fact: Facts; count: number } | undefined {
  const own = new Set(facts.filter((fact) => limitTimes(fact).length > 0));
  if (own.size === 0) return undefined;
  const hosts = [...new Set([...own].map(({ http }) => http!.host))];
  return hosts
    .map((host) =>
      mostAMinute(
        history.filter(({ http }) => http?.host === host),
        own,
        options,
      ),
    )
    .reduce((a, b) => (b === undefined || (a !== undefined && a.count > b.count) ? a : b), undefined);
}

/** Each host has limits of its own. */
function mostAMinute(
  history: readonly Facts[],
  own: ReadonlySet<Facts>,
  options: Scope["options"],
): { fact: Facts; count: number } | undefined {
  const limited = history
    .flatMap((fact) => limitTimes(fact).map((time) => ({ fact, time })))
    .sort((a, b) => a.time - b.time);
  let most: { fact: Facts; count: number } | undefined;
  let first = 0;
  for (const [i, { fact, time }] of limited.entries()) {
    while (limited[first]!.time < time - MINUTE_MS) first++;
    const count = i - first + 1;
    if (count >= options.maxRateLimitsPerMinute && own.has(fact) && count >= (most?.count ?? 0)) most = { fact, count };
  }
  return most;
}

function limitTimes({ http, startMs }: Facts): number[] {
  if (http === undefined) return [];
  if (http.attempts.length === 0) return http.status === 429 ? [startMs] : [];
  const times: number[] = [];
  let time = startMs;
  for (const { status, durationMs, waitMs } of http.attempts) {
    time += waitMs;
    if (status === 429) times.push(time);
    time += durationMs;
  }
  return times;
}

/** The run that an attempt began whose answer never came. */
function duplicateRun(fact: Facts, { history, options }: Scope): Facts | undefined {
  const { runId, threadId, createdAt } = fact.openai;
  if (fact.type !== "agent" || threadId === undefined || createdAt === undefined) return undefined;
  if (fact.http === undefined || !hasLostAnswer(fact.http)) return undefined;
  return history.find(
    ({ type, openai }) =>
      type === "agent" &&
      openai.threadId === threadId &&
      openai.runId !== runId &&
      Math.abs((openai.createdAt ?? Number.NaN) - createdAt) * 1000 <= options.duplicateRunWithinMs,
  );
}

/** 2026-08-26, when the Assistants API was switched off at OpenAI and Azure. */
const SUNSET_MS = Date.UTC(2026, 7, 26);
const GONE = /^\/?(?:v1\/|openai\/)*(?:assistants|threads)\b/;
const HOSTS = /^(?:api\.openai\.com|[\w-]+\.openai\.azure\.com)$/;

export const apiGone: Rule = {
  name: "api_gone",
  run: ({ facts }) =>
    facts.flatMap((fact): Finding[] => {
      const { http, error } = fact;
      if (statusOf(fact) !== 404) return [];
      const isRoute = http !== undefined && HOSTS.test(http.host) && GONE.test(http.route);
      // An id that does not exist was answered so while the API was there.
      const isSince = fact.startMs >= SUNSET_MS || !/^(?:\d+ )?No .* found/.test(error?.message ?? "");
      const isUnknownPath = http === undefined && /\/v1\/(?:assistants|threads)\b/.test(error?.message ?? "");
      if (!(isRoute && isSince) && !isUnknownPath) return [];
      return [
        {
          severity: "error",
          spanId: fact.spanId,
          message: `${http === undefined ? "The Assistants API" : `${http.method} ${http.route}`} was answered with 404${http === undefined ? "" : ` by ${http.host}`}: the Assistants API was switched off on 2026-08-26.`,
          nextStep:
            "Move to the Responses API (assistants become prompts, threads conversations, runs responses), or to a host that still has the API.",
          evidence: evidence({ host: http?.host, route: http?.route, status: 404 }),
        },
      ];
    }),
};
