import type { AlertRule } from "./alert.ts";

/** Whether the value is on the bad side. */
export function isBeyond(comparison: AlertRule["comparison"], value: number, threshold: number): boolean {
  switch (comparison) {
    case ">":
      return value > threshold;
    case ">=":
      return value >= threshold;
    case "<":
      return value < threshold;
    case "<=":
      return value <= threshold;
  }
}

export function isUpward(comparison: AlertRule["comparison"]): boolean {
  return comparison === ">" || comparison === ">=";
}
