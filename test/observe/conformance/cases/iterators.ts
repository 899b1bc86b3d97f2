import type { Case } from "../case.ts";
import { FEW_THROWN, perThrown } from "../thrown.ts";
import { userStorage, type World } from "../world.ts";

type Gen = Generator<any, any, any>;
type AsyncGen = AsyncGenerator<any, any, any>;
type AnyGen = Gen | AsyncGen;

function* numbers(w: World): Gen {
  try {
    w.child();
    w.log("sent", { sent: yield w.tag("one", {}) });
    w.child();
    w.log("sent", { sent: yield 2 });
    return w.tag("three", {});
  } finally {
    w.child();
    w.log("cleaned up");
  }
}

async function* asyncNumbers(w: World): AsyncGen {
  try {
    w.child();
    w.log("sent", { sent: yield w.tag("one", {}) });
    await w.turn();
    w.child();
    w.log("sent", { sent: yield 2 });
    return w.tag("three", {});
  } finally {
    w.child();
    await null;
    w.child();
    w.log("cleaned up");
  }
}

function* catching(w: World): Gen {
  try {
    yield 1;
  } catch (error) {
    w.log("the body caught", { error });
    yield 2;
  }
  return 3;
}

async function* asyncCatching(w: World): AsyncGen {
  yield* catching(w);
}

function* stubborn(w: World): Gen {
  try {
    yield 1;
    yield 2;
  } finally {
    w.log("cleaning");
    yield "not yet";
    w.log("cleaned up");
  }
}

/** One step by hand; works for both kinds, and says when a step of a synchronous one is not synchronous. */
async function step(w: World, label: string, move: () => unknown): Promise<void> {
  const result = w.attempt(label, move);
  w.log(label, result instanceof Promise ? "a promise" : { result });
  if (result instanceof Promise) await w.settle(label, result);
  w.caller();
}

type Use = (iterator: any, world: World) => unknown;

const BY_HAND: Readonly<Record<string, { use: Use; end?: Case["end"]; children?: number }>> = {
  "never started": { use: () => {}, end: "open" },
  "left in the middle": { use: (it: AnyGen, w) => step(w, "next", () => it.next()), end: "open", children: 1 },
  "run to its end": {
    use: async (it: AnyGen, w) => {
      for (const value of ["ignored", "a", "b", "after the end"]) await step(w, "next", () => it.next(value));
    },
    end: "ok",
    children: 3,
  },
  "returned before the start": {
    use: (it: AnyGen, w) => step(w, "return", () => it.return(w.tag("mine", {}))),
    end: "ok",
  },
  "returned in the middle": {
    use: async (it: AnyGen, w) => {
      await step(w, "next", () => it.next());
      await step(w, "return", () => it.return("early"));
      await step(w, "next", () => it.next());
    },
    end: "ok",
    children: 2,
  },
  "thrown into before the start": {
    use: (it: AnyGen, w) => step(w, "throw", () => it.throw(w.tag("thrown", new Error("boom")))),
    end: "error",
  },
  "thrown into": {
    use: async (it: AnyGen, w) => {
      await step(w, "next", () => it.next());
      await step(w, "throw", () => it.throw(w.tag("thrown", new Error("boom"))));
      await step(w, "next", () => it.next());
      await step(w, "throw after the end", () => it.throw("late"));
    },
    end: "error",
    children: 2,
  },
  "thrown null into": {
    use: async (it: AnyGen, w) => {
      await step(w, "next", () => it.next());
      await step(w, "throw", () => it.throw(null));
    },
    end: "error",
    children: 2,
  },
  "its methods taken from it": {
    use: async (it: AnyGen, w) => {
      const { next } = it;
      await step(w, "next", () => Reflect.apply(next, it, []));
      await step(w, "wrong receiver", () => Reflect.apply(next, {}, []));
      await step(w, "arguments", () => Reflect.apply(next, it, ["a", "b"]));
    },
  },
  "its prototype's methods": {
    use: async (it: AnyGen, w) => {
      const next = Object.getPrototypeOf(it).next as () => unknown;
      await step(w, "next", () => Reflect.apply(next, it, []));
    },
  },
  "its shape": {
    use: (it: AnyGen, w) => {
      const own = (it as any)[Symbol.iterator]?.() ?? (it as any)[Symbol.asyncIterator]();
      w.log("own iterator", own === it, Object.prototype.toString.call(it), "keys", Object.keys(it));
      w.log("JSON", JSON.stringify(it), "for in", Object.keys({ ...it }));
      w.log("next", it.next.name, it.next.length, it.return.name, it.return.length, it.throw.name, it.throw.length);
    },
    end: "open",
  },
};

const SYNC: Readonly<Record<string, { use: Use; end?: Case["end"]; children?: number; output?: unknown }>> = {
  "for of": {
    use: (it: Gen, w) => {
      for (const value of it) {
        w.log("got", { value });
        w.caller();
      }
    },
    end: "ok",
    children: 3,
  },
  "for of with break": {
    use: (it: Gen, w) => {
      for (const value of it) {
        w.log("got", { value });
        break;
      }
      w.log("after break");
    },
    end: "ok",
    children: 2,
  },
  "for of whose body throws": {
    use: (it: Gen, w) => {
      w.attempt("loop", () => {
        for (const value of it) throw w.tag("of the loop", new Error(`got ${typeof value}`));
      });
    },
    end: "ok",
    children: 2,
  },
  spread: { use: (it: Gen, w) => w.log("all", [...it]), end: "ok", children: 3 },
  destructuring: {
    use: (it: Gen, w) => {
      const [first] = it;
      w.log("first", { first });
    },
    end: "ok",
    children: 2,
  },
  "Array.from": {
    use: (it: Gen, w) =>
      w.log(
        "all",
        Array.from(it, (value) => typeof value),
      ),
    end: "ok",
    children: 3,
  },
  "yield star": {
    use: (it: Gen, w) => {
      const outer = (function* (): Gen {
        w.log("inner gave", { result: yield* it });
      })();
      w.log("next", { result: outer.next("x") });
      w.log("next", { result: outer.next("y") });
      w.log("return", { result: outer.return("z") });
    },
    end: "ok",
    children: 3,
  },
  "for await over a synchronous one": {
    use: async (it: Gen, w) => {
      for await (const value of it) w.log("got", { value });
    },
    end: "ok",
    children: 3,
  },
  "two loops": {
    use: (it: Gen, w) => {
      w.log("first", [...it]);
      w.log("second", [...it]);
    },
    end: "ok",
    children: 3,
  },
};

const ASYNC: Readonly<Record<string, { use: Use; end?: Case["end"]; children?: number }>> = {
  "for await": {
    use: async (it: AsyncGen, w) => {
      for await (const value of it) {
        w.log("got", { value });
        w.caller();
      }
    },
    end: "ok",
    children: 4,
  },
  "for await with break": {
    use: async (it: AsyncGen, w) => {
      for await (const value of it) {
        w.log("got", { value });
        break;
      }
      w.log("after break");
    },
    end: "ok",
    children: 3,
  },
  "for await whose body throws": {
    use: async (it: AsyncGen, w) => {
      const loop = async (): Promise<void> => {
        for await (const value of it) throw w.tag("of the loop", new Error(`got ${typeof value}`));
      };
      await w.settle("loop", loop());
    },
    end: "ok",
    children: 3,
  },
  "three steps at once": {
    use: async (it: AsyncGen, w) => {
      const steps = [it.next(), it.next("a"), it.next("b"), it.next("c")];
      await w.settle("all", Promise.all(steps));
    },
    end: "ok",
    children: 4,
  },
  "returned while a step is pending": {
    use: async (it: AsyncGen, w) => {
      await it.next();
      await w.settle("all", Promise.all([it.next(), it.return("early"), it.next()]));
    },
    end: "ok",
    children: 4,
  },
  "thrown into, and nobody waits": {
    use: async (it: AsyncGen, w) => {
      await it.next();
      it.throw(w.tag("thrown", new Error("boom")));
      await w.turn(3);
    },
    end: "error",
    children: 3,
  },
  "yield star": {
    use: async (it: AsyncGen, w) => {
      const outer = (async function* (): AsyncGen {
        w.log("inner gave", { result: yield* it });
      })();
      await w.settle("next", outer.next("x"));
      await w.settle("next", outer.next("y"));
      await w.settle("return", outer.return("z"));
    },
    end: "ok",
    children: 4,
  },
};

function cases(kind: string, make: (w: World) => AnyGen, table: typeof BY_HAND, more: number, slack: number): Case[] {
  return Object.entries(table).map(([how, { use, end, children }]) => ({
    name: `${kind}: ${how}`,
    body: (w) => w.tag("iterator", make(w)),
    use: async (call, w) => {
      const iterator = w.attempt("call", call) as AnyGen;
      w.log("returned", { iterator });
      if (typeof iterator?.next === "function") await use(iterator, w);
      await w.turn();
    },
    end,
    slack,
    ...(children !== undefined && { children: children + (children > 1 ? more : 0) }),
  }));
}

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

/** The one generator of a world, for programs that give out the same object again. */
const shared = new WeakMap<World, Gen>();

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

/** Shaped like the event stream of generated API clients: no `next` of its own, one pass only. */
class EventStream {
  readonly controller: AbortController = new AbortController();
  readonly iterator: () => AsyncIterator<unknown>;
  constructor(iterator: () => AsyncIterator<unknown>) {
    this.iterator = iterator;
  }
  [Symbol.asyncIterator](): AsyncIterator<unknown> {
    return this.iterator();
  }
  tee(): [EventStream, EventStream] {
    const source = this.iterator();
    const left: Promise<IteratorResult<unknown>>[] = [];
    const right: Promise<IteratorResult<unknown>>[] = [];
    const side = (queue: typeof left) => () => ({
      next: () => {
        if (queue.length === 0) {
          const result = source.next();
          left.push(result);
          right.push(result);
        }
        return queue.shift() as Promise<IteratorResult<unknown>>;
      },
    });
    return [new EventStream(side(left)), new EventStream(side(right))];
  }
}

function eventStream(w: World, fail?: () => unknown): EventStream {
  let consumed = false;
  async function* iterate(): AsyncGen {
    if (consumed) throw new Error("consumed already");
    consumed = true;
    let done = false;
    try {
      w.child();
      yield w.tag("one", { n: 1 });
      await w.turn();
      w.child();
      if (fail !== undefined) throw fail();
      yield { n: 2 };
      done = true;
    } finally {
      w.log(done ? "finished" : "aborted upstream");
    }
  }
  return new EventStream(iterate);
}

const STREAM_USES: Readonly<Record<string, { use: (stream: EventStream, w: World) => unknown; end?: Case["end"] }>> = {
  nothing: { use: (_, w) => w.turn(), end: "open" },
  "for await": {
    use: async (stream, w) => {
      for await (const chunk of stream) {
        w.log("got", { chunk });
        w.caller();
      }
    },
    end: "ok",
  },
  "for await with break": {
    use: async (stream, w) => {
      for await (const chunk of stream) {
        w.log("got", { chunk });
        break;
      }
    },
    end: "ok",
  },
  "iterated twice": {
    use: async (stream, w) => {
      for (let pass = 0; pass < 2; pass++) {
        const loop = async (): Promise<void> => {
          for await (const chunk of stream) w.log("got", { chunk });
        };
        await w.settle("pass", loop());
      }
    },
  },
  tee: {
    use: async (stream, w) => {
      for (const side of stream.tee()) for await (const chunk of side) w.log("got", { chunk });
    },
  },
  "its shape": {
    use: (stream, w) => {
      w.log("keys", Object.keys(stream), stream instanceof EventStream, stream.controller.signal.aborted);
      w.log("JSON", JSON.stringify(stream));
    },
  },
};

const eventStreams = Object.entries(STREAM_USES).map(
  ([how, { use, end }]): Case => ({
    name: `async iterable without next: ${how}`,
    body: (w) => w.tag("stream", eventStream(w)),
    use: async (call, w) => {
      const stream = w.attempt("call", call) as EventStream;
      w.log("returned", { stream });
      if (stream instanceof EventStream) await use(stream, w);
    },
    end,
    slack: 9,
  }),
);

export const iterators: readonly Case[] = [
  ...cases("generator", numbers, BY_HAND, 0, 0),
  ...cases("generator", numbers, SYNC, 0, 0),
  ...cases("async generator", asyncNumbers, BY_HAND, 1, 1),
  ...cases("async generator", asyncNumbers, ASYNC, 0, 4),
  ...[catching, asyncCatching].map(
    (make): Case => ({
      name: `${make.name}: catches what is thrown in`,
      body: make,
      use: async (call, w) => {
        const it = w.attempt("call", call) as AnyGen;
        if (typeof it?.next !== "function") return;
        await step(w, "next", () => it.next());
        await step(w, "throw", () => it.throw(w.tag("thrown", new Error("boom"))));
        await step(w, "next", () => it.next());
      },
      end: "ok",
      slack: 1,
    }),
  ),
  {
    name: "generator: one generator given out by many calls",
    body: (w) => {
      const generator = shared.get(w) ?? numbers(w);
      shared.set(w, generator);
      return w.tag("shared", generator);
    },
    use: (call, w) => {
      for (let i = 0; i < 20; i++) w.attempt("call", call);
      const it = w.attempt("call", call) as Gen;
      w.log("the same", { it });
      if (typeof it?.[Symbol.iterator] === "function") w.log("all", [...it]);
    },
    end: "ok",
    transparentOnly: true,
  },
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
  {
    name: "generator: yields in its finally",
    body: stubborn,
    use: async (call, w) => {
      const it = w.attempt("call", call) as Gen;
      if (typeof it?.next !== "function") return;
      await step(w, "next", () => it.next());
      await step(w, "return", () => it.return("early"));
      await step(w, "next", () => it.next());
      await step(w, "next", () => it.next());
    },
    slack: 1,
  },
  {
    name: "generator: asks for its own next step",
    body: (w) => {
      const it: Gen = (function* () {
        w.attempt("reentry", () => it.next());
        yield 1;
      })();
      return it;
    },
    use: (call, w) => {
      const it = w.attempt("call", call) as Gen;
      if (typeof it?.[Symbol.iterator] === "function") w.log("all", [...it]);
    },
    end: "ok",
  },
  {
    name: "generator: the caller's own storage is that of each step, not of the call",
    body: function* (w): Gen {
      for (;;) yield w.log("store", { store: userStorage.getStore() });
    },
    use: (call, w) => {
      const it = userStorage.run("call", () => w.attempt("call", call)) as Gen;
      for (const store of ["first", "second"]) userStorage.run(store, () => it?.next?.());
      userStorage.run("third", () => it?.return?.(1));
    },
    end: "ok",
  },
  {
    name: "async generator: the chunks are the output",
    body: async function* (): AsyncGen {
      yield "a";
      yield "b";
    },
    use: async (call, w) => {
      for await (const chunk of (w.attempt("call", call) ?? []) as AsyncGen) w.log("got", { chunk });
    },
    end: "ok",
    output: ["a", "b"],
    slack: 4,
  },
  ...perThrown(
    (what, thrown): Case => ({
      name: `generator: throws ${what}`,
      body: function* (w): Gen {
        w.child();
        yield 1;
        throw thrown(w);
      },
      use: (call, w) => {
        const it = w.attempt("call", call) as Gen;
        w.attempt("loop", () => {
          for (const value of it) w.log("got", { value });
        });
      },
      end: "error",
      children: 1,
    }),
  ),
  ...perThrown(
    (what, thrown): Case => ({
      name: `async generator: throws ${what}`,
      body: async function* (w): AsyncGen {
        yield 1;
        await w.turn();
        w.child();
        throw thrown(w);
      },
      use: async (call, w) => {
        const it = w.attempt("call", call) as AsyncGen;
        const loop = async (): Promise<void> => {
          for await (const value of it) w.log("got", { value });
        };
        await w.settle("loop", loop());
      },
      end: "error",
      children: 1,
      slack: 9,
    }),
  ),
  ...perThrown(
    (what, thrown): Case => ({
      name: `async generator: throws ${what}, and nobody waits`,
      body: async function* (w): AsyncGen {
        yield await Promise.reject(thrown(w));
      },
      use: async (call, w) => {
        const it = w.attempt("call", call) as AsyncGen;
        if (typeof it?.next === "function") void it.next();
        await w.turn(2);
      },
      end: "error",
    }),
    FEW_THROWN,
  ),
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
  ...eventStreams,
  ...perThrown(
    (what, thrown): Case => ({
      name: `async iterable without next: throws ${what}`,
      body: (w) =>
        w.tag(
          "stream",
          eventStream(w, () => thrown(w)),
        ),
      use: async (call, w) => {
        const stream = w.attempt("call", call) as EventStream;
        const loop = async (): Promise<void> => {
          for await (const chunk of stream) w.log("got", { chunk });
        };
        await w.settle("loop", loop());
      },
      end: "error",
      slack: 9,
    }),
    FEW_THROWN,
  ),
  {
    name: "a frozen async iterable",
    follows: false,
    body: (w) => w.tag("stream", Object.freeze(eventStream(w))),
    use: async (call, w) => {
      const stream = w.attempt("call", call) as EventStream;
      w.log("returned", { stream });
      for await (const chunk of stream ?? []) w.log("got", { chunk });
    },
    slack: 9,
  },
];
