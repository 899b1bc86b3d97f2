import type { Sink } from "./sink.ts";

/** The sink with some members changed; works for classes too, whose methods stay bound to their own object. */
export function wrapSink(sink: Sink, changes: Partial<Sink>): Sink {
  const { name, policy } = sink;
  return {
    name,
    ...("destination" in sink && {
      get destination() {
        return sink.destination!;
      },
    }),
    write: (batch, signal) => sink.write(batch, signal),
    ...(sink.writeSync && { writeSync: (batch) => sink.writeSync!(batch) }),
    ...(sink.flush && { flush: (signal, isLast) => sink.flush!(signal, isLast) }),
    ...(sink.close && { close: (signal) => sink.close!(signal) }),
    ...(sink.open && { open: () => sink.open!() }),
    ...(sink.stats && { stats: () => sink.stats!() }),
    ...(policy && { policy }),
    ...(sink.modelCalls && { modelCalls: sink.modelCalls }),
    ...(sink.through && { through: (wrap) => sink.through!((inner) => wrap(wrapSink(inner, changes))) }),
    ...changes,
  };
}
