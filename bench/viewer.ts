/**
 * What the trace page costs in headless Chromium: the first row of a trace of 100,000 spans on the screen, and scrolling
 * through it, frame by frame, with the script's part of each. Fails above the limits.
 *
 * `npm run bench:viewer [spans]`
 */
import type { CDPSession, Page } from "playwright-core";
import { launch, newPage, noBrowser } from "../test/e2e/lab/browser.ts";
import { viewerServer } from "../test/e2e/lab/server.ts";
import { generatedTrace, idOf } from "../test/e2e/lab/traces.ts";

const SPANS = Number(process.argv[2] ?? 100_000);
const FRAMES = 240;
/** Milliseconds; rows in the document. */
const LIMITS = { firstRow: 1_000, frameMedian: 20, frameP95: 30, rows: 60 };

const missing = noBrowser();
if (missing !== undefined) {
  console.log(`not measured: ${missing}`);
  process.exit();
}

const server = await viewerServer(generatedTrace(SPANS, Date.now() - 3_600_000));
const browser = await launch();
const problems: string[] = [];
try {
  const { page, context } = await newPage(browser, server.url);
  // Once for the code to be in the browser's cache, as it is for whoever comes from the list.
  await page.goto(`${server.url}/`);
  await page.waitForTimeout(500);
  const firsts: number[] = [];
  for (let i = 0; i < 5; i++) firsts.push(await firstRow(page));
  const whole = await loaded(page);
  const cdp = await context.newCDPSession(page);
  const processes = await browser.newBrowserCDPSession();
  await cdp.send("Performance.enable");
  report("first row, ms", firsts);
  console.log(`all ${SPANS} spans there after ${Math.round(whole)} ms`);
  check("first row", median(firsts), LIMITS.firstRow);

  for (const [name, step] of [
    ["scrolling by 300 px a frame", 300],
    ["jumping by 10,000 px a frame", 10_000],
  ] as const) {
    const { frames, work, cpu, rows, blank } = await scrolled(page, cdp, processes, step);
    report(`${name}: frame, ms`, frames);
    console.log(
      `${name}: processor a frame, all threads of the page: ${cpu.toFixed(2)} ms; by the clock, its main thread: ${work} ms; rows in the document at most ${rows}`,
    );
    check(`${name}: median`, median(frames), LIMITS.frameMedian);
    check(`${name}: p95`, quantile(frames, 0.95), LIMITS.frameP95);
    check(`${name}: frames without rows`, blank, 0);
    check(`${name}: rows`, rows, LIMITS.rows);
  }
} finally {
  await browser.close();
  await server.close();
}
if (problems.length > 0) {
  console.error(`above the limit: ${problems.join("; ")}`);
  process.exitCode = 1;
}

/** From the moment at which the page is told to open the trace to the frame with its first row. */
async function firstRow(page: Page): Promise<number> {
  await page.evaluate(() => {
    location.hash = "#/incidents";
  });
  await page.waitForTimeout(300);
  return page.evaluate(async (id) => {
    const begin = performance.now();
    location.hash = `#/trace/${id}`;
    while (document.querySelectorAll("[role=treeitem]").length < 10) await new Promise(requestAnimationFrame);
    await new Promise(requestAnimationFrame);
    return performance.now() - begin;
  }, idOf(SPANS));
}

/** Until every span is there, since the page was opened. */
async function loaded(page: Page): Promise<number> {
  const begin = performance.now();
  const note = page.locator(".loading-note");
  while ((await note.count()) > 0) await page.waitForTimeout(20);
  return performance.now() - begin;
}

async function scrolled(page: Page, cdp: CDPSession, processes: CDPSession, step: number) {
  const cpuBefore = await processorTime(processes);
  const before = await workOf(cdp);
  const { frames, rows, blank } = await page.evaluate(
    async ({ step, count }) => {
      const list = document.querySelector("[role=tree]")!;
      list.scrollTop = 0;
      await new Promise(requestAnimationFrame);
      const frames: number[] = [];
      let rows = 0;
      let blank = 0;
      let last = await new Promise<number>(requestAnimationFrame);
      for (let i = 1; i <= count; i++) {
        // Between frames, as a hand does: within one, what is painted would be the new place with the rows of the old one.
        await new Promise((done) => setTimeout(done));
        list.scrollTop = i * step;
        const now = await new Promise<number>(requestAnimationFrame);
        frames.push(now - last);
        last = now;
        rows = Math.max(rows, document.querySelectorAll("[role=treeitem]").length);
        // A frame that shows no row in its middle is quick for nothing.
        const box = list.getBoundingClientRect();
        const middle = document.elementFromPoint(box.left + 100, box.top + box.height / 2);
        if (!middle?.closest("[role=treeitem]")) blank++;
      }
      return { frames, rows, blank };
    },
    { step, count: FRAMES },
  );
  const after = await workOf(cdp);
  const cpu = ((await processorTime(processes)) - cpuBefore) / FRAMES;
  const work = Object.entries(after).map(([name, value]) => {
    return `${name} ${((value - before[name as keyof typeof before]) / FRAMES).toFixed(2)}`;
  });
  return { frames, rows, blank, cpu, work: work.join(", ") };
}

/** Milliseconds of processor that the pages' processes have taken: painting included, and whatever else runs left out. */
async function processorTime(processes: CDPSession): Promise<number> {
  const { processInfo } = await processes.send("SystemInfo.getProcessInfo");
  return processInfo.filter(({ type }) => type === "renderer").reduce((sum, { cpuTime }) => sum + cpuTime * 1_000, 0);
}

/** What the page's main thread has done since it began, in milliseconds. */
async function workOf(cdp: CDPSession) {
  const { metrics } = await cdp.send("Performance.getMetrics");
  const of = (wanted: string) => metrics.find(({ name }) => name === wanted)!.value * 1_000;
  return {
    all: of("TaskDuration"),
    script: of("ScriptDuration"),
    style: of("RecalcStyleDuration"),
    layout: of("LayoutDuration"),
  };
}

function report(name: string, values: readonly number[]): void {
  const of = (q: number) => quantile(values, q).toFixed(1);
  console.log(`${name}: median ${of(0.5)}, p95 ${of(0.95)}, worst ${of(1)}`);
}

function check(name: string, value: number, limit: number): void {
  if (value > limit) problems.push(`${name} ${value.toFixed(1)} > ${limit}`);
}

function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!;
}
