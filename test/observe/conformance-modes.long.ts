import { test } from "node:test";
import { observe, shutdown } from "sightline";
import { compare } from "./conformance/compare.ts";
import { modes } from "./conformance/modes.ts";
import { conformance } from "./conformance/suite.ts";
import { functionTargets, memberTargets } from "./conformance/targets.ts";

/** Two ways in by turns: the modes differ in what is around a call, not in what is called. */
const NAMES = ["method", "function with a receiver"];
const targets = [...memberTargets, ...functionTargets].filter(({ name }) => NAMES.includes(name));

for (const [index, { name, set, o = observe, around }] of modes.entries()) {
  test(`tracing in mode: ${name}`, async () => {
    await shutdown({ timeoutMs: 10 });
    set();
  });
  conformance(name, [targets[index % 2]!], (each, target) => compare(each, target, o, around));
}
