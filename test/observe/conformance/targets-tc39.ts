import type { Target } from "./target.ts";

/** What only the TC39 protocol can decorate: private members, fields, auto-accessors. */
export const tc39Targets: readonly Target[] = [
  {
    name: "#private method",
    spans: ["Svc.#run"],
    transparent: true,
    build(o, body) {
      class Svc {
        @o #run(...args: unknown[]): unknown {
          return body(this, args);
        }
        call(args: readonly unknown[]): unknown {
          return this.#run(...args);
        }
      }
      const svc = new Svc();
      return { call: (args) => svc.call(args), self: svc };
    },
  },
  {
    name: "static #private method",
    spans: ["Svc.#run"],
    transparent: true,
    build(o, body) {
      class Svc {
        @o static #run(...args: unknown[]): unknown {
          return body(this, args);
        }
        static call(args: readonly unknown[]): unknown {
          return Svc.#run(...args);
        }
      }
      return { call: (args) => Svc.call(args), self: Svc };
    },
  },
  {
    name: "#private getter",
    spans: ["Svc.get #run"],
    transparent: true,
    build(o, body) {
      class Svc {
        @o get #run(): unknown {
          return body(this, []);
        }
        call(): unknown {
          return this.#run;
        }
      }
      const svc = new Svc();
      return { call: () => svc.call(), self: svc };
    },
  },
  {
    name: "arrow-function field",
    spans: ["Svc.run"],
    transparent: true,
    build(o, body) {
      class Svc {
        @o run = (...args: unknown[]): unknown => body(this, args);
      }
      const svc = new Svc();
      return { call: ([...args]) => Reflect.apply(svc.run, undefined, args), self: svc };
    },
  },
  {
    name: "static arrow-function field",
    spans: ["Svc.run"],
    transparent: true,
    build(o, body) {
      class Svc {
        @o static run = (...args: unknown[]): unknown => body(this, args);
      }
      return { call: (args) => Svc.run(...args), self: Svc };
    },
  },
  {
    name: "#private arrow-function field",
    spans: ["Svc.#run"],
    transparent: true,
    build(o, body) {
      class Svc {
        @o readonly #run = (...args: unknown[]): unknown => body(this, args);
        call(args: readonly unknown[]): unknown {
          return this.#run(...args);
        }
      }
      const svc = new Svc();
      return { call: (args) => svc.call(args), self: svc };
    },
  },
  {
    name: "function field of a subclass",
    spans: ["Derived.run"],
    transparent: true,
    build(o, body) {
      class Base {
        @o run = function (this: unknown, ...args: unknown[]): unknown {
          return body(this, args);
        };
      }
      class Derived extends Base {}
      const svc = new Derived();
      return { call: (args) => svc.run(...args), self: svc };
    },
  },
];
