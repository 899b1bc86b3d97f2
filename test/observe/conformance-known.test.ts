import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { configure, memorySink, observe } from "sightline";
import { listenToProcess } from "./conformance/play.ts";
import { createWorld } from "./conformance/world.ts";

// All that an observed program can tell: a native promise and a web stream are handed out as another of their kind.

configure({ sinks: [memorySink()] });

test("a native promise comes back as another one, which settles one microtask later", async () => {
  const promise = Promise.resolve(1);
  const derived = observe(() => promise)();
  assert.notEqual(derived, promise);
  assert.equal(Object.getPrototypeOf(derived), Promise.prototype);
  const order: string[] = [];
  const first = derived.then(() => order.push("observed"));
  promise.then(() => order.push("plain")).then(() => order.push("plain, one later"));
  await first;
  assert.deepEqual(order, ["plain", "observed", "plain, one later"]);
});

test("a rejection that the body has handled is unhandled again where the caller drops the promise", async () => {
  const world = createWorld(false);
  const drop = (wrap: (fn: () => Promise<never>) => () => Promise<never>): void => {
    const run = wrap(() => {
      const promise = Promise.reject(new Error("boom"));
      promise.catch(() => {});
      return promise;
    });
    run();
  };
  const restore = listenToProcess(world);
  drop((fn) => fn);
  await turn();
  assert.deepEqual(world.lines, []);
  drop(observe);
  await turn();
  restore();
  assert.deepEqual(world.lines, ["process unhandledRejection { reason: Error: boom }"]);
});

test("an object that a promise fulfils with is asked for its `then` once more", async () => {
  let asked = 0;
  const value = {
    get then() {
      asked++;
      return undefined;
    },
  };
  await (async () => value)();
  assert.equal(asked, 1);
  await observe(async () => value)();
  assert.equal(asked, 3);
});

test("a web stream comes back as another one", () => {
  const stream = new ReadableStream();
  const tapped = observe(() => stream)();
  assert.notEqual(tapped, stream);
  assert.ok(tapped instanceof ReadableStream);
});

test("the source text of an observed function is not its own", () => {
  const fn = (): string => "a body";
  assert.doesNotMatch(Function.prototype.toString.call(observe(fn)), /a body/);
});
