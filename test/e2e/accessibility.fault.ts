/** Every page in both colours and at both widths, as axe sees it: nothing serious or critical, and nothing runs off the side. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { launch, noBrowser } from "./lab/browser.ts";
import { TRACES } from "./lab/traffic.ts";
import { visit, type World, world } from "./lab/world.ts";

const missing = noBrowser();
const options = missing === undefined ? {} : { skip: missing };
let here: World;
let browser: Browser;
let axe: string;

before(async () => {
  if (missing !== undefined) return;
  [here, browser] = await Promise.all([world(), launch()]);
  axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
});

after(async () => {
  await browser?.close();
  await here?.close();
});

/** The rules of levels A and AA that look at colours. */
const OF_COLORS = ["color-contrast", "link-in-text-block"];

const click = (name: string) => (page: Page) => page.getByRole("button", { name, exact: true }).first().click();

/** Pages: what is there once they are, and what is done to them first. */
const PAGES: readonly (readonly [name: string, path: string, ready: string, act?: (page: Page) => Promise<unknown>])[] =
  [
    ["traces", "/traces", ".trace-link"],
    ["traces, filtered", "/traces?userId=ada&status=error&minDurationMs=10", ".filter-chip"],
    ["traces, none", "/traces?userId=nobody", "main h2"],
    ["traces, the filters", "/traces", ".trace-link", click("Filter")],
    ["traces, the time", "/traces", ".trace-link", click("All time")],
    ["trace", `/trace/${TRACES.failed}`, "[role=treeitem]"],
    ["trace, a call", `/trace/${TRACES.failed}?span=000000000000000d`, ".message"],
    ["trace, an error", `/trace/${TRACES.failed}?span=000000000000000f`, ".failure"],
    [
      "trace, details",
      `/trace/${TRACES.failed}?span=000000000000000d`,
      ".message",
      (page) => page.getByRole("tab", { name: "Details" }).click(),
    ],
    [
      "trace, raw",
      `/trace/${TRACES.failed}?span=000000000000000d`,
      ".message",
      (page) => page.getByRole("tab", { name: "Raw" }).click(),
    ],
    [
      "trace, the run",
      `/trace/${TRACES.failed}?span=0000000000000008`,
      ".message",
      (page) => page.getByRole("tab", { name: "Run" }).click(),
    ],
    ["trace, flame", `/trace/${TRACES.failed}?view=flame-time`, "[aria-pressed=true]"],
    ["trace, running", `/trace/${TRACES.open}`, "[role=treeitem]"],
    ["trace, headless", `/trace/${TRACES.headless}`, "[role=treeitem]"],
    ["trace, unknown", "/trace/00000000000000000000000000000bad", "main h2"],
    ["compare, pick", "/compare", ".picker-list a"],
    ["compare", `/compare/${TRACES.failed}/${TRACES.good}`, "[role=treegrid] [role=row]"],
    [
      "compare, a pair",
      `/compare/${TRACES.failed}/${TRACES.good}`,
      "[role=treegrid] [role=row]",
      (page) => page.getByRole("row", { name: /Tutor\.summarize/ }).click(),
    ],
    ["sessions", "/sessions", ".row-link"],
    ["session", "/sessions/algebra-ada", ".turn"],
    ["dashboards", "/dashboards", "canvas"],
    ["dashboards, a table", "/dashboards", "canvas", click("Latency as a table")],
    ["incidents", "/incidents", ".incident-link"],
    [
      "incident",
      "/incidents",
      ".incident-link",
      (page) =>
        page
          .locator(".incident-link")
          .first()
          .click()
          .then(() => page.waitForSelector(".steps")),
    ],
    ["no page", "/nothing", "main h2"],
  ];

for (const [name, path, ready, act] of PAGES) {
  test(`axe: ${name}`, options, async (t) => {
    const problems: string[] = [];
    for (const width of [1280, 390]) {
      const settings = { colorScheme: "light", viewport: { width, height: 844 }, reducedMotion: "reduce" } as const;
      const { page, context, complaints } = await visit(t, browser, here.url, path, settings);
      await page.waitForSelector(`${ready} >> visible=true`);
      await act?.(page);
      await page.evaluate(axe);
      // Of what is dark, only the colours are other ones.
      for (const colorScheme of ["light", "dark"] as const) {
        const where = `${colorScheme}, ${width} px`;
        await page.emulateMedia({ colorScheme });
        // What fades in is there.
        await page.waitForTimeout(250);
        const found = await page.evaluate(
          async (rules) => {
            const { violations } = await (globalThis as any).axe.run(document, rules && { runOnly: rules });
            return violations
              .filter(({ impact }: any) => impact === "serious" || impact === "critical")
              .map(
                ({ id, nodes }: any) =>
                  `${id} (${nodes.length}): ${nodes[0].html.slice(0, 160)} ${nodes[0].failureSummary}`,
              );
          },
          colorScheme === "dark" ? OF_COLORS : undefined,
        );
        problems.push(...found.map((one: string) => `${where}: ${one}`));
        const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        if (wider > 0) problems.push(`${where}: ${wider} px wider than the window`);
      }
      problems.push(...complaints.list.map((one) => `${width} px: ${one}`));
      await context.close();
    }
    assert.deepEqual(problems, []);
  });
}
