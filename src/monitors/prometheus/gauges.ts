import { guard } from "../../core/guard.ts";
import type { Alert } from "../alerts/alert.ts";
import type { Dimension, Reading, Source } from "../reading.ts";
import type { Family, Labels, Value } from "./family.ts";
import { ALERT, LABELS, labelName, labelsOf, SAMPLES } from "./names.ts";
import { isBudget, isCounted } from "./promql.ts";

/** What knows the state of alerts: `alerts()`. */
export interface AlertSource {
  all(): readonly Alert[];
}

export interface GaugeOptions {
  readonly prefix: string;
  /** Of the readings. */
  readonly windowMs: number;
  readonly maxSeries: number;
}

/**
 * The readings of sources as they are now: a gauge for each metric, and one more for each dimension of those that cannot be
 * worked out from counters; how many samples they were made from; the states of alerts. Names of `taken` are left out.
 */
export function gaugeFamilies(
  sources: readonly (Source | AlertSource)[],
  taken: ReadonlySet<string>,
  options: GaugeOptions,
): Family[] {
  const { prefix, windowMs, maxSeries } = options;
  const families = new Map<string, { readonly help: string; readonly values: Map<string, Value> }>();

  function put(name: string, help: string, labels: Labels, value: number, isSum = false): void {
    const full = `${prefix}_${name}`;
    let family = families.get(full);
    if (family === undefined) families.set(full, (family = { help, values: new Map() }));
    const key = JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
    const known = family.values.get(key);
    if (known === undefined && family.values.size < maxSeries) family.values.set(key, { labels, value });
    else if (known !== undefined && isSum) family.values.set(key, { labels, value: known.value + value });
  }

  function putReadings(source: Source, name: string, help: string, by?: Dimension): void {
    const suffix = by === undefined ? "" : `_by_${by}`;
    const metric = labelName(name);
    for (const { value, samples, labels } of readingsOf(source, name, windowMs, by)) {
      if (value === undefined || Number.isNaN(value)) continue;
      const own = labelsOf(labels);
      put(`${metric}${suffix}`, help, own, value);
      put(
        `${SAMPLES}${suffix}`,
        "From how many calls, scores or amounts a gauge was made.",
        { ...own, metric },
        samples,
      );
    }
  }

  for (const source of sources) {
    if ("read" in source) {
      for (const { name, description } of guard(() => source.metrics, [])) {
        putReadings(source, name, description);
        if (isCounted(name) || isBudget(name)) continue;
        for (const label of LABELS) putReadings(source, name, description, label);
      }
    }
    if ("all" in source) {
      for (const { rule, state, labels } of guard(() => source.all(), [])) {
        const { user: _, ...others } = labels;
        const { name, severity } = rule;
        put(ALERT, "Alerts by their state.", labelsOf({ ...others, name, severity, state }), 1, true);
      }
    }
  }
  return [...families]
    .filter(([name]) => !taken.has(name))
    .map(([name, { help, values }]) => ({ name, help, type: "gauge", values: [...values.values()] }));
}

/** Those that are told apart by what was asked for, and by no user: a budget for each user is nobody else's business. */
function readingsOf(source: Source, name: string, windowMs: number, by: Dimension | undefined): readonly Reading[] {
  const readings = guard(() => source.read(name, { windowMs, by }), []);
  return readings.filter(
    ({ labels }) => labels["user"] === undefined && (by === undefined || labels[by] !== undefined),
  );
}
