// The math tutor of the Langfuse cookbook as a service class, in one trace: `npm run demo`.
import type OpenAI from "openai";
import { configure, consoleSink, fileSink, generation, observe } from "sightline";
import { recordAssistantRun } from "sightline/openai";
import { connect } from "./support/connect.ts";

// SIGHTLINE_SINK decides when it is set; this program does not change.
if (!process.env.SIGHTLINE_SINK) {
  configure({ sinks: [consoleSink(), fileSink({ path: "traces.ndjson" })] });
}

type Run = OpenAI.Beta.Threads.Run;

class MathTutor {
  readonly openai: OpenAI;

  constructor(openai: OpenAI) {
    this.openai = openai;
  }

  @observe({ name: "run_math_tutor" })
  async answer(question: string): Promise<string> {
    const assistant = await this.createAssistant();
    const run = await this.runAssistant(assistant.id, question);
    return this.getResponse(run);
  }

  @observe({ name: "create_assistant" })
  createAssistant() {
    return this.openai.beta.assistants.create({
      name: "Math Tutor",
      instructions: "You are a personal math tutor. Answer questions briefly, in a sentence or less.",
      model: "gpt-4",
    });
  }

  @observe({ name: "run_assistant" })
  async runAssistant(assistantId: string, question: string): Promise<Run> {
    const { threads } = this.openai.beta;
    const thread = await threads.create();
    await threads.messages.create(thread.id, { role: "user", content: question });
    return threads.runs.createAndPoll(thread.id, { assistant_id: assistantId });
  }

  @observe({ name: "get_response" })
  async getResponse(run: Run): Promise<string> {
    const { threads } = this.openai.beta;
    const messages = await threads.messages.list(run.thread_id, { order: "asc" });
    const steps = await threads.runs.steps.list(run.id, { thread_id: run.thread_id, order: "asc" });

    // The run as a child: agent, generation with its usage, tools. From the data; no client is touched.
    recordAssistantRun({ run, steps, messages, assistant: { name: "Math Tutor" } });

    const [part] = messages.data.find((message) => message.run_id === run.id)?.content ?? [];
    const answer = part?.type === "text" ? part.text.value : "";

    // The cookbook's way, by hand, beside it. With BY_HAND set the same run shows twice: use one of the two.
    if (process.env.BY_HAND) generation({ model: run.model, usage: run.usage, input: messages.data, output: answer });
    return answer;
  }
}

const { openai, close } = await connect();
console.log(await new MathTutor(openai).answer("I need to solve the equation `3x + 11 = 14`. Can you help me?"));
await close();
if (!process.env.SIGHTLINE_SINK) {
  console.log(
    "\nLook at it: npm run view -- traces.ndjson   (with sightline installed: npx sightline view traces.ndjson)",
  );
}
