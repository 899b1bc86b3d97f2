import type { TestContext } from "node:test";

/** Puts a measured figure into the test's output; `scripts/promises.js` collects them. */
export function figure(t: TestContext, text: string): void {
  t.diagnostic(`figure: ${text}`);
}

/** `94,722` */
export function count(number: number): string {
  return number.toLocaleString("en-US");
}

export function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 1]!;
}
