import { existsSync } from "node:fs";
import type { TestContext } from "node:test";
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from "playwright-core";

export const CHROMIUM: string = process.env["CHROMIUM_PATH"] ?? "/usr/bin/chromium";

/** Why nothing can be looked at here; undefined where it can. Where it must be possible, its absence is an error. */
export function noBrowser(): string | undefined {
  if (existsSync(CHROMIUM)) return undefined;
  const why = `there is no Chromium at ${CHROMIUM} (CHROMIUM_PATH)`;
  if (process.env["REQUIRE_CHROMIUM"]) throw new Error(why);
  return why;
}

export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] });
}

/** What went wrong in a page without anybody asking: a test ends by comparing it with nothing. */
export interface Complaints {
  readonly list: string[];
}

export interface LookedAt {
  readonly page: Page;
  readonly context: BrowserContext;
  readonly complaints: Complaints;
}

/** A page of its own. Errors, refusals of the content security policy and requests to anybody else are complaints. */
export async function newPage(
  browser: Browser,
  origin: string,
  options: BrowserContextOptions = {},
): Promise<LookedAt> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  const list: string[] = [];
  page.on("pageerror", (error) => list.push(`error: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error" && !/Failed to load resource/.test(message.text()))
      list.push(`console: ${message.text()}`);
  });
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(origin) && !/^(data|blob|about):/.test(url)) list.push(`request: ${url}`);
  });
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => {
      console.error(`csp: ${event.violatedDirective} ${event.blockedURI}`);
    });
  });
  return { page, context, complaints: { list } };
}

/** Opens a browser for one test and closes it afterwards. */
export async function browserFor(t: TestContext): Promise<Browser> {
  const browser = await launch();
  t.after(() => browser.close());
  return browser;
}
