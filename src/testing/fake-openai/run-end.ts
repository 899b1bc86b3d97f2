import type { Wire } from "./http.ts";
import type { Emit, LiveRun } from "./run.ts";
import type { RunEnding } from "./run-plan.ts";
import { FAILURE, sumUsage } from "./steps.ts";

/** What the status of a run is when it ends so, unless it is the ending's own name. */
const STATUS: Partial<Record<RunEnding, string>> = {
  rate_limited: "failed",
  quota: "failed",
  incomplete_prompt: "incomplete",
};

/** Ends a run. Only runs that expired or were cancelled have no usage; a step that was open ends as its run does. */
export function finish(live: LiveRun, ending: RunEnding, emit: Emit): void {
  const { run, steps } = live;
  const status = STATUS[ending] ?? ending;
  const now = live.now();
  for (const step of steps.filter((step) => step.status === "in_progress")) {
    Object.assign(step, { status, expires_at: null, cancelled_at: status === "cancelled" ? now : null });
    emit(`thread.run.step.${status}`, step);
  }
  const limit = ending === "incomplete_prompt" ? "max_prompt_tokens" : "max_completion_tokens";
  Object.assign(run, {
    status,
    expires_at: null,
    required_action: null,
    completed_at: status === "completed" || status === "incomplete" ? now : null,
    failed_at: status === "failed" ? now : null,
    cancelled_at: status === "cancelled" ? now : null,
    last_error: status === "failed" ? lastError(ending, run.model) : null,
    incomplete_details: status === "incomplete" ? { reason: limit } : null,
    usage: status === "cancelled" || status === "expired" ? null : sumUsage(steps),
  });
  emit(`thread.run.${status}`, run);
}

function lastError(ending: RunEnding, model: string): Wire {
  if (ending === "failed") return FAILURE;
  const code = "rate_limit_exceeded";
  if (ending === "quota") {
    const message = "You exceeded your current quota, please check your plan and billing details.";
    return { code, message };
  }
  const limits = "Limit 30000, Used 29900, Requested 1469. Please try again in 2.738s.";
  return {
    code,
    message: `Rate limit reached for ${model} in organization org-fake on tokens per min (TPM): ${limits}`,
  };
}
