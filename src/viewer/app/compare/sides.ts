/** Stands in the address for a side that is still to be picked. */
export const NONE = "-";

/** `/compare/<a>/<b>`. */
export function pathOf(left: string | undefined, right: string | undefined): string {
  const parts = [left ?? NONE, right ?? NONE].map(encodeURIComponent);
  return `/compare/${parts.join("/")}`;
}

export function readSides(parts: readonly string[]): readonly [left: string | undefined, right: string | undefined] {
  const [left, right] = parts.map((part) => (part === NONE || part === "" ? undefined : part));
  return [left, right];
}
