import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { observe, stats } from "sightline";
import { traced } from "../support/traced.ts";

test("a promise that never settles keeps a thousand spans, not one for every call that gives it out", async () => {
  await traced(() => {
    const never = new Promise(() => {});
    const give = observe("give", () => never);
    for (let i = 0; i < 5_000; i++) give();
    assert.equal(stats().open, 1_000);
    assert.equal(stats().ended, 4_000);
  });
});

test("a hardened realm, where Error is frozen, can decorate", () => {
  const program = `
    Object.freeze(Error);
    const { configure, memorySink, observe } = await import("sightline");
    configure({ sinks: [memorySink()] });
    console.log(observe("n", (n) => n + 1)(1));
  `;
  const args = ["--conditions=@sightline/source", "--import", "tsx", "--input-type=module", "-e", program];
  assert.equal(
    execFileSync(process.execPath, args, { encoding: "utf8", cwd: new URL("../..", import.meta.url) }),
    "2\n",
  );
});
