import OpenAI from "openai";
import { fakeOpenAI } from "sightline/testing";

/** A real client: to OPENAI_BASE_URL when a key is set, else to a scripted server on loopback. */
export async function connect(): Promise<{ openai: OpenAI; close: () => Promise<void> }> {
  const { OPENAI_API_KEY: apiKey, OPENAI_BASE_URL: baseURL } = process.env;
  if (apiKey) return { openai: new OpenAI({ apiKey, baseURL }), close: async () => {} };
  // Slow enough to be seen in the waterfall.
  const server = await fakeOpenAI({ latencyMs: 40, pollAfterMs: 400 });
  return {
    openai: new OpenAI({ apiKey: server.apiKey, baseURL: server.baseURL }),
    close: () => server.close(),
  };
}
