// LangChain: its models take the options of the openai client, with its `fetch`, under `configuration`.
import { ChatPromptTemplate } from "@langchain/core/prompts";
import { ChatOpenAI } from "@langchain/openai";
import { configure, consoleSink, observe, shutdown } from "sightline";
import { tracedFetch } from "sightline/openai";
import { fakeOpenAI } from "sightline/testing";

configure({ sinks: [consoleSink()] });

const fake = await fakeOpenAI();
const model = new ChatOpenAI({
  model: "gpt-4o",
  apiKey: fake.apiKey,
  configuration: { baseURL: fake.baseURL, fetch: tracedFetch() },
});
const chain = ChatPromptTemplate.fromTemplate("Solve {equation}.").pipe(model);

const solve = observe("solve", async (equation) => (await chain.invoke({ equation })).text);

await solve("3x + 11 = 14");
await shutdown();
await fake.close();
