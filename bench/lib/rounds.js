import { spawn } from "node:child_process";
import { once } from "node:events";
import { CONTENDERS } from "./contenders.js";
import { WORKLOADS } from "./workloads.js";

const CHILD = new URL("../child.js", import.meta.url).pathname;

/**
 * Every contender at every workload once a round, each in a process of its own, in random order.
 *
 * @param {{ node: string, workloads: string[], contenders: string[], rounds: number, size: "full" | "guard" }} options
 * @param {(line: string) => void} say progress
 * @param {(error: Error) => void} failed hears of a sample that is missing then; without it the error is thrown
 * @returns rounds by workload: `{ leaf: [{ floor: { path, cpu }, … }, …] }`
 */
export async function measureRounds({ node, workloads, contenders, rounds, size }, say = () => {}, failed = rethrow) {
  const results = Object.fromEntries(workloads.map((workload) => [workload, []]));
  for (let round = 0; round < rounds; round++) {
    for (const workload of workloads) if (round === 0 || !WORKLOADS[workload].once) results[workload].push({});
    const samples = shuffled(
      workloads
        .filter((workload) => round === 0 || !WORKLOADS[workload].once)
        .flatMap((workload) =>
          contenders
            .filter((name) => WORKLOADS[workload].contenders.includes(name))
            .map((contender) => ({ workload, contender })),
        ),
    );
    for (const [index, { workload, contender }] of samples.entries()) {
      say(`round ${round + 1}/${rounds}, ${index + 1}/${samples.length}: ${CONTENDERS[contender].title}, ${workload}`);
      try {
        results[workload][round][contender] = await sample(node, { contender, workload, size });
      } catch (error) {
        failed(error);
      }
    }
  }
  return results;
}

function rethrow(error) {
  throw error;
}

/** A contender at a workload in a process of its own. */
export async function sample(node, options) {
  const { NODE_OPTIONS: _, ...env } = process.env;
  const child = spawn(node, [CHILD, JSON.stringify(options)], { env, stdio: ["ignore", "pipe", "pipe"] });
  let [out, err] = ["", ""];
  child.stdout.on("data", (data) => (out += data));
  child.stderr.on("data", (data) => (err += data));
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`${options.contender} at ${options.workload} failed\n${err}${out}`);
  return JSON.parse(out.trim().split("\n").at(-1));
}

function shuffled(items) {
  const all = [...items];
  for (let i = all.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [all[i], all[j]] = [all[j], all[i]];
  }
  return all;
}
