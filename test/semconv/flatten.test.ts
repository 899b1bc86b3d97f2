import assert from "node:assert/strict";
import { test } from "node:test";
import { attributesOf } from "../../src/semconv/flatten.ts";

test("values that an attribute can be stay; objects and mixed lists become JSON text; null is left out", () => {
  const json = {
    text: "a",
    n: 1.5,
    yes: true,
    none: null,
    texts: ["a", "b"],
    numbers: [1, 2],
    flags: [true, false],
    empty: [],
    mixed: [1, "a"],
    nulls: [null],
    lists: [[1]],
    object: { a: { b: [1] } },
  };
  assert.deepEqual(attributesOf(json, "my."), {
    "my.text": "a",
    "my.n": 1.5,
    "my.yes": true,
    "my.texts": ["a", "b"],
    "my.numbers": [1, 2],
    "my.flags": [true, false],
    "my.empty": [],
    "my.mixed": '[1,"a"]',
    "my.nulls": "[null]",
    "my.lists": "[[1]]",
    "my.object": '{"a":{"b":[1]}}',
  });
});

test("a name is only a name, and what is undefined is not there", () => {
  const attributes = attributesOf(JSON.parse('{"__proto__":"x"}'));
  assert.deepEqual(Object.entries(attributes), [["__proto__", "x"]]);
  assert.equal(Object.getPrototypeOf(attributes), Object.prototype);
  assert.deepEqual(attributesOf({ gone: undefined } as never), {});
});
