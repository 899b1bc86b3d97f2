/** What the default rules say of a service that is well, and of one that is not: pages that nobody needed, and how soon. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomInt } from "node:crypto";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Severity } from "../../src/monitors/alerts/alert.ts";
import { defaultRules } from "../../src/monitors/alerts/default-rules.ts";
import { count, figure, median } from "../fault/lab/figures.ts";
import { HEALTHY, type Health, randomOf } from "../fault/lab/simulated-calls.ts";
import { EVERY_MS, simulatedService } from "../fault/lab/simulated-service.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** A few long stretches, two at a time: each begins without any figures. */
const STRETCHES = 4;
const STRETCH_HOURS = 250;

interface Told {
  readonly severity: Severity;
  readonly name: string;
  readonly message: string;
}

async function healthyStretch(seed: number): Promise<{ told: readonly Told[]; states: readonly string[] }> {
  const child = fileURLToPath(new URL("../fault/lab/healthy-child.ts", import.meta.url));
  const { NODE_OPTIONS: _, ...env } = process.env;
  const args = ["--conditions=@sightline/source", "--import", "tsx", child, String(seed), String(STRETCH_HOURS)];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env });
  return JSON.parse(stdout);
}

test("In a thousand healthy hours at 100 calls an hour nobody is paged, and there are few tickets", async (t) => {
  const seeds = Array.from({ length: STRETCHES }, () => randomInt(2 ** 32));
  figure(t, `seeds ${seeds.join(", ")}`);
  const stretches: Awaited<ReturnType<typeof healthyStretch>>[] = [];
  for (let i = 0; i < seeds.length; i += 2)
    stretches.push(...(await Promise.all(seeds.slice(i, i + 2).map(healthyStretch))));
  const told = stretches.flatMap((stretch) => stretch.told);
  const pages = told.filter(({ severity }) => severity === "sev1" || severity === "sev2");
  const tickets = told.filter(({ severity }) => severity === "sev3" || severity === "sev4");
  const names = [...new Set(tickets.map(({ name }) => name))];
  const which = names.map((name) => `${name} ${tickets.filter((at) => at.name === name).length}`).join(", ");
  figure(
    t,
    `${count(STRETCHES * STRETCH_HOURS)} healthy hours: ${pages.length} pages, ${tickets.length} tickets (${which})`,
  );
  assert.deepEqual(pages, []);
  // Ten times as many as are expected: more is a rule that has become too jumpy.
  assert.ok(tickets.length <= 60, `${tickets.length} tickets: ${which}`);
  // The rules had figures to judge, once there were some.
  for (const { states } of stretches) assert.ok(states.includes("inactive"), states.join());
});

interface Fault {
  readonly name: string;
  readonly health: Partial<Health>;
  /** The rule that pages. */
  readonly rule: string;
}

const FAULTS: readonly Fault[] = [
  { name: "a storm of rate limits", health: { limited: 0.3 }, rule: "Rate limits critical" },
  { name: "latency times five", health: { slower: 5 }, rule: "p95 latency critical" },
  { name: "20 % errors", health: { errors: 0.2 }, rule: "Error rate critical" },
  { name: "cost times four", health: { dearer: 4 }, rule: "Cost rate critical" },
  { name: "quality 0.4 lower", health: { quality: 0.4 }, rule: "Quality critical" },
  { name: "an outage", health: { errors: 1 }, rule: "API outage" },
];

const ruleOf = (fault: Fault) => defaultRules().find(({ name }) => name === fault.rule)!;

/** Milliseconds from the fault to the first word about its metric, and to the page. Two healthy hours come before. */
async function detect(fault: Fault, callsPerHour: number, seed: number): Promise<{ told: number; paged: number }> {
  const random = randomOf(seed);
  const service = simulatedService(random, callsPerHour);
  await service.run(2 * HOUR + Math.floor(random() * 10) * MINUTE, HEALTHY);
  const began = service.events.length;
  const start = service.clock.epochMs();
  const since = () => service.events.slice(began).filter(({ to, isQuiet }) => to === "firing" && !isQuiet);
  const page = () => since().find(({ alert }) => alert.rule.name === fault.rule);
  await service.run(3 * HOUR, { ...HEALTHY, ...fault.health }, () => page() !== undefined);
  const { metric } = ruleOf(fault);
  const word = since().find(({ alert }) => alert.rule.metric === metric);
  const after = (time: number | undefined) => (time === undefined ? Number.POSITIVE_INFINITY : time - start);
  return { told: after(word?.time), paged: after(page()?.time) };
}

function minutes(delays: readonly number[]): string {
  const shown = (ms: number) => (ms / MINUTE).toFixed(1);
  return `median ${shown(median(delays))}, at most ${shown(Math.max(...delays))} min`;
}

for (const fault of FAULTS) {
  test(`${fault.name} at 100 calls a minute: the page comes within the window, its "for" and one evaluation`, async (t) => {
    const seed = randomInt(2 ** 32);
    const { windowMs, forMs = 0 } = ruleOf(fault);
    const { paged } = await detect(fault, 6_000, seed);
    figure(t, `seed ${seed}: ${fault.name} at 100 calls a minute: paged after ${(paged / MINUTE).toFixed(1)} min`);
    assert.ok(paged <= windowMs + forMs + EVERY_MS, `${paged} ms, seed ${seed}`);
  });

  test(`${fault.name} at 100 calls an hour: told within the widest window, its "for" and one evaluation`, async (t) => {
    const seeds = Array.from({ length: 5 }, () => randomInt(2 ** 32));
    const { windowMs, widenToMs = windowMs, forMs = 0 } = ruleOf(fault);
    const delays: { told: number; paged: number }[] = [];
    for (const seed of seeds) delays.push(await detect(fault, 100, seed));
    const told = delays.map((delay) => delay.told);
    const paged = delays.map((delay) => delay.paged);
    figure(
      t,
      `seeds ${seeds.join(", ")}: ${fault.name} at 100 calls an hour: told ${minutes(told)}; paged ${minutes(paged)}`,
    );
    assert.ok(Math.max(...told) <= widenToMs + forMs + EVERY_MS, `${told} ms, seeds ${seeds}`);
    // Chance is ruled out at 99 %: one in fifty pages about a fault of four times the threshold comes later than that.
    assert.ok(Math.max(...paged) < Number.POSITIVE_INFINITY, `seeds ${seeds}`);
  });
}
