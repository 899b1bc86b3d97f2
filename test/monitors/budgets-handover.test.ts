/** Two budgets that have one part of a state: the second takes over, as when `configure` is called anew. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import OpenAI from "openai";
import { configure, shutdown } from "../../src/configure.ts";
import { budgets } from "../../src/monitors/budgets/budgets.ts";
import { type State, stateFile } from "../../src/monitors/state.ts";
import { tracedFetch } from "../../src/openai/wire/traced-fetch.ts";
import { staticPrices } from "../../src/pricing/static-prices.ts";
import { fakeClock } from "../../src/testing/fake-clock.ts";
import { fakeOpenAI } from "../../src/testing/fake-openai.ts";
import { stderrOf } from "../support/stderr-of.ts";
import { call, made } from "./budgets-lab.ts";

const folder = mkdtempSync(join(tmpdir(), "sightline-handover-"));
const states: State[] = [];
after(() => {
  for (const state of states) state.save();
  rmSync(folder, { recursive: true });
});

const limit = { name: "daily", usd: 10, per: "day" as const, hard: true };
const NOW = fakeClock().epochMs();

function newState(): { state: State; saved(): any } {
  const path = join(folder, `${states.length}.json`);
  const state = stateFile(path);
  states.push(state);
  return {
    state,
    saved() {
      state.save();
      return JSON.parse(readFileSync(path, "utf8")).parts.budgets;
    },
  };
}

/** A call that began so long after the clocks of these tests. */
function callAt(ms: number, usd: number): ReturnType<typeof call> {
  return call({ usd, startTime: `${BigInt(NOW + ms) * 1_000_000n}` });
}

test("the second of one name has what the first has, and what still comes to the first counts once", () => {
  const { state, saved } = newState();
  const first = made([limit], { state });
  first.spend(6);
  const second = made([limit], { state });
  assert.equal(second.spent(), 6, "though nothing has been written yet");
  second.spend(1);
  const late = callAt(0, 4);
  first.monitor.write([late]);
  second.monitor.write([late]);
  assert.equal(second.spent(), 11);
  assert.ok(second.start()?.refuse);
  const both = callAt(0, 2);
  second.monitor.write([both]);
  first.monitor.write([both]);
  first.monitor.close!();
  assert.equal(saved().limits.daily.pages[0].sums.groups[0][1], 13, "the first writes no more");
  const third = made([limit], { state });
  first.monitor.write([callAt(0, 1)]);
  second.monitor.write([callAt(0, 1)]);
  assert.deepEqual([third.spent(), saved().limits.daily.pages[0].sums.groups[0][1]], [15, 15]);
});

test("from end to end: calls under way while configure is called anew count in the new budget", async () => {
  await using api = await fakeOpenAI({ answer: () => "four".repeat(100), latencyMs: 50 });
  const prices = staticPrices({ "gpt-4.1": { input: 0, output: 400 } });
  const { state } = newState();
  const openai = new OpenAI({ baseURL: api.baseURL, apiKey: api.apiKey, fetch: tracedFetch() });
  const ask = (): Promise<unknown> =>
    openai.chat.completions.create({ model: "gpt-4.1", messages: [{ role: "user", content: "q" }] });
  configure({ sinks: [budgets({ limits: [limit], state })], prices });
  await ask();
  const underWay = [ask(), ask(), ask()];
  await sleep(20);
  const second = budgets({ limits: [limit], state });
  configure({ sinks: [second], prices });
  await Promise.all(underWay);
  await shutdown();
  assert.deepEqual([second.status()[0]!.calls, second.status()[0]!.spentUsd], [4, 0.16]);
});

test("a used-up cap does not open by what its predecessor still hears of", () => {
  const { state } = newState();
  const first = made([limit], { state });
  first.spend(1);
  const second = made([limit], { state });
  second.spend(10);
  first.monitor.write([callAt(0, 0.5)]);
  state.save();
  assert.ok(made([limit], { state }).start()?.refuse);
});

test("two of one name in one configure: one line on stderr once calls begin that both hear of, and both caps hold", async () => {
  const { state } = newState();
  const first = made([{ ...limit, name: "a" }], { state });
  const second = made([{ ...limit, name: "b" }], { state });
  const both = (ms: number): void => {
    const record = callAt(ms, 4);
    first.monitor.write([record]);
    second.monitor.write([record]);
  };
  assert.equal(await stderrOf(() => both(10_000)), "", "a call of before the new configure may end hours later");
  const line = await stderrOf(() => {
    both(31_000);
    both(32_000);
  });
  assert.equal(line.split("\n").length, 2);
  assert.match(line, /^sightline: two budgets\(\) have the name "budgets" in one state,.* budgets\({ name }\)\.\n$/);
  assert.deepEqual([first.spent(), second.spent()], [12, 12]);
  assert.ok(first.start()?.refuse && second.start()?.refuse);
});

test("budgets with names of their own, or states of their own, have nothing to do with each other", async () => {
  const { state, saved } = newState();
  const first = made([limit], { state });
  const other = made([limit], { state, name: "other" });
  const elsewhere = made([limit], { state: newState().state });
  first.spend(3);
  assert.deepEqual([first.spent(), other.spent(), elsewhere.spent()], [3, 0, 0]);
  const line = await stderrOf(() => first.monitor.write([callAt(60_000, 1)]));
  assert.deepEqual([line, saved().limits.daily.pages[0].sums.groups[0][1]], ["", 4]);
});
