// The lifecycle of a run in the four spans of the Nexus article, as it should go and in each way in which the article
// says that it fails. The wire is traced: the runs, their steps and what went wrong with them show by themselves.
import OpenAI from "openai";
import { configure, consoleSink, flush, observe, updateSpan, updateTrace, withTrace } from "sightline";
import { tracedFetch } from "sightline/openai";
import { type FakeOpenAIOptions, fakeOpenAI } from "sightline/testing";

configure({
  sinks: [consoleSink()],
  // Far below the defaults, so that everything shows within seconds.
  findings: { maxPolls: 5, threadSessionRuns: 5 },
});

type Run = OpenAI.Beta.Threads.Run;

class Tutor {
  readonly openai: OpenAI;
  readonly assistantId: string;
  /** What its one function gives; without it nobody answers the model's calls. */
  readonly lookUp: (() => string) | undefined;

  constructor(openai: OpenAI, assistantId: string, lookUp?: () => string) {
    this.openai = openai;
    this.assistantId = assistantId;
    this.lookUp = lookUp;
  }

  @observe({ name: "openai-assistant" })
  async answer(question: string): Promise<string> {
    const threadId = await this.createThread();
    await this.addMessage(threadId, question);
    const run = await this.run(threadId);
    // createAndPoll does not throw on a run that failed or still waits for tools: its status says it.
    if (run.status !== "completed") throw new Error(`Run ended with status: ${run.status}`);
    return this.reply(run);
  }

  @observe({ name: "thread.create", type: "tool" })
  async createThread(): Promise<string> {
    const { id: threadId } = await this.openai.beta.threads.create();
    updateTrace({ metadata: { threadId } });
    return threadId;
  }

  @observe({ name: "thread.messages.create", type: "tool" })
  async addMessage(threadId: string, content: string): Promise<void> {
    updateSpan({ metadata: { threadId } });
    await this.openai.beta.threads.messages.create(threadId, { role: "user", content });
  }

  @observe({ name: "threads.runs.createAndPoll" })
  async run(threadId: string): Promise<Run> {
    const { runs } = this.openai.beta.threads;
    // createAndPoll has no timeout of its own in any version of the client.
    const signal = AbortSignal.timeout(2_000);
    let run = await runs.createAndPoll(threadId, { assistant_id: this.assistantId }, { signal });
    while (run.status === "requires_action" && this.lookUp) {
      const output = this.lookUp();
      const calls = run.required_action!.submit_tool_outputs.tool_calls;
      const tool_outputs = calls.map(({ id }) => ({ tool_call_id: id, output }));
      run = await runs.submitToolOutputsAndPoll(run.id, { thread_id: threadId, tool_outputs }, { signal });
    }
    updateSpan({ metadata: { threadId, "run.status": run.status, model: run.model, usage: run.usage } });
    // The steps, and with them the tool calls, are known to a trace once somebody asks for them.
    await runs.steps.list(run.id, { thread_id: threadId });
    return run;
  }

  @observe({ name: "thread.messages.list", type: "tool" })
  async reply(run: Run): Promise<string> {
    // Only this run's: the newest message of the thread may be the user's own, or an older answer.
    const messages = await this.openai.beta.threads.messages.list(run.thread_id, { run_id: run.id });
    const [part] = messages.data[0]?.content ?? [];
    updateSpan({ metadata: { messageCount: messages.data.length } });
    return part?.type === "text" ? part.text.value : "";
  }
}

const LOOK_UP = {
  type: "function",
  function: { name: "look_up", parameters: { type: "object", properties: { topic: { type: "string" } } } },
} as const;

/** What the server is to do, how the program behaves, and how many questions it is asked. */
interface Story {
  server: FakeOpenAIOptions;
  tools?: OpenAI.Beta.AssistantTool[];
  lookUp?: () => string;
  questions?: number;
}

const STORIES: { [name: string]: Story } = {
  "as it should go": { server: {}, tools: [{ type: "file_search" }, LOOK_UP], lookUp: () => "Subtract, then divide." },
  // Nobody submits the outputs that the run waits for.
  "stuck in requires_action": { server: {}, tools: [LOOK_UP] },
  // 4,000 characters are submitted, and the next prompt is hardly longer than the one before.
  "tool output cut without a word": {
    server: {
      runs: {
        stepUsage: [
          [900, 20],
          [1000, 30],
        ],
      },
    },
    tools: [LOOK_UP],
    lookUp: () => "All about equations. ".repeat(200),
  },
  "polling without an end": { server: { runs: "in_progress", pollAfterMs: 250 } },
  "a thread for each question": { server: {}, questions: 5 },
  "server_error, billed": { server: { runs: { ending: "failed", stepUsage: [[1469, 18]] } } },
};

for (const [name, { server, tools = [], lookUp, questions = 1 }] of Object.entries(STORIES)) {
  await using fake = await fakeOpenAI({ pollAfterMs: 50, ...server });
  const openai = new OpenAI({ apiKey: fake.apiKey, baseURL: fake.baseURL, fetch: tracedFetch() });
  // A trace of its own, from which the name of the assistant is known.
  const assistant = await openai.beta.assistants.create({ name: "Math Tutor", model: "gpt-4o-mini", tools });
  const tutor = new Tutor(openai, assistant.id, lookUp);
  for (let i = 0; i < questions; i++) {
    const trace = { name, ...(questions > 1 && { sessionId: "algebra-7" }) };
    const said = await withTrace(trace, () => tutor.answer("Solve 3x + 11 = 14.").catch(String));
    console.log(`${name}: ${said}`);
  }
  await flush();
}
