import assert from "node:assert/strict";
import { test } from "node:test";
import { cases } from "./conformance/cases/index.ts";
import { compare } from "./conformance/compare.ts";
import { conformance } from "./conformance/suite.ts";
import { type Decorate, plain, type Target } from "./conformance/target.ts";
import { functionTargets, memberTargets } from "./conformance/targets.ts";

// The harness itself: it must say nothing when there is nothing to say, and must catch what other tools get wrong.

conformance("plain against plain", memberTargets.slice(0, 2), (each, target) => compare(each, target, plain));

/** A function form made of `wrap`, which is what the mistakes below differ in. */
function wrapper(wrap: (fn: Function) => Function): Decorate {
  return (fn: Function) => wrap(fn);
}

const MISTAKES: Readonly<Record<string, { o: Decorate; caught: string }>> = {
  "always async": {
    o: wrapper(
      (fn) =>
        async function (this: unknown, ...args: unknown[]) {
          return Reflect.apply(fn, this, args);
        },
    ),
    caught: "value: an object",
  },
  "receiver lost": {
    o: wrapper(
      (fn) =>
        (...args: unknown[]) =>
          fn(...args),
    ),
    caught: "value: an object",
  },
  "a derived promise for every thenable": {
    o: wrapper(
      (fn) =>
        function (this: unknown, ...args: unknown[]) {
          const result = Reflect.apply(fn, this, args);
          return typeof result?.then === "function" ? result.then((value: unknown) => value) : result;
        },
    ),
    caught: "thenable: a lazy query that fulfils; nothing",
  },
  "a tapped promise": {
    o: wrapper(
      (fn) =>
        function (this: unknown, ...args: unknown[]) {
          const result = Reflect.apply(fn, this, args);
          if (result instanceof Promise) result.catch(() => {});
          return result;
        },
    ),
    caught: "promise: rejects at once; nothing",
  },
  "errors made over": {
    o: wrapper(
      (fn) =>
        function (this: unknown, ...args: unknown[]) {
          try {
            return Reflect.apply(fn, this, args);
          } catch (error) {
            throw error ?? new TypeError("nothing was thrown");
          }
        },
    ),
    caught: "throws null",
  },
  "a generator collected by another": {
    o: wrapper(
      (fn) =>
        function (this: unknown, ...args: unknown[]) {
          const result = Reflect.apply(fn, this, args);
          const isGenerator = Object.prototype.toString.call(result) === "[object Generator]";
          if (!isGenerator) return result;
          return (function* () {
            for (const value of result) yield value;
          })();
        },
    ),
    caught: "generator: run to its end",
  },
  "a stream read ahead": {
    o: wrapper(
      (fn) =>
        function (this: unknown, ...args: unknown[]) {
          const result = Reflect.apply(fn, this, args);
          return result instanceof ReadableStream && !result.locked ? result.tee()[0] : result;
        },
    ),
    caught: "ReadableStream that reads nothing ahead: for await with break",
  },
};

for (const [mistake, { o, caught }] of Object.entries(MISTAKES)) {
  test(`the harness catches: ${mistake}`, async () => {
    const target = functionTargets.find(({ name }) => name === "function with a receiver") as Target;
    const each = cases.find(({ name }) => name === caught);
    assert.ok(each, `no case is named "${caught}"`);
    assert.notDeepEqual(await compare(each, target, o), []);
  });
}
