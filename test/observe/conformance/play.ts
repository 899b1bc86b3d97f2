import type { Case } from "./case.ts";
import type { Decorate, Target } from "./target.ts";
import { createWorld, type World } from "./world.ts";

/** Turns of the event loop after which a program that waits for something hangs. */
const MAX_TURNS = 200;

export interface Played {
  readonly lines: readonly string[];
  readonly ticks: World["ticks"];
  /** Calls of the target. */
  readonly calls: number;
}

/** Runs a case against a target, and writes down all that a program, or its process, could notice. */
export async function play(
  { body, use }: Case,
  target: Target,
  o: Decorate,
  traced: boolean,
  around: (fn: () => Promise<void>) => Promise<void> = (fn) => fn(),
): Promise<Played> {
  const world = createWorld(traced);
  const args = [world.tag("first argument", {}), revokedProxy(), undefined];
  let calls = 0;
  const restore = listenToProcess(world);
  try {
    const built = target.build(o, (self, given, newTarget) => {
      world.log("body", "self" in built ? { self: self === built.self } : "", newTarget === undefined ? "" : "new");
      world.log("arguments", given.length, given[0] === args[0], given[1] === args[1], given[2]);
      return body(world, given);
    });
    const call = (): unknown => {
      calls++;
      return built.call(args);
    };
    await around(() => finish(world, () => use(call, world)));
    // Rejections are reported as unhandled once the microtasks have run out.
    await world.turn(2);
  } finally {
    restore();
  }
  return { lines: world.lines, ticks: world.ticks, calls };
}

async function finish(world: World, use: () => unknown): Promise<void> {
  let isDone = false;
  const run = async (): Promise<void> => {
    try {
      await use();
    } catch (error) {
      world.log("the program failed", { error });
    }
    isDone = true;
  };
  void run();
  for (let turns = 0; !isDone; turns++) {
    if (turns === MAX_TURNS) return world.log("the program hangs");
    await world.turn();
  }
}

const NOTICED = ["unhandledRejection", "uncaughtException", "warning"] as const;

/** The test runner's own listeners would fail the test; here these are things to compare. */
export function listenToProcess(world: World): () => void {
  const restores = NOTICED.map((event) => {
    const others = process.listeners(event as "warning");
    const note = (reason: unknown): void => {
      // The messages of warnings are numbered.
      world.log("process", event, event === "warning" ? (reason as Error).name : { reason });
    };
    process.removeAllListeners(event);
    process.on(event, note);
    return () => {
      process.off(event, note);
      for (const other of others) process.on(event, other as () => void);
    };
  });
  return () => {
    for (const restore of restores) restore();
  };
}

function revokedProxy(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}
