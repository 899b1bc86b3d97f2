/**
 * What `openTelemetryCarrier` costs: processor time of an observed call inside a span, of a look at the current span, and
 * of a span of OpenTelemetry's SDK for comparison. Every figure is the median of five processes of its kind; the kinds
 * take turns.
 *
 *   npm run build && node bench/opentelemetry.js
 */
import { spawnSync } from "node:child_process";

const ROUNDS = 5;
const CALLS = 20_000;
const LOOKS = 1_000_000;
const KINDS = {
  default: "default carrier",
  beside: "default carrier, SDK started",
  none: "openTelemetryCarrier, no SDK",
  sdk: "openTelemetryCarrier, SDK started",
  separate: "the same, separate: true",
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
      return Number.isFinite(value) ? `${value.toFixed(value < 10 ? 2 : 0)} ${unit} (${ratio.toFixed(2)}×)` : "";
    };
    table[title] = {
      "observed call": row("call", "µs"),
      "in a span of theirs": row("external", "µs"),
      "a look in ours": row("look", "ns"),
      "a look in theirs": row("lookExternal", "ns"),
    };
  }
  console.log(`Node ${process.version}, processor time, median of ${ROUNDS}; in brackets: to the default carrier`);
  console.table(table);
}

async function measure(name) {
  const { configure, currentSpan, flush, observe, shutdown, withSpan } = await import("sightline");
  const { openTelemetryCarrier } = await import("sightline/interop/opentelemetry");
  const { context, trace } = await import("@opentelemetry/api");
  if (name !== "default" && name !== "none") {
    const { AsyncLocalStorageContextManager } = await import("@opentelemetry/context-async-hooks");
    const { BasicTracerProvider } = await import("@opentelemetry/sdk-trace-base");
    context.setGlobalContextManager(new AsyncLocalStorageContextManager());
    trace.setGlobalTracerProvider(new BasicTracerProvider());
  }
  const carriers = { none: {}, sdk: {}, separate: { separate: true } };
  configure({
    sinks: [{ name: "nowhere", write() {} }],
    ...(name in carriers && { carrier: openTelemetryCarrier(carriers[name]) }),
  });
  const add = observe("add", async (a, b) => a + b);
  const calls = async () => {
    for (let i = 0; i < CALLS; i++) await add(i, 1);
  };
  const looks = () => {
    for (let i = 0; i < LOOKS; i++) currentSpan();
  };
  const theirs = (fn) => trace.getTracer("bench").startActiveSpan("theirs", fn);
  const figures = {};
  for (let turn = 0; turn < 2; turn++) {
    figures.call = await withSpan("outer", () => timed(CALLS, calls));
    await flush();
    figures.external = await theirs(() => timed(CALLS, calls));
    await flush();
    figures.look = (await withSpan("outer", () => timed(LOOKS, looks))) * 1_000;
    figures.lookExternal = (await theirs(() => timed(LOOKS, looks))) * 1_000;
  }
  await shutdown();
  return figures;
}

/** Microseconds of processor time for each of `count`. */
async function timed(count, work) {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / count;
}

function median(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}
