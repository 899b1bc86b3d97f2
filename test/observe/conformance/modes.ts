import { configure, memorySink, observe, type Sink, suppress } from "sightline";
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

const throwingSink: Sink = { name: "throwing", write: fails, flush: fails, close: fails };
const rejectingSink: Sink = { name: "rejecting", write: () => Promise.reject(null) };
const hangingSink: Sink = { name: "hanging", write: () => new Promise(() => {}) };

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
  {
    name: "sinks that throw, reject and hang",
    set: () => configure({ sinks: [throwingSink, rejectingSink, hangingSink] }),
  },
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
  {
    name: "a carrier, a clock and ids that throw",
    set: () =>
      configure({
        sinks: [memorySink()],
        carrier: { get: fails, run: fails },
        clock: { epochMs: fails, monotonicMs: fails },
        ids: { traceId: fails, spanId: fails },
      }),
  },
  {
    name: "a clock that throws half of the time",
    set: () => {
      let reads = 0;
      const sometimes = (): number => (reads++ % 2 === 0 ? reads : fails());
      configure({ sinks: [memorySink()], clock: { epochMs: sometimes, monotonicMs: sometimes } });
    },
  },
];
