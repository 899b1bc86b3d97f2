// The Vercel AI SDK: its providers take a `fetch`. Its model calls become generations under the function that asks, and
// tools that are observed nest beside them.
import { createOpenAI } from "@ai-sdk/openai";
import { generateText, isStepCount, tool } from "ai";
import { configure, consoleSink, observe, shutdown } from "sightline";
import { tracedFetch } from "sightline/openai";
import { fakeOpenAI } from "sightline/testing";
import { z } from "zod";

configure({ sinks: [consoleSink()] });

const fake = await fakeOpenAI({ answer: () => ({ calls: [{ name: "add", arguments: '{"a":3,"b":11}' }] }) });
const openai = createOpenAI({ baseURL: fake.baseURL, apiKey: fake.apiKey, fetch: tracedFetch() });

const add = tool({
  description: "adds two numbers",
  inputSchema: z.object({ a: z.number(), b: z.number() }),
  execute: observe({ name: "add", type: "tool" }, async ({ a, b }) => a + b),
});

const ask = observe("ask", async (prompt) => {
  const { text } = await generateText({
    model: openai.chat("gpt-4o"),
    prompt,
    tools: { add },
    stopWhen: isStepCount(2),
  });
  return text;
});

await ask("What is 3 + 11?");
await shutdown();
await fake.close();
