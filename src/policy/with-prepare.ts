import { ConfigError } from "../core/errors.ts";
import type { Sink, SinkPolicy } from "../sinks/sink.ts";
import { wrapSink } from "../sinks/wrap-sink.ts";

type Prepare = NonNullable<SinkPolicy["prepare"]>;

/** The sink with a further step of preparation. The outer wrapper's comes first, as records pass from the outside in. */
export function withPrepare(sink: Sink, step: Prepare): Sink {
  const inner = sink.policy?.prepare;
  if (inner === undefined) return wrapSink(sink, { policy: { ...sink.policy, prepare: step } });
  const prepare: Prepare = (record) => {
    const prepared = step(record);
    return prepared === undefined ? undefined : inner(prepared);
  };
  return wrapSink(sink, { policy: { ...sink.policy, prepare } });
}

/** Throws a `ConfigError` for what is no sink. */
export function checkSink(wrapper: string, sink: Sink): void {
  const { name, write } = (sink ?? {}) as Partial<Sink>;
  if (typeof name === "string" && typeof write === "function") return;
  throw new ConfigError(
    "CONFIG_BAD_VALUE",
    `${wrapper}() takes a sink first: an object with a name and a write function.`,
  );
}
