import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { alerts, budgets, metrics, quality } from "../../src/monitors/index.ts";

const UNITS: { readonly [unit: string]: string } = { per_minute: "per minute", usd_per_hour: "USD per hour" };

test("the table of docs/monitors.md has every metric of our sources, with its unit, and no other", () => {
  const text = readFileSync(new URL("../../docs/monitors.md", import.meta.url), "utf8");
  const table = text.split("| metric | unit | what it is |")[1]!.split("\n\n")[0]!;
  const told = table.split("\n").flatMap((row) => {
    const [, names = "", unit = ""] = row.split("|").map((cell) => cell.trim());
    return [...names.matchAll(/`([^`]+)`/g)].map(([, name]) => `${name} ${unit}`);
  });
  const sources = [
    metrics(),
    budgets({ limits: [{ name: "daily", usd: 1, per: "day" }] }),
    quality({ feedback: { name: "thumbs" } }),
    alerts({ sources: [], everyMs: false }),
  ];
  const scorers = /^quality_(?!drift$).*$/;
  const known = sources.flatMap(({ metrics }) =>
    metrics.map(({ name, unit }) => `${name.replace(scorers, "quality_<scorer>")} ${UNITS[unit] ?? unit}`),
  );
  assert.deepEqual([...new Set(told)].sort(), [...new Set(known)].sort());
});
