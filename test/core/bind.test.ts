import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { test } from "node:test";
import { bindEmitter, startSpan, withSpan } from "sightline";
import { traced } from "../support/traced.ts";

// What a program sees of a bound emitter: test/observe/context.test.ts.

const METHODS = ["on", "addListener", "prependListener", "once", "prependOnceListener"] as const;

/** Hands listeners for `drain` to another emitter, as `compression` does with a response. */
function redirect(emitter: EventEmitter, other: EventEmitter): void {
  const { on } = emitter;
  emitter.on = function (this: EventEmitter, event: string | symbol, listener: (...args: any[]) => void) {
    return event === "drain" ? other.on(event, listener) && this : on.call(this, event, listener);
  } as typeof on;
}

for (const order of ["before", "after"]) {
  test(`once calls on as Node does, replaced ${order} the emitter was bound`, async () => {
    const other = new EventEmitter();
    const emitter = new EventEmitter();
    if (order === "before") redirect(emitter, other);
    bindEmitter(emitter);
    if (order === "after") redirect(emitter, other);
    const sink = await traced(() => {
      withSpan("adder", () => emitter.once("drain", () => startSpan("heard").end()));
      withSpan("emitter", () => {
        other.emit("drain");
        other.emit("drain");
      });
    });
    assert.deepEqual(
      sink.get("adder").children.map(({ record }) => record.name),
      ["heard"],
    );
    assert.equal(sink.findAll("heard").length, 1);
  });
}

test("an object made from a bound emitter, and a bound method of another's, find Node's own", () => {
  const emitter = bindEmitter(new EventEmitter());
  const derived: EventEmitter = Object.create(emitter);
  const plain = new EventEmitter();
  let heard = 0;
  for (const method of METHODS) {
    derived[method](method, () => heard++);
    derived.emit(method);
    emitter[method].call(plain, method, () => heard++);
    plain.emit(method);
  }
  assert.equal(heard, 2 * METHODS.length);
});

test("bound twice, each listener is bound once, even where on was replaced in between", () => {
  const emitter = bindEmitter(new EventEmitter());
  const own = METHODS.map((method) => emitter[method]);
  assert.equal(bindEmitter(emitter), emitter);
  assert.deepEqual(
    METHODS.map((method) => emitter[method]),
    own,
  );
  redirect(emitter, new EventEmitter());
  const { on } = emitter;
  assert.equal(bindEmitter(emitter).on, on);
});

test("bound emitters have the methods in common", () => {
  const [first, second] = [bindEmitter(new EventEmitter()), bindEmitter(new EventEmitter())];
  for (const method of METHODS) assert.equal(first[method], second[method]);
});
