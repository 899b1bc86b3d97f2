import { configure, memorySink, type Options, observe, type Sink, suppress } from "sightline";
import type { Around } from "./compare.ts";
import type { Decorate } from "./target.ts";

/** A state that tracing can be in; a program must not notice which. */
export interface Mode {
  readonly name: string;
  set(): void;
  /** Default: `observe` itself. */
  readonly o?: Decorate;
  readonly around?: Around;
}

const fails = (): never => {
  throw new Error("of ours");
};

const hangs = (): Promise<void> => new Promise(() => {});
const rejects = (): Promise<void> => Promise.reject(null);
const throwingSink: Sink = { name: "throwing", write: fails, flush: fails, close: fails };
const rejectingSink: Sink = { name: "rejecting", write: rejects, flush: rejects, close: rejects };
const hangingSink: Sink = { name: "hanging", write: hangs, flush: hangs, close: hangs };

/** Everything about it fails once tracing is on. */
function treacherousSink(): Sink {
  let reads = 0;
  const sink = memorySink();
  return new Proxy(sink, { get: (target, key) => (reads++ < 20 ? Reflect.get(target, key) : fails()) });
}

/** What a sink may answer with: no promise, and nothing that can be asked. */
const oddAnswers: readonly Sink[] = [
  { name: "frozen error", write: () => Promise.reject(Object.freeze(new Error("frozen"))) },
  {
    name: "then that throws",
    write: () =>
      ({
        get then() {
          return fails();
        },
      }) as never,
  },
  { name: "revoked", write: () => revoked() as never },
  { name: "odd results", write: () => ({ rejected: { length: 1e9 } }) as never },
  { name: "policy", write: () => {}, policy: { prepare: fails } },
];

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

/** A clock or ids that give these values in turn. */
function inTurn<T>(values: readonly T[]): () => never {
  let reads = 0;
  return () => values[reads++ % values.length] as never;
}

/** A mode in which every record goes to memory, and one thing is not as it should be. */
function broken(name: string, options: () => Omit<Options, "sinks">): Mode {
  return { name, set: () => configure({ sinks: [memorySink()], ...options() }) };
}

/** `observe` with options, for decorators and for the function form. */
function observeWith(options: any): Decorate {
  return (...given: unknown[]) =>
    given.length === 1 && !/^class\b/.test(String(given[0]))
      ? observe(options, given[0] as () => unknown)
      : (observe(options) as Decorate)(...given);
}

export const modes: readonly Mode[] = [
  { name: "disabled", set: () => configure({ sinks: [memorySink()], enabled: false }) },
  { name: "not sampled", set: () => configure({ sinks: [memorySink()], sampleRate: 0 }) },
  {
    name: "suppressed",
    set: () => configure({ sinks: [memorySink()] }),
    around: (fn) => suppress(fn),
  },
  { name: "no sink", set: () => configure({ sinks: [] }) },
  { name: "a sink that throws", set: () => configure({ sinks: [throwingSink] }) },
  { name: "a sink that rejects", set: () => configure({ sinks: [rejectingSink] }) },
  { name: "a sink that hangs", set: () => configure({ sinks: [hangingSink] }) },
  { name: "a sink whose members throw", set: () => configure({ sinks: [treacherousSink()] }) },
  { name: "sinks that answer oddly", set: () => configure({ sinks: oddAnswers }) },
  broken("a mask that throws", () => ({ mask: { text: fails } })),
  broken("a mask that rejects", () => ({ mask: { text: (() => Promise.reject(new Error("of ours"))) as never } })),
  {
    name: "pickers that throw",
    set: () => configure({ sinks: [memorySink()] }),
    o: observeWith({ input: fails, output: fails }),
  },
  {
    name: "options that throw",
    set: () => configure({ sinks: [memorySink()] }),
    o: observeWith(fails),
  },
  {
    name: "options whose values throw",
    set: () => configure({ sinks: [memorySink()] }),
    o: observeWith(() => ({
      get name() {
        return fails();
      },
      get metadata() {
        return fails();
      },
    })),
  },
  broken("a clock that throws", () => ({ clock: { epochMs: fails, monotonicMs: fails } })),
  broken("a clock that throws half of the time", () => {
    let reads = 0;
    const sometimes = (): number => (reads++ % 2 === 0 ? reads : fails());
    return { clock: { epochMs: sometimes, monotonicMs: sometimes } };
  }),
  broken("a clock that tells no time", () => {
    const read = inTurn<unknown>([Number.NaN, "12:00", Number.POSITIVE_INFINITY, 1n, null, -5, 1e300, {}]);
    return { clock: { epochMs: read, monotonicMs: read } };
  }),
  broken("a clock that goes back", () => {
    let ms = 1e9;
    return { clock: { epochMs: () => (ms -= 1_000), monotonicMs: () => (ms -= 1_000) } };
  }),
  broken("ids that throw", () => ({ ids: { traceId: fails, spanId: fails } })),
  broken("ids that are none", () => {
    const id = inTurn<unknown>([undefined, "", "zz", 5, {}, Symbol("id"), "0".repeat(32), "0".repeat(16)]);
    return { ids: { traceId: id, spanId: id } };
  }),
  broken("a carrier that throws", () => ({ carrier: { get: fails, run: fails } })),
  broken("a carrier that never calls", () => ({
    carrier: { get: inTurn<unknown>([5, {}, null]), run: () => 0 as never },
  })),
  broken("a carrier that calls twice, and gives something else", () => {
    const run = (_: unknown, fn: () => unknown): never => {
      fn();
      fn();
      return "of the carrier" as never;
    };
    return { carrier: { get: () => undefined, run } };
  }),
  broken("a carrier that is asynchronous", () => ({
    carrier: { get: () => undefined, run: (async (_: unknown, fn: () => unknown) => fn()) as never },
  })),
];
