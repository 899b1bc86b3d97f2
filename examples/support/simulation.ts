/** A day in seconds: time that only passes when nothing else is to be done, and a model server that has bad hours. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { type FakeClock, fakeClock } from "sightline/testing";

export interface Simulation {
  readonly clock: FakeClock;
  /** When it began, in epoch milliseconds. */
  readonly epoch: number;
  /** Milliseconds since the simulation began. */
  now(): number;
  /** Resolves when so much simulated time has passed. */
  sleep(ms: number): Promise<void>;
  /** Lets time pass, event after event, until `endMs`. */
  run(endMs: number): Promise<void>;
}

/** 2026-11-20T00:00:00Z, a Friday. */
const START = Date.UTC(2026, 10, 20);

export function simulation(): Simulation {
  const clock = fakeClock(START);
  const events: { readonly at: number; readonly resolve: () => void }[] = [];
  const now = (): number => clock.epochMs() - START;
  return {
    clock,
    epoch: START,
    now,
    sleep(ms) {
      return new Promise((resolve) => {
        const at = now() + ms;
        const place = events.findLastIndex((event) => event.at <= at);
        events.splice(place + 1, 0, { at, resolve });
      });
    },
    async run(endMs) {
      for (;;) {
        // A few turns, so that whatever the last event has set going has come to its next `sleep`.
        for (let turn = 0; turn < 3; turn++) await nextTurn();
        const next = events[0];
        if (next === undefined || next.at > endMs) break;
        events.shift();
        clock.advance(Math.max(0, next.at - now()));
        next.resolve();
      }
      clock.advance(Math.max(0, endMs - now()));
    },
  };
}

/** Uniform numbers from 0 to 1 that a seed repeats (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** How the model server is at the moment. */
export interface Weather {
  /** Of all answers, so many times as slow. */
  slowness: number;
  /** Calls a minute that it takes; the rest gets 429. */
  callsPerMinute: number;
  /** The share of calls that it answers with 503. */
  outage: number;
  /** Answers have nothing to do with the question. */
  isConfused: boolean;
}

export const fairWeather = (): Weather => ({
  slowness: 1,
  callsPerMinute: 600,
  outage: 0,
  isConfused: false,
});

const CONFUSED =
  "Preheat the oven to 180 degrees. Mix flour, sugar and cocoa powder, then always add eggs and milk. Everyone knows it definitely never fails.";

/** OpenAI's chat completions, as a `fetch` that takes simulated time. */
export function simulatedOpenAI(world: Simulation, random: () => number, weather: Weather): typeof fetch {
  let minute = -1;
  let calls = 0;
  return async (_, init) => {
    const request = JSON.parse(String(init?.body));
    if (Math.floor(world.now() / 60_000) !== minute) [minute, calls] = [Math.floor(world.now() / 60_000), 0];
    calls++;
    const left = Math.max(0, weather.callsPerMinute - calls);
    const headers = {
      "content-type": "application/json",
      "x-request-id": `req_${Math.floor(random() * 2 ** 32).toString(16)}`,
      "x-ratelimit-limit-requests": String(weather.callsPerMinute),
      "x-ratelimit-remaining-requests": String(left),
      "x-ratelimit-reset-requests": `${60 - Math.floor((world.now() / 1000) % 60)}s`,
    };
    const fail = async (status: number, code: string, message: string) => {
      await world.sleep(80 + 200 * random());
      return Response.json({ error: { message, type: code, code, param: null } }, { status, headers });
    };
    if (random() < weather.outage) return fail(503, "server_error", "The server is overloaded.");
    if (calls > weather.callsPerMinute) return fail(429, "rate_limit_exceeded", "Rate limit reached for requests.");
    if (random() < 0.003) return fail(500, "server_error", "The server had an error.");

    const prompt: string = request.messages.at(-1).content;
    const content = weather.isConfused ? CONFUSED : answerTo(prompt, random);
    const promptTokens = Number(/\[(\d+) tokens\]/.exec(prompt)?.[1] ?? 400);
    const wanted = Number(/\[(\d+) tokens back\]/.exec(prompt)?.[1] ?? 120);
    const completionTokens = Math.min(wanted, request.max_completion_tokens ?? wanted);
    // Lognormal, median 1.2 s: what an answer of some hundred tokens takes.
    await world.sleep(1_200 * weather.slowness * Math.exp(0.45 * normal(random)));
    return Response.json(
      {
        id: `chatcmpl-${Math.floor(random() * 2 ** 32).toString(16)}`,
        object: "chat.completion",
        created: Math.floor(world.clock.epochMs() / 1000),
        model: request.model,
        choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content, refusal: null } }],
        usage: {
          prompt_tokens: promptTokens,
          completion_tokens: completionTokens,
          total_tokens: promptTokens + completionTokens,
        },
      },
      { headers },
    );
  };
}

function answerTo(prompt: string, random: () => number): string {
  const words = prompt.match(/\p{L}{4,}/gu) ?? [];
  const kept = words.filter(() => random() < 0.9).join(" ");
  return `Based on what you sent, ${kept} appears to hold. It may be worth a second look, as the figures are approximate.`;
}

export function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
