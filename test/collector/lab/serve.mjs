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
/** The longest that this thread computed between two timers. Waiting for a processor is no work of ours. */
let longestMs = 0;
let before = busyMs();
setInterval(() => {
  const after = busyMs();
  longestMs = Math.max(longestMs, after - before);
  before = after;
}, 1);
const cpu = process.cpuUsage();
let peakRss = 0;
setInterval(() => (peakRss = Math.max(peakRss, process.memoryUsage.rss())), 20);

/** Of this thread alone; elsewhere than on Linux, the time that has passed. */
function busyMs() {
  try {
    return Number(readFileSync("/proc/self/schedstat", "utf8").split(" ")[0]) / 1e6;
  } catch {
    return performance.now();
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
