/** Sums and percentiles of decimals depend on the order of adding. */
const ROUGH = new Set(["costUsd", "sum", "p50", "p95", "p99"]);
const TOLERANCE = 1e-9;

/** Where two answers differ first, as a path with both values; undefined when they say the same. */
export function difference(a: unknown, b: unknown, path = "answer", key = ""): string | undefined {
  if (Object.is(a, b)) return undefined;
  if (typeof a === "number" && typeof b === "number" && ROUGH.has(key)) {
    if (Math.abs(a - b) <= TOLERANCE * Math.max(Math.abs(a), Math.abs(b))) return undefined;
  }
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return both(a, b, path);
  if (Array.isArray(a) !== Array.isArray(b)) return both(a, b, path);
  if (Array.isArray(a) && Array.isArray(b) && a.length !== b.length) {
    const first = a.findIndex((item, i) => difference(item, b[i]) !== undefined);
    const at = first === -1 ? a.length : first;
    return `${path} has ${a.length} and ${b.length} items; first other one: ${both(a[at], b[at], `[${at}]`)}`;
  }
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  for (const inside of keys) {
    const here = Array.isArray(a) ? `${path}[${inside}]` : `${path}.${inside}`;
    if (!Object.hasOwn(a, inside)) return both(undefined, ownValue(b, inside), here);
    if (!Object.hasOwn(b, inside)) return both(ownValue(a, inside), undefined, here);
    const found = difference(ownValue(a, inside), ownValue(b, inside), here, inside);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Own properties only: a key may be `__proto__`. */
function ownValue(object: object, key: string): unknown {
  return Object.getOwnPropertyDescriptor(object, key)?.value;
}

function both(a: unknown, b: unknown, path: string): string {
  return `${path}: ${short(a)} and ${short(b)}`;
}

function short(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 1_500 ? `${text.slice(0, 1_500)}… (${text.length} characters)` : text;
}
