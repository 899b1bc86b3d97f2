import { guard } from "../core/guard.ts";

/** One line on stderr, for what a program has to know and asks nobody for. */
export function say(line: string): void {
  guard(() => process.stderr.write(`sightline: ${line}\n`), undefined);
}
