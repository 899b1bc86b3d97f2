import assert from "node:assert/strict";
import { test } from "node:test";
import { observe, stats } from "sightline";
import { compare } from "./conformance/compare.ts";
import { conformance } from "./conformance/suite.ts";
import { functionTargets, memberTargets } from "./conformance/targets.ts";
import { tc39Targets } from "./conformance/targets-tc39.ts";

// Nobody calls `configure` in this process, and the environment names no sink.

const NAMES = ["method", "getter", "async generator method", "function with a receiver", "#private method"];
const targets = [...memberTargets, ...functionTargets, ...tc39Targets].filter(({ name }) => NAMES.includes(name));

conformance("unconfigured", targets, (each, target) => compare(each, target, observe));

test("unconfigured: nothing was recorded", () => {
  const { started, internalErrors, sinks } = stats();
  assert.deepEqual({ started, internalErrors, sinks }, { started: 0, internalErrors: 0, sinks: {} });
});
