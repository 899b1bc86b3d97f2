import { LIMITS } from "./limits.ts";
import type { Redactor } from "./redact.ts";

/**
 * Estimated bytes of a value of which the snapshot is the value itself: a finite number, a boolean, `null`, a short text in
 * which nothing is masked. `undefined` for all else.
 */
export function plainBytes(value: unknown, redactor: Redactor | undefined): number | undefined {
  switch (typeof value) {
    case "number":
      // The snapshot of -0 is 0.
      if (!Number.isFinite(value) || Object.is(value, -0) || redactor?.number?.(value) !== undefined) return undefined;
      return 16;
    case "boolean":
      return 16;
    case "string":
      if (value.length > LIMITS.base64) return undefined;
      // What is not plain goes to the walk, where the user's own function would see it again.
      if (redactor !== undefined && (redactor.isCustom || redactor.text(value) !== value)) return undefined;
      return value.length * 2 + 16;
    default:
      return value === null ? 16 : undefined;
  }
}

/** More arguments than functions have. */
const MAX_NAMES = 16;

/** Whether none of these names has to be masked or cut, or may say that a value is secret. */
export function areHarmless(names: readonly string[], redactor: Redactor | undefined): boolean {
  if (names.length > MAX_NAMES) return false;
  return names.every((name) => {
    if (name.length > LIMITS.short) return false;
    if (redactor === undefined) return true;
    const known = redactor.name(name);
    // `pass` is a password where its value is a text.
    return !known.secret && known.shown === name && name !== "pass" && name !== "Pass";
  });
}
