/** Reading of records that may hold anything. */

export function fieldOf(object: unknown, name: string): any {
  return typeof object === "object" && object !== null ? (object as { [name: string]: unknown })[name] : undefined;
}

/** A finite number of 0 or more. */
export function amount(value: unknown): number | undefined {
  return typeof value === "number" && value >= 0 && value < Number.POSITIVE_INFINITY ? value : undefined;
}

/** A text that is not empty. */
export function word(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

export function items(value: unknown): readonly any[] {
  return Array.isArray(value) ? value : [];
}
