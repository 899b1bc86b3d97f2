import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { configure, flush, memorySink, ObserveError, observe } from "sightline";
import { decoratedClass, decoratedMembers, describeClass, describeFunction } from "./conformance/shape.ts";
import { type Decorate, plain } from "./conformance/target.ts";

const memory = memorySink();
configure({ sinks: [memory] });

beforeEach(async () => {
  await flush();
  memory.clear();
});

async function spanNames(): Promise<string[]> {
  await flush();
  return memory.records.map((record) => record.name);
}

test("a class whose members are observed looks as it did", () => {
  assert.deepEqual(describeClass(decoratedMembers(observe)), describeClass(decoratedMembers(plain)));
  assert.deepEqual(describeClass(decoratedMembers(observe())), describeClass(decoratedMembers(plain)));
});

test("a class that is observed as a whole looks as it did", () => {
  assert.deepEqual(describeClass(decoratedClass(observe)), describeClass(decoratedClass(plain)));
});

const FUNCTIONS: Readonly<Record<string, () => Function>> = {
  "a function": () => function named(_a: unknown, _b: unknown) {},
  "an arrow function": () => (_a: unknown) => {},
  "an anonymous function": () =>
    (
      () =>
      (..._args: unknown[]) =>
        1
    )(),
  "an async function": () => async function later() {},
  "an async arrow function": () => async () => {},
  "a generator function": () => function* steps() {},
  "an async generator function": () => async function* steps() {},
  "a method": () => ({ method(_a: unknown, _b: unknown) {} }).method,
  "a bound function": () => function bound(_a: unknown, _b: unknown) {}.bind(null, 1),
  "a function in sloppy mode": () => new Function("a", "b", "return a") as Function,
  "a built-in": () => Math.max,
  "a constructor of the platform": () => Date,
  "a frozen function": () => Object.freeze((_a: unknown) => {}),
  "a function without a name property": () => {
    const fn = function named(): void {};
    Reflect.deleteProperty(fn, "name");
    Reflect.deleteProperty(fn, "length");
    return fn;
  },
  "a function with a name that is no string": () =>
    Object.defineProperty(() => {}, "name", { value: { no: "string" } }),
  "a function whose name throws": () =>
    Object.defineProperty(() => {}, "name", {
      get() {
        throw new Error("name");
      },
    }),
  "a function without a prototype chain": () => Object.setPrototypeOf(() => {}, null) as Function,
  "a function with own properties": () =>
    Object.defineProperties(() => {}, {
      mine: { value: 1, enumerable: true },
      hidden: { value: 2 },
      lazy: { get: () => 1, configurable: true },
      [Symbol.for("s")]: { value: 3, writable: true },
    }),
};

for (const [kind, make] of Object.entries(FUNCTIONS)) {
  test(`${kind} looks as it did`, () => {
    const shown = (fn: Function): unknown => {
      try {
        return describeFunction(fn);
      } catch (error) {
        return String(error);
      }
    };
    assert.deepEqual(shown(observe(make() as () => unknown)), shown(make()));
  });
}

test("what an observed generator function makes is an instance of it", () => {
  const steps = observe(function* steps() {
    yield 1;
  });
  assert.ok(steps() instanceof (steps as unknown as new () => object));
});

test("new on a method throws as it did, and on a constructor function makes an instance", () => {
  const Cls = decoratedMembers(observe) as unknown as new () => { plainMethod: new () => unknown };
  assert.throws(() => new new Cls().plainMethod(), TypeError);
  const Made = observe(function Made(this: { a: number }, a: number) {
    this.a = a;
  }) as unknown as new (
    a: number,
  ) => { a: number };
  const made = new Made(1);
  assert.deepEqual([made.a, made instanceof Made, Object.getPrototypeOf(made) === Made.prototype], [1, true, true]);
});

test("a class observed as a whole is the same class, and its program runs as it did", async () => {
  const run = (o: Decorate): unknown => {
    const Cls = decoratedClass(o) as any;
    const made = Cls.of("given");
    class Derived extends Cls {}
    const derived = Cls.of.call(Derived, 1);
    made.both = 5;
    return {
      instances: [made instanceof Cls, derived instanceof Derived, made.constructor === Cls],
      inner: [made.given, made.both, made.field(), Cls.count(), JSON.stringify(made), [...made]],
      made: Cls.made,
      locked: [Cls.locked(), typeof made.lockedMethod],
      borrowed: Reflect.apply(Cls.prototype.plainMethod, null, []),
    };
  };
  assert.deepEqual(run(observe), run(plain));
  const names = await spanNames();
  assert.deepEqual([...new Set(names)].sort(), ["Everything.count", "Everything.of", "Everything.plainMethod"]);
});

test("fields: true observes the functions of each instance; the class's program runs as it did", async () => {
  const run = (o: Decorate): unknown => {
    const Cls = decoratedClass(o) as any;
    class Derived extends Cls {
      own = (): string => "derived";
    }
    const made = new Cls("given");
    const derived = new Derived();
    return {
      names: [Cls.name, Cls.length, made.constructor.name],
      instances: [made instanceof Cls, derived instanceof Derived, derived instanceof Cls],
      constructors: [made.constructor === Cls, Cls.prototype.constructor === Cls],
      inner: [made.given, made.field(), derived.own(), derived.field()],
      statics: [Cls.of("x") instanceof Cls, Cls.count()],
      made: Cls.made,
      calledWithoutNew: String(caught(() => Cls())),
    };
  };
  assert.deepEqual(run(observe({ fields: true })), run(plain));
  const names = new Set(await spanNames());
  assert.ok(names.has("Everything.field"), [...names].join());
});

test("fields: true goes with static #private members, and its instances know their class", () => {
  @observe({ fields: true })
  class Svc {
    static #made = 0;
    static make(): Svc {
      Svc.#made++;
      return new Svc();
    }
    static get made(): number {
      return Svc.#made;
    }
    run = (): number => Svc.#made;
  }
  assert.equal(Svc.make().run(), 1);
  assert.equal(Svc.made, 1);
  assert.equal(new Svc().constructor, Svc);
});

test("the forms of @observe give these names", async () => {
  class Forms {
    @observe bare(): void {}
    @observe() called(): void {}
    @observe("by name") named(): void {}
    @observe({ name: "by options" }) options(): void {}
    @observe((self: Forms, n: number) => ({ name: `${self.constructor.name} ${n}` })) dynamic(_n: number): void {}
    @observe get read(): number {
      return 1;
    }
    @observe set written(_value: number) {}
    @observe accessor both = 1;
    @observe static statically(): void {}
    @observe static accessor shared = 1;
  }
  const forms = new Forms();
  forms.bare();
  forms.called();
  forms.named();
  forms.options();
  forms.dynamic(7);
  forms.written = forms.read;
  forms.both = forms.both + 1;
  Forms.statically();
  Forms.shared = Forms.shared + 1;
  assert.equal(forms.both, 2);
  assert.deepEqual(await spanNames(), [
    "Forms.bare",
    "Forms.called",
    "by name",
    "by options",
    "Forms 7",
    "Forms.get read",
    "Forms.set written",
    "Forms.get both",
    "Forms.set both",
    "Forms.statically",
    "Forms.get shared",
    "Forms.set shared",
    "Forms.get both",
  ]);
});

test("the function forms give these names", async () => {
  observe(function own() {})();
  observe(() => {})();
  observe("by name", () => {})();
  observe({ name: "by options" }, () => {})();
  observe(
    (_self, n: number) => ({ name: `by rule ${n}` }),
    (_n: number) => {},
  )(3);
  assert.deepEqual(await spanNames(), ["own", "anonymous", "by name", "by options", "by rule 3"]);
});

test("a name learnt from one call does not stick to the next", async () => {
  class Svc {
    @observe run(): void {}
  }
  const { run } = new Svc();
  run();
  Reflect.apply(run, { other: true }, []);
  new Svc().run();
  assert.equal((await spanNames()).at(-1), "Svc.run");
});

test("what cannot be observed says so, by class and member", () => {
  const says = (fn: () => unknown, ...words: RegExp[]): void => {
    const error = caught(fn) as Error;
    assert.ok(error instanceof ObserveError, String(error));
    for (const word of words) assert.match(error.message, word);
  };
  says(
    () => {
      class Svc {
        @observe() count = 1;
      }
      return new Svc();
    },
    /Svc/,
    /count/,
  );
  says(() => observe({} as any, null as any));
  says(() => (observe as any)(1));
  says(() => (observe as any)(null));
  says(() => observe({ nmae: "typo" } as any), /nmae/);
});

function caught(fn: () => unknown): unknown {
  try {
    fn();
  } catch (error) {
    return error;
  }
  return undefined;
}
