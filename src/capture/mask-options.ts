import { PERSONAL_DATA } from "./personal.ts";

/** What `MaskOptions` take, in the words of an error. */
export const MASK_OPTIONS: string =
  "{ keys: (string | RegExp)[], text: (text) => string, pii: true or an array of " +
  `${PERSONAL_DATA.map((kind) => `"${kind}"`).join(", ")} }`;

/** Whether a value is `MaskOptions` with, at most, some further members that others check. */
export function isMaskOptions(value: unknown, others: readonly string[] = []): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const { keys = [], text, pii = false, ...rest } = value as Record<string, unknown>;
  const isKey = (key: unknown) => typeof key === "string" || key instanceof RegExp;
  return (
    Object.keys(rest).every((name) => others.includes(name)) &&
    Array.isArray(keys) &&
    keys.every(isKey) &&
    (text === undefined || typeof text === "function") &&
    (typeof pii === "boolean" || (Array.isArray(pii) && pii.every((kind) => PERSONAL_DATA.includes(kind))))
  );
}
