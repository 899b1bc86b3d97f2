/** Any value becomes bounded plain JSON. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { createCapture } from "../../src/capture/capture.ts";
import { LIMITS, type Limits } from "../../src/capture/limits.ts";
import { createRedactor } from "../../src/capture/redact.ts";
import { snapshot } from "../../src/capture/snapshot.ts";
import type { Json } from "../../src/core/record.ts";
import { anything, holds } from "./property.ts";

const fails = (): never => {
  throw new Error("of the host's");
};

class Private {
  readonly #hidden: unknown;
  shown: unknown;
  constructor(value: unknown) {
    this.#hidden = value;
    this.shown = value;
  }
  get hidden(): unknown {
    return this.#hidden;
  }
}

/** Puts a value into something that is hard to look at. */
const wrappers: readonly ((value: any) => unknown)[] = [
  (value) => new Proxy(Object(value), { get: fails, ownKeys: fails, getPrototypeOf: fails }),
  (value) => new Proxy(Object(value), {}),
  (value) => ({
    get trap() {
      return fails();
    },
    value,
  }),
  (value) => ({ toJSON: fails, value }),
  (value) => ({ toJSON: () => value }),
  (value) => ({ toJSON: (key: string) => [key, { toJSON: fails, value }] }),
  (value) => new Private(value),
  (value) => Object.assign(new Error(String(typeof value), { cause: value }), { value }),
  (value) => new AggregateError([value, value], "several"),
  (value) => Object.create({ value, toJSON: value }),
  (value) => Object.assign(Object.create(null), { value }),
  (value) => Object.assign(() => value, { value }),
  (value) => Object.assign(Promise.resolve(1), { value }),
  (value) => new Map([[value, value]]),
  (value) => new Set([value, [value]]),
  (value) => Object.assign(new Array(3).fill(value, 2), { more: value }),
  (value) => Object.assign(runInNewContext("[{ a: new Map([[1, new Error('x')]]), d: new Date(NaN) }]"), { value }),
  (value) => {
    const ring: Record<string, unknown> = { value };
    ring["ring"] = { again: ring, list: [ring] };
    return ring;
  },
  (value) => {
    let shared: unknown = value;
    for (let i = 0; i < 8; i++) shared = { a: shared, b: shared };
    return shared;
  },
  (value) => Object.defineProperty({}, "__proto__", { value, enumerable: true }),
  (value) => ({ constructor: { prototype: { polluted: value } } }),
  (value) =>
    Object.setPrototypeOf([value], {
      get length() {
        return fails();
      },
    }),
  (value) => ({ [Symbol.toStringTag]: value, [Symbol.toPrimitive]: fails, valueOf: fails, toString: fails, value }),
];

/** A recipe and not the value: fast-check prints a counterexample in full, and a graph has many paths. */
const recipe = fc.tuple(anything, fc.array(fc.nat(wrappers.length - 1), { maxLength: 4 }));

function build([value, around]: readonly [unknown, readonly number[]]): unknown {
  return around.reduce((inner, index) => wrappers[index]!(inner), value);
}

/** Limits so small that every one of them is met. */
const small: fc.Arbitrary<Limits> = fc
  .record({
    depth: fc.nat(4),
    entries: fc.nat(6),
    nodes: fc.nat(30),
    names: fc.nat(20),
    read: fc.integer({ min: 1, max: 300 }),
    string: fc.integer({ min: 8, max: 60 }),
    tail: fc.nat(8),
    characters: fc.nat(200),
    short: fc.integer({ min: 1, max: 32 }),
    name: fc.integer({ min: 8, max: 40 }),
    cuts: fc.nat(5),
  })
  .map((some) => ({ ...LIMITS, margin: 16, ...some }));

const redactor = createRedactor();

function check(value: unknown, limits: Limits, isMasked: boolean): void {
  const { value: copy, cuts, bytes, work } = snapshot(value, "input", limits, isMasked ? redactor : undefined);
  assert.ok(Number.isFinite(bytes) && Number.isFinite(work));
  assert.ok((cuts?.length ?? 0) <= limits.cuts, "cuts");
  if (copy === undefined) return;
  const text = JSON.stringify(copy);
  assert.deepEqual(JSON.parse(text), copy, "it round-trips");
  assert.equal(JSON.stringify(JSON.parse(text)), text);
  assert.ok(count(copy) <= 4 * limits.nodes + 200, `${count(copy)} values`);
  assert.equal(({} as { polluted?: unknown }).polluted, undefined);
  assert.equal(Object.getPrototypeOf({}), Object.prototype);
}

function count(value: Json): number {
  if (typeof value !== "object" || value === null) return 1;
  return Object.values(value).reduce<number>((sum, each) => sum + count(each), 1);
}

test("P5 any value is captured as JSON that round-trips, hostile ones too", (t) =>
  holds(
    t,
    fc.property(recipe, (made) => check(build(made), LIMITS, true)),
    1_000,
  ));

test("P4 any value keeps within any limits", (t) =>
  holds(
    t,
    fc.property(recipe, small, fc.boolean(), (made, limits, masked) => check(build(made), limits, masked)),
    2_000,
  ));

test("P5 capture is idempotent: what it made, and did not cut, is captured as it is", (t) => {
  const capture = createCapture();
  return holds(
    t,
    fc.property(recipe, (made) => {
      const { value, cuts } = capture.value(build(made), "input");
      if (cuts !== undefined || count(value ?? null) > LIMITS.nodes / 4) return;
      const again = capture.value(value, "input");
      assert.deepEqual(again.value, value);
      assert.equal(again.cuts, undefined);
    }),
    1_000,
  );
});

test("P5 what JSON can hold is copied as JSON has it", (t) => {
  const capture = createCapture({ mask: false });
  return holds(
    t,
    fc.property(fc.jsonValue(), (value) => {
      assert.deepEqual(capture.value(value, "input").value, JSON.parse(JSON.stringify(value)));
    }),
    2_000,
  );
});

test("P5 nothing of the host's runs but toJSON, and nothing of it is changed", (t) =>
  holds(
    t,
    fc.property(anything, (value) => {
      const frozen = deepFrozen(value);
      check(frozen, LIMITS, true);
    }),
    1_000,
  ));

function deepFrozen<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value) || ArrayBuffer.isView(value)) return value;
  Object.freeze(value);
  for (const key of Reflect.ownKeys(value)) deepFrozen(Reflect.get(value, key));
  return value;
}
