import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Json } from "../../src/core/json.ts";
import { preview } from "../../src/store/preview.ts";
import { holds, wildText } from "../fuzz/property.ts";

test("what a person would read in a payload", () => {
  const cases: [payload: Json | undefined, expected: string | undefined][] = [
    [undefined, undefined],
    [null, undefined],
    ["", undefined],
    [" \n ", undefined],
    ["Solve\n\n  3x \t= 6 ", "Solve 3x = 6"],
    [" one leading, one trailing ", "one leading, one trailing"],
    [0, "0"],
    [false, "false"],
    [[], "[]"],
    [{}, "{}"],
    [{ b: 1, a: [true, null, "x\n"] }, '{"b":1,"a":[true,null,"x\\n"]}'],
    [["a", "b"], '["a","b"]'],
    [
      [
        { role: "system", content: "You are" },
        { role: "user", content: "Why?" },
      ],
      "Why?",
    ],
    [
      [
        {
          role: "user",
          content: [
            { type: "text", text: "Look" },
            { type: "image_url", image_url: { url: "data:…" } },
          ],
        },
      ],
      "Look",
    ],
    [
      [
        { role: "user", content: "Why?" },
        { role: "assistant", content: null, tool_calls: [{ id: "1" }] },
      ],
      '[{"role":"user","content":"Why?"},{"role":"assistant","content":null,"tool_calls":[{"id":"1"}]}]',
    ],
    [{ messages: [{ role: "user", content: "Hi" }] }, "Hi"],
    [{ choices: [{ index: 0, message: { role: "assistant", content: "x = 1" } }] }, "x = 1"],
    [{ output: [{ type: "message", content: [{ type: "output_text", text: "done" }] }] }, "done"],
    [{ model: "gpt", question: "What?" }, "What?"],
    [{ content: "", text: "second" }, "second"],
    [
      { content: { content: { content: { content: { content: { a: "too deep" } } } } } },
      '{"content":{"content":{"content":{"content":{"content":{"a":"too deep"}}}}}}',
    ],
    ["nul\0 and \ud800 half", "nul\uFFFD and \uFFFD half"],
  ];
  for (const [payload, expected] of cases) assert.equal(preview(payload), expected, JSON.stringify(payload));
});

test("inherited names are not content", () => {
  assert.equal(preview(JSON.parse('{"__proto__":{"content":"polluted"}}')), '{"__proto__":{"content":"polluted"}}');
  assert.equal(preview({ constructor: "x" }), '{"constructor":"x"}');
});

test("120 characters, without half a pair at the cut", () => {
  assert.equal(preview("x".repeat(121)), "x".repeat(120));
  assert.equal(preview(`${"x".repeat(119)}😀`), "x".repeat(119));
  assert.equal(preview(`${"x".repeat(118)}😀`), `${"x".repeat(118)}😀`);
  assert.equal(preview("word  ".repeat(100))?.length, 119);
});

test("any text: short, on one line, well formed", (t) =>
  holds(
    t,
    fc.property(fc.oneof(wildText, fc.string({ unit: "binary", maxLength: 400 })), (text) => {
      const shown = preview(text) ?? "";
      assert.ok(shown.length <= 120);
      assert.equal(shown, shown.trim());
      assert.doesNotMatch(shown, /[^\S ]| {2}|\0|\p{Surrogate}/u);
    }),
    2_000,
  ));

test("the JSON of a payload is made no further than it is shown", () => {
  let read = 0;
  const get = (target: string[], key: string | symbol): unknown => {
    if (typeof key === "string" && /^\d+$/.test(key)) read += 1;
    return Reflect.get(target, key);
  };
  const list = new Proxy(
    Array.from({ length: 1_000 }, (_, i) => `item ${i}`),
    { get },
  );
  assert.equal(preview(list)?.startsWith('["item 0","item 1"'), true);
  assert.ok(read < 100, `${read} items were read`);
  const deep = JSON.parse(`${'{"a":['.repeat(100_000)}1${"]}".repeat(100_000)}`);
  assert.equal(preview(deep), '{"a":['.repeat(20));
});
