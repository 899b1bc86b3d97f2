import { callBack, guard } from "../../core/guard.ts";
import type { Alert } from "../alerts/alert.ts";
import type { Dimension, Source } from "../reading.ts";
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
 * worked out from counters; how many samples they were made from; the states of alerts. Names of `taken` are left out, and
 * so is what is no reading or alert: others' faults fail no scrape.
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
    eachOf(
      () => source.read(name, { windowMs, by }),
      ({ value, samples, labels }) => {
        // By what was asked for, and by no user: a budget for each user is nobody else's business.
        const isAsked = labels["user"] === undefined && (by === undefined || labels[by] !== undefined);
        if (!isAsked || !isNumber(value) || !isNumber(samples)) return;
        const own = labelsOf(labels);
        put(`${metric}${suffix}`, help, own, value);
        put(
          `${SAMPLES}${suffix}`,
          "From how many calls, scores or amounts a gauge was made.",
          { ...own, metric },
          samples,
        );
      },
    );
  }

  for (const source of sources) {
    if ("read" in source) {
      eachOf(
        () => source.metrics,
        ({ name, description }) => {
          const help = String(description);
          putReadings(source, name, help);
          if (isCounted(name) || isBudget(name)) return;
          for (const label of LABELS) putReadings(source, name, help, label);
        },
      );
    }
    if ("all" in source) {
      eachOf(
        () => source.all(),
        ({ rule, state, labels }) => {
          const { user: _, ...others } = labels;
          const { name, severity } = rule;
          put(ALERT, "Alerts by their state.", labelsOf({ ...others, name, severity, state }), 1, true);
        },
      );
    }
  }
  return [...families]
    .filter(([name]) => !taken.has(name))
    .map(([name, { help, values }]) => ({ name, help, type: "gauge", values: [...values.values()] }));
}

/** What is no list has nothing, not even a rejection; of a list, what cannot be used is counted and left out. */
function eachOf<T>(list: () => readonly T[], use: (each: T) => void): void {
  const given: unknown = guard(list, []);
  if (!Array.isArray(given)) callBack(() => given);
  else for (const each of given) guard(() => use(each), undefined);
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && !Number.isNaN(value);
}
