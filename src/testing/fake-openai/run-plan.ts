import type { PlannedCall } from "./answer.ts";
import type { Wire } from "./http.ts";

/**
 * How runs end.
 *
 * - `completed`
 * - `incomplete`: cut at half of the answer, as by `max_completion_tokens`; `incomplete_prompt`: `max_prompt_tokens`
 * - `failed`: `server_error` while it answers, with its tokens billed
 * - `rate_limited`, `quota`: `rate_limit_exceeded` before the first step, with a usage of zeros
 * - `expired`, `cancelled`: with a usage of null
 * - `requires_action`: asks for tool outputs again after every submission, so it needs a function tool
 * - `queued`, `in_progress`, `cancelling`, and `paused`, which no client knows: the status stays for ever
 */
export type RunEnding =
  | "completed"
  | "incomplete"
  | "incomplete_prompt"
  | "failed"
  | "rate_limited"
  | "quota"
  | "expired"
  | "cancelled"
  | "requires_action"
  | "queued"
  | "in_progress"
  | "cancelling"
  | "paused";

/** How a run goes, in more detail than its ending. */
export interface RunPlan {
  /** Default: `completed`. */
  readonly ending?: RunEnding;
  /** Its messages, each a text or content parts as the API has them; `[]` for none. Default: one, the `answer`. */
  readonly messages?: readonly (string | readonly Wire[])[];
  /** Rounds of function calls; it waits for outputs after each. Default: each function tool of the run, once. */
  readonly calls?: readonly (readonly PlannedCall[])[];
  /** Prompt and completion tokens of its steps, in their order. Default: a token for four characters. */
  readonly stepUsage?: readonly (readonly [prompt: number, completion: number])[];
  /** `outputs` of code interpreter calls. Default: `[]`, as is usual on the wire. */
  readonly codeOutputs?: readonly Wire[];
  /** Seconds between `created_at` and the first `started_at`; all later times are as much later. Default: 0. */
  readonly queuedS?: number;
}

export function runPlanOf(plan: RunEnding | RunPlan): RunPlan {
  return typeof plan === "string" ? { ending: plan } : plan;
}
