import type { Carrier } from "../core/context.ts";
import { ConfigError } from "../core/errors.ts";
import type { Span } from "../core/span.ts";

/** What is needed of a cls-hooked namespace. Its `run` and `runPromise` write on what the caller throws, so not those. */
export interface ClsNamespace {
  createContext(): any;
  enter(context: any): void;
  exit(context: any): void;
  get(key: string): any;
}

const SPAN = "sightline.span";

/**
 * Keeps the current span in a cls-hooked namespace, for applications that live in one. Contexts are entered and left, never
 * run. What the application sets in the namespace inside a span goes where it would go without the span, Sequelize's
 * `useCLS` included.
 *
 * What it costs, in processor time of one `await` (bench/cls-hooked.js, medians of five, Node 20, 22 and 24): 1.5 µs inside
 * of a span, where the default carrier takes 0.2 µs on Node 20 and 22 and 0.05 µs on 24; 1.1 µs outside of any context. It is
 * the namespace that costs, each one, for the whole process and also after `destroyNamespace`: without us it is 1.4 µs. An
 * observed call takes 11 µs instead of 5. So use it where there is a namespace anyway, and the default everywhere else.
 *
 * @throws ConfigError for what is no namespace
 * @example
 * configure({ carrier: clsHookedCarrier(createNamespace("app")) });
 */
export function clsHookedCarrier(namespace: ClsNamespace): Carrier {
  check(namespace);
  /** The application's own context behind each of ours. */
  const owners = new WeakMap<object, object>();

  const contextOf = (span: Span): object => {
    const fresh: object = namespace.createContext();
    const parent: object = Object.getPrototypeOf(fresh);
    // Outside of any context the parent is Object.prototype.
    const isOutermost = Object.getPrototypeOf(parent) === null;
    const owner = isOutermost ? fresh : (owners.get(parent) ?? parent);
    const own = Object.create(owner, { [SPAN]: { value: span } });
    // cls-hooked assigns to the active context, which is ours; a receiver that merely inherits from it is the application's.
    const context: object = new Proxy(own, {
      set: (target, key, value, receiver) =>
        receiver === context ? Reflect.set(owner, key, value) : Reflect.set(target, key, value, receiver),
    });
    owners.set(context, owner);
    return context;
  };

  return {
    get: () => namespace.get(SPAN),
    run(span, fn) {
      const context = contextOf(span);
      namespace.enter(context);
      try {
        return fn();
      } finally {
        namespace.exit(context);
      }
    },
  };
}

function check(namespace: unknown): void {
  const given = (namespace ?? {}) as Partial<ClsNamespace>;
  if ([given.createContext, given.enter, given.exit, given.get].every((method) => typeof method === "function")) return;
  const what = namespace === undefined ? "undefined" : namespace === null ? "null" : `a ${typeof namespace}`;
  const way = 'createNamespace("app") makes one, and getNamespace("app") gives undefined before that';
  throw new ConfigError(
    "CONFIG_BAD_VALUE",
    `clsHookedCarrier() takes a namespace of cls-hooked; it got ${what}: ${way}.`,
  );
}
