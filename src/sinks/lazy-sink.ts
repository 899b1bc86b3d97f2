import { SinkError } from "../core/errors.ts";
import { debug } from "../core/guard.ts";
import type { TraceRecord } from "../core/record.ts";
import type { Sink, SinkPolicy, SinkStats } from "./sink.ts";

export interface LazySinkOptions {
  /** Made when it is asked for. */
  readonly destination?: () => string;
  /** It writes synchronously: loaded as soon as it is part of a configuration, as at the end there is no time for that. */
  readonly sync?: boolean;
  /** That of the sink once it is loaded is not asked for. */
  readonly policy?: SinkPolicy;
}

const NONE: SinkStats = { replayed: 0, spooled: 0, dropped: {} };

/** A sink whose code is loaded by its first write. Records that would wait in the sink wait before it: see `through`. */
export function lazySink(name: string, load: () => Promise<Sink>, options: LazySinkOptions = {}): Sink {
  let sink: Sink | undefined;
  let loading: Promise<Sink> | undefined;
  let opens = 0;

  function loaded(): Promise<Sink> {
    loading ??= load().then(
      (given) => {
        let made = given;
        given.through?.((inner) => (made = inner));
        for (let i = 0; i < opens; i++) made.open?.();
        sink = made;
        return made;
      },
      (error: unknown) => {
        loading = undefined;
        const problem = `sink "${name}" could not be loaded: ${(error as Error)?.message ?? error}`;
        const way = "its files belong to the package: a bundler must leave sightline out, or take them along";
        throw new SinkError(`${problem}; ${way}`, { retry: "never", cause: error });
      },
    );
    return loading;
  }

  return {
    name,
    ...(options.destination && {
      get destination() {
        return options.destination!();
      },
    }),
    write: (batch, signal) =>
      sink === undefined ? loaded().then((made) => made.write(batch, signal)) : sink.write(batch, signal),
    ...(options.sync && {
      writeSync(batch: readonly TraceRecord[]) {
        if (sink?.writeSync === undefined) throw new Error(`sink "${name}" has not been loaded yet`);
        sink.writeSync(batch);
      },
    }),
    /** Nothing has been written to what was never loaded. */
    flush: (signal) => (sink === undefined ? loading?.then((made) => made.flush?.(signal)) : sink.flush?.(signal)),
    close: () => (sink === undefined ? loading?.then((made) => made.close?.()) : sink.close?.()),
    open() {
      opens++;
      sink?.open?.();
      if (options.sync) loaded().catch((error: Error) => debug(error.message));
    },
    ...(options.policy && { policy: options.policy }),
    stats: () => sink?.stats?.() ?? NONE,
  };
}
