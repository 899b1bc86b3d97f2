import { test } from "node:test";
import { observe } from "sightline";
import { compare } from "./conformance/compare.ts";
import { modes } from "./conformance/modes.ts";
import { conformance } from "./conformance/suite.ts";
import { functionTargets, memberTargets } from "./conformance/targets.ts";

/** One of each way in: the modes differ in what is around a call, not in what is called. */
const NAMES = ["method", "function with a receiver"];
const targets = [...memberTargets, ...functionTargets].filter(({ name }) => NAMES.includes(name));

for (const { name, set, o = observe, around } of modes) {
  test(`tracing in mode: ${name}`, set);
  conformance(name, targets, (each, target) => compare(each, target, o, around));
}
