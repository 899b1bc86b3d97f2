/** The trace page in a real browser: what one sees, what the keys do, and that nothing in a trace is more than text. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, type TestContext, test } from "node:test";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { type LookedAt, launch, newPage, noBrowser } from "./lab/browser.ts";
import { type ViewerServer, viewerServer } from "./lab/server.ts";
import * as lab from "./lab/traces.ts";

const missing = noBrowser();
const options = missing === undefined ? {} : { skip: missing };
let server: ViewerServer;
let browser: Browser;

before(async () => {
  if (missing !== undefined) return;
  const now = Date.now();
  server = await viewerServer([
    ...lab.tutorTrace(now - 3_600_000),
    ...lab.idleTrace(now - 8_000_000),
    ...lab.hostileTrace(now - 1_000_000),
    ...lab.largeTrace(now - 2_000_000),
    ...lab.openTrace(now - 3_000),
    ...lab.generatedTrace(10_000, now - 9_000_000),
  ]);
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.close();
});

/** Opens an address of the viewer; afterwards nothing may have gone wrong. */
async function open(t: TestContext, path: string, settings: BrowserContextOptions = {}): Promise<LookedAt> {
  const looked = await newPage(browser, server.url, settings);
  t.after(() => looked.context.close());
  await looked.page.goto(`${server.url}/#${path}`);
  await looked.page.waitForSelector("[role=treeitem]");
  return looked;
}

const selected = (page: Page) => page.getAttribute("[role=treeitem][aria-selected=true]", "id");
const span = (n: number) => `span-${n.toString(16).padStart(16, "0")}`;

test("A failed trace says what failed, what to do, and what it cost; its error is one key away", options, async (t) => {
  const { page, complaints } = await open(t, `/trace/${lab.IDS.tutor}`);
  assert.equal(await page.textContent("h1"), "POST /tutor/answer");
  const header = (await page.textContent(".trace-header"))!;
  for (const told of ["error", "9.41 s", "$0.0088", "2 findings", "user_42"]) assert.ok(header.includes(told), told);
  assert.match((await page.textContent(".trace-panel"))!, /3 attempts were refused with 429/);
  for (const at of [1, 14, 15, 1]) {
    await page.keyboard.press("e");
    await page.waitForSelector(`#${span(at)}[aria-selected=true]`);
  }
  await page.keyboard.press("Shift+E");
  await page.waitForSelector(`#${span(15)}[aria-selected=true]`);
  await page.waitForSelector("text=Rate limit reached for gpt-4.1 in organization org-shop");
  await page.waitForFunction(() => location.hash.includes("span=000000000000000f"));
  assert.deepEqual(complaints.list, []);
});

test("Keys walk, fold, search and zoom; a link brings all of it back", options, async (t) => {
  const { page, complaints } = await open(t, `/trace/${lab.IDS.tutor}`);
  for (const key of ["j", "j", "ArrowDown"]) await page.keyboard.press(key);
  await page.waitForSelector(`#${span(3)}[aria-selected=true]`);
  await page.keyboard.press("h");
  await page.waitForSelector(`#${span(2)}[aria-selected=true]`);
  await page.keyboard.press("h");
  await page.waitForSelector(`#${span(2)}[aria-expanded=false]`);
  assert.equal(await page.locator(`#${span(3)}`).count(), 0);
  await page.keyboard.press("l");
  await page.waitForSelector(`#${span(3)}`);
  await page.keyboard.press("[");
  await page.waitForFunction(() => document.querySelectorAll("[role=treeitem]").length === 1);
  await page.keyboard.press("2");
  await page.waitForFunction(() => document.querySelectorAll("[role=treeitem]").length > 10);
  await page.keyboard.press("/");
  await page.keyboard.type("rate limit 429");
  await page.waitForFunction(() => document.querySelector(".trace-search-count")?.textContent === "1/3");
  await page.keyboard.press("Enter");
  // The address follows what is chosen a moment later.
  await page.waitForFunction(() => {
    const chosen = document.querySelector("[role=treeitem][aria-selected=true]")?.id.replace("span-", "span=");
    const counted = document.querySelector(".trace-search-count")?.textContent;
    return counted === "2/3" && location.hash.includes("find=rate") && location.hash.includes(chosen!);
  });
  const link = page.url();
  const chosen = await selected(page);
  assert.deepEqual(complaints.list, []);

  const again = await newPage(browser, server.url);
  t.after(() => again.context.close());
  await again.page.goto(link);
  await again.page.waitForSelector(`#${chosen}[aria-selected=true]`);
  assert.equal(await again.page.inputValue("[type=search]"), "rate limit 429");
});

test(
  "Of ten thousand spans a screenful is in the document, and dragging the map zooms into them",
  options,
  async (t) => {
    const { page, complaints } = await open(t, `/trace/${lab.idOf(10_000)}`);
    await page.waitForFunction(() => !document.querySelector(".loading-note"));
    const count = () => page.locator("[role=treeitem]").count();
    assert.ok((await count()) <= 60, `${await count()} rows`);
    await page.keyboard.press("j");
    await page.keyboard.press("End");
    await page.waitForSelector(`#${span(10_000)}[aria-selected=true]`);
    assert.ok((await count()) <= 60, `${await count()} rows`);
    const box = (await page.locator(".minimap").boundingBox())!;
    await page.mouse.move(box.x + box.width * 0.2, box.y + 20);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.3, box.y + 20, { steps: 3 });
    await page.mouse.up();
    await page.waitForSelector("text=/ms in all|s in all/");
    await page.keyboard.press("0");
    await page.waitForSelector(".legend-types");
    assert.deepEqual(complaints.list, []);
  },
);

test(
  "After a jump every row that is seen is there, the right one and once, and its neighbours follow",
  options,
  async (t) => {
    const { page, complaints } = await open(t, `/trace/${lab.idOf(10_000)}`);
    await page.waitForFunction(() => !document.querySelector(".loading-note"));
    const wrong = await page.evaluate(async () => {
      const list = document.querySelector("[role=tree]")!;
      const { left, top, height } = list.getBoundingClientRect();
      const wrong: string[] = [];
      // Far, back, to the end, a little, one row, and while the rows around the last place are still to come.
      for (const place of [100_003, 250, 1e9, 180_000, 180_026, 180_130, 181_000, 90_000, 0]) {
        list.scrollTop = place;
        for (let i = 0; i < 2; i++) await new Promise(requestAnimationFrame);
        for (let y = 1; y < height; y += 13) {
          const position = Math.floor((list.scrollTop + y) / 26);
          const expected = `span-${(position + 1).toString(16).padStart(16, "0")}`;
          const seen = document.elementFromPoint(left + 100, top + y)?.closest("[role=treeitem]")?.id;
          if (seen !== expected) wrong.push(`at ${place}: ${seen}, not ${expected}`);
        }
        const ids = [...document.querySelectorAll("[role=treeitem]")].map(({ id }) => id);
        if (new Set(ids).size !== ids.length) wrong.push(`at ${place}: a row is there twice`);
      }
      list.scrollTop = 26 * 5_000;
      return wrong;
    });
    assert.deepEqual(wrong, []);
    await page.waitForSelector(`#${span(4_997)}`);
    // A window of another height while a jump settles.
    await page.evaluate(() => {
      document.querySelector("[role=tree]")!.scrollTop = 26 * 8_000;
    });
    await page.setViewportSize({ width: 1280, height: 500 });
    await page.waitForSelector(`#${span(7_997)}`);
    assert.equal(await page.locator(`#${span(8_005)}`).count(), 1);
    assert.deepEqual(complaints.list, []);
  },
);

test("Idle time is offered to be drawn short", options, async (t) => {
  const { page } = await open(t, `/trace/${lab.IDS.idle}`);
  await page.click("text=Draw idle times short");
  await page.waitForSelector(".axis-gap");
  assert.equal(await page.locator(".axis-gap").count(), 2);
});

test("A large payload comes as its beginning, and whole when it is asked for", options, async (t) => {
  const { page } = await open(t, `/trace/${lab.IDS.large}?span=0000000000000003`);
  await page.click("text=/^Show all/");
  await page.click("text=/messages between/");
  await page.waitForSelector(".message >> text=Message 200:");
});

test(
  "A run is shown with its thread, its states, its steps, and what its tools were asked and answered",
  options,
  async (t) => {
    const { page, complaints } = await open(t, `/trace/${lab.IDS.tutor}?span=0000000000000008`);
    await page.click("#span-run");
    await page.waitForSelector("text=Step 2");
    const told = (await page.textContent(".run-line"))!;
    for (const part of [
      "thread_8hQ2vXn1ZcTq",
      "run_Lk20sVbTq7",
      "completed",
      "solve_equation",
      "3x = 3",
      "Subtract 11",
    ]) {
      assert.ok(told.includes(part), part);
    }
    await page.click(".run-link >> text=execute_tool solve_equation");
    await page.waitForSelector(`#${span(10)}[aria-selected=true]`);
    assert.deepEqual(complaints.list, []);
  },
);

test("A pinned span is compared with the next one; frames of the flame lead to their spans", options, async (t) => {
  const { page, complaints } = await open(t, `/trace/${lab.IDS.tutor}?span=0000000000000009`);
  await page.keyboard.press("p");
  await page.click(`#${span(13)}`);
  await page.waitForSelector("text=Two spans compared");
  await page.waitForSelector(".diff-line.added >> text=[tool]");
  await page.keyboard.press("Escape");
  await page.waitForSelector(".message");
  await page.keyboard.press("f");
  await page.click(".flame-frame >> text=Tutor.summarize");
  await page.waitForFunction(
    () => location.hash.includes("span=000000000000000e") && location.hash.includes("view=flame-time"),
  );
  await page.keyboard.press("f");
  await page.waitForSelector("text=$0.0088 in all");
  assert.deepEqual(complaints.list, []);
});

test("A running trace goes on by itself, and ends when its root does", options, async (t) => {
  const { page, complaints } = await open(t, `/trace/${lab.IDS.open}`);
  assert.equal(await page.textContent(".trace-header .badge"), "running");
  const running = (await server.store.span(lab.IDS.open, "0000000000000001"))!;
  const { unfinished, ...rest } = running;
  assert.equal(unfinished, true);
  const call = (await server.store.span(lab.IDS.open, "0000000000000003"))!;
  await server.store.append([
    { ...rest, seq: 2, status: { code: "ok" } },
    { ...call, spanId: "0000000000000009", name: "arrived later", seq: 1 },
  ]);
  await page.waitForSelector("[role=treeitem] >> text=arrived later");
  await page.waitForFunction(() => document.querySelector(".trace-header .badge")?.textContent === "ok");
  assert.deepEqual(complaints.list, []);
});

test("Hostile text is text: nothing runs, nothing is loaded, no policy is broken", options, async (t) => {
  const { page, complaints } = await open(t, `/trace/${lab.IDS.hostile}`);
  assert.equal(await page.textContent("h1"), lab.HOSTILE[0]);
  for (let i = 2; i <= 4; i++) {
    await page.click(`#${span(i)}`);
    await page.waitForSelector(".message");
    if (i === 2) await page.locator(".look", { hasText: "Markdown" }).first().click();
    await page.waitForSelector(".markdown");
    for (const tab of ["details", "raw", "content"]) await page.click(`#span-${tab}`);
  }
  const found = await page.evaluate(() => ({
    pwned: "__pwned" in window,
    elements: document.querySelectorAll("main img, main iframe, main script, main style, main [onerror], main [onload]")
      .length,
    links: [...document.querySelectorAll("main a")].map((link) => (link as HTMLAnchorElement).protocol),
  }));
  assert.equal(found.pwned, false);
  assert.equal(found.elements, 0);
  assert.deepEqual([...new Set(found.links)].sort(), ["http:", "https:"]);
  assert.deepEqual(complaints.list, []);
});

for (const colorScheme of ["light", "dark"] as const) {
  for (const width of [1280, 390]) {
    test(`Nothing serious for those who cannot see or point: ${colorScheme}, ${width} px`, options, async (t) => {
      const path = `/trace/${lab.IDS.tutor}?span=000000000000000d`;
      const { page } = await open(t, path, { colorScheme, viewport: { width, height: 844 } });
      await page.waitForSelector(".message");
      const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
      await page.evaluate(axe);
      const violations = await page.evaluate(async () => {
        const { violations } = await (globalThis as any).axe.run(document);
        return violations
          .filter(({ impact }: any) => impact === "serious" || impact === "critical")
          .map(({ id, nodes }: any) => `${id}: ${nodes[0].html.slice(0, 160)} ${nodes[0].failureSummary}`);
      });
      assert.deepEqual(violations, []);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(overflow <= 0, `${overflow} px wider than the window`);
    });
  }
}
