import assert from "node:assert/strict";
import { test } from "node:test";
import { calendar, type Per } from "../../src/monitors/budgets/calendar.ts";
import { fakeClock } from "../../src/testing/fake-clock.ts";
import { DAY, HOUR, MINUTE, made, memoryState } from "./budgets-lab.ts";

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
