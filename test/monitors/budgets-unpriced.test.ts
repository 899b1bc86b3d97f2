/** Calls whose cost nobody knows: told, and no way around a hard limit. */
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import OpenAI from "openai";
import { configure, shutdown } from "../../src/configure.ts";
import type { SpanRecord } from "../../src/core/record.ts";
import { budgets } from "../../src/monitors/budgets/budgets.ts";
import { budgetsDashboard } from "../../src/monitors/budgets/budgets-dashboard.ts";
import { tracedFetch } from "../../src/openai/wire/traced-fetch.ts";
import { staticPrices } from "../../src/pricing/static-prices.ts";
import { fakeOpenAI } from "../../src/testing/fake-openai.ts";
import { stderrOf } from "../support/stderr-of.ts";
import { call, DAY, made, memoryState } from "./budgets-lab.ts";

afterEach(() => shutdown());

const daily = { name: "daily", usd: 1, per: "day" as const };
const hard = { ...daily, hard: true };

/** What is said of budgets on stderr while `fn` runs. */
async function budgetLines(fn: () => unknown): Promise<string[]> {
  return (await stderrOf(fn)).split("\n").filter((line) => line.includes("budget"));
}

/** A stream that was left or torn, after so many events. */
function cut(events: number, end: "broken" | "cancelled", part: Partial<SpanRecord> = {}): SpanRecord {
  const http = { method: "POST", route: "/chat/completions", status: 200, stream: { events, end } };
  const status = { code: end === "broken" ? ("error" as const) : ("unset" as const) };
  return call({ usage: undefined as never, status, http, ...part });
}

test("an answer that began and ended before its usage has an unknown cost, one that never began has none", () => {
  const { monitor, status } = made([daily]);
  monitor.write([cut(5, "broken"), cut(5, "cancelled")]);
  monitor.write([cut(0, "broken", { firstChunkTime: "1767225600500000000" })]);
  assert.deepEqual([status().calls, status().unpriced], [3, 3]);
  monitor.write([cut(0, "broken")]);
  assert.deepEqual([status().calls, status().unpriced, status().spentUsd], [4, 3, 0]);
});

test("a hard limit reckons with calls without a known cost at their model's mean, shown apart; others do not", () => {
  const { monitor, status, spend, start, events } = made([hard, { ...daily, name: "soft" }]);
  spend(0.1);
  spend(0.3);
  for (let i = 0; i < 2; i++) monitor.write([cut(5, "broken")]);
  assert.deepEqual([status().spentUsd, status().estimatedUsd, status().share, status().level], [0.4, 0.4, 0.4, "warn"]);
  const soft = monitor.status()[1]!;
  assert.deepEqual([soft.spentUsd, soft.estimatedUsd, soft.unpriced, soft.level], [0.4, 0, 2, "ok"]);
  assert.match(
    events[0]!.message,
    /0\.40 of 1\.00 USD \(40 %\) spent in 2026-01-01 \(and an estimated 0\.40 USD for 2 calls/,
  );
  assert.match(
    monitor.report(),
    /^Budget daily reckons with 0\.40 USD for them: an estimate, not in these amounts\.$/m,
  );
  assert.match(budgetsDashboard(monitor, { columns: 100 }), /2 unpriced, estimated at 0\.40 USD/);
  assert.equal(start(), undefined);
  monitor.write([cut(5, "broken")]);
  assert.match(
    start()!.refuse!.message,
    /is used up: 0\.40 of 1\.00 USD spent in 2026-01-01 \(and an estimated 0\.60 USD for 3 calls without a known cost\)\./,
  );
  assert.equal(
    monitor.status().reduce((sum, { spentUsd }) => sum + spentUsd, 0),
    0.8,
    "and in no sum",
  );
  assert.equal(monitor.attribution().total.usd, 0.4);
});

test("a cap that estimates have closed stays closed by a restart and a clock that jumps, and opens with the next day", () => {
  const state = memoryState();
  const first = made([hard], { state });
  first.spend(0.5);
  first.monitor.write([cut(5, "broken")]);
  first.monitor.flush!();
  const { clock, start, status } = made([hard], { state });
  assert.deepEqual([status().spentUsd, status().estimatedUsd], [0.5, 0.5]);
  assert.ok(start()?.refuse);
  clock.jump(-DAY);
  assert.ok(start()?.refuse);
  clock.jump(2 * DAY);
  assert.deepEqual([start(), status().estimatedUsd], [undefined, 0]);
});

test("where not even a mean is known, one line on stderr says that the cap may not hold, and the way out", async () => {
  const { monitor, start, status } = made([hard]);
  const few = await budgetLines(() => monitor.write([call({ model: "mine" }), call({ model: "mine" })]));
  assert.deepEqual(few, []);
  const lines = await budgetLines(() => {
    for (let i = 0; i < 20; i++) monitor.write([call({ model: "mine\u001b[2J" })]);
  });
  assert.equal(lines.length, 1);
  assert.match(
    lines[0]!,
    /^sightline: budget "daily": 3 calls, the last of model mine.*, have no known cost, so its hard cap/,
  );
  assert.match(lines[0]!, /stream_options: { include_usage: true }.*configure\({ prices }\)/);
  assert.ok(!lines[0]!.includes("\u001b"));
  assert.deepEqual([start(), status().estimatedUsd, status().unpriced], [undefined, 0, 22]);
  const soft = made([daily]);
  assert.deepEqual(await budgetLines(() => soft.monitor.write([1, 2, 3, 4].map(() => call({ model: "mine" })))), []);
});

test("calls without a known cost, and failed ones, do not make a limit keep more than 10,000 users", () => {
  const state = memoryState();
  const { monitor } = made([{ ...hard, by: "user" }], { state });
  for (let i = 0; i < 12_000; i++) monitor.write([cut(0, "broken", { trace: { userId: `u${i}` } })]);
  monitor.flush!();
  const { limits } = state.load("budgets") as any;
  assert.ok(limits.daily.pages[0].sums.groups.length <= 11_000);
});

for (const include_usage of [true, false]) {
  test(`from end to end: streams ${include_usage ? "that break before their usage" : "without usage"} close a cap`, async () => {
    await using api = await fakeOpenAI({
      answer: () => "four ".repeat(100),
      ...(include_usage && { stream: { cutAfter: 5 } }),
    });
    const monitor = budgets({ limits: [{ ...daily, usd: 0.2, hard: true }] });
    configure({ sinks: [monitor], prices: staticPrices({ "gpt-4.1": { input: 0, output: 400 } }) });
    const openai = new OpenAI({ baseURL: api.baseURL, apiKey: api.apiKey, fetch: tracedFetch(), maxRetries: 0 });
    const request = { model: "gpt-4.1", messages: [{ role: "user" as const, content: "q" }] };
    await openai.chat.completions.create(request);
    const { spentUsd } = monitor.status()[0]!;
    assert.ok(spentUsd > 0 && spentUsd < 0.1, `${spentUsd}`);
    let refused = 0;
    for (let i = 0; i < 15; i++) {
      try {
        const options = { ...request, stream: true as const, stream_options: { include_usage } };
        for await (const chunk of await openai.chat.completions.create(options)) void chunk;
      } catch (error) {
        refused += (error as { status?: number }).status === 402 ? 1 : 0;
      }
    }
    const status = monitor.status()[0]!;
    assert.equal(status.spentUsd, spentUsd);
    assert.ok(refused > 5 && status.unpriced === 15 - refused, `${refused} refused, ${status.unpriced} unpriced`);
    assert.ok(status.spentUsd + status.estimatedUsd >= 0.2);
  });
}
