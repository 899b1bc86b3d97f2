import { SinkError } from "../core/errors.ts";
import { debug } from "../core/guard.ts";
import type { TraceRecord } from "../core/record.ts";
import type { Sink, SinkPolicy, SinkStats } from "./sink.ts";

export interface LazySinkOptions {
  /** Made when it is asked for. */
  readonly destination?: () => string;
  /**
   * The same in the turn in which it is called: the sink writes synchronously, also at `exit`, when there is no time for
   * anything else. Where it throws, as in a bundle, the other way is tried.
   */
  readonly loadSync?: () => Sink;
  /** The loaded sink's own policy is ignored. */
  readonly policy?: SinkPolicy;
}

const NONE: SinkStats = { replayed: 0, spooled: 0, dropped: {} };

/** A sink whose code is loaded by its first write. Records that would wait in the sink wait before it: see `through`. */
export function lazySink(name: string, load: () => Promise<Sink>, options: LazySinkOptions = {}): Sink {
  const { destination, loadSync, policy } = options;
  let sink: Sink | undefined;
  let loading: Promise<Sink> | undefined;
  /** Configurations that use it. */
  let openers = 0;

  function use(given: Sink): Sink {
    let made = given;
    given.through?.((inner) => (made = inner));
    for (let i = 0; i < openers; i++) made.open?.();
    sink = made;
    return made;
  }

  function fail(error: unknown): never {
    loading = undefined;
    const problem = `sink "${name}" could not be loaded: ${(error as Error)?.message ?? error}`;
    const way = isMissing(error)
      ? "; its files belong to the package: a bundler must leave sightline out, or take them along"
      : "";
    throw new SinkError(`${problem}${way}`, { retry: "never", cause: error });
  }

  function loaded(): Promise<Sink> {
    loading ??= load()
      .then((given) => sink ?? use(given))
      .catch(fail);
    return loading;
  }

  function loadedSync(): Sink {
    try {
      return sink ?? use(loadSync!());
    } catch (error) {
      return fail(error);
    }
  }

  function write(batch: readonly TraceRecord[], signal: AbortSignal): ReturnType<Sink["write"]> {
    if (sink === undefined && loadSync !== undefined) {
      try {
        loadedSync();
      } catch (error) {
        debug((error as Error).message);
      }
    }
    return sink === undefined ? loaded().then((made) => made.write(batch, signal)) : sink.write(batch, signal);
  }

  return {
    name,
    ...(destination && {
      get destination() {
        return destination();
      },
    }),
    write,
    ...(loadSync && {
      writeSync(batch: readonly TraceRecord[]) {
        const made = loadedSync();
        if (made.writeSync === undefined) throw new Error(`sink "${name}" cannot write synchronously`);
        made.writeSync(batch);
      },
    }),
    /** Nothing has been written to what was never loaded. */
    flush: (signal, isLast) =>
      sink === undefined ? loading?.then((made) => made.flush?.(signal, isLast)) : sink.flush?.(signal, isLast),
    close(signal) {
      if (sink !== undefined) return sink.close?.(signal);
      if (loading !== undefined) return loading.then((made) => made.close?.(signal));
      openers = Math.max(0, openers - 1);
    },
    open() {
      openers++;
      sink?.open?.();
    },
    ...(policy && { policy }),
    stats: () => sink?.stats?.() ?? NONE,
  };
}

function isMissing(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown };
  return code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND";
}
