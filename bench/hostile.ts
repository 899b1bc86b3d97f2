/**
 * What capturing hostile values costs: median of five runs, each on a fresh value, masking on.
 *
 *     node --conditions=@sightline/source --import tsx bench/hostile.ts
 *
 * Two rows are bound by V8, not by us. It lists all names of an object or none, and it joins a string that was built by
 * `+` or `repeat` (a rope) before its first character can be read: the host pays the same at its own first look.
 */
import { createCapture } from "../src/capture/capture.ts";

const RUNS = 5;
const TARGET_MS = 20;
const MB = 1024 * 1024;

function nested(levels: number): unknown {
  let value: unknown = "bottom";
  for (let i = 0; i < levels; i++) value = i % 2 === 0 ? { down: value } : [value];
  return value;
}

function graph(levels: number): unknown {
  let value: unknown = { leaf: 1 };
  for (let i = 0; i < levels; i++) value = { left: value, right: value };
  return value;
}

function named(count: number): Record<string, number> {
  const value: Record<string, number> = {};
  for (let i = 0; i < count; i++) value[`key${i}`] = i;
  return value;
}

function cyclic(): unknown {
  const value: Record<string, unknown> = { list: [] };
  value["self"] = value;
  (value["list"] as unknown[]).push(value, new Map([[value, new Set([value])]]));
  return value;
}

function revoked(): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return { proxy };
}

function throwing(): unknown {
  const fail = (): never => {
    throw new Error("host code was run");
  };
  const error = Object.defineProperty(new Error("x"), "message", { get: fail });
  return {
    get own() {
      return fail();
    },
    error,
    toJson: { toJSON: fail },
    trap: new Proxy({}, { get: fail, ownKeys: fail }),
  };
}

function flat(length: number, unit: string): string {
  return Buffer.alloc(length, unit).toString("latin1");
}

const million = Array.from({ length: 1_000_000 }, (_, i) => i);

const VALUES: readonly (readonly [what: string, make: () => unknown])[] = [
  ["BigInt of 1,000,000 bits", () => ({ n: 2n ** 1_000_000n })],
  ["cycles through object, array, Map, Set", cyclic],
  ["revoked Proxy", revoked],
  ["throwing getter, toJSON, message, traps", throwing],
  ["__proto__ keys", () => JSON.parse(`[${'{"__proto__":{"polluted":1}},'.repeat(999)}{}]`)],
  ["nesting of 100,000 levels", () => nested(100_000)],
  ["shared graph of 2^22 paths", () => graph(22)],
  ["shared graph of 2^1000 paths", () => graph(1_000)],
  ["string of 50 MB (words)", () => flat(50 * MB, "many words, and more ")],
  ["string of 50 MB (one letter)", () => flat(50 * MB, "x")],
  ["string of 50 MB (rope, first look)", () => "x".repeat(50 * MB)],
  ["string of 8 MB (rope, first look)", () => "x".repeat(8 * MB)],
  ["1,000 strings of 8 MB (the same)", () => new Array(1_000).fill(flat(8 * MB, "many words, and more "))],
  ["data URI of 50 MB", () => Buffer.from(`data:image/png;base64,${flat(50 * MB, "iVBORw0K")}`).toString("latin1")],
  ["Buffer of 2 MB", () => ({ file: Buffer.alloc(2 * MB) })],
  ["array of 1,000,000", () => million],
  ["array of 2^32 - 1 holes", () => new Array(2 ** 32 - 1)],
  ["Map of 1,000,000", () => new Map(million.map((n) => [n, n]))],
  ["Set of 1,000,000", () => new Set(million)],
  ["table of 1,000 × 1,000", () => million.slice(0, 1_000).map(() => million.slice(0, 1_000))],
  ["object of 10,000 names", () => named(10_000)],
  ["object of 100,000 names", () => named(100_000)],
  ["object of 1,000,000 names", () => named(1_000_000)],
  ["1,000 times an object of 10,000 names", () => new Array(1_000).fill(named(10_000))],
  ["api_key. for 1 MB", () => "api_key.".repeat(MB / 8)],
  ["-----BEGIN lines for 1 MB", () => "-----BEGIN RSA PRIVATE KEY-----\n".repeat(MB / 32)],
  ["sk- for 1 MB", () => "sk-".repeat(MB / 3)],
  ["eyJ for 1 MB", () => "eyJ".repeat(MB / 3)],
  ['api_key=" in 256 strings of 4 KB', () => Array.from({ length: 256 }, () => 'api_key="'.repeat(455))],
  ["1,000 secrets in one text", () => `password=${"abc".repeat(5)} token: x1 `.repeat(1_000)],
];

const capture = createCapture();
let over = 0;
console.log(`${"value".padEnd(42)}${"ms".padStart(8)}${"JSON bytes".padStart(12)}  valid  cut`);
for (const [what, make] of VALUES) {
  const times: number[] = [];
  let captured = capture.value(undefined, "input");
  for (let run = 0; run < RUNS; run++) {
    const value = make();
    const start = performance.now();
    captured = capture.value(value, "input");
    times.push(performance.now() - start);
  }
  const median = times.sort((a, b) => a - b)[RUNS >> 1]!;
  if (median > TARGET_MS) over++;
  const json = JSON.stringify(captured.value);
  const valid = JSON.stringify(JSON.parse(json)) === json;
  const cuts = (captured.cuts ?? []).map(({ reason, size }) => (size === undefined ? reason : `${reason} ${size}`));
  const shown = cuts.length > 2 ? `${cuts.slice(0, 2).join(", ")}, … ${cuts.length} in all` : cuts.join(", ");
  const mark = median > TARGET_MS ? "*" : " ";
  console.log(
    `${what.padEnd(42)}${median.toFixed(2).padStart(8)}${mark}${String(json.length).padStart(11)}  ${valid ? "yes" : "NO "}    ${shown}`,
  );
}
console.log(over === 0 ? `all within ${TARGET_MS} ms` : `${over} over ${TARGET_MS} ms (*)`);
