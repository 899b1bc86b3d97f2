import type { SentEvent, Wire, World } from "./http.ts";
import { answerSteps } from "./run-answer.ts";
import { functionCalls, serverTools } from "./run-calls.ts";
import { finish } from "./run-end.ts";
import type { RunPlan } from "./run-plan.ts";
import { closeStep } from "./steps.ts";
import type { ThreadState } from "./store.ts";
import { tokens } from "./text.ts";

/** What a run does next; one of these for each poll. */
type Phase = "start" | "server tools" | "functions" | "answer";

export interface LiveRun {
  readonly run: Wire;
  readonly steps: Wire[];
  readonly state: ThreadState;
  readonly plan: RunPlan;
  /** How many rounds of function calls there have been. */
  rounds: number;
  /** The present, in seconds: the world's, later by what the run has waited in the queue. */
  now: () => number;
  phases: Phase[];
}

/** Where the events of a streamed run go. */
export type Emit = (event: string, data: Wire) => void;

/** A run lives for ten minutes. */
const LIFETIME_S = 600;

export function isLive(status: string): boolean {
  return !["completed", "incomplete", "failed", "cancelled", "expired"].includes(status);
}

/** Collects events; the data is copied, as the run goes on changing. */
export function collector(): { events: SentEvent[]; emit: Emit } {
  const events: SentEvent[] = [];
  return { events, emit: (event, data) => void events.push({ event, data: structuredClone(data) }) };
}

export function newRun(world: World, state: ThreadState, assistant: Wire, body: Wire, plan: RunPlan): LiveRun {
  const created_at = world.now();
  const run: Wire = {
    id: world.id("run_"),
    object: "thread.run",
    created_at,
    assistant_id: assistant.id,
    thread_id: state.thread.id,
    status: "queued",
    started_at: null,
    expires_at: created_at + LIFETIME_S,
    cancelled_at: null,
    failed_at: null,
    completed_at: null,
    required_action: null,
    last_error: null,
    model: body.model ?? assistant.model,
    instructions: [body.instructions ?? assistant.instructions, body.additional_instructions]
      .filter(Boolean)
      .join("\n"),
    tools: body.tools ?? assistant.tools,
    tool_resources: assistant.tool_resources,
    metadata: body.metadata ?? {},
    temperature: body.temperature ?? assistant.temperature,
    top_p: body.top_p ?? assistant.top_p,
    reasoning_effort: body.reasoning_effort ?? assistant.reasoning_effort,
    max_completion_tokens: body.max_completion_tokens ?? null,
    max_prompt_tokens: body.max_prompt_tokens ?? null,
    truncation_strategy: body.truncation_strategy ?? { type: "auto", last_messages: null },
    incomplete_details: null,
    usage: null,
    response_format: body.response_format ?? assistant.response_format,
    tool_choice: body.tool_choice ?? "auto",
    parallel_tool_calls: body.parallel_tool_calls ?? true,
  };
  const has = (functions: boolean) => run.tools.some((tool: Wire) => (tool.type === "function") === functions);
  const phases: Phase[] = ["start"];
  if (has(false)) phases.push("server tools");
  if (plan.calls ? plan.calls.length > 0 : has(true)) phases.push("functions");
  phases.push("answer");
  const live: LiveRun = { run, steps: [], state, plan, rounds: 0, now: world.now, phases };
  state.runs.push(live);
  return live;
}

/**
 * One step of the run's life; says whether anything happened. Nothing does while it waits for tool outputs, unless it is
 * to expire, and once it has the status in which it stays.
 */
export function advance(world: World, live: LiveRun, emit: Emit = () => {}): boolean {
  const { run, plan } = live;
  const { ending = "completed" } = plan;
  const waiting = run.status === "requires_action";
  if (!isLive(run.status) || run.status === "paused" || (waiting && ending !== "expired")) return false;
  if (run.status === "cancelling" && ending === "cancelling") return false;
  if (run.status === "queued" && ending === "queued") return false;
  const phase = waiting || run.status === "cancelling" ? undefined : live.phases[0];
  if (phase === "answer" && ending === "in_progress") return false;
  if (phase !== undefined) live.phases.shift();
  if (run.status === "cancelling") finish(live, "cancelled", emit);
  else if (phase === "start") start(world, live, emit);
  else if (phase === "server tools") serverTools(world, live, emit);
  else if (phase === "functions") functionCalls(world, live, emit);
  else end(world, live, emit);
  return true;
}

function start(world: World, live: LiveRun, emit: Emit): void {
  const { run, plan } = live;
  const { ending, queuedS = 0 } = plan;
  live.now = () => world.now() + queuedS;
  if (ending === "rate_limited" || ending === "quota") {
    finish(live, ending, emit);
    return;
  }
  // Rewritten each time the run goes on after tool outputs, as the real API does.
  Object.assign(run, { status: "in_progress", started_at: live.now() });
  emit("thread.run.in_progress", run);
}

function end(world: World, live: LiveRun, emit: Emit): void {
  const { run, plan } = live;
  const { ending = "completed" } = plan;
  if (ending === "expired" || ending === "cancelled" || ending === "incomplete_prompt") finish(live, ending, emit);
  else if (ending === "cancelling" || ending === "paused") {
    run.status = ending;
    emit(`thread.run.${ending}`, run);
  } else answerSteps(world, live, emit);
}

/** Takes the outputs that the run waits for; it is queued again. */
export function submit(live: LiveRun, outputs: readonly Wire[], emit: Emit): void {
  const { run, steps, plan } = live;
  const step = steps.at(-1)!;
  for (const call of step.step_details.tool_calls) {
    call.function.output = outputs.find((output) => output.tool_call_id === call.id)?.output;
  }
  closeStep(live, step, "completed", tokens(step.step_details), emit);
  const goesOn = plan.ending === "requires_action" || live.rounds < (plan.calls?.length ?? 1);
  live.phases = ["start", goesOn ? "functions" : "answer"];
  Object.assign(run, { status: "queued", required_action: null });
  emit("thread.run.queued", run);
}
