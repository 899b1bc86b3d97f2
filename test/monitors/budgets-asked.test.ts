/** What a hard limit knows of a call before it is made: under which names its model and user go, and who may ask again. */
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import OpenAI from "openai";
import { configure, shutdown } from "../../src/configure.ts";
import type { StartingCall } from "../../src/core/call-watch.ts";
import { hashUserId, keepUserIdHasher } from "../../src/core/user-id.ts";
import { budgets } from "../../src/monitors/budgets/budgets.ts";
import { withTrace } from "../../src/observe/trace.ts";
import { tracedFetch } from "../../src/openai/wire/traced-fetch.ts";
import { staticPrices } from "../../src/pricing/static-prices.ts";
import { fakeOpenAI } from "../../src/testing/fake-openai.ts";
import { call, made, memoryState } from "./budgets-lab.ts";

afterEach(() => shutdown());

const daily = { name: "daily", usd: 10, per: "day" as const, hard: true };
const DATED = "gpt-4.1-2025-04-14";
const KEY = "0123456789abcdef0123";

/** A call of `gpt-4.1`, as the dated one answers it. */
function answered(usd: number, responseModel = DATED): ReturnType<typeof call> {
  return call({ usd, genAi: { operation: "chat", requestModel: "gpt-4.1", responseModel } });
}

test("a limit on the name that answers refuses calls that ask by the other name, also in the next process", () => {
  const state = memoryState();
  const limit = { ...daily, where: { model: DATED } };
  const { monitor, start } = made([limit], { state });
  monitor.write([answered(11)]);
  assert.ok(start({}, "gpt-4.1")?.refuse);
  assert.ok(start({}, DATED)?.refuse);
  assert.equal(start({}, "gpt-4.1-mini"), undefined);
  assert.equal(monitor.modelFor("gpt-4.1"), undefined);
  // One that failed before any model had answered says nothing about names.
  monitor.write([call({ status: { code: "error" }, usage: undefined as never })]);
  assert.ok(start({}, "gpt-4.1")?.refuse);
  assert.equal(monitor.status()[0]!.calls, 2, "and is of the model that would have");
  monitor.flush!();
  assert.ok(made([limit], { state }).start({}, "gpt-4.1")?.refuse);
  monitor.write([answered(0, "gpt-4.1")]);
  assert.equal(start({}, "gpt-4.1"), undefined, "the name has come to mean another model");
});

test("names that are asked for are remembered for 200 models", () => {
  const state = memoryState();
  const { monitor } = made([daily], { state });
  for (let i = 0; i < 1_000; i++) {
    monitor.write([
      call({ usd: 0, genAi: { operation: "chat", requestModel: `m${i}`, responseModel: `m${i}-dated` } }),
    ]);
  }
  monitor.flush!();
  assert.equal((state.load("budgets") as { answered: unknown[] }).answered.length, 200);
});

test("from end to end: 20 calls of a model that answers by its dated name are refused after the third", async () => {
  const edit = (body: object): object => ({ ...body, model: DATED });
  await using api = await fakeOpenAI({
    answer: () => "four".repeat(100),
    script: [{ match: "POST /chat/completions", edit }] as never,
  });
  const monitor = budgets({ limits: [{ ...daily, usd: 0.1, where: { model: DATED } }] });
  configure({ sinks: [monitor], prices: staticPrices({ [DATED]: { input: 0, output: 400 } }) });
  const openai = new OpenAI({ baseURL: api.baseURL, apiKey: api.apiKey, fetch: tracedFetch() });
  const request = { model: "gpt-4.1", messages: [{ role: "user" as const, content: "q" }] };
  const answers: unknown[] = [];
  for (let i = 0; i < 20; i++) {
    answers.push(
      await openai.chat.completions.create(request).then(
        ({ model }) => model,
        ({ status }) => status,
      ),
    );
  }
  assert.deepEqual(answers, [DATED, DATED, DATED, ...Array(17).fill(402)]);
});

test("a model is no answer where the request cannot be changed: the call is refused", () => {
  const asked: unknown[] = [];
  const hard = ({ model }: { model?: string | undefined }) => {
    asked.push(model);
    return { model: "nano" };
  };
  const { monitor, spend, status } = made([{ ...daily, hard }]);
  spend(10);
  const fixed = (model: string, canReroute: boolean): StartingCall => ({
    traceId: "t",
    spanId: `${model} ${canReroute}`,
    model,
    trace: {},
    canReroute,
  });
  assert.equal(monitor.modelCalls.starting(fixed("gpt-4.1", false))?.refuse?.code, "budget_exceeded");
  assert.equal(monitor.modelCalls.starting(fixed("nano", false)), undefined, "it is the one that is wanted");
  assert.deepEqual(monitor.modelCalls.starting(fixed("gpt-4.1", true)), { model: "nano" });
  assert.deepEqual(asked, ["gpt-4.1", "nano", "gpt-4.1"]);
  assert.deepEqual([status().refused, status().rerouted, status().inFlight], [1, 1, 2]);
});

test("a call that is asked about again, by its wrapper and when it is tried again, is one that was rerouted", () => {
  const { monitor, spend, status, start } = made([{ ...daily, hard: () => ({ model: "nano" }) }]);
  spend(10);
  for (let attempt = 0; attempt < 3; attempt++) {
    assert.deepEqual(start({}, "gpt-4.1", "a"), { model: "nano" });
    if (attempt === 1) monitor.modelCalls.ended("t", "a");
  }
  start({}, "gpt-4.1", "b");
  assert.deepEqual([status().rerouted, status().inFlight], [2, 2]);
});

test("a wrapper without a model holds nothing back; the request in it holds back what its model costs, once", () => {
  const limits = [daily, { ...daily, name: "by model", by: "model" as const }];
  const { monitor, spend, start } = made(limits);
  spend(3);
  const held = () => monitor.status().map(({ budget, inFlight, reservedUsd }) => [budget, inFlight, reservedUsd]);
  monitor.modelCalls.starting({ traceId: "t", spanId: "a", trace: {} });
  assert.deepEqual(held(), [
    ["daily", 1, 0],
    ["by model", 0, 0],
  ]);
  const once = [
    ["daily", 1, 3],
    ["by model", 1, 3],
  ];
  start({}, "gpt-4.1", "a");
  assert.deepEqual(held(), once);
  start({}, "gpt-4.1", "a");
  monitor.modelCalls.starting({ traceId: "t", spanId: "a", trace: {} });
  assert.deepEqual(held(), once);
  monitor.write([call({ traceId: "t", spanId: "a", usd: 3 })]);
  assert.deepEqual(held(), [
    ["daily", 0, 0],
    ["by model", 0, 0],
  ]);
});

test("with userIdKey, users go by the name that the program gives, and by the hash that records have", () => {
  // As `configure` may come after `budgets()`.
  const { monitor, spend, start } = made([{ ...daily, where: { user: "alice" } }]);
  const perUser = made([{ ...daily, by: "user" }]);
  const alice = hashUserId("alice", KEY);
  keepUserIdHasher((id) => hashUserId(id, KEY));
  try {
    spend(11, { userId: alice });
    spend(11, { userId: hashUserId("bob", KEY) });
    assert.equal(monitor.status()[0]!.spentUsd, 11);
    assert.ok(start({ userId: alice })?.refuse);
    assert.equal(start({ userId: hashUserId("bob", KEY) }), undefined);
    perUser.spend(11, { userId: alice });
    assert.deepEqual(
      ["alice", alice, "bob"].map((user) => perUser.monitor.modelFor("gpt-4.1", { user })),
      [undefined, undefined, "gpt-4.1"],
    );
    const values = perUser.monitor.read("budget_used", { windowMs: 1, where: { user: "alice" } });
    assert.deepEqual(
      values.map(({ value }) => value),
      [1.1],
    );
  } finally {
    keepUserIdHasher(undefined);
  }
});

test("from end to end: a limit for one user stops that user, whose id no record has", async () => {
  await using api = await fakeOpenAI({ answer: () => "four".repeat(100) });
  const monitor = budgets({ limits: [{ ...daily, usd: 0.05, where: { user: "alice" } }] });
  configure({ sinks: [monitor], prices: staticPrices({ "gpt-4.1": { input: 0, output: 400 } }), userIdKey: KEY });
  const openai = new OpenAI({ baseURL: api.baseURL, apiKey: api.apiKey, fetch: tracedFetch() });
  const request = { model: "gpt-4.1", messages: [{ role: "user" as const, content: "q" }] };
  const ask = (userId: string): Promise<unknown> =>
    withTrace({ userId }, () =>
      openai.chat.completions.create(request).then(
        ({ model }) => model,
        ({ status }) => status,
      ),
    );
  const answers: unknown[] = [];
  for (const user of ["alice", "alice", "alice", "bob"]) answers.push(await ask(user));
  assert.deepEqual(answers, ["gpt-4.1", "gpt-4.1", 402, "gpt-4.1"]);
});
