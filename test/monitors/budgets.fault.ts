/** A budget whose process is killed: what it had spent a second before, the next process knows. */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../..", import.meta.url));
let folder: string;
let program: string;

/** Spends a cent each 5 ms and tells what it has spent; with `ask` it says what becomes of a call. */
const SOURCE = `
import { configure, generation, shutdown } from "${root}/src/index.ts";
import { budgets } from "${root}/src/monitors/budgets/budgets.ts";
import { stateFile } from "${root}/src/monitors/state.ts";
const [path, usd, what] = process.argv.slice(2);
const monitor = budgets({ limits: [{ name: "monthly", usd: Number(usd), per: "month", hard: true }], state: stateFile(path) });
configure({ sinks: [monitor] });
const spent = () => process.stdout.write(monitor.status()[0].spentUsd.toFixed(2) + "\\n");
if (what === "ask") {
  spent();
  const verdict = monitor.modelCalls.starting({ traceId: "t", spanId: "s", trace: {} });
  process.stdout.write((verdict?.refuse?.code ?? "made") + "\\n");
  await shutdown();
} else {
  setInterval(() => {
    generation({ name: "chat", model: "gpt-4.1", cost: { currency: "USD", total: 0.01 } });
    spent();
  }, 5);
}
`;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "sightline-budgets-"));
  program = join(folder, "program.mjs");
  const stdin = { contents: SOURCE, resolveDir: root, loader: "ts" as const };
  await build({
    stdin,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
    outfile: program,
    external: ["@pydantic/*"],
  });
});
after(() => rm(folder, { recursive: true }));

for (let round = 1; round <= 5; round++) {
  test(`kill -9, round ${round}: the next process has all but the last second, and a used-up budget stays closed`, async (t) => {
    const path = join(folder, `${round}.json`);
    const child = spawn(process.execPath, [program, path, "0.5"], { stdio: ["ignore", "pipe", "inherit"] });
    const told: { usd: number; at: number }[] = [];
    child.stdout.on("data", (chunk: Buffer) => {
      for (const line of chunk.toString().trim().split("\n")) told.push({ usd: Number(line), at: Date.now() });
    });
    // A machine may be slow to start it: what is killed has used its budget up for more than a second.
    while (!told.some(({ usd, at }) => usd > 0.55 && at < Date.now() - 1_500)) await sleep(20);
    await sleep(Math.random() * 800);
    child.kill("SIGKILL");
    await once(child, "close");
    const { at } = told.at(-1)!;
    const secondBefore = told.findLast((each) => each.at < at - 1_000)!;
    const { stdout } = await run(process.execPath, [program, path, "0.5", "ask"]);
    const [usd, verdict] = stdout.trim().split("\n");
    t.diagnostic(`${told.at(-1)!.usd} USD told, ${usd} USD known`);
    assert.ok(Number(usd) >= secondBefore.usd, `${usd} known, ${secondBefore.usd} a second before`);
    assert.ok(Number(usd) <= told.at(-1)!.usd);
    assert.equal(verdict, "budget_exceeded");
  });
}
