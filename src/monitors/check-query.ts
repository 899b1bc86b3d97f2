import { ConfigError } from "../core/errors.ts";
import { showValue } from "../core/show-value.ts";
import { DIMENSIONS, type Metric, type Query, type WindowRange } from "./reading.ts";

/** @throws ConfigError, `CONFIG_METRIC_QUERY`, for a figure, window or dimension that there is not: never another one in its place */
export function checkQuery(
  name: string,
  metric: string,
  query: Query,
  known: readonly Metric[],
  windows: WindowRange | undefined,
): void {
  const bad = (problem: string): ConfigError =>
    new ConfigError("CONFIG_METRIC_QUERY", `${name}.read(${showValue(metric)}, query) ${problem}`);
  if (!known.some(({ name }) => name === metric))
    throw bad(`knows no such metric. It knows: ${known.map((each) => each.name).join(", ")}.`);
  const { windowMs, by, where = {} } = query ?? {};
  if (windows !== undefined && !(windowMs >= windows.leastMs && windowMs <= windows.mostMs)) {
    throw bad(`takes windowMs from ${windows.leastMs} to ${windows.mostMs}; it got ${showValue(windowMs)}.`);
  }
  const wrong = [...(by === undefined ? [] : [by]), ...Object.keys(where)].find(
    (dimension) => !(DIMENSIONS as readonly unknown[]).includes(dimension),
  );
  if (wrong !== undefined) throw bad(`takes by and where of ${DIMENSIONS.join(", ")}; it got ${showValue(wrong)}.`);
}
