import assert from "node:assert/strict";
import { test } from "node:test";
import { budgets } from "../../src/monitors/budgets/budgets.ts";
import { fakeClock } from "../../src/testing/fake-clock.ts";
import { sampleFinding, sampleScore, sampleSpan } from "../../src/testing/sample-records.ts";
import { sinkContract } from "../../src/testing/sink-contract.ts";
import { call, DAY, HOUR, MINUTE, made, memoryState } from "./budgets-lab.ts";

sinkContract(() => budgets({ limits: [{ name: "daily", usd: 1, per: "day", by: "user", hard: true }] }));

test("every span's money counts once, exactly, whatever kind of span it is; nothing else does", () => {
  const { monitor, spent } = made([{ name: "daily", usd: 100, per: "day" }]);
  const first = call({ usd: 0.1 });
  monitor.write([first, first, { ...first, seq: 2 }]);
  for (let i = 0; i < 999; i++) monitor.write([call({ usd: 0.1 })]);
  assert.equal(spent(), 100, "a thousand times 0.1, which is 99.9999999999986 in floating point");
  monitor.write([call({ usd: 0.000_000_000_001 })]);
  assert.equal(spent(), 100.000000000001);
  const { cost } = call({ usd: 0.25 });
  monitor.writeSync([call({ type: "agent", genAi: {}, cost: cost!, usage: {} }), call({ type: "tool", cost: cost! })]);
  assert.equal(spent(), 100.500000000001);
  assert.equal(monitor.status()[0]!.calls, 1001, "fees are money and no calls");
  monitor.write([sampleScore(), sampleFinding(), sampleSpan(), call({ usd: 5, unfinished: true })]);
  assert.equal(spent(), 100.500000000001);
});

test("an unknown cost is unknown: it is told, by model, and in no sum", () => {
  const { monitor, status } = made([{ name: "daily", usd: 1, per: "day" }]);
  for (let i = 0; i < 12; i++) monitor.write([call({ model: "my-model" })]);
  monitor.write([call({ usd: 0.5 })]);
  const failed = { status: { code: "error" as const }, usage: undefined as never };
  monitor.write([call({ ...failed, error: { type: "RateLimitError", status: 429 } })]);
  monitor.write([call({ ...failed, error: { type: "APIConnectionTimeoutError" } })]);
  assert.equal(status().spentUsd, 0.5);
  assert.equal(status().calls, 15);
  assert.equal(status().unpriced, 13, "what timed out may have cost something; what was answered 429 has not");
  assert.deepEqual(status().unpricedModels, { "my-model": 12, "gpt-4.1": 1 });
  assert.match(monitor.report(), /^12 calls of my-model have no known price: not in these amounts\.$/m);
  assert.match(monitor.report(), /^1 call of gpt-4\.1 has no known price/m);
  const many = made([{ name: "daily", usd: 1, per: "day" }]);
  for (let i = 0; i < 50; i++) many.monitor.write([call({ model: `model ${i}` })]);
  assert.equal(Object.keys(many.status().unpricedModels!).length, 21);
  assert.equal(many.status().unpricedModels!["other"], 30);
});

test("thresholds are told once a period each, in order, and again in the next one", () => {
  const { clock, events, spend, status } = made([{ name: "hourly", usd: 10, per: "hour", warn: 0.5 }]);
  spend(4.9);
  assert.equal(status().level, "ok");
  spend(0.1);
  spend(1);
  assert.deepEqual(
    events.map(({ level }) => level),
    ["warn"],
  );
  spend(10);
  spend(10);
  assert.deepEqual(
    events.map(({ level, status }) => `${level} ${status.level} ${status.spentUsd}`),
    ["warn warn 5", "critical critical 16", "used_up used_up 16"],
  );
  assert.equal(status().overshootUsd, 16);
  assert.equal(
    events[0]!.message,
    'Budget "hourly" has passed its warn threshold: 5.00 of 10.00 USD (50 %) spent in 2026-01-01T00Z, which ends at 2026-01-01T01:00:00.000Z.',
  );
  clock.advance(HOUR);
  assert.deepEqual([status().level, status().spentUsd], ["ok", 0]);
  spend(5);
  assert.deepEqual(
    events.map(({ level }) => level),
    ["warn", "critical", "used_up", "warn"],
  );
});

test("a listener that throws or rejects changes nothing", async () => {
  for (const onThreshold of [() => assert.fail("mine"), async () => assert.fail("mine")]) {
    const { spend, spent } = made([{ name: "daily", usd: 1, per: "day" }], { onThreshold });
    spend(2);
    assert.equal(spent(), 2);
  }
  await new Promise(setImmediate);
});

test("the forecast is linear, from when spending is known, and silent before a tenth of the period", () => {
  const { clock, spend, monitor, status } = made([{ name: "daily", usd: 24, per: "day" }]);
  clock.advance(2 * HOUR);
  spend(1);
  assert.equal(status().forecastUsd, undefined);
  assert.equal(monitor.read("budget_forecast", { windowMs: 1 })[0]!.value, undefined);
  clock.advance(4 * HOUR);
  spend(11);
  assert.equal(status().forecastUsd, 48);
  assert.equal(monitor.read("budget_forecast", { windowMs: 1 })[0]!.value, 2);
  // Begun at 18:00, it does not take the day for a calm one.
  const late = made([{ name: "daily", usd: 24, per: "day" }], { clock: fakeClock(Date.UTC(2026, 0, 1, 18)) });
  late.spend(1);
  late.clock.advance(3 * HOUR);
  late.spend(2);
  assert.equal(late.status().forecastUsd, 6, "a dollar an hour for the three hours that are left");
});

test("cost_rate is the last hour's money over what the limit has for an hour, and forgets what is older", () => {
  const { clock, spend, monitor } = made([{ name: "daily", usd: 24, per: "day" }]);
  const rate = () => monitor.read("cost_rate", { windowMs: 1 })[0]!.value!;
  assert.equal(rate(), 0);
  for (let minute = 0; minute < 120; minute++) {
    clock.advance(MINUTE);
    spend(0.02);
  }
  assert.ok(Math.abs(rate() - 1.2) < 0.03, `${rate()}`);
  clock.jump(-10 * DAY);
  assert.ok(Math.abs(rate() - 1.2) < 0.03, "the wall clock has nothing to do with it");
  clock.advance(30 * MINUTE);
  assert.ok(Math.abs(rate() - 0.6) < 0.03, `${rate()}`);
  clock.advance(35 * MINUTE);
  assert.equal(rate(), 0);
  clock.advance(1_000 * DAY);
  assert.equal(rate(), 0);
});

test("readings have a label for the budget and for the group, and the traces that cost most", () => {
  const { monitor, spend } = made([
    { name: "all", usd: 10, per: "day" },
    { name: "teams", usd: 4, per: "day", by: "team" },
    { name: "summaries", usd: 2, per: "day", where: { feature: "summarizer" } },
  ]);
  spend(1, { team: "alpha", feature: "summarizer" });
  spend(2, { team: "beta" });
  spend(1, {});
  const read = (query: object) =>
    monitor
      .read("budget_used", { windowMs: 1, ...query })
      .map(({ labels, value }) => [...Object.values(labels), value]);
  assert.deepEqual(read({}), [
    ["all", 0.4],
    ["teams", "beta", 0.5],
    ["teams", "alpha", 0.25],
    ["summaries", 0.5],
  ]);
  assert.deepEqual(read({ by: "team" }), [
    ["teams", "beta", 0.5],
    ["teams", "alpha", 0.25],
  ]);
  assert.deepEqual(read({ where: { team: "alpha" } }), [["teams", "alpha", 0.25]]);
  assert.deepEqual(read({ where: { feature: "summarizer" } }), [["summaries", 0.5]]);
  assert.deepEqual(
    monitor.metrics.map(({ name }) => name),
    ["budget_used", "budget_forecast", "cost_rate"],
  );
  for (let i = 0; i < 9; i++) monitor.write([call({ usd: i / 10, traceId: `trace ${i}` })]);
  const { traces } = monitor.read("cost_rate", { windowMs: 1 })[0]!;
  assert.equal(traces!.length, 5);
  assert.equal(traces!.at(-1), "trace 5", "after the one trace of the three dearer calls");
});

test("a limit counts only what its `where` says, by the model that was asked for or the one that answered", () => {
  const { monitor } = made([
    { name: "asked", usd: 10, per: "day", where: { model: "gpt-4.1" } },
    { name: "answered", usd: 10, per: "day", where: { model: "gpt-4.1-2025-04-14" } },
    { name: "both", usd: 10, per: "day", where: { team: "alpha", user: "u1" } },
  ]);
  monitor.write([
    call({ usd: 1, genAi: { operation: "chat", requestModel: "gpt-4.1", responseModel: "gpt-4.1-2025-04-14" } }),
    call({ usd: 2, who: { team: "alpha", userId: "u1" }, model: "o3" }),
    call({ usd: 4, who: { team: "alpha" }, model: "o3" }),
  ]);
  assert.deepEqual(
    monitor.status().map(({ spentUsd }) => spentUsd),
    [1, 1, 2],
  );
});

test("10,000 users are kept apart, those who spent least are `other`, and nobody is stopped by the money of others", () => {
  const state = memoryState();
  const { monitor, spend, status, start } = made([{ name: "users", usd: 1, per: "day", by: "user", hard: true }], {
    state,
  });
  spend(2, { userId: "heavy" });
  for (let i = 0; i < 13_000; i++) spend(0.0001, { userId: `user ${i}` });
  spend(5);
  const all = monitor.status();
  assert.ok(all.length <= 102, `${all.length} shown`);
  assert.equal(all[0]!.group!.user, "heavy");
  assert.ok(status("other").spentUsd > 0.2 && status("other").limitUsd === undefined);
  assert.deepEqual([status(null).spentUsd, status(null).share], [5, undefined]);
  assert.ok(start({ userId: "heavy" })?.refuse);
  assert.equal(start({ userId: "user 3" }), undefined, "who was put to `other` begins anew");
  assert.equal(start({}), undefined, "and so does who does not say");
  state.save();
  const { limits } = state.load("budgets") as any;
  assert.ok(limits.users.pages[0].sums.groups.length <= 11_000);
});
