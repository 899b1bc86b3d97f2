import assert from "node:assert/strict";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { ConfigError } from "../../src/core/errors.ts";
import { budgets } from "../../src/monitors/budgets/budgets.ts";
import { budgetsDashboard } from "../../src/monitors/budgets/budgets-dashboard.ts";
import { calendar, type Per } from "../../src/monitors/budgets/calendar.ts";
import { csv } from "../../src/monitors/budgets/csv.ts";
import { columns } from "../../src/sinks/console-text.ts";
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
  assert.match(monitor.report(), /^1 call of gpt-4\.1 has no known usage: not in these amounts\.$/m);
  assert.doesNotMatch(monitor.report(), /gpt-4\.1 has no known price/);
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

const BERLIN = "Europe/Berlin";

/** Key, start, end and length in hours of the period at that moment. */
function at(per: Per, timeZone: string, moment: string): string {
  const { key, startMs, endMs } = calendar(per, timeZone)(Date.parse(moment));
  const minute = (ms: number) => new Date(ms).toISOString().replace(/:00\.000Z$/, "Z");
  return `${key} ${minute(startMs)} ${minute(endMs)} ${(endMs - startMs) / HOUR} h`;
}

test("hours, days and months of UTC", () => {
  assert.equal(at("hour", "UTC", "2026-03-29T10:59:59.999Z"), "2026-03-29T10Z 2026-03-29T10:00Z 2026-03-29T11:00Z 1 h");
  assert.equal(at("day", "UTC", "2026-03-29T23:59:59.999Z"), "2026-03-29 2026-03-29T00:00Z 2026-03-30T00:00Z 24 h");
  assert.equal(at("day", "UTC", "2026-03-30T00:00:00Z"), "2026-03-30 2026-03-30T00:00Z 2026-03-31T00:00Z 24 h");
  assert.equal(at("month", "UTC", "2026-12-31T23:59:59.999Z"), "2026-12 2026-12-01T00:00Z 2027-01-01T00:00Z 744 h");
});

test("a day has 23 hours when clocks go forward and 25 when they go back, a month an hour less or more", () => {
  assert.equal(at("day", BERLIN, "2026-03-29T12:00Z"), "2026-03-29 2026-03-28T23:00Z 2026-03-29T22:00Z 23 h");
  assert.equal(at("day", BERLIN, "2026-10-25T12:00Z"), "2026-10-25 2026-10-24T22:00Z 2026-10-25T23:00Z 25 h");
  assert.equal(at("month", BERLIN, "2026-03-15T12:00Z"), "2026-03 2026-02-28T23:00Z 2026-03-31T22:00Z 743 h");
  assert.equal(at("month", BERLIN, "2026-10-15T12:00Z"), "2026-10 2026-09-30T22:00Z 2026-10-31T23:00Z 745 h");
  // Where midnight itself does not exist, the day begins at one.
  assert.equal(at("day", "Africa/Cairo", "2024-04-26T12:00Z"), "2024-04-26 2024-04-25T22:00Z 2024-04-26T21:00Z 23 h");
});

test("the hour that comes twice is two hours, and the one that does not exist is none", () => {
  assert.equal(at("hour", BERLIN, "2026-10-25T00:30Z"), "2026-10-25T02+02:00 2026-10-25T00:00Z 2026-10-25T01:00Z 1 h");
  assert.equal(at("hour", BERLIN, "2026-10-25T01:30Z"), "2026-10-25T02+01:00 2026-10-25T01:00Z 2026-10-25T02:00Z 1 h");
  assert.equal(at("hour", BERLIN, "2026-03-29T00:59Z"), "2026-03-29T01+01:00 2026-03-29T00:00Z 2026-03-29T01:00Z 1 h");
  assert.equal(at("hour", BERLIN, "2026-03-29T01:00Z"), "2026-03-29T03+02:00 2026-03-29T01:00Z 2026-03-29T02:00Z 1 h");
});

test("month ends, leap days, and zones that are half an hour off", () => {
  assert.equal(at("month", "UTC", "2028-02-29T12:00Z"), "2028-02 2028-02-01T00:00Z 2028-03-01T00:00Z 696 h");
  assert.equal(at("day", BERLIN, "2028-02-29T22:59Z"), "2028-02-29 2028-02-28T23:00Z 2028-02-29T23:00Z 24 h");
  assert.equal(at("month", BERLIN, "2027-02-28T22:59Z"), "2027-02 2027-01-31T23:00Z 2027-02-28T23:00Z 672 h");
  assert.equal(at("month", BERLIN, "2027-02-28T23:00Z"), "2027-03 2027-02-28T23:00Z 2027-03-31T22:00Z 743 h");
  assert.equal(
    at("hour", "Asia/Kolkata", "2026-01-01T10:31Z"),
    "2026-01-01T16+05:30 2026-01-01T10:30Z 2026-01-01T11:30Z 1 h",
  );
  assert.equal(
    at("day", "America/St_Johns", "2026-01-01T03:30Z"),
    "2026-01-01 2026-01-01T03:30Z 2026-01-02T03:30Z 24 h",
  );
});

test("around the changes of clocks every moment is in one period that has it, and periods follow without a gap", () => {
  // Berlin changes at 02:00 and 03:00; São Paulo did at midnight, Lord Howe changes by half an hour.
  const changes: [timeZone: string, ...days: number[]][] = [
    [BERLIN, Date.UTC(2026, 2, 29), Date.UTC(2026, 9, 25)],
    ["America/Sao_Paulo", Date.UTC(2018, 1, 18), Date.UTC(2018, 10, 4)],
    ["Australia/Lord_Howe", Date.UTC(2026, 3, 4), Date.UTC(2026, 9, 3)],
  ];
  for (const [timeZone, ...days] of changes) {
    for (const per of ["hour", "day", "month"] as const) {
      const periodAt = calendar(per, timeZone);
      for (const day of days) {
        let before = periodAt(day - DAY);
        for (let ms = day - DAY; ms < day + 2 * DAY; ms += 10 * MINUTE) {
          const period = periodAt(ms);
          assert.ok(period.startMs <= ms && ms < period.endMs);
          if (period !== before) assert.equal(period.startMs, before.endMs, `${timeZone} ${before.key} ${period.key}`);
          before = period;
        }
      }
    }
  }
});

test("a clock beyond the year 9999 or before 1970 is no reason to fail", () => {
  for (const ms of [-1e15, -1, 0, 8.64e15, Number.POSITIVE_INFINITY]) {
    for (const timeZone of ["UTC", BERLIN]) assert.match(calendar("day", timeZone)(ms).key, /^\d{4}-\d\d-\d\d$/);
  }
});

test("an amount counts in the period in which its record arrives, across midnight of the time zone", () => {
  const clock = fakeClock(Date.UTC(2026, 2, 29, 21, 59, 59, 999));
  const { spend, status } = made([{ name: "daily", usd: 10, per: "day", timeZone: BERLIN }], { clock });
  spend(1);
  assert.deepEqual([status().period, status().spentUsd], ["2026-03-29", 1]);
  clock.advance(1);
  assert.deepEqual([status().period, status().spentUsd], ["2026-03-30", 0]);
  spend(2);
  assert.deepEqual([status().since, status().until], ["2026-03-29T22:00:00.000Z", "2026-03-30T22:00:00.000Z"]);
  assert.equal(status().spentUsd, 2);
});

test("a used-up budget is not opened by a wall clock that jumps back, be the period before known or not", () => {
  const { clock, spend, status, start, events } = made([{ name: "daily", usd: 10, per: "day", hard: true }]);
  spend(11);
  for (const ms of [-HOUR, -3 * DAY, -20 * 365 * DAY]) {
    clock.jump(ms);
    assert.ok(start()?.refuse, status().period);
    assert.equal(status().spentUsd, 11);
  }
  assert.equal(events.length, 3, "and nothing is told twice");
  clock.jump(20 * 365 * DAY + 3 * DAY + HOUR);
  assert.deepEqual([status().period, status().spentUsd], ["2026-01-01", 11], "nor counted twice");
  clock.advance(DAY);
  assert.equal(start(), undefined);
});

test("a wall clock that jumps back across midnight finds the day it left", () => {
  const { clock, spend, status } = made([{ name: "daily", usd: 10, per: "day" }]);
  spend(3);
  clock.advance(DAY);
  spend(4);
  clock.jump(-HOUR);
  assert.deepEqual([status().period, status().spentUsd], ["2026-01-01", 3]);
  spend(1);
  clock.advance(HOUR);
  assert.deepEqual([status().period, status().spentUsd], ["2026-01-02", 4]);
});

test("a wall clock that jumps forward and back has not lost what was spent", () => {
  for (const ms of [5 * HOUR, 300 * DAY]) {
    const { clock, spend, status, start } = made([{ name: "hourly", usd: 10, per: "hour", hard: true }]);
    spend(11);
    clock.jump(ms);
    assert.equal(start(), undefined, "it is another hour, as far as anybody can tell");
    spend(2);
    clock.jump(-ms);
    assert.deepEqual([status().period, status().spentUsd], ["2026-01-01T00Z", 11]);
    assert.ok(start()?.refuse);
    // The periods of a wrong clock do not push out those of a right one.
    clock.advance(HOUR);
    spend(3);
    clock.advance(HOUR);
    assert.equal(status().spentUsd, 0);
    clock.jump(-HOUR);
    assert.equal(status().spentUsd, 3);
  }
});

test("what was spent survives a restart, with what was told; a period that is over does not", () => {
  const state = memoryState();
  const limits = [
    { name: "daily", usd: 10, per: "day" as const, hard: true },
    { name: "teams", usd: 5, per: "month" as const, by: "team" as const },
  ];
  const first = made(limits, { state });
  first.spend(8.5, { team: "alpha", feature: "summarizer" }, "o3");
  first.monitor.flush!();
  const second = made(limits, { state });
  assert.deepEqual(second.monitor.status(), first.monitor.status());
  assert.equal(second.monitor.report(), first.monitor.report());
  second.spend(0.1, { team: "alpha" });
  assert.deepEqual(second.events, [], "warn was told before, and so were the team's");
  second.spend(1.5, { team: "alpha" });
  assert.deepEqual(
    second.events.map(({ level }) => level),
    ["critical", "used_up"],
  );
  second.monitor.close!();
  const clock = fakeClock();
  clock.advance(DAY);
  const third = made(limits, { state, clock });
  assert.deepEqual(
    third.monitor.status().map(({ spentUsd }) => spentUsd),
    [0, 10.1],
  );
  assert.equal(third.start(), undefined);
  clock.jump(-DAY);
  assert.ok(third.start()?.refuse, "a clock that is right only after the start finds the day again");
});

test("state of another limit by the same name, or damaged, is left out", () => {
  const state = memoryState();
  const limit = { name: "daily", usd: 10, per: "day" as const };
  const first = made([limit], { state });
  first.spend(9);
  first.monitor.flush!();
  assert.equal(made([{ ...limit, usd: 20 }], { state }).spent(), 9, "a limit that is raised goes on");
  for (const other of [
    { per: "month" as const },
    { timeZone: BERLIN },
    { by: "team" as const },
    { where: { team: "a" } },
  ]) {
    assert.equal(made([{ ...limit, ...other }], { state }).status()?.spentUsd ?? 0, 0);
  }
  const text = state.text();
  for (const damaged of [
    '{"budgets":7}',
    "{}",
    '{"budgets":{"limits":null,"attributions":[1]}}',
    text.replace('["",9,0,', '["",-9,0,'),
    text.replaceAll(/\d{13}/g, '"x"'),
    text.replaceAll("[[", '[["?",'),
  ]) {
    const parts = JSON.parse(damaged);
    const load = (part: string): unknown => parts[part];
    const { spent, spend } = made([limit], { state: { load, changed: () => {}, save: () => {} } });
    assert.equal(spent(), 0, damaged);
    spend(1);
    assert.equal(spent(), 1);
  }
  const raised = made([{ ...limit, usd: 10 }], { state });
  assert.equal(raised.status().level, "warn");
  const bigger = made([{ ...limit, usd: 100 }], { state });
  bigger.spend(71);
  assert.deepEqual(
    bigger.events.map(({ level }) => level),
    ["warn"],
    "of the new amount it was not told yet",
  );
});

test("a state that throws keeps nothing from working", () => {
  const fail = (): never => {
    throw new Error("disk");
  };
  const { monitor, spend, spent } = made([{ name: "daily", usd: 10, per: "day" }], {
    state: { load: fail, changed: fail, save: fail },
  });
  spend(1);
  monitor.flush!();
  monitor.close!();
  assert.equal(spent(), 1);
});

const daily = { name: "daily", usd: 100, per: "day" as const };

function day(): ReturnType<typeof made> {
  const one = made([
    daily,
    { name: "teams", usd: 20, per: "month", by: "team", timeZone: "Europe/Berlin", hard: true },
  ]);
  one.clock.advance(12 * HOUR);
  for (let i = 0; i < 6; i++) one.spend(2, { team: "alpha", feature: "summarizer", userId: `u${i % 2}` });
  for (let i = 0; i < 4; i++) one.spend(2, { team: "beta", feature: "chat" }, "gpt-4.1-mini");
  return one;
}

test("team alpha's summarizer used 60 %: the attribution by any of team, feature, model and user", () => {
  const { monitor } = day();
  const { rows, total, period, by } = monitor.attribution();
  assert.deepEqual([by, period], [["team", "feature"], "2026-01-01"]);
  assert.deepEqual(rows, [
    { group: { team: "alpha", feature: "summarizer" }, usd: 12, share: 0.6, calls: 6, tokens: 720, unpriced: 0 },
    { group: { team: "beta", feature: "chat" }, usd: 8, share: 0.4, calls: 4, tokens: 480, unpriced: 0 },
  ]);
  assert.deepEqual(total, { usd: 20, share: 1, calls: 10, tokens: 1200, unpriced: 0 });
  assert.deepEqual(
    monitor.attribution({ by: "user", period: "month" }).rows.map(({ group, usd }) => [group.user, usd]),
    [
      [null, 8],
      ["u0", 6],
      ["u1", 6],
    ],
  );
  assert.deepEqual(JSON.parse(monitor.report({ by: "model", format: "json" })), monitor.attribution({ by: "model" }));
});

test("the table has one line each, a total, and says what is not in it", () => {
  const { monitor } = day();
  for (let i = 0; i < 12; i++) monitor.write([call({ who: { feature: "search" }, model: "my-model" })]);
  assert.equal(
    monitor.report(),
    `Costs of the day 2026-01-01 (UTC)

team   feature       USD    share  calls  tokens  unpriced
──────────────────────────────────────────────────────────
alpha  summarizer  12.00   60.0 %      6     720         –
beta   chat         8.00   40.0 %      4     480         –
–      search          –        –     12   1,440        12
──────────────────────────────────────────────────────────
total              20.00  100.0 %     22   2,640        12

12 calls of my-model have no known price: not in these amounts.
`,
  );
  const empty = made([daily]).monitor.report({ by: "team" });
  assert.match(empty, /^total {2}0\.00 {6}– {6}0 {7}0 {9}–$/m);
});

test("names from requests stay in their column and cannot move the cursor", () => {
  const { monitor, spend } = made([daily]);
  spend(1, { team: "\u001b[2J数学\nteam", feature: "x".repeat(100) });
  const lines = monitor.report().split("\n");
  assert.ok(!monitor.report().includes("\u001b"));
  const table = lines.filter((line) => /USD|100\.0/.test(line));
  assert.equal(new Set(table.map(columns)).size, 1, lines.join("\n"));
});

test("the CSV is RFC 4180, and no name in it is a formula", () => {
  const { monitor, spend } = made([daily]);
  spend(1.5, { team: '=HYPERLINK("http://evil","x")', feature: "a,b" });
  spend(1, { team: "@sum", feature: "two\nlines" });
  spend(0.5, { team: "-2+3", feature: "+1" });
  spend(0.000_000_25, { team: "\tcmd" });
  assert.equal(
    monitor.report({ format: "csv" }).split("\r\n").slice(0, -1).join("\n\n"),
    [
      "period,team,feature,usd,share,calls,tokens,unpriced",
      `2026-01-01,"'=HYPERLINK(""http://evil"",""x"")","a,b",1.5,${1.5 / 3.00000025},1,120,0`,
      `2026-01-01,'@sum,"two\nlines",1,${1 / 3.00000025},1,120,0`,
      `2026-01-01,'-2+3,'+1,0.5,${0.5 / 3.00000025},1,120,0`,
      `2026-01-01,'\tcmd,,0.00000025,0.000000083333,1,120,0`,
    ].join("\n\n"),
  );
  assert.equal(csv([[-1, "-1", 0, ""]]), "-1,'-1,0,\r\n");
});

test("yesterday's report can be had today, the one of last week not any more", () => {
  const { clock, monitor, spend } = made([daily]);
  spend(1, { team: "alpha" });
  clock.advance(DAY);
  spend(2, { team: "beta" });
  assert.equal(monitor.attribution({ by: "team", period: "2026-01-01" }).rows[0]!.usd, 1);
  assert.equal(monitor.attribution({ by: "team", period: "day" }).rows[0]!.usd, 2);
  for (let i = 0; i < 3; i++) {
    clock.advance(DAY);
    spend(1);
  }
  const wrong: [options: object, message: RegExp][] = [
    [
      { period: "2026-01-01" },
      /knows no period "2026-01-01"; the limits have periods of a day, and the last three are kept/,
    ],
    [{ period: "month" }, /knows no period "month"/],
    [{ by: "session" }, /takes as by some of model, feature, team, user, each once; it got "session"/],
    [{ by: [] }, /takes as by/],
    [{ by: ["team", "team"] }, /each once/],
    [{ format: "xml" }, /formats table, json and csv; it got "xml"/],
  ];
  for (const [options, message] of wrong) {
    assert.throws(
      () => monitor.report(options),
      (error) => error instanceof ConfigError && message.test(error.message),
    );
  }
});

test("the cross-tab is bounded: users go to `other` first, and sums stay whole", () => {
  const state = memoryState();
  const { monitor, spend } = made([daily], { state });
  for (let i = 0; i < 3_000; i++) spend(i < 10 ? 1 : 0.001, { team: `t${i % 3}`, userId: `u${i}` });
  const { rows, total } = monitor.attribution({ by: ["team", "user"] });
  assert.ok(rows.length <= 2_200, `${rows.length}`);
  assert.deepEqual([total.calls, total.usd], [3_000, 12.99]);
  assert.equal(rows.filter(({ usd }) => usd === 1).length, 10, "the large ones are kept apart");
  const teams = monitor.attribution({ by: "team" }).rows;
  assert.deepEqual(
    teams.map(({ calls }) => calls),
    [1_000, 1_000, 1_000],
    "nothing else is lost with the users",
  );
  for (let i = 0; i < 3_000; i++) spend(0.001, { team: `team ${i}` });
  assert.ok(monitor.attribution({ by: "team" }).rows.length <= 2_200);
  assert.equal(monitor.attribution({ by: "team" }).total.calls, 6_000);
  monitor.flush!();
  assert.ok(state.text().length < 300_000, `${state.text().length} bytes of state`);
  assert.equal(made([daily], { state }).monitor.attribution().total.calls, 6_000);
});

test("calls without a user keep their team and feature, however many users there are", () => {
  const { monitor, spend } = made([daily]);
  const features = ["a", "b", "c", "d", "e"];
  for (let user = 0; user < 500; user++) {
    for (const feature of features) {
      for (const model of ["x", "y", "z"]) spend(0.001, { team: "alpha", feature, userId: `u${user}` }, model);
    }
  }
  for (const feature of features) spend(0.000_001, { team: "beta", feature });
  for (let user = 0; user < 500; user++) spend(1, { team: "alpha", feature: "a", userId: `late ${user}` });
  const { rows, total } = monitor.attribution({ by: ["team", "feature"] });
  assert.deepEqual(rows.map(({ group, calls }) => `${group.team} ${group.feature} ${calls}`).sort(), [
    ...features.map((feature) => `alpha ${feature} ${feature === "a" ? 2_000 : 1_500}`),
    ...features.map((f) => `beta ${f} 1`),
  ]);
  assert.equal(total.calls, 8_005);
  assert.doesNotMatch(monitor.report({ by: ["team", "feature"] }), /other/);
});

test("the dashboard has a bar for each budget, the fullest first, and fits into any terminal", () => {
  const { monitor, spend, start } = day();
  spend(9, { team: "alpha", feature: "summarizer" });
  start({ team: "alpha" });
  assert.equal(
    budgetsDashboard(monitor, { columns: 100, colors: false }),
    `Budgets
teams · alpha  ████████████████████████    105 %   21.00 of 20.00 USD
  closed until 2026-01-31T23:00Z, 1 refused
teams · beta   ██████████░░░░░░░░░░░░░░     40 %    8.00 of 20.00 USD
daily          ███████░░░░░░░░░░░░░░░░░     29 %  29.00 of 100.00 USD
`,
  );
  for (let i = 0; i < 30; i++) spend(5 + i, { team: `a team with a long name ${i}` });
  for (const width of [40, 47, 60, 80, 200]) {
    for (const colors of [true, false]) {
      const text = budgetsDashboard(monitor, { columns: width, colors });
      assert.equal(text.includes("\u001b["), colors);
      for (const line of stripVTControlCharacters(text).split("\n")) assert.ok(columns(line) <= width, line);
      assert.match(text, /and 21 more/);
    }
  }
});
