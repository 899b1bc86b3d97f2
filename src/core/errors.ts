import type { TraceRecord } from "./record.ts";

/** On an error: the kind of its class, by a symbol that every loaded copy of the package knows. */
const KIND = Symbol.for("sightline.error");

/** Every error that Sightline raises at a user carries a stable `code` and a message that names the way out. */
export class SightlineError extends Error {
  /** The class by a name that minifiers leave alone. */
  static readonly kind: string = "SightlineError";
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.kind;
    this.code = code;
    Object.defineProperty(this, KIND, { value: new.target.kind });
  }

  /** True for errors made by another loaded copy of the package too. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    if (Function.prototype[Symbol.hasInstance].call(this, value)) return true;
    // A user's own subclass has instances of its own only.
    if (typeof value !== "object" || value === null || !Object.hasOwn(this, "kind")) return false;
    const kind = (value as { [KIND]?: string })[KIND];
    return kind !== undefined && (kind === this.kind || this.kind === "SightlineError");
  }
}

/** Bad input at `configure()` or in the environment. */
export class ConfigError extends SightlineError {
  static override readonly kind = "ConfigError";
}

/** A target that `@observe()` cannot observe; thrown at decoration time. */
export class ObserveError extends SightlineError {
  static override readonly kind = "ObserveError";
}

/**
 * A model call was not made, as a budget with a hard cap is used up: what an observed function of type `generation` or
 * `embedding` throws, or rejects with. The message says which budget, how much, until when, and the way out.
 *
 * @example
 * import { BudgetExceededError } from "sightline";
 * try {
 *   await tutor.answer("3x + 11 = 14");
 * } catch (error) {
 *   if (error instanceof BudgetExceededError) console.log(error.code, error.message);
 * }
 */
export class BudgetExceededError extends SightlineError {
  static override readonly kind = "BudgetExceededError";

  constructor(message: string, code: string = "budget_exceeded") {
    super(code, message);
  }
}

/** What a sink throws to say whether sending the same batch again can help. */
export class SinkError extends SightlineError {
  static override readonly kind = "SinkError";
  /** `later`: try again. `split`: one record is at fault, find it by halves. `never`: drop the batch and count. */
  readonly retry: "later" | "split" | "never";
  /**
   * How a record that `split` has found is counted. Default: `too_large`. With `never`, `rejected_by_sink` says that the
   * records are at fault: a spool does not wait then.
   */
  readonly reason: "too_large" | "rejected_by_sink";
  /** The server's own word on when to come back, in milliseconds from now. */
  readonly retryAfterMs: number | undefined;
  /**
   * What of the batch has not been taken: these very objects. What the error says is about them alone; the others count as
   * written and do not come again. None: the batch has been taken, and the error is only told. Default: all of it.
   */
  declare readonly remaining: readonly TraceRecord[] | undefined;
  /** Of the others, those that the sink refuses for good: counted as `rejected_by_sink`. As in `WriteResult`. */
  readonly rejected: readonly { readonly spanId: string; readonly reason: string }[] | undefined;

  constructor(
    message: string,
    options: {
      retry: "later" | "split" | "never";
      reason?: "too_large" | "rejected_by_sink";
      retryAfterMs?: number | undefined;
      remaining?: readonly TraceRecord[] | undefined;
      rejected?: readonly { readonly spanId: string; readonly reason: string }[] | undefined;
      code?: string;
      cause?: unknown;
    },
  ) {
    const cause = options.cause === undefined ? undefined : { cause: options.cause };
    super(options.code ?? `SINK_${options.retry.toUpperCase()}`, message, cause);
    this.retry = options.retry;
    this.reason = options.reason ?? "too_large";
    this.retryAfterMs = options.retryAfterMs;
    this.rejected = options.rejected;
    // Whoever logs the error must not log what was recorded.
    Object.defineProperty(this, "remaining", { value: options.remaining });
  }
}
