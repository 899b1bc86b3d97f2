import { AsyncLocalStorage } from "node:async_hooks";
import { setImmediate as turn } from "node:timers/promises";
import { types } from "node:util";
import { startSpan } from "sightline";

/** Microtasks counted before a wait is taken to need a turn of the event loop. */
const MAX_TICKS = 40;

/** The storage of the program under test, which must not notice ours. */
export const userStorage: AsyncLocalStorage<string> = new AsyncLocalStorage();

/** Everything a program can see, written down line by line; objects by the name they were tagged with. */
export interface World {
  readonly lines: string[];
  /** Microtasks that each `settle` took. */
  readonly ticks: { label: string; count: number }[];
  /** Names a value, so that two runs can be compared by identity. */
  tag<T>(name: string, value: T): T;
  log(...parts: unknown[]): void;
  /** Runs `fn`; what it throws is written down. */
  attempt<T>(label: string, fn: () => T): T | undefined;
  /** Awaits a value and writes down how it settled. */
  settle(label: string, value: unknown): Promise<void>;
  /** Work inside the observed body: a span that must be its child. */
  child(): void;
  /** Work of the caller: a span that must not be the observed call's child. */
  caller(): void;
  /** Lets the event loop turn, so that everything pending has happened. */
  turn(count?: number): Promise<void>;
}

/** `traced`: `child` and `caller` make spans. In the plain program they do nothing. */
export function createWorld(traced: boolean): World {
  const names = new Map<unknown, string>();
  const lines: string[] = [];
  const ticks: { label: string; count: number }[] = [];

  const show = (value: unknown): string => {
    const named = names.get(value);
    if (named !== undefined) return `<${named}>`;
    if (types.isProxy(value)) return "proxy";
    if (typeof value === "function") return `function ${value.name}`;
    if (typeof value === "bigint") return `${value}n`;
    if (typeof value !== "object" || value === null) return Object.is(value, -0) ? "-0" : String(value);
    if (types.isNativeError(value)) return `${value.name}: ${value.message}`;
    if (Array.isArray(value)) return `[${value.map(show).join(", ")}]`;
    const shape = Object.getPrototypeOf(value) as { constructor?: Function } | null;
    if (shape !== Object.prototype) return `a ${shape?.constructor?.name ?? "bare object"}`;
    const fields = Object.entries(value).map(([key, field]) => `${key}: ${show(field)}`);
    // Sorted: Node 24 makes the results of a read with their keys in either order.
    return `{ ${fields.sort().join(", ")} }`;
  };

  const world: World = {
    lines,
    ticks,
    tag(name, value) {
      if (typeof value === "object" || typeof value === "function" || typeof value === "symbol") names.set(value, name);
      return value;
    },
    log(...parts) {
      lines.push(parts.map((part) => (typeof part === "string" ? part : show(part))).join(" "));
    },
    attempt(label, fn) {
      try {
        return fn();
      } catch (error) {
        world.log(label, "threw", { error });
        return undefined;
      }
    },
    async settle(label, value) {
      let settled = false;
      const tick = { label, count: 0 };
      const count = (): void => {
        if (settled || tick.count === MAX_TICKS) return;
        tick.count++;
        queueMicrotask(count);
      };
      queueMicrotask(count);
      try {
        const result = await value;
        settled = true;
        world.log(label, "gave", { result });
      } catch (error) {
        settled = true;
        world.log(label, "rejected", { error });
      }
      if (tick.count < MAX_TICKS) ticks.push(tick);
    },
    child() {
      if (traced) startSpan("child").end();
    },
    caller() {
      if (traced) startSpan("caller").end();
    },
    async turn(count = 1) {
      for (let i = 0; i < count; i++) await turn();
    },
  };
  return world;
}
