/**
 * Takes the README's pictures of the viewer, from two made-up days of a tutor service: the same at every run. Needs Chromium
 * (`CHROMIUM_PATH`, default /usr/bin/chromium).
 *
 * `npm run screenshots [directory]`; the default is docs/images.
 */
import { mkdir, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { launch, newPage, noBrowser } from "../test/e2e/lab/browser.ts";
import { TRACES } from "../test/e2e/lab/traffic.ts";
import { NOW_MS, world } from "../test/e2e/lab/world.ts";

const MOST_BYTES = 200_000;

/** What is in the picture, in which colours, and what is there once it can be taken. */
const PICTURES = [
  {
    file: "trace.png",
    path: `/trace/${TRACES.failed}?span=000000000000000d`,
    colorScheme: "light",
    ready: ".message",
  },
  { file: "dashboards.png", path: "/dashboards?last=24h", colorScheme: "dark", ready: ".plot canvas" },
];

const missing = noBrowser();
if (missing !== undefined) {
  console.error(`no pictures: ${missing}`);
  process.exit(1);
}
const directory = resolve(process.argv[2] ?? fileURLToPath(new URL("../docs/images", import.meta.url)));
await mkdir(directory, { recursive: true });
const [here, browser] = await Promise.all([world(), launch()]);
try {
  for (const { file, path, colorScheme, ready } of PICTURES) {
    const { page, context } = await newPage(browser, here.url, {
      ...{ colorScheme, viewport: { width: 1280, height: 800 }, deviceScaleFactor: 1 },
      ...{ timezoneId: "UTC", locale: "en-GB", reducedMotion: "reduce" },
    });
    await page.clock.setFixedTime(NOW_MS);
    await page.goto(`${here.url}/#${path}`);
    await page.waitForSelector(ready);
    await page.evaluate(() => document.fonts.ready);
    // Two frames: what is drawn on a canvas is drawn.
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    await page.mouse.move(0, 0);
    const to = join(directory, file);
    await page.screenshot({ path: to, animations: "disabled", caret: "hide" });
    await context.close();
    const { size } = await stat(to);
    if (size > MOST_BYTES) throw new Error(`${file} has ${size} bytes, more than ${MOST_BYTES}`);
    console.log(`${to}: ${(size / 1_000).toFixed(0)} KB`);
  }
} finally {
  await browser.close();
  await here.close();
}
