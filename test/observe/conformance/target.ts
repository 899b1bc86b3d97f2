/** `observe`, or a decorator that does nothing, under either protocol. */
export type Decorate = any;

/** What runs inside a target: it is given the `this` and the arguments that the target saw. */
export type Body = (self: unknown, args: ArrayLike<unknown>, newTarget?: unknown) => unknown;

export interface Built {
  call(args: readonly unknown[]): unknown;
  /** What `this` must be in the body; left out where the language decides. */
  readonly self?: unknown;
}

/** One kind of thing that can be observed. */
export interface Target {
  readonly name: string;
  /** The names of the spans of one call, outermost first. */
  readonly spans: readonly string[];
  /** False where the language puts something of its own around what the body gives: a promise, a generator, an instance. */
  readonly transparent: boolean;
  /** False for what `new` makes: the span ends with the constructor, whatever the instance then does. */
  readonly follows?: false;
  /** Extra microtasks per wait: one for each native promise that the target itself adds. */
  readonly slack?: number;
  build(o: Decorate, body: Body): Built;
}

/** Stands in for `observe` in the plain program: the same source, compiled the same way, with nothing in between. */
export const plain: Decorate = (value: unknown, ...rest: unknown[]) => (rest.length === 0 ? value : undefined);
