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

/** The one generator of a world, for programs that give out the same object again. */
const shared = new WeakMap<World, Gen>();

export const generators: readonly Case[] = [
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
];
