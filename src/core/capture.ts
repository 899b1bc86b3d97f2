import type { Cut, Json } from "./record.ts";

/** A bounded, masked, plain copy of a value. */
export interface Captured {
  /** `undefined` when the value was `undefined`. */
  readonly value: Json | undefined;
  /** Estimated bytes that the copy keeps on the heap. */
  readonly bytes: number;
  /** What was left out, with original sizes; absent when nothing was. */
  readonly cuts?: readonly Cut[];
}

/** How values enter a record: the one door. Implemented in `capture/`, handed to the core by `configure`. Never throws. */
export interface Capture {
  /** Copies and masks any value as it is now. `path` is the record field, the root of the paths in `cuts`. */
  value(value: unknown, path: string): Captured;
  /**
   * Estimated bytes of a value that `value` would leave as it is, at a fraction of the cost: a number, a boolean, `null`, a
   * short text; `undefined` where that needs a walk. Absent in a runtime that another copy of the package has made.
   */
  plain?(value: unknown): number | undefined;
  /** Whether plain values are left as they are under these names too. Absent where `plain` is. */
  harmless?(names: readonly string[]): boolean;
  /** Masks and bounds one string: an error message, a stack, a status message. */
  text(text: string): string;
  /** A user id as records have it: hashed where `userIdKey` is configured, else like any text. */
  userId(id: string): string;
}
