/** What a page of somebody else can do to a collector on this machine: nothing. In a real browser, against real requests. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, type TestContext, test } from "node:test";
import { type Browser, chromium } from "playwright-core";
import { CHROMIUM, noBrowser } from "./lab/browser.ts";
import { TRACES } from "./lab/traffic.ts";
import { type World, world } from "./lab/world.ts";

const missing = noBrowser();
const options = missing === undefined ? {} : { skip: missing };
let here: World;
let browser: Browser;

before(async () => {
  if (missing !== undefined) return;
  // A name of somebody else that leads to this machine: what DNS rebinding ends with.
  const args = ["--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP *.example 127.0.0.1"];
  [here, browser] = await Promise.all([world(), chromium.launch({ executablePath: CHROMIUM, args })]);
});

after(async () => {
  await browser?.close();
  await here?.close();
});

/** How often the server has answered so far: `viewer 200` → 3. */
async function answered(): Promise<Map<string, number>> {
  const text = await (await fetch(`${here.url}/metrics`)).text();
  const lines = text.matchAll(/^sightline_collector_requests_total\{route="([^"]*)",status="(\d+)"\} (\d+)$/gm);
  return new Map(Array.from(lines, ([, route, status, count]) => [`${route} ${status}`, Number(count)]));
}

/** A page of another server, at another name or only another port. */
async function stranger(t: TestContext, name: string) {
  const server = createServer((_, response) => {
    response.writeHead(200, { "content-type": "text/html" });
    response.end("<!doctype html><title>somebody else</title><iframe name=sink></iframe>");
  });
  server.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.on("listening", resolve));
  const { port } = server.address() as AddressInfo;
  const context = await browser.newContext();
  // What tsx puts around functions that have a name.
  await context.addInitScript("globalThis.__name = (named) => named");
  t.after(async () => {
    await context.close();
    server.close();
  });
  const page = await context.newPage();
  await page.goto(`http://${name}:${port}/`);
  return page;
}

for (const name of ["evil.example", "127.0.0.1", "localhost"]) {
  test(`A page of ${name}, of another port, reads nothing, sends nothing and changes nothing`, options, async (t) => {
    const [incident] = here.incidents.open();
    assert.ok(incident);
    const before = { stats: await here.store.stats(), answers: await answered() };
    const page = await stranger(t, name);
    const got = await page.evaluate(
      async ({ url, id, traceId }) => {
        const results: Record<string, string> = {};
        const attempt = async (name: string, run: () => Promise<string>) => {
          results[name] = await run().catch((error: Error) => `refused: ${error.name}`);
        };
        const action = JSON.stringify({ action: "resolve", by: "mallory" });
        const body = '{"record":"span"}\n';
        await attempt("read", async () => (await fetch(`${url}/api/traces`)).text());
        await attempt("about", async () => (await fetch(`${url}/api/about`, { credentials: "include" })).text());
        await attempt("opaque", async () => (await fetch(`${url}/api/traces`, { mode: "no-cors" })).text());
        await attempt("act", async () => {
          const headers = { "content-type": "application/json" };
          return (await fetch(`${url}/api/incidents/${id}`, { method: "POST", headers, body: action })).text();
        });
        await attempt("act simply", async () => {
          const init = { method: "POST", mode: "no-cors" as const, body: action };
          return (await fetch(`${url}/api/incidents/${id}`, init)).text();
        });
        await attempt("send", async () => {
          return (await fetch(`${url}/v1/records`, { method: "POST", mode: "no-cors", body })).text();
        });
        await attempt("beacon", async () => {
          navigator.sendBeacon(`${url}/v1/records`, body);
          return "";
        });
        const loaded = (element: HTMLElement) =>
          new Promise<string>((resolve, reject) => {
            element.onload = () => resolve("loaded");
            element.onerror = () => reject(new TypeError("error"));
            document.body.append(element);
          });
        await attempt("script", () => {
          return loaded(Object.assign(document.createElement("script"), { src: `${url}/api/traces/${traceId}` }));
        });
        await attempt("image", () => {
          return loaded(Object.assign(document.createElement("img"), { src: `${url}/api/traces/${traceId}` }));
        });
        await attempt("tail", () => {
          return new Promise<string>((resolve, reject) => {
            const source = new EventSource(`${url}/api/tail`);
            source.onopen = () => resolve("open");
            source.onerror = () => reject(new TypeError("error"));
          });
        });
        await attempt("form", () => {
          return new Promise<string>((resolve) => {
            const form = document.createElement("form");
            Object.assign(form, { action: `${url}/api/incidents/${id}`, method: "post", target: "sink" });
            form.enctype = "text/plain";
            const field = Object.assign(document.createElement("input"), { name: action.slice(0, -1), value: "}" });
            form.append(field);
            document.body.append(form);
            (document.querySelector("iframe") as HTMLIFrameElement).onload = () => resolve("");
            form.submit();
          });
        });
        await attempt("frame", () => {
          return new Promise<string>((resolve) => {
            const frame = Object.assign(document.createElement("iframe"), { src: `${url}/#/traces`, name: "viewer" });
            frame.onload = () => resolve("");
            document.body.append(frame);
          });
        });
        return results;
      },
      { url: here.url, id: incident.id, traceId: TRACES.failed },
    );
    for (const [way, result] of Object.entries(got)) {
      assert.match(result, /^(refused: TypeError)?$/, `${way}: ${result.slice(0, 200)}`);
    }
    // Framed by others, the viewer is not drawn.
    for (const frame of page.frames().slice(1)) assert.equal(await frame.locator("#app").count(), 0);
    // The server has answered each of the eleven with a refusal; the page itself is a file without data.
    const answers = [...(await answered())].flatMap(([answer, count]) => {
      const more = count - (before.answers.get(answer) ?? 0);
      return more === 0 || answer.startsWith("/metrics") ? [] : [`${answer}, ${more} times`];
    });
    assert.deepEqual(answers.sort(), ["none 403, 11 times", "viewer 200, 1 times"]);
    assert.equal(here.incidents.get(incident.id)!.status, incident.status);
    assert.deepEqual(here.incidents.get(incident.id)!.timeline, incident.timeline);
    assert.deepEqual(await here.store.stats(), before.stats);
  });
}

test("A foreign name that leads here (DNS rebinding) gets neither page nor data", options, async (t) => {
  const context = await browser.newContext();
  t.after(() => context.close());
  const page = await context.newPage();
  for (const path of ["/", "/api/traces", "/api/tail", "/v1/records"]) {
    const answer = (await page.goto(`http://rebound.example:${here.server.port}${path}`))!;
    assert.equal(answer.status(), 403, path);
    assert.ok(!(await answer.text()).includes("<script"), path);
  }
  const got = await page.evaluate(async () => (await fetch("/api/traces")).status);
  assert.equal(got, 403);
});

test("A page that opened the viewer has no hold of it", options, async (t) => {
  const page = await stranger(t, "evil.example");
  const [opened] = await Promise.all([
    page.context().waitForEvent("page"),
    page.evaluate((url) => {
      (globalThis as any).opened = window.open(`${url}/#/traces`);
    }, here.url),
  ]);
  await opened.getByRole("row").nth(2).waitFor();
  assert.equal(await opened.evaluate(() => window.opener), null);
  assert.equal(await page.evaluate(() => (globalThis as any).opened.closed), true, "it looks closed to its opener");
});
