import { createContext, runInContext } from "node:vm";
import type { World } from "./world.ts";

const otherRealm = createContext({});

/** Evaluates in a realm with its own `Promise`, `Error` and `Object`. */
export function elsewhere<T>(source: string): T {
  return runInContext(source, otherRealm) as T;
}

/** Everything that people throw, and a few things that they do not. */
export const THROWN: Readonly<Record<string, (world: World) => unknown>> = {
  "an Error": (w) => w.tag("thrown", new Error("boom")),
  null: () => null,
  undefined: () => undefined,
  "a string": () => "boom",
  "a frozen error": (w) => w.tag("thrown", Object.freeze(new Error("frozen"))),
  zero: () => 0,
  "a symbol": (w) => w.tag("thrown", Symbol("boom")),
  "an object": (w) => w.tag("thrown", { code: "E_BOOM" }),
  "a revoked proxy": (w) => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return w.tag("thrown", proxy);
  },
  "an error with throwing getters": (w) => {
    const hostile = (): never => {
      throw new Error("getter");
    };
    const error = new Error("hidden");
    for (const key of ["message", "stack", "name", "code", "cause", "constructor", "toString", "toJSON"]) {
      Object.defineProperty(error, key, { get: hostile });
    }
    return w.tag("thrown", error);
  },
  "an error of another realm": (w) => w.tag("thrown", elsewhere('new TypeError("elsewhere")')),
  "an error that causes itself": (w) => {
    const error = new Error("loop");
    error.cause = error;
    return w.tag("thrown", error);
  },
};

/** For returns kinds where the full list would say nothing more. */
export const FEW_THROWN: readonly string[] = ["an Error", "null", "undefined", "a string", "a frozen error"];

/** One entry per thing thrown. */
export function perThrown<T>(
  make: (name: string, thrown: (world: World) => unknown) => T,
  names?: readonly string[],
): T[] {
  return (names ?? Object.keys(THROWN)).map((name) => make(name, THROWN[name] as (world: World) => unknown));
}
