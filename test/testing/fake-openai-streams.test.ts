import assert from "node:assert/strict";
import { ANSWER, type ClientCase, eachClient, QUESTION, TIME, WEATHER } from "./each-client.ts";

const messages: { role: "user"; content: string }[] = [{ role: "user", content: QUESTION }];

const chat = async ({ openai }: ClientCase, rest: object = {}): Promise<any[]> => {
  const chunks: any[] = [];
  const stream: any = await openai.chat.completions.create({ model: "gpt-4", messages, stream: true, ...rest });
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
};

const spoken = (chunks: any[]) => chunks.map(({ choices }) => choices[0]?.delta.content ?? "").join("");

const runEvents = async ({ openai, ask }: ClientCase, onEvent: (event: any) => void): Promise<void> => {
  const { assistant_id, thread_id } = await ask();
  const stream = await openai.beta.threads.runs.create(thread_id, { assistant_id, stream: true });
  for await (const event of stream) onEvent(event);
};

for (const pieceBytes of [1, 7, 100_000]) {
  eachClient(
    `frames in pieces of ${pieceBytes} bytes`,
    {
      answer: () => "çà et là 👩‍🏫",
      stream: { pieceBytes },
    },
    async (one) => {
      assert.equal(spoken(await chat(one)), "çà et là 👩‍🏫");
      const names: string[] = [];
      await runEvents(one, ({ event }) => names.push(event));
      assert.equal(names.at(-1), "thread.run.completed");
    },
  );
}

eachClient(
  "comments and other line ends",
  {
    script: [
      {
        match: "POST /chat/completions",
        editEvents: (events) =>
          events.flatMap(({ data }) => [
            { raw: ": PROCESSING\n\n" },
            { raw: `data: ${typeof data === "string" ? data : JSON.stringify(data)}\r\n\r\n` },
          ]),
      },
    ],
  },
  async (one) => {
    assert.equal(spoken(await chat(one)), ANSWER);
  },
);

eachClient("slow events", { script: [{ match: "POST /chat/completions", stream: { delayMs: 3 } }] }, async (one) => {
  const started = performance.now();
  const chunks = await chat(one);
  assert.ok(performance.now() - started >= chunks.length * 2);
  assert.equal(spoken(chunks), ANSWER);
});

eachClient("a connection that breaks in the middle of a frame", { stream: { cutAfter: 4 } }, async (one) => {
  let seen = 0;
  await assert.rejects(runEvents(one, () => seen++));
  assert.equal(seen, 4);
  await assert.rejects(chat(one));
});

eachClient(
  "a client that stops reading, or gives up waiting, leaves the server as it was",
  {
    stream: { pieceBytes: 3, delayMs: 1 },
    script: [{ match: "POST /embeddings", delayMs: 40, times: 1 }],
  },
  async ({ openai }) => {
    const stream = await openai.chat.completions.create({ model: "gpt-4", messages, stream: true });
    for await (const _ of stream) break;
    const embed = (options?: { timeout: number }) => openai.embeddings.create({ model: "m", input: "x" }, options);
    await assert.rejects(embed({ timeout: 10 }));
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal((await embed()).object, "list");
  },
);

eachClient("the order of a run's events", {}, async (one) => {
  const names: string[] = [];
  await runEvents(one, ({ event }) => event.endsWith(".delta") || names.push(event.replace("thread.", "")));
  assert.deepEqual(names, [
    "run.created",
    "run.queued",
    "run.in_progress",
    "run.step.created",
    "run.step.in_progress",
    "message.created",
    "message.in_progress",
    "message.completed",
    "run.step.completed",
    "run.completed",
  ]);
});

const RUNS = "POST /threads/*/runs";

eachClient(
  "an event whose name is not its status",
  {
    runs: "incomplete",
    script: [
      {
        match: RUNS,
        editEvents: (events) =>
          events.map((each) =>
            each.event === "thread.run.incomplete" ? { ...each, event: "thread.run.completed" } : each,
          ),
      },
    ],
  },
  async (one) => {
    let last: any;
    await runEvents(one, (event) => (last = event));
    assert.deepEqual([last.event, last.data.status], ["thread.run.completed", "incomplete"]);
  },
);

eachClient(
  "a stream that ends early, and one without events",
  {
    script: [
      { match: RUNS, editEvents: (events) => events.slice(0, 5), times: 1 },
      { match: RUNS, editEvents: () => [] },
    ],
  },
  async (one) => {
    const counts = [0, 0];
    await runEvents(one, () => counts[0]!++);
    await runEvents(one, () => counts[1]!++);
    assert.deepEqual(counts, [5, 0]);
  },
);

eachClient(
  "event: error",
  {
    script: [
      {
        match: RUNS,
        editEvents: (events) => [
          ...events.slice(0, 3),
          { event: "error", data: { error: { message: "Sorry", type: "server_error", code: null, param: null } } },
        ],
      },
    ],
  },
  async (one) => {
    let seen = 0;
    await assert.rejects(runEvents(one, () => seen++));
    assert.equal(seen, 3);
  },
);

eachClient("chat: the usage chunk only when it is asked for", {}, async (one) => {
  const [without, asked] = [await chat(one), await chat(one, { stream_options: { include_usage: true } })];
  assert.equal(
    without.some((chunk) => "usage" in chunk || chunk.choices.length === 0),
    false,
  );
  assert.deepEqual(asked.at(-1).choices, []);
  assert.ok(asked.at(-1).usage.total_tokens > 0);
});

eachClient(
  "chat: parallel calls in turns, told apart by their index",
  {
    answer: () => ({
      calls: [
        { name: "get_weather", arguments: '{"city": "New York City"}' },
        { name: "get_weather", arguments: '{"city": "Rio de Janeiro"}' },
      ],
      isInterleaved: true,
    }),
  },
  async (one) => {
    const chunks = await chat(one, { tools: [WEATHER] });
    const deltas = chunks.flatMap(({ choices }) => choices[0].delta.tool_calls ?? []);
    assert.deepEqual(
      deltas.slice(0, 4).map(({ index, id }) => [index, typeof id]),
      [
        [0, "string"],
        [1, "string"],
        [0, "undefined"],
        [1, "undefined"],
      ],
    );
    const args = ["", ""];
    for (const { index, function: call } of deltas) args[index] += call.arguments;
    assert.deepEqual(args, ['{"city": "New York City"}', '{"city": "Rio de Janeiro"}']);
    assert.equal(chunks.at(-1).choices[0].finish_reason, "tool_calls");
  },
);

eachClient(
  "chat: refusal, reasoning and why it stopped",
  {
    answer: (question) =>
      question === "no"
        ? { refusal: "I will not do that." }
        : {
            reasoning: "First, I think.",
            text: "Then I sp",
            finish: question === "long" ? "length" : "content_filter",
          },
  },
  async (one) => {
    const say = (content: string) => chat(one, { messages: [{ role: "user", content }] });
    const joined = (chunks: any[], key: string) => chunks.map(({ choices }) => choices[0].delta[key] ?? "").join("");
    const refused = await say("no");
    assert.deepEqual([joined(refused, "refusal"), joined(refused, "content")], ["I will not do that.", ""]);
    const long = await say("long");
    assert.equal(joined(long, "reasoning_content"), "First, I think.");
    assert.equal(long.at(-1).choices[0].finish_reason, "length");
    assert.equal((await say("bad")).at(-1).choices[0].finish_reason, "content_filter");
  },
);

eachClient(
  "chat: an error in the middle of the stream",
  {
    script: [
      {
        match: "POST /chat/completions",
        editEvents: (events) => [
          ...events.slice(0, 2),
          {
            data: {
              error: { message: "The server had an error", type: "server_error", code: "server_error", param: null },
            },
          },
        ],
      },
    ],
  },
  async (one) => {
    await assert.rejects(chat(one), (error: any) => error instanceof Error);
  },
);

eachClient("chat: several choices", {}, async ({ openai }) => {
  const { choices } = await openai.chat.completions.create({ model: "gpt-4", messages, n: 2 });
  assert.deepEqual(
    choices.map(({ index, message }) => [index, message.content]),
    [
      [0, ANSWER],
      [1, ANSWER],
    ],
  );
});

eachClient("the tool runner calls functions and gets its answer", {}, async ({ openai, isV4, fake }) => {
  const completions: any = isV4 ? (openai.beta as any).chat.completions : openai.chat.completions;
  const cities: string[] = [];
  const weather = {
    ...WEATHER,
    function: {
      ...WEATHER.function,
      description: "The weather",
      parse: JSON.parse,
      function: ({ city }: { city: string }) => {
        cities.push(city);
        return "sunny";
      },
    },
  };
  for (const stream of [false, true]) {
    const runner = completions.runTools({ model: "gpt-4", messages, tools: [weather], stream });
    assert.equal(await runner.finalContent(), ANSWER);
  }
  assert.deepEqual(cities, [QUESTION, QUESTION]);
  assert.equal(fake.requests.length, 4);
});

eachClient("legacy completions, at once and streamed", {}, async ({ openai }) => {
  const body = { model: "gpt-3.5-turbo-instruct", prompt: "3x + 11 = 14" };
  const { choices, usage } = await openai.completions.create(body);
  assert.equal(choices[0]!.text, ANSWER);
  assert.ok(usage!.total_tokens > 0);
  let text = "";
  for await (const chunk of await openai.completions.create({ ...body, stream: true })) text += chunk.choices[0]!.text;
  assert.equal(text, ANSWER);
});

eachClient("a tool choice and no parallel calls leave one call", {}, async ({ openai }) => {
  const names = async (rest: object) => {
    const body: any = { model: "gpt-4", messages, tools: [WEATHER, TIME], ...rest };
    const { choices } = await openai.chat.completions.create(body);
    return (choices[0]!.message.tool_calls as any[]).map((call) => call.function.name);
  };
  assert.deepEqual(await names({}), ["get_weather", "get_time"]);
  assert.deepEqual(await names({ parallel_tool_calls: false }), ["get_weather"]);
  assert.deepEqual(await names({ tool_choice: { type: "function", function: { name: "get_time" } } }), ["get_time"]);
});
