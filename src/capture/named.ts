import type { Captured } from "../core/capture.ts";
import type { Json } from "../core/record.ts";
import { LIMITS } from "./limits.ts";
import { REDACTION_FAILED, type Redactor } from "./redact.ts";

/** More arguments than functions have. */
const MAX_NAMED = 16;

/**
 * The snapshot of an object with these names and values where each value is a number, a boolean, `null`, `undefined` or a
 * text that is short; `undefined` for all else, and wherever a name has to be masked or may say that a value is secret.
 */
export function namedSnapshot(
  names: readonly string[],
  values: readonly unknown[],
  redactor: Redactor | undefined,
): Captured | undefined {
  const { length } = values;
  if (length > names.length || length > MAX_NAMED) return undefined;
  const copy: { [key: string]: Json } = {};
  let characters = 0;
  for (let i = 0; i < length; i++) {
    const value = values[i];
    if (value === undefined) continue;
    const name = names[i]!;
    if (name.length > LIMITS.short || !isHarmless(name, redactor)) return undefined;
    if (typeof value === "number") {
      if (!Number.isFinite(value)) return undefined;
      // Adding 0 turns -0 into 0, as JSON does.
      copy[name] = redactor?.number?.(value) ?? value + 0;
    } else if (typeof value === "boolean" || value === null) copy[name] = value;
    else if (typeof value === "string" && value.length <= LIMITS.base64) {
      characters += value.length;
      const masked = redactor === undefined ? value : redactor.text(value);
      if (masked === REDACTION_FAILED) return undefined;
      copy[name] = masked;
    } else return undefined;
  }
  return { value: copy, bytes: characters * 2 + (length + 1) * 16 + 64 };
}

function isHarmless(name: string, redactor: Redactor | undefined): boolean {
  if (redactor === undefined) return true;
  const known = redactor.name(name);
  // `pass` is a password where its value is a text.
  return !known.secret && known.shown === name && name !== "pass" && name !== "Pass";
}
