import assert from "node:assert/strict";
import { test } from "node:test";
import { observe } from "sightline";
import { LIMITS } from "../../src/capture/limits.ts";
import { areHarmless, plainBytes } from "../../src/capture/plain.ts";
import { createRedactor } from "../../src/capture/redact.ts";
import { snapshot } from "../../src/capture/snapshot.ts";
import type { Json } from "../../src/core/record.ts";
import { namedValues } from "../../src/core/write-record.ts";
import { traced } from "../support/traced.ts";

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
  test(`a plain value is its own snapshot (masking: ${title})`, () => {
    let plain = 0;
    for (const value of VALUES) {
      const bytes = plainBytes(value, redactor);
      if (bytes === undefined) continue;
      plain++;
      const { work: _, ...whole } = snapshot(value, "output", LIMITS, redactor);
      assert.deepEqual({ value, bytes }, whole);
      assert.ok(Object.is(value, whole.value));
    }
    assert.ok(plain > (redactor?.isCustom ? 6 : 8), `${plain} plain`);
  });

  test(`plain values under harmless names are the snapshot of their object (masking: ${title})`, () => {
    let settled = 0;
    for (const name of NAMES) {
      for (const value of VALUES) {
        for (const [second, other] of [
          ["rest", 7],
          ["logprob", "text"],
          ["other", { a: 1 }],
        ] as const) {
          const names = [name, second];
          const values = [value, other];
          if (second === name || !areHarmless(names, redactor)) continue;
          const isPlain = (each: unknown) => each === undefined || plainBytes(each, redactor) !== undefined;
          if (!values.every(isPlain)) continue;
          settled++;
          const whole = snapshot({ [name]: value, [second]: other }, "input", LIMITS, redactor);
          const simple = namedValues(names, values as Json[]);
          assert.deepEqual(simple, whole.value, name);
          assert.equal(JSON.stringify(simple), JSON.stringify(whole.value), name);
          assert.equal(whole.cuts, undefined);
        }
      }
    }
    assert.ok(settled > 15, `${settled} settled`);
  });
}

test("more names than functions have parameters are left to the walk", () => {
  const names = Array.from({ length: 17 }, (_, i) => `n${i}`);
  assert.equal(areHarmless(names, undefined), false);
  assert.equal(areHarmless(names.slice(1), undefined), true);
});

test("a user's own function sees each text of a call once, beside plain values and beside an object", async () => {
  const seen: string[] = [];
  const text = (each: string) => {
    seen.push(each);
    return each.replaceAll("word", "WORD");
  };
  await traced(
    () => {
      const echo = observe("echo", (first: string, second: unknown) => `${first} back ${second}`);
      echo("a word", 1);
      echo("a text", "other words");
      echo("one", { a: "in it" });
    },
    { mask: { text } },
  );
  const texts = ["a word", "a word back 1", "a text", "other words", "a text back other words", "one", "in it"];
  assert.deepEqual(seen.filter((each) => texts.includes(each)).sort(), texts.sort());
});
