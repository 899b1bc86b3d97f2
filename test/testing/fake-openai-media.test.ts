import assert from "node:assert/strict";
import { test } from "node:test";
import { AzureOpenAI, toFile } from "openai";
import { AzureOpenAI as AzureOpenAI4 } from "openai4";
import { AzureOpenAI as AzureOpenAI5 } from "openai5";
import { fakeOpenAI } from "../../src/testing/fake-openai.ts";
import { ANSWER, eachClient, QUESTION } from "./each-client.ts";

eachClient("images as bytes with usage, or as addresses without", {}, async ({ openai }) => {
  const bytes: any = await openai.images.generate({ model: "gpt-image-1", prompt: "a cat", n: 2 });
  assert.equal(bytes.data.length, 2);
  assert.equal(Buffer.from(bytes.data[0].b64_json, "base64").subarray(1, 4).toString(), "PNG");
  const { input_tokens, output_tokens, total_tokens } = bytes.usage;
  assert.equal(input_tokens + output_tokens, total_tokens);
  const address: any = await openai.images.generate({ model: "dall-e-3", prompt: "a cat" });
  assert.match(address.data[0].url, /^https:/);
  assert.equal(address.usage, undefined);
});

eachClient("speech is bytes", {}, async ({ openai }) => {
  const speech = await openai.audio.speech.create({ model: "tts-1", voice: "alloy", input: "Hello" });
  assert.equal(speech.headers.get("content-type"), "audio/mpeg");
  assert.ok((await speech.arrayBuffer()).byteLength > 1000);
});

eachClient("transcriptions take a form", {}, async ({ openai, fake }) => {
  const file = () => toFile(Buffer.from([0xff, 0xfe, 0x0d, 0x0a, 0x2d, 0x2d]), "speech.mp3");
  const create = async (model: string): Promise<any> =>
    openai.audio.transcriptions.create({ model, file: (await file()) as any, language: "en" });
  const byTokens = await create("gpt-4o-transcribe");
  assert.match(byTokens.text, /quick brown fox/);
  assert.equal(byTokens.usage.type, "tokens");
  assert.deepEqual((await create("whisper-1")).usage, { type: "duration", seconds: 3 });
  const { body } = fake.requests[0]!;
  assert.deepEqual(body, {
    model: "gpt-4o-transcribe",
    file: { filename: "speech.mp3", size: 6 },
    language: "en",
  });
});

eachClient("moderations and a single model", {}, async ({ openai }) => {
  const { results } = await openai.moderations.create({ input: ["hello", "I will kill it"] });
  assert.deepEqual(
    results.map(({ flagged, categories }) => [flagged, categories.violence]),
    [
      [false, false],
      [true, true],
    ],
  );
  assert.equal((await openai.models.retrieve("gpt-4.1")).id, "gpt-4.1");
  await assert.rejects(openai.models.retrieve("gpt-0"), { status: 404, code: "model_not_found" });
});

const AZURE = {
  "openai 4": AzureOpenAI4 as unknown as typeof AzureOpenAI,
  "openai 5": AzureOpenAI5 as unknown as typeof AzureOpenAI,
  "openai 6": AzureOpenAI,
};
for (const [name, Client] of Object.entries(AZURE)) {
  test(`${name}: Azure's paths, key and filter results`, async () => {
    await using fake = await fakeOpenAI();
    const { endpoint, apiKey } = fake;
    const azure = new Client({ endpoint, apiKey, apiVersion: "2024-10-21" });
    const messages = [{ role: "user" as const, content: QUESTION }];
    const completion: any = await azure.chat.completions.create({ model: "my-gpt-4o-mini", messages });
    assert.equal(completion.model, "gpt-4o-mini", "what is behind the deployment");
    assert.equal(completion.choices[0].message.content, ANSWER);
    assert.equal(completion.choices[0].content_filter_results.hate.filtered, false);
    const [request] = fake.requests;
    assert.equal(request!.url, "/openai/deployments/my-gpt-4o-mini/chat/completions?api-version=2024-10-21");
    assert.equal(request!.path, "/chat/completions");
    assert.equal(request!.headers["api-key"], apiKey);
    const chunks: any[] = [];
    for await (const chunk of await azure.chat.completions.create({ model: "my-gpt", messages, stream: true })) {
      chunks.push(chunk);
    }
    assert.deepEqual([chunks[0].choices, chunks[0].prompt_filter_results.length], [[], 1]);
    const assistant = await azure.beta.assistants.create({ model: "my-gpt" });
    const run = await azure.beta.threads.createAndRunPoll({ assistant_id: assistant.id, thread: { messages } });
    assert.equal(run.status, "completed");
    const stranger = new Client({ endpoint, apiKey: "other", apiVersion: "2024-10-21" });
    await assert.rejects(stranger.chat.completions.create({ model: "my-gpt", messages }), { status: 401 });
  });
}

eachClient(
  "a rule can change the real reply, or drop the connection",
  {
    script: [
      { match: "GET /models", drop: true, times: 1 },
      {
        match: "GET /models",
        headers: { "x-mine": "1" },
        delayMs: 20,
        edit: (list) => ({ ...list, data: list.data.slice(0, 1) }),
      },
      { match: "POST /embeddings", body: ({ body }) => ({ object: "list", data: [], model: body.model, usage: null }) },
      { match: "GET /files", body: "<html>", headers: { "content-type": "text/html" } },
      { match: "POST /chat/completions", events: [{ data: { error: { message: "no" } } }], times: 1 },
    ],
  },
  async ({ openai, fake }) => {
    await assert.rejects(openai.models.list(), (error: any) => error.status === undefined);
    const started = performance.now();
    const { data, response } = await openai.models.list().withResponse();
    assert.ok(performance.now() - started >= 19);
    assert.deepEqual([data.data.length, response.headers.get("x-mine")], [1, "1"]);
    const embedded = await openai.embeddings.create({ model: "m", input: "x", encoding_format: "float" });
    assert.deepEqual([embedded.model, embedded.usage], ["m", null]);
    const html = await fetch(`${fake.baseURL}/files`);
    assert.deepEqual([html.headers.get("content-type"), await html.text()], ["text/html", "<html>"]);
    const streamed = await openai.chat.completions.create({ model: "m", messages: [], stream: true });
    await assert.rejects(async () => {
      for await (const _ of streamed);
    });
  },
);

test("compatible servers have other prefixes", async () => {
  await using fake = await fakeOpenAI();
  const headers = { authorization: `Bearer ${fake.apiKey}` };
  for (const prefix of ["/v1", "/api/v1", "/openai/v1", "/openai", ""]) {
    assert.equal((await fetch(`${fake.endpoint}${prefix}/models`, { headers })).status, 200, prefix);
  }
  assert.ok(fake.requests.every(({ path }) => path === "/models"));
});
