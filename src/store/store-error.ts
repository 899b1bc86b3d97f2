import { SightlineError } from "../core/errors.ts";

export type StoreErrorCode =
  | "STORE_FULL"
  | "STORE_UNAVAILABLE"
  | "STORE_CLOSED"
  | "STORE_READ_ONLY"
  | "STORE_BAD_QUERY"
  | "STORE_BAD_RECORD"
  | "STORE_MISSING_DRIVER"
  | "STORE_NEWER_SCHEMA"
  | "STORE_NOT_A_STORE";

/** What a store cannot do, in a sentence that names the store, the reason, and what to do. */
export class StoreError extends SightlineError {
  static override readonly kind = "StoreError";
  declare readonly code: StoreErrorCode;
  /** For `STORE_FULL` and `STORE_UNAVAILABLE`: when another attempt may help. */
  readonly retryAfterMs: number | undefined;

  constructor(code: StoreErrorCode, message: string, options: ErrorOptions & { retryAfterMs?: number } = {}) {
    super(code, message, options);
    this.retryAfterMs = options.retryAfterMs;
  }
}
