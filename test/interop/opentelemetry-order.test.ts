/** No SDK, then a context manager, then a provider: in a process of its own, as what is registered stays. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { context, ProxyTracerProvider, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { bind, currentSpan, observe, suppress, withContext, withSpan } from "sightline";
import { spansOf, startProvider, theirs } from "./opentelemetry-both.ts";

const GLOBALS = Symbol.for("opentelemetry.js.api.1");
const registered = (): string[] => Object.keys((globalThis as { [GLOBALS]?: object })[GLOBALS] ?? {});

const step = observe("step", async () => {
  await turn();
  withSpan("deep", () => {});
});

let held: (() => void) | undefined;

test("without an SDK it carries our spans, and registers nothing", async () => {
  const numbers = observe("numbers", function* () {
    yield withSpan("one", () => 1);
  });
  const { paths } = await spansOf(async () => {
    await withSpan("root", async () => {
      await step();
      await Promise.all([step(), step()]);
      [...numbers()];
      suppress(() => withSpan("silent", () => {}));
      held = bind(() => theirs("theirs", () => withSpan("ours", () => {})));
    });
    theirs("noop", () => step());
    withContext({ traceparent: "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01" }, () => step());
    await turn();
    assert.equal(currentSpan(), undefined);
  });
  assert.deepEqual(
    paths,
    [
      "? > step",
      "root",
      "root > numbers",
      "root > numbers > one",
      ...Array(3).fill("root > step"),
      ...Array(3).fill("root > step > deep"),
      "step",
      "step > deep",
      "? > step > deep",
    ].sort(),
  );
  assert.deepEqual(registered(), []);
  assert.equal(context.active(), ROOT_CONTEXT);
  assert.ok(trace.getTracerProvider() instanceof ProxyTracerProvider);
});

test("a context manager that comes later, in the middle of a span", async () => {
  const { paths } = await spansOf(() =>
    withSpan("before", async () => {
      context.setGlobalContextManager(new AsyncLocalStorageContextManager());
      startProvider();
      withSpan("child", () => theirs("theirs", () => withSpan("below", () => {})));
      await step();
    }),
  );
  assert.deepEqual(paths, [
    "before",
    "before > child",
    "before > child > theirs",
    "before > child > theirs > below",
    "before > step",
    "before > step > deep",
  ]);
});

test("what was bound before any of it, run after", async () => {
  const { ours } = await spansOf(() => theirs("elsewhere", () => held!()));
  assert.deepEqual(
    ours.map(({ name, parentIsExternal }) => [name, parentIsExternal]),
    [["ours", true]],
  );
});

test("configured anew, with the SDK stopped and started again", async () => {
  const nested = (): void => theirs("t", () => withSpan("o", () => theirs("u", () => withSpan("p", () => {}))));
  const whole = ["t", "t > o", "t > o > u", "t > o > u > p"];
  assert.deepEqual((await spansOf(nested)).paths, whole);
  context.disable();
  trace.disable();
  assert.deepEqual((await spansOf(nested)).paths, ["o", "o > p"]);
  context.setGlobalContextManager(new AsyncLocalStorageContextManager());
  startProvider();
  assert.deepEqual((await spansOf(nested)).paths, whole);
});
