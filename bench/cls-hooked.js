/**
 * What a cls-hooked namespace costs the process, and what our carrier adds to it: processor time of each `await` outside
 * of any span and inside of one, and of each observed call. Every figure is the median of five processes of its kind; the
 * kinds take turns.
 *
 *   npm run build && node bench/cls-hooked.js
 */
import { spawnSync } from "node:child_process";

const ROUNDS = 5;
const AWAITS = 200_000;
const CALLS = 20_000;
const KINDS = {
  bare: "neither",
  default: "sightline, AsyncLocalStorage",
  namespace: "a namespace, no sightline",
  carrier: "sightline, clsHookedCarrier",
};

const [, , kind] = process.argv;
if (kind === undefined) compare();
else console.log(JSON.stringify(await measure(kind)));

function compare() {
  const rounds = Object.fromEntries(Object.keys(KINDS).map((name) => [name, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const name of Object.keys(KINDS)) {
      const { stdout } = spawnSync(process.execPath, [new URL(import.meta.url).pathname, name], { encoding: "utf8" });
      rounds[name].push(JSON.parse(stdout));
    }
  }
  const table = {};
  for (const [name, title] of Object.entries(KINDS)) {
    const row = (what, unit) => {
      const value = median(rounds[name].map((figures) => figures[what]));
      const ratio = value / median(rounds.default.map((figures) => figures[what]));
      return Number.isFinite(value) ? `${value.toFixed(value < 10 ? 2 : 0)} ${unit} (${ratio.toFixed(1)}×)` : "";
    };
    table[title] = {
      "await outside": row("outside", "ns"),
      "await in a span": row("inside", "ns"),
      "observed call": row("call", "µs"),
    };
  }
  console.log(`Node ${process.version}, processor time, median of ${ROUNDS}; in brackets: to the default carrier`);
  console.table(table);
}

async function measure(name) {
  const usesSightline = name === "default" || name === "carrier";
  const usesNamespace = name === "namespace" || name === "carrier";
  const namespace = usesNamespace ? (await import("cls-hooked")).default.createNamespace("bench") : undefined;
  const { configure, observe, withSpan } = await import("sightline");
  if (usesSightline) {
    const { clsHookedCarrier } = await import("sightline/interop/cls-hooked");
    const sinks = [{ name: "null", write() {} }];
    configure({ sinks, callSites: "none", ...(namespace && { carrier: clsHookedCarrier(namespace) }) });
  } else {
    configure({ enabled: false });
  }
  // As a request of the application would be: in a context of its own, whoever keeps the span.
  const within = (fn) =>
    namespace === undefined ? fn() : new Promise((resolve) => namespace.run(() => fn().then(resolve)));
  const awaits = async (count) => {
    for (let i = 0; i < count; i++) await undefined;
  };
  const leaf = observe("leaf", async () => undefined);
  const calls = async (count) => {
    for (let i = 0; i < count; i++) await leaf();
  };
  const figures = { outside: 0, inside: 0, call: 0 };
  for (const isMeasured of [false, true]) {
    const outside = await processorTime(() => awaits(AWAITS));
    const inside = await processorTime(() => within(() => withSpan("root", () => awaits(AWAITS))));
    const call = await processorTime(() => within(() => withSpan("root", () => calls(CALLS))));
    if (!isMeasured) continue;
    figures.outside = (outside * 1e6) / AWAITS;
    figures.inside = (inside * 1e6) / AWAITS;
    figures.call = usesSightline ? (call * 1e3) / CALLS : Number.NaN;
  }
  return figures;
}

/** In milliseconds. */
async function processorTime(fn) {
  const before = process.cpuUsage();
  await fn();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

function median(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}
