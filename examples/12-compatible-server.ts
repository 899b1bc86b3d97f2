// A server with OpenAI's API (vLLM, Ollama, LiteLLM, OpenRouter, …): the same client, the same `fetch` option.
import OpenAI from "openai";
import { configure, consoleSink, observe } from "sightline";
import { tracedFetch } from "sightline/openai";
import { fakeOpenAI } from "sightline/testing";

configure({ sinks: [consoleSink()] });

await using fake = await fakeOpenAI({
  answer: () => ({ reasoning: "Take 11 from both sides, divide by 3.", text: "x = 1" }),
  // Such servers may say what a call has cost. What the provider says wins over any price list.
  script: [{ match: "POST /chat/completions", edit: (json) => ({ ...json, usage: { ...json.usage, cost: 0.00042 } }) }],
});
const openai = new OpenAI({
  baseURL: process.env.COMPATIBLE_BASE_URL ?? `${fake.endpoint}/api/v1`,
  apiKey: process.env.COMPATIBLE_API_KEY ?? fake.apiKey,
  // Hosts that are known need no telling.
  fetch: tracedFetch({ provider: "my-own-server" }),
});

const ask = observe({ name: "ask" }, async (question: string): Promise<string> => {
  const { choices } = await openai.chat.completions.create({
    model: "qwen3-32b",
    messages: [{ role: "user", content: question }],
  });
  return choices[0]?.message.content ?? "";
});

console.log(await ask("Solve 3x + 11 = 14."));
