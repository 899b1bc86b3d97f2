import { once } from "node:events";

/** A line of the answer. What is said about the work goes to stderr: `remark`. */
export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** One JSON document: indented for people, on one line for programs. */
export function sayJson(value: unknown): void {
  say(JSON.stringify(value, undefined, process.stdout.isTTY ? 2 : undefined));
}

export function remark(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Text of any size, at the pace of whoever reads it. */
export async function write(text: string | Uint8Array): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, "drain");
}

/** `sightline list | head`: who has seen enough closes the pipe, and that is no error. */
export function endQuietlyOnBrokenPipe(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
      process.exit(0);
    });
  }
}
