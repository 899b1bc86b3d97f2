import { readFileSync } from "node:fs";

/** Bytes of memory now, and the most there have ever been (Linux counts them itself; elsewhere the kernel's figure at exit). */
export const rss = () => process.memoryUsage.rss();

export function peakRss() {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1]) * 1024;
  } catch {
    return process.resourceUsage().maxRSS * 1024;
  }
}

/** Whole MiB. */
export const mebibytes = (bytes) => Math.round(bytes / 1024 ** 2);
