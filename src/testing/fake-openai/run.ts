import type { SentEvent, Wire, World } from "./http.ts";
import { closeStep, FAILURE, openStep, sumUsage } from "./steps.ts";
import { addMessage, type ThreadState } from "./store.ts";
import { lastQuestion, pieces, sample, tokens, truncate } from "./text.ts";

/** How runs end. `requires_action` asks for tool outputs again after every submission, so it needs a function tool. */
export type RunEnding = "completed" | "incomplete" | "failed" | "expired" | "requires_action";

/** What a run does next; one of these for each poll. */
type Phase = "start" | "server tools" | "functions" | "answer";

export interface LiveRun {
  readonly run: Wire;
  readonly steps: Wire[];
  readonly state: ThreadState;
  readonly ending: RunEnding;
  phases: Phase[];
}

/** Where the events of a streamed run go. */
export type Emit = (event: string, data: Wire) => void;

/** A run lives for ten minutes. */
const LIFETIME_S = 600;

export function isLive(status: string): boolean {
  return ["queued", "in_progress", "requires_action", "cancelling"].includes(status);
}

/** Collects events; the data is copied, as the run goes on changing. */
export function collector(): { events: SentEvent[]; emit: Emit } {
  const events: SentEvent[] = [];
  return { events, emit: (event, data) => void events.push({ event, data: structuredClone(data) }) };
}

export function newRun(world: World, state: ThreadState, assistant: Wire, body: Wire, ending: RunEnding): LiveRun {
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
  if (has(true)) phases.push("functions");
  phases.push("answer");
  const live: LiveRun = { run, steps: [], state, ending, phases };
  state.runs.push(live);
  return live;
}

/** One step of the run's life. Nothing happens while it waits for tool outputs, unless it is to expire. */
export function advance(world: World, live: LiveRun, emit: Emit = () => {}): void {
  const { run, ending } = live;
  const waiting = run.status === "requires_action";
  if (!isLive(run.status) || (waiting && ending !== "expired")) return;
  const phase = waiting || run.status === "cancelling" ? undefined : live.phases.shift();
  if (run.status === "cancelling") finish(world, live, "cancelled", emit);
  else if (phase === "start") {
    // Rewritten each time the run goes on after tool outputs, as the real API does.
    Object.assign(run, { status: "in_progress", started_at: world.now() });
    emit("thread.run.in_progress", run);
  } else if (phase === "server tools") serverTools(world, live, emit);
  else if (phase === "functions") functionCalls(world, live, emit);
  else if (ending === "expired") finish(world, live, "expired", emit);
  else answer(world, live, emit);
}

/** Takes the outputs that the run waits for; it is queued again. */
export function submit(world: World, live: LiveRun, outputs: readonly Wire[], emit: Emit): void {
  const { run, steps, ending } = live;
  const step = steps.at(-1)!;
  for (const call of step.step_details.tool_calls) {
    call.function.output = outputs.find((output) => output.tool_call_id === call.id)?.output;
  }
  closeStep(world, live, step, "completed", tokens(step.step_details), emit);
  live.phases = ending === "requires_action" ? ["start", "functions"] : ["start", "answer"];
  Object.assign(run, { status: "queued", required_action: null });
  emit("thread.run.queued", run);
}

function serverTools(world: World, live: LiveRun, emit: Emit): void {
  const question = lastQuestion(live.state.messages);
  const calls = live.run.tools.flatMap((tool: Wire) => {
    const id = world.id("call_");
    if (tool.type === "code_interpreter") {
      // Outputs mostly stay empty on the wire, although the model saw them.
      const input = `question = ${JSON.stringify(question)}\nprint(len(question))`;
      return { id, type: "code_interpreter", code_interpreter: { input, outputs: [] } };
    }
    if (tool.type === "file_search") return { id, type: "file_search", file_search: searchResults(question) };
    return [];
  });
  const step = openStep(world, live, "tool_calls", { type: "tool_calls", tool_calls: [] }, emit);
  addCalls(step, calls, emit);
  closeStep(world, live, step, "completed", tokens(calls), emit);
}

/** Results with their content; routes leave it out unless the request includes it. */
function searchResults(question: string): Wire {
  const text = `Notes that mention: ${question}`;
  const result = { file_id: "file-notes", file_name: "notes.txt", score: 0.83, attributes: {} };
  return {
    ranking_options: { ranker: "default_2024_08_21", score_threshold: 0 },
    results: [{ ...result, content: [{ type: "text", text }] }],
  };
}

function functionCalls(world: World, live: LiveRun, emit: Emit): void {
  const { run } = live;
  const question = lastQuestion(live.state.messages);
  const wanted = run.tools.filter((tool: Wire) => tool.type === "function");
  const calls = (run.parallel_tool_calls ? wanted : wanted.slice(0, 1)).map((tool: Wire) => {
    const { name, parameters } = tool.function;
    const call = { name, arguments: JSON.stringify(sample(parameters, question)), output: null };
    return { id: world.id("call_"), type: "function", function: call };
  });
  const step = openStep(world, live, "tool_calls", { type: "tool_calls", tool_calls: [] }, emit);
  addCalls(step, calls, emit);
  run.status = "requires_action";
  const required = calls.map((call: Wire) => {
    const { name, arguments: args } = call.function;
    return { id: call.id, type: "function", function: { name, arguments: args } };
  });
  run.required_action = { type: "submit_tool_outputs", submit_tool_outputs: { tool_calls: required } };
  emit("thread.run.requires_action", run);
}

function addCalls(step: Wire, calls: readonly Wire[], emit: Emit): void {
  calls.forEach((call, index) => {
    step.step_details.tool_calls.push(call);
    const delta = { step_details: { type: "tool_calls", tool_calls: [{ index, ...call }] } };
    emit("thread.run.step.delta", { id: step.id, object: "thread.run.step.delta", delta });
  });
}

function answer(world: World, live: LiveRun, emit: Emit): void {
  const { run, state, ending } = live;
  const full = world.answer(lastQuestion(state.messages));
  const half = ending === "incomplete" ? Math.ceil(tokens(full) / 2) : run.max_completion_tokens;
  const { text, cut } = ending === "failed" ? { text: "", cut: false } : truncate(full, half);
  const message = addMessage(world, state, { role: "assistant", content: text === "" ? [] : text }, run);
  const creation = { type: "message_creation", message_creation: { message_id: message.id } };
  const step = openStep(world, live, "message_creation", creation, emit);
  const { content } = message;
  Object.assign(message, { status: "in_progress", content: [], completed_at: null, incomplete_at: null });
  message.incomplete_details = null;
  emit("thread.message.created", message);
  emit("thread.message.in_progress", message);
  pieces(text).forEach((value, i) => {
    const part = { index: 0, type: "text", text: i === 0 ? { value, annotations: [] } : { value } };
    const delta = { content: [part] };
    emit("thread.message.delta", { id: message.id, object: "thread.message.delta", delta });
  });
  message.content = content;
  if (ending === "failed" || cut) {
    const reason = cut ? "max_tokens" : "run_failed";
    Object.assign(message, { status: "incomplete", incomplete_at: world.now(), incomplete_details: { reason } });
    emit("thread.message.incomplete", message);
  } else {
    Object.assign(message, { status: "completed", completed_at: world.now() });
    emit("thread.message.completed", message);
  }
  closeStep(world, live, step, ending === "failed" ? "failed" : "completed", tokens(text), emit);
  finish(world, live, ending === "failed" ? "failed" : cut ? "incomplete" : "completed", emit);
}

function finish(world: World, live: LiveRun, status: string, emit: Emit): void {
  const { run, steps } = live;
  const now = world.now();
  const billed = status !== "cancelled" && status !== "expired";
  for (const step of steps.filter((step) => step.status === "in_progress")) {
    Object.assign(step, { status, expires_at: null, cancelled_at: status === "cancelled" ? now : null });
    emit(`thread.run.step.${status}`, step);
  }
  Object.assign(run, {
    status,
    expires_at: null,
    required_action: null,
    completed_at: status === "completed" || status === "incomplete" ? now : null,
    failed_at: status === "failed" ? now : null,
    cancelled_at: status === "cancelled" ? now : null,
    last_error: status === "failed" ? FAILURE : null,
    incomplete_details: status === "incomplete" ? { reason: "max_completion_tokens" } : null,
    usage: billed ? sumUsage(steps) : null,
  });
  emit(`thread.run.${status}`, run);
}
