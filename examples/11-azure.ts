// Azure OpenAI: the same `fetch` option. The model that is asked for is a deployment; the answer names what is behind it,
// and that is what it is priced by.
import { AzureOpenAI } from "openai";
import { configure, consoleSink, observe } from "sightline";
import { tracedFetch } from "sightline/openai";
import { fakeOpenAI } from "sightline/testing";

configure({ sinks: [consoleSink()] });

await using fake = await fakeOpenAI();
const azure = new AzureOpenAI({
  endpoint: process.env.AZURE_OPENAI_ENDPOINT ?? fake.endpoint,
  apiKey: process.env.AZURE_OPENAI_API_KEY ?? fake.apiKey,
  apiVersion: "2024-10-21",
  // Behind *.openai.azure.com this needs no telling.
  fetch: tracedFetch({ provider: "azure.ai.openai" }),
});

const ask = observe({ name: "ask" }, async (question: string): Promise<string> => {
  const stream = await azure.chat.completions.create({
    model: "my-gpt-4o",
    messages: [{ role: "user", content: question }],
    stream: true,
    // Without it a stream does not say what it used.
    stream_options: { include_usage: true },
  });
  let answer = "";
  for await (const { choices } of stream) answer += choices[0]?.delta.content ?? "";
  return answer;
});

console.log(await ask("Solve 3x + 11 = 14."));
