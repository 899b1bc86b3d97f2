// The thread and run lifecycle of the Nexus article, by ids: one trace, a span a step, a tool span a tool call.
import { client, configure, consoleSink } from "sightline";
import { connect } from "./support/connect.ts";

configure({ sinks: [consoleSink()] });
const { openai, close } = await connect();
const { assistants, threads } = openai.beta;

async function runAssistant(message: string): Promise<string> {
  const trace = client.startTrace({ agentId: "openai-assistant", input: message });
  try {
    const threadSpan = client.startSpan(trace.id, { name: "thread.create", type: "tool" });
    const thread = await threads.create();
    client.endSpan(threadSpan.id, { output: { threadId: thread.id } });

    const messageSpan = client.startSpan(trace.id, {
      name: "thread.messages.create",
      type: "tool",
      metadata: { threadId: thread.id },
    });
    await threads.messages.create(thread.id, { role: "user", content: message });
    client.endSpan(messageSpan.id);

    const assistant = await assistants.create({
      name: "Researcher",
      model: "gpt-4o-mini",
      tools: [{ type: "code_interpreter" }, { type: "file_search" }],
    });
    const runSpan = client.startSpan(trace.id, {
      name: "threads.runs.createAndPoll",
      type: "llm",
      metadata: { assistantId: assistant.id },
    });
    const run = await threads.runs.createAndPoll(thread.id, { assistant_id: assistant.id });
    client.endSpan(runSpan.id, { output: { status: run.status, usage: run.usage } });
    // createAndPoll does not throw on a run that failed or still waits for tools: the status says it.
    if (run.status !== "completed") throw new Error(`Run ended with status: ${run.status}`);

    const steps = await threads.runs.steps.list(run.id, { thread_id: thread.id, order: "asc" });
    for (const step of steps.data) {
      if (step.step_details.type !== "tool_calls") continue;
      for (const call of step.step_details.tool_calls) {
        const metadata = { stepId: step.id, toolCallId: call.id, status: step.status };
        const span = client.startSpan(trace.id, {
          name: `step.${call.type}`,
          type: "tool",
          metadata,
          parentSpanId: runSpan.id,
        });
        client.endSpan(span.id, { output: call.type === "function" ? call.function.output : call });
      }
    }

    const messages = await threads.messages.list(thread.id);
    const [part] = messages.data.find((each) => each.run_id === run.id)?.content ?? [];
    const output = part?.type === "text" ? part.text.value : "";
    client.endTrace(trace.id, { status: "success", output });
    return output;
  } catch (error) {
    client.endTrace(trace.id, { status: "error", error });
    throw error;
  }
}

console.log(await runAssistant("Plot the growth of the sales figures in the report."));
await close();
