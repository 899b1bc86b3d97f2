import { test } from "node:test";
import OpenAI6 from "openai";
import OpenAI4 from "openai4";
import OpenAI5 from "openai5";
import { type FakeOpenAI, type FakeOpenAIOptions, fakeOpenAI } from "../../src/testing/fake-openai.ts";

/** The real clients. What the tests use of them has the same types in all three. */
export const CLIENTS: { readonly [name: string]: typeof OpenAI6 } = {
  "openai 4": OpenAI4 as unknown as typeof OpenAI6,
  "openai 5": OpenAI5 as unknown as typeof OpenAI6,
  "openai 6": OpenAI6,
};

export interface ClientCase {
  readonly openai: OpenAI6;
  readonly fake: FakeOpenAI;
  readonly isV4: boolean;
  /** What `runs.retrieve` and the like take: the ids came first in 4. */
  path(thread_id: string, run_id: string, rest?: object): [string, any];
  /** An assistant with these tools, and a thread that asks it something. */
  ask(tools?: readonly object[]): Promise<{ assistant_id: string; thread_id: string }>;
}

export const QUESTION = "I need to solve the equation `3x + 11 = 14`. Can you help me?";
export const ANSWER = "Subtract 11 from both sides, then divide by 3: x = 1.";
export const WEATHER = {
  type: "function",
  function: { name: "get_weather", parameters: { type: "object", properties: { city: { type: "string" } } } },
} as const;
export const TIME = {
  type: "function",
  function: { name: "get_time", parameters: { type: "object", properties: {} } },
} as const;

/** Registers a test for each client, which talks to a server with these options; nothing is tried again. */
export function eachClient(what: string, options: FakeOpenAIOptions, run: (one: ClientCase) => Promise<void>): void {
  for (const [name, Client] of Object.entries(CLIENTS)) {
    test(`${name}: ${what}`, async () => {
      await using fake = await fakeOpenAI(options);
      const openai = new Client({ baseURL: fake.baseURL, apiKey: fake.apiKey, maxRetries: 0 });
      const isV4 = name === "openai 4";
      const path: ClientCase["path"] = (thread_id, run_id, rest = {}) =>
        isV4 ? ([thread_id, run_id, rest] as unknown as [string, any]) : [run_id, { thread_id, ...rest }];
      const ask: ClientCase["ask"] = async (tools = []) => {
        const assistant = await openai.beta.assistants.create({
          name: "Math Tutor",
          instructions: "You are a personal math tutor.",
          model: "gpt-4",
          tools: [...tools] as any[],
        });
        const thread = await openai.beta.threads.create();
        await openai.beta.threads.messages.create(thread.id, { role: "user", content: QUESTION });
        return { assistant_id: assistant.id, thread_id: thread.id };
      };
      await run({ openai, fake, isV4, path, ask });
    });
  }
}
