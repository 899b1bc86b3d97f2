import { argumentsText, sampleCalls } from "./answer.ts";
import type { Wire, World } from "./http.ts";
import type { Emit, LiveRun } from "./run.ts";
import { closeStep, openStep } from "./steps.ts";
import { lastQuestion, tokens } from "./text.ts";

/** A step in which the API's own tools are called. */
export function serverTools(world: World, live: LiveRun, emit: Emit): void {
  const question = lastQuestion(live.state.messages);
  const calls = live.run.tools.flatMap((tool: Wire) => {
    const id = world.id("call_");
    if (tool.type === "code_interpreter") {
      const input = `question = ${JSON.stringify(question)}\nprint(len(question))`;
      const outputs = live.plan.codeOutputs ?? [];
      return { id, type: "code_interpreter", code_interpreter: { input, outputs } };
    }
    if (tool.type === "file_search") return { id, type: "file_search", file_search: searchResults(question) };
    return [];
  });
  const step = openStep(world, live, "tool_calls", { type: "tool_calls", tool_calls: [] }, emit);
  addCalls(step, calls, emit);
  closeStep(live, step, "completed", tokens(calls), emit);
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

/** A step in which the program's functions are called, and waited for. */
export function functionCalls(world: World, live: LiveRun, emit: Emit): void {
  const { run, plan } = live;
  const question = lastQuestion(live.state.messages);
  const functions = run.tools.filter((tool: Wire) => tool.type === "function").map((tool: Wire) => tool.function);
  const planned = plan.calls?.[Math.min(live.rounds, plan.calls.length - 1)] ?? sampleCalls(functions, run, question);
  live.rounds++;
  const calls = planned.map((call) => {
    const { name } = call;
    return {
      id: world.id("call_"),
      type: "function",
      function: { name, arguments: argumentsText(call), output: null },
    };
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
