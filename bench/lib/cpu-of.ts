import { readFileSync } from "node:fs";

/** µs of CPU that another process has taken, with all of its threads; Linux counts them in hundredths of a second. */
export function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}
