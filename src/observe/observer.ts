/** What `follow` tells about an observed result. The calls after the first ending call are ignored by whoever implements it. */
export interface Observer {
  /** Runs a piece of the observed work in the context of its span. */
  run<T>(fn: () => T): T;
  /** One item of a stream or an iterator has come. */
  chunk(value: unknown): void;
  /** The result is in. */
  end(value: unknown): void;
  /** A stream or an iterator has run to its end. */
  finish(returned: unknown): void;
  /** It threw or rejected. */
  fail(error: unknown): void;
  /** The consumer has left early. */
  cancel(reason?: unknown): void;
}

/** Spans that wait for one object at once. A promise that never settles, given out by every call, must not keep them all. */
const MAX_OBSERVERS = 1_000;

/** Passes everything on to several observers; one that comes late is told how it ended. */
export class Watch implements Observer {
  #observers: Observer[];
  #outcome: ((observer: Observer) => void) | undefined;

  constructor(observer: Observer) {
    this.#observers = [observer];
  }

  add(observer: Observer): void {
    if (this.#outcome !== undefined) this.#outcome(observer);
    else if (this.#observers.length < MAX_OBSERVERS) this.#observers.push(observer);
    else observer.end(undefined);
  }

  run<T>(fn: () => T): T {
    // The innermost call saw the object first: its span is the one whose work this is.
    const first = this.#observers[0];
    return first === undefined ? fn() : first.run(fn);
  }

  chunk(value: unknown): void {
    for (const observer of this.#observers) observer.chunk(value);
  }

  end(value: unknown): void {
    this.#settle((observer) => observer.end(value));
  }

  finish(returned: unknown): void {
    this.#settle((observer) => observer.finish(returned));
  }

  fail(error: unknown): void {
    this.#settle((observer) => observer.fail(error));
  }

  cancel(reason?: unknown): void {
    this.#settle((observer) => observer.cancel(reason));
  }

  #settle(outcome: (observer: Observer) => void): void {
    if (this.#outcome !== undefined) return;
    this.#outcome = outcome;
    for (const observer of this.#observers) outcome(observer);
    this.#observers = [];
  }
}

const watched = new WeakMap<object, { given: object; watch: Watch }>();

/**
 * Observes an object that the host may give out more than once: `make` patches it, or makes what stands in for it, at the
 * first time, and every caller is given the same. `undefined` when that cannot be done (a frozen object): then nothing of
 * it will be seen.
 */
export function watch<T extends object>(
  target: T,
  observer: Observer,
  make: (observer: Observer) => T | undefined,
): T | undefined {
  const known = watched.get(target);
  if (known !== undefined) {
    known.watch.add(observer);
    return known.given as T;
  }
  const made = new Watch(observer);
  const given = make(made);
  if (given !== undefined) watched.set(target, { given, watch: made });
  return given;
}
