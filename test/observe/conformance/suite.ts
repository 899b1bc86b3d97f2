import assert from "node:assert/strict";
import { test } from "node:test";
import type { Case } from "./case.ts";
import { cases } from "./cases/index.ts";
import type { Target } from "./target.ts";

/** Differences shown of one target: enough to see the pattern. */
const SHOWN = 25;

/**
 * One test for each target, with every case in it; `differs` says what an observed run does differently. With `share`, a
 * target has one case of so many, each the next one: together they have all.
 */
export function conformance(
  title: string,
  targets: readonly Target[],
  differs: (each: Case, target: Target) => Promise<readonly string[]>,
  { share = 1 }: { readonly share?: number } = {},
): void {
  for (const [place, target] of targets.entries()) {
    const programs = cases
      .filter((each) => target.transparent || each.transparentOnly !== true)
      .filter((_, i) => (i + place) % share === 0);
    test(`${title}: ${target.name}, ${programs.length} programs`, async () => {
      const found: string[] = [];
      for (const each of programs) {
        for (const difference of await differs(each, target)) found.push(`${each.name}: ${difference}`);
      }
      const more = found.length > SHOWN ? `\n… and ${found.length - SHOWN} more` : "";
      assert.equal(found.length, 0, `\n${found.slice(0, SHOWN).join("\n")}${more}\n`);
    });
  }
}
