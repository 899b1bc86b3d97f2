/** Runs the programs of `test/fault/children`, which import the built package, and kills them where asked. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

export interface ChildEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** What it wrote to stdout, whole lines only. */
  readonly lines: readonly string[];
  readonly stderr: string;
}

export interface ChildOptions {
  /** Options for Node itself. */
  readonly nodeArgs?: readonly string[];
  /** Ends it with SIGKILL so many milliseconds after its first output. */
  readonly killAfterMs?: number;
}

/** `options` reach the program as JSON in its first argument. Its stdout is a pipe: what it wrote before it died is read. */
export async function runChild(script: string, options: object, settings: ChildOptions = {}): Promise<ChildEnd> {
  const { nodeArgs = [], killAfterMs } = settings;
  const path = fileURLToPath(new URL(`../children/${script}`, import.meta.url));
  const { NODE_OPTIONS: _, NODE_TEST_CONTEXT: __, SIGHTLINE_SINK: ___, ...env } = process.env;
  const child = spawn(process.execPath, [...nodeArgs, path, JSON.stringify(options)], {
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
  if (killAfterMs !== undefined) child.stdout.once("data", () => setTimeout(() => child.kill("SIGKILL"), killAfterMs));
  const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  const lines = Buffer.concat(out).toString().split("\n").slice(0, -1);
  return { code, signal, lines, stderr: Buffer.concat(err).toString() };
}
