import { SECRET, used } from "../workloads/calls.js";
import { written } from "./written.js";

/**
 * Runs pieces of a workload, all delivered to a file.
 *
 * `path`: nanoseconds a span on the caller's path. Of each piece the smaller one of wall time and of the processor time of
 * all threads is taken: the first is wrong when another process had the processor, the second when a thread of the
 * runtime worked beside. `cpu`: processor time of everything until the last line is in the file, nanoseconds a span.
 */
export async function measureCalls(workload, contender, { warmup, pieces, folder, masked, silent }) {
  const { piece, spans, root } = workload(contender);
  let path = 0;
  const rounds = async (count) => {
    for (let i = 0; i < count; i++) {
      const cpu = process.cpuUsage();
      const started = performance.now();
      const pending = piece();
      if (pending !== undefined) await pending;
      const wall = (performance.now() - started) * 1_000;
      const { user, system } = process.cpuUsage(cpu);
      path += Math.min(wall, user + system);
      await contender.settle();
    }
  };
  const all = root ? (count) => root(rounds, count) : rounds;
  await all(warmup);
  path = 0;
  const before = process.cpuUsage();
  await all(pieces);
  await contender.settle();
  const { user, system } = process.cpuUsage(before);
  await contender.close();
  const figures = {
    path: (path * 1_000) / (pieces * spans),
    cpu: ((user + system) * 1_000) / (pieces * spans),
    used: used.value,
  };
  if (silent) return figures;
  const expected = (warmup + pieces) * spans + (root ? 2 : 0);
  const { lines, leaks } = written(folder, SECRET);
  if (lines !== expected) throw new Error(`${lines} spans in the file, not ${expected}`);
  if (masked && leaks > 0) throw new Error("the secret is in the file");
  return { ...figures, delivered: lines };
}
