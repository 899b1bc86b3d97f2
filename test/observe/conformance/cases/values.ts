import { EventEmitter } from "node:events";
import { type Case, look } from "../case.ts";
import { perThrown } from "../thrown.ts";
import type { World } from "../world.ts";

/** Values that end the span at once and come back as they are. */
const VALUES: Readonly<Record<string, (world: World) => unknown>> = {
  undefined: () => undefined,
  null: () => null,
  true: () => true,
  "the empty string": () => "",
  NaN: () => Number.NaN,
  "minus zero": () => -0,
  "a bigint": () => 10n,
  "a symbol": () => Symbol.iterator,
  "an object": () => ({ a: 1 }),
  "a frozen object": () => Object.freeze({ a: 1 }),
  "an object without a prototype": () => Object.create(null),
  "an object with __proto__ as a key": () => JSON.parse('{"__proto__":{"polluted":true}}'),
  "an instance with private state": () =>
    new (class Secret {
      #a = 1;
      get a(): number {
        return this.#a;
      }
    })(),
  "a function": () => () => 1,
  "a class": () => class Made {},
  "an array": () => [1, 2, 3],
  "an array with holes": () => new Array(3),
  "a Map": () => new Map([[{}, 1]]),
  "a Set": () => new Set([1]),
  "a WeakMap": () => new WeakMap(),
  "a Date": () => new Date(0),
  "an invalid Date": () => new Date(Number.NaN),
  "a RegExp": () => /a/g,
  "an Error as a value": () => new Error("just a value"),
  "a typed array": () => new Uint8Array(4),
  "a Buffer": () => Buffer.from("abc"),
  "a URL": () => new URL("http://localhost/"),
  "an AbortSignal": () => AbortSignal.abort(),
  "an EventEmitter": () => new EventEmitter(),
  "a cycle": () => {
    const loop: { self?: unknown } = {};
    loop.self = loop;
    return loop;
  },
  "a linked list node": () => ({ value: 1, next: { value: 2, next: null } }),
  "an object whose then is no function": () => ({ then: 1 }),
  "an object whose next is a function": () => ({ next: () => 1, calls: 0 }),
  "a web TransformStream": () => new TransformStream(),
  "a web WritableStream": () => new WritableStream(),
  "an EventTarget": () => new EventTarget(),
  Headers: () => new Headers({ a: "b" }),
  "a Blob": () => new Blob(["abc"]),
  "a WeakRef": () => new WeakRef({}),
  "a DataView": () => new DataView(new ArrayBuffer(2)),
  "a generator function": () => function* () {},
  "an object with subscribe": () => ({ subscribe: () => ({ unsubscribe() {} }) }),
  "a sealed object": () => Object.seal({ a: 1 }),
};

/** Values that notice being looked at: every access shows up in the transcript. */
const SHY: Readonly<Record<string, (world: World) => unknown>> = {
  "a revoked proxy": () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return proxy;
  },
  "a revoked callable proxy": () => {
    const { proxy, revoke } = Proxy.revocable(() => {}, {});
    revoke();
    return proxy;
  },
  "a proxy that reports every trap": (w) =>
    new Proxy(
      {},
      new Proxy(
        {},
        {
          get: (_, trap) => {
            w.log("trap", { trap });
            return undefined;
          },
        },
      ),
    ),
  "getters that report": (w) => ({
    get a() {
      w.log("getter a ran");
      return 1;
    },
    get next() {
      w.log("getter next ran");
      return undefined;
    },
  }),
  "a toStringTag that reports": (w) => ({
    get [Symbol.toStringTag]() {
      w.log("toStringTag ran");
      return "Response";
    },
  }),
  "something that calls itself a ReadableStream": (w) => ({
    [Symbol.toStringTag]: "ReadableStream",
    getReader: () => w.log("getReader ran"),
    cancel: () => w.log("cancel ran"),
  }),
  "getters that throw": () => {
    const hostile = (): never => {
      throw new Error("getter");
    };
    const value = {};
    for (const key of ["next", "return", "on", "body", "getReader", "a", Symbol.iterator, Symbol.asyncIterator]) {
      Object.defineProperty(value, key, { get: hostile, enumerable: true });
    }
    return value;
  },
  "an iterable that reports": (w) => ({
    [Symbol.iterator]() {
      w.log("iterated");
      return [1][Symbol.iterator]();
    },
  }),
  "an object whose toJSON and toString report": (w) => ({
    toString: () => w.log("toString ran"),
    valueOf: () => w.log("valueOf ran"),
  }),
};

function valueCase(kind: string, make: (world: World) => unknown): Case {
  return {
    name: `value: ${kind}`,
    body: (w) => {
      w.child();
      return w.tag("value", make(w));
    },
    use: look,
    end: "ok",
    children: 1,
    // A promise looks for `then` on what it is resolved with, and a derived one looks again.
    ...(kind in SHY && { transparentOnly: true }),
  };
}

export const values: readonly Case[] = [
  ...Object.entries({ ...VALUES, ...SHY }).map(([kind, make]) => valueCase(kind, make)),
  {
    name: "value: recorded as the output",
    body: () => ({ answer: 42 }),
    use: look,
    end: "ok",
    output: { answer: 42 },
  },
  {
    name: "value: keeps its own keys",
    transparentOnly: true,
    body: (w) => w.tag("value", { a: 1, [Symbol.for("b")]: 2 }),
    use: (call, w) => w.attempt("call", () => w.log("keys", Reflect.ownKeys(call() as object))),
    end: "ok",
  },
  ...perThrown(
    (what, thrown): Case => ({
      name: `throws ${what}`,
      body: (w) => {
        w.child();
        w.log("about to throw");
        throw thrown(w);
      },
      use: look,
      end: "error",
      children: 1,
    }),
  ),
  {
    name: "throws an error, which gets no new properties",
    body: (w) => {
      throw w.tag("thrown", new Error("boom"));
    },
    use: (call, w) => {
      try {
        call();
      } catch (error) {
        w.log("keys", Reflect.ownKeys(error as object), "frozen", Object.isFrozen(error));
      }
    },
    end: "error",
  },
  {
    name: "overflows the stack",
    body: () => {
      const deeper = (): number => deeper() + 1;
      return deeper();
    },
    use: look,
    end: "error",
  },
];
