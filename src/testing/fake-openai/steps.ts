import type { Wire, World } from "./http.ts";
import type { Emit, LiveRun } from "./run.ts";
import { plainText, reasoningTokens, tokens } from "./text.ts";

/** Steps are contiguous: each begins when the one before it ended. */
export function openStep(world: World, { run, steps }: LiveRun, type: string, step_details: Wire, emit: Emit): Wire {
  const step: Wire = {
    id: world.id("step_"),
    object: "thread.run.step",
    created_at: steps.at(-1)?.completed_at ?? run.started_at,
    run_id: run.id,
    assistant_id: run.assistant_id,
    thread_id: run.thread_id,
    type,
    status: "in_progress",
    cancelled_at: null,
    completed_at: null,
    expires_at: run.expires_at,
    failed_at: null,
    last_error: null,
    step_details,
    usage: null,
  };
  steps.push(step);
  emit("thread.run.step.created", step);
  emit("thread.run.step.in_progress", step);
  return step;
}

export const FAILURE: Wire = { code: "server_error", message: "Sorry, something went wrong." };

/** Ends a step with its usage: everything before it was its prompt. */
export function closeStep(
  { run, steps, state, plan, now }: LiveRun,
  step: Wire,
  status: "completed" | "failed",
  completion: number,
  emit: Emit,
): void {
  const index = steps.indexOf(step);
  const earlier = steps.slice(0, index);
  const history = state.messages.filter((message) => message.run_id !== run.id);
  const seen =
    tokens(run.instructions, run.tools, ...history.map(({ content }) => plainText(content))) +
    tokens(...earlier.map(({ step_details }) => step_details));
  const reasoning_tokens = reasoningTokens(run.model);
  const [prompt_tokens, completion_tokens] = plan.stepUsage?.[index] ?? [seen, completion + reasoning_tokens];
  Object.assign(step, {
    status,
    [`${status}_at`]: now(),
    expires_at: null,
    last_error: status === "failed" ? FAILURE : null,
    usage: {
      prompt_tokens,
      completion_tokens,
      total_tokens: prompt_tokens + completion_tokens,
      prompt_token_details: { cached_tokens: Math.min(earlier.at(-1)?.usage?.prompt_tokens ?? 0, prompt_tokens) },
      completion_tokens_details: { reasoning_tokens },
    },
  });
  emit(`thread.run.step.${status}`, step);
}

/** A run's usage is the sum over its steps. */
export function sumUsage(steps: readonly Wire[]): Wire {
  const sum = (read: (usage: Wire) => number) => steps.reduce((total, { usage }) => total + read(usage), 0);
  return {
    prompt_tokens: sum((usage) => usage.prompt_tokens),
    completion_tokens: sum((usage) => usage.completion_tokens),
    total_tokens: sum((usage) => usage.total_tokens),
    prompt_token_details: { cached_tokens: sum((usage) => usage.prompt_token_details.cached_tokens) },
    completion_tokens_details: { reasoning_tokens: sum((usage) => usage.completion_tokens_details.reasoning_tokens) },
  };
}
