import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { Browser, BrowserContextOptions } from "playwright-core";
import { buildViewer } from "../../../scripts/build-viewer.js";
import { type Collector, type CollectorOptions, collector } from "../../../src/collector/index.ts";
import type { TraceRecord } from "../../../src/core/record.ts";
import {
  type Alerts,
  alerts,
  budgets,
  defaultRules,
  type Incidents,
  incidents,
  metrics,
  quality,
} from "../../../src/monitors/index.ts";
import { sqliteStore, type TraceStore } from "../../../src/store/index.ts";
import { fakeClock } from "../../../src/testing/index.ts";
import { type LookedAt, newPage } from "./browser.ts";
import { sentAtMs, traffic } from "./traffic.ts";

/** Thursday afternoon. The world's clock stands there, and so does that of its browsers. */
export const NOW_MS: number = Date.parse("2026-11-19T14:30:00Z");

/** A service with two days behind it: the real store, collector and monitors, and the viewer as it is shipped. */
export interface World {
  readonly url: string;
  readonly store: TraceStore;
  readonly server: Collector;
  readonly assets: string;
  readonly alerts: Alerts;
  readonly incidents: Incidents;
  /** Sends records as a program would; resolves when they are acknowledged. */
  send(records: readonly TraceRecord[]): Promise<void>;
  close(): Promise<void>;
}

export interface WorldOptions {
  readonly seed?: number;
  /** Of records that come last. */
  readonly more?: readonly TraceRecord[];
  readonly collector?: Partial<CollectorOptions>;
}

const MINUTE = 60_000;
const HOUR = 3_600_000;

export async function world({ seed, more = [], collector: options = {} }: WorldOptions = {}): Promise<World> {
  const assets = await mkdtemp(join(tmpdir(), "sightline-viewer-"));
  await buildViewer(assets);
  const { records, storms } = traffic(NOW_MS, seed);
  const clock = fakeClock(NOW_MS - 49 * HOUR);
  const store = sqliteStore({ path: ":temporary:" });
  const calls = metrics({ clock });
  const spent = budgets({
    clock,
    limits: [
      { name: "daily", usd: 2.5, per: "day" },
      { name: "grading, monthly", usd: 5, per: "month", where: { feature: "grading" } },
    ],
  });
  const answers = quality({
    clock,
    baseline: { mean: 0.9, sd: 0.05 },
    scorers: [{ name: "helpful", higherIsBetter: true, score: ({ feature }) => (feature === "quiz" ? 0.8 : 0.9) }],
  });
  const tracked = incidents({ clock });
  // One thing goes wrong at a time.
  const rules = defaultRules({ sources: [calls, spent], except: ["token_quota_used", "cost_rate"] });
  const watch = alerts({ clock, rules, sources: [calls, spent], listeners: [tracked], everyMs: false });
  let heard = 0;
  const counting = { name: "counting", write: (batch: readonly TraceRecord[]) => void (heard += batch.length) };
  const server = await collector({
    store,
    port: 0,
    assets,
    prices: false,
    // Counting comes after the figures and before the alerts.
    monitors: { alerts: watch, incidents: tracked, budgets: spent, quality: answers, sinks: [calls, counting] },
    ...options,
  });

  let sent = 0;
  const send = async (batch: readonly TraceRecord[]): Promise<void> => {
    if (batch.length === 0) return;
    const body = batch.map((record) => `${JSON.stringify(record)}\n`).join("");
    const headers = { "content-type": "application/x-ndjson", ...bearer(options) };
    const response = await fetch(`${server.url}/v1/records`, { method: "POST", headers, body });
    if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
    sent += batch.length;
    while (heard < sent) await new Promise(setImmediate);
  };
  // Time passes in steps: minutes while something is wrong, hours while nothing is.
  let at = 0;
  while (clock.epochMs() < NOW_MS) {
    const now = clock.epochMs();
    const isBusy = storms.some(([from, to]) => now >= from - MINUTE && now < to + 20 * MINUTE);
    const next = storms.map(([from]) => from - MINUTE).find((from) => from > now) ?? NOW_MS;
    clock.advance(Math.min(isBusy ? MINUTE : Math.min(HOUR, next - now), NOW_MS - now));
    const end = records.findIndex((record) => sentAtMs(record) > clock.epochMs());
    const batch = records.slice(at, end < 0 ? undefined : end);
    at += batch.length;
    await send(batch);
    watch.evaluate();
  }
  await send([...records.slice(at), ...more]);

  return {
    ...{ url: server.url, store, server, assets, alerts: watch, incidents: tracked, send },
    async close() {
      await server.close({ timeoutMs: 500 });
      await store.close();
      await rm(assets, { recursive: true, force: true });
    },
  };
}

function bearer({ projects }: Partial<CollectorOptions>): Record<string, string> {
  const token = Object.values(projects ?? {}).flat()[0];
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}

/** A page whose clock is that of the world, at an address of the viewer; closed with the test. */
export async function visit(
  t: TestContext,
  browser: Browser,
  url: string,
  path: string,
  options: BrowserContextOptions = {},
): Promise<LookedAt> {
  const looked = await newPage(browser, url, { timezoneId: "UTC", locale: "en-GB", ...options });
  t.after(() => looked.context.close());
  looked.page.setDefaultTimeout(15_000);
  await looked.page.clock.setFixedTime(NOW_MS);
  await looked.page.goto(`${url}/#${path}`);
  return looked;
}
