import { withSpan } from "sightline";
import { type Body, type Built, type Decorate, plain, type Target } from "./target.ts";

const SYMBOL = Symbol("run");
const COMPUTED = ["compu", "ted"].join("");

/** Most targets give back exactly what the body gave. */
function target(name: string, span: string, build: (o: Decorate, body: Body) => Built): Target {
  return { name, spans: [span], transparent: true, build };
}

const methods: readonly Target[] = [
  target("method", "Svc.run", (o, body) => {
    class Svc {
      @o run(...args: unknown[]): unknown {
        return body(this, args);
      }
    }
    const svc = new Svc();
    return { call: (args) => svc.run(...args), self: svc };
  }),
  target("method that is given more than it declares", "Svc.run", (o, body) => {
    class Svc {
      @o run(_first?: unknown): unknown {
        // biome-ignore lint/complexity/noArguments: what it holds is tested
        return body(this, arguments);
      }
    }
    const svc = new Svc();
    return { call: (args) => Reflect.apply(svc.run, svc, args), self: svc };
  }),
  target("static method", "Svc.run", (o, body) => {
    class Svc {
      @o static run(...args: unknown[]): unknown {
        return body(this, args);
      }
    }
    return { call: (args) => Svc.run(...args), self: Svc };
  }),
  target("symbol-named method", "Svc.[run]", (o, body) => {
    class Svc {
      @o [SYMBOL](...args: unknown[]): unknown {
        return body(this, args);
      }
    }
    const svc = new Svc();
    return { call: (args) => svc[SYMBOL](...args), self: svc };
  }),
  target("computed-named method", "Svc.computed", (o, body) => {
    class Svc {
      @o [COMPUTED](...args: unknown[]): unknown {
        return body(this, args);
      }
    }
    const svc = new Svc() as unknown as Record<string, (...args: readonly unknown[]) => unknown>;
    return { call: (args) => svc[COMPUTED]?.(...args), self: svc };
  }),
  target("method borrowed by another object", "Svc.run", (o, body) => {
    class Svc {
      @o run(...args: unknown[]): unknown {
        return body(this, args);
      }
    }
    const other = Object.freeze({ other: true });
    const run = new Svc().run;
    return { call: (args) => Reflect.apply(run, other, args), self: other };
  }),
  target("method called without a receiver", "Svc.run", (o, body) => {
    class Svc {
      @o run(...args: unknown[]): unknown {
        return body(this, args);
      }
    }
    const { run } = new Svc();
    return { call: (args) => run(...args), self: undefined };
  }),
  target("method of a frozen instance", "Svc.run", (o, body) => {
    class Svc {
      @o run(...args: unknown[]): unknown {
        return body(this, args);
      }
    }
    const svc = Object.freeze(new Svc());
    return { call: (args) => svc.run(...args), self: svc };
  }),
  target("method that reads a #private field", "Svc.run", (o, body) => {
    class Svc {
      readonly #inner: Body = body;
      @o run(...args: unknown[]): unknown {
        return this.#inner(this, args);
      }
    }
    const svc = new Svc();
    return { call: (args) => svc.run(...args), self: svc };
  }),
  target("inherited method", "Base.run", (o, body) => {
    class Base {
      @o run(...args: unknown[]): unknown {
        return body(this, args);
      }
    }
    class Derived extends Base {}
    const svc = new Derived();
    return { call: (args) => svc.run(...args), self: svc };
  }),
  target("overridden method", "Derived.run", (o, body) => {
    class Base {
      @o run(...args: unknown[]): unknown {
        throw new Error(`the overridden method ran with ${args.length} arguments`);
      }
    }
    class Derived extends Base {
      @o override run(...args: unknown[]): unknown {
        return body(this, args);
      }
    }
    const svc = new Derived();
    return { call: (args) => svc.run(...args), self: svc };
  }),
  {
    name: "method that calls super",
    spans: ["Derived.run", "Base.run"],
    transparent: true,
    slack: 1,
    build(o, body) {
      class Base {
        @o run(...args: unknown[]): unknown {
          return body(this, args);
        }
      }
      class Derived extends Base {
        @o override run(...args: unknown[]): unknown {
          return super.run(...args);
        }
      }
      const svc = new Derived();
      return { call: (args) => svc.run(...args), self: svc };
    },
  },
  {
    name: "observed method that returns another observed method's result",
    spans: ["Svc.outer", "Svc.inner"],
    transparent: true,
    slack: 1,
    build(o, body) {
      class Svc {
        @o outer(...args: unknown[]): unknown {
          return this.inner(...args);
        }
        @o inner(...args: unknown[]): unknown {
          return body(this, args);
        }
      }
      const svc = new Svc();
      return { call: (args) => svc.outer(...args), self: svc };
    },
  },
];

const accessors: readonly Target[] = [
  target("getter", "Svc.get run", (o, body) => {
    class Svc {
      @o get run(): unknown {
        return body(this, []);
      }
    }
    const svc = new Svc();
    return { call: () => svc.run, self: svc };
  }),
  target("static getter", "Svc.get run", (o, body) => {
    class Svc {
      @o static get run(): unknown {
        return body(this, []);
      }
    }
    return { call: () => Svc.run, self: Svc };
  }),
  {
    name: "setter",
    spans: ["Svc.set run"],
    transparent: false,
    build(o, body) {
      class Svc {
        @o set run(value: unknown) {
          body(this, [value]);
        }
      }
      const svc = new Svc();
      return {
        call: ([value]) => {
          svc.run = value;
        },
        self: svc,
      };
    },
  },
];

const kinds: readonly Target[] = [
  {
    name: "async method",
    spans: ["Svc.run"],
    transparent: false,
    slack: 1,
    build(o, body) {
      class Svc {
        @o async run(...args: unknown[]): Promise<unknown> {
          return body(this, args);
        }
      }
      const svc = new Svc();
      return { call: (args) => svc.run(...args), self: svc };
    },
  },
  {
    name: "generator method",
    spans: ["Svc.run"],
    transparent: false,
    build(o, body) {
      class Svc {
        @o *run(...args: unknown[]): Generator<unknown, unknown, unknown> {
          return yield* body(this, args) as Generator;
        }
      }
      const svc = new Svc();
      return { call: (args) => svc.run(...args), self: svc };
    },
  },
  {
    name: "async generator method",
    spans: ["Svc.run"],
    transparent: false,
    slack: 9,
    build(o, body) {
      class Svc {
        @o async *run(...args: unknown[]): AsyncGenerator<unknown, unknown, unknown> {
          return yield* body(this, args) as AsyncGenerator;
        }
      }
      const svc = new Svc();
      return { call: (args) => svc.run(...args), self: svc };
    },
  },
];

const classes: readonly Target[] = [
  target("whole class: method", "Svc.run", (o, body) => {
    @o
    class Svc {
      run(...args: unknown[]): unknown {
        return body(this, args);
      }
    }
    const svc = new Svc();
    return { call: (args) => svc.run(...args), self: svc };
  }),
  target("whole class: static method", "Svc.run", (o, body) => {
    @o
    class Svc {
      static run(...args: unknown[]): unknown {
        return body(this, args);
      }
    }
    return { call: (args) => Svc.run(...args), self: Svc };
  }),
  target("whole class: method observed on its own too", "Svc.run", (o, body) => {
    @o
    class Svc {
      @o run(...args: unknown[]): unknown {
        return body(this, args);
      }
    }
    const svc = new Svc();
    return { call: (args) => svc.run(...args), self: svc };
  }),
  target("whole class: method called by its constructor", "Svc.run", (o, body) => {
    let made: object | undefined;
    @o
    class Svc {
      readonly result: unknown;
      constructor(args: readonly unknown[]) {
        made = this;
        this.result = this.run(...args);
      }
      run(...args: unknown[]): unknown {
        return body(this === made && "self", args);
      }
    }
    return { call: (args) => new Svc(args).result, self: "self" };
  }),
];

/** What `observe(fn)` is given. */
export const functionTargets: readonly Target[] = [
  target("function", "run", (o, body) => {
    const run = o(function run(this: unknown, ...args: unknown[]) {
      return body(this, args);
    });
    return { call: (args) => run(...args), self: undefined };
  }),
  target("function with a receiver", "run", (o, body) => {
    const host = {
      run: o(function run(this: unknown, ...args: unknown[]) {
        return body(this, args);
      }),
    };
    return { call: (args) => host.run(...args), self: host };
  }),
  target("function with a primitive receiver", "run", (o, body) => {
    const run = o(function run(this: unknown, ...args: unknown[]) {
      return body(this, args);
    });
    return { call: (args) => Reflect.apply(run, 5, args), self: 5 };
  }),
  target("arrow function", "run", (o, body) => {
    const run = (...args: unknown[]): unknown => body("arrow", args);
    const observed = o(run);
    return { call: (args) => observed(...args), self: "arrow" };
  }),
  target("bound function", "bound run", (o, body) => {
    const host = {};
    function run(this: unknown, ...args: unknown[]): unknown {
      return body(this, args);
    }
    const bound = o(run.bind(host));
    return { call: (args) => bound(...args), self: host };
  }),
  target("object method", "run", (o, body) => {
    const host = {
      run(...args: unknown[]): unknown {
        return body(this, args);
      },
    };
    const run = o(host.run);
    return { call: (args) => Reflect.apply(run, host, args), self: host };
  }),
  target("function in sloppy mode", "run", (o, body) => {
    const make = new Function("body", "return function run() { return body('sloppy', arguments); }");
    const run = o(make(body));
    return { call: (args) => run(...args), self: "sloppy" };
  }),
  target("proxy of a function", "run", (o, body) => {
    const run = o(
      new Proxy(function run(this: unknown, ...args: unknown[]): unknown {
        return body(this, args);
      }, {}),
    );
    return { call: (args) => run(...args), self: undefined };
  }),
  target("withSpan", "run", (o, body) => ({
    call: (args) => {
      const run = (): unknown => body("withSpan", args);
      return o === plain ? run() : withSpan("run", run);
    },
    self: "withSpan",
  })),
  {
    name: "async function",
    spans: ["run"],
    transparent: false,
    slack: 1,
    build(o, body) {
      const run = o(async function run(this: unknown, ...args: unknown[]) {
        return body(this, args);
      });
      return { call: (args) => run(...args), self: undefined };
    },
  },
  {
    name: "constructor function called with new",
    spans: ["Made"],
    transparent: false,
    follows: false,
    build(o, body) {
      const Made = o(function Made(this: { result: unknown }, ...args: unknown[]) {
        this.result = body(new.target === undefined ? "called" : "constructed", args, new.target);
        return this.result;
      });
      return {
        call: (args) => {
          const made = new Made(...args);
          return made instanceof Made ? made.result : made;
        },
        self: "constructed",
      };
    },
  },
  {
    name: "constructor function that is extended",
    spans: ["Base"],
    transparent: false,
    follows: false,
    build(o, body) {
      const Base = o(function Base(this: { result: unknown }, ...args: unknown[]) {
        this.result = body(new.target?.name, args);
      });
      class Derived extends Base {}
      return { call: (args) => (Reflect.construct(Derived, args) as { result: unknown }).result, self: "Derived" };
    },
  },
];

/** Members and classes: what a decorator is put on, under both protocols. */
export const memberTargets: readonly Target[] = [...methods, ...accessors, ...kinds, ...classes];
