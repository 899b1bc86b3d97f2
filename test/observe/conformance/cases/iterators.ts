import type { Case } from "../case.ts";
import type { World } from "../world.ts";

type AsyncGen = AsyncGenerator<any, any, any>;

type Use = (iterator: any, world: World) => unknown;

/** An iterator written by hand, with private state, and without `return` and `throw` unless asked. */
class Counter {
  #left = 3;
  readonly #world: World;
  constructor(world: World) {
    this.#world = world;
  }
  next(...args: unknown[]): { value: unknown; done: boolean } {
    this.#world.child();
    this.#world.log("next", args);
    return { value: this.#left, done: this.#left-- === 0 };
  }
  [Symbol.iterator](): this {
    return this;
  }
}

class ClosableCounter extends Counter {
  readonly #world: World;
  constructor(world: World) {
    super(world);
    this.#world = world;
  }
  return(...args: unknown[]): { value: unknown; done: boolean } {
    this.#world.log("closed", args);
    return { value: "closed", done: true };
  }
}

const reused = { value: 1 as unknown, done: false };

/** Iterators that are no generators. */
const CUSTOM: Readonly<Record<string, { make: (w: World) => unknown; followed?: boolean }>> = {
  "an iterator without return": { make: (w) => new Counter(w), followed: true },
  "an iterator with return": { make: (w) => new ClosableCounter(w), followed: true },
  "a frozen iterator": { make: (w) => Object.freeze(new ClosableCounter(w)), followed: false },
  "an iterator with a locked next": {
    make: () => {
      let left = 2;
      return Object.defineProperties({} as Iterator<number>, {
        next: { value: () => ({ value: left, done: left-- === 0 }) },
        [Symbol.iterator]: {
          value() {
            return this;
          },
        },
      });
    },
  },
  "an iterator with next behind a getter": {
    make: (w) => ({
      get next() {
        w.log("next was read");
        return () => ({ value: undefined, done: true });
      },
      [Symbol.iterator]() {
        return this;
      },
    }),
  },
  "an iterator that gives the same result object": {
    make: () => {
      let left = 3;
      return {
        next: () => Object.assign(reused, { value: left, done: left-- === 0 }),
        [Symbol.iterator]() {
          return this;
        },
      };
    },
  },
  "an iterator that gives no objects": {
    make: () => ({
      next: () => 1,
      [Symbol.iterator]() {
        return this;
      },
    }),
  },
  "an iterator whose results throw when read": {
    make: () => ({
      next: () => ({
        get done(): boolean {
          throw new Error("done");
        },
        value: 1,
      }),
      [Symbol.iterator]() {
        return this;
      },
    }),
  },
  "an array iterator": { make: () => [1, 2, 3][Symbol.iterator]() },
  "a Map iterator": { make: () => new Map([[1, 2]]).entries() },
  "a Set iterator": { make: () => new Set([1, 2]).values() },
  "a string iterator": { make: () => "ab"[Symbol.iterator]() },
  "a RegExp iterator": { make: () => "abab".matchAll(/a/g) },
  "an iterator of another kind of object with next": {
    make: (w) => ({ next: () => w.log("middleware ran"), use: 1 }),
  },
};

const CUSTOM_USES: Readonly<Record<string, Use>> = {
  nothing: () => {},
  "for of": (it, w) =>
    w.attempt("loop", () => {
      for (const value of it) w.log("got", { value });
    }),
  "for of with break": (it, w) =>
    w.attempt("loop", () => {
      for (const value of it) {
        w.log("got", { value });
        break;
      }
    }),
  "by hand": (it, w) => {
    for (let i = 0; i < 4; i++) w.attempt("next", () => w.log("gave", { result: it.next("in") }));
  },
  "its shape": (it, w) => {
    w.log("has", "return" in it, "throw" in it, typeof it.return, typeof it.throw, Object.keys(it));
  },
};

const custom = Object.entries(CUSTOM).flatMap(([kind, { make, followed }]) =>
  Object.entries(CUSTOM_USES).map(
    ([how, use]): Case => ({
      name: `${kind}: ${how}`,
      body: (w) => w.tag("iterator", make(w)),
      use: (call, w) => {
        const iterator = w.attempt("call", call);
        w.log("returned", { iterator });
        if (typeof iterator === "object" && iterator !== null) use(iterator, w);
      },
      ...(followed === true && how === "nothing" && { end: "open" }),
      ...(followed === false && { follows: false }),
    }),
  ),
);

/** Shaped like a database cursor: its `next` gives documents, not iterator results. */
function cursor(w: World) {
  const documents = [1, 2, 3];
  return {
    hasNext: async () => documents.length > 0,
    next: async () => {
      w.log("next");
      return documents.shift() ?? null;
    },
    toArray: async () => documents.splice(0),
    close: async () => w.log("closed"),
    async *[Symbol.asyncIterator](): AsyncGen {
      try {
        while (documents.length > 1) yield documents.shift();
      } finally {
        await this.close();
      }
    },
  };
}

export const iterators: readonly Case[] = [
  {
    name: "a cursor: its own steps, and another iterator for loops",
    body: (w) => w.tag("cursor", cursor(w)),
    use: async (call, w) => {
      const it = w.attempt("call", call) as ReturnType<typeof cursor>;
      w.log("returned", { it });
      if (typeof it?.hasNext !== "function") return;
      await w.settle("has", it.hasNext());
      await w.settle("next", it.next());
      for await (const value of it) w.log("got", { value });
      await w.settle("rest", it.toArray());
    },
    slack: 9,
  },
  ...custom,
  {
    name: "async iterator whose steps are no promises",
    body: (w) => {
      let left = 2;
      return w.tag("iterator", {
        next: () => ({ value: left, done: left-- === 0 }),
        [Symbol.asyncIterator]() {
          return this;
        },
      });
    },
    use: async (call, w) => {
      const it = w.attempt("call", call) as AsyncGen;
      w.log("returned", { it });
      for await (const value of it ?? []) w.log("got", { value });
    },
    slack: 9,
  },
  {
    name: "async iterator whose step is lazy",
    body: (w) =>
      w.tag("iterator", {
        next: () => ({
          then: (ok: (result: unknown) => unknown) => {
            w.log("step ran");
            ok({ value: undefined, done: true });
          },
        }),
        [Symbol.asyncIterator]() {
          return this;
        },
      }),
    use: async (call, w) => {
      const it = w.attempt("call", call) as AsyncGen;
      if (typeof it?.next !== "function") return;
      void it.next();
      w.log("not awaited");
      await w.settle("awaited", it.next());
    },
  },
];
