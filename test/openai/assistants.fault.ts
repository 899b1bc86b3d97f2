/** What a process remembers of Assistants runs, up to its limit. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { recordAssistantRun } from "sightline/openai";
import { traced } from "../support/traced.ts";

test("only the last 10,000 runs are remembered", async () => {
  await traced(() => {
    const see = (n: number) => recordAssistantRun({ run: { id: `run_${n}`, status: "cancelled" } }).recorded;
    for (let n = 0; n < 10_000; n++) assert.equal(see(n), true);
    assert.equal(see(0), false, "remembered, and the newest now");
    assert.equal(see(10_000), true);
    assert.equal(see(0), false);
    assert.equal(see(1), true, "the oldest had to go");
  });
});
