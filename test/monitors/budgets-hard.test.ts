import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import OpenAI from "openai";
import { configure, flush, shutdown, stats } from "../../src/configure.ts";
import { ConfigError } from "../../src/core/errors.ts";
import type { TraceInfo } from "../../src/core/record.ts";
import { type Budgets, budgets } from "../../src/monitors/budgets/budgets.ts";
import type { HardLimit } from "../../src/monitors/budgets/budgets-options.ts";
import { withTrace } from "../../src/observe/trace.ts";
import { tracedFetch } from "../../src/openai/wire/traced-fetch.ts";
import { staticPrices } from "../../src/pricing/static-prices.ts";
import { type MemorySink, memorySink } from "../../src/sinks/memory.ts";
import { type FakeOpenAI, fakeOpenAI } from "../../src/testing/fake-openai.ts";
import { assertBooks } from "../support/books.ts";
import { call, made } from "./budgets-lab.ts";

afterEach(() => shutdown());

const daily = { name: "daily", usd: 10, per: "day" as const, hard: true };

test("a hard limit that is used up refuses, and says which, how much, until when, and the way out", () => {
  const { start, spend, status } = made([daily]);
  assert.equal(start(), undefined);
  spend(10.02);
  assert.deepEqual(start(), {
    refuse: {
      code: "budget_exceeded",
      message:
        'Budget "daily" is used up: 10.02 of 10.00 USD spent in 2026-01-01. It opens again at 2026-01-02T00:00:00.000Z. ' +
        "Until then: raise its usd, or give it a function as hard that picks a cheaper model.",
    },
  });
  start();
  assert.deepEqual([status().refused, status().overshootUsd, status().hard], [2, 0.02, true]);
});

test("a limit that is not hard refuses nobody and asks for no records in the caller's turn", () => {
  const { start, spend, monitor, status } = made([{ ...daily, hard: false }]);
  spend(11);
  assert.equal(start(), undefined);
  assert.deepEqual([status().hard, status().inFlight], [false, 0]);
  assert.deepEqual(monitor.policy, { unsampled: true });
  assert.deepEqual(made([daily]).monitor.policy, { unsampled: true, durability: "record" });
});

test("calls under way hold back what such calls have cost, until their record comes or they end without one", () => {
  const { start, monitor, status, spend } = made([daily]);
  spend(2, {}, "gpt-4.1");
  spend(4, {}, "gpt-4.1");
  spend(0.5, {}, "o3");
  assert.equal(start({}, "gpt-4.1", "a"), undefined);
  assert.deepEqual([status().inFlight, status().reservedUsd], [1, 3]);
  assert.equal(start({}, "o3", "b"), undefined, "9.5 of 10");
  const refused = start({}, "o3", "c");
  assert.match(
    refused!.refuse!.message,
    /6\.50 of 10\.00 USD spent in 2026-01-01, 3\.50 USD held back for 2 calls under way\./,
  );
  monitor.modelCalls.ended("t", "b");
  assert.equal(start({}, "unknown", "d"), undefined, "of which nothing is held back yet");
  monitor.write([call({ traceId: "t", spanId: "a", usd: 3.6 })]);
  assert.deepEqual([status().inFlight, status().reservedUsd, status().spentUsd], [1, 0, 10.1]);
  monitor.modelCalls.ended("t", "a");
  monitor.modelCalls.ended("t", "d");
  monitor.modelCalls.ended("t", "never heard of");
  assert.deepEqual([status().inFlight, status().reservedUsd], [0, 0]);
});

test("the attempts of one call hold back once, and not against themselves", () => {
  const { start, status, spend } = made([daily]);
  spend(6);
  assert.equal(start({}, "gpt-4.1", "a"), undefined);
  assert.equal(start({}, "gpt-4.1", "a"), undefined, "6 spent, and the 6 are its own");
  assert.deepEqual([status().inFlight, status().reservedUsd], [1, 6]);
  assert.ok(start({}, "gpt-4.1", "b")?.refuse);
});

test("50 callers who begin at once overshoot by what they were at, and not by a call more", () => {
  const { start, monitor, status } = made([{ ...daily, usd: 1 }]);
  const under = new Map<string, number>();
  let most = 0;
  for (let round = 0; round < 200; round++) {
    for (let i = under.size; i < 50; i++) {
      const id = `${round} ${i}`;
      if (start({}, "gpt-4.1", id) === undefined) under.set(id, 0.01 + (i % 5) / 100);
    }
    most = Math.max(most, under.size);
    const [ended] = under;
    if (ended === undefined) continue;
    const [spanId, usd] = ended;
    under.delete(spanId);
    monitor.write([call({ traceId: "t", spanId, usd })]);
  }
  assert.equal(under.size, 0);
  assert.equal(most, 50);
  assert.ok(status().spentUsd >= 1 && status().overshootUsd <= 50 * 0.05, `${status().overshootUsd}`);
  assert.ok(status().refused > 0);
});

test("nobody is stopped by the budget of another team, feature, user or model", () => {
  for (const by of ["team", "feature", "user", "model"] as const) {
    const { start, spend } = made([{ ...daily, by }]);
    const who = (name: string): [TraceInfo, string] =>
      by === "model" ? [{}, name] : [{ [by === "user" ? "userId" : by]: name }, "gpt-4.1"];
    spend(11, ...who("a"));
    const refused = start(...who("a"));
    assert.match(refused!.refuse!.message, by === "user" ? /"daily" of this user is used up/ : /of \w+ "a" is used up/);
    assert.equal(start(...who("b")), undefined);
  }
  const { start, spend } = made([{ ...daily, where: { team: "a" } }]);
  spend(11, { team: "a" });
  assert.ok(start({ team: "a" })?.refuse);
  assert.equal(start({ team: "b" }), undefined);
  assert.equal(start(), undefined);
});

test("a function chooses a cheaper model, lets a call pass, or refuses; it knows the call and the status", () => {
  const asked: unknown[] = [];
  const hard: HardLimit = (one, status) => {
    asked.push([one.model, one.trace.feature, status.budget, status.spentUsd]);
    if (one.trace.feature === "vital") return undefined;
    return one.trace.feature === "chat" ? { model: "gpt-4.1-nano" } : "refuse";
  };
  const { start, spend, status, monitor } = made([{ ...daily, hard }]);
  spend(10);
  assert.deepEqual(start({ feature: "chat" }), { model: "gpt-4.1-nano" });
  assert.equal(start({ feature: "vital" }), undefined);
  assert.ok(start({ feature: "batch" })?.refuse);
  assert.deepEqual(asked[0], ["gpt-4.1", "chat", "daily", 10]);
  assert.deepEqual([status().rerouted, status().refused, status().inFlight], [1, 1, 2]);
  assert.equal(monitor.modelFor("gpt-4.1", { feature: "chat" }), "gpt-4.1-nano");
  assert.equal(monitor.modelFor("gpt-4.1", { feature: "vital" }), "gpt-4.1");
  assert.equal(monitor.modelFor("gpt-4.1", { feature: "batch" }), undefined);
  assert.deepEqual([status().rerouted, status().refused, status().inFlight], [1, 1, 2], "asking counts nothing");
});

test("the model that one limit wants is judged by the limits on that model", () => {
  const limits = [
    { ...daily, name: "all", hard: () => ({ model: "nano" }) },
    { ...daily, name: "on nano", usd: 1, where: { model: "nano" } },
  ];
  const { start, spend, monitor } = made(limits);
  spend(10, {}, "gpt-4.1");
  assert.deepEqual(start(), { model: "nano" });
  spend(1, {}, "nano");
  assert.match(start()!.refuse!.message, /"on nano" is used up/);
  // Two that send calls to each other's model come to an end.
  const ring = made([
    { ...daily, name: "a", where: { model: "x" }, hard: () => ({ model: "y" }) },
    { ...daily, name: "b", where: { model: "y" }, hard: () => ({ model: "x" }) },
  ]);
  ring.spend(10, {}, "x");
  ring.spend(10, {}, "y");
  assert.deepEqual(ring.start({}, "x"), { model: "x" });
  assert.deepEqual(
    monitor.status().map(({ rerouted }) => rerouted),
    [1, 0],
  );
});

test("a function that throws, or gives anything else, refuses", async () => {
  const wrong = [
    () => assert.fail("mine"),
    async () => assert.fail("late"),
    () => ({ model: "" }),
    () => null,
    () => true,
  ];
  for (const hard of wrong as unknown as HardLimit[]) {
    const { start, spend } = made([{ ...daily, hard }]);
    spend(10);
    assert.ok(start()?.refuse, String(hard));
  }
  await new Promise(setImmediate);
});

test("no more than 10,000 calls are held to be under way", () => {
  const { start, status, spend } = made([{ ...daily, usd: 1e6 }]);
  spend(1);
  for (let i = 0; i < 10_050; i++) start({}, "gpt-4.1", `span ${i}`);
  assert.deepEqual([status().inFlight, status().reservedUsd], [10_000, 10_000]);
});

test("bad options are ConfigErrors that name the limit, the option and the way out", () => {
  const limit = (part: object) => ({ limits: [{ name: "daily", usd: 10, per: "day", ...part }] });
  const wrong: [options: unknown, message: RegExp][] = [
    [undefined, /takes an object of options/],
    [{}, /takes limits: at least one/],
    [{ limits: [] }, /takes limits: at least one/],
    [{ limits: {} }, /limits }\) takes an array/],
    [{ limits: [7] }, /takes objects as limits; number 1 is 7/],
    [{ limit: [] }, /no option "limit"/],
    [{ ...limit({}), onTreshold: () => {} }, /no option "onTreshold"/],
    [{ ...limit({}), state: {} }, /state, such as stateFile/],
    [{ ...limit({}), clock: Date }, /a clock with epochMs/],
    [{ ...limit({}), name: "" }, /takes a name/],
    [limit({ usd: 0 }), /limit "daily" takes as usd an amount in USD above 0; it got 0\./],
    [limit({ usd: -5 }), /it got -5/],
    [limit({ usd: Number.NaN }), /it got NaN/],
    [limit({ usd: Number.POSITIVE_INFINITY }), /it got Infinity/],
    [limit({ usd: "10" }), /it got "10"/],
    [limit({ per: "week" }), /as per "hour", "day" or "month"; it got "week"/],
    [limit({ per: undefined }), /as per/],
    [limit({ name: "" }), /limit number 1 takes as name a name/],
    [limit({ by: "session" }), /as by "model", "feature", "team" or "user"; it got "session"/],
    [limit({ where: { session: "x" } }), /as where an object/],
    [limit({ where: { team: 7 } }), /as where an object/],
    [limit({ where: {} }), /as where an object/],
    [
      limit({ timeZone: "Europe/Atlantis" }),
      /as timeZone the name of a time zone, such as "Europe\/Berlin"; it got "Europe\/A/,
    ],
    [limit({ warn: 0 }), /as warn a share/],
    [limit({ critical: 1.5 }), /as critical a share/],
    [limit({ warn: 0.9, critical: 0.5 }), /would warn at 0.9, after critical at 0.5/],
    [limit({ hard: "yes" }), /as hard true, false/],
    [limit({ model: "x" }), /limit "daily" has no option "model"\. It takes: name, usd/],
    [{ limits: [limit({}).limits[0], limit({}).limits[0]] }, /two limits of the name "daily"/],
  ];
  for (const [options, message] of wrong) {
    assert.throws(
      () => budgets(options as never),
      (error) => error instanceof ConfigError && message.test(error.message),
      String(message),
    );
  }
  // One of the two alone does not stumble over the default of the other.
  for (const part of [{ warn: 0.99 }, { critical: 0.5 }, { hard: undefined, where: undefined }])
    budgets(limit(part) as never);
});

// Hard limits from end to end: real clients, a real server on loopback, `configure` and `tracedFetch`.

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
