import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS } from "../../src/capture/limits.ts";
import { namedSnapshot } from "../../src/capture/named.ts";
import { createRedactor } from "../../src/capture/redact.ts";
import { snapshot } from "../../src/capture/snapshot.ts";

const VALUES: readonly unknown[] = [
  ...[0, -0, 1.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY, 4111111111111111, true, false, null, undefined],
  ...[
    "",
    "abc",
    "plain words",
    "sk-proj-0123456789abcdefghijklmnopqrstuvwxyzABCDEF",
    "password=hunter2hunter2",
    "me@b.co",
  ],
  ...["x".repeat(LIMITS.base64), "x".repeat(LIMITS.base64 + 1), "x".repeat(LIMITS.string + 1)],
  ...[10n, Symbol("s"), () => 1, {}, [1], new Date(0), new Proxy({}, {})],
];
const NAMES = [
  ...["n", "question", "password", "pass", "token", "logprob", "apiKey", "toJSON", "toString", "customerId", "größe"],
  ...["a".repeat(LIMITS.short), "a".repeat(LIMITS.short + 1), "a".repeat(LIMITS.name + 1)],
];
const REDACTORS = {
  none: undefined,
  default: createRedactor(),
  pii: createRedactor({ pii: true }),
  keys: createRedactor({ keys: ["customer id", /^quest/] }),
  text: createRedactor({ text: (text) => text.replaceAll("word", "WORD") }),
  failing: createRedactor({
    text: (text) => {
      if (text.length > 5) throw new Error(text);
      return text;
    },
  }),
};

for (const [title, redactor] of Object.entries(REDACTORS)) {
  test(`it is the snapshot of the object, or nothing (masking: ${title})`, () => {
    let settled = 0;
    for (const name of NAMES) {
      for (const value of VALUES) {
        for (const [second, other] of [
          ["rest", 7],
          ["logprob", "text"],
          ["other", { a: 1 }],
        ] as const) {
          if (second === name) continue;
          const { work: _, ...whole } = snapshot({ [name]: value, [second]: other }, "input", LIMITS, redactor);
          const simple = namedSnapshot([name, second], [value, other], redactor);
          if (simple === undefined) continue;
          settled++;
          assert.deepEqual(simple, whole, name);
          assert.equal(JSON.stringify(simple), JSON.stringify(whole), name);
        }
      }
    }
    assert.ok(settled > 20, `${settled} settled`);
  });
}

test("what has no name of its own, or is too much, is left to the walk", () => {
  assert.equal(namedSnapshot(["a"], [1, 2], undefined), undefined);
  const names = Array.from({ length: 17 }, (_, i) => `n${i}`);
  assert.equal(namedSnapshot(names, names, undefined), undefined);
  assert.deepEqual(namedSnapshot(["a", "b"], [1], undefined)?.value, { a: 1 });
});
