import { parseArgs } from "node:util";
import { CONTENDERS, installed } from "./contenders.js";
import { nodeBinary } from "./nodes.js";
import { UsageError } from "./usage-error.js";
import { WORKLOADS } from "./workloads.js";

export const HELP = `What a traced call costs, beside the least that it can cost and beside others.

  npm run bench -- [--only=leaf,nested] [--contenders=floor,sightline,otel] [--rounds=5] [--node=20,24]
                   [--json=results.json] [--from=results.json] [--write]

  --only        workloads: ${Object.keys(WORKLOADS).join(", ")}
  --contenders  ${Object.keys(CONTENDERS).join(", ")}; default all that are installed
                (npm ci --prefix bench/peers installs the others)
  --rounds      at least 1, default 5
  --node        majors, default the one that runs this; others: npm ci --prefix test/compat/node
  --json        keeps every sample in a file
  --write       writes docs/performance.md from what was measured
  --from        a file of --json to print or write again, measuring nothing
`;

/** @param {string[]} args */
export function readFlags(args) {
  const { values } = parse(args);
  const workloads = list("only", values.only, Object.keys(WORKLOADS));
  const known = list("contenders", values.contenders, Object.keys(CONTENDERS));
  const there = installed();
  const missing = known.filter((name) => !there.includes(name));
  if (values.contenders !== undefined && missing.length > 0) {
    throw new UsageError(`not installed: ${missing.join(", ")}; npm ci --prefix bench/peers`);
  }
  return {
    help: values.help,
    workloads: values.only === undefined ? workloads.filter((name) => !WORKLOADS[name].long) : workloads,
    contenders: known.filter((name) => there.includes(name)),
    rounds: positive("rounds", values.rounds),
    nodes: list("node", values.node ?? process.versions.node.split(".")[0]).map(nodeBinary),
    json: values.json,
    from: values.from,
    write: values.write,
  };
}

function parse(args) {
  const text = { type: "string" };
  const flag = { type: "boolean", default: false };
  const options = {
    only: text,
    contenders: text,
    node: text,
    json: text,
    from: text,
    rounds: { ...text, default: "5" },
    write: flag,
    help: flag,
  };
  try {
    return parseArgs({ args, options });
  } catch (error) {
    throw new UsageError(error.message);
  }
}

function list(flag, given, allowed) {
  if (given === undefined) return allowed;
  const names = given.split(",").filter(Boolean);
  if (names.length === 0) throw new UsageError(`--${flag} is empty`);
  const wrong = allowed && names.find((name) => !allowed.includes(name));
  if (wrong) throw new UsageError(`--${flag}: no "${wrong}"; there are ${allowed.join(", ")}`);
  return names;
}

function positive(flag, given) {
  if (!/^[1-9]\d{0,3}$/.test(given)) throw new UsageError(`--${flag} takes a number from 1 to 9999, not "${given}"`);
  return Number(given);
}
