/** The viewer's pages in a real browser over a real collector: what people do there, and that text stays text. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, type TestContext, test } from "node:test";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { type LookedAt, launch, newPage, noBrowser } from "../e2e/lab/browser.ts";
import { HOSTILE, type PagesServer, pagesServer, TRACES, traceId, traceOf } from "./lab.ts";

const missing = noBrowser();
const options = missing === undefined ? {} : { skip: missing };
let server: PagesServer;
let browser: Browser;

before(async () => {
  if (missing !== undefined) return;
  server = await pagesServer();
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.close();
});

async function open(t: TestContext, path: string, settings: BrowserContextOptions = {}): Promise<LookedAt> {
  const looked = await newPage(browser, server.url, settings);
  t.after(() => looked.context.close());
  await looked.page.goto(`${server.url}/#${path}`);
  return looked;
}

const rows = ".trace-row[aria-rowindex]:not(.trace-head)";
const rowCount = (page: Page) => page.locator(rows).count();
const hash = (page: Page) => page.evaluate(() => location.hash);

test("what is typed becomes filters in the address; the address brings them back", options, async (t) => {
  const { page, complaints } = await open(t, "/traces");
  await page.waitForSelector(rows);
  assert.equal(await page.getAttribute("[role=grid]", "aria-rowcount"), "-1");
  await page.keyboard.press("/");
  await page.keyboard.type("user:user_7 status:error meta.plan:pro");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => location.hash.includes("metadata.plan=pro"));
  assert.equal(await hash(page), "#/traces?status=error&userId=user_7&metadata.plan=pro");
  const expected = Array.from({ length: TRACES }, (_, n) => n).filter(
    (n) => n % 10 === 7 && n % 8 === 7 && n % 3 === 0,
  );
  const count = String(expected.length + 1);
  await page.waitForSelector(`[role=grid][aria-rowcount="${count}"]`);
  await page.reload();
  await page.waitForSelector(`[role=grid][aria-rowcount="${count}"]`);
  await page.getByRole("button", { name: "Remove the filter status error" }).click();
  await page.waitForFunction(() => !location.hash.includes("status"));
  await page.goBack();
  await page.waitForSelector(`[role=grid][aria-rowcount="${count}"]`);
  await page.getByRole("button", { name: "Clear all" }).click();
  await page.waitForSelector('[role=grid][aria-rowcount="-1"]');
  assert.deepEqual(complaints.list, []);
});

test("filters are offered with the values that there are, and taken with the keyboard alone", options, async (t) => {
  const { page, complaints } = await open(t, "/traces");
  await page.waitForSelector(rows);
  await page.keyboard.press("f");
  await page.getByRole("button", { name: "Model" }).press("Enter");
  await page.getByRole("option", { name: "gpt-4.1-mini" }).waitFor();
  await page.keyboard.type("gpt-4.1-m");
  await page.waitForFunction(() => document.querySelectorAll("[role=option]").length === 1);
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => location.hash.includes("model=gpt-4.1-mini"));
  assert.equal(await page.locator("[role=dialog]").count(), 0);
  assert.deepEqual(complaints.list, []);
});

test("all pages of the list come as it is scrolled; few rows are in the document", options, async (t) => {
  const { page, complaints } = await open(t, "/traces");
  await page.waitForSelector(rows);
  for (let n = 0; n < 6; n++) {
    await page.keyboard.press("End");
    await page.waitForTimeout(150);
  }
  await page.waitForSelector(`[aria-rowindex="${TRACES + 1}"]`);
  assert.ok((await rowCount(page)) < 60, `${await rowCount(page)} rows`);
  await page.keyboard.press("Home");
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await page.waitForFunction((id) => location.hash.startsWith(`#/trace/${id}`), traceId(TRACES - 2));
  assert.deepEqual(complaints.list, []);
});

test("what is new appears at the top; further down it waits behind a count", options, async (t) => {
  const { page, complaints } = await open(t, "/traces?userId=live");
  await page.waitForSelector("text=No trace fits");
  const send = async (n: number) => {
    const records = traceOf(n, Date.now()).map((each) => ({
      ...each,
      trace: { ...each.trace, userId: "live", sessionId: "live" },
    }));
    await server.store.append(records);
  };
  for (let n = 1_000; n < 1_040; n++) await send(n);
  await page.waitForSelector('[role=grid][aria-rowcount="41"]', { timeout: 15_000 });
  await page.locator("[role=grid]").evaluate((grid) => grid.scrollTo(0, 300));
  await send(1_040);
  await page.getByRole("button", { name: "1 new" }).waitFor({ timeout: 15_000 });
  assert.equal(await page.getAttribute("[role=grid]", "aria-rowcount"), "41");
  await page.getByRole("button", { name: "1 new" }).click();
  await page.waitForSelector('[role=grid][aria-rowcount="42"]');
  assert.deepEqual(complaints.list, []);
});

test("a list that a filter has emptied fills again when a trace comes that fits", options, async (t) => {
  const { page, complaints } = await open(t, "/traces");
  await page.waitForSelector(rows);
  await page.fill("#trace-search", "zebra");
  await page.keyboard.press("Enter");
  await page.waitForSelector("text=No trace fits");
  const records = traceOf(1_050, Date.now()).map((each) => ({
    ...each,
    name: "zebra one",
    trace: { ...each.trace, name: "zebra one" },
  }));
  await server.store.append(records);
  await page.waitForSelector(`${rows} >> text=zebra one`, { timeout: 15_000 });
  assert.deepEqual(complaints.list, []);
});

test(
  "the search field leads nowhere when it is left: by an address, or Back before anything was typed",
  options,
  async (t) => {
    const { page, complaints } = await open(t, "/traces");
    await page.waitForSelector(rows);
    await page.fill("#trace-search", "algebra");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => location.hash === "#/traces?text=algebra");
    // Typed and not asked for: the page that is opened takes the field away, not the other way round.
    await page.fill("#trace-search", "algebra and more");
    await page.goto(`${server.url}/#/trace/${traceId(7)}`);
    await page.waitForSelector("header.trace-header");
    assert.equal(await hash(page), `#/trace/${traceId(7)}`);

    await page.goto(`${server.url}/#/dashboards`);
    await page.waitForSelector(".u-over");
    await page.click('.shell-nav a[href="#/traces"]');
    await page.click("#trace-search");
    await page.goBack();
    await page.waitForSelector(".u-over");
    assert.equal(await hash(page), "#/dashboards");

    await page.goto(`${server.url}/#/traces`);
    await page.fill("#trace-search", "algebra");
    await page.locator("#trace-search").blur();
    await page.waitForFunction(() => location.hash === "#/traces?text=algebra");
    assert.deepEqual(complaints.list, []);
  },
);

test("two traces are picked and compared: what changed, by how much, and line by line", options, async (t) => {
  const { page, complaints } = await open(t, `/traces?userId=user_1`);
  await page.waitForSelector(rows);
  for (const key of ["j", "x", "End", "x"]) await page.keyboard.press(key);
  await page.keyboard.press("c");
  await page.waitForFunction(() => location.hash.startsWith("#/compare/"));
  assert.equal((await hash(page)).split("?")[0], `#/compare/${traceId(1)}/${traceId(193)}`);
  await page.waitForSelector(".compare-row.added");
  assert.match((await page.textContent(".compare-counts"))!, /^2 in both, 1 changed, 0 only in A, 1 only in B/);
  assert.match((await page.textContent(".compare-figures"))!, /Cost\$0\.0100\$0\.0010−\$0\.0090−90%/);
  await page.getByRole("button", { name: "Cost", exact: true }).click();
  await page.waitForFunction(() => document.querySelectorAll(".compare-row[aria-selected]").length === 1);
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".diff-line");
  const changes = await page.locator(".diff-line:is(.removed, .added)").allTextContents();
  assert.deepEqual(changes.map((line) => line.replace(/\s+/g, " ").trim()).slice(0, 2), [
    "6− Be friendly.",
    "6+ Always cite.",
  ]);
  await page.keyboard.press("Escape");
  await page.waitForFunction(() => document.querySelector(".pair") === null);
  assert.deepEqual(complaints.list, []);
});

test(
  "money that nobody knows: no difference to it is told, and a sum with it is at least so much",
  options,
  async (t) => {
    const dated = (n: number) =>
      traceOf(n, Date.now() - 3_600_000).map((each) => ({
        ...each,
        trace: { ...each.trace, sessionId: "part-priced" },
      }));
    const unpriced = dated(1_060).map((each) => {
      if (each.record !== "span") return each;
      const { cost: _, ...others } = each;
      return others;
    });
    await server.store.append([...unpriced, ...dated(1_061)]);
    const { page, complaints } = await open(t, `/compare/${traceId(1_060)}/${traceId(1_061)}`);
    const figures = page.locator(".compare-figures").getByRole("row", { name: /^Cost/ });
    await figures.waitFor();
    assert.match(await figures.innerText(), /^Cost\s+–\s+\$0\.0010\s+–$/);
    await page.locator("#compare-0").waitFor();
    for (const row of [0, 1]) assert.equal(await page.locator(`#compare-${row} .k-cost`).innerText(), "–");
    assert.equal(await page.locator("#compare-2 .k-cost").innerText(), "·");
    for (const address of ["sessions/part-priced", "sessions"]) {
      await page.goto(`${server.url}/#/${address}`);
      await page.getByText("≥ $0.0010", { exact: true }).first().waitFor();
    }
    assert.deepEqual(complaints.list, []);
  },
);

test("a comparison whose one side is not known says so, and another can be picked", options, async (t) => {
  const { page } = await open(t, `/compare/${traceId(1)}/${"f".repeat(32)}`);
  await page.waitForSelector("text=Not found");
  await page.getByRole("link", { name: "Change" }).nth(1).click();
  await page
    .getByRole("textbox", { name: "A trace's id or address" })
    .fill(`${server.url}/#/trace/${traceId(2)}?span=1`);
  await page.keyboard.press("Enter");
  await page.waitForSelector(".compare-row[aria-selected]");
  assert.equal(await hash(page), `#/compare/${traceId(1)}/${traceId(2)}`);
});

test("dashboards: figures, a brush opens the traces of its time, a table says the same", options, async (t) => {
  const { page, complaints } = await open(t, "/dashboards?last=24h&by=model");
  await page.waitForSelector(".u-over");
  const answer = await server.store.aggregate({ fromUs: (Date.now() - 86_400_000) * 1_000, groupBy: ["model"] });
  const late = answer.find(({ group }) => group.model === "gpt-4.1-mini")!;
  const row = (await page.locator(".top tbody tr", { hasText: "gpt-4.1-mini" }).textContent())!;
  assert.ok(row.includes(String(late.count)) && row.includes(String(late.errors)), row);
  await page.getByRole("button", { name: "Errors and 429 as a table" }).click();
  const cells = await page.locator(".chart-table td:nth-child(2)").allTextContents();
  const errors = answer.reduce((sum, each) => sum + each.errors, 0);
  assert.equal(
    cells.reduce((sum, cell) => sum + Number(cell), 0),
    errors,
  );
  await page.getByRole("button", { name: "Feature", exact: true }).click();
  await page.locator(".top tbody .cell-value", { hasText: "search" }).click();
  await page.waitForFunction(() => location.hash.includes("feature=search"));
  await page.waitForSelector(".page-dashboards:not(.stale) .u-over");
  await page.waitForTimeout(300);
  await page.locator(".u-over").first().scrollIntoViewIfNeeded();
  const box = (await page.locator(".u-over").first().boundingBox())!;
  await page.mouse.move(box.x + box.width * 0.5, box.y + 60);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.7, box.y + 60, { steps: 4 });
  await page.mouse.up();
  await page.waitForFunction(() => location.hash.startsWith("#/traces"));
  assert.match(await hash(page), /^#\/traces\?from=\d{4}-.*&to=\d{4}-.*&feature=search$/);
  assert.deepEqual(complaints.list, []);
});

test("a session is read as a conversation with its totals", options, async (t) => {
  const { page, complaints } = await open(t, "/sessions");
  await page.getByRole("link", { name: "chat-4" }).click();
  await page.waitForSelector(".turn");
  const turns = Array.from({ length: TRACES }, (_, n) => n).filter((n) => n % 2 === 0 && n % 6 === 4);
  assert.equal(await page.locator(".turn").count(), turns.length);
  assert.match((await page.textContent(".turn"))!, /Question 4: what is algebra\?.*Answer 4/);
  assert.match((await page.textContent(".figures"))!, new RegExp(`Traces${turns.length}Failed0`));
  assert.deepEqual(complaints.list, []);
});

test(
  "an incident is acknowledged, worked on and resolved by somebody who is asked for a name once",
  options,
  async (t) => {
    const { page, complaints } = await open(t, "/incidents");
    await page.locator(".incident-link").first().click();
    await page.getByRole("button", { name: "Acknowledge" }).click();
    await page.getByRole("textbox", { name: /Who are you/ }).fill("ada");
    await page.keyboard.press("Enter");
    await page.waitForSelector(".badge >> text=acknowledged");
    await page.locator(".step input").first().click();
    await page.waitForSelector(".step.done");
    await page.getByRole("textbox", { name: "A note for the timeline" }).fill(HOSTILE);
    await page.getByRole("button", { name: "Add note" }).click();
    await page.locator(".entry-text", { hasText: HOSTILE }).last().waitFor();
    await page.getByRole("button", { name: "Resolve" }).click();
    await page.waitForSelector(".badge >> text=resolved");
    const incident = server.incidents.get(server.incidentId)!;
    assert.equal(incident.status, "resolved");
    assert.equal(incident.acknowledgedBy, "ada");
    assert.deepEqual(
      incident.timeline.filter(({ by }) => by === "ada").map(({ kind }) => kind),
      ["acknowledged", "action", "note", "resolved"],
    );
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "Post-mortem" }).click();
    const text = await readFile((await (await download).path())!, "utf8");
    assert.match(text, /\(ada\)/);
    assert.equal(await page.title(), "Sightline");
    assert.deepEqual(complaints.list, []);
  },
);

test("rules that have not been judged yet are not said to be missing; the page asks again soon", options, async (t) => {
  const { page, context, complaints } = await newPage(browser, server.url);
  t.after(() => context.close());
  let isJudged = false;
  await page.route("**/api/monitors*", async (route) => {
    const answer = await (await route.fetch()).json();
    await route.fulfill({ json: isJudged ? answer : { ...answer, alerts: [] } });
  });
  await page.clock.install();
  await page.goto(`${server.url}/#/incidents`);
  const list = page.getByRole("region", { name: "Alerts" });
  await list.getByText("No alert rule has been judged yet").waitFor();
  isJudged = true;
  await page.clock.runFor(6_000);
  await list.getByText("Nothing fires").waitFor({ timeout: 10_000 });
  assert.deepEqual(complaints.list, []);
});

test("a trace of a file that is still being read comes once it has been read", options, async (t) => {
  const { page, context, complaints } = await newPage(browser, server.url);
  t.after(() => context.close());
  const reading = { source: "a.ndjson", bytes: 9, totalBytes: 9, records: 9, damaged: 0, isDone: true };
  const told = { contentType: "text/event-stream", body: `data: ${JSON.stringify({ event: "reading", reading })}\n\n` };
  // Told once; what is asked again is never answered: no change is heard of.
  let tails = 0;
  await page.route("**/api/tail*", (route) => (tails++ === 0 ? route.fulfill(told) : undefined));
  const unknown = { status: 404, json: { error: { code: "NOT_FOUND", message: "There is no such trace." } } };
  await page.route(`**/api/traces/${traceId(7)}*`, (route) => route.fulfill(unknown), { times: 1 });
  await page.goto(`${server.url}/#/trace/${traceId(7)}`);
  await page.getByRole("heading", { level: 1, name: "Tutor.answer" }).waitFor({ timeout: 10_000 });
  assert.deepEqual(complaints.list, []);
});

test("text of traces is text wherever it is shown", options, async (t) => {
  const { page, complaints } = await open(t, `/traces?${new URLSearchParams({ userId: HOSTILE })}`);
  await page.waitForSelector(rows);
  const shown = (await page.textContent(rows))!;
  assert.equal(shown.split(HOSTILE).length, 3, "as input and as user");
  for (const path of ["/sessions/chat-0", "/dashboards?by=userId", `/compare/${traceId(42)}/${traceId(43)}`]) {
    await page.goto(`${server.url}/#${path}`);
    await page.waitForFunction((text) => document.body.textContent!.includes(text.slice(0, 20)), HOSTILE);
  }
  assert.equal(await page.title(), "Sightline");
  assert.equal(await page.locator("img").count(), 0);
  assert.deepEqual(complaints.list, []);
});

test("a server that is gone is an error with a way out, and nothing stays broken", options, async (t) => {
  const { page } = await open(t, "/traces");
  await page.waitForSelector(rows);
  await page.route("**/api/traces?*", (route) =>
    route.fulfill({ status: 503, json: { error: { code: "X", message: "The disk is full." } } }),
  );
  await page.goto(`${server.url}/#/traces?userId=nobody`);
  await page.keyboard.press("End");
  await page.evaluate(() => location.reload());
  await page.waitForSelector("text=The disk is full.");
  await page.unroute("**/api/traces?*");
  await page.getByRole("button", { name: "Try again" }).click();
  await page.waitForSelector("text=No trace fits");
});

const PAGES: readonly (readonly [path: string, ready: string])[] = [
  ["/traces", rows],
  ["/sessions", ".session-table"],
  ["/sessions/chat-2", ".turn"],
  ["/dashboards", ".u-over"],
  [`/compare/${traceId(1)}/${traceId(193)}?pair=0000000000000002:0000000000000002`, ".diff-line"],
  ["/compare", ".picker-list a"],
  ["/incidents", ".incident"],
];

for (const [width, colorScheme] of [
  [390, "dark"],
  [1280, "light"],
] as const) {
  test(
    `${width} pixels, ${colorScheme}: nothing is wider than the page, axe finds nothing serious`,
    options,
    async (t) => {
      const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
      const settings = { viewport: { width, height: 800 }, colorScheme, reducedMotion: "reduce" } as const;
      const { page, complaints } = await open(t, "/traces", { ...settings, bypassCSP: true });
      const pages = [...PAGES, [`/incidents/${server.incidentId}`, ".entry"] as const];
      for (const [path, ready] of pages) {
        await page.goto(`${server.url}/#${path}`);
        await page.waitForSelector(ready);
        const widest = await page.evaluate(() => {
          const main = document.getElementById("main")!;
          return Math.max(document.documentElement.scrollWidth, main.scrollWidth);
        });
        assert.ok(widest <= width, `${path} is ${widest} pixels wide`);
        await page.evaluate(axe);
        const found = await page.evaluate(async () => {
          const { violations } = await (globalThis as any).axe.run({ resultTypes: ["violations"] });
          return violations
            .filter(({ impact }: any) => impact === "serious" || impact === "critical")
            .map(({ id, nodes }: any) => `${id}: ${nodes.map(({ html }: any) => html.slice(0, 140)).slice(0, 3)}`);
        });
        assert.deepEqual(found, [], path);
      }
      assert.deepEqual(complaints.list, []);
    },
  );
}

test("360 pixels, several projects with long names: the header fits, with all its pages", options, async (t) => {
  const { page, complaints } = await open(t, "/traces", { viewport: { width: 360, height: 800 } });
  const projects = ["a-shop-with-a-name-that-does-not-end-where-it-should", "tutor"];
  await page.route("**/api/about*", async (route) => {
    const about = await (await route.fetch()).json();
    await route.fulfill({ json: { ...about, projects } });
  });
  await page.reload();
  await page.getByRole("combobox", { name: "Project" }).waitFor();
  for (const path of ["/traces", "/incidents", "/compare", "/sessions", "/dashboards", `/trace/${traceId(7)}`]) {
    await page.goto(`${server.url}/#${path}`);
    await page.waitForSelector(".shell-nav");
    const outside = await page.evaluate(() =>
      Array.from(document.querySelectorAll(".shell-bar :is(a, select, .shell-side button)"), (each) => {
        const { left, right, top, bottom } = each.getBoundingClientRect();
        const bar = document.querySelector(".shell-bar")!.getBoundingClientRect();
        const isWithin = left >= 0 && right <= innerWidth && top >= bar.top && bottom <= bar.bottom;
        return isWithin ? "" : `${each.textContent}: ${left}–${right}, ${top}–${bottom}`;
      }).filter(Boolean),
    );
    assert.deepEqual(outside, [], path);
  }
  assert.deepEqual(complaints.list, []);
});
