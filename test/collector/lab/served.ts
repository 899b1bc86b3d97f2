/** Runs `serve.mjs`, asks it how it is, and ends it in the ways that processes end. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import type { CollectorOptions } from "../../../src/collector/index.ts";
import { hasSqlite } from "../../../src/store/sqlite/driver.ts";

/** For tests that need a store in a file. */
export const skip: string | false = hasSqlite() ? false : "neither node:sqlite nor @photostructure/sqlite is here";

export interface ServeOptions extends Pick<CollectorOptions, "port" | "limits"> {
  readonly path: string;
  /** With the price book. Default: calls stay without cost. */
  readonly isPriced?: boolean;
}

/** Since the start, or the last `reset`. */
export interface ServedFigures {
  /** The longest that the event loop was held up by its own work. */
  readonly blockedMs: number;
  /** What `monitorEventLoopDelay` says, with whatever else the machine did meanwhile. */
  readonly delayMaxMs: number;
  readonly delayP99Ms: number;
  readonly rssMiB: number;
  readonly peakMiB: number;
  /** Of all threads. */
  readonly cpuMs: number;
}

export interface Served {
  readonly url: string;
  readonly child: ChildProcess;
  reset(): Promise<ServedFigures>;
  figures(): Promise<ServedFigures>;
  /** kill -9, until it is dead. */
  kill(): Promise<void>;
  /** SIGTERM; how it has ended. */
  stop(): Promise<{ readonly code: number | null; readonly stderr: string }>;
  /** The value of a metric, by how its line begins. */
  metric(start: string): Promise<number | undefined>;
}

/** Needs of a test, or of a script, to be told when it is over. */
type Ending = Pick<TestContext, "after">;

export async function serve(t: Ending, options: ServeOptions): Promise<Served> {
  const script = fileURLToPath(new URL("serve.mjs", import.meta.url));
  const { NODE_OPTIONS: _, NODE_TEST_CONTEXT: __, ...env } = process.env;
  const child = spawn(process.execPath, [script, JSON.stringify(options)], {
    env,
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  const ended = once(child, "close");
  t.after(() => void child.kill("SIGKILL"));
  let stderr = "";
  child.stderr!.on("data", (text) => (stderr += text));
  const lines = createInterface({ input: child.stdout! });
  const line = await Promise.race([once(lines, "line"), ended.then(() => undefined)]);
  assert.ok(line, `the collector did not start: ${stderr}`);
  const { url } = JSON.parse(line[0]) as { url: string };

  async function ask(what: "figures" | "reset"): Promise<ServedFigures> {
    const answer = once(child, "message");
    child.send(what);
    return (await answer)[0];
  }

  return {
    url,
    child,
    reset: () => ask("reset"),
    figures: () => ask("figures"),
    async kill() {
      child.kill("SIGKILL");
      await ended;
    },
    async stop() {
      child.kill("SIGTERM");
      const [code] = (await ended) as [number | null];
      return { code, stderr };
    },
    async metric(start) {
      const text = await (await fetch(`${url}/metrics`)).text();
      const found = text.split("\n").find((each) => each.startsWith(start));
      return found === undefined ? undefined : Number(found.split(" ").at(-1));
    },
  };
}

/** Removed after the test. */
export function folder(t: Ending): string {
  const directory = mkdtempSync(join(tmpdir(), "sightline-collector-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
