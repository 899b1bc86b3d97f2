import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import vm from "node:vm";
import { createCapture } from "../../src/capture/capture.ts";
import type { Captured } from "../../src/core/capture.ts";
import type { Json } from "../../src/core/record.ts";

const capture = createCapture();

/** The copy, once it is proven to be plain JSON. */
function copyOf(value: unknown): Json | undefined {
  const { value: copy } = capture.value(value, "input");
  if (copy !== undefined) assert.deepEqual(JSON.parse(JSON.stringify(copy)), copy);
  return copy;
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

const trap = (): never => {
  throw new Error("a trap was run");
};
const armed: object = new Proxy(
  {},
  { get: trap, has: trap, ownKeys: trap, getPrototypeOf: trap, getOwnPropertyDescriptor: trap },
);
const explode = (): never => {
  throw new Error("a getter was run");
};

function withHole(): number[] {
  const list = [1, 2, 3];
  delete list[1];
  return list;
}

class Counter {
  #count = 1;
  name = "c";
  get count(): number {
    return this.#count;
  }
  get boom(): never {
    return explode();
  }
}

class HttpError extends Error {
  override name = "HttpError";
  status = 503;
  get hidden(): never {
    return explode();
  }
}

const loop = new Error("outer");
loop.cause = new Error("inner", { cause: loop });

/** Value, and what the copy of it is under `v`. */
const PLACEHOLDERS: readonly (readonly [what: string, value: unknown, copy: Json])[] = [
  ["BigInt", 10n, "[BigInt 10]"],
  ["negative BigInt", -(2n ** 70n), "[BigInt -1180591620717411303424]"],
  ["BigInt of a million bits", 2n ** 1_000_000n, "[BigInt over 1,024 bits]"],
  ["Symbol", Symbol("desc"), "[Symbol(desc)]"],
  ["well-known Symbol", Symbol.iterator, "[Symbol(Symbol.iterator)]"],
  ["NaN", Number.NaN, "[NaN]"],
  ["Infinity", Number.POSITIVE_INFINITY, "[Infinity]"],
  ["-Infinity", Number.NEGATIVE_INFINITY, "[-Infinity]"],
  ["-0", -0, 0],
  ["null", null, null],
  ["lone surrogate", "a\ud800b", "a\ud800b"],
  ["function", function work() {}, "[Function work]"],
  ["arrow function without a name", (() => () => {})(), "[Function anonymous]"],
  ["class", Counter, "[Function Counter]"],
  [
    "class whose static name is an accessor",
    class {
      static get name() {
        return explode();
      }
    },
    "[Function anonymous]",
  ],
  ["Date", new Date(0), "1970-01-01T00:00:00.000Z"],
  ["Invalid Date", new Date(Number.NaN), "[Invalid Date]"],
  ["Date with its own toISOString", Object.assign(new Date(0), { toISOString: explode }), "1970-01-01T00:00:00.000Z"],
  ["RegExp", /a+/gi, "/a+/gi"],
  ["URL", new URL("https://example.com/a?b=1"), "https://example.com/a?b=1"],
  [
    "Map",
    new Map<unknown, unknown>([
      ["a", 1],
      [{ k: 1 }, undefined],
    ]),
    {
      $type: "Map",
      entries: [
        ["a", 1],
        [{ k: 1 }, null],
      ],
    },
  ],
  ["Set", new Set([1, undefined, "b"]), { $type: "Set", values: [1, null, "b"] }],
  [
    "Map with a size of its own",
    Object.defineProperty(new Map([[1, 2]]), "size", { get: explode }),
    { $type: "Map", entries: [[1, 2]] },
  ],
  ["Buffer", Buffer.from("secret bytes"), { $type: "Buffer", bytes: 12 }],
  ["Float64Array", new Float64Array(4), { $type: "Buffer", bytes: 32 }],
  [
    "typed array with a length of its own",
    Object.defineProperty(new Uint8Array(3), "byteLength", { get: explode }),
    { $type: "Buffer", bytes: 3 },
  ],
  ["DataView", new DataView(new ArrayBuffer(8), 2), { $type: "Buffer", bytes: 6 }],
  ["ArrayBuffer", new ArrayBuffer(5), { $type: "Buffer", bytes: 5 }],
  ["SharedArrayBuffer", new SharedArrayBuffer(6), { $type: "Buffer", bytes: 6 }],
  ["Blob", new Blob(["abc"]), { $type: "Buffer", bytes: 3 }],
  ["File", new File(["abcd"], "a.txt"), { $type: "Buffer", bytes: 4 }],
  ["Error", new TypeError("boom"), { $type: "Error", name: "TypeError", message: "boom" }],
  ["Error without a message", new Error(), { $type: "Error", name: "Error", message: "" }],
  ["Error of a class", new HttpError("no"), { $type: "Error", name: "HttpError", message: "no", status: 503 }],
  [
    "Error with a code",
    Object.assign(new Error("no"), { code: "ECONNRESET" }),
    { $type: "Error", name: "Error", message: "no", code: "ECONNRESET" },
  ],
  [
    "Error whose message is a getter",
    Object.defineProperty(new Error("x"), "message", { get: explode }),
    { $type: "Error", name: "Error", message: "[Getter]" },
  ],
  [
    "Error whose name is no string",
    Object.assign(new RangeError("x"), { name: 7 }),
    { $type: "Error", name: "RangeError", message: "x" },
  ],
  [
    "Error with a cycle of causes",
    loop,
    {
      $type: "Error",
      name: "Error",
      message: "outer",
      cause: { $type: "Error", name: "Error", message: "inner", cause: "[Circular $.v]" },
    },
  ],
  [
    "AggregateError",
    new AggregateError([new Error("a"), 1], "all"),
    {
      $type: "Error",
      name: "AggregateError",
      message: "all",
      errors: [{ $type: "Error", name: "Error", message: "a" }, 1],
    },
  ],
  [
    "Error made without the constructor",
    Object.create(Error.prototype),
    { $type: "Error", name: "Error", message: "" },
  ],
  [
    "DOMException",
    new DOMException("stopped", "AbortError"),
    { $type: "Error", name: "AbortError", message: "stopped", code: 20 },
  ],
  ["what merely calls itself DOMException", { [Symbol.toStringTag]: "DOMException", a: 1 }, { a: 1 }],
  [
    "object with a tag and contents",
    Object.assign(Object.create({ [Symbol.toStringTag]: "Tagged" }), { a: 1 }),
    { a: 1 },
  ],
  ["Promise", Promise.resolve(1), "[Promise]"],
  ["thenable", { then: explode, a: 1 }, { then: "[Function explode]", a: 1 }],
  ["WeakMap", new WeakMap(), "[WeakMap]"],
  ["WeakRef", new WeakRef({}), "[WeakRef]"],
  ["generator", (function* () {})(), "[Generator]"],
  ["Map iterator", new Map().entries(), "[Map Iterator]"],
  ["Response", new Response("x"), "[Response]"],
  ["Headers", new Headers({ authorization: "x" }), "[Headers]"],
  ["ReadableStream", new ReadableStream(), "[ReadableStream]"],
  ["AbortSignal", new AbortController().signal, "[AbortSignal]"],
  ["stream", new PassThrough(), "[PassThrough]"],
  ["request", new IncomingMessage(new Socket()), "[IncomingMessage]"],
  ["response", new ServerResponse(new IncomingMessage(new Socket())), "[ServerResponse]"],
  ["Proxy", new Proxy({ a: 1 }, {}), "[Proxy]"],
  ["Proxy whose traps throw", armed, "[Proxy]"],
  ["revoked Proxy", revoked(), "[Proxy]"],
  ["Proxy of a function", new Proxy(() => {}, {}), "[Proxy]"],
  ["object over a Proxy", Object.assign(Object.create(armed), { a: 1 }), { a: 1 }],
  ["array over a Proxy, with a hole", Object.setPrototypeOf(withHole(), armed), [1, null, 3]],
  [
    "own getter",
    {
      get a() {
        return explode();
      },
      b: 1,
    },
    { a: "[Getter]", b: 1 },
  ],
  [
    "own getter with a setter",
    {
      get a() {
        return explode();
      },
      set a(_) {},
    },
    { a: "[Getter]" },
  ],
  ["setter alone", { set a(_: unknown) {}, b: 1 }, { b: 1 }],
  ["getter in an array", Object.defineProperty([1, 2], 0, { get: explode }), ["[Getter]", 2]],
  [
    "getter in an array of a class",
    Object.defineProperty(new (class extends Array {})(), 0, { get: explode }),
    ["[Getter]"],
  ],
  ["getters of a class are not the instance's", new Counter(), { name: "c" }],
  ["toJSON", { toJSON: () => ({ a: 1 }), b: 2 }, { a: 1 }],
  ["toJSON gets its key", { toJSON: (key: string) => `under ${key}` }, "under v"],
  [
    "toJSON of a class",
    new (class {
      toJSON() {
        return [1];
      }
    })(),
    [1],
  ],
  ["toJSON that throws", { toJSON: explode }, "[toJSON threw]"],
  [
    "toJSON that gives itself",
    {
      toJSON() {
        return this;
      },
      a: 1,
    },
    { toJSON: "[Function toJSON]", a: 1 },
  ],
  [
    "toJSON that is a getter",
    {
      get toJSON() {
        return explode();
      },
      a: 1,
    },
    { toJSON: "[Getter]", a: 1 },
  ],
  ["toJSON that is a Proxy", { toJSON: new Proxy(() => 1, {}), a: 1 }, { toJSON: "[Proxy]", a: 1 }],
  ["toJSON counts once", { toJSON: () => ({ toJSON: () => 1, a: 2 }) }, { toJSON: "[Function toJSON]", a: 2 }],
  ["toJSON further down", { toJSON: () => ({ in: { toJSON: () => 1 } }) }, { in: 1 }],
  ["toJSON that gives a Date", { toJSON: () => new Date(0) }, "1970-01-01T00:00:00.000Z"],
  ["toJSON that gives a Promise", { toJSON: async () => 1 }, "[Promise]"],
  ["toJSON on an array", Object.assign([1], { toJSON: () => "list" }), "list"],
  [
    "boxed primitives",
    [Object("a"), Object(1), Object(false), Object(2n), Object(Symbol("s"))],
    ["a", 1, false, "[BigInt 2]", "[Symbol(s)]"],
  ],
  ["array with a hole", withHole(), [1, null, 3]],
  ["undefined in an array", [undefined, 1], [null, 1]],
  ["array with names", Object.assign([1], { extra: 2 }), [1]],
  ["array of a class", class Rows extends Array<unknown> {}.from([1, { a: 1 }]), [1, { a: 1 }]],
  ["undefined and Symbol members", { a: undefined, [Symbol("s")]: 1, b: 2 }, { b: 2 }],
  ["hidden members", Object.defineProperty({ a: 1 }, "b", { value: 2, enumerable: false }), { a: 1 }],
  ["object without a prototype", Object.assign(Object.create(null), { a: { b: 1 } }), { a: { b: 1 } }],
  [
    "object of another realm",
    vm.runInNewContext("({ a: [1, { b: 2 }], d: new Date(0), e: new TypeError('x') })"),
    { a: [1, { b: 2 }], d: "1970-01-01T00:00:00.000Z", e: { $type: "Error", name: "TypeError", message: "x" } },
  ],
  [
    "Map of another realm",
    vm.runInNewContext("new Map([[1, new Set([2])]])"),
    { $type: "Map", entries: [[1, { $type: "Set", values: [2] }]] },
  ],
  ["arguments", vm.runInThisContext("(function () { return arguments; })(1, 2)"), { 0: 1, 1: 2 }],
];

describe("what the copy says for a value", () => {
  for (const [what, value, expected] of PLACEHOLDERS) {
    it(what, () => assert.deepEqual(copyOf({ v: value }), { v: expected }));
  }

  it("undefined", () => {
    assert.deepEqual(capture.value(undefined, "input").value, undefined);
    assert.deepEqual(copyOf({ v: undefined }), {});
    assert.deepEqual(copyOf({ toJSON: () => undefined, a: 1 }), undefined);
  });

  it("every value alone at the root", () => {
    for (const [, value] of PLACEHOLDERS) copyOf(value);
  });

  it("a module with a binding that is not there yet", async () => {
    const directory = mkdtempSync(join(tmpdir(), "sightline-"));
    const file = join(directory, "early.mjs");
    writeFileSync(
      file,
      'import * as self from "./early.mjs"; export const a = globalThis.seen({ self }); export let b = 1;',
    );
    let copy: Json | undefined;
    Object.assign(globalThis, { seen: (value: unknown) => (copy = copyOf(value)) });
    try {
      await import(pathToFileURL(file).href);
    } finally {
      Reflect.deleteProperty(globalThis, "seen");
      rmSync(directory, { recursive: true });
    }
    assert.deepEqual(copy, { self: { "…": "[Uncapturable]" } });
  });
});

describe("equal to JSON where JSON has a result", () => {
  const values: readonly unknown[] = [
    { a: 1, b: [true, null, "x"], c: { d: {} }, e: [] },
    [[[]], {}, "", 0, -1.5e300],
    { "": 1, " ": 2, "a.b": 3, 0: 4, "…": 5, toString: 6, constructor: 7, length: 8, hasOwnProperty: 9 },
    JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}'),
    { d: new Date(1e12), u: new URL("https://example.com/"), n: Object(5) },
    "é漢字🙂\u2028\u0000",
    Object.create({ inherited: 1 }, { own: { value: 2, enumerable: true } }),
    new (class Point {
      x = 1;
      y = { z: [1] };
    })(),
  ];
  for (const value of values) {
    it(JSON.stringify(value), () => assert.deepEqual(JSON.stringify(copyOf(value)), JSON.stringify(value)));
  }
});

describe("cycles and shared parts", () => {
  it("names the ancestor", () => {
    const root: Record<string, unknown> = { a: { list: [] } };
    root["self"] = root;
    (root["a"] as { list: unknown[] }).list.push(root["a"], root);
    assert.deepEqual(copyOf(root), { a: { list: ["[Circular $.a]", "[Circular $]"] }, self: "[Circular $]" });
  });

  it("finds cycles through Map, Set, Error and array", () => {
    const map = new Map<string, unknown>();
    map.set("set", new Set([[map]]));
    assert.deepEqual(copyOf(map), {
      $type: "Map",
      entries: [["set", { $type: "Set", values: [["[Circular $]"]] }]],
    });
  });

  it("copies shared parts again", () => {
    const shared = { n: 1 };
    assert.deepEqual(copyOf({ a: shared, b: [shared, shared] }), { a: { n: 1 }, b: [{ n: 1 }, { n: 1 }] });
  });

  it("ends where toJSON gives ever new objects", () => {
    class Endless {
      toJSON(): unknown {
        return { next: new Endless() };
      }
    }
    assert.ok(JSON.stringify(copyOf(new Endless())).includes("[cut object]"));
  });
});

describe("the value as it is now", () => {
  it("shows no later change", () => {
    const value = { list: [{ n: 1 }], map: new Map([["k", { n: 1 }]]), error: new Error("first") };
    const { value: copy } = capture.value(value, "input");
    const before = JSON.stringify(copy);
    value.list[0]!.n = 2;
    value.list.push({ n: 3 });
    value.map.get("k")!.n = 2;
    value.error.message = "second";
    assert.equal(JSON.stringify(copy), before);
  });

  it("leaves the value untouched", () => {
    const value = Object.freeze({ a: Object.freeze([1, Object.freeze({ password: "x" })]) });
    copyOf(value);
    assert.deepEqual(value, { a: [1, { password: "x" }] });
    const descriptors = { b: { get: explode, enumerable: true, configurable: true } };
    const withGetter = Object.defineProperties({}, descriptors);
    copyOf(withGetter);
    assert.equal(Object.getOwnPropertyDescriptor(withGetter, "b")!.get, explode);
  });

  it("survives a toJSON that changes what is being copied", () => {
    const value: Record<string, unknown> = { a: { toJSON: () => delete value["b"] }, b: 1, c: [1] };
    assert.deepEqual(copyOf(value), { a: true, c: [1] });
    const list: unknown[] = [{ toJSON: () => (list.length = 1) }, 2, 3];
    assert.deepEqual(copyOf(list), [1, null, null]);
  });

  it("leaves valid JSON where the stack is nearly full", () => {
    const results: Captured[] = [];
    const dive = (): void => {
      results.push(capture.value({ a: { b: [1] } }, "input"));
      dive();
    };
    assert.throws(dive, RangeError);
    for (const { value } of results.slice(-50)) assert.ok(JSON.stringify(value).length > 0);
  });

  it("pollutes no prototype", () => {
    const value = JSON.parse(
      '{"__proto__":{"polluted":1},"a":{"__proto__":[{"polluted":1}]},"constructor":{"prototype":{"polluted":1}}}',
    );
    const copy = copyOf({ value, map: new Map([["__proto__", { polluted: 1 }]]) }) as { value: object };
    assert.equal(({} as { polluted?: number }).polluted, undefined);
    assert.equal(Object.getPrototypeOf(copy.value), Object.prototype);
    assert.deepEqual(Object.keys(copy.value), ["__proto__", "a", "constructor"]);
  });
});
