/** Hard limits from end to end: real clients, a real server on loopback, `configure` and `tracedFetch`. */
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import OpenAI from "openai";
import { configure, flush, shutdown, stats } from "../../src/configure.ts";
import { type Budgets, budgets } from "../../src/monitors/budgets/budgets.ts";
import { withTrace } from "../../src/observe/trace.ts";
import { tracedFetch } from "../../src/openai/wire/traced-fetch.ts";
import { staticPrices } from "../../src/pricing/static-prices.ts";
import { type MemorySink, memorySink } from "../../src/sinks/memory.ts";
import { type FakeOpenAI, fakeOpenAI } from "../../src/testing/fake-openai.ts";
import { assertBooks } from "../support/books.ts";

afterEach(() => shutdown());

const CALLERS = 50;
const PRICES = staticPrices({ "gpt-4.1": { input: 0, output: 400 }, "gpt-4.1-nano": { input: 0, output: 40 } });

/** Answers that cost 0.01 to 0.05 USD at the price above. */
function server(): Promise<FakeOpenAI> {
  let n = 0;
  return fakeOpenAI({ answer: () => "four".repeat(25 * (1 + (n++ % 5))), latencyMs: 5 });
}

function traced(monitor: Budgets): MemorySink {
  const sink = memorySink();
  configure({ sinks: [monitor, sink], prices: PRICES, sampleRate: 0 });
  return sink;
}

/** One call for the team; `402` when it was refused. */
async function ask(openai: OpenAI, team: string, isStreamed = false): Promise<unknown> {
  return withTrace({ team }, async () => {
    const request = { model: "gpt-4.1", messages: [{ role: "user" as const, content: "q" }] };
    try {
      if (!isStreamed) return (await openai.chat.completions.create(request)).model;
      const stream = await openai.chat.completions.create({
        ...request,
        stream: true,
        stream_options: { include_usage: true },
      });
      let chunks = 0;
      for await (const _ of stream) chunks++;
      return chunks;
    } catch (error) {
      if (error instanceof OpenAI.APIError && error.status === 402) return error.status;
      throw error;
    }
  });
}

test("a hard cap of 1 USD under 50 concurrent callers overshoots by at most the calls under way, says so, and blocks nobody else", async () => {
  await using api = await server();
  const monitor = budgets({
    limits: [
      { name: "alpha", usd: 1, per: "day", where: { team: "alpha" }, hard: true },
      { name: "each team", usd: 2.5, per: "day", by: "team", hard: true },
    ],
  });
  // Nothing is sampled, and the budget sees every call all the same.
  configure({ sinks: [monitor], prices: PRICES, sampleRate: 0 });
  const openai = new OpenAI({ baseURL: api.baseURL, apiKey: api.apiKey, fetch: tracedFetch() });
  let [made, refused, betas] = [0, 0, 0];
  let madeSinceRefusal = 0;
  let underWay = 0;
  let mostUnderWay = 0;

  const alpha = async (caller: number): Promise<void> => {
    for (let refusals = 0; refusals < 2; ) {
      mostUnderWay = Math.max(mostUnderWay, ++underWay);
      const answer = await ask(openai, "alpha", caller % 5 === 0);
      underWay--;
      if (answer === 402) {
        refusals++;
        refused++;
      } else {
        made++;
        if (monitor.status()[0]!.spentUsd >= 1) madeSinceRefusal++;
      }
    }
  };
  const beta = async (): Promise<void> => {
    for (let i = 0; i < 10; i++) {
      assert.notEqual(await ask(openai, "beta"), 402);
      betas++;
    }
  };
  await Promise.all([...Array.from({ length: CALLERS }, (_, i) => alpha(i)), beta(), beta()]);

  const [status, ...teams] = monitor.status();
  assert.equal(mostUnderWay, CALLERS);
  assert.ok(status!.spentUsd >= 1, `${status!.spentUsd} USD: it was used up`);
  assert.equal(status!.overshootUsd, Math.round((status!.spentUsd - 1) * 1e12) / 1e12);
  assert.ok(status!.overshootUsd <= CALLERS * 0.05, `${status!.overshootUsd} USD over`);
  assert.ok(madeSinceRefusal <= CALLERS, `${madeSinceRefusal} calls ended after it was used up`);
  assert.deepEqual([status!.calls, status!.refused, status!.inFlight, status!.reservedUsd], [made, refused, 0, 0]);
  assert.equal(refused, CALLERS * 2, "each refusal was asked for once: the client does not try a 402 again");
  assert.equal(api.requests.length, made + betas, "what was refused never left");
  const team = Object.fromEntries(teams.map(({ group, ...rest }) => [group!.team, rest]));
  assert.deepEqual([team["beta"]!.calls, team["beta"]!.refused], [20, 0]);
  assert.equal(team["alpha"]!.spentUsd, status!.spentUsd);
  assert.match(monitor.report(), /^alpha +– /m);
  assertBooks(stats());
});

test("a call that follows the one that used it up is refused, with no turn of the event loop between them", async () => {
  await using api = await server();
  const monitor = budgets({ limits: [{ name: "tiny", usd: 0.01, per: "day", hard: true }] });
  const sink = traced(monitor);
  const openai = new OpenAI({ baseURL: api.baseURL, apiKey: api.apiKey, fetch: tracedFetch() });
  assert.equal(await ask(openai, "alpha"), "gpt-4.1");
  assert.equal(await ask(openai, "alpha"), 402);
  assert.equal(await ask(openai, "alpha", true), 402);
  assert.deepEqual([monitor.status()[0]!.refused, api.requests.length], [2, 1]);
  await flush();
  assert.equal(sink.records.length, 0, "which is not sampled");
});

test("a cheaper model is what the server is asked for, and what the record and the budget have", async () => {
  await using api = await server();
  const monitor = budgets({
    limits: [{ name: "cheap", usd: 0.01, per: "day", hard: () => ({ model: "gpt-4.1-nano" }) }],
  });
  traced(monitor);
  const openai = new OpenAI({ baseURL: api.baseURL, apiKey: api.apiKey, fetch: tracedFetch() });
  for (let i = 0; i < 3; i++) await ask(openai, "alpha");
  assert.deepEqual(
    api.requests.map(({ body }) => (body as { model: string }).model),
    ["gpt-4.1", "gpt-4.1-nano", "gpt-4.1-nano"],
  );
  assert.equal(monitor.status()[0]!.rerouted, 2);
  assert.deepEqual(
    monitor.attribution({ by: "model" }).rows.map(({ group, calls }) => [group.model, calls]),
    [
      ["gpt-4.1", 1],
      ["gpt-4.1-nano", 2],
    ],
  );
});
