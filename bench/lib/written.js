import { closeSync, openSync, readdirSync, readSync } from "node:fs";
import { join } from "node:path";

const NEWLINE = 10;

/**
 * What is in the files of a folder, whatever their size.
 *
 * @param {string} folder
 * @param {string} [secret] looked for in the lines, chunk by chunk
 */
export function written(folder, secret) {
  const chunk = Buffer.allocUnsafe(1 << 20);
  const all = { lines: 0, bytes: 0, leaks: 0 };
  for (const name of readdirSync(folder)) {
    const fd = openSync(join(folder, name), "r");
    for (let length; (length = readSync(fd, chunk)) > 0; ) {
      const data = chunk.subarray(0, length);
      all.bytes += length;
      for (let at = data.indexOf(NEWLINE); at >= 0; at = data.indexOf(NEWLINE, at + 1)) all.lines++;
      if (secret !== undefined && data.includes(secret)) all.leaks++;
    }
    closeSync(fd);
  }
  return all;
}
