import type { World } from "./world.ts";

/** A program in two halves: what the observed body returns, and what the caller does with it. */
export interface Case {
  readonly name: string;
  body(world: World, args: ArrayLike<unknown>): unknown;
  use(call: () => unknown, world: World): unknown;
  /**
   * How the span must end where the target gives back what the body gave. `open`: it must not have ended.
   * `aborted`: a failure of level WARNING. Left out: not stated by the contract.
   */
  readonly end?: "ok" | "error" | "aborted" | "open";
  /** The recorded output, where it is checked. */
  readonly output?: unknown;
  /** A fault of ours that the program must not notice is part of the case. */
  readonly swallows?: true;
  /** Only for targets that put no promise or generator of their own around it, whose ways would show too. */
  readonly transparentOnly?: true;
  /** Extra microtasks allowed per wait: one for each native promise in it. */
  readonly slack?: number;
  /** False for what takes no property of ours: it comes back untouched, and its later work is not seen. */
  readonly follows?: false;
  /** The children of the body that must be there, all of them inside the span. */
  readonly children?: number;
}

/** Calls once and looks at what came back. */
export function look(call: () => unknown, world: World): void {
  world.attempt("call", () => world.log("returned", { result: call() }));
  world.log("after the call");
}

/** Calls once and waits for what came back. */
export async function wait(call: () => unknown, world: World): Promise<void> {
  const result = world.attempt("call", call);
  world.log("after the call");
  await world.settle("await", result);
}
