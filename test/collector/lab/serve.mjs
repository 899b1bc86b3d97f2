/**
 * A collector over SQLite in a process of its own, from the built package: says its address as a line of JSON, and answers
 * `reset` and `figures` over IPC. SIGTERM ends it as a service ends.
 */
import { readFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { collector } from "sightline/collector";
import { sqliteStore } from "sightline/store";

const { path, isPriced = false, ...options } = JSON.parse(process.argv[2]);
const store = sqliteStore({ path });
const server = await collector({ store, port: 0, ...(!isPriced && { prices: false }), ...options });

const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
let before = now();
/** The longest that the thread was busy between two timers, without the time that it stood in line for a processor. */
let longestMs = 0;
setInterval(() => {
  const after = now();
  longestMs = Math.max(longestMs, after.at - before.at - (after.waited - before.waited));
  before = after;
}, 1);
const cpu = process.cpuUsage();
let peakRss = 0;
setInterval(() => (peakRss = Math.max(peakRss, process.memoryUsage.rss())), 20);

function now() {
  return { at: performance.now(), waited: waitedMs() };
}

function waitedMs() {
  try {
    return Number(readFileSync("/proc/self/schedstat", "utf8").split(" ")[1]) / 1e6;
  } catch {
    return 0;
  }
}

process.on("message", (what) => {
  if (what === "reset") {
    delay.reset();
    longestMs = 0;
    peakRss = process.memoryUsage.rss();
    Object.assign(cpu, process.cpuUsage());
  }
  const { user, system } = process.cpuUsage(cpu);
  process.send({
    blockedMs: longestMs,
    delayMaxMs: delay.max / 1e6,
    delayP99Ms: delay.percentile(99) / 1e6,
    rssMiB: process.memoryUsage.rss() / 2 ** 20,
    peakMiB: Math.max(peakRss, process.memoryUsage.rss()) / 2 ** 20,
    cpuMs: (user + system) / 1e3,
  });
});
process.once("SIGTERM", async () => {
  await server.close();
  await store.close();
  process.exit(0);
});
console.log(JSON.stringify({ url: server.url }));
