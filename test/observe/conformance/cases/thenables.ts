import type { Case } from "../case.ts";
import { elsewhere, FEW_THROWN, perThrown } from "../thrown.ts";
import type { World } from "../world.ts";

type Settle = (value?: unknown, ...more: unknown[]) => unknown;
type Outcome = { readonly value?: unknown; readonly error?: unknown; readonly fails: boolean };
interface Thenable {
  then(ok?: Settle | null, failed?: Settle | null): unknown;
  [extra: string]: any;
}

/** Runs the handlers as a promise would, one turn later. */
function deliver(outcome: Outcome, ok?: Settle | null, failed?: Settle | null): Promise<unknown> {
  const settled = outcome.fails ? Promise.reject(outcome.error) : Promise.resolve(outcome.value);
  return settled.then(ok as Settle, failed as Settle);
}

/** A query builder: nothing runs until `then` is called, and every `then` runs it again. */
class Query implements Thenable {
  readonly parts: string[] = [];
  readonly #world: World;
  readonly #outcome: Outcome;
  constructor(world: World, outcome: Outcome) {
    this.#world = world;
    this.#outcome = outcome;
  }
  where(part: string): this {
    this.parts.push(part);
    return this;
  }
  then(ok?: Settle | null, failed?: Settle | null): Promise<unknown> {
    this.#world.log("query ran", this.parts.join(" "));
    return deliver(this.#outcome, ok, failed);
  }
  catch(failed: Settle): Promise<unknown> {
    return this.then(undefined, failed);
  }
}

/** Modelled on the promise of generated API clients: lazy, parsed once, several ways to read the answer. */
class ApiPromise extends Promise<unknown> {
  readonly #world: World;
  readonly #outcome: Outcome;
  #parsed: Promise<unknown> | undefined;
  constructor(world: World, outcome: Outcome) {
    super((resolve) => resolve(null));
    this.#world = world;
    this.#outcome = outcome;
  }
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }
  parse(): Promise<unknown> {
    this.#world.log("parsed");
    return (this.#parsed ??= deliver(this.#outcome));
  }
  async asResponse(): Promise<string> {
    return "the raw response";
  }
  async withResponse(): Promise<{ data: unknown; response: string }> {
    const [data, response] = await Promise.all([this.parse(), this.asResponse()]);
    return { data, response };
  }
  _thenUnwrap(transform: (data: unknown) => unknown): ApiPromise {
    const outcome = this.#outcome.fails ? this.#outcome : { fails: false, value: transform(this.#outcome.value) };
    return new ApiPromise(this.#world, outcome);
  }
  override then(ok?: any, failed?: any): any {
    return this.parse().then(ok, failed);
  }
  override catch(failed?: any): any {
    return this.parse().catch(failed);
  }
  override finally(done?: any): any {
    return this.parse().finally(done);
  }
}

class SubPromise<T> extends Promise<T> {
  extra(): string {
    return "extra";
  }
}

/** The kinds of thenable. Each is used in every way of USES, once fulfilling and once rejecting. */
const KINDS: Readonly<Record<string, (world: World, outcome: Outcome) => Thenable>> = {
  "a lazy query": (w, outcome) => new Query(w, outcome),
  "an API promise": (w, outcome) => new ApiPromise(w, outcome) as Thenable,
  "a promise subclass": (_, { fails, value, error }) =>
    (fails ? SubPromise.reject(error) : SubPromise.resolve(value)) as unknown as Thenable,
  "a promise of another realm": (_, { fails, value, error }) => {
    const { make } = elsewhere<{ make(fails: boolean, value: unknown): Thenable }>(
      "({ make: (fails, value) => fails ? Promise.reject(value) : Promise.resolve(value) })",
    );
    return make(fails, fails ? error : value);
  },
  "a then that does not chain": (w, outcome) => ({
    then(ok, failed) {
      w.log("then ran");
      deliver(outcome, ok, failed).catch(() => w.log("nobody listened"));
    },
  }),
  "a then that calls back at once": (_, { fails, value, error }) => ({
    then(ok, failed) {
      if (fails) failed?.(error);
      else ok?.(value);
      return this;
    },
  }),
  "a then that calls back twice": (w, { fails, value, error }) => ({
    then(ok, failed) {
      const handler = fails ? failed : ok;
      w.log("first", { result: handler?.(fails ? error : value) });
      w.log("second", { result: handler?.("again") });
    },
  }),
  "a then that asks who listens": (w, outcome) => ({
    then(ok, failed) {
      w.log("listeners", typeof ok, typeof failed);
      return deliver(outcome, ok, failed);
    },
  }),
  "a then that calls with a receiver and several arguments": (w, { fails, value, error }) => ({
    then(ok, failed) {
      const handler = fails ? failed : ok;
      w.log("handler gave", {
        result: handler?.call(w.tag("receiver", {}), fails ? error : value, "more", "still more"),
      });
    },
  }),
  "a then behind a getter": (w, outcome) => ({
    get then() {
      w.log("then was read");
      return (ok?: Settle | null, failed?: Settle | null) => deliver(outcome, ok, failed);
    },
  }),
  "a frozen thenable": (w, outcome) => Object.freeze(new Query(w, outcome)),
  "a thenable with a locked then": (_, outcome) =>
    Object.defineProperty({} as Thenable, "then", {
      value: (ok?: Settle, failed?: Settle) => deliver(outcome, ok, failed),
    }),
  "a thenable function": (_, outcome) =>
    Object.assign(() => "called", {
      then: (ok?: Settle | null, failed?: Settle | null) => deliver(outcome, ok, failed),
    }),
  "a promise lookalike": (_, outcome) => {
    const promise = Object.create(Promise.prototype) as Thenable;
    promise.then = (ok, failed) => deliver(outcome, ok, failed);
    return promise;
  },
  "a proxy of a query": (w, outcome) => {
    const query = new Query(w, outcome);
    return new Proxy(query, {
      get(target, key) {
        const member = Reflect.get(target, key, target) as unknown;
        return typeof member === "function" ? member.bind(target) : member;
      },
    });
  },
};

/** What callers do with a thenable. */
const USES: Readonly<Record<string, (thenable: Thenable, world: World) => unknown>> = {
  nothing: (_, w) => w.turn(2),
  await: (t, w) => w.settle("await", t),
  "await twice": async (t, w) => {
    await w.settle("first", t);
    await w.settle("second", t);
  },
  "then with both": async (t, w) => {
    const noted = (what: string) => (result: unknown) => {
      w.log(what, { result });
      return "chained";
    };
    const chained = t.then(noted("fulfilled"), noted("failed"));
    w.log("then gave", typeof chained, chained === t);
    await w.settle("chained", chained);
    await w.turn();
  },
  "then with one": async (t, w) => {
    w.log("then gave", typeof t.then((value) => w.log("fulfilled", { value })));
    await w.turn(2);
  },
  "then with handlers that throw": async (t, w) => {
    const chained = w.attempt("then", () =>
      t.then(
        () => {
          throw w.tag("handler error", new Error("in the handler"));
        },
        () => {
          throw w.tag("handler error", new Error("in the handler"));
        },
      ),
    );
    await w.settle("chained", chained);
    await w.turn();
  },
  "catch, where there is one": async (t, w) => {
    if (typeof t.catch === "function") {
      await w.settle(
        "catch",
        t.catch((error: unknown) => w.log("failed", { error })),
      );
    }
  },
  "finally, where there is one": async (t, w) => {
    if (typeof t.finally === "function") {
      await w.settle(
        "finally",
        t.finally(() => w.log("finally")),
      );
    }
  },
  "Promise.all": (t, w) => w.settle("all", Promise.all([t])),
  "returned from an async function": (t, w) => w.settle("async", (async () => t)()),
  "the class's own then": async (t, w) => {
    const inherited = (Object.getPrototypeOf(t) as Thenable | null)?.then;
    if (typeof inherited === "function")
      await w.settle(
        "then",
        w.attempt("then", () => inherited.call(t, (v) => v)),
      );
  },
  "its shape": (t, w) => {
    w.log(
      "keys",
      Object.keys(t),
      "JSON",
      w.attempt("stringify", () => JSON.stringify(t)),
    );
    w.log("then", typeof t.then, t.then?.length, "instanceof", t instanceof Promise, t instanceof SubPromise);
    w.log("spread", Object.keys({ ...t }));
  },
};

/** Kinds that can be followed, and uses that subscribe: there the span ends by what the caller saw. */
const FOLLOWED: readonly string[] = [
  "a lazy query",
  "an API promise",
  "a promise subclass",
  "a promise of another realm",
];
const SUBSCRIBING: readonly string[] = ["await", "then with both", "Promise.all", "returned from an async function"];

/** The one query of a world, for programs that give out the same object again. */
const shared = new WeakMap<World, Query>();

function thenableCase(kind: string, make: (typeof KINDS)[string], fails: boolean, how: string): Case {
  return {
    name: `thenable: ${kind} that ${fails ? "rejects" : "fulfils"}; ${how}`,
    body: (w) => {
      const outcome = fails
        ? { fails, error: w.tag("thrown", new Error("boom")) }
        : { fails, value: w.tag("value", { answer: 42 }) };
      return w.tag("thenable", make(w, outcome));
    },
    use: async (call, w) => {
      const thenable = w.attempt("call", call) as Thenable;
      w.log("returned", { thenable });
      if (thenable !== null && thenable !== undefined) await USES[how]?.(thenable, w);
    },
    // Its `parse()` is a native promise, and everything goes through that.
    ...(kind === "an API promise" && { slack: 1 }),
    ...(FOLLOWED.includes(kind) && how === "nothing" && { end: "open" }),
    ...(FOLLOWED.includes(kind) && SUBSCRIBING.includes(how) && { end: fails ? "error" : "ok" }),
  };
}

/** Uses that never learn how it settles. */
const BLIND: readonly string[] = ["its shape", "the class's own then"];

const table = Object.entries(KINDS).flatMap(([kind, make]) =>
  Object.keys(USES).flatMap((how) => [
    thenableCase(kind, make, false, how),
    ...(BLIND.includes(how) ? [] : [thenableCase(kind, make, true, how)]),
  ]),
);

export const thenables: readonly Case[] = [
  ...table,
  ...perThrown(
    (what, thrown): Case => ({
      name: `thenable: rejects with ${what}`,
      body: (w) => new Query(w, { fails: true, error: thrown(w) }),
      use: async (call, w) => w.settle("await", w.attempt("call", call)),
      end: "error",
    }),
    FEW_THROWN,
  ),
  {
    name: "thenable: built further by the caller before it runs",
    body: (w) => w.tag("query", new Query(w, { fails: false, value: 1 }).where("a")),
    use: async (call, w) => {
      const query = w.attempt("call", call) as Query;
      if (!(query instanceof Query)) return w.log("no query");
      w.log("chain is the same object", query.where("b") === query);
      await w.settle("await", query.where("c"));
    },
    end: "ok",
    output: 1,
  },
  {
    name: "thenable: then throws",
    body: (w) => ({
      then() {
        throw w.tag("thrown", new Error("then"));
      },
    }),
    use: async (call, w) => w.settle("await", w.attempt("call", call)),
  },
  {
    name: "thenable: then getter throws",
    body: (w) =>
      w.tag("value", {
        get then() {
          throw w.tag("thrown", new Error("then getter"));
        },
      }),
    use: async (call, w) => {
      const value = w.attempt("call", call);
      w.log("returned", { value });
      await w.settle("await", value);
    },
  },
  ...["withResponse", "asResponse", "parse"].flatMap((method) =>
    [false, true].map(
      (fails): Case => ({
        name: `API promise that ${fails ? "rejects" : "fulfils"}: ${method}()`,
        body: (w) =>
          new ApiPromise(w, {
            fails,
            error: w.tag("thrown", new Error("boom")),
            value: w.tag("value", { answer: 42 }),
          }),
        use: async (call, w) => {
          const promise = w.attempt("call", call) as Thenable;
          w.log("returned", promise instanceof ApiPromise);
          await w.settle(
            method,
            w.attempt(method, () => promise[method]()),
          );
          await w.settle("and await", promise);
        },
        // Whoever asks for the raw response first has seen the call succeed.
        ...(method !== "asResponse" && { end: fails ? "error" : "ok" }),
        slack: 1,
      }),
    ),
  ),
  {
    name: "API promise: _thenUnwrap, as the parse helpers of generated clients use it",
    slack: 1,
    body: (w) => new ApiPromise(w, { fails: false, value: 20 }),
    use: async (call, w) => {
      const promise = w.attempt("call", call) as Thenable;
      await w.settle(
        "unwrapped",
        w.attempt("unwrap", () => promise._thenUnwrap((data: number) => data + 1)),
      );
    },
  },
  {
    name: "thenable: one object returned by many calls",
    body: (w) => {
      const found = shared.get(w) ?? new Query(w, { fails: false, value: 1 });
      shared.set(w, found);
      return w.tag("shared", found);
    },
    use: async (call, w) => {
      let last: unknown;
      for (let i = 0; i < 40; i++) last = w.attempt("call", call);
      w.log("returned", { last });
      await w.settle("await", last);
    },
  },
];
