const MAX = 60;
const MAX_PARTS = 10;
const MAX_DEPTH = 2;
/** Names of options whose texts are nobody's business, also in the message of an error. */
const SECRET = /key|secret|token|password|auth|header|cookie|credential|url|endpoint|dsn/i;

/**
 * A wrong value as the message of an error shows it: `NaN`, `"5"`, `{ featur: "x" }`. At most 60 characters; never throws, and
 * never shows what an option of such a name keeps secret.
 */
export function showValue(value: unknown, name = ""): string {
  try {
    const shown = text(value, name, 0);
    return shown.length <= MAX ? shown : `${shown.slice(0, MAX - 1)}…`;
  } catch {
    return `a value of type ${typeof value}`;
  }
}

function text(value: unknown, name: string, depth: number): string {
  if (typeof value === "function") return "a function";
  if (typeof value === "bigint") return `${value}n`;
  if (value === "" || value === null || (typeof value !== "string" && typeof value !== "object")) return quoted(value);
  if (SECRET.test(name)) return typeof value === "string" ? "a text" : Array.isArray(value) ? "an array" : "an object";
  if (typeof value === "string") return quoted(value.slice(0, MAX));
  if (Array.isArray(value)) {
    const parts = depth < MAX_DEPTH ? value.slice(0, MAX_PARTS).map((part) => text(part, name, depth + 1)) : ["…"];
    return `[${parts.join(", ")}]`;
  }
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    return `an object of class ${prototype.constructor?.name}`;
  }
  const entries = Object.entries(value).slice(0, MAX_PARTS);
  if (entries.length === 0) return "{}";
  if (depth >= MAX_DEPTH) return "{ … }";
  const parts = entries.map(([key, part]) => `${/^\w+$/.test(key) ? key : quoted(key)}: ${text(part, key, depth + 1)}`);
  return `{ ${parts.join(", ")} }`;
}

function quoted(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}
