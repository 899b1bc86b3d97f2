import OpenAI, { toFile } from "openai";
import { configure, flush, memorySink, score, shutdown, type TraceRecord, withSpan, withTrace } from "sightline";
import { observeOpenAI, recordAssistantRun } from "sightline/openai";
import { type FakeOpenAI, fakeOpenAI } from "sightline/testing";

const QUESTION = "Solve 3x + 11 = 14.";
const FUNCTION = {
  type: "function" as const,
  function: { name: "lookup", description: "Looks up", parameters: { type: "object", properties: {} } },
};

/** Records of every endpoint that `sightline/openai` knows, made with OpenAI's client against a server that plays OpenAI. */
export async function realRecords(): Promise<TraceRecord[]> {
  const script = [
    { match: "POST /chat/completions", status: 500, times: 1 },
    { match: "POST /moderations", status: 400, times: 1 },
    { match: "POST /embeddings", status: 429, times: 3 },
  ];
  await using fake = await fakeOpenAI({ script, answer: () => ({ reasoning: "Hm.", text: "x = 1", cachedTokens: 1 }) });
  const sink = memorySink();
  configure({ sinks: [sink] });
  try {
    const trace = { userId: "user_42", sessionId: "algebra-7", tags: ["t"], metadata: { plan: "pro" } };
    await withTrace(trace, () => withSpan("everything", () => callEverything(fake)));
    await flush();
  } finally {
    await shutdown();
  }
  return [...sink.records];
}

async function callEverything(fake: FakeOpenAI): Promise<void> {
  const openai = observeOpenAI(new OpenAI({ baseURL: fake.baseURL, apiKey: fake.apiKey }));
  const messages = [{ role: "user" as const, content: QUESTION }];
  const settings = { temperature: 1, max_completion_tokens: 50, seed: 7, stop: ["END"], service_tier: "flex" as const };
  await openai.chat.completions.create({ model: "gpt-4.1", messages, tools: [FUNCTION], ...settings });
  const asked = { stream: true as const, stream_options: { include_usage: true } };
  for await (const _ of await openai.chat.completions.create({ model: "gpt-4.1", messages, ...asked }));
  const { function: lookup, type } = FUNCTION;
  await openai.responses.create({
    model: "gpt-5",
    input: QUESTION,
    tools: [{ type, ...lookup, strict: false }],
  });
  const response = await openai.responses.create({
    model: "gpt-5",
    input: QUESTION,
    instructions: "Be kind.",
    reasoning: { effort: "low" },
    include: ["file_search_call.results"],
    tools: [
      { type: "file_search", vector_store_ids: ["vs_1"] },
      { type: "web_search" },
      { type: "code_interpreter", container: { type: "auto" } },
    ],
  });
  await openai.responses.retrieve(response.id);
  for await (const _ of await openai.responses.create({ model: "gpt-5", input: QUESTION, stream: true }));
  await openai.completions.create({ model: "gpt-3.5-turbo-instruct", prompt: QUESTION, max_tokens: 5 });
  const embedded = { model: "text-embedding-3-small", input: ["a", "b"], dimensions: 4 };
  await openai.embeddings.create(embedded, { maxRetries: 0 }).catch(() => "refused");
  await openai.embeddings.create(embedded);
  await openai.images.generate({ model: "gpt-image-1", prompt: "A cat", n: 2 });
  await (await openai.audio.speech.create({ model: "tts-1", voice: "alloy", input: "Hello" })).arrayBuffer();
  const file = await toFile(Buffer.from("sound"), "a.mp3");
  await openai.audio.transcriptions.create({ model: "whisper-1", file, temperature: 0 });
  await openai.moderations.create({ model: "omni-moderation-latest", input: "a" }).catch(() => "refused");
  await openai.moderations.create({ model: "omni-moderation-latest", input: "a" });
  await run(openai);
  score({ name: "correct", value: true, comment: "yes" });
  score({ name: "tone", value: "kind" });
  score({ name: "helpfulness", value: 1 });
}

async function run(openai: OpenAI): Promise<void> {
  const { assistants, threads } = openai.beta;
  const tools = [FUNCTION, { type: "code_interpreter" as const }];
  const assistant = await assistants.create({ model: "gpt-4", name: "Tutor", instructions: "Be kind.", tools });
  const thread = await threads.create({ messages: [{ role: "user", content: QUESTION }] });
  const waiting = await threads.runs.createAndPoll(thread.id, { assistant_id: assistant.id });
  const calls = waiting.required_action?.submit_tool_outputs.tool_calls ?? [];
  const ended = await threads.runs.submitToolOutputsAndPoll(waiting.id, {
    thread_id: thread.id,
    tool_outputs: calls.map(({ id }) => ({ tool_call_id: id, output: "42" })),
  });
  const steps = await threads.runs.steps.list(ended.id, { thread_id: thread.id });
  const said = await threads.messages.list(thread.id);
  recordAssistantRun({ run: ended, steps: steps.data, messages: said.data, assistant });
  const failed = { ...ended, id: "run_failed", status: "failed", last_error: { code: "server_error", message: "no" } };
  recordAssistantRun({ run: failed as typeof ended, steps: [], messages: [] });
}
