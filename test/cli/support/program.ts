import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { newFolder } from "../../support/programs.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

export type Running = ChildProcessByStdio<null, Readable, Readable>;

export interface CommandLine {
  readonly main: string;
  run(args: readonly string[], options?: RunOptions): Promise<Ran>;
  start(args: readonly string[], options?: RunOptions): Running;
  /** An empty working folder. */
  folder(files?: { readonly [name: string]: string | Uint8Array }): Promise<string>;
  remove(): Promise<void>;
}

/** The command line as it is published, made from the sources as they are now, run in processes of its own. */
export async function commandLine(name: string): Promise<CommandLine> {
  const made = await newFolder(name);
  const script: string = new URL("../../../scripts/build-javascript.js", import.meta.url).href;
  const { buildJavaScript } = await import(script);
  await Promise.all([
    buildJavaScript(join(made, "dist"), { shorten: false }),
    copyFile(join(root, "package.json"), join(made, "package.json")),
  ]);
  const main = join(made, "dist/cli/main.js");
  const folders: string[] = [made];

  function start(args: readonly string[], { cwd = made, env = {} }: RunOptions = {}): Running {
    return spawn(process.execPath, [main, ...args], {
      cwd,
      env: cleanEnvironment(env),
      stdio: ["ignore", "pipe", "pipe"],
    });
  }

  return {
    main,
    start,
    async run(args, options) {
      const child = start(args, options);
      const [stdout, stderr, [code]] = await Promise.all([
        text(child.stdout),
        text(child.stderr),
        once(child, "close"),
      ]);
      return { code: code ?? -1, stdout, stderr };
    },
    async folder(files = {}) {
      const folder = await mkdtemp(join(tmpdir(), "sightline-cli-"));
      folders.push(folder);
      for (const [file, contents] of Object.entries(files)) {
        await mkdir(dirname(join(folder, file)), { recursive: true });
        await writeFile(join(folder, file), contents);
      }
      return folder;
    },
    async remove() {
      for (const folder of folders) await rm(folder, { recursive: true, force: true });
    },
  };
}

/** What this terminal, or whoever runs the tests, has set changes nothing. */
function cleanEnvironment(given: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(?:SIGHTLINE_|OTEL_|LANGFUSE_|NO_COLOR$|FORCE_COLOR$|COLUMNS$|CI$|NODE_)/.test(name),
  );
  return { ...Object.fromEntries(kept), TZ: "UTC", COLUMNS: "100", ...given };
}

async function text(stream: Readable): Promise<string> {
  stream.setEncoding("utf8");
  let all = "";
  for await (const chunk of stream) all += chunk;
  return all;
}

/** The first line, as soon as it is there. */
export async function firstLine(stream: Readable, fits: (line: string) => boolean = () => true): Promise<string> {
  stream.setEncoding("utf8");
  let all = "";
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
    all += chunk;
    const line = all.split("\n").slice(0, -1).find(fits);
    if (line !== undefined) return line;
  }
  throw new Error(`it has ended without such a line: ${all}`);
}

/** As Ctrl-C does. */
export async function interrupt(child: Running): Promise<number> {
  const ended = once(child, "close");
  child.stdout.resume();
  child.stderr.resume();
  child.kill("SIGINT");
  const [code] = await ended;
  return code;
}
