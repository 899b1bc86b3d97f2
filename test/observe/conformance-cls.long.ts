import assert from "node:assert/strict";
import { after, test } from "node:test";
import { createNamespace, destroyNamespace } from "cls-hooked";
import { configure, memorySink, observe, withSpan } from "sightline";
import { clsHookedCarrier } from "sightline/interop/cls-hooked";
import { compareTraced } from "./conformance/compare.ts";
import { conformance } from "./conformance/suite.ts";
import { functionTargets, memberTargets } from "./conformance/targets.ts";

const namespace = createNamespace("conformance");
after(() => destroyNamespace("conformance"));
const memory = memorySink();
configure({ sinks: [memory], carrier: clsHookedCarrier(namespace) });

const NAMES = ["method", "async generator method"];
const targets = [...memberTargets, ...functionTargets].filter(({ name }) => NAMES.includes(name));

conformance("in a cls-hooked namespace", targets, (each, target) => compareTraced(each, target, observe, memory));

test("the namespace is left as it was found", async () => {
  assert.equal(namespace.active, null);
  await namespace.runPromise(async () => {
    namespace.set("user", "ada");
    await withSpan("outer", async () => {
      await null;
      assert.equal(namespace.get("user"), "ada");
      namespace.set("user", "grace");
    });
    assert.equal(namespace.get("user"), "grace");
  });
});
