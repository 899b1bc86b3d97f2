import { type Case, look, wait } from "../case.ts";
import { FEW_THROWN, perThrown } from "../thrown.ts";
import { userStorage, type World } from "../world.ts";

type P = Promise<unknown>;

/** What people do with a promise. Each is run on one that fulfils and on one that rejects. */
const USES: Readonly<Record<string, (promise: P, world: World) => unknown>> = {
  await: (p, w) => w.settle("await", p),
  "then with both": (p, w) =>
    w.settle(
      "then",
      p.then(
        (value) => w.log("fulfilled", { value }),
        (error) => w.log("failed", { error }),
      ),
    ),
  "then with one": (p, w) =>
    w.settle(
      "then",
      p.then((value) => w.log("fulfilled", { value })),
    ),
  "then with none": (p, w) => w.settle("then", p.then()),
  catch: (p, w) =>
    w.settle(
      "catch",
      p.catch((error) => w.log("failed", { error })),
    ),
  finally: (p, w) =>
    w.settle(
      "finally",
      p.finally(() => w.log("finally")),
    ),
  "Promise.all": (p, w) => w.settle("all", Promise.all([p, 1])),
  "Promise.race": (p, w) => w.settle("race", Promise.race([p])),
  "returned from an async function": (p, w) => w.settle("async", (async () => p)()),
  "two branches": async (p, w) => {
    p.then((value) => w.log("first", { value }));
    p.then((value) => w.log("second", { value }));
    await w.turn(2);
  },
  nothing: (_, w) => w.turn(2),
  "a late handler": async (p, w) => {
    await w.turn(2);
    await w.settle("late", p);
  },
};

function promiseCase(name: string, body: Case["body"], end: Case["end"], children: number): Case[] {
  return Object.entries(USES).map(([how, use]) => ({
    name: `promise: ${name}; ${how}`,
    body,
    use: async (call, w) => {
      const promise = w.attempt("call", call) as P;
      w.log("after the call", Object.prototype.toString.call(promise), promise instanceof Promise);
      if (promise instanceof Promise) await use(promise, w);
    },
    end,
    children,
    slack: 1,
  }));
}

const fulfilled = promiseCase("fulfils at once", (w) => Promise.resolve(w.tag("value", {})), "ok", 0);
const rejected = promiseCase("rejects at once", (w) => Promise.reject(w.tag("thrown", new Error("boom"))), "error", 0);
const later = promiseCase(
  "fulfils later",
  async (w) => {
    w.child();
    await null;
    w.child();
    await w.turn();
    w.child();
    return w.tag("value", {});
  },
  "ok",
  3,
);
const failsLater = promiseCase(
  "rejects later",
  async (w) => {
    await w.turn();
    w.child();
    throw w.tag("thrown", new Error("boom"));
  },
  "error",
  1,
);

/** The one promise of a world, for programs that give out the same object again. */
const shared = new WeakMap<World, P>();

const OWN: readonly PropertyKey[] = ["cancel", "hidden", "lazy", Symbol.for("mark")];

/** Logs own properties as a program could see them; Node 20 adds some of its own when async hooks are on. */
function describe(w: World, value: object): void {
  for (const key of OWN) {
    const found = Object.getOwnPropertyDescriptor(value, key);
    w.log("own", { key }, { ...found, get: typeof found?.get });
  }
}

export const promises: readonly Case[] = [
  ...fulfilled,
  ...rejected,
  ...later,
  ...failsLater,
  ...perThrown(
    (what, thrown): Case => ({
      name: `promise: rejects with ${what}`,
      body: (w) => Promise.reject(thrown(w)),
      use: wait,
      end: "error",
      slack: 1,
    }),
  ),
  ...perThrown(
    (what, thrown): Case => ({
      name: `promise: rejects with ${what}, unhandled`,
      body: async (w) => {
        await null;
        throw thrown(w);
      },
      use: async (call, w) => {
        w.attempt("call", call);
        await w.turn(2);
      },
      end: "error",
    }),
    FEW_THROWN,
  ),
  {
    name: "promise: never settles",
    body: () => new Promise(() => {}),
    use: async (call, w) => {
      w.log("returned", w.attempt("call", call) instanceof Promise);
      await w.turn();
    },
    end: "open",
  },
  {
    name: "promise: fulfils with the output that is recorded",
    body: async () => ({ answer: 42 }),
    use: wait,
    end: "ok",
    output: { answer: 42 },
    slack: 1,
  },
  {
    name: "promise: own properties come along",
    body: (w) => {
      const promise = Promise.resolve(1);
      return Object.defineProperties(promise, {
        cancel: {
          value: w.tag("cancel", () => w.log("cancelled")),
          enumerable: true,
          writable: true,
          configurable: true,
        },
        hidden: { value: 1 },
        [Symbol.for("mark")]: { value: 2, configurable: true },
        lazy: {
          get: () => {
            w.log("lazy getter ran");
            return 1;
          },
          configurable: true,
        },
      });
    },
    use: async (call, w) => {
      const promise = w.attempt("call", call) as P & { cancel?(): void };
      if (promise instanceof Promise) describe(w, promise);
      promise?.cancel?.();
      await w.settle("await", promise);
    },
    end: "ok",
    slack: 1,
  },
  {
    name: "promise: a hostile own constructor",
    swallows: true,
    body: () => {
      const promise = Promise.resolve(1);
      Object.defineProperty(promise, "constructor", {
        get() {
          throw new Error("constructor read");
        },
      });
      return promise;
    },
    use: async (call, w) => {
      w.log("returned", w.attempt("call", call) instanceof Promise);
      await w.turn();
    },
  },
  {
    name: "promise: one promise given out by many calls stays one",
    body: (w) => {
      const promise = shared.get(w) ?? w.turn().then(() => w.tag("value", {}));
      shared.set(w, promise);
      return promise;
    },
    use: async (call, w) => {
      const [first, second] = [w.attempt("call", call), w.attempt("call", call)];
      w.log("the same", first === second);
      await w.settle("await", second);
    },
    end: "ok",
    transparentOnly: true,
    slack: 1,
  },
  {
    name: "promise: one promise given out by many calls is handled where one caller handles it",
    body: (w) => {
      const promise = shared.get(w) ?? w.turn().then(() => Promise.reject(w.tag("thrown", new Error("boom"))));
      shared.set(w, promise);
      return promise;
    },
    use: async (call, w) => {
      w.attempt("prefetch", call);
      await w.settle("await", w.attempt("call", call));
      await w.turn(2);
    },
    end: "error",
    transparentOnly: true,
    slack: 1,
  },
  {
    name: "promise: own then",
    body: (w) => {
      const promise = Promise.resolve(1);
      return Object.assign(promise, {
        then: (ok?: (value: unknown) => unknown) => {
          w.log("own then ran");
          return Promise.prototype.then.call(promise, ok);
        },
      });
    },
    use: async (call, w) => {
      const promise = w.attempt("call", call) as P;
      await w.settle("await", promise);
      await w.settle(
        "then",
        promise?.then?.((value) => w.log("fulfilled", { value })),
      );
    },
    slack: 1,
  },
  {
    name: "promise: the caller's signal aborts it with its own reason",
    body: (w) => abortable(w, AbortSignal.abort(w.tag("reason", { why: "caller" }))),
    use: wait,
    end: "error",
    slack: 1,
  },
  {
    name: "promise: an AbortError is a warning",
    body: (w) => {
      const controller = new AbortController();
      queueMicrotask(() => controller.abort());
      return abortable(w, controller.signal);
    },
    use: wait,
    end: "aborted",
    slack: 1,
  },
  {
    name: "promise: order against other microtasks and timers",
    body: async (w) => {
      await w.turn();
      w.log("body done");
      return 1;
    },
    use: async (call, w) => {
      const promise = w.attempt("call", call) as P;
      setImmediate(() => w.log("immediate"));
      process.nextTick(() => w.log("tick"));
      queueMicrotask(() => w.log("microtask"));
      await w.settle("await", promise);
    },
    slack: 1,
  },
  {
    name: "the caller's own AsyncLocalStorage reaches the body and its continuations",
    body: async (w) => {
      w.log("in the body", { store: userStorage.getStore() });
      await w.turn();
      w.log("after await", { store: userStorage.getStore() });
    },
    use: async (call, w) => {
      await userStorage.run("from the caller", async () => w.settle("await", w.attempt("call", call)));
      w.log("outside", { store: userStorage.getStore() });
    },
    slack: 1,
  },
  {
    name: "enterWith in the body holds after the call, as in plain code",
    body: () => userStorage.enterWith("entered"),
    use: (call, w) =>
      userStorage.run("before", () => {
        look(call, w);
        w.log("store", { store: userStorage.getStore() });
      }),
    end: "ok",
  },
];

function abortable(w: World, signal: AbortSignal): P {
  return new Promise((_, reject) => {
    const stop = (): void => reject(typeof signal.reason === "object" ? signal.reason : w.tag("reason", signal.reason));
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
}
