const BRAND = Symbol.for("sightline.error");

/** Every error that Sightline raises at a user carries a stable `code` and a message that names the way out. */
export class SightlineError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
    Object.defineProperty(this, BRAND, { value: new.target.name });
  }

  /** True for errors made by another loaded copy of the package too. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    if (Function.prototype[Symbol.hasInstance].call(this, value)) return true;
    const brand = typeof value === "object" && value !== null ? (value as { [BRAND]?: string })[BRAND] : undefined;
    return brand !== undefined && (this === SightlineError || brand === this.name);
  }
}

/** Bad input at `configure()` or in the environment. */
export class ConfigError extends SightlineError {}

/** A target that `@observe()` cannot observe; thrown at decoration time. */
export class ObserveError extends SightlineError {}

/** What a sink throws to say whether sending the same batch again can help. */
export class SinkError extends SightlineError {
  /** `later`: try again. `split`: the batch is too large, halve it. `never`: drop it and count. */
  readonly retry: "later" | "split" | "never";
  /** The server's own word on when to come back, in milliseconds from now. */
  readonly retryAfterMs: number | undefined;

  constructor(
    message: string,
    options: { retry: "later" | "split" | "never"; retryAfterMs?: number | undefined; code?: string; cause?: unknown },
  ) {
    const cause = options.cause === undefined ? undefined : { cause: options.cause };
    super(options.code ?? `SINK_${options.retry.toUpperCase()}`, message, cause);
    this.retry = options.retry;
    this.retryAfterMs = options.retryAfterMs;
  }
}
