/**
 * What people come to the viewer for, in a real browser, by what a screen reader would tell them: over the store, the
 * collector, the monitors and the built viewer as they are shipped.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { collector } from "../../src/collector/index.ts";
import { memoryStore } from "../../src/store/index.ts";
import { sampleSpan } from "../../src/testing/sample-records.ts";
import { launch, newPage, noBrowser } from "./lab/browser.ts";
import { tutorTrace } from "./lab/traces.ts";
import { TRACES } from "./lab/traffic.ts";
import { NOW_MS, visit, type World, world } from "./lab/world.ts";

const missing = noBrowser();
const options = missing === undefined ? {} : { skip: missing };
let here: World;
let browser: Browser;

before(async () => {
  if (missing !== undefined) return;
  [here, browser] = await Promise.all([world(), launch()]);
});

after(async () => {
  await browser?.close();
  await here?.close();
});

const TRACE_LIST = { name: "Traces", exact: true } as const;
const rowsOf = (page: Page) => page.getByRole("grid", TRACE_LIST).getByRole("row");

/** A filter by its menu: what, then which. */
async function filterBy(page: Page, kind: string, value: string): Promise<void> {
  await page.getByRole("button", { name: "Filter", exact: true }).click();
  const menu = page.getByRole("dialog", { name: "Add a filter" });
  await menu.getByRole("button", { name: kind, exact: true }).click();
  const field = menu.getByRole("combobox");
  await menu
    .getByRole("option")
    .or(menu.getByRole("button", { name: value, exact: true }))
    .first()
    .waitFor();
  if ((await field.count()) === 0) await menu.getByRole("button", { name: value, exact: true }).click();
  else {
    await field.fill(value);
    await menu.getByRole("option", { name: value }).first().click();
  }
  await menu.waitFor({ state: "detached" });
}

/** Yesterday's failed run of `ada`, from the list of traces to what went wrong and what it cost. */
async function findFailedRun(page: Page): Promise<void> {
  await rowsOf(page).nth(5).waitFor();
  await filterBy(page, "User", "ada");
  await filterBy(page, "Status", "error");
  await page.getByRole("button", { name: "All time" }).click();
  const panel = page.getByRole("dialog", { name: "Time range" });
  await panel.getByRole("textbox", { name: "From" }).fill("2026-11-18T00:00:00");
  await panel.getByRole("textbox", { name: "To" }).fill("2026-11-18T16:00:00");
  await panel.getByRole("button", { name: "Apply" }).click();
  const found = page.getByRole("row", { name: "POST /tutor/answer" });
  await found.waitFor();
  assert.equal(await found.count(), 1);
  const told = await found.innerText();
  assert.match(told, /\$0\.0088/);
  await found.getByRole("link", { name: "POST /tutor/answer" }).click();
  await page.getByRole("heading", { level: 1, name: "POST /tutor/answer" }).waitFor();
  assert.match(page.url(), new RegExp(TRACES.failed));
  const header = await page.locator("header.trace-header").innerText();
  for (const fact of ["error", "$0.0088", "ada", "2 findings"]) assert.ok(header.includes(fact), `${fact}: ${header}`);
}

test("Yesterday's failed run is found by its user; why it failed and what it cost are told", options, async (t) => {
  const { page, complaints } = await visit(t, browser, here.url, "/traces");
  await findFailedRun(page);
  const overview = page.getByRole("complementary", { name: "Overview" });
  await overview.getByText("3 attempts were refused with 429").waitFor();
  for (let i = 0; i < 3; i++) await page.getByRole("button", { name: "3 errors" }).click();
  const failure = page.getByRole("region", { name: "Error" });
  await failure.getByText("Rate limit reached for gpt-4.1 in organization org-shop").waitFor();
  await failure.getByText("Stack", { exact: true }).click();
  await failure.getByText("at async Tutor.summarize").waitFor();
  // What the run itself cost stands beside each call, and adds up.
  const run = page.getByRole("treeitem", { name: /^invoke_agent Math Tutor/ });
  assert.match(await run.innerText(), /\$0\.0088/);
  await run.click();
  await page.getByRole("tab", { name: "Run" }).click();
  const panel = page.getByRole("complementary", { name: "The span" });
  for (const fact of ["thread_8hQ2vXn1ZcTq", "step_1"]) await panel.getByText(fact).first().waitFor();
  assert.deepEqual(complaints.list, []);
});

test("On 390 pixels the same failed run is found, and the same is told", options, async (t) => {
  const { page, complaints } = await visit(t, browser, here.url, "/traces", { viewport: { width: 390, height: 844 } });
  await findFailedRun(page);
  await page.getByRole("button", { name: "3 errors" }).click();
  const panel = page.getByRole("complementary", { name: "The span" });
  await panel.getByText("Rate limit reached for gpt-4.1").first().waitFor();
  await panel.getByRole("button", { name: /^Close/ }).click();
  await page.getByRole("tree", { name: "Spans of the trace" }).waitFor();
  const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(wider <= 0, `${wider} px wider than the window`);
  assert.deepEqual(complaints.list, []);
});

test("A failed and a good run are compared: what differs is said, down to the lines", options, async (t) => {
  const { page, complaints } = await visit(t, browser, here.url, "/traces?userId=ada&name=POST+%2Ftutor%2Fanswer");
  const all = page.getByRole("checkbox", { name: "Compare POST /tutor/answer" });
  await all.nth(1).waitFor();
  assert.equal(await all.count(), 2);
  for (const one of [0, 1]) await all.nth(one).check();
  await page.getByRole("button", { name: "Compare", exact: true }).click();
  await page.waitForURL(new RegExp(`#/compare/${TRACES.failed}/${TRACES.good}`));
  const table = page.getByRole("treegrid", { name: "Spans of both traces" });
  await table
    .getByRole("row", { name: /Tutor\.summarize/ })
    .getByText("now works")
    .waitFor();
  await page.getByRole("button", { name: "Only changes" }).click();
  const call = table.getByRole("row", { name: /chat gpt-4\.1/ }).filter({ hasText: "now works" });
  await call.click();
  const pair = page.getByRole("region", { name: "Differences of chat gpt-4.1" });
  await pair.getByRole("tab", { name: /^Error/ }).click();
  await pair.getByText(/rate_limit_exceeded/).waitFor();
  await pair.getByRole("tab", { name: /^Output/ }).click();
  await pair.getByText(/Solved a linear equation/).waitFor();
  await pair.getByRole("link", { name: "Open in A" }).click();
  await page.getByRole("heading", { level: 1, name: "POST /tutor/answer" }).waitFor();
  await page.getByRole("region", { name: "Error" }).waitFor();
  assert.deepEqual(complaints.list, []);
});

test("The incident is acknowledged, a step is ticked, it is resolved; another page hears of it", options, async (t) => {
  const { page, complaints } = await visit(t, browser, here.url, "/incidents");
  const other = await visit(t, browser, here.url, "/incidents");
  const list = page.getByRole("region", { name: "Incidents" });
  await list.getByText("1 open", { exact: false }).waitFor();
  await page.getByRole("region", { name: "Alerts" }).getByText("firing").first().waitFor();
  await list
    .getByRole("link", { name: /^Rate Limit Exhaustion/ })
    .first()
    .click();
  await page.getByRole("heading", { level: 1, name: /^Rate Limit Exhaustion/ }).waitFor();
  await page.getByRole("button", { name: "Acknowledge" }).click();
  await page.getByLabel(/Who are you/).fill("grace");
  await page.getByRole("button", { name: "Go on" }).click();
  await page.getByText("as grace").waitFor();
  const [incident] = here.incidents.open();
  await page.waitForFunction(() =>
    /acknowledged/.test(document.querySelector("header.incident-head")?.textContent ?? ""),
  );
  assert.equal(here.incidents.get(incident!.id)!.acknowledgedBy, "grace");
  const runbook = page.getByRole("region", { name: "Runbook: Rate Limit Exhaustion" });
  const step = runbook.getByRole("checkbox", { name: "Halve the number of calls in flight" });
  await step.click();
  await runbook.getByText(/^grace, /).waitFor();
  assert.ok(await step.isChecked());
  await page.getByLabel("A note for the timeline").fill("The nightly import held the quota.");
  await page.getByRole("button", { name: "Resolve" }).click();
  await page.getByText("The nightly import held the quota.").first().waitFor();
  const now = here.incidents.get(incident!.id)!;
  assert.equal(now.status, "resolved");
  assert.deepEqual(
    now.timeline.filter(({ by }) => by !== undefined).map(({ kind, action }) => [kind, action]),
    [
      ["acknowledged", undefined],
      ["action", "reduce_concurrency"],
      ["resolved", undefined],
    ].filter(([kind]) => kind !== undefined),
  );
  await other.page.getByRole("region", { name: "Incidents" }).getByText("none open").waitFor();
  // What the incident names can be looked at.
  await page.getByRole("region", { name: "Traces that show it" }).getByRole("link").first().click();
  await page.getByRole("tree", { name: "Spans of the trace" }).waitFor();
  assert.deepEqual([...complaints.list, ...other.complaints.list], []);
});

test(
  "Dashboards: a feature's share, figures as a table, and a stretch of a chart becomes its traces",
  options,
  async (t) => {
    const { page, complaints } = await visit(t, browser, here.url, "/dashboards");
    const chart = page.getByRole("figure", { name: "Errors and 429" });
    await chart.locator("canvas").waitFor();
    await chart.getByRole("button", { name: "Errors and 429 as a table" }).click();
    await chart.getByRole("table").waitFor();
    await chart.getByRole("button", { name: "Errors and 429 as a table" }).click();
    await chart.locator("canvas").waitFor();
    const plot = chart.locator(".u-over");
    await plot.hover();
    const box = (await plot.boundingBox())!;
    await page.mouse.move(box.x + box.width * 0.9, box.y + 60);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.99, box.y + 60, { steps: 5 });
    await page.mouse.up();
    await page.waitForURL(/#\/traces\?.*from/);
    await rowsOf(page).nth(3).waitFor();
    await page.goBack();
    const drift = page.getByRole("region", { name: "Quality drift" });
    await drift.getByRole("listitem").filter({ hasText: "quiz" }).getByText("drifts", { exact: true }).waitFor();
    assert.equal(await drift.getByText("drifts", { exact: true }).count(), 1);
    const top = page.getByRole("region", { name: "By Feature" });
    await top.getByRole("button", { name: "grading" }).click();
    await page.waitForURL(/feature/);
    await page.getByRole("button", { name: "Remove the filter feature grading" }).waitFor();
    await page.getByRole("button", { name: "User", exact: true }).click();
    await page.getByRole("region", { name: "By User" }).getByRole("row", { name: /ada/ }).getByRole("link").click();
    await page.waitForURL(/#\/traces\?/);
    const url = new URL(page.url());
    assert.match(url.hash, /userId=ada/);
    assert.match(url.hash, /feature=grading/);
    await rowsOf(page).nth(1).waitFor();
    assert.deepEqual(complaints.list, []);
  },
);

test("By the keyboard alone: list, trace, next error, payload, and back", options, async (t) => {
  const { page, complaints } = await visit(t, browser, here.url, "/traces");
  await rowsOf(page).nth(5).waitFor();
  const { keyboard } = page;
  await keyboard.press("/");
  await keyboard.type("user:ada status:error name:POST");
  await keyboard.press("Control+A");
  await keyboard.type('user:ada name:"POST /tutor/answer" status:error');
  await keyboard.press("Enter");
  await page.waitForURL(/userId=ada/);
  await page.waitForFunction(() => document.querySelectorAll("[role=row]").length === 2);
  await keyboard.press("Escape");
  await keyboard.press("j");
  await keyboard.press("Enter");
  await page.getByRole("tree", { name: "Spans of the trace" }).waitFor();
  for (let i = 0; i < 3; i++) await keyboard.press("e");
  await page.getByRole("region", { name: "Error" }).getByText("Rate limit reached").first().waitFor();
  // Into the details, and through them.
  await keyboard.press("Enter");
  await page.waitForFunction(() => document.activeElement?.closest(".trace-panel") !== null);
  for (let i = 0; i < 30; i++) {
    await keyboard.press("Tab");
    if (await page.evaluate(() => document.activeElement?.getAttribute("role") === "tab")) break;
  }
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), "Content");
  await keyboard.press("ArrowRight");
  await page.getByRole("tab", { name: "Details", selected: true }).waitFor();
  await page.getByText("req_b20d7c11").waitFor();
  await keyboard.press("ArrowLeft");
  await page.getByText("Summarize for the learner's record").first().waitFor();
  await keyboard.press("Escape");
  await page.getByRole("complementary", { name: "Overview" }).waitFor();
  await page.goBack();
  await rowsOf(page).first().waitFor();
  assert.match(page.url(), /userId=ada/);
  assert.deepEqual(complaints.list, []);
});

test("A list that is looked at tells of what comes; a trace that runs grows", options, async (t) => {
  const { page, complaints } = await visit(t, browser, here.url, "/traces?userId=live");
  await page.getByRole("heading", { name: "No trace fits" }).waitFor();
  const id = "11fe0000000000000000000000000001";
  const all = tutorTrace(NOW_MS - 30_000, { traceId: id, fails: false }).map((record) => ({
    ...record,
    trace: { ...record.trace, userId: "live" },
  }));
  const spans = all.filter((record) => record.record === "span");
  await here.send(spans.slice(1, 6));
  await page.getByRole("row", { name: "POST /tutor/answer" }).getByText("no root").waitFor();
  const { page: trace } = await visit(t, browser, here.url, `/trace/${id}`);
  await trace.getByRole("treeitem").nth(4).waitFor();
  assert.equal(await trace.getByRole("treeitem").count(), 5);
  await here.send(all);
  await trace.getByRole("treeitem", { name: /^Tutor\.answer/ }).waitFor();
  await trace.getByRole("treeitem", { name: /^profile\.updated/ }).waitFor();
  await page.getByRole("row", { name: "POST /tutor/answer" }).getByText("no root").waitFor({ state: "detached" });
  assert.deepEqual(complaints.list, []);
});

test("A link brings back filters, zoom and selection in another browser", options, async (t) => {
  const { page } = await visit(t, browser, here.url, `/trace/${TRACES.failed}`);
  await page.getByRole("treeitem").first().waitFor();
  const map = page.getByRole("img", { name: /^The whole trace/ });
  const box = (await map.boundingBox())!;
  await page.mouse.move(box.x + box.width * 0.3, box.y + 20);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.75, box.y + 20, { steps: 4 });
  await page.mouse.up();
  await page.getByText(/ in all$/).waitFor();
  await page.getByRole("treeitem", { name: /^execute_tool plot/ }).click();
  await page.getByRole("button", { name: /^Critical path/ }).click();
  await page.waitForURL(/span=/);
  await page.waitForTimeout(400);
  const told = await page.getByText(/ in all$/).innerText();
  const link = page.url();
  const again = await visit(t, browser, here.url, link.split("#")[1]!);
  await again.page.getByRole("treeitem", { name: /^execute_tool plot/, selected: true }).waitFor();
  assert.equal(await again.page.getByText(/ in all$/).innerText(), told);

  const { page: list } = await visit(t, browser, here.url, "/traces");
  await list.getByRole("searchbox").fill("user:ada meta.plan:pro duration>100ms cost>0.001 linear");
  await list.keyboard.press("Enter");
  await list.waitForURL(/minCostUsd/);
  // Until they have gone the rows are those of before.
  await list.getByRole("row", { name: "GET /search" }).first().waitFor({ state: "detached" });
  await list.getByRole("row", { name: "POST /tutor/answer" }).first().waitFor();
  const names = await rowsOf(list).allInnerTexts();
  assert.ok(names.length >= 3, names.join());
  const { page: other } = await visit(t, browser, here.url, list.url().split("#")[1]!);
  await other.getByRole("row", { name: "POST /tutor/answer" }).first().waitFor();
  assert.deepEqual(await rowsOf(other).allInnerTexts(), names);
  assert.equal(await other.getByRole("searchbox").inputValue(), "linear");
  for (const filter of ["user ada", "plan pro", "duration ≥ 100 ms", "cost ≥ $0.001"])
    await other.getByRole("button", { name: `Remove the filter ${filter}` }).waitFor();
});

test("However many sessions there are, all of them can be reached", options, async (t) => {
  const store = memoryStore();
  const many = await collector({ store, port: 0, assets: here.assets, prices: false });
  t.after(() => many.close({ timeoutMs: 200 }));
  const hex = (value: number, length: number) => value.toString(16).padStart(length, "0");
  const sessions = Array.from({ length: 1_234 }, (_, i) => ({
    traceId: hex(i + 1, 32),
    trace: { sessionId: `session-${i}` },
  }));
  await store.append(sessions.map((each) => sampleSpan(each)));
  const { page, complaints } = await visit(t, browser, many.url, "/sessions");
  const rows = page.locator(".session-table tbody tr");
  const more = page.getByRole("button", { name: "Show more" });
  for (const shown of [100, 200, 300, 400, 500, 1_000]) {
    await rows.nth(shown - 1).waitFor();
    assert.equal(await rows.count(), shown);
    await more.click();
  }
  await more.waitFor({ state: "detached" });
  assert.equal(new Set(await rows.locator("th").allInnerTexts()).size, 1_234);
  assert.deepEqual(complaints.list, []);
});

test(
  "A server that wants a token shows nothing without it; with it, it stays out of the address",
  options,
  async (t) => {
    const viewerToken = "a-token-that-is-long-enough-4711";
    const guarded = await collector({ store: here.store, port: 0, assets: here.assets, prices: false, viewerToken });
    t.after(() => guarded.close({ timeoutMs: 200 }));
    const asked: string[] = [];
    const without = await newPage(browser, guarded.url);
    t.after(() => without.context.close());
    await without.page.goto(`${guarded.url}/`);
    await without.page.getByText(/token/i).first().waitFor();
    assert.equal(await without.page.getByRole("row").count(), 0);
    const looked = await newPage(browser, guarded.url);
    t.after(() => looked.context.close());
    looked.page.on("request", (request) => asked.push(`${request.url()} ${request.headers()["referer"] ?? ""}`));
    await looked.page.goto(guarded.viewerUrl);
    await rowsOf(looked.page).nth(3).waitFor();
    assert.ok(!looked.page.url().includes(viewerToken), looked.page.url());
    assert.deepEqual(
      asked.filter((line) => line.includes(viewerToken)),
      [],
    );
    await looked.page.reload();
    await rowsOf(looked.page).nth(3).waitFor();
    await rowsOf(looked.page).nth(2).getByRole("link").click();
    await looked.page.getByRole("treeitem").first().waitFor();
    assert.deepEqual(looked.complaints.list, []);
  },
);
