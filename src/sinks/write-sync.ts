/** How long a process that is ending waits for a pipe that takes nothing. */
const PATIENCE_MS = 2_000;
const NAP_MS = 5;

/**
 * Writes all of the text before it returns. A pipe holds 64 KiB and then answers EAGAIN until its reader has read on.
 *
 * @throws what the write failed with, EAGAIN when nobody has read for two seconds
 */
export function writeSync(fd: number, text: string): void {
  const fs = process.getBuiltinModule("node:fs");
  const bytes = Buffer.from(text);
  let until = performance.now() + PATIENCE_MS;
  for (let written = 0; written < bytes.length; ) {
    try {
      written += fs.writeSync(fd, bytes, written);
      until = performance.now() + PATIENCE_MS;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN" || performance.now() > until) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, NAP_MS);
    }
  }
}
